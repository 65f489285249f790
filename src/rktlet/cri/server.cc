// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/server.h"

#include <grpcpp/grpcpp.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "rktlet/cri/listener.h"
#include "rktlet/cri/service.h"

namespace rktlet::cri {
namespace {

constexpr int kMaxMessage = 64 << 20;  // lists of many containers with long annotations
constexpr std::chrono::seconds kShutdown(2);
// For what comes over connections that were accepted just before the end; later ones wait for the next daemon.
constexpr std::chrono::milliseconds kLastCalls(100);

}  // namespace

class Server::Parts {
 public:
  explicit Parts(Context& context) : loop_(context.loop), runtime_(context, calls_), image_(context, calls_) {}

  absl::Status Start(Context& context, base::UniqueFd socket) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessage);
    builder.SetMaxSendMessageSize(kMaxMessage);
    builder.RegisterService(&runtime_);
    builder.RegisterService(&image_);
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::InternalError("the gRPC server does not start");
    }
    listener_ = std::make_unique<Listener>(context.loop.get_executor(), std::move(socket),
                                           [this](base::UniqueFd connection) { Hand(std::move(connection)); });
    return absl::OkStatus();
  }

  boost::asio::io_context& loop() { return loop_; }
  bool running() const { return server_ != nullptr; }

  void AcceptNoMore() { listener_.reset(); }

  void RefuseAll() {
    listener_.reset();
    calls_.FailAll(absl::UnavailableError("rktlet is stopping"));
  }

  // Not on the loop: it waits for calls, whose answers the loop gives.
  void Shutdown() {
    server_->Shutdown(std::chrono::system_clock::now() + kShutdown);
    server_->Wait();
  }

  void Forget() { server_.reset(); }

 private:
  void Hand(base::UniqueFd connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = -1;
    parameters.fd = connection.Release();
    acceptor_->HandleNewConnection(&parameters);
  }

  boost::asio::io_context& loop_;
  Calls calls_;
  RuntimeService runtime_;
  ImageService image_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Listener> listener_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
  if (parts_->running()) {
    boost::asio::io_context& loop = parts_->loop();
    loop.restart();
    auto stopped = boost::asio::co_spawn(loop, Stop(), boost::asio::use_future);
    while (stopped.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      loop.run_one_for(std::chrono::milliseconds(10));
    }
  }
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(Context& context, base::UniqueFd socket) {
  auto parts = std::make_unique<Parts>(context);
  RETURN_IF_ERROR(parts->Start(context, std::move(socket)));
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

boost::asio::awaitable<void> Server::Stop() {
  if (!parts_->running()) {
    co_return;
  }
  parts_->AcceptNoMore();
  boost::asio::steady_timer last_calls(parts_->loop(), kLastCalls);
  boost::system::error_code ignored;
  auto until_then = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
  co_await last_calls.async_wait(until_then);
  parts_->RefuseAll();
  boost::asio::steady_timer done(parts_->loop(), boost::asio::steady_timer::time_point::max());
  bool finished = false;
  std::thread waiter([this, &done, &finished] {
    parts_->Shutdown();
    boost::asio::post(parts_->loop(), [&done, &finished] {
      finished = true;
      done.cancel();
    });
  });
  while (!finished) {
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await done.async_wait(token);
  }
  waiter.join();
  parts_->Forget();
}

}  // namespace rktlet::cri
