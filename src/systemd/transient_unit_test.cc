// SPDX-License-Identifier: Apache-2.0
#include "systemd/transient_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rktlet::systemd {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TransientUnit Unit() { return TransientUnit(*UnitName::Parse("web.service")); }

TEST(TransientUnit, ReadsLikeAUnitFile) {
  TransientUnit unit = Unit();
  unit.Set("Description", "pod \"web\"\nof default")
      .Set("Type", "forking")
      .Set("RemainAfterExit", true)
      .Set("KillSignal", int32_t{15})
      .Set("TasksMax", kInfinity)
      .Set("MemoryMax", uint64_t{1048576})
      .Set("AllowedCPUs", *CpuSetBytes("0-3,7"))
      .Set("IOReadBandwidthMax", StringNumbers{{"/dev/vda", 1000}})
      .Add("After", "network-online.target")
      .ExecStart({.path = "/usr/bin/rkt", .argv = {"rkt", "app", "start"}})
      .ExecStopPost({.path = "/bin/true", .argv = {"true"}, .ignore_failure = true})
      .Add("After", "dbus.socket")
      .AllowDevice("/dev/null", "rwm")
      .AllowDevice("char-*", "m")
      .LogField("K8S_POD", "web");
  EXPECT_EQ(unit.ToText(),
            "[web.service]\n"
            "Description s \"pod \\\"web\\\"\\nof default\"\n"
            "Type s \"forking\"\n"
            "RemainAfterExit b true\n"
            "KillSignal i 15\n"
            "TasksMax t infinity\n"
            "MemoryMax t 1048576\n"
            "AllowedCPUs ay 0x8f\n"
            "IOReadBandwidthMax a(st) [(\"/dev/vda\", 1000)]\n"
            "After as [\"network-online.target\", \"dbus.socket\"]\n"
            "ExecStart a(sasb) [{ path=\"/usr/bin/rkt\" argv=[\"rkt\", \"app\", \"start\"] }]\n"
            "ExecStopPost a(sasb) [{ path=\"/bin/true\" argv=[\"true\"] ignore_failure }]\n"
            "DeviceAllow a(ss) [(\"/dev/null\", \"rwm\"), (\"char-*\", \"m\")]\n"
            "LogExtraFields aay [\"K8S_POD=web\"]\n");
}

TEST(TransientUnit, ReportsItsFirstErrorOnce) {
  TransientUnit unit = Unit();
  unit.Set("TasksMax", int32_t{5}).Set("", true).Set("Type", "simple");
  EXPECT_THAT(unit.TryBuild(), StatusIs(kInvalid,
                                        "unit web.service: property TasksMax: has type \"i\", systemd expects "
                                        "\"t\""));
}

TEST(TransientUnit, RefusesAPropertySetTwice) {
  EXPECT_THAT(Unit().Set("Type", "simple").Set("Type", "simple").TryBuild(), StatusIs(kInvalid, HasSubstr("twice")));
  EXPECT_THAT(Unit().Add("After", "a.target").Set("After", std::vector<std::string>{"b.target"}).TryBuild(),
              StatusIs(kInvalid, HasSubstr("twice")));
  EXPECT_THAT(Unit().Set("After", std::vector<std::string>{"b.target"}).Add("After", "a.target").TryBuild(),
              StatusIs(kInvalid, HasSubstr("added to")));
}

TEST(TransientUnit, ChecksListsWhenTheyAreComplete) {
  EXPECT_THAT(Unit().ExecStart({.path = "true", .argv = {"true"}}).TryBuild(),
              StatusIs(kInvalid, HasSubstr("no absolute path")));
  EXPECT_THAT(Unit().ExecStart({.path = "/bin/true", .argv = {}}).TryBuild(), StatusIs(kInvalid, HasSubstr("argv[0]")));
  EXPECT_THAT(Unit().Add("Type", "simple").TryBuild(), StatusIs(kInvalid, HasSubstr("systemd expects \"s\"")));
}

TEST(TransientUnit, RefusesTextThatTheBusWouldNotCarry) {
  EXPECT_THAT(Unit().Set("Description", std::string("a\0b", 3)).TryBuild(), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Unit().Set("Description", "\xff").TryBuild(), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Unit().Set("Description", "\xc0\x80").TryBuild(), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Unit().Set("Description", "\xed\xa0\x80").TryBuild(), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Unit().Add("Environment", "A=\xf5").TryBuild(), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(Unit().Set("Description", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80").TryBuild(), IsOk());
}

TEST(TransientUnit, RefusesWrongDevicesAndJournalFields) {
  EXPECT_THAT(Unit().AllowDevice("/dev/null", "rx").TryBuild(), StatusIs(kInvalid, HasSubstr("rwm")));
  EXPECT_THAT(Unit().LogField("_PID", "1").TryBuild(), StatusIs(kInvalid, HasSubstr("journal field")));
  EXPECT_THAT(Unit().LogField("pod", "1").TryBuild(), StatusIs(kInvalid, HasSubstr("journal field")));
}

TEST(TransientUnit, CarriesAnErrorOfTheCallerToTheBuild) {
  EXPECT_THAT(Unit().Check(absl::OkStatus()).TryBuild(), IsOk());
  EXPECT_THAT(Unit().Check(absl::NotFoundError("no such device")).Set("Type", int32_t{1}).TryBuild(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such device")));
}

TEST(ExpectedSignature, KnowsWhatWeSetAndNothingElse) {
  EXPECT_EQ(ExpectedSignature("AddRef"), "b");
  EXPECT_EQ(ExpectedSignature("DeviceAllow"), "a(ss)");
  EXPECT_EQ(ExpectedSignature("WorkingDirectory"), "s");
  EXPECT_EQ(ExpectedSignature("NoSuchThing"), "");
}

TEST(CpuSetBytes, SetsOneBitForEachCpu) {
  EXPECT_THAT(CpuSetBytes("0"), IsOkAndHolds(ElementsAre(0x01)));
  EXPECT_THAT(CpuSetBytes("0-3,7"), IsOkAndHolds(ElementsAre(0x8f)));
  EXPECT_THAT(CpuSetBytes("9,1"), IsOkAndHolds(ElementsAre(0x02, 0x02)));
  EXPECT_THAT(CpuSetBytes(""), IsOkAndHolds(ElementsAre()));
}

TEST(CpuSetBytes, RefusesWhatIsNoList) {
  for (const char* list : {",", "1,", "a", "3-1", "1-", "-1", "8192", "0-99999999999", "1 2", "0x1"}) {
    EXPECT_THAT(CpuSetBytes(list), StatusCodeIs(kInvalid)) << list;
  }
}

TEST(CpuSetList, IsTheReverse) {
  for (const char* list : {"", "0", "0-3,7", "5,8-15,64"}) {
    EXPECT_EQ(CpuSetList(*CpuSetBytes(list)), list);
  }
}

}  // namespace
}  // namespace rktlet::systemd
