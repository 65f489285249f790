// SPDX-License-Identifier: Apache-2.0
// Against a shell script in place of rkt that writes down how it was called.
#include "rktlet/engine/rkt_engine.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/engine/test_loop.h"

namespace rktlet::engine {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using base::StrCat;
using std::chrono::milliseconds;
using testing::_;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;

class Rkt : public testing::Test {
 protected:
  Rkt()
      : engine_(config_, dir_.File("rkt"), "/helper", spec::Layout(dir_.File("lib"), dir_.File("run"))),
        pod_(*spec::PodId::Parse(std::string(64, 'a'))),
        app_(*spec::AppName::Parse(std::string(64, 'b'))) {
    config_.cni_conf_dir = "/conf";
    config_.cni_bin_dirs = {"/bin1", "/bin2"};
  }

  // The script writes its arguments, one a line, to `args`, its stdin to `stdin`, and then does `body`.
  void Script(const std::string& body) {
    const std::string text = StrCat("#!/bin/sh\nprintf '%s\\n' \"$@\" >", dir_.File("args"), "\ncat >",
                                    dir_.File("stdin"), "\nenv >", dir_.File("env"), "\n", body, "\n");
    ASSERT_THAT(base::WriteFileAtomic(dir_.File("rkt"), text, 0700), IsOk());
  }
  std::string Args() { return base::ReadFile(dir_.File("args")).value_or(""); }
  std::string Stdin() { return base::ReadFile(dir_.File("stdin")).value_or(""); }

  base::TempDir dir_;
  TestLoop loop_;
  config::Config config_;
  RktEngine engine_;
  spec::PodId pod_;
  spec::AppName app_;
};

TEST_F(Rkt, IsToldDirectoriesAndAskedToKeepQuiet) {
  Script("echo '[]'");
  ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
  EXPECT_THAT(loop_.Await(engine_.ListImages()), IsOk());
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(Args(), StrCat("--dir=", dir_.File("lib"), "\n--run-dir=", dir_.File("run"),
                           "\n--announce=false\nimage\nlist\n--full\n--format=json\n"));
  EXPECT_THAT(base::ReadFile(dir_.File("env")),
              IsOkAndHolds(AllOf(HasSubstr("RKT_STATUS_LINE=1\n"), HasSubstr("RKT_HELPER=/helper\n"),
                                 Not(HasSubstr("NOTIFY_SOCKET")))));
}

TEST_F(Rkt, AnImagesConfigurationIsWhatItPrints) {
  Script("echo '{\"os\": \"linux\"}'");
  EXPECT_THAT(loop_.Await(engine_.ImageConfig("sha256:x")), IsOkAndHolds(HasSubstr(R"({"os": "linux"})")));
  EXPECT_THAT(Args(), HasSubstr("image\ncat-manifest\n--config\n--pretty-print=false\nsha256:x\n"));
}

TEST_F(Rkt, AnErrorKeepsItsKindAndItsWords) {
  Script("echo 'image rm: image is in use' >&2; echo 'rkt-status: 9' >&2; exit 254");
  EXPECT_THAT(loop_.Await(engine_.RemoveImage("sha256:x")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "rkt image rm sha256:x: image rm: image is in use"));
}

TEST_F(Rkt, AnErrorWithoutAKindIsInternal) {
  Script("echo 'Killed by something' >&2; exit 3");
  EXPECT_THAT(loop_.Await(engine_.ListImages()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("Killed by something")));
  Script("kill -9 $$");
  EXPECT_THAT(loop_.Await(engine_.ListImages()), StatusIs(absl::StatusCode::kInternal, HasSubstr("signal 9")));
}

TEST_F(Rkt, WhatIsGoneAlreadyIsRemoved) {
  Script("echo 'rm: no matches found' >&2; echo 'rkt-status: 5' >&2; exit 254");
  EXPECT_THAT(loop_.Await(engine_.RemovePod(pod_)), IsOk());
  EXPECT_THAT(loop_.Await(engine_.RemoveContainer(pod_, app_)), IsOk());
  EXPECT_THAT(loop_.Await(engine_.NetworkDown(pod_)), IsOk());
}

TEST_F(Rkt, ACommandThatHangsIsStopped) {
  config_.command_timeout = milliseconds(100);
  Script("exec sleep 100");
  EXPECT_THAT(loop_.Await(engine_.ListImages()), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("too long")));
}

TEST_F(Rkt, AContainersDocumentTravelsOnStdinAndItsRecordComesBack) {
  spec::ContainerSpec spec;
  spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
  spec.app = app_;
  spec.name = "web";
  spec.image = "busybox";
  spec.environment = {{"TOKEN", "s3cret"}};
  spec::ContainerRecord record;
  record.spec = spec;
  record.unit = "k8s-x.service";
  record.image_id = "sha256:" + std::string(64, 'c');
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("record"), spec::ToJson(record)), IsOk());
  Script("cat " + dir_.File("record"));
  ASSERT_OK_AND_ASSIGN(const spec::ContainerRecord answer, loop_.Await(engine_.AddContainer(pod_, spec)));
  EXPECT_EQ(answer.unit, "k8s-x.service");
  EXPECT_EQ(Stdin(), spec::ToJson(spec));
  EXPECT_THAT(Args(), AllOf(HasSubstr("app\nadd\n--config=-\n--format=json\n"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(Args(), HasSubstr("--cdi-spec-dir=/etc/cdi\n--cdi-spec-dir=/var/run/cdi\n"));
  config_.cdi_spec_dirs.clear();
  ASSERT_THAT(loop_.Await(engine_.AddContainer(pod_, spec)), IsOk());
  EXPECT_THAT(Args(), HasSubstr("--cdi-spec-dir=\n"));
}

TEST_F(Rkt, ACheckpointKeepsItsTimeItself) {
  config_.command_timeout = milliseconds(1);
  Script("sleep 0.1");
  CheckpointRequest request;
  request.pod = pod_;
  request.apps = {app_};
  request.output = "/var/tmp/c.tar";
  request.timeout = std::chrono::seconds(90);
  EXPECT_THAT(loop_.Await(engine_.Checkpoint(request)), IsOk());
  EXPECT_THAT(Args(), HasSubstr(StrCat("app\ncheckpoint\n--output=/var/tmp/c.tar\n--timeout=90000ms\n--app=",
                                       app_.str(), "\n", pod_.str(), "\n")));
  request.whole_pod = true;
  EXPECT_THAT(loop_.Await(engine_.Checkpoint(request)), IsOk());
  EXPECT_THAT(Args(), HasSubstr("--timeout=90000ms\n--pod\n"));
  Script("echo 'app checkpoint: checkpoints need criu' >&2; echo 'rkt-status: 9' >&2; exit 254");
  EXPECT_THAT(loop_.Await(engine_.Checkpoint(request)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("need criu")));
}

TEST_F(Rkt, ImagesThatHoldACheckpointAreRestoredWhereThatIsAllowed) {
  spec::ContainerSpec spec;
  spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
  spec.app = app_;
  spec.image = "saved";
  Script("exit 254");
  EXPECT_FALSE(loop_.Await(engine_.AddContainer(pod_, spec)).ok());
  EXPECT_THAT(Args(), HasSubstr("--restore-images=false\n"));
  config_.restore_images = true;
  EXPECT_FALSE(loop_.Await(engine_.AddContainer(pod_, spec)).ok());
  EXPECT_THAT(Args(), HasSubstr("--restore-images=true\n"));
}

TEST_F(Rkt, AnExecGivesBackTheCommandsOwnEnd) {
  Script("echo out; echo err >&2; exit 127");
  ExecRequest request{.pod = pod_, .app = app_, .command = {"cmd", "--flag", ""}, .timeout = {}, .cancellation = {}};
  ASSERT_OK_AND_ASSIGN(const ExecResult result, loop_.Await(engine_.Exec(request)));
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_EQ(result.stdout_data, "out\n");
  EXPECT_EQ(result.stderr_data, "err\n");
  EXPECT_THAT(Args(), HasSubstr(StrCat("app\nexec\n--app=", app_.str(), "\n--report-fd=3\n", pod_.str(),
                                       "\n--\ncmd\n--flag\n\n")));
  EXPECT_THAT(base::ReadFile(dir_.File("env")), IsOkAndHolds(Not(HasSubstr("RKT_STATUS_LINE"))));
}

TEST_F(Rkt, AnExecsStderrMeansNothingToUs) {
  ExecRequest request{.pod = pod_, .app = app_, .command = {"cmd"}, .timeout = {}, .cancellation = {}};
  const std::pair<const char*, int> ends[] = {{"rkt-status: 5", 1}, {"app exec: not found", 127}, {"127 x", 125}};
  for (const auto& [said, code] : ends) {
    Script(StrCat("echo '", said, "' >&2; exit ", code));
    ASSERT_OK_AND_ASSIGN(const ExecResult result, loop_.Await(engine_.Exec(request)));
    EXPECT_EQ(result.exit_code, code);
    EXPECT_EQ(result.stderr_data, StrCat(said, "\n"));
  }
}

TEST_F(Rkt, AnExecOfNoCommandEndsAsAShellHasIt) {
  ExecRequest request{.pod = pod_, .app = app_, .command = {"nope"}, .timeout = {}, .cancellation = {}};
  for (const int code : {126, 127}) {
    Script(StrCat("echo 'crun: nope' >&2; echo '", code, " nope' >&3; exit ", code));
    ASSERT_OK_AND_ASSIGN(const ExecResult result, loop_.Await(engine_.Exec(request)));
    EXPECT_EQ(result.exit_code, code);
    EXPECT_EQ(result.stderr_data, "crun: nope\n");
  }
}

TEST_F(Rkt, AnExecThatTheEngineCouldNotDoIsAnError) {
  ExecRequest request{.pod = pod_, .app = app_, .command = {"cmd"}, .timeout = {}, .cancellation = {}};
  Script("echo '125 pod is gone' >&3; exit 125");
  EXPECT_THAT(loop_.Await(engine_.Exec(request)), StatusIs(absl::StatusCode::kInternal, HasSubstr("pod is gone")));
  Script("kill -9 $$");
  EXPECT_THAT(loop_.Await(engine_.Exec(request)), StatusIs(absl::StatusCode::kInternal, HasSubstr("signal 9")));
}

TEST_F(Rkt, AnExecBeyondItsTimeoutIsDeadlineExceeded) {
  Script("exec sleep 100");
  ExecRequest request{.pod = pod_, .app = app_, .command = {"sleep"}, .timeout = milliseconds(100), .cancellation = {}};
  EXPECT_THAT(loop_.Await(engine_.Exec(request)), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("killed")));
}

TEST_F(Rkt, StopEndsExecsAndPullsThatRun) {
  Script("exec sleep 100");
  ExecRequest request{.pod = pod_, .app = app_, .command = {"sleep"}, .timeout = {}, .cancellation = {}};
  std::optional<absl::Status> ended;
  boost::asio::co_spawn(loop_.context(), engine_.Exec(request),
                        [&](std::exception_ptr, const absl::StatusOr<ExecResult>& result) { ended = result.status(); });
  ASSERT_TRUE(loop_.RunUntil([&] { return base::Exists(dir_.File("env")); }));
  engine_.Stop();
  ASSERT_TRUE(loop_.RunUntil([&] { return ended.has_value(); }));
  EXPECT_THAT(*ended, StatusIs(absl::StatusCode::kCancelled, _));
}

TEST_F(Rkt, CredentialsOfAPullStandNowhereButOnStdin) {
  Script("echo progress >&2; echo sha256:0; echo sha256:1");
  FetchRequest request{.reference = "docker.io/library/busybox:latest", .auth_json = R"({"auths":{}})"};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)), IsOkAndHolds("sha256:1"));
  EXPECT_EQ(Stdin(), R"({"auths":{}})");
  EXPECT_THAT(Args(), AllOf(HasSubstr("--authfile=-\n--stall-timeout=0ms\n--\ndocker.io/library/busybox:latest\n"),
                            Not(HasSubstr("auths"))));
}

TEST_F(Rkt, APullWithoutCredentialsUsesTheConfiguredFile) {
  config_.authfile = "/etc/auth.json";
  Script("echo sha256:1");
  FetchRequest request{.reference = "busybox", .auth_json = ""};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)), IsOk());
  EXPECT_THAT(Args(), HasSubstr("--authfile=/etc/auth.json\n"));
}

TEST_F(Rkt, AFailedPullSaysWhyWithoutItsProgress) {
  Script("echo '{\"phase\":\"fetch\"}' >&2; echo 'image fetch: no such tag' >&2; echo 'rkt-status: 5' >&2; exit 254");
  FetchRequest request{.reference = "busybox", .auth_json = ""};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)),
              StatusIs(absl::StatusCode::kNotFound, "pull busybox: image fetch: no such tag"));
}

TEST_F(Rkt, APullTellsHowItGetsOn) {
  Script(
      "exec >&2; echo '{\"phase\":\"resolve\"}'; echo some words; echo '{\"phase\":\"fetch\",\"bytes\":7,\"total\":9}';"
      "echo '{\"phase\":\"unpack\",\"layer\":1,\"layers\":2}'; echo '{\"phase\":7}'; echo '{torn'; echo "
      "'{\"phase\":\"done\"}'");
  std::vector<FetchProgress> told;
  FetchRequest request{.reference = "busybox", .auth_json = "", .on_progress = [&](const FetchProgress& progress) {
                         told.push_back(progress);
                       }};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no image id")));
  ASSERT_THAT(told, testing::SizeIs(4));
  EXPECT_EQ(told[0].phase, "resolve");
  EXPECT_EQ(told[1].bytes, 7U);
  EXPECT_EQ(told[1].total, 9U);
  EXPECT_EQ(told[2].layer, 1U);
  EXPECT_EQ(told[2].layers, 2U);
  EXPECT_EQ(told[2].bytes, 7U) << "what was fetched is still known";
  EXPECT_EQ(told[3].phase, "done");
}

TEST_F(Rkt, APullBeyondItsTimeNamesTheKey) {
  Script("exec sleep 100");
  FetchRequest request{.reference = "busybox", .auth_json = "", .timeout = milliseconds(100)};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("images.pull_timeout")));
}

TEST_F(Rkt, APullWithoutProgressIsGivenUpByRkt) {
  Script("echo 'fetch: nothing arrived for 300 s' >&2; echo 'rkt-status: 4' >&2; exit 254");
  FetchRequest request{.reference = "busybox", .auth_json = "", .timeout = {}, .progress_timeout = milliseconds(100)};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       AllOf(HasSubstr("nothing arrived"), HasSubstr("images.pull_progress_timeout"))));
  EXPECT_THAT(Args(), HasSubstr("--stall-timeout=100ms\n"));
  request.progress_timeout = {};
  EXPECT_THAT(loop_.Await(engine_.FetchImage(request)), StatusCodeIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Args(), HasSubstr("--stall-timeout=0ms\n")) << "never";
}

TEST_F(Rkt, TheNetworkIsAskedAboutTheConfiguredDirectories) {
  Script(R"(echo '{"ready":false,"reason":"NoNetworkConfiguration","message":"/conf is empty","networks":[]}')");
  ASSERT_OK_AND_ASSIGN(const NetworkStatus status, loop_.Await(engine_.GetNetworkStatus()));
  EXPECT_FALSE(status.ready);
  EXPECT_EQ(status.reason, "NoNetworkConfiguration");
  EXPECT_THAT(Args(), HasSubstr("--cni-conf-dir=/conf\n--cni-bin-dir=/bin1\n--cni-bin-dir=/bin2\n"));
}

TEST_F(Rkt, FeaturesAreAskedForOnce) {
  Script(R"(echo '{"handlers":[{"name":"crun","user_namespaces":true,"reason":""},)"
         R"({"name":"runc","user_namespaces":false,"reason":"old"}]}')");
  ASSERT_OK_AND_ASSIGN(const Features features, loop_.Await(engine_.GetFeatures()));
  EXPECT_THAT(features.user_namespaces,
              testing::UnorderedElementsAre(testing::Pair("crun", true), testing::Pair("runc", false)));
  Script("exit 1");
  EXPECT_THAT(loop_.Await(engine_.GetFeatures()), IsOk());
}

TEST_F(Rkt, FeaturesThatAreNotKnownAreAskedForAgain) {
  Script("exit 1");
  EXPECT_THAT(loop_.Await(engine_.GetFeatures()), testing::Not(IsOk()));
  Script(R"(echo '{"handlers":[{"name":"crun"}]}')");
  EXPECT_THAT(loop_.Await(engine_.GetFeatures()), StatusIs(absl::StatusCode::kInternal, HasSubstr("nothing usable")));
  Script(R"(echo '{"handlers":[]}')");
  EXPECT_THAT(loop_.Await(engine_.GetFeatures()), IsOk());
}

TEST(ImageList, IsReadWithAndWithoutOptionalKeys) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Image> images,
                       ParseImageList(R"([{"id":"sha256:a"},{"id":"sha256:b","tags":["x:1"],"digests":["x@sha256:1"],
      "size":12,"user":"1000","labels":{"k":"v"},"layers":["sha256:l",{"digest":"sha256:m"}],"import_time":5}])"));
  ASSERT_THAT(images, testing::SizeIs(2));
  EXPECT_EQ(images[1].size, 12U);
  EXPECT_THAT(images[1].layers, ElementsAre("sha256:l", "sha256:m"));
  EXPECT_THAT(ParseImageList("{\"x\":1}"), StatusIs(absl::StatusCode::kInternal, _));
  EXPECT_THAT(ParseImageList("no json"), StatusIs(absl::StatusCode::kInternal, _));
  EXPECT_THAT(ParseImageList("[]"), IsOkAndHolds(testing::IsEmpty()));
}

}  // namespace
}  // namespace rktlet::engine
