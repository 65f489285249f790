// SPDX-License-Identifier: Apache-2.0
// What every call has in common, and the RPCs that need no pod.
#include "rktlet/cri/server_fixture.h"

namespace rktlet::cri {
namespace {

using base::StatusCodeIs;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

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
  ASSERT_THAT(response.runtime_handlers(), Not(IsEmpty()));
  EXPECT_EQ(response.runtime_handlers(0).name(), "");
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

TEST_F(ServerTest, StreamsThatCannotBeAreRefusedBeforeThereIsAUrl) {
  v1::ExecRequest exec;
  exec.set_container_id(std::string(64, 'b'));
  exec.add_cmd("sh");
  v1::ExecResponse executed;
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::Exec, exec, executed),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("one of stdin, stdout and stderr")));
  exec.set_stderr(true);
  exec.set_tty(true);
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::Exec, exec, executed),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("tty and stderr")));
  v1::AttachRequest attach;
  attach.set_container_id(std::string(64, 'b'));
  attach.set_stdout(true);
  attach.set_tty(true);
  v1::AttachResponse attached;
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::Attach, attach, attached),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("has no terminal")));
  attach.set_tty(false);
  OnLoop([this] { directory_.running = false; });
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::Attach, attach, attached),
              IsGrpc(grpc::StatusCode::FAILED_PRECONDITION, HasSubstr("not running")));
}

TEST_F(ServerTest, AnImageIsPulledListedAndRemovedAndRemovedAgain) {
  v1::PullImageResponse pulled;
  ASSERT_TRUE(Pull("busybox", pulled).ok());
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image("docker.io/library/busybox");
  v1::ImageStatusResponse known;
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ImageStatus, status, known).ok());
  EXPECT_EQ(known.image().id(), pulled.image_ref());
  EXPECT_THAT(known.info(), IsEmpty());
  status.set_verbose(true);
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ImageStatus, status, known).ok());
  EXPECT_THAT(known.info().at("info"), HasSubstr(R"("imageSpec":{"architecture":"amd64","config":{"Cmd":["sh"]}})"));
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

TEST_F(ServerTest, APullThatFailsSaysWhatTheKubeletHasAReasonFor) {
  v1::PullImageResponse pulled;
  const auto fail = [&](absl::Status status) {
    OnLoop([&] { engine_.FailNext("FetchImage", std::move(status)); });
    return Pull("busybox", pulled);
  };
  using testing::StartsWith;
  EXPECT_THAT(fail(absl::UnavailableError("pull busybox: connection refused")),
              IsGrpc(grpc::StatusCode::UNKNOWN, StartsWith("RegistryUnavailable: pull busybox")));
  EXPECT_THAT(fail(absl::PermissionDeniedError("pull busybox: SignatureValidationFailed: no signature")),
              IsGrpc(grpc::StatusCode::UNKNOWN, "SignatureValidationFailed: pull busybox: no signature"));
  EXPECT_THAT(fail(absl::PermissionDeniedError("pull busybox: denied")),
              IsGrpc(grpc::StatusCode::PERMISSION_DENIED, "pull busybox: denied"));
}

TEST_F(ServerTest, ABadImageNameIsRefusedBeforeAnythingRuns) {
  v1::PullImageResponse pulled;
  EXPECT_THAT(Pull("Not A Name", pulled), IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("image.image")));
  EXPECT_THAT(Pull("", pulled), IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("empty")));
  v1::PullImageRequest request;
  request.mutable_image()->set_image("busybox");
  request.mutable_image()->set_runtime_handler("kata");
  EXPECT_THAT(Call(*images_stub_, &v1::ImageService::Stub::PullImage, request, pulled),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("image.runtime_handler")));
  EXPECT_EQ(OnLoop([this] { return engine_.CountCalls("FetchImage"); }), 0U);
}

TEST_F(ServerTest, ExecChecksWhatItIsAsked) {
  v1::ExecSyncRequest request;
  v1::ExecSyncResponse response;
  request.set_container_id("nonsense");
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, request, response),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("cmd")));
  request.add_cmd("echo");
  for (const std::string& word : {std::string("a\0b", 3), std::string(128 << 10, 'a')}) {
    v1::ExecSyncRequest wrong = request;
    wrong.add_cmd(word);
    EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::ExecSync, wrong, response),
                IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("cmd[1] has")));
  }
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
