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

TEST(ResourceProperties, ALimitOfMemoryIsNoInvitationToSwap) {
  spec::Resources resources;
  resources.memory_limit = 100;
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"MemoryMax", uint64_t{100}}, Property{"MemorySwapMax", uint64_t{0}})));
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV1),
              IsOkAndHolds(ElementsAre(Property{"MemoryMax", uint64_t{100}})));
  resources.unified = {{"memory.swap.max", "30"}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"MemoryMax", uint64_t{100}}, Property{"MemorySwapMax", uint64_t{30}})));
  resources.memory_limit = -1;
  resources.unified.clear();
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"MemoryMax", ~uint64_t{0}})));
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
              IsOkAndHolds(ElementsAre(Property{"MemoryHigh", uint64_t{50}}, Property{"MemoryMax", kInfinity},
                                       Property{"MemorySwapMax", uint64_t{0}})));
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV1),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("cgroup v1")));
}

TEST(ResourceProperties, UnifiedAttributesOfEveryKindBecomeProperties) {
  spec::Resources resources;
  resources.unified = {{"cpu.max", "33333 100000"},         {"cpuset.cpus", "0-1"},
                       {"io.weight", "default 50\n8:0 70"}, {"io.max", "8:0 rbps=1000 wiops=max"},
                       {"io.latency", "8:0 target=75000"},  {"rdma.max", "mlx5_0 hca_handle=2"}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(
                  Property{"AllowedCPUs", systemd::Bytes{3}}, Property{"CPUQuotaPerSecUSec", uint64_t{340'000}},
                  Property{"CPUQuotaPeriodUSec", uint64_t{100'000}},
                  Property{"IODeviceLatencyTargetUSec", systemd::StringNumbers{{"/dev/block/8:0", 75'000}}},
                  Property{"IODeviceWeight", systemd::StringNumbers{{"/dev/block/8:0", 70}}},
                  Property{"IOReadBandwidthMax", systemd::StringNumbers{{"/dev/block/8:0", 1000}}},
                  Property{"IOWeight", uint64_t{50}},
                  Property{"IOWriteIOPSMax", systemd::StringNumbers{{"/dev/block/8:0", kInfinity}}})));
  resources.unified = {{"cpu.idle", "1"}};
  EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
              IsOkAndHolds(ElementsAre(Property{"CPUWeight", uint64_t{0}})));
  for (const auto& [attribute, value] : {std::pair{"cpu.max", "1 2 3"},
                                         {"cpu.max", "10"},
                                         {"cpu.weight", "0"},
                                         {"cpu.idle", "2"},
                                         {"io.max", "8:0"},
                                         {"io.max", "sda rbps=1"},
                                         {"io.max", "8:0 bps=1"},
                                         {"io.weight", "8:0 x"},
                                         {"io.latency", "8:0 75000"},
                                         {"cpu.weight.nice", "1"},
                                         {"cpuset.cpus", "a"},
                                         {"memory.oom.group", "2"},
                                         {"pids.max", "-1"}}) {
    resources.unified = {{attribute, value}};
    EXPECT_THAT(ResourceProperties(resources, CgroupVersion::kV2),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(attribute)));
  }
}

TEST(DefaultOf, IsOfTheTypeOfTheProperty) {
  for (const char* property :
       {"CPUWeight", "CPUShares", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "MemoryMax", "MemoryHigh", "MemoryLow",
        "MemoryMin", "MemorySwapMax", "TasksMax", "AllowedCPUs", "AllowedMemoryNodes", "IOWeight", "IODeviceWeight",
        "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax", "IODeviceLatencyTargetUSec"}) {
    EXPECT_THAT(systemd::CheckProperty({property, DefaultOf(property)}), base::IsOk());
  }
}

}  // namespace
}  // namespace rktlet::unit
