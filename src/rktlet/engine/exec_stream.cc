// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/exec_stream.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd_passing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "rktlet/engine/exit_watch.h"
#include "rktlet/engine/rkt_command.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using base::StrCat;
using base::UniqueFd;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr int kReportFd = 3;  // in the child
constexpr int kConsoleFd = 4;
constexpr std::chrono::seconds kKillGrace(2);      // between SIGTERM, at which rkt kills the command, and SIGKILL
constexpr std::chrono::seconds kTerminalTime(60);  // for crun to make a terminal

size_t running_streams = 0;  // of the loop thread

absl::Status SetNonBlocking(const UniqueFd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return base::ErrnoStatus(errno, "make a descriptor non-blocking");
  }
  return absl::OkStatus();
}

// The process of rkt and what is awaited of it. Its handlers hold it until the process has ended, so that it is reaped
// whoever lost interest.
class RunningExec : public std::enable_shared_from_this<RunningExec> {
 public:
  explicit RunningExec(const asio::any_io_executor& executor)
      : exit_(executor), kill_(executor), done_(executor, steady_clock::time_point::max()) {}

  absl::Status Start(const base::Command& command, UniqueFd report) {
    report_ = std::move(report);
    ASSIGN_OR_RETURN(child_, base::Spawn(command));
    if (const absl::Status watched = exit_.Watch(child_, [self = shared_from_this()] { self->Exited(); });
        !watched.ok()) {
      ::kill(-child_.pid(), SIGKILL);
      static_cast<void>(child_.Reap(true));
      return watched;
    }
    ++running_streams;
    return absl::OkStatus();
  }

  // Ends the command, and rkt after it.
  void Kill() {
    if (exited_) {
      return;
    }
    static_cast<void>(child_.SendSignal(SIGTERM));
    kill_.expires_after(kKillGrace);
    kill_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->exited_) {
        ::kill(-self->child_.pid(), SIGKILL);  // not reaped: the number is still its own
      }
    });
  }

  Awaitable<absl::StatusOr<int>> Done() {
    const auto self = shared_from_this();
    while (!exited_) {
      error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await done_.async_wait(token);
    }
    CO_RETURN_IF_ERROR(reported_);
    CO_RETURN_IF_ERROR(ended_as_.status());
    if (ended_as_->signal != 0) {
      co_return absl::InternalError(StrCat("exec: rkt was ended by signal ", ended_as_->signal));
    }
    co_return ended_as_->code;
  }

 private:
  void Exited() {
    auto status = child_.Reap(true);
    if (status.ok()) {
      ended_as_ = **status;
    } else {
      ended_as_ = status.status();
    }
    reported_ = StatusOfReport(report_);
    report_.Reset();
    exited_ = true;
    --running_streams;
    kill_.cancel();
    done_.cancel();
  }

  base::PidFd child_;
  UniqueFd report_;  // non-blocking. Its end tells rkt that nobody is left who wants the command
  ExitWatch exit_;
  asio::steady_timer kill_;
  asio::steady_timer done_;  // never expires: cancelled at the end
  absl::StatusOr<base::ExitStatus> ended_as_ = base::ExitStatus();
  absl::Status reported_;
  bool exited_ = false;
};

class ExecStream final : public streaming::Process {
 public:
  explicit ExecStream(std::shared_ptr<RunningExec> running) : running_(std::move(running)) {}
  ~ExecStream() override { running_->Kill(); }

  absl::Status Resize(uint16_t columns, uint16_t rows) override {
    if (!master_.valid()) {
      return absl::FailedPreconditionError("the command has no terminal");
    }
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::ioctl(master_.get(), TIOCSWINSZ, &size) != 0) {
      return base::ErrnoStatus(errno, "set the terminal's size");
    }
    return absl::OkStatus();
  }

  Awaitable<absl::StatusOr<int>> Wait() override { return running_->Done(); }

  absl::Status SetMaster(UniqueFd master, bool with_input, bool with_output) {
    master_ = std::move(master);
    RETURN_IF_ERROR(SetNonBlocking(master_));
    for (auto [wanted, fd] : {std::pair(with_input, &input), std::pair(with_output, &output)}) {
      if (!wanted) {
        continue;
      }
      *fd = UniqueFd(::fcntl(master_.get(), F_DUPFD_CLOEXEC, 3));
      if (!fd->valid()) {
        return base::ErrnoStatus(errno, "duplicate the terminal");
      }
    }
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<RunningExec> running_;
  UniqueFd master_;
};

// The child's ends of its stdio, and the socket that a terminal comes through.
struct ChildEnds {
  UniqueFd stdio[3];
  UniqueFd report;
  UniqueFd console;
};

absl::Status MakePipes(const streaming::ExecRequest& request, streaming::Process& process, ChildEnds& ends) {
  if (request.input) {
    ASSIGN_OR_RETURN(auto pipe, base::MakePipe());
    ends.stdio[0] = std::move(pipe.first);
    process.input = std::move(pipe.second);
    RETURN_IF_ERROR(SetNonBlocking(process.input));
  }
  const std::pair<bool, UniqueFd*> outputs[] = {{request.output, &process.output}, {request.error, &process.error}};
  for (int index = 0; index < 2; ++index) {
    if (outputs[index].first) {
      ASSIGN_OR_RETURN(auto pipe, base::MakePipe());
      *outputs[index].second = std::move(pipe.first);
      ends.stdio[index + 1] = std::move(pipe.second);
      RETURN_IF_ERROR(SetNonBlocking(*outputs[index].second));
    }
  }
  return absl::OkStatus();
}

base::Command MakeCommand(const std::string& rkt, const std::string& helper, const spec::Layout& layout,
                          const streaming::ExecRequest& request, const ChildEnds& ends) {
  std::vector<std::string> args = {"app", "exec", "--app=" + request.app.str(), StrCat("--report-fd=", kReportFd)};
  if (request.tty) {
    args.emplace_back("--tty");
    args.push_back(StrCat("--console-fd=", kConsoleFd));
    if (request.size.has_value()) {
      args.push_back(StrCat("--console-size=", request.size->columns, "x", request.size->rows));
    }
  }
  args.push_back(request.pod.str());
  args.emplace_back("--");
  args.insert(args.end(), request.command.begin(), request.command.end());
  base::Command command = RktCommand(rkt, helper, layout, args);
  std::erase(*command.environment, "RKT_STATUS_LINE=1");  // stderr is the client's
  command.new_session = true;
  for (int fd = 0; fd < 3; ++fd) {
    if (ends.stdio[fd].valid()) {
      command.fds.emplace_back(ends.stdio[fd].get(), fd);
    }
  }
  command.fds.emplace_back(ends.report.get(), kReportFd);
  if (ends.console.valid()) {
    command.fds.emplace_back(ends.console.get(), kConsoleFd);
  }
  return command;
}

// Waits until the socket has something, its end included; false after kTerminalTime.
Awaitable<bool> WaitForConsole(std::shared_ptr<asio::posix::stream_descriptor> socket) {
  asio::steady_timer timer(socket->get_executor(), kTerminalTime);
  timer.async_wait([socket](error_code error) {
    if (!error) {
      error_code ignored;
      socket->cancel(ignored);
    }
  });
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket->async_wait(asio::posix::stream_descriptor::wait_read, token);
  co_return !error;
}

}  // namespace

size_t RunningExecStreams() { return running_streams; }

Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> StartExecStream(std::string rkt, std::string helper,
                                                                               spec::Layout layout,
                                                                               streaming::ExecRequest request) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto running = std::make_shared<RunningExec>(executor);
  auto stream = std::make_unique<ExecStream>(running);
  ChildEnds ends;
  std::shared_ptr<asio::posix::stream_descriptor> console;
  if (request.tty) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      co_return base::ErrnoStatus(errno, "make a socket for the terminal");
    }
    ends.console = UniqueFd(pair[1]);
    console = std::make_shared<asio::posix::stream_descriptor>(executor, pair[0]);
  } else {
    CO_RETURN_IF_ERROR(MakePipes(request, *stream, ends));
  }
  CO_ASSIGN_OR_RETURN(auto report, MakeReportPipe());
  ends.report = std::move(report.second);
  const base::Command command = MakeCommand(rkt, helper, layout, request, ends);
  CO_RETURN_IF_ERROR(running->Start(command, std::move(report.first)));
  ends = ChildEnds();
  if (console == nullptr) {
    co_return std::unique_ptr<streaming::Process>(std::move(stream));
  }
  const bool in_time = co_await WaitForConsole(console);
  absl::StatusOr<UniqueFd> master = base::ReceiveFd(console->native_handle());
  if (!in_time) {
    co_return absl::DeadlineExceededError("exec: the command's terminal does not come");
  }
  if (!master.ok()) {
    const absl::StatusOr<int> code = co_await running->Done();
    CO_RETURN_IF_ERROR(code.status());
    co_return absl::InternalError(StrCat("exec: rkt ended with ", *code, " and gave no terminal"));
  }
  CO_RETURN_IF_ERROR(stream->SetMaster(*std::move(master), request.input, request.output));
  co_return std::unique_ptr<streaming::Process>(std::move(stream));
}

}  // namespace rktlet::engine
