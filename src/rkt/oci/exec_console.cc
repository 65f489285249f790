// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/exec_console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/fd_passing.h"
#include "base/files.h"
#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr int kDrainMillis = 100;  // between two pieces of what a command wrote last
constexpr int kMaxDrains = 4096;

}  // namespace

absl::StatusOr<ConsoleSocket> ConsoleSocket::Listen(const std::string& directory) {
  ConsoleSocket console;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = StrCat(directory, "/exec", getpid());
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(StrCat("the path of the console socket is too long: ", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  console.listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!console.listener_.valid()) {
    return ErrnoStatus(errno, "make the console socket");
  }
  unlink(path.c_str());  // of a process with our number that was killed
  if (bind(console.listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, StrCat("bind the console socket ", path));
  }
  console.path_ = path;
  if (chmod(path.c_str(), 0600) != 0 || listen(console.listener_.get(), 1) != 0) {
    return ErrnoStatus(errno, "listen at the console socket");
  }
  return console;
}

ConsoleSocket::~ConsoleSocket() { Remove(); }

void ConsoleSocket::Remove() {
  if (!path_.empty() && listener_.valid()) {
    unlink(path_.c_str());
    path_.clear();
  }
}

absl::StatusOr<UniqueFd> ConsoleSocket::Receive() {
  Remove();
  const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.valid()) {
    return ErrnoStatus(errno, "crun sent no terminal");
  }
  absl::StatusOr<UniqueFd> master = rktlet::base::ReceiveFd(connection.get());
  return master.ok() ? std::move(master) : rktlet::base::Annotate(master.status(), "crun sent no terminal");
}

bool OwnTerminalSize(struct winsize* size) { return ioctl(STDIN_FILENO, TIOCGWINSZ, size) == 0; }

TerminalRelay::TerminalRelay(UniqueFd master) : master_(std::move(master)) {
  fcntl(master_.get(), F_SETFL, O_NONBLOCK);
  struct termios settings = {};
  if (tcgetattr(STDIN_FILENO, &settings) == 0) {
    before_ = settings;
    cfmakeraw(&settings);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    Resize();
  }
}

TerminalRelay::~TerminalRelay() {
  if (before_.has_value()) {
    tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
  }
}

void TerminalRelay::Resize() const {
  struct winsize size = {};
  if (OwnTerminalSize(&size)) {
    ioctl(master_.get(), TIOCSWINSZ, &size);
  }
}

void TerminalRelay::Prepare(struct pollfd* fds) const {
  fds[0] = {input_open_ && pending_.empty() ? STDIN_FILENO : -1, POLLIN, 0};
  fds[1] = {output_open_ ? master_.get() : -1, static_cast<short>(pending_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
}

void TerminalRelay::Handle(const struct pollfd* fds) {
  if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    output_open_ = ReadOutput();
  }
  if ((fds[1].revents & POLLOUT) != 0 && !pending_.empty()) {
    const ssize_t taken = write(master_.get(), pending_.data(), pending_.size());
    if (taken > 0) {
      pending_.erase(0, static_cast<size_t>(taken));
    } else if (taken < 0 && errno != EAGAIN && errno != EINTR) {
      pending_.clear();
      input_open_ = false;
    }
  }
  if (fds[0].revents != 0) {
    ReadInput();
  }
}

void TerminalRelay::ReadInput() {
  std::array<char, 4096> data{};
  const ssize_t count = read(STDIN_FILENO, data.data(), data.size());
  if (count > 0) {
    pending_.assign(data.data(), static_cast<size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    input_open_ = false;
    struct termios settings = {};
    if (tcgetattr(master_.get(), &settings) == 0 && (settings.c_lflag & ICANON) != 0) {
      pending_.assign(1, static_cast<char>(settings.c_cc[VEOF]));
    }
  }
}

// False at the end of the output. Reading it goes on when our own stdout is gone: the command must not hang.
bool TerminalRelay::ReadOutput() {
  std::array<char, 16384> data{};
  const ssize_t count = read(master_.get(), data.data(), data.size());
  if (count > 0) {
    rktlet::base::WriteAll(STDOUT_FILENO, std::string_view(data.data(), static_cast<size_t>(count))).IgnoreError();
    return true;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR);
}

void TerminalRelay::Drain() {
  for (int round = 0; round < kMaxDrains && output_open_; ++round) {
    struct pollfd fd = {master_.get(), POLLIN, 0};
    if (poll(&fd, 1, kDrainMillis) <= 0) {
      return;
    }
    output_open_ = ReadOutput();
  }
}

}  // namespace rkt::oci
