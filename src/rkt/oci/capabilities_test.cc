// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/capabilities.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr uint64_t kEverything = (uint64_t{1} << 41) - 1;
constexpr uint64_t kWithoutSysResource = kEverything & ~(uint64_t{1} << 24);

TEST(Capabilities, NamesAreTakenWithAndWithoutPrefixInAnyCase) {
  EXPECT_THAT(CapabilityName("net_admin"), IsOkAndHolds("CAP_NET_ADMIN"));
  EXPECT_THAT(CapabilityName("CAP_CHOWN"), IsOkAndHolds("CAP_CHOWN"));
  EXPECT_THAT(CapabilityName("CAP_FLY"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("CAP_FLY")));
}

TEST(Capabilities, AContainerHasTheFourteenOfOtherRuntimesAndNoneInheritable) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set, BuildCapabilities({}, false, kEverything, warnings));
  EXPECT_THAT(set.bounding, SizeIs(14));
  EXPECT_EQ(set.effective, set.bounding);
  EXPECT_EQ(set.permitted, set.bounding);
  EXPECT_THAT(set.inheritable, IsEmpty());
  EXPECT_THAT(set.ambient, IsEmpty());
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(Capabilities, AllIsDroppedBeforeSingleOnesAreAdded) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set,
                       BuildCapabilities({{"NET_ADMIN"}, {"ALL"}, {}}, false, kEverything, warnings));
  EXPECT_THAT(set.bounding, ElementsAre("CAP_NET_ADMIN"));
}

TEST(Capabilities, AllIsAddedBeforeSingleOnesAreDropped) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set,
                       BuildCapabilities({{"all"}, {"SYS_ADMIN"}, {}}, false, kEverything, warnings));
  EXPECT_THAT(set.bounding, SizeIs(40));
  EXPECT_THAT(set.bounding, Not(Contains("CAP_SYS_ADMIN")));
}

TEST(Capabilities, WhatTheMachineLacksIsLeftOutAndTold) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set,
                       BuildCapabilities({{"SYS_RESOURCE"}, {}, {}}, false, kWithoutSysResource, warnings));
  EXPECT_THAT(set.bounding, Not(Contains("CAP_SYS_RESOURCE")));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("CAP_SYS_RESOURCE")));
}

TEST(Capabilities, APrivilegedContainerHasAllThatThereIsWithoutAWarning) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set, BuildCapabilities({}, true, kWithoutSysResource, warnings));
  EXPECT_THAT(set.bounding, SizeIs(40));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(Capabilities, AmbientOnesAreInEverySet) {
  std::vector<std::string> warnings;
  ASSERT_OK_AND_ASSIGN(ProcessCapabilities set,
                       BuildCapabilities({{}, {"ALL"}, {"NET_BIND_SERVICE"}}, false, kEverything, warnings));
  EXPECT_THAT(set.ambient, ElementsAre("CAP_NET_BIND_SERVICE"));
  EXPECT_THAT(set.inheritable, ElementsAre("CAP_NET_BIND_SERVICE"));
  EXPECT_THAT(set.permitted, ElementsAre("CAP_NET_BIND_SERVICE"));
}

}  // namespace
}  // namespace rkt::oci
