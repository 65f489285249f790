// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/process.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <memory>

#include "base/strings.h"
#include "rktlet/engine/exit_watch.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

size_t running_processes = 0;  // of the loop thread

// The process and all that is awaited of it. Handlers hold it by shared_ptr; it is finished once and then inert.
class Running : public std::enable_shared_from_this<Running> {
 public:
  Running(const asio::any_io_executor& executor, ProcessOptions options)
      : options_(std::move(options)),
        in_(executor),
        out_{asio::posix::stream_descriptor(executor), &result_.command.stdout_data, false, {}},
        err_{asio::posix::stream_descriptor(executor), &result_.command.stderr_data, false, {}},
        exit_(executor),
        deadline_(executor),
        kill_(executor),
        done_(executor, steady_clock::time_point::max()) {
    ++running_processes;
  }
  ~Running() { --running_processes; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  absl::Status Start(base::Command command) {
    ASSIGN_OR_RETURN(auto in, base::MakePipe());
    ASSIGN_OR_RETURN(auto out, base::MakePipe());
    ASSIGN_OR_RETURN(auto err, base::MakePipe());
    command.fds.insert(command.fds.end(), {{in.first.get(), 0}, {out.second.get(), 1}, {err.second.get(), 2}});
    command.new_session = true;
    ASSIGN_OR_RETURN(child_, base::Spawn(command));
    in_.assign(in.second.Release());
    out_.pipe.assign(out.first.Release());
    err_.pipe.assign(err.first.Release());
    return absl::OkStatus();
  }

  absl::Status Watch() {
    auto self = shared_from_this();
    if (absl::Status watched = exit_.Watch(child_, [self] { self->Exited(); }); !watched.ok()) {
      KillGroup(SIGKILL);
      static_cast<void>(child_.Reap(true));
      return watched;
    }
    Read(out_);
    Read(err_);
    asio::async_write(in_, asio::buffer(options_.stdin_data),
                      [self](error_code, size_t) { Close(self->in_); });  // a reader that went away is not our error
    if (options_.timeout.count() > 0) {
      deadline_.expires_after(options_.timeout);
      deadline_.async_wait([self](error_code error) {
        if (!error) {
          self->result_.command.timed_out = true;
          self->Terminate();
        }
      });
    }
    options_.cancellation.SetAction([weak = weak_from_this()] {
      if (auto running = weak.lock()) {
        running->result_.cancelled = true;
        running->Terminate();
      }
    });
    return absl::OkStatus();
  }

  Awaitable<void> Done() {
    while (!finished_) {
      error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await done_.async_wait(token);
    }
  }

  absl::StatusOr<ProcessResult> TakeResult() {
    RETURN_IF_ERROR(failure_);
    return std::move(result_);
  }

 private:
  struct Stream {
    asio::posix::stream_descriptor pipe;
    std::string* sink;
    bool reading = false;  // a read is under way, or its handler has yet to run
    std::array<char, 16384> buffer;
  };

  static void Close(asio::posix::stream_descriptor& descriptor) {
    error_code ignored;
    descriptor.close(ignored);
  }

  void Read(Stream& stream) {
    stream.reading = true;
    stream.pipe.async_read_some(asio::buffer(stream.buffer),
                                [self = shared_from_this(), &stream](error_code error, size_t count) {
                                  stream.reading = false;
                                  self->Have(stream, error, count);
                                });
  }

  void Have(Stream& stream, error_code error, size_t count) {
    if (!error) {
      Take(stream, count);
    }
    if (exited_) {
      Finish();
    } else if (error) {
      Close(stream.pipe);
    } else {
      Read(stream);
    }
  }

  // A line of unlimited length is no line of a command's own: it is cut.
  void CutLines(std::string_view bytes) {
    static constexpr size_t kLongestLine = size_t{64} << 10;
    for (const char c : bytes) {
      if (c != '\n' && line_.size() < kLongestLine) {
        line_ += c;
      } else if (c == '\n') {
        options_.on_stderr_line(line_);
        line_.clear();
      }
    }
  }

  void Take(Stream& stream, size_t count) {
    if (&stream == &err_ && options_.on_stderr_line) {
      CutLines({stream.buffer.data(), count});
    }
    const size_t room = options_.output_limit - std::min(options_.output_limit, taken_);
    const size_t taken = std::min(room, count);
    stream.sink->append(stream.buffer.data(), taken);
    taken_ += taken;
    result_.command.stdout_truncated = result_.command.stdout_truncated || taken < count;
  }

  // What is in the pipe at the process's end, if its own end was not seen before. No more: what it left behind may
  // write for ever, and nothing else has its turn meanwhile.
  void Drain(Stream& stream) {
    if (!stream.pipe.is_open()) {
      return;
    }
    error_code error;
    stream.pipe.non_blocking(true, error);
    int left = 0;
    ::ioctl(stream.pipe.native_handle(), FIONREAD, &left);
    while (left > 0 && !error) {
      const size_t count = stream.pipe.read_some(asio::buffer(stream.buffer), error);
      if (!error) {
        Take(stream, count);
        left -= static_cast<int>(count);
      }
    }
    Close(stream.pipe);
  }

  void Terminate() {
    if (finished_) {
      return;
    }
    static_cast<void>(child_.SendSignal(SIGTERM));
    kill_.expires_after(options_.kill_grace);
    kill_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->finished_) {
        self->KillGroup(SIGKILL);
      }
    });
  }

  // The group of a leader that is not reaped: the number is still its own.
  void KillGroup(int signal) const { ::kill(-child_.pid(), signal); }

  // A read that has its data already, but whose handler waits its turn, must come before what is left in the pipe.
  void Exited() {
    exited_ = true;
    error_code ignored;
    out_.pipe.cancel(ignored);
    err_.pipe.cancel(ignored);
    Finish();
  }

  void Finish() {
    if (out_.reading || err_.reading || finished_) {
      return;
    }
    Drain(out_);
    Drain(err_);
    if (result_.command.timed_out || result_.cancelled) {
      KillGroup(SIGKILL);  // whatever it left of its session
    }
    if (auto status = child_.Reap(true); status.ok()) {
      result_.command.status = **status;
    } else {
      failure_ = status.status();  // how it ended is not known: that is no success
    }
    finished_ = true;
    Close(in_);
    deadline_.cancel();
    kill_.cancel();
    options_.cancellation.SetAction(nullptr);
    done_.cancel();
  }

  ProcessOptions options_;
  ProcessResult result_;
  absl::Status failure_;
  base::PidFd child_;
  asio::posix::stream_descriptor in_;
  Stream out_;
  Stream err_;
  ExitWatch exit_;
  asio::steady_timer deadline_;
  asio::steady_timer kill_;
  asio::steady_timer done_;  // never expires: cancelled at the end
  std::string line_;         // of stderr, whose end has not come
  size_t taken_ = 0;
  bool exited_ = false;
  bool finished_ = false;
};

}  // namespace

size_t RunningProcesses() { return running_processes; }

Awaitable<absl::StatusOr<ProcessResult>> RunProcess(base::Command command, ProcessOptions options) {
  if (options.cancellation.cancelled()) {
    ProcessResult result;
    result.cancelled = true;
    co_return result;
  }
  auto executor = co_await asio::this_coro::executor;
  auto running = std::make_shared<Running>(executor, std::move(options));
  CO_RETURN_IF_ERROR(running->Start(std::move(command)));
  CO_RETURN_IF_ERROR(running->Watch());
  co_await running->Done();
  co_return running->TakeResult();
}

}  // namespace rktlet::engine
