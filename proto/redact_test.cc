// SPDX-License-Identifier: Apache-2.0
#include "proto/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cri/v1/api.pb.h"

namespace rktlet::proto {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kSecret[] = "hunter2";

runtime::v1::PullImageRequest PullWithAllCredentials() {
  runtime::v1::PullImageRequest request;
  request.mutable_image()->set_image("registry.example/app:1");
  request.mutable_auth()->set_username("alice");
  request.mutable_auth()->set_password(kSecret);
  request.mutable_auth()->set_auth(kSecret);
  request.mutable_auth()->set_server_address("registry.example");
  request.mutable_auth()->set_identity_token(kSecret);
  request.mutable_auth()->set_registry_token(kSecret);
  return request;
}

runtime::v1::CreateContainerRequest CreateWithEnvironment() {
  runtime::v1::CreateContainerRequest request;
  request.set_pod_sandbox_id("pod-1");
  auto* config = request.mutable_config();
  config->mutable_metadata()->set_name("web");
  auto* env = config->add_envs();
  env->set_key("TOKEN");
  env->set_value(kSecret);
  env = config->add_envs();
  env->set_key("OTHER");
  env->set_value(kSecret);
  return request;
}

TEST(RedactedDebugString, HidesEveryCredentialOfAPull) {
  EXPECT_EQ(RedactedDebugString(PullWithAllCredentials()),
            "image { image: \"registry.example/app:1\" } auth { username: \"alice\" password: [redacted] "
            "auth: [redacted] server_address: \"registry.example\" identity_token: [redacted] "
            "registry_token: [redacted] }");
}

TEST(RedactedDebugString, HidesEachCredentialOfAMessageByItself) {
  EXPECT_THAT(RedactedDebugString(PullWithAllCredentials().auth()),
              AllOf(StartsWith("username: \"alice\""), Not(HasSubstr(kSecret))));
}

TEST(RedactedDebugString, HidesEnvironmentValuesAndShowsTheirNames) {
  EXPECT_EQ(RedactedDebugString(CreateWithEnvironment()),
            "pod_sandbox_id: \"pod-1\" config { metadata { name: \"web\" } envs { key: \"TOKEN\" value: [redacted] } "
            "envs { key: \"OTHER\" value: [redacted] } }");
}

TEST(RedactedDebugString, HidesTheEnvironmentOfContainersToRestore) {
  runtime::v1::RestorePodRequest request;
  *request.add_container_configs() = CreateWithEnvironment().config();
  EXPECT_THAT(RedactedDebugString(request), AllOf(HasSubstr("value: [redacted]"), Not(HasSubstr(kSecret))));
}

TEST(RedactedDebugString, HidesAMapThatIsMarkedAsAWhole) {
  runtime::v1::ContainerStatusResponse response;
  response.mutable_status()->set_exit_code(7);
  (*response.mutable_info())["config"] = kSecret;
  EXPECT_EQ(RedactedDebugString(response), "status { exit_code: 7 } info: [redacted]");
}

TEST(RedactedDebugString, HidesStreamTokensAndOutput) {
  runtime::v1::ExecResponse exec;
  exec.set_url("http://127.0.0.1/exec/hunter2");
  EXPECT_EQ(RedactedDebugString(exec), "url: [redacted]");
  runtime::v1::ExecSyncResponse exec_sync;
  exec_sync.set_stdout(kSecret);
  exec_sync.set_exit_code(3);
  EXPECT_EQ(RedactedDebugString(exec_sync), "stdout: [redacted] exit_code: 3");
}

TEST(RedactedDebugString, HidesTheSpecificationThatKubectlKeepsInAnAnnotation) {
  runtime::v1::PodSandboxConfig config;
  (*config.mutable_annotations())["kubectl.kubernetes.io/last-applied-configuration"] = kSecret;
  (*config.mutable_annotations())["a"] = "plain";
  EXPECT_EQ(RedactedDebugString(config),
            "annotations { \"a\": \"plain\" \"kubectl.kubernetes.io/last-applied-configuration\": [redacted] }");
}

TEST(RedactedDebugString, LeavesOutFieldsOfNewerClients) {
  runtime::v1::AuthConfig newer;
  newer.set_password(kSecret);
  runtime::v1::VersionRequest older;
  std::string wire = newer.SerializeAsString();
  ASSERT_TRUE(older.ParseFromString(wire));  // field 2 is unknown to VersionRequest
  EXPECT_THAT(RedactedDebugString(older), IsEmpty());
}

TEST(RedactedDebugString, PrintsMapsSortedAndValuesOfEveryKind) {
  runtime::v1::ContainerConfig config;
  (*config.mutable_labels())["b"] = "2";
  (*config.mutable_labels())["a"] = "1";
  config.add_args("x");
  config.add_args("y");
  config.set_tty(true);
  config.set_stop_signal(runtime::v1::SIGNAL_SIGQUIT);
  config.mutable_linux()->mutable_resources()->set_oom_score_adj(-5);
  config.mutable_linux()->mutable_security_context()->add_supplemental_groups(10);
  EXPECT_EQ(RedactedDebugString(config),
            "args: \"x\" args: \"y\" labels { \"a\": \"1\" \"b\": \"2\" } tty: true linux { resources { "
            "oom_score_adj: -5 } security_context { supplemental_groups: 10 } } stop_signal: SIGNAL_SIGQUIT");
}

TEST(RedactedDebugString, PrintsAnUnnamedEnumValueAsANumber) {
  runtime::v1::ContainerStateValue value;
  value.set_state(static_cast<runtime::v1::ContainerState>(77));
  EXPECT_EQ(RedactedDebugString(value), "state: 77");
}

TEST(RedactedDebugString, IsOneLineOfAsciiWhateverTheTextHolds) {
  runtime::v1::ContainerMetadata metadata;
  metadata.set_name("a\nb\"\x1b[31m\xc3\xa9");
  EXPECT_EQ(RedactedDebugString(metadata), "name: \"a\\nb\\\"\\x1b[31m\\xc3\\xa9\"");
}

TEST(RedactedDebugString, CutsLongStringsAndTheWhole) {
  runtime::v1::ContainerMetadata metadata;
  metadata.set_name(std::string(300, 'n'));
  EXPECT_EQ(RedactedDebugString(metadata), "name: \"" + std::string(256, 'n') + "...\"");

  runtime::v1::ContainerConfig config;
  for (int i = 0; i < 100'000; ++i) config.add_args("argument");
  EXPECT_THAT(RedactedDebugString(config, 100), AllOf(SizeIs(100), EndsWith("...")));
  EXPECT_THAT(RedactedDebugString(config), SizeIs(kMaxDebugStringSize));
  EXPECT_THAT(RedactedDebugString(config, 2), "..");
}

}  // namespace
}  // namespace rktlet::proto
