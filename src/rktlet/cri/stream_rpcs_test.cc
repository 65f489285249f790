// SPDX-License-Identifier: Apache-2.0
// The rpcs that answer with URLs, before a real streaming server.
#include "rktlet/cri/no_stream_backend.h"
#include "rktlet/cri/server_fixture.h"
#include "rktlet/streaming/server.h"

namespace rktlet::cri {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class StreamRpcs : public ServerTest {
 protected:
  StreamRpcs() {
    OnLoop([this] {
      auto server = streaming::Server::Start(loop_.get_executor(), backend_, limits_, {});
      EXPECT_THAT(server, base::IsOk());
      streams_ = *std::move(server);
      context_.streams = streams_.get();
    });
  }
  ~StreamRpcs() override {
    asio::co_spawn(loop_, streams_->Stop(std::chrono::nanoseconds(0)), asio::use_future).get();
    OnLoop([this] { streams_.reset(); });
  }

  grpc::Status PortForward(const v1::PortForwardRequest& request, v1::PortForwardResponse& response) {
    return Call(*runtime_, &v1::RuntimeService::Stub::PortForward, request, response);
  }

  static v1::PortForwardRequest Ports(const std::vector<int32_t>& ports) {
    v1::PortForwardRequest request;
    request.set_pod_sandbox_id(std::string(64, 'a'));
    for (const int32_t port : ports) {
      request.add_port(port);
    }
    return request;
  }

  NoStreamBackend backend_;
  streaming::Limits limits_;
  std::unique_ptr<streaming::Server> streams_;
};

TEST_F(StreamRpcs, PortsAreBoundedInNumber) {
  v1::PortForwardResponse response;
  EXPECT_TRUE(PortForward(Ports(std::vector<int32_t>(1024, 80)), response).ok());
  EXPECT_THAT(PortForward(Ports(std::vector<int32_t>(1025, 80)), response),
              IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("port: 1025 of them, more than 1024")));
}

TEST_F(StreamRpcs, PortsOfAReadyPodHaveAUrlOfTheirOwnEachTime) {
  v1::PortForwardResponse first;
  v1::PortForwardResponse second;
  ASSERT_TRUE(PortForward(Ports({80, 65535}), first).ok());
  ASSERT_TRUE(PortForward(Ports({}), second).ok());
  EXPECT_THAT(first.url(), StartsWith(streams_->url() + "/portforward/"));
  EXPECT_NE(first.url(), second.url());
}

TEST_F(StreamRpcs, PortsAreNumbersFrom1To65535) {
  v1::PortForwardResponse response;
  for (const int32_t port : {0, -1, 65536}) {
    EXPECT_THAT(
        PortForward(Ports({80, port}), response),
        IsGrpc(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("port " + std::to_string(port) + " is not between")));
  }
}

TEST_F(StreamRpcs, PortsOfAPodThatIsNotReadyOrNotKnownAreNotForwarded) {
  v1::PortForwardResponse response;
  OnLoop([this] { directory_.pod_ready = false; });
  EXPECT_THAT(PortForward(Ports({80}), response),
              IsGrpc(grpc::StatusCode::FAILED_PRECONDITION, HasSubstr("is not ready")));
  v1::PortForwardRequest unknown = Ports({80});
  unknown.set_pod_sandbox_id("nobody");
  EXPECT_THAT(PortForward(unknown, response), IsGrpc(grpc::StatusCode::NOT_FOUND, HasSubstr("nobody")));
}

TEST_F(StreamRpcs, CommandsAndContainersHaveUrlsToo) {
  v1::ExecRequest exec;
  exec.set_container_id(std::string(64, 'b'));
  exec.add_cmd("sh");
  exec.set_stdout(true);
  v1::ExecResponse executed;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Exec, exec, executed).ok());
  EXPECT_THAT(executed.url(), StartsWith(streams_->url() + "/exec/"));
  v1::AttachRequest attach;
  attach.set_container_id(std::string(64, 'b'));
  attach.set_stdout(true);
  v1::AttachResponse attached;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::Attach, attach, attached).ok());
  EXPECT_THAT(attached.url(), StartsWith(streams_->url() + "/attach/"));
}

TEST_F(StreamRpcs, UrlsThatNobodyUsesAreBounded) {
  v1::PortForwardResponse response;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(PortForward(Ports({80}), response).ok());
  }
  EXPECT_THAT(PortForward(Ports({80}), response), IsGrpc(grpc::StatusCode::RESOURCE_EXHAUSTED, HasSubstr("")));
}

}  // namespace
}  // namespace rktlet::cri
