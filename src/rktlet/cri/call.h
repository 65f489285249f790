// SPDX-License-Identifier: Apache-2.0
// The life of one unary call: gRPC's thread makes it and posts it to the loop, a coroutine there works on it, and it is
// answered once, by whichever comes first: the coroutine's result, the caller going away (its deadline included), or
// the end of the daemon. The coroutine goes on in any case.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <unordered_set>

#include "cri/v1/api.grpc.pb.h"
#include "rktlet/cri/context.h"
#include "rktlet/cri/grpc_status.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

// A call that has not been answered. Loop thread only, but for construction.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  virtual void Answer(const absl::Status& status) = 0;
};

// The calls under way, for the end. Loop thread only.
class Calls {
 public:
  // Answers all of them, and every later one, with `status`.
  void FailAll(const absl::Status& status);

  const absl::Status& closed() const { return closed_; }
  void Add(PendingCall* call) { pending_.insert(call); }
  void Remove(PendingCall* call) { pending_.erase(call); }
  size_t size() const { return pending_.size(); }

 private:
  std::unordered_set<PendingCall*> pending_;
  absl::Status closed_;  // not OK: no call is taken any more
};

// Logs a request (debug) and an answer (debug, an error as what it is), without secrets.
void LogRequest(const Context& context, const char* rpc, const google::protobuf::Message& request);
void LogAnswer(const Context& context, const char* rpc, const absl::Status& status,
               const google::protobuf::Message* response);

template <typename Request, typename Response>
class UnaryCall final : public PendingCall, public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  using Handler = Reply<Response> (*)(Context&, engine::Cancellation, const Request&);

  // On gRPC's thread. The reactor that gRPC is given; it deletes itself.
  static grpc::ServerUnaryReactor* Start(Context& context, Calls& calls, const char* rpc, Handler handler,
                                         const Request& request, Response* response) {
    auto call = std::make_shared<UnaryCall>(context, calls, rpc, request, response);
    auto* reactor = new Reactor(call);
    call->reactor_ = reactor;
    boost::asio::post(context.loop, [call, handler] { call->Begin(handler); });
    return reactor;
  }

  UnaryCall(Context& context, Calls& calls, const char* rpc, const Request& request, Response* response)
      : context_(context), calls_(calls), rpc_(rpc), request_(request), response_(response) {}

  void Answer(const absl::Status& status) override {
    answered_ = true;
    calls_.Remove(this);
    reactor_->Finish(ToGrpc(status));  // neither reactor nor response is ours from here on
  }

 private:
  class Reactor final : public grpc::ServerUnaryReactor {
   public:
    explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}
    void OnCancel() override {
      boost::asio::post(call_->context_.loop, [call = call_] { call->CallerLeft(); });
    }
    void OnDone() override { delete this; }

   private:
    std::shared_ptr<UnaryCall> call_;
  };

  void Begin(Handler handler) {
    if (!calls_.closed().ok()) {
      Answer(calls_.closed());
      return;
    }
    calls_.Add(this);
    LogRequest(context_, rpc_, request_);
    boost::asio::co_spawn(context_.loop, Work(this->shared_from_this(), handler), boost::asio::detached);
  }

  // Takes the call as a parameter: the coroutine keeps it, with the request, alive.
  static boost::asio::awaitable<void> Work(std::shared_ptr<UnaryCall> call, Handler handler) {
    try {
      auto result = co_await handler(call->context_, call->cancelled_, call->request_);
      call->Complete(std::move(result));
    } catch (const std::exception& error) {
      call->Complete(absl::InternalError(error.what()));
    }
  }

  void Complete(absl::StatusOr<Response> result) {
    LogAnswer(context_, rpc_, result.status(), result.ok() ? &*result : nullptr);
    if (!answered_ && result.ok()) {
      *response_ = *std::move(result);
      Answer(absl::OkStatus());
    } else if (!answered_) {
      Answer(result.status());
    }
  }

  void CallerLeft() {
    if (!answered_) {
      Answer(absl::CancelledError("the caller has gone"));
      cancelled_.Cancel();
    }
  }

  Context& context_;
  Calls& calls_;
  const char* const rpc_;
  const Request request_;
  Response* const response_;                     // gRPC's, until the answer
  grpc::ServerUnaryReactor* reactor_ = nullptr;  // the same
  engine::Cancellation cancelled_;
  bool answered_ = false;
};

}  // namespace rktlet::cri
