// SPDX-License-Identifier: Apache-2.0
// The life of one server stream, the counterpart of call.h: a coroutine on the loop writes messages one after the
// other, each when the one before has left for the caller (gRPC's flow control is the backpressure), and the stream
// ends once: with the coroutine, with the caller going away (its deadline included), or with the daemon.
#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "rktlet/cri/call.h"

namespace rktlet::cri {

// Logs how a stream ended (debug, an error as what it is).
void LogStreamEnd(const Context& context, const char* rpc, const absl::Status& status, size_t messages);

template <typename Request, typename Response>
class StreamCall final : public PendingCall,
                         public Sink<Response>,
                         public std::enable_shared_from_this<StreamCall<Request, Response>> {
 public:
  using Handler = StreamEnd (*)(Context&, engine::Cancellation, const Request&, Sink<Response>&);

  // On gRPC's thread. The reactor that gRPC is given; it deletes itself.
  static grpc::ServerWriteReactor<Response>* Start(grpc::CallbackServerContext* grpc_call, Context& context,
                                                   Calls& calls, const char* rpc, Handler handler,
                                                   const Request& request) {
    auto call = std::make_shared<StreamCall>(grpc_call, context, calls, rpc, request);
    auto* reactor = new Reactor(call);
    call->reactor_ = reactor;
    boost::asio::post(context.loop, [call, handler] { call->Work(handler); });
    return reactor;
  }

  StreamCall(grpc::CallbackServerContext* grpc_call, Context& context, Calls& calls, const char* rpc,
             const Request& request)
      : grpc_call_(grpc_call), context_(context), calls_(calls), rpc_(rpc), request_(request), written_(context.loop) {}

  // The daemon's end. It does not wait for a caller that does not read.
  void Answer(const absl::Status& status) override {
    End(status);
    if (!finished_) {
      grpc_call_->TryCancel();
    }
  }

  void Begin() override {
    if (!over_) {
      reactor_->StartSendInitialMetadata();
    }
  }

  boost::asio::awaitable<bool> Write(std::shared_ptr<const Response> message) override {
    if (over_) {
      co_return false;
    }
    message_ = std::move(message);
    writing_ = true;
    ++messages_;
    written_.expires_at(boost::asio::steady_timer::time_point::max());
    reactor_->StartWrite(message_.get());
    while (writing_) {
      boost::system::error_code ignored;
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
      co_await written_.async_wait(token);
    }
    co_return !over_;
  }

 private:
  class Reactor final : public grpc::ServerWriteReactor<Response> {
   public:
    explicit Reactor(std::shared_ptr<StreamCall> call) : call_(std::move(call)) {}
    void OnWriteDone(bool ok) override {
      boost::asio::post(call_->context_.loop, [call = call_, ok] { call->Written(ok); });
    }
    void OnCancel() override {
      boost::asio::post(call_->context_.loop,
                        [call = call_] { call->End(absl::CancelledError("the caller has gone")); });
    }
    void OnDone() override { delete this; }

   private:
    std::shared_ptr<StreamCall> call_;
  };

  void Work(Handler handler) {
    if (!calls_.closed().ok()) {
      End(calls_.closed());
      return;
    }
    calls_.Add(this);
    LogRequest(context_, rpc_, request_);
    boost::asio::co_spawn(context_.loop, Answer(this->shared_from_this(), handler), boost::asio::detached);
  }

  // Takes the call as a parameter: the coroutine keeps it, with the request, alive.
  static boost::asio::awaitable<void> Answer(std::shared_ptr<StreamCall> call, Handler handler) {
    try {
      const absl::Status status = co_await handler(call->context_, call->cancelled_, call->request_, *call);
      call->End(status);
    } catch (const std::exception& error) {
      call->End(absl::InternalError(error.what()));
    }
    LogStreamEnd(call->context_, call->rpc_, call->end_, call->messages_);
  }

  void Written(bool ok) {
    writing_ = false;
    message_.reset();
    written_.cancel();
    if (!ok) {
      End(absl::CancelledError("the caller has gone"));
    }
    FinishWhenIdle();
  }

  // The first end counts.
  void End(const absl::Status& status) {
    if (std::exchange(over_, true)) {
      return;
    }
    end_ = status;
    calls_.Remove(this);
    cancelled_.Cancel();
    FinishWhenIdle();
  }

  // gRPC takes the end of a stream only after the write that is under way.
  void FinishWhenIdle() {
    if (over_ && !writing_ && !std::exchange(finished_, true)) {
      reactor_->Finish(ToGrpc(end_));  // the reactor is not ours from here on
    }
  }

  grpc::CallbackServerContext* const grpc_call_;  // gRPC's, until the end
  Context& context_;
  Calls& calls_;
  const char* const rpc_;
  const Request request_;
  boost::asio::steady_timer written_;  // cancelled when a write is done
  std::shared_ptr<const Response> message_;
  Reactor* reactor_ = nullptr;  // gRPC's, until the end
  engine::Cancellation cancelled_;
  absl::Status end_;
  size_t messages_ = 0;
  bool writing_ = false;
  bool over_ = false;
  bool finished_ = false;
};

}  // namespace rktlet::cri
