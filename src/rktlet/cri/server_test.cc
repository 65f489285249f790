// SPDX-License-Identifier: Apache-2.0
// The server over a real unix socket, with a fake engine and no pods: what every call has in common, and the RPCs that
// need no pod.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "base/files.h"
#include "base/status_matchers.h"
#include "cri/v1/api.grpc.pb.h"
#include "rktlet/cri/listener.h"
#include "rktlet/cri/server.h"
#include "rktlet/engine/fake_engine.h"

namespace rktlet::cri {
namespace {

namespace asio = boost::asio;
namespace v1 = ::runtime::v1;
using base::IsOk;
using base::StatusCodeIs;
using testing::HasSubstr;
using testing::SizeIs;

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
  absl::Status Ready() const override { return ready; }

  spec::PodRecord pod;
  spec::ContainerRecord container;
  bool running = true;
  absl::Status ready;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    directory_.pod.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    directory_.container.spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
    directory_.container.spec.app = *spec::AppName::Parse(std::string(64, 'b'));
    auto socket = ListenAt(path_);
    EXPECT_THAT(socket, IsOk());
    auto server = Server::Start(context_, *std::move(socket));
    EXPECT_THAT(server, IsOk());
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
  stats::Collector stats_{clock_, unit::Cgroups(unit::CgroupVersion::kV2, dir_.File("cgroup")), layout_, disk_};
  FakeDirectory directory_;
  Context context_{loop_,    config_, layout_, engine_,    images_, puller_,
                   network_, stats_,  disk_,   directory_, nullptr, {}};
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::unique_ptr<v1::RuntimeService::Stub> runtime_;
  std::unique_ptr<v1::ImageService::Stub> images_stub_;
};

TEST_F(ServerTest, TellsItsVersion) {
  v1::VersionResponse response;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Version, v1::VersionRequest(), response).ok());
  EXPECT_EQ(response.runtime_name(), "rktlet");
  EXPECT_EQ(response.runtime_api_version(), "v1");
  EXPECT_EQ(response.version(), "0.1.0");
}

TEST_F(ServerTest, TheSocketIsForItsOwnerOnly) {
  struct stat attributes {};
  ASSERT_EQ(::stat(path_.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0600U);
}

TEST_F(ServerTest, ASocketThatSomebodyListensOnIsNotTaken) {
  EXPECT_THAT(ListenAt(path_), StatusCodeIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(ServerTest, StatusSaysWhyItIsNotReady) {
  OnLoop([this] {
    directory_.ready = absl::UnavailableError("systemd does not answer");
    engine_.network = {.ready = false, .reason = "NoNetworkConfiguration", .message = "net.d is empty"};
  });
  asio::co_spawn(loop_, network_.Refresh(), asio::use_future).get();
  v1::StatusRequest request;
  request.set_verbose(true);
  v1::StatusResponse response;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Status, request, response).ok());
  ASSERT_THAT(response.status().conditions(), SizeIs(2));
  EXPECT_EQ(response.status().conditions(0).type(), "RuntimeReady");
  EXPECT_FALSE(response.status().conditions(0).status());
  EXPECT_THAT(response.status().conditions(0).message(), HasSubstr("systemd does not answer"));
  EXPECT_EQ(response.status().conditions(1).type(), "NetworkReady");
  EXPECT_EQ(response.status().conditions(1).reason(), "NoNetworkConfiguration");
  EXPECT_THAT(response.runtime_handlers(), SizeIs(2));
  EXPECT_TRUE(response.info().contains("config"));
}

TEST_F(ServerTest, ThePodCidrIsCheckedAndShown) {
  v1::UpdateRuntimeConfigRequest request;
  v1::UpdateRuntimeConfigResponse response;
  auto& cidr = *request.mutable_runtime_config()->mutable_network_config()->mutable_pod_cidr();
  for (const char* good : {"", "10.0.0.0/16", "10.0.0.0/16,fd00::/64"}) {
    cidr = good;
    EXPECT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::UpdateRuntimeConfig, request, response).ok()) << good;
  }
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/8,nonsense"}) {
    cidr = bad;
    EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::UpdateRuntimeConfig, request, response),
                IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("CIDR")));
  }
}

TEST_F(ServerTest, WhatIsNotServedSaysSo) {
  v1::ExecResponse response;
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::Exec, v1::ExecRequest(), response),
              IsGrpc(grpc::StatusCode::UNIMPLEMENTED, HasSubstr("Exec is not served")));
  grpc::ClientContext context;
  auto stream = runtime_->GetContainerEvents(&context, v1::GetEventsRequest());
  v1::ContainerEventResponse event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_THAT(stream->Finish(), IsGrpc(grpc::StatusCode::UNIMPLEMENTED, HasSubstr("GetContainerEvents")));
}

TEST_F(ServerTest, AnImageIsPulledListedAndRemovedAndRemovedAgain) {
  v1::PullImageResponse pulled;
  ASSERT_TRUE(Pull("busybox", pulled).ok());
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image("docker.io/library/busybox");
  v1::ImageStatusResponse known;
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ImageStatus, status, known).ok());
  EXPECT_EQ(known.image().id(), pulled.image_ref());
  v1::ListImagesResponse list;
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ListImages, v1::ListImagesRequest(), list).ok());
  EXPECT_THAT(list.images(), SizeIs(1));
  v1::ListImagesRequest filtered;
  filtered.mutable_filter()->mutable_image()->set_image("other");
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ListImages, filtered, list).ok());
  EXPECT_THAT(list.images(), SizeIs(0));
  v1::RemoveImageRequest remove;
  remove.mutable_image()->set_image(pulled.image_ref());
  v1::RemoveImageResponse removed;
  EXPECT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::RemoveImage, remove, removed).ok());
  EXPECT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::RemoveImage, remove, removed).ok());
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ImageStatus, status, known).ok());
  EXPECT_FALSE(known.has_image());
}

TEST_F(ServerTest, AnImageInUseIsNotRemoved) {
  v1::PullImageResponse pulled;
  ASSERT_TRUE(Pull("busybox", pulled).ok());
  OnLoop([&] { directory_.container.image_id = pulled.image_ref(); });
  v1::RemoveImageRequest remove;
  remove.mutable_image()->set_image("busybox");
  v1::RemoveImageResponse removed;
  EXPECT_THAT(Call(*images_stub_, &v1::ImageService::Stub::RemoveImage, remove, removed),
              IsGrpc(grpc::StatusCode::FAILED_PRECONDITION, HasSubstr("in use")));
}

TEST_F(ServerTest, ABadImageNameIsRefusedBeforeAnythingRuns) {
  v1::PullImageResponse pulled;
  EXPECT_THAT(Pull("Not A Name", pulled), IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("image.image")));
  EXPECT_THAT(Pull("", pulled), IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("empty")));
  EXPECT_EQ(OnLoop([this] { return engine_.CountCalls("FetchImage"); }), 0U);
}

TEST_F(ServerTest, ExecChecksWhatItIsAsked) {
  v1::ExecSyncRequest request;
  v1::ExecSyncResponse response;
  request.set_container_id("nonsense");
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, request, response),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("cmd")));
  request.add_cmd("echo");
  request.add_cmd("hi");
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, request, response),
              IsGrpc(grpc::StatusCode::NOT_FOUND, HasSubstr("nonsense")));
  request.set_container_id(std::string(64, 'b'));
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, request, response).ok());
  EXPECT_EQ(response.stdout(), "echo hi");
  OnLoop([this] { directory_.running = false; });
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, request, response),
              IsGrpc(grpc::StatusCode::FAILED_PRECONDITION, HasSubstr("not running")));
}

TEST_F(ServerTest, ACallUnderWayIsAnsweredUnavailableWhenTheDaemonStops) {
  OnLoop([this] { engine_.Hold("Exec"); });
  grpc::ClientContext context;
  auto answer = StartExec(context);
  ASSERT_TRUE(Eventually([this] { return engine_.CountCalls("Exec") == 1; }));
  Stop();
  EXPECT_THAT(answer.get(), IsGrpc(grpc::StatusCode::UNAVAILABLE, HasSubstr("stopping")));
}

TEST_F(ServerTest, ACallerThatGoesAwayIsNotWaitedForAndTheLoopGoesOn) {
  OnLoop([this] { engine_.Hold("Exec"); });
  grpc::ClientContext context;
  auto answer = StartExec(context);
  ASSERT_TRUE(Eventually([this] { return engine_.CountCalls("Exec") == 1; }));
  context.TryCancel();
  EXPECT_THAT(answer.get(), IsGrpc(grpc::StatusCode::CANCELLED, testing::_));
  OnLoop([this] { engine_.Release("Exec"); });
  v1::VersionResponse response;
  EXPECT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Version, v1::VersionRequest(), response).ok());
}

}  // namespace
}  // namespace rktlet::cri
