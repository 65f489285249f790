// SPDX-License-Identifier: Apache-2.0
// Golden documents in testdata/; RKTLET_UPDATE_GOLDEN=1 writes them anew.
#include "rkt/oci/spec_builder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::StatusIs;
using rktlet::spec::NamespaceMode;
using rktlet::spec::ProfileType;
using testing::ElementsAre;
using testing::HasSubstr;

class SpecBuilder : public testing::Test {
 protected:
  SpecBuilder()
      : layout_("/nonexistent/lib/rkt", "/nonexistent/run/rkt"), host_mounts_("1 0 0:1 / / rw shared:1 - ext4 x rw\n") {
    pod_.id = *rktlet::spec::PodId::Parse(std::string(64, 'a'));
    pod_.name = "web";
    container_.id = *rktlet::spec::ContainerId::Parse(std::string(64, 'b'));
    container_.app = *rktlet::spec::AppName::Parse(std::string(64, 'b'));
    container_.name = "nginx";
    container_.image = "nginx";
    image_.entrypoint = {"/docker-entrypoint.sh"};
    image_.cmd = {"nginx", "-g", "daemon off;"};
    image_.env = {"NGINX_VERSION=1.14"};
    image_.stop_signal = "SIGQUIT";
    facts_.capabilities = (uint64_t{1} << 41) - 1;
    facts_.seccomp = HostSeccompFacts();
    holders_.supervisor = 4711;
    holders_.pid_target = 4712;
  }

  absl::StatusOr<BuildResult> Build() {
    return BuildRuntimeSpec(
        {layout_,
         pod_,
         container_,
         image_,
         facts_,
         host_mounts_,
         holders_,
         paths_,
         "web",
         [](const std::string& path) -> absl::StatusOr<std::string> { return absl::NotFoundError(path); },
         {},
         "s0:c7,c99"});
  }

  void ExpectGolden(const std::string& name) {
    ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
    const std::string path = std::string(RKTLET_SOURCE_DIR) + "/src/rkt/oci/testdata/" + name + ".json";
    const std::string text = ToJson(result.spec);
    if (std::getenv("RKTLET_UPDATE_GOLDEN") != nullptr) {
      ASSERT_THAT(rktlet::base::WriteFileAtomic(path, text, 0644), rktlet::base::IsOk());
    }
    EXPECT_THAT(rktlet::base::ReadFile(path), rktlet::base::IsOkAndHolds(text));
  }

  rktlet::base::TempDir temp_;
  rktlet::spec::Layout layout_;
  rktlet::spec::PodSpec pod_;
  rktlet::spec::ContainerSpec container_;
  ImageProcess image_;
  HostFacts facts_;
  HostMounts host_mounts_;
  NamespaceHolders holders_;
  SecurityPaths paths_;
};

TEST_F(SpecBuilder, AContainerThatAsksForNothing) { ExpectGolden("plain"); }

TEST_F(SpecBuilder, AContainerOfThePodsProcessesOnTheHostsNetwork) {
  pod_.network = NamespaceMode::kNode;
  pod_.ipc = NamespaceMode::kNode;
  pod_.pid = NamespaceMode::kPod;
  container_.security.pid = NamespaceMode::kPod;
  facts_.cgroup_version = rktlet::unit::CgroupVersion::kV1;
  ExpectGolden("host_network");
}

TEST_F(SpecBuilder, AContainerInTheUserNamespaceOfItsPod) {
  const std::vector<rktlet::spec::IdMapping> ids = {{.container_id = 0, .host_id = 200'000, .length = 65'536}};
  pod_.user_namespace = rktlet::spec::UserNamespace{ids, ids};
  rktlet::spec::Mount mount;
  mount.host_path = "/";
  mount.container_path = "/host";
  mount.uid_mappings = mount.gid_mappings = ids;
  container_.mounts.push_back(mount);
  ExpectGolden("user_namespace");

  container_.security.run_as_user = 65'536;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("user 65536 is not in the pod's")));
  container_.security.run_as_user = 65'535;
  container_.security.supplemental_groups = {70'000};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("group 70000 is not in the pod's")));
  container_.security = {};
  container_.security.pid = NamespaceMode::kNode;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("node's processes")));
}

TEST_F(SpecBuilder, AContainerWithEverythingSet) {
  container_.command = {"/bin/server"};
  container_.args = {"--listen", ""};
  container_.working_directory = "/srv";
  container_.environment = {{"TOKEN", "a\nb"}};
  container_.tty = true;
  container_.security.read_only_root = true;
  container_.security.no_new_privileges = true;
  container_.security.run_as_user = 1000;
  container_.security.run_as_group = 2000;
  container_.security.supplemental_groups = {3000};
  container_.security.capabilities = {{"NET_ADMIN"}, {"ALL"}, {}};
  container_.security.masked_paths = std::vector<std::string>{"/proc/kcore"};
  container_.security.readonly_paths = std::vector<std::string>{"/proc/sys"};
  container_.security.pid = NamespaceMode::kTarget;
  container_.security.pid_target = std::string(64, 'c');
  container_.resources.oom_score_adj = 985;
  rktlet::spec::Mount volume;
  volume.kind = rktlet::spec::MountKind::kEmpty;
  volume.name = "data";
  volume.container_path = "/data";
  volume.read_only = true;
  container_.mounts = {volume};
  container_.devices = {{"/dev/null", "/dev/void", "rw"}};
  ExpectGolden("everything");
}

TEST_F(SpecBuilder, AnEmptyListHidesNothingAndNoneTheUsual) {
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_THAT(result.spec.masked_paths, testing::Contains("/proc/kcore"));
  EXPECT_THAT(result.spec.readonly_paths, testing::Contains("/proc/sys"));
  container_.security.masked_paths.emplace();
  container_.security.readonly_paths.emplace();
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_THAT(result.spec.masked_paths, testing::IsEmpty());
  EXPECT_THAT(result.spec.readonly_paths, testing::IsEmpty());
}

TEST_F(SpecBuilder, TheUnitAllowsDevicesByTheirRealPaths) {
  const std::string link = temp_.File("link");
  ASSERT_EQ(symlink("/dev/null", link.c_str()), 0);
  container_.devices = {{link, "/dev/void", "rw"}};
  ASSERT_OK_AND_ASSIGN(const BuildResult result, Build());
  EXPECT_THAT(result.device_nodes, testing::ElementsAre(rktlet::spec::AllowedDevice{"/dev/null", "rw"}));
  EXPECT_EQ(result.spec.devices.at(0).path, "/dev/void");
}

TEST_F(SpecBuilder, DevicesKeepTheirOwnerUnlessTheyAreToBelongToTheUser) {
  container_.security.run_as_user = 1000;
  container_.security.run_as_group = 2000;
  container_.devices = {{"/dev/null", "/dev/void", "rw"}};
  ASSERT_OK_AND_ASSIGN(BuildResult kept, Build());
  EXPECT_EQ(kept.spec.devices.at(0).uid, 0U);
  container_.devices_belong_to_user = true;
  ASSERT_OK_AND_ASSIGN(BuildResult given, Build());
  EXPECT_EQ(given.spec.devices.at(0).uid, 1000U);
  EXPECT_EQ(given.spec.devices.at(0).gid, 2000U);
}

TEST_F(SpecBuilder, APrivilegedContainerIsUnconfinedAndSeesTheMachinesDevices) {
  container_.security.privileged = true;
  container_.security.seccomp.type = ProfileType::kRuntimeDefault;
  container_.security.masked_paths = std::vector<std::string>{"/proc/kcore"};
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_THAT(result.spec.process.capabilities.bounding, testing::SizeIs(41));
  EXPECT_THAT(result.spec.masked_paths, testing::IsEmpty());
  EXPECT_EQ(result.spec.seccomp_filter, "");
  EXPECT_THAT(result.spec.namespaces, testing::Not(testing::Contains(testing::Field(&LinuxNamespace::type, "cgroup"))));
  pod_.managed = true;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("privileged")));
}

TEST_F(SpecBuilder, TheDefaultSeccompProfileTravelsCompiled) {
  paths_.seccomp_default = temp_.File("default.json");
  paths_.seccomp_cache = temp_.File("cache");
  ASSERT_THAT(rktlet::base::WriteFileAtomic(
                  paths_.seccomp_default, R"({"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]})"),
              rktlet::base::IsOk());
  container_.security.seccomp.type = ProfileType::kRuntimeDefault;
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_NE(result.spec.seccomp_filter, "");
  EXPECT_THAT(result.spec.seccomp_flags, ElementsAre("SECCOMP_FILTER_FLAG_LOG"));
  EXPECT_THAT(ToJson(result.spec), HasSubstr("run.oci.seccomp_bpf_data"));
  container_.security.seccomp = {ProfileType::kLocalhost, temp_.File("missing.json")};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.json")));
}

TEST_F(SpecBuilder, AppArmorAndSelinuxAreRefusedWhereThereIsNone) {
  container_.security.apparmor = {ProfileType::kLocalhost, "mine"};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("mine")));
  facts_.apparmor = true;
  facts_.apparmor_profiles = "other (enforce)\nminer (enforce)\n";
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not loaded")));
  facts_.apparmor_profiles += "mine (complain)\n";
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_EQ(result.spec.process.apparmor_profile, "mine");
  container_.security.privileged = pod_.security.privileged = true;
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(result.spec.process.apparmor_profile, "mine") << "asked for by name";
  container_.security.privileged = false;
  container_.security.apparmor = {};
  container_.security.selinux.level = "s0:c1,c2";
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("SELinux")));
  facts_.selinux.enabled = true;
  facts_.selinux.check = [](const std::string&) { return absl::OkStatus(); };
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(result.spec.process.selinux_label, "system_u:system_r:container_t:s0:c1,c2");
}

TEST_F(SpecBuilder, WithSelinuxLabelsAreThePodsAndVolumesAreRelabelled) {
  ASSERT_THAT(rktlet::base::MakeDirectories(temp_.File("volume")), rktlet::base::IsOk());
  container_.mounts.resize(2);
  for (rktlet::spec::Mount& mount : container_.mounts) {
    mount.host_path = temp_.File("volume");
    mount.container_path = "/data";
  }
  container_.mounts[0].selinux_relabel = true;
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_TRUE(result.relabel.empty()) << "without SELinux it is no one's business";
  EXPECT_EQ(result.spec.mount_label, "");
  facts_.selinux.enabled = true;
  facts_.selinux.check = [](const std::string&) { return absl::OkStatus(); };
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(result.spec.process.selinux_label, "system_u:system_r:container_t:s0:c7,c99");
  EXPECT_EQ(result.spec.mount_label, "system_u:object_r:container_file_t:s0:c7,c99");
  EXPECT_THAT(result.relabel, ElementsAre(temp_.File("volume")));
  EXPECT_THAT(ToJson(result.spec), HasSubstr("\"mountLabel\": \"system_u:object_r:container_file_t:s0:c7,c99\""));
  container_.mounts[0].host_path = "/etc/../usr/.";
  EXPECT_THAT(Build(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mount /data: SELinux relabelling of /usr")));
  container_.mounts[0].selinux_relabel = false;
  facts_.selinux.check = [](const std::string&) { return absl::InvalidArgumentError("unknown"); };
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(result.spec.process.selinux_label, "");
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("knows no containers")));
}

TEST_F(SpecBuilder, AnOomScoreThatCannotBeSetIsTheLowestPossibleAndTold) {
  facts_.minimum_oom_score_adj = 0;
  container_.resources.oom_score_adj = -997;
  ASSERT_OK_AND_ASSIGN(BuildResult result, Build());
  EXPECT_EQ(result.spec.process.oom_score_adj, 0);
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("-997")));
}

TEST_F(SpecBuilder, SharingProcessesOfAPodThatSharesNoneIsRefused) {
  container_.security.pid = NamespaceMode::kPod;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shares none")));
}

TEST_F(SpecBuilder, ADeviceThatIsNoneIsNamed) {
  container_.devices = {{"/etc/passwd", "/dev/x", "r"}};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/etc/passwd")));
}

}  // namespace
}  // namespace rkt::oci
