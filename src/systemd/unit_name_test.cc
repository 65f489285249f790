// SPDX-License-Identifier: Apache-2.0
#include "systemd/unit_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/hash/hash.h"
#include "base/status_matchers.h"

namespace rktlet::systemd {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using base::StatusIs;
using testing::HasSubstr;

UnitName Name(const std::string& name) { return *UnitName::Parse(name); }

TEST(UnitName, TakesWhatSystemdTakes) {
  for (const char* name : {"a.service", "k8s-default-web.1-nginx-0a1b.service", "-.slice", "rkt:x_y@z.service",
                           "dev-disk\\x2dby.device", "x.y.slice"}) {
    EXPECT_THAT(UnitName::Parse(name), IsOk()) << name;
  }
  EXPECT_THAT(UnitName::Parse(std::string(247, 'a') + ".service"), IsOk());
}

TEST(UnitName, RefusesTheRestAndSaysWhy) {
  const auto refused = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(UnitName::Parse(""), StatusIs(refused, HasSubstr("is empty")));
  EXPECT_THAT(UnitName::Parse(std::string(248, 'a') + ".service"), StatusIs(refused, HasSubstr("256 bytes")));
  EXPECT_THAT(UnitName::Parse("a b.service"), StatusIs(refused, HasSubstr("character")));
  EXPECT_THAT(UnitName::Parse("a/b.service"), StatusIs(refused, HasSubstr("character")));
  EXPECT_THAT(UnitName::Parse("a\xc3\xa4.service"), StatusIs(refused, HasSubstr("character")));
  EXPECT_THAT(UnitName::Parse(".service"), StatusIs(refused, HasSubstr("before its type")));
  EXPECT_THAT(UnitName::Parse("service"), StatusIs(refused, HasSubstr("before its type")));
  EXPECT_THAT(UnitName::Parse("a.pod"), StatusIs(refused, HasSubstr("known unit type")));
  EXPECT_THAT(UnitName::Parse("a@.service"), StatusIs(refused, HasSubstr("template")));
  EXPECT_THAT(UnitName::Parse("@a.service"), StatusIs(refused, HasSubstr("template")));
}

TEST(UnitName, KnowsItsType) {
  EXPECT_EQ(Name("a.b.service").type(), "service");
  EXPECT_EQ(Name("-.slice").type(), "slice");
}

TEST(UnitName, ComparesAndHashesByText) {
  EXPECT_EQ(Name("a.service"), Name("a.service"));
  EXPECT_LT(Name("a.service"), Name("b.service"));
  EXPECT_EQ(absl::HashOf(Name("a.service")), absl::HashOf(Name("a.service")));
  EXPECT_EQ(std::hash<UnitName>()(Name("a.service")), std::hash<UnitName>()(Name("a.service")));
}

TEST(EscapeUnitComponent, LeavesWhatSystemdCanTake) {
  EXPECT_EQ(EscapeUnitComponent("web-1.example_com:80"), "web-1.example_com:80");
}

TEST(EscapeUnitComponent, EscapesOnlyTheRest) {
  EXPECT_EQ(EscapeUnitComponent("a/b c@d\\e"), "a\\x2fb\\x20c\\x40d\\x5ce");
  EXPECT_EQ(EscapeUnitComponent("\xc3\xa4"), "\\xc3\\xa4");
}

TEST(UnitObjectPath, EscapesAsTheBusDoes) {
  EXPECT_EQ(UnitObjectPath(Name("k8s-a_b.service")), "/org/freedesktop/systemd1/unit/k8s_2da_5fb_2eservice");
  EXPECT_EQ(UnitObjectPath(Name("0a.service")), "/org/freedesktop/systemd1/unit/_30a_2eservice");
}

TEST(UnitObjectPath, ComesBackTheSame) {
  for (const char* name : {"a.service", "0a-b_c.d\\x2f@e.service", "-.slice"}) {
    EXPECT_THAT(UnitNameFromObjectPath(UnitObjectPath(Name(name))), IsOkAndHolds(Name(name)));
  }
}

TEST(UnitNameFromObjectPath, RefusesOtherObjects) {
  const auto refused = absl::StatusCode::kNotFound;
  EXPECT_THAT(UnitNameFromObjectPath("/org/freedesktop/systemd1/job/1"), StatusCodeIs(refused));
  EXPECT_THAT(UnitNameFromObjectPath("/org/freedesktop/systemd1/unit/"), StatusCodeIs(refused));
  EXPECT_THAT(UnitNameFromObjectPath("/org/freedesktop/systemd1/unit/a_2"), StatusCodeIs(refused));
  EXPECT_THAT(UnitNameFromObjectPath("/org/freedesktop/systemd1/unit/a_zz"), StatusCodeIs(refused));
}

}  // namespace
}  // namespace rktlet::systemd
