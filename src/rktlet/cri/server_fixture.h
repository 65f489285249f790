// SPDX-License-Identifier: Apache-2.0
// For tests of this folder: the server over a real unix socket, with a fake engine and no pods.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/status_matchers.h"
#include "cri/v1/api.grpc.pb.h"
#include "rktlet/cri/event_feed.h"
#include "rktlet/cri/listener.h"
#include "rktlet/cri/server.h"
#include "rktlet/engine/fake_engine.h"

namespace rktlet::cri {

namespace asio = boost::asio;
namespace v1 = ::runtime::v1;
MATCHER_P2(IsGrpc, code, message, "") {
  *result_listener << "whose status is " << arg.error_code() << " " << arg.error_message();
  return arg.error_code() == code && testing::ExplainMatchResult(message, arg.error_message(), result_listener);
}

class FakeDirectory final : public pods::Directory {
 public:
  absl::StatusOr<pods::ContainerView> FindContainer(const std::string& id) const override {
    if (id != container.spec.id.str()) {
      return absl::NotFoundError("container " + id + " is not known");
    }
    return pods::ContainerView{&pod, &container, running};
  }
  std::vector<pods::ContainerView> AllContainers() const override { return {{&pod, &container, running}}; }
  absl::StatusOr<pods::PodView> FindPod(const std::string& id) const override {
    if (id != pod.spec.id.str()) {
      return absl::NotFoundError("pod " + id + " is not known");
    }
    return AllPods().front();
  }
  std::vector<pods::PodView> AllPods() const override {
    return {{.pod = &pod,
             .ready = pod_ready,
             .supervisor_pid = supervisor_pid,
             .default_interface = "eth0",
             .containers = AllContainers()}};
  }
  absl::Status Recovered() const override { return absl::OkStatus(); }
  absl::Status Ready() const override { return ready; }

  spec::PodRecord pod;
  spec::ContainerRecord container;
  bool running = true;
  bool pod_ready = true;
  pid_t supervisor_pid = 0;
  absl::Status ready;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    directory_.pod.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    directory_.container.spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
    directory_.container.spec.app = *spec::AppName::Parse(std::string(64, 'b'));
    auto socket = ListenAt(path_);
    EXPECT_THAT(socket, base::IsOk());
    auto server = Server::Start(context_, *std::move(socket));
    EXPECT_THAT(server, base::IsOk());
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_.run(); });
    auto channel = grpc::CreateChannel("unix:" + path_, grpc::InsecureChannelCredentials());
    runtime_ = v1::RuntimeService::NewStub(channel);
    images_stub_ = v1::ImageService::NewStub(channel);
  }

  ~ServerTest() override {
    asio::post(loop_, [this] { engine_.Release("Exec"); });
    Stop();
    guard_.reset();
    loop_.stop();
    thread_.join();
    server_.reset();
  }

  void Stop() { asio::co_spawn(loop_, server_->Stop(), asio::use_future).get(); }

  // State belongs to the loop: tests look at it there.
  template <typename F>
  auto OnLoop(F function) {
    std::packaged_task<decltype(function())()> task(std::move(function));
    auto result = task.get_future();
    asio::post(loop_, [&task] { task(); });
    return result.get();
  }

  bool Eventually(std::function<bool()> predicate) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!OnLoop(predicate)) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return (stub.*method)(&context, request, &response);
  }

  grpc::Status Pull(const std::string& image, v1::PullImageResponse& response) {
    v1::PullImageRequest request;
    request.mutable_image()->set_image(image);
    return Call(*images_stub_, &v1::ImageService::Stub::PullImage, request, response);
  }

  std::future<grpc::Status> StartExec(grpc::ClientContext& context) {
    return std::async(std::launch::async, [this, &context] {
      v1::ExecSyncRequest request;
      request.set_container_id(std::string(64, 'b'));
      request.add_cmd("sleep");
      v1::ExecSyncResponse response;
      context.set_wait_for_ready(true);
      return runtime_->ExecSync(&context, request, &response);
    });
  }

  base::TempDir dir_;
  const std::string path_ = dir_.File("run/rktlet.sock");
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{loop_.get_executor()};
  config::Config config_ = [this] {
    config::Config config;
    config.cni_conf_dir = dir_.File("net.d");
    config.cni_bin_dirs = {dir_.File("bin")};
    return config;
  }();
  spec::Layout layout_{dir_.File("lib"), dir_.File("run")};
  base::SystemClock clock_;
  engine::FakeEngine engine_{loop_.get_executor()};
  engine::ImageCache images_{engine_};
  engine::Puller puller_{loop_.get_executor(), engine_, images_, config_};
  engine::NetworkMonitor network_{loop_.get_executor(), engine_, config_};
  stats::DiskUsage disk_{loop_.get_executor(), clock_};
  stats::Collector stats_{clock_, unit::Cgroups(unit::CgroupVersion::kV2, dir_.File("cgroup")), layout_, disk_,
                          dir_.File("proc")};
  FakeDirectory directory_;
  uint64_t acknowledged_ = 0;
  EventFeed events_{clock_, [this](uint64_t sequence) { acknowledged_ = sequence; }};
  Context context_{loop_,  config_, layout_,    engine_, images_, puller_, network_,
                   stats_, disk_,   directory_, nullptr, {},      &events_};
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::unique_ptr<v1::RuntimeService::Stub> runtime_;
  std::unique_ptr<v1::ImageService::Stub> images_stub_;
};

}  // namespace rktlet::cri
