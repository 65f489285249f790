// SPDX-License-Identifier: Apache-2.0
// Documents and records: what is written is read again, and what is wrong is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/files.h"
#include "base/status_matchers.h"
#include "spec/container_spec.h"
#include "spec/layout.h"
#include "spec/pod_spec.h"
#include "spec/records.h"

namespace rktlet::spec {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;

PodSpec SomePod() {
  PodSpec pod;
  pod.id = PodId::MakeHex();
  pod.name = "web-0";
  pod.namespace_ = "shop";
  pod.uid = "u-1";
  pod.attempt = 3;
  pod.managed = true;
  pod.hostname = "web-0";
  pod.log_directory = "/var/log/pods/shop_web-0_u-1";
  pod.dns = {{"10.0.0.10"}, {"svc.cluster.local"}, {"ndots:5"}, ""};
  pod.hosts_entries = {{"10.1.1.1", {"db", "db.shop"}}};
  pod.ports = {{"tcp", 80, 8080, "127.0.0.1"}};
  pod.labels = {{"app", "web"}};
  pod.sysctls = {{"net.core.somaxconn", "1024"}};
  pod.slice = "kubepods-pod1.slice";
  pod.pid = NamespaceMode::kPod;
  pod.user_namespace = UserNamespace{{{0, 200'000, 65'536}}, {{0, 200'000, 65'536}}};
  pod.security.run_as_user = 1000;
  pod.security.seccomp = SecurityProfile{ProfileType::kLocalhost, "a.json"};
  pod.resources.emplace().cpu_shares = 512;
  return pod;
}

ContainerSpec SomeContainer() {
  ContainerSpec container;
  container.id = ContainerId::MakeHex();
  container.app = AppName::Parse(container.id.str()).value();
  container.name = "nginx";
  container.image = "sha256:" + std::string(64, 'a');
  container.command = {"/bin/sh", "-c", "echo 'a\nb' \\ ---", ""};
  container.environment = {{"PASSWORD", "line\none\\two"}, {"BYTES", std::string("\xff\xfe\x01", 3)}};
  Mount mount;
  mount.host_path = "/data";
  mount.container_path = "/data";
  mount.propagation = Propagation::kBidirectional;
  mount.uid_mappings = {{0, 1000, 1}, {1, 2000, 5}};
  mount.gid_mappings = {{0, 1000, 1}};
  mount.options = {"noexec", "nodev"};
  Mount image;
  image.kind = MountKind::kImage;
  image.image = "data:1";
  image.image_sub_path = "a/b";
  image.container_path = "/image";
  image.read_only = true;
  container.mounts = {mount, image};
  container.devices = {{"/dev/null", "/dev/null0", "rw"}};
  container.devices_belong_to_user = true;
  container.without_host_devices = true;
  container.cdi_devices = {"vendor.com/class=device"};
  container.stop_signal = "SIGRTMIN+3";
  container.stop_timeout_usec = 5'000'000;
  container.resources.unified = {{"memory.oom.group", "1"}};
  container.security.capabilities.add = {"NET_ADMIN"};
  container.security.pid = NamespaceMode::kPod;
  return container;
}

TEST(PodDocument, IsReadAsItWasWritten) {
  const PodSpec pod = SomePod();
  EXPECT_THAT(ParsePodSpec(ToJson(pod)), IsOkAndHolds(Eq(pod)));
}

TEST(ContainerDocument, NamesCdiDevicesInFull) {
  ContainerSpec container = SomeContainer();
  container.cdi_devices.push_back("device");
  EXPECT_THAT(Validate(container),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cdi_devices[1]: \"device\"")));
}

TEST(ContainerRecord, KeepsWhatWasMadeOfCdiDevices) {
  ContainerRecord record;
  record.spec = SomeContainer();
  record.device_nodes = {{"/dev/card0", "rw"}};
  record.cdi_mount_sources = {"/lib/vendor"};
  record.poststart_hooks = {{"/bin/hook", {"hook", ""}, {"A=b"}, 5}};
  const absl::StatusOr<ContainerRecord> read = ParseContainerRecord(ToJson(record));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->device_nodes, record.device_nodes);
  EXPECT_EQ(read->cdi_mount_sources, record.cdi_mount_sources);
  EXPECT_EQ(read->poststart_hooks, record.poststart_hooks);
}

TEST(ContainerDocument, IsReadAsItWasWrittenWhateverBytesTheEnvironmentHas) {
  const ContainerSpec container = SomeContainer();
  EXPECT_THAT(ParseContainerSpec(ToJson(container)), IsOkAndHolds(Eq(container)));
}

TEST(PodDocument, AnUnknownFieldIsNamedWithItsPath) {
  EXPECT_THAT(ParsePodSpec(R"({"version":1,"dns":{"server":[]}})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dns.server: unknown field")));
}

TEST(PodDocument, AWrongTypeIsNamedWithItsPath) {
  EXPECT_THAT(
      ParsePodSpec(R"({"version":1,"ports":[{"container_port":"80"}]})"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ports[0].container_port: must be a whole number")));
  EXPECT_THAT(ParsePodSpec(R"({"version":1,"attempt":-1})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("attempt: must be")));
  EXPECT_THAT(ParsePodSpec(R"({"version":1,"network":"bridge"})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("network: must be one of pod, container")));
}

TEST(PodDocument, AnotherVersionIsRefused) {
  EXPECT_THAT(ParsePodSpec(R"({"version":2})"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version")));
  EXPECT_THAT(ParsePodSpec("{"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a JSON object")));
}

TEST(PodDocument, ThatIsNestedTooDeepIsRefused) {
  EXPECT_THAT(
      ParsePodSpec(R"({"version":1,"labels":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("labels")));
}

TEST(PodDocument, EveryProblemIsTold) {
  PodSpec pod = SomePod();
  pod.log_directory = "logs";
  pod.ports[0].protocol = "icmp";
  pod.network = NamespaceMode::kTarget;
  EXPECT_THAT(Validate(pod), StatusIs(absl::StatusCode::kInvalidArgument,
                                      AllOf(HasSubstr("log_directory"), HasSubstr("ports[0].protocol"),
                                            HasSubstr("network: must be pod or node"))));
}

TEST(PodDocument, AUserNamespaceIsOneRangeFromZero) {
  const auto refusal = [](const std::string& uids, const std::string& gids, const std::string& more = "") {
    return ParsePodSpec(R"({"version":1,"id":")" + std::string(64, 'a') + R"(","user_namespace":{"uids":)" + uids +
                        R"(,"gids":)" + gids + "}" + more + "}")
        .status();
  };
  const std::string one = R"([{"container_id":0,"host_id":100000,"length":65536}])";
  const std::string two =
      R"([{"container_id":0,"host_id":100000,"length":10},{"container_id":5,"host_id":3,"length":9}])";
  const std::string late = R"([{"container_id":1,"host_id":100000,"length":10}])";
  const std::string empty = R"([{"container_id":0,"host_id":100000,"length":0}])";
  const std::string large = R"([{"container_id":0,"host_id":4294901760,"length":65536}])";
  const std::string root = R"([{"container_id":0,"host_id":0,"length":65536}])";
  EXPECT_THAT(refusal(one, one), IsOk());
  EXPECT_THAT(refusal("[]", "[]"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("uids: has 0 ranges")));
  EXPECT_THAT(refusal(two, two), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("uids[1]: overlaps")));
  EXPECT_THAT(refusal(late, late), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begin at the id 0")));
  EXPECT_THAT(refusal(empty, empty), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("uids[0].length")));
  EXPECT_THAT(refusal(large, large), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("beyond the last id")));
  EXPECT_THAT(refusal(root, root), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node's root")));
  EXPECT_THAT(refusal(one, "[]"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("uids and gids differ")));
  EXPECT_THAT(refusal(one, one, R"(,"pid":"node")"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(pid)")));
  EXPECT_THAT(refusal(one, one, R"(,"ipc":"node")"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(ipc)")));
}

TEST(ContainerDocument, ALogPathMayNotLeaveTheLogDirectory) {
  ContainerSpec container = SomeContainer();
  for (const char* path : {"/etc/passwd", "../x", "a/../../b", ".."}) {
    container.log_path = path;
    EXPECT_THAT(Validate(container), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("log_path"))) << path;
  }
  container.log_path = "nginx/0.log";
  EXPECT_THAT(Validate(container), IsOk());
}

TEST(ContainerDocument, AVolumeFromAnImageIsReadOnlyAndStaysInside) {
  const auto refused = [](const char* what, void (*change)(Mount&)) {
    ContainerSpec container = SomeContainer();
    change(container.mounts[1]);
    EXPECT_THAT(Validate(container), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what))) << what;
  };
  refused("mounts[1].image: missing", [](Mount& mount) { mount.image.clear(); });
  refused("mounts[1].host_path", [](Mount& mount) { mount.host_path = "/srv"; });
  refused("mounts[1].read_only", [](Mount& mount) { mount.read_only = false; });
  refused("mounts[1].propagation", [](Mount& mount) { mount.propagation = Propagation::kBidirectional; });
  refused("mounts[1].image_sub_path", [](Mount& mount) { mount.image_sub_path = "a/../.."; });
  refused("mounts[1].image_sub_path", [](Mount& mount) { mount.image_sub_path = "/a"; });
  refused("belong to kind image", [](Mount& mount) { mount.kind = MountKind::kBind; });
  refused("mounts[1].options: \"ro\"", [](Mount& mount) { mount.options = {"ro"}; });
}

TEST(ContainerDocument, NothingIsMountedOverTheRoot) {
  for (const char* path : {"/", "//", "/a/..", "/./"}) {
    ContainerSpec container = SomeContainer();
    container.mounts[0].container_path = path;
    EXPECT_THAT(Validate(container),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mounts[0].container_path")))
        << path;
  }
}

TEST(ContainerDocument, AGroupWithoutAUserIsRefused) {
  ContainerSpec container = SomeContainer();
  container.security.run_as_group = 5;
  EXPECT_THAT(Validate(container), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("run_as_group")));
}

TEST(Ids, OnlyHexAndUuidsAreIds) {
  EXPECT_THAT(PodId::Parse(std::string(64, 'a')), IsOk());
  EXPECT_THAT(PodId::Parse("0b3d4f5e-0000-4000-8000-0123456789ab"), IsOk());
  for (const char* text :
       {"", "..", "a", "0B3D4F5E-0000-4000-8000-0123456789AB", "0b3d4f5e/0000-4000-8000-0123456789ab"}) {
    EXPECT_THAT(PodId::Parse(text), StatusCodeIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(PodId::Parse(PodId::MakeUuid().str()), IsOk());
  EXPECT_NE(PodId::MakeHex(), PodId::MakeHex());
}

TEST(Ids, AppNamesAreLowerCaseWordsWithDashes) {
  for (const char* text : {"a", "web-0", "0-web"}) {
    EXPECT_THAT(AppName::Parse(text), IsOk()) << text;
  }
  for (const char* text : {"", "-a", "a-", "a--b", "A", "a/b", ".."}) {
    EXPECT_THAT(AppName::Parse(text), StatusCodeIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(Signals, AreKnownByEveryUsualName) {
  EXPECT_THAT(SignalNumber("SIGTERM"), IsOkAndHolds(SIGTERM));
  EXPECT_THAT(SignalNumber("TERM"), IsOkAndHolds(SIGTERM));
  EXPECT_THAT(SignalNumber("9"), IsOkAndHolds(9));
  EXPECT_THAT(SignalNumber("SIGRTMIN+3"), IsOkAndHolds(37));
  EXPECT_THAT(SignalNumber("SIGRTMAX-1"), IsOkAndHolds(63));
  EXPECT_THAT(SignalNumber("SIGIOT"), IsOkAndHolds(SIGABRT));
  for (const char* text : {"", "SIG", "0", "65", "SIGRTMIN+99", "sigterm"}) {
    EXPECT_THAT(SignalNumber(text), StatusCodeIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal != 32 && signal != 33) {
      EXPECT_THAT(SignalNumber(SignalName(signal)), IsOkAndHolds(signal));
    }
  }
}

class Records : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(base::MakeDirectories(layout_.App(pod_, app_)), IsOk());
    PodRecord pod;
    pod.spec = SomePod();
    pod.spec.id = pod_;
    ASSERT_THAT(base::WriteFileAtomic(layout_.PodFile(pod_, kPodFile), ToJson(pod)), IsOk());
    ContainerRecord container;
    container.spec = SomeContainer();
    ASSERT_THAT(base::WriteFileAtomic(layout_.AppFile(pod_, app_, kContainerFile), ToJson(container)), IsOk());
  }

  base::TempDir dir_;
  Layout layout_{dir_.File("lib"), dir_.File("run")};
  PodId pod_ = PodId::MakeHex();
  AppName app_ = AppName::Parse("web").value();
};

TEST_F(Records, OfExitsTheFirstCounts) {
  ExitRecord exit;
  exit.code = 7;
  exit.recorded_by = "watcher";
  ASSERT_THAT(RecordExit(layout_, pod_, app_, exit), IsOk());
  exit.code = 9;
  EXPECT_THAT(RecordExit(layout_, pod_, app_, exit), StatusCodeIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const ContainerState state, ReadContainer(layout_, pod_, app_));
  ASSERT_TRUE(state.exit.has_value());
  EXPECT_EQ(state.exit->code, 7);
  EXPECT_FALSE(state.started.has_value());
}

TEST_F(Records, ATornRecordIsDataLossWithItsPath) {
  ASSERT_THAT(base::WriteFileAtomic(layout_.AppFile(pod_, app_, kContainerFile), "{\"version\":1,\"spe"), IsOk());
  EXPECT_THAT(ReadContainer(layout_, pod_, app_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("web/app.json")));
  EXPECT_THAT(ReadPod(layout_, pod_), IsOk());
}

TEST_F(Records, DirectoriesThatAreNoPodsAreLeftOut) {
  ASSERT_THAT(base::MakeDirectories(layout_.Pods() + "/.half-made"), IsOk());
  EXPECT_THAT(ListPods(layout_), IsOkAndHolds(ElementsAre(pod_)));
  EXPECT_THAT(ListApps(layout_, pod_), IsOkAndHolds(ElementsAre(app_)));
}

TEST_F(Records, AMissingStoreIsAnEmptyOne) {
  EXPECT_THAT(ListPods(Layout(dir_.File("nowhere"), dir_.File("run"))), IsOkAndHolds(testing::IsEmpty()));
}

}  // namespace
}  // namespace rktlet::spec
