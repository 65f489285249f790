// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "unit/supervisor_client.h"

namespace rkt::cli {
namespace {

namespace supervisor = rktlet::spec::supervisor;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr uint32_t kAllStreams = supervisor::kStdin | supervisor::kStdout | supervisor::kStderr;

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

// Copies between our stdio and an attachment until that ends.
class Session {
 public:
  Session(rktlet::unit::SupervisorConnection connection, std::string socket_path)
      : connection_(std::move(connection)), socket_path_(std::move(socket_path)) {
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

  absl::Status Run() {
    std::optional<RawTerminal> raw;
    if (master_.valid() && input_.valid()) {
      raw.emplace();
    }
    Resize();
    while (output_.valid() || error_.valid() || !ended_) {
      struct pollfd fds[] = {{ended_ ? -1 : connection_.fd.get(), POLLIN, 0},
                             {output_.get(), POLLIN, 0},
                             {error_.get(), POLLIN, 0},
                             {input_.valid() ? STDIN_FILENO : -1, POLLIN, 0},
                             {signals_.get(), POLLIN, 0}};
      if (poll(fds, 5, -1) < 0) {
        if (errno == EINTR) {
          continue;
        }
        return rktlet::base::ErrnoStatus(errno, "poll");
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

 private:
  void Resize() const {
    struct winsize size = {};
    if (master_.valid() && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
      ioctl(master_.get(), TIOCSWINSZ, &size);
    }
  }

  static void Copy(UniqueFd& from, int to) {
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
  void TakeInput() {
    std::array<char, 4096> data{};
    const ssize_t count = read(STDIN_FILENO, data.data(), data.size());
    if (count == 0 || (count < 0 && errno != EINTR)) {
      input_.Reset();
    }
    for (ssize_t sent = 0; sent < count;) {
      const ssize_t written = write(input_.get(), data.data() + sent, static_cast<size_t>(count - sent));
      if (written > 0) {
        sent += written;
      } else if (errno == EAGAIN) {
        struct pollfd fds[] = {{input_.get(), POLLOUT, 0},
                               {output_.get(), POLLIN, 0},
                               {error_.get(), POLLIN, 0},
                               {connection_.fd.get(), POLLIN, 0}};
        poll(fds, 4, -1);
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

  rktlet::unit::SupervisorConnection connection_;
  std::string socket_path_;
  UniqueFd master_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd error_;
  UniqueFd signals_;
  bool ended_ = false;
  absl::Status status_;
};

class Attach final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .String("mode", "MODE", &mode_, "auto: all there is; list: print what there is; tty; or stdin,stdout,stderr");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    ASSIGN_OR_RETURN(const uint32_t wanted, Wanted());
    const rktlet::spec::Layout layout = LayoutOf(context);
    std::string pod = positionals.args[0];
    if (const size_t slash = pod.find('/'); slash != std::string::npos && app_.empty()) {
      app_ = pod.substr(slash + 1);
      pod.resize(slash);
    }
    ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, pod, app_));
    const std::string socket = layout.SupervisorSocket(target.pod);
    absl::StatusOr<rktlet::unit::SupervisorConnection> connection =
        rktlet::unit::OpenSupervisor(socket, supervisor::kAttach, wanted, {target.app.str()});
    if (absl::IsNotFound(connection.status())) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has not been started"));
    }
    RETURN_IF_ERROR(connection.status());
    const uint64_t have = connection->reply.value;
    if (mode_ == "list") {
      context.out() = connection->reply.text + "\n";
      std::replace(context.out().begin(), context.out().end(), ' ', '\n');
      return 0;
    }
    if (mode_ == "tty" && (have & supervisor::kTty) == 0) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has no terminal"));
    }
    if (mode_ != "auto" && (wanted & supervisor::kStdin) != 0 && (have & supervisor::kStdin) == 0) {
      return absl::FailedPreconditionError(StrCat("app ", target.app.str(), " has no stdin"));
    }
    RETURN_IF_ERROR(Session(*std::move(connection), socket).Run());
    return 0;
  }

 private:
  absl::StatusOr<uint32_t> Wanted() const {
    if (mode_ == "list") {
      return 0;  // not even for a moment: the end of an attached stdin may end that of the app
    }
    if (mode_ == "auto" || mode_ == "tty") {
      return kAllStreams | supervisor::kTty;
    }
    uint32_t wanted = supervisor::kTty;
    for (size_t begin = 0; begin <= mode_.size();) {
      const size_t end = std::min(mode_.find(',', begin), mode_.size());
      const std::string stream = mode_.substr(begin, end - begin);
      if (stream != "stdin" && stream != "stdout" && stream != "stderr") {
        return UsageError(StrCat("--mode=", mode_, ": not auto, list, tty, or some of stdin,stdout,stderr"));
      }
      wanted |= stream == "stdin" ? supervisor::kStdin : stream == "stdout" ? supervisor::kStdout : supervisor::kStderr;
      begin = end + 1;
    }
    return wanted;
  }

  std::string app_;
  std::string mode_ = "auto";
};

}  // namespace

void RegisterAttach(Registry& registry) {
  registry.Add<Attach>({.path = "attach",
                        .arguments = "POD[/APP] [--app=NAME]",
                        .summary = "Connect to the standard streams of a running app",
                        .details =
                            "Ends with the app. The end of our stdin detaches nothing; whoever is attached with a "
                            "terminal ends by a signal to this command.",
                        .min_args = 1,
                        .max_args = 1});
}

}  // namespace rkt::cli
