// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/attach_session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/files.h"

namespace rkt::cli {
namespace {

namespace supervisor = rktlet::spec::supervisor;
using rktlet::base::UniqueFd;

// Our terminal in raw mode, until the end of the scope; nothing when stdin is none.
class RawTerminal {
 public:
  RawTerminal() {
    struct termios settings = {};
    if (tcgetattr(STDIN_FILENO, &settings) == 0) {
      before_ = settings;
      cfmakeraw(&settings);
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    }
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (before_.has_value()) {
      tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
    }
  }

 private:
  std::optional<struct termios> before_;
};

}  // namespace

AttachSession::AttachSession(rktlet::unit::SupervisorConnection connection, std::string socket_path, DetachKeys keys)
    : connection_(std::move(connection)), socket_path_(std::move(socket_path)), keys_(std::move(keys)) {
  size_t next = 0;
  UniqueFd* const ends[] = {&master_, &input_, &output_, &error_};
  const uint32_t flags[] = {supervisor::kTty, supervisor::kStdin, supervisor::kStdout, supervisor::kStderr};
  for (size_t index = 0; index < 4; ++index) {
    if ((connection_.reply.value & flags[index]) != 0 && next < connection_.reply.fds.size()) {
      *ends[index] = std::move(connection_.reply.fds[next++]);
    }
  }
  fcntl(input_.get(), F_SETFL, O_NONBLOCK);  // of a pipe of our own; a master is so already
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGWINCH);
  sigprocmask(SIG_BLOCK, &mask, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signals_ = UniqueFd(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
}

absl::Status AttachSession::Run(int stop_fd) {
  std::optional<RawTerminal> raw;
  if (master_.valid() && input_.valid()) {
    raw.emplace();
    raw_ = isatty(STDIN_FILENO) != 0;
  }
  Resize();
  while (!detached_ && (output_.valid() || error_.valid() || !ended_)) {
    struct pollfd fds[] = {
        {ended_ ? -1 : connection_.fd.get(), POLLIN, 0}, {output_.get(), POLLIN, 0},  {error_.get(), POLLIN, 0},
        {input_.valid() ? STDIN_FILENO : -1, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
    if (poll(fds, 6, -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return rktlet::base::ErrnoStatus(errno, "poll");
    }
    if (fds[5].revents != 0) {
      return absl::OkStatus();
    }
    if (fds[1].revents != 0) {
      Copy(output_, STDOUT_FILENO);
    }
    if (fds[2].revents != 0) {
      Copy(error_, STDERR_FILENO);
    }
    if (fds[3].revents != 0) {
      TakeInput();
    }
    if (fds[4].revents != 0) {
      struct signalfd_siginfo info = {};
      static_cast<void>(!read(signals_.get(), &info, sizeof(info)));
      Resize();
    }
    if (fds[0].revents != 0) {
      ended_ = true;
      status_ = rktlet::unit::ReceiveFromSupervisor(connection_.fd.get(), socket_path_).status();
      input_.Reset();
    }
  }
  return status_;
}

void AttachSession::Resize() const {
  struct winsize size = {};
  if (master_.valid() && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
    ioctl(master_.get(), TIOCSWINSZ, &size);
  }
}

void AttachSession::Copy(UniqueFd& from, int to) {
  std::array<char, 65536> data{};
  const ssize_t count = read(from.get(), data.data(), data.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  const std::string_view text(data.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (text.empty() || !rktlet::base::WriteAll(to, text).ok()) {
    from.Reset();  // its end, or nobody reads what we print
  }
}

// What the container does not read yet waits here: its output goes on coming through the pipes meanwhile.
void AttachSession::TakeInput() {
  std::array<char, 4096> data{};
  const ssize_t count = read(STDIN_FILENO, data.data(), data.size());
  if (count == 0 || (count < 0 && errno != EINTR)) {
    input_.Reset();
  }
  const std::string_view typed(data.data(), static_cast<size_t>(std::max<ssize_t>(count, 0)));
  if (!raw_) {
    Pass(typed);
    return;
  }
  std::string passed;
  detached_ = keys_.Feed(typed, passed);
  Pass(passed);
}

void AttachSession::Pass(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(input_.get(), bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EIO) {
      // EIO: nobody has the terminal open at the moment, and nothing tells when that changes.
      const bool closed = errno == EIO;
      struct pollfd fds[] = {{closed ? -1 : input_.get(), POLLOUT, 0},
                             {output_.get(), POLLIN, 0},
                             {error_.get(), POLLIN, 0},
                             {connection_.fd.get(), POLLIN, 0}};
      poll(fds, 4, closed ? 100 : -1);
      if (fds[1].revents != 0) {
        Copy(output_, STDOUT_FILENO);
      }
      if (fds[2].revents != 0) {
        Copy(error_, STDERR_FILENO);
      }
      if (fds[3].revents != 0) {
        return;
      }
    } else if (errno != EINTR) {
      input_.Reset();  // the container reads no more
      return;
    }
  }
}

}  // namespace rkt::cli
