// SPDX-License-Identifier: Apache-2.0
// Golden tests of what goes over the wire to systemd. RKTLET_UPDATE_GOLDEN=1 writes the files anew.
#include "unit/pod_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "unit/hook_unit.h"
#include "unit/start_container.h"

namespace rktlet::unit {
namespace {

using base::StatusIs;
using testing::HasSubstr;

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(RKTLET_SOURCE_DIR "/src/unit/testdata/") + name;
  if (std::getenv("RKTLET_UPDATE_GOLDEN") != nullptr) {
    ASSERT_THAT(base::WriteFileAtomic(path, text, 0644), base::IsOk());
  }
  EXPECT_THAT(base::ReadFile(path), base::IsOkAndHolds(text));
}

class PodUnit : public testing::Test {
 protected:
  PodUnit() {
    pod_.spec.id = spec::PodId::Parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").value();
    pod_.spec.managed = true;
    pod_.spec.namespace_ = "shop";
    pod_.spec.name = "web-0";
    pod_.spec.uid = "u-1";
    pod_.spec.slice = "kubepods-podu_1.slice";
    pod_.boot_id = "boot";
    container_.spec.id =
        spec::ContainerId::Parse("fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210").value();
    container_.spec.app = spec::AppName::Parse(container_.spec.id.str()).value();
    container_.spec.name = "nginx";
    container_.stop_signal = "SIGQUIT";
  }

  std::string Text(const absl::StatusOr<systemd::TransientUnit>& unit) {
    return unit.ok() ? unit->ToText() : std::string(unit.status().message());
  }

  spec::PodRecord pod_;
  spec::ContainerRecord container_;
  Programs programs_{"/usr/bin/rkt", "/usr/libexec/rkt/rkt-helper", spec::Layout()};
  UnitOptions options_;
};

TEST_F(PodUnit, SaysEverythingThatAProcessCanFeel) {
  ExpectGolden("pod.txt", Text(BuildPodUnit(pod_, programs_, options_)));
}

TEST_F(PodUnit, OfAContainerIsBoundToItsPodAndCarriesItsLimits) {
  container_.spec.stop_timeout_usec = 5'000'000;
  container_.spec.resources.memory_limit = 64 << 20;
  container_.spec.resources.cpu_quota = 50'000;
  container_.spec.resources.unified = {{"memory.oom.group", "1"}};
  container_.device_nodes = {{"/dev/nvidia0", "rw"}, {"/dev/char/240:1", "r"}};
  ExpectGolden("container.txt", Text(BuildContainerUnit(pod_, container_, programs_, options_)));
}

TEST_F(PodUnit, ThatDidNotStartSaysWhatTheHookSaid) {
  const base::TempDir directory;
  const spec::Layout layout(directory.File("lib"), directory.File("run"));
  const auto write = [&](const char* name, const std::string& text) {
    ASSERT_THAT(base::MakeDirectories(layout.App(pod_.spec.id, container_.spec.app)), base::IsOk());
    ASSERT_THAT(base::WriteFileAtomic(layout.AppFile(pod_.spec.id, container_.spec.app, name), text), base::IsOk());
  };
  const auto text = [&] { return StartFailureText(layout, pod_.spec.id, container_.spec.app); };
  write("crun.log",
        "torn\n{\"msg\": \"cgroups\", \"level\": \"warning\"}\n{\"msg\": \"no such user\", \"level\": \"error\"}\n");
  write("hooks.log", "looking\nno card\n\n");
  EXPECT_EQ(text(), "no such user");
  write("crun.log",
        R"({"msg": "{\"msg\":\"error executing hook `/h` (exit code: 3)\",\"level\":\"error\"}", "level": "error"})");
  EXPECT_EQ(text(), "error executing hook `/h` (exit code: 3): no card");
  write("start-error", "no root file system\n");
  EXPECT_EQ(text(), "no root file system");
}

TEST_F(PodUnit, OfPoststartHooksIsOneThatEndsWithThem) {
  ExpectGolden("poststart.txt", Text(BuildPoststartUnit(pod_, container_, programs_)));
}

TEST_F(PodUnit, OfAPrivilegedContainerMayUseEveryDevice) {
  container_.spec.security.privileged = true;
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildContainerUnit(pod_, container_, programs_, options_));
  ASSERT_NE(unit.Find("DevicePolicy"), nullptr);
  EXPECT_EQ(unit.Find("DevicePolicy")->value, systemd::PropertyValue(std::string("auto")));
  EXPECT_EQ(unit.Find("DeviceAllow"), nullptr);
}

TEST_F(PodUnit, CarriesTheGracePeriodAsTimeoutStop) {
  container_.spec.stop_timeout_usec = 7'000'000;
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildContainerUnit(pod_, container_, programs_, options_));
  EXPECT_EQ(unit.Find("TimeoutStopUSec")->value, systemd::PropertyValue(uint64_t{7'000'000}));
}

TEST_F(PodUnit, LeavesTimeForTheExitRecordWhateverTheGracePeriod) {
  container_.spec.stop_timeout_usec = 1;
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildContainerUnit(pod_, container_, programs_, options_));
  EXPECT_EQ(unit.Find("TimeoutStopUSec")->value, systemd::PropertyValue(uint64_t{1'000'000}));
}

TEST_F(PodUnit, AsksForNoLowerOomScoreWhereThatIsNotPermitted) {
  options_.may_lower_oom_score = false;
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildPodUnit(pod_, programs_, options_));
  EXPECT_EQ(unit.Find("OOMScoreAdjust"), nullptr);
}

TEST_F(PodUnit, OnV1HasNoGroupKill) {
  container_.spec.resources = {};
  options_.cgroup_version = CgroupVersion::kV1;
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildContainerUnit(pod_, container_, programs_, options_));
  EXPECT_EQ(unit.Find("OOMPolicy")->value, systemd::PropertyValue(std::string("continue")));
}

TEST_F(PodUnit, AWrongStopSignalIsNamed) {
  container_.stop_signal = "SIGNOPE";
  EXPECT_THAT(BuildContainerUnit(pod_, container_, programs_, options_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SIGNOPE")));
}

TEST_F(PodUnit, TellsTheProgramsWhereStateIsWhenItIsElsewhere) {
  programs_.layout = spec::Layout("/srv/rkt", "/run/other");
  ASSERT_OK_AND_ASSIGN(const auto unit, BuildPodUnit(pod_, programs_, options_));
  EXPECT_THAT(systemd::ToText(*unit.Find("ExecStart")), HasSubstr(R"("--dir=/srv/rkt", "--run-dir=/run/other")"));
}

}  // namespace
}  // namespace rktlet::unit
