// SPDX-License-Identifier: Apache-2.0
#include "unit/resource_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rktlet::unit {
namespace {

using base::IsOkAndHolds;
using base::StatusIs;
using systemd::kInfinity;
using systemd::Property;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ResourceProperties, NothingAskedForIsNoProperty) {
  EXPECT_THAT(ResourceProperties({}, CgroupVersion::kV2), IsOkAndHolds(IsEmpty()));
}

TEST(ResourceProperties, AQuotaIsAShareOfASecond) {
  spec::Resources resources;
  resources.cpu_period = 100'000;
  resources.cpu_quota = 1'000;  // 10 milli-CPU
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"CPUQuotaPerSecUSec", uint64_t{10'000}},
                                       Property{"CPUQuotaPeriodUSec", uint64_t{100'000}})));
}

TEST(ResourceProperties, AQuotaIsRoundedUpToWhatSurvivesADaemonReload) {
  spec::Resources resources;
  resources.cpu_quota = 33'333;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"CPUQuotaPerSecUSec", uint64_t{340'000}})));
  resources.cpu_quota = -1;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"CPUQuotaPerSecUSec", kInfinity})));
}

TEST(ResourceProperties, SharesAreAWeightOnV2AndSharesOnV1) {
  spec::Resources resources;
  resources.cpu_shares = 1024;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"CPUWeight", uint64_t{39}})));
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV1),
              IsOkAndHolds(ElementsAre(Property{"CPUShares", uint64_t{1024}})));
  EXPECT_EQ(CpuWeightOfShares(2), 1U);
  EXPECT_EQ(CpuWeightOfShares(262144), 10000U);
}

TEST(ResourceProperties, SwapIsWhatIsLeftOverMemory) {
  spec::Resources resources;
  resources.memory_limit = 100;
  resources.memory_swap_limit = 150;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"MemoryMax", uint64_t{100}}, Property{"MemorySwapMax", uint64_t{50}})));
  resources.memory_swap_limit = 99;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("memory_swap_limit")));
}

TEST(ResourceProperties, CpusetsAndPids) {
  spec::Resources resources;
  resources.cpuset_cpus = "0-1";
  resources.pids_limit = 7;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"AllowedCPUs", systemd::Bytes{3}}, Property{"TasksMax", uint64_t{7}})));
  resources.cpuset_cpus = "2-1";
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cpuset_cpus")));
}

TEST(ResourceProperties, UnifiedAttributesWinAndAreKnownByName) {
  spec::Resources resources;
  resources.memory_limit = 100;
  resources.unified = {{"memory.max", "max"}, {"memory.oom.group", "1"}, {"memory.high", "50"}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"MemoryHigh", uint64_t{50}}, Property{"MemoryMax", kInfinity})));
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV1),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("cgroup v1")));
  resources.unified = {{"rdma.max", "max"}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("rdma.max")));
}

TEST(ResourceProperties, HugePagesOfNoneAreFineAndOthersRefused) {
  spec::Resources resources;
  resources.hugepage_limits = {{"2MB", 0}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2), IsOkAndHolds(IsEmpty()));
  resources.hugepage_limits = {{"2MB", 2 << 20}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("2MB")));
}

}  // namespace
}  // namespace rktlet::unit
