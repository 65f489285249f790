// SPDX-License-Identifier: Apache-2.0
// The terminal of an exec'd command: made in the container's own devpts by crun, which sends its master to a socket
// (crun's --console-socket).
#pragma once

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <optional>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::oci {

// Listens for one master at a path of its own, which is gone with it.
class ConsoleSocket {
 public:
  static absl::StatusOr<ConsoleSocket> Listen(const std::string& directory);
  ConsoleSocket() = default;
  ConsoleSocket(ConsoleSocket&&) = default;
  ConsoleSocket& operator=(ConsoleSocket&&) = default;
  ~ConsoleSocket();

  const std::string& path() const { return path_; }

  // The master that crun has sent: to be called when crun has done its work. The path is gone afterwards.
  absl::StatusOr<rktlet::base::UniqueFd> Receive();

 private:
  void Remove();

  rktlet::base::UniqueFd listener_;
  std::string path_;
};

// Copies between our own stdin and stdout and a terminal's master. When stdin is a terminal, it is raw as long as this
// lives, and its size is the other's; the end of any other stdin becomes the terminal's end-of-file character.
class TerminalRelay {
 public:
  explicit TerminalRelay(rktlet::base::UniqueFd master);
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;
  ~TerminalRelay();

  // What poll(2) should wait for: two descriptors.
  static constexpr int kPollFds = 2;
  void Prepare(struct pollfd* fds) const;
  void Handle(const struct pollfd* fds);
  // Our terminal has another size.
  void Resize() const;
  // The command has ended: what it wrote last is still to come.
  void Drain();

 private:
  void ReadInput();
  bool ReadOutput();

  rktlet::base::UniqueFd master_;
  std::optional<struct termios> before_;  // our own terminal as it was
  std::string pending_;                   // input that the master has not taken
  bool input_open_ = true;
  bool output_open_ = true;
};

// The size of our own terminal; false when stdin is none.
bool OwnTerminalSize(struct winsize* size);

}  // namespace rkt::oci
