// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/remote_command.h"

#include <array>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <utility>

#include "rktlet/streaming/abort_timer.h"
#include "rktlet/streaming/cancellation.h"
#include "rktlet/streaming/growing_buffer.h"
#include "rktlet/streaming/output.h"
#include "rktlet/streaming/resize_events.h"
#include "rktlet/streaming/status_message.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {
namespace {

using Executor = boost::asio::any_io_executor;

// Lives in the frame of ServeRemoteCommand, which waits for all of its coroutines.
class Session {
 public:
  Session(Executor executor, Environment& environment, Ending& ending, RemoteCommandStreams streams,
          Connection& connection, bool attached)
      : executor_(std::move(executor)),
        environment_(environment),
        ending_(ending),
        streams_(std::move(streams)),
        connection_(connection),
        attached_(attached),
        changed_(executor_),
        input_may_go_on_(executor_),
        size_came_(executor_),
        tasks_(executor_),
        input_(executor_),
        stalled_(executor_, [this] { connection_.Abort(); }) {
    connection_.OnClosed([this] {
      closed_ = true;
      connecting_.Cancel();
      Changed();
    });
    ending_.Listen([this] {
      connecting_.Cancel();
      Changed();
    });
  }
  ~Session() {
    connection_.OnClosed(nullptr);
    ending_.Listen(nullptr);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The size of the client's terminal, which clients tell at once, or not at all: waits for it only so long.
  Awaitable<std::optional<TerminalSize>> FirstSize(std::chrono::nanoseconds time) {
    if (streams_.resize == nullptr) {
      co_return std::nullopt;
    }
    tasks_.Spawn(FollowSize());
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!size_.has_value() && !closed_ && !size_ended_ && !ending_.why().has_value()) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) {
        break;
      }
      co_await size_came_.WaitFor(left);
    }
    co_return size_;
  }

  // The process, unless the client goes before it is there, or it is to end.
  Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Connect(RemoteCommand command) {
    Backend& backend = environment_.backend;
    auto* exec = std::get_if<ExecRequest>(&command);
    Awaitable<absl::StatusOr<std::unique_ptr<Process>>> call =
        exec != nullptr ? backend.Exec(std::move(*exec)) : backend.Attach(std::get<AttachRequest>(std::move(command)));
    auto process = co_await connecting_.Run(std::move(call));
    if (ending_.why().has_value()) {
      co_return *ending_.why();
    }
    co_return std::move(process);
  }

  // Until it is known what to tell the client: the exit code, or what went wrong.
  Awaitable<absl::StatusOr<int>> Run(std::unique_ptr<Process> process) {
    process_ = std::move(process);
    absl::Status opened = Open();
    CO_RETURN_IF_ERROR(opened);
    Start();
    while (!closed_ && !ending_.why().has_value() && !Dropped() && !(result_.has_value() && Written())) {
      if (result_.has_value()) {
        co_await changed_.WaitFor(environment_.limits.drain_time / 4);
        EndStarvedOutputs();
      } else {
        co_await changed_.Wait();
      }
    }
    if (Dropped()) {
      co_return absl::ResourceExhaustedError(
          "detached: the client does not take the container's output as fast as it comes");
    }
    if (closed_) {
      co_return absl::UnavailableError("the client has gone");
    }
    if (ending_.why().has_value()) {
      co_return *ending_.why();
    }
    co_return *std::move(result_);
  }

  // Tells the client, unless it has gone, and ends everything.
  Awaitable<void> End(absl::StatusOr<int> result, StatusForm form) {
    process_.reset();  // a command that still runs is killed, a container detached
    for (const auto& output : outputs_) {
      output->Cancel();
    }
    input_.Close();
    CancelRead(streams_.input);
    CancelRead(streams_.resize);
    if (!closed_) {
      stalled_.Start(environment_.limits.finish_time);
      const std::string message = StatusMessage(result, form);
      absl::Status written;
      if (!message.empty()) {
        written = co_await streams_.status->Write(message);
      }
      if (written.ok()) {
        co_await streams_.status->CloseWrite();
      }
    }
    co_await tasks_.Wait();
    stalled_.Stop();
  }

 private:
  static void CancelRead(const std::unique_ptr<Stream>& stream) {
    if (stream != nullptr) {
      stream->CancelRead();
    }
  }

  absl::Status Open() {
    RETURN_IF_ERROR(input_.Open(std::move(process_->input)));
    RETURN_IF_ERROR(AddOutput(std::move(process_->output), std::move(streams_.output)));
    return AddOutput(std::move(process_->error), std::move(streams_.error));
  }

  absl::Status AddOutput(base::UniqueFd source, std::unique_ptr<Stream> sink) {
    if (sink == nullptr) {
      return absl::OkStatus();
    }
    const auto when_full = attached_ ? Output::WhenFull::kDrop : Output::WhenFull::kWait;
    outputs_.push_back(
        std::make_unique<Output>(executor_, environment_, when_full, std::move(sink), [this] { Changed(); }));
    return outputs_.back()->Open(std::move(source));
  }

  void Start() {
    tasks_.Spawn(WaitForProcess());
    if (streams_.input != nullptr) {
      tasks_.Spawn(CopyInput());
    }
    SetSize();  // it may have changed since
    for (const auto& output : outputs_) {
      tasks_.Spawn(output->Read());
      tasks_.Spawn(output->Write());
    }
  }

  Awaitable<void> WaitForProcess() {
    result_ = co_await process_->Wait();
    ended_at_ = std::chrono::steady_clock::now();
    for (const auto& output : outputs_) {
      output->ProcessEnded();
    }
    Changed();
  }

  Awaitable<void> CopyInput() {
    GrowingBuffer buffer;
    while (true) {
      while (Congested()) {
        co_await input_may_go_on_.Wait();
      }
      auto size = co_await streams_.input->Read(buffer.span());
      if (!size.ok() || *size == 0) {
        break;
      }
      if (input_.is_open()) {
        absl::Status written = co_await input_.Write({buffer.span().data(), *size});
        if (!written.ok()) {
          input_.Close();  // the process does not read any more: what still comes is dropped
        }
      }
      buffer.Used(*size);
    }
    input_.Close();
  }

  Awaitable<void> FollowSize() {
    ResizeEvents events;
    std::array<char, 256> buffer;
    while (true) {
      auto size = co_await streams_.resize->Read(buffer);
      if (!size.ok() || *size == 0) {
        break;
      }
      if (const auto terminal = events.Feed({buffer.data(), *size}); terminal.has_value()) {
        size_ = terminal;
        SetSize();
        size_came_.Notify();
      }
    }
    size_ended_ = true;
    size_came_.Notify();
  }

  // Without a terminal, or after its end, there is nothing to do, and nobody to tell.
  void SetSize() {
    if (size_.has_value() && process_ != nullptr) {
      static_cast<void>(process_->Resize(size_->columns, size_->rows));
    }
  }

  // The client's own bytes wait while the container's pile up for it.
  bool Congested() const {
    for (const auto& output : outputs_) {
      if (attached_ && output->congested()) {
        return true;
      }
    }
    return false;
  }

  bool Dropped() const {
    for (const auto& output : outputs_) {
      if (output->dropped()) {
        return true;
      }
    }
    return false;
  }

  bool Written() const {
    for (const auto& output : outputs_) {
      if (!output->finished()) {
        return false;
      }
    }
    return true;
  }

  // All that the process itself wrote is in the pipes when it has ended. What is quiet from then on belongs to
  // processes that it left behind.
  void EndStarvedOutputs() {
    if (std::chrono::steady_clock::now() - ended_at_ < environment_.limits.drain_time) {
      return;
    }
    for (const auto& output : outputs_) {
      if (output->starved_for(environment_.limits.drain_time)) {
        output->EndSource();
      }
    }
  }

  void Changed() {
    uint64_t written = 0;
    for (const auto& output : outputs_) {
      written += output->written();
    }
    // After the end of the process the client has to make progress.
    if (result_.has_value() && (written != written_ || !watched_)) {
      watched_ = true;
      stalled_.Start(environment_.limits.finish_time);
    }
    written_ = written;
    changed_.Notify();
    size_came_.Notify();
    if (!Congested()) {
      input_may_go_on_.Notify();
    }
  }

  Executor executor_;
  Environment& environment_;
  Ending& ending_;
  RemoteCommandStreams streams_;
  Connection& connection_;
  const bool attached_;
  Cancellation connecting_;
  std::unique_ptr<Process> process_;
  std::optional<TerminalSize> size_;
  bool size_ended_ = false;
  std::optional<absl::StatusOr<int>> result_;
  std::chrono::steady_clock::time_point ended_at_;
  bool closed_ = false;
  bool watched_ = false;
  uint64_t written_ = 0;
  Signal changed_;
  Signal input_may_go_on_;
  Signal size_came_;
  Tasks tasks_;
  Descriptor input_;
  std::vector<std::unique_ptr<Output>> outputs_;
  AbortTimer stalled_;
};

}  // namespace

Awaitable<void> ServeRemoteCommand(Environment& environment, Ending& ending, RemoteCommand command,
                                   RemoteCommandStreams streams, StatusForm form, Connection& connection) {
  auto executor = co_await boost::asio::this_coro::executor;
  const bool attached = std::holds_alternative<AttachRequest>(command);
  Session session(executor, environment, ending, std::move(streams), connection, attached);
  // A container has its terminal already.
  const auto wait = attached ? std::chrono::nanoseconds(0) : environment.limits.size_time;
  const std::optional<TerminalSize> size = co_await session.FirstSize(wait);
  if (auto* exec = std::get_if<ExecRequest>(&command); exec != nullptr) {
    exec->size = size;
  }
  absl::StatusOr<std::unique_ptr<Process>> process = co_await session.Connect(std::move(command));
  absl::StatusOr<int> result = 0;
  if (process.ok()) {
    result = co_await session.Run(*std::move(process));
  } else {
    result = process.status();
  }
  if (!result.ok()) {
    result = base::Annotate(result.status(),
                            attached ? "error attaching to container" : "error executing command in container");
  }
  co_await session.End(std::move(result), form);
}

}  // namespace rktlet::streaming
