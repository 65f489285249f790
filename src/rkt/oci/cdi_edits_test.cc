// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/cdi_edits.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rkt::cdi::DeviceEdits;
using rkt::cdi::HookStage;
using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::spec::AllowedDevice;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CdiEditsTest : public testing::Test {
 protected:
  CdiEditsTest() {
    edits_.where = "devices[0].containerEdits";
    spec_.process.env = {"PATH=/bin", "MODE=image"};
    spec_.process.user = {1000, 2000, {3000}};
    spec_.rootfs_propagation = "rprivate";
    spec_.mounts = {{"/proc", "proc", "proc", {}}, {"/dev", "tmpfs", "tmpfs", {}}, {"/data/inner", "bind", "/x", {}}};
    EXPECT_THAT(rktlet::base::WriteFileAtomic(temp_.File("tool"), "#!/bin/sh\n", 0755), IsOk());
    EXPECT_THAT(rktlet::base::WriteFileAtomic(temp_.File("text"), "x", 0644), IsOk());
  }

  absl::Status Apply(bool device_rules = false) {
    return ApplyCdiEdits({{"v.com/c=d", "/etc/cdi/d.json", edits_}}, HostMounts(mountinfo_), device_rules, spec_,
                         changes_);
  }
  void AddHook(HookStage stage, const std::string& path) { edits_.hooks.push_back({stage, {path, {}, {}, {}}}); }

  rktlet::base::TempDir temp_;
  rkt::cdi::Edits edits_;
  std::string mountinfo_ = "1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / /sys rw shared:7 - sysfs x rw\n";
  RuntimeSpec spec_;
  CdiChanges changes_;
};

TEST_F(CdiEditsTest, WithoutDevicesNothingChanges) {
  const std::string before = ToJson(spec_);
  EXPECT_THAT(ApplyCdiEdits({}, HostMounts(mountinfo_), true, spec_, changes_), IsOk());
  EXPECT_EQ(ToJson(spec_), before);
}

TEST_F(CdiEditsTest, VariablesReplaceThoseOfTheImage) {
  edits_.env = {"MODE=device", "MORE=a=b"};
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_THAT(spec_.process.env, ElementsAre("PATH=/bin", "MODE=device", "MORE=a=b"));
}

TEST_F(CdiEditsTest, ADeviceIsLikeTheNodesAndBelongsToTheContainersUser) {
  ASSERT_EQ(symlink("/dev/null", temp_.File("link").c_str()), 0);
  edits_.device_nodes.push_back({.path = "/dev/card", .host_path = temp_.File("link"), .permissions = "rw"});
  spec_.devices = {{.path = "/dev/card", .type = "b"}};
  ASSERT_THAT(Apply(true), IsOk());
  ASSERT_THAT(spec_.devices, SizeIs(1));
  const LinuxDevice& device = spec_.devices[0];
  EXPECT_EQ(device.type, "c");
  EXPECT_EQ(device.major, 1);
  EXPECT_EQ(device.minor, 3);
  EXPECT_EQ(device.file_mode, 0666U);
  EXPECT_EQ(device.uid, 1000U);
  EXPECT_EQ(device.gid, 2000U);
  EXPECT_THAT(changes_.device_nodes, ElementsAre(AllowedDevice{"/dev/null", "rw"}));
  EXPECT_THAT(spec_.device_rules, ElementsAre(AllOf(Field(&DeviceRule::minor, 3), Field(&DeviceRule::access, "rw"))));
}

TEST_F(CdiEditsTest, ADeviceThatIsSpecifiedInFullNeedsNoNode) {
  edits_.device_nodes.push_back(
      {.path = "/dev/new", .type = "u", .major = 240, .minor = 9, .file_mode = 0640, .uid = 0, .gid = 5});
  edits_.device_nodes.push_back({.path = "/dev/disk", .type = "b", .major = 240, .minor = 1});
  // The node is another device than the one that is specified: its numbers count.
  edits_.device_nodes.push_back({.path = "/dev/null", .type = "c", .major = 240, .minor = 2});
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_EQ(spec_.devices[0].type, "c");
  EXPECT_EQ(spec_.devices[0].file_mode, 0640U);
  EXPECT_EQ(spec_.devices[0].uid, 0U);
  EXPECT_EQ(spec_.devices[0].gid, 5U);
  EXPECT_THAT(changes_.device_nodes,
              ElementsAre(AllowedDevice{"/dev/char/240:9", "rwm"}, AllowedDevice{"/dev/block/240:1", "rwm"},
                          AllowedDevice{"/dev/char/240:2", "rwm"}));
}

TEST_F(CdiEditsTest, ADeviceWithoutPermissionsIsThereAndMayNotBeUsed) {
  edits_.device_nodes.push_back({.path = "/dev/null", .permissions = "none"});
  ASSERT_EQ(mkfifo(temp_.File("pipe").c_str(), 0600), 0);
  edits_.device_nodes.push_back({.path = "/dev/pipe", .host_path = temp_.File("pipe")});
  ASSERT_THAT(Apply(true), IsOk());
  EXPECT_THAT(spec_.devices, SizeIs(2));
  EXPECT_EQ(spec_.devices[1].type, "p");
  EXPECT_THAT(changes_.device_nodes, IsEmpty());
  EXPECT_THAT(spec_.device_rules, IsEmpty());
}

TEST_F(CdiEditsTest, ADeviceThatIsMissingOrNoneIsNamed) {
  edits_.device_nodes = {{.path = "/dev/null"}, {.path = "/dev/nosuch"}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kNotFound,
                                AllOf(HasSubstr("CDI device v.com/c=d: /etc/cdi/d.json: devices[0].containerEdits."
                                                "deviceNodes[1]"),
                                      HasSubstr("/dev/nosuch"))));
  edits_.device_nodes = {{.path = temp_.File("text")}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no device")));
  edits_.device_nodes = {{.path = "/dev/null", .type = "b"}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/dev/null is of type c, not b")));
}

TEST_F(CdiEditsTest, MountsAreBindsUnlessTheySayOtherwiseAndComeParentsFirst) {
  ASSERT_EQ(symlink("text", temp_.File("link").c_str()), 0);
  edits_.mounts = {{temp_.File("link"), "/lib/x", "", {"ro", "nosuid"}},
                   {temp_.path(), "/data/", "none", {"bind", "rslave"}},
                   {"tmpfs", "/data/inner", "tmpfs", {"size=1m"}}};
  mountinfo_ = "1 0 0:1 / / rw shared:3 - ext4 x rw\n";
  ASSERT_THAT(Apply(), IsOk());
  ASSERT_THAT(spec_.mounts, SizeIs(5));
  EXPECT_EQ(spec_.mounts[2].destination, "/data");
  EXPECT_THAT(spec_.mounts[2].options, ElementsAre("bind", "rslave"));
  EXPECT_EQ(spec_.mounts[3].destination, "/lib/x");
  EXPECT_EQ(spec_.mounts[3].type, "bind");
  EXPECT_THAT(spec_.mounts[3].source, testing::EndsWith("/text"));
  EXPECT_THAT(spec_.mounts[3].options, ElementsAre("rbind", "ro", "nosuid", "rprivate"));
  EXPECT_EQ(spec_.mounts[4].type, "tmpfs");
  EXPECT_EQ(spec_.rootfs_propagation, "rslave");
  EXPECT_THAT(changes_.mount_sources, ElementsAre(testing::EndsWith("/text"), testing::EndsWith(temp_.path())));
}

TEST_F(CdiEditsTest, AMountThatCannotBeIsNamed) {
  edits_.mounts = {{"/nosuch", "/x", "", {}}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("mounts[0]"), HasSubstr("/nosuch"))));
  edits_.mounts = {{"relative", "/x", "", {}}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not an absolute path")));
  edits_.mounts = {{"/sys", "/x", "", {"readonly"}}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"readonly\" is no option")));
  edits_.mounts = {{"/sys", "/x", "", {"rshared"}}};
  EXPECT_THAT(Apply(), IsOk());
  EXPECT_EQ(spec_.rootfs_propagation, "rshared");
  edits_.mounts = {{temp_.path(), "/x", "", {"rshared"}}};
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not shared")));
}

TEST_F(CdiEditsTest, EachHookGoesToWhoRunsIt) {
  const std::string tool = temp_.File("tool");
  for (const HookStage stage :
       {HookStage::kPrestart, HookStage::kCreateRuntime, HookStage::kCreateContainer, HookStage::kPoststart}) {
    AddHook(stage, tool);
  }
  AddHook(HookStage::kStartContainer, "/only/in/the/container");
  edits_.hooks[1].hook = {tool, {"name", "argument"}, {"A=b"}, 5};
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_THAT(spec_.hooks.prestart, SizeIs(1));
  EXPECT_THAT(spec_.hooks.create_container, SizeIs(1));
  EXPECT_THAT(spec_.hooks.start_container, SizeIs(1));
  EXPECT_THAT(changes_.poststart, SizeIs(1));
  EXPECT_THAT(ToJson(spec_), AllOf(HasSubstr("\"createRuntime\""), HasSubstr("\"argument\""),
                                   HasSubstr("\"timeout\": 5"), HasSubstr("/only/in/the/container")));
}

TEST_F(CdiEditsTest, AHookThatIsMissingOrNoProgramIsNamed) {
  AddHook(HookStage::kPoststart, "/nosuch");
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("hooks[0]: path /nosuch"))));
  edits_.hooks.clear();
  AddHook(HookStage::kPrestart, temp_.path());
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no program")));
}

TEST_F(CdiEditsTest, GroupsAreAddedOnceAndZeroMeansNothing) {
  edits_.additional_gids = {0, 44, 3000, 44};
  ASSERT_THAT(Apply(), IsOk());
  EXPECT_THAT(spec_.process.user.additional_gids, ElementsAre(3000, 44));
}

TEST_F(CdiEditsTest, WhatCannotBeDoneIsRefused) {
  edits_.intel_rdt = true;
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kUnimplemented,
                                AllOf(HasSubstr("v.com/c=d"), HasSubstr("devices[0].containerEdits.intelRdt"))));
  edits_.intel_rdt = false;
  edits_.net_devices = true;
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr(".netDevices")));
  edits_.net_devices = false;
  AddHook(HookStage::kPoststop, temp_.File("tool"));
  EXPECT_THAT(Apply(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("hooks[0]: poststop hooks are not")));
}

}  // namespace
}  // namespace rkt::oci
