// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/engine/test_loop.h"
#include "rktlet/stats/collector.h"
#include "rktlet/stats/devices.h"
#include "rktlet/stats/process_files.h"
#include "unit/unit_names.h"

namespace rktlet::stats {
namespace {

using base::IsOk;
using testing::ElementsAre;
using testing::Eq;
using testing::Optional;

class OnePod final : public pods::Directory {
 public:
  absl::StatusOr<pods::ContainerView> FindContainer(const std::string&) const override { return view; }
  std::vector<pods::ContainerView> AllContainers() const override {
    return present ? std::vector<pods::ContainerView>{view} : std::vector<pods::ContainerView>();
  }
  absl::StatusOr<pods::PodView> FindPod(const std::string&) const override { return pod; }
  std::vector<pods::PodView> AllPods() const override {
    std::vector<pods::PodView> pods = others;
    if (present) {
      pods.push_back(pod);
    }
    return pods;
  }
  absl::Status Recovered() const override { return absl::OkStatus(); }
  absl::Status Ready() const override { return absl::OkStatus(); }

  bool present = true;
  pods::ContainerView view;
  pods::PodView pod;
  std::vector<pods::PodView> others;
};

class Stats : public testing::Test {
 protected:
  Stats() {
    pod_.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    pod_.spec.slice = "kubepods.slice";
    pod_.spec.uid = "u1";
    pod_.unit = "p.service";
    container_.spec.id = *spec::ContainerId::Parse(std::string(64, 'b'));
    container_.spec.app = *spec::AppName::Parse(std::string(64, 'b'));
    container_.unit = "c.service";
    directory_.view = {.pod = &pod_, .container = &container_, .running = true, .started_at = 1, .pid = 9};
    directory_.pod = {
        .pod = &pod_, .ready = true, .supervisor_pid = 7, .default_interface = "eth0", .containers = {directory_.view}};
  }

  void Write(const std::string& path, const std::string& content) {
    const std::string full = dir_.File(path);
    ASSERT_THAT(base::MakeDirectories(full.substr(0, full.rfind('/'))), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(full, content), IsOk());
  }
  void WriteCpu(uint64_t micros) {
    Write("kubepods.slice/c.service/cpu.stat", "usage_usec " + std::to_string(micros) + "\n");
    Write("kubepods.slice/c.service/memory.current", "4096\n");
  }
  PodSample SamplePod(const ContainerSample& container) {
    return collector_.SamplePod(directory_.pod, SliceOwners(directory_), {&container});
  }

  base::TempDir dir_;
  engine::TestLoop loop_;
  base::FakeClock clock_;
  std::vector<std::vector<std::string>> measured_;
  DiskUsage disk_{loop_.context().get_executor(), clock_,
                  [this](std::vector<std::string> paths) { return Measure(this, std::move(paths)); }};
  Collector collector_{clock_, unit::Cgroups(unit::CgroupVersion::kV2, dir_.path()), spec::Layout("/lib", "/run"),
                       disk_, dir_.File("proc")};
  spec::PodRecord pod_;
  spec::ContainerRecord container_;
  OnePod directory_;

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
  EXPECT_THAT(sample.usage->cpu.usage_nanos, Optional(Eq(1'000'000'000U)));
  EXPECT_EQ(sample.usage->cpu.timestamp, clock_.realtime_nanos);
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

TEST_F(Stats, AGroupThatEndsBetweenTwoLooksIsGoneAndOneThatComesAgainIsSeen) {
  WriteCpu(1'000'000);
  ASSERT_OK_AND_ASSIGN(ContainerSample sample, collector_.Sample(directory_.view));
  EXPECT_TRUE(sample.usage.has_value());
  ASSERT_THAT(base::RemoveTree(dir_.File("kubepods.slice")), IsOk());
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  EXPECT_FALSE(sample.usage.has_value());
  WriteCpu(5'000'000);
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  ASSERT_TRUE(sample.usage.has_value());
  ASSERT_THAT(base::RemoveTree(dir_.File("kubepods.slice")), IsOk());
  WriteCpu(7'000'000);
  ASSERT_OK_AND_ASSIGN(sample, collector_.Sample(directory_.view));
  ASSERT_TRUE(sample.usage.has_value());
  EXPECT_THAT(sample.usage->cpu.usage_nanos, Optional(Eq(7'000'000'000U)));
}

TEST(MountPoint, IsThatOfTheFileSystemADirectoryStandsInOrWould) {
  EXPECT_EQ(MountPointOf("/proc/self/fd"), "/proc");
  EXPECT_EQ(MountPointOf("/proc"), "/proc");
  EXPECT_EQ(MountPointOf("/"), "/");
  const base::TempDir directory;
  const std::string here = MountPointOf(directory.path());
  EXPECT_TRUE(directory.path().starts_with(here)) << here;
  EXPECT_EQ(MountPointOf(directory.File("not/there/yet")), here);
}

TEST_F(Stats, APodWithASliceOfItsOwnIsAllThatRunsThere) {
  WriteCpu(1'000'000);
  Write("kubepods.slice/cpu.stat", "usage_usec 9000000\n");
  Write("kubepods.slice/pids.current", "6\n");
  Write("proc/7/net/dev", "eth0: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n lo: 1 1 1 1 0 0 0 0 1 1 1 1 0 0 0 0\n");
  ASSERT_OK_AND_ASSIGN(const ContainerSample container, collector_.Sample(directory_.view));
  const PodSample pod = SamplePod(container);
  EXPECT_EQ(pod.control_group, "/kubepods.slice");
  ASSERT_TRUE(pod.usage.has_value());
  EXPECT_THAT(pod.usage->cpu.usage_nanos, Optional(Eq(9'000'000'000U)));
  EXPECT_THAT(pod.usage->tasks.tasks, Optional(Eq(6U)));
  ASSERT_TRUE(pod.network.has_value());
  ASSERT_THAT(pod.network->interfaces, testing::SizeIs(1));
  EXPECT_EQ(pod.network->interfaces[0].tx_dropped, 8U);
}

TEST_F(Stats, PodsThatShareASliceAreTheSumOfTheirUnits) {
  spec::PodRecord other = pod_;
  other.spec.id = *spec::PodId::Parse(std::string(64, 'c'));
  other.spec.uid = "u2";
  directory_.others = {{.pod = &other, .ready = true, .supervisor_pid = 0, .default_interface = "", .containers = {}}};
  WriteCpu(1'000'000);
  Write("kubepods.slice/cpu.stat", "usage_usec 9000000\n");
  Write("kubepods.slice/p.service/cpu.stat", "usage_usec 10\n");
  Write("kubepods.slice/p.service/memory.current", "100\n");
  Write("kubepods.slice/p.service/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  ASSERT_OK_AND_ASSIGN(const ContainerSample container, collector_.Sample(directory_.view));
  const PodSample pod = SamplePod(container);
  EXPECT_EQ(pod.control_group, "/kubepods.slice/p.service");
  ASSERT_TRUE(pod.usage.has_value());
  EXPECT_THAT(pod.usage->cpu.usage_nanos, Optional(Eq(1'000'010'000U)));
  EXPECT_THAT(pod.usage->memory.usage, Optional(Eq(4196U)));
  EXPECT_EQ(pod.usage->cpu.pressure, std::nullopt);
  // Another attempt of the same pod is the same pod.
  other.spec.uid = "u1";
  EXPECT_TRUE(SliceOwners(directory_).IsOwn(pod_));
  pod_.spec.slice = unit::kDefaultSlice;
  EXPECT_FALSE(SliceOwners(directory_).IsOwn(pod_));
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
  // A file of many names (busybox has three hundred) is there once.
  ASSERT_EQ(::link(dir_.File("layer/sub/file").c_str(), dir_.File("layer/again").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const std::vector<Usage> linked, loop_.Await(DiskUsage::MeasureWithDu({dir_.File("layer")})));
  EXPECT_EQ(linked[0].inodes, 3U);
  EXPECT_LT(linked[0].bytes, usages[0].bytes + 100'000U);
  EXPECT_EQ(usages[1].bytes, 0U);
}

TEST_F(Stats, OpenFilesAndTheirLimitAreThoseOfTheProcesses) {
  ASSERT_THAT(base::MakeDirectories(dir_.File("proc/9/fd")), IsOk());
  ASSERT_EQ(::symlink("socket:[1]", dir_.File("proc/9/fd/0").c_str()), 0);
  ASSERT_EQ(::symlink("/dev/null", dir_.File("proc/9/fd/1").c_str()), 0);
  ASSERT_EQ(::symlink("pipe:[7]", dir_.File("proc/9/fd/2").c_str()), 0);
  Write("proc/9/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max processes             unlimited            unlimited            processes \n"
        "Max open files            1024                 4096                 files     \n");
  const OpenFiles files = CountOpenFiles(dir_.File("proc"), {9, 10});
  EXPECT_EQ(files.descriptors, 3U);
  EXPECT_EQ(files.sockets, 1U);
  EXPECT_THAT(OpenFilesLimit(dir_.File("proc"), 9), Optional(Eq(1024U)));
  EXPECT_EQ(OpenFilesLimit(dir_.File("proc"), 10), std::nullopt);
}

TEST_F(Stats, ABlockDeviceHasItsNameAndAnyOtherItsNumber) {
  ASSERT_THAT(base::MakeDirectories(dir_.File("sys/dev/block")), IsOk());
  ASSERT_EQ(::symlink("../../devices/pci/sda/sda1", dir_.File("sys/dev/block/8:1").c_str()), 0);
  DeviceNames names(dir_.File("sys"));
  EXPECT_EQ(names.Name(8, 1), "/dev/sda1");
  EXPECT_EQ(names.Name(0, 45), "0:45");
}

}  // namespace
}  // namespace rktlet::stats
