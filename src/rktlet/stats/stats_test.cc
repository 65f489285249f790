// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/engine/test_loop.h"
#include "rktlet/stats/collector.h"
#include "unit/unit_names.h"

namespace rktlet::stats {
namespace {

using base::IsOk;
using testing::ElementsAre;
using testing::Eq;
using testing::Optional;

class OneContainer final : public pods::Directory {
 public:
  absl::StatusOr<pods::ContainerView> FindContainer(const std::string&) const override { return view; }
  std::vector<pods::ContainerView> AllContainers() const override {
    return present ? std::vector<pods::ContainerView>{view} : std::vector<pods::ContainerView>();
  }
  absl::Status Ready() const override { return absl::OkStatus(); }

  bool present = true;
  pods::ContainerView view;
};

class Stats : public testing::Test {
 protected:
  Stats() {
    pod_.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    pod_.spec.slice = "kubepods.slice";
    container_.spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
    container_.spec.app = *spec::AppName::Parse(std::string(64, 'b'));
    container_.unit = "c.service";
    directory_.view = {&pod_, &container_, true};
  }

  void WriteCpu(uint64_t micros) {
    const std::string group = dir_.File("kubepods.slice/c.service");
    ASSERT_THAT(base::MakeDirectories(group), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(group + "/cpu.stat", "usage_usec " + std::to_string(micros) + "\n"), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(group + "/memory.current", "4096\n"), IsOk());
  }

  base::TempDir dir_;
  engine::TestLoop loop_;
  base::FakeClock clock_;
  std::vector<std::vector<std::string>> measured_;
  DiskUsage disk_{loop_.context().get_executor(), clock_,
                  [this](std::vector<std::string> paths) { return Measure(this, std::move(paths)); }};
  Collector collector_{clock_, unit::Cgroups(unit::CgroupVersion::kV2, dir_.path()), spec::Layout("/lib", "/run"),
                       disk_};
  spec::PodRecord pod_;
  spec::ContainerRecord container_;
  OneContainer directory_;

 private:
  static engine::Awaitable<absl::StatusOr<std::vector<Usage>>> Measure(Stats* test, std::vector<std::string> paths) {
    test->measured_.push_back(paths);
    co_return std::vector<Usage>(paths.size(), Usage{.bytes = 100, .inodes = 3, .measured_at = 0});
  }
};

TEST_F(Stats, RateOfCpuComesFromTwoSamplesAtLeastASecondApart) {
  WriteCpu(1'000'000);
  ASSERT_OK_AND_ASSIGN(ContainerSample sample, collector_.Sample(directory_.view));
  ASSERT_TRUE(sample.usage.has_value());
  EXPECT_THAT(sample.usage->cpu_usage_nanos, Optional(Eq(1'000'000'000U)));
  EXPECT_EQ(sample.usage_nano_cores, std::nullopt);
  WriteCpu(2'000'000);
  clock_.monotonic_nanos += 2'000'000'000;
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  EXPECT_THAT(sample.usage_nano_cores, Optional(Eq(500'000'000U)));
  WriteCpu(2'900'000);
  clock_.monotonic_nanos += 10'000'000;
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  EXPECT_THAT(sample.usage_nano_cores, Optional(Eq(500'000'000U)));
}

TEST_F(Stats, AContainerThatIsGoneIsForgotten) {
  WriteCpu(1'000'000);
  ASSERT_THAT(collector_.Sample(directory_.view), IsOk());
  directory_.present = false;
  collector_.Prune(directory_);
  clock_.monotonic_nanos += 2'000'000'000;
  ASSERT_OK_AND_ASSIGN(const ContainerSample sample, collector_.Sample(directory_.view));
  EXPECT_EQ(sample.usage_nano_cores, std::nullopt);
}

TEST_F(Stats, WhatDoesNotRunHasNoUsageAndNoError) {
  ASSERT_OK_AND_ASSIGN(const ContainerSample gone, collector_.Sample(directory_.view));
  EXPECT_FALSE(gone.usage.has_value());
  directory_.view.running = false;
  ASSERT_OK_AND_ASSIGN(const ContainerSample exited, collector_.Sample(directory_.view));
  EXPECT_FALSE(exited.usage.has_value());
}

TEST_F(Stats, WritableLayersAreMeasuredInTheBackgroundAndNotAtEachCall) {
  ASSERT_OK_AND_ASSIGN(ContainerSample sample, collector_.Sample(directory_.view));
  EXPECT_EQ(sample.writable_layer, std::nullopt);
  ASSERT_TRUE(loop_.RunUntil([this] { return measured_.size() == 1; }));
  EXPECT_THAT(measured_[0], ElementsAre(sample.writable_layer_path));
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  }
  ASSERT_TRUE(sample.writable_layer.has_value());
  EXPECT_EQ(sample.writable_layer->bytes, 100U);
  loop_.context().restart();
  loop_.context().poll();
  EXPECT_EQ(measured_.size(), 1U);
  EXPECT_EQ(collector_.WritableLayers(directory_).inodes, 3U);
  clock_.realtime_nanos += 61'000'000'000;
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  EXPECT_TRUE(loop_.RunUntil([this] { return measured_.size() == 2; }));
}

TEST_F(Stats, DuTellsBytesAndInodesAndNothingOfWhatIsNotThere) {
  ASSERT_THAT(base::MakeDirectories(dir_.File("layer/sub")), IsOk());
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("layer/sub/file"), std::string(100'000, 'x')), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<Usage> usages,
                       loop_.Await(DiskUsage::MeasureWithDu({dir_.File("layer"), dir_.File("absent")})));
  ASSERT_THAT(usages, testing::SizeIs(2));
  EXPECT_GE(usages[0].bytes, 100'000U);
  EXPECT_EQ(usages[0].inodes, 3U);
  EXPECT_EQ(usages[1].bytes, 0U);
}

}  // namespace
}  // namespace rktlet::stats
