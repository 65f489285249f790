// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/cgroup_reader.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/stats/parse.h"

namespace rktlet::stats {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class Reader : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::string full = dir_.File(path);
    ASSERT_THAT(base::MakeDirectories(full.substr(0, full.rfind('/'))), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(full, content), IsOk());
  }
  CgroupReader ReaderOf(unit::CgroupVersion version) {
    return CgroupReader(unit::Cgroups(version, dir_.path()), "/a.slice/x.service");
  }

  base::TempDir dir_;
  base::FakeClock clock_;
};

TEST_F(Reader, ReadsEverythingOnV2) {
  Write("a.slice/x.service/cpu.stat",
        "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 10\nnr_throttled 4\nthrottled_usec 6\n");
  Write("a.slice/x.service/cpu.pressure",
        "some avg10=1.25 avg60=0.50 avg300=0.10 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  Write("a.slice/x.service/memory.current", "1000\n");
  Write("a.slice/x.service/memory.max", "max\n");
  Write("a.slice/x.service/memory.peak", "2000\n");
  Write("a.slice/x.service/memory.stat",
        "anon 300\nfile 500\nkernel 20\nfile_mapped 30\ninactive_file 400\nactive_file 100\npgfault 7\npgmajfault 1\n");
  Write("a.slice/x.service/memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\n");
  Write("a.slice/x.service/memory.swap.current", "5\n");
  Write("a.slice/x.service/memory.swap.max", "50\n");
  Write("a.slice/x.service/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:16\n");
  Write("a.slice/x.service/pids.current", "3\n");
  Write("a.slice/x.service/pids.max", "100\n");
  CgroupReader reader = ReaderOf(unit::CgroupVersion::kV2);
  ASSERT_OK_AND_ASSIGN(const GroupCounters counters, reader.Read(clock_, Detail::kAll));
  EXPECT_THAT(counters.cpu.usage_nanos, Optional(5000U));
  EXPECT_THAT(counters.cpu.user_nanos, Optional(3000U));
  EXPECT_THAT(counters.cpu.periods, Optional(10U));
  EXPECT_THAT(counters.cpu.throttled_nanos, Optional(6000U));
  ASSERT_TRUE(counters.cpu.pressure.has_value());
  EXPECT_DOUBLE_EQ(counters.cpu.pressure->some.average_10, 1.25);
  EXPECT_EQ(counters.cpu.pressure->some.total_nanos, 7000U);
  EXPECT_EQ(counters.cpu.pressure->full.total_nanos, 1000U);
  EXPECT_EQ(counters.memory.pressure, std::nullopt);
  EXPECT_THAT(counters.memory.usage, Optional(1000U));
  EXPECT_THAT(counters.memory.working_set, Optional(600U));
  EXPECT_THAT(counters.memory.rss, Optional(300U));
  EXPECT_THAT(counters.memory.cache, Optional(500U));
  EXPECT_THAT(counters.memory.kernel, Optional(20U));
  EXPECT_THAT(counters.memory.max_usage, Optional(2000U));
  EXPECT_THAT(counters.memory.limit_hits, Optional(9U));
  EXPECT_THAT(counters.memory.oom_kills, Optional(3U));
  EXPECT_EQ(counters.memory.limit, std::nullopt);
  EXPECT_THAT(counters.swap.usage, Optional(5U));
  EXPECT_THAT(counters.swap.limit, Optional(50U));
  EXPECT_THAT(counters.tasks.tasks, Optional(3U));
  EXPECT_THAT(counters.tasks.limit, Optional(100U));
  ASSERT_THAT(counters.io.devices, SizeIs(1));
  EXPECT_EQ(counters.io.devices[0].writes, 4U);
}

TEST_F(Reader, ReadsEverythingOnV1) {
  Write("cpuacct/a.slice/x.service/cpuacct.usage", "5000\n");
  Write("cpuacct/a.slice/x.service/cpuacct.stat", "user 1\nsystem 2\n");
  Write("cpu/a.slice/x.service/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 6\n");
  Write("unified/a.slice/x.service/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  Write("memory/a.slice/x.service/memory.usage_in_bytes", "1000\n");
  Write("memory/a.slice/x.service/memory.max_usage_in_bytes", "2000\n");
  Write("memory/a.slice/x.service/memory.limit_in_bytes", "5000\n");
  Write("memory/a.slice/x.service/memory.memsw.limit_in_bytes", "5100\n");
  Write("memory/a.slice/x.service/memory.failcnt", "9\n");
  Write("memory/a.slice/x.service/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  Write("memory/a.slice/x.service/memory.stat",
        "cache 1\nrss 2\ntotal_cache 500\ntotal_rss 300\ntotal_inactive_file 400\ntotal_pgfault 7\ntotal_swap 5\n");
  Write("pids/a.slice/x.service/pids.current", "3\n");
  Write("pids/a.slice/x.service/pids.max", "max\n");
  Write("blkio/a.slice/x.service/blkio.throttle.io_service_bytes_recursive",
        "8:0 Read 10\n8:0 Write 20\n8:0 Sync 1\n8:0 Total 30\nTotal 30\n");
  Write("blkio/a.slice/x.service/blkio.throttle.io_serviced_recursive", "8:0 Read 1\n8:0 Write 2\nTotal 3\n");
  CgroupReader reader = ReaderOf(unit::CgroupVersion::kV1);
  ASSERT_OK_AND_ASSIGN(const GroupCounters counters, reader.Read(clock_, Detail::kAll));
  EXPECT_THAT(counters.cpu.usage_nanos, Optional(5000U));
  EXPECT_THAT(counters.cpu.user_nanos, Optional(1'000'000'000U / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK))));
  EXPECT_THAT(counters.cpu.throttled_nanos, Optional(6U));
  ASSERT_TRUE(counters.memory.pressure.has_value());
  EXPECT_EQ(counters.memory.pressure->some.total_nanos, 7000U);
  EXPECT_THAT(counters.memory.working_set, Optional(600U));
  EXPECT_THAT(counters.memory.rss, Optional(300U));
  EXPECT_THAT(counters.memory.limit, Optional(5000U));
  EXPECT_THAT(counters.memory.oom_kills, Optional(3U));
  EXPECT_THAT(counters.swap.usage, Optional(5U));
  EXPECT_THAT(counters.swap.limit, Optional(100U));
  EXPECT_THAT(counters.tasks.tasks, Optional(3U));
  EXPECT_EQ(counters.tasks.limit, std::nullopt);
  ASSERT_THAT(counters.io.devices, SizeIs(1));
  EXPECT_EQ(counters.io.devices[0].read_bytes, 10U);
  EXPECT_EQ(counters.io.devices[0].writes, 2U);
}

TEST_F(Reader, OnV1SystemdsOwnHierarchyCountsCpuTimeWhereCpuacctDoesNot) {
  Write("memory/a.slice/x.service/memory.usage_in_bytes", "50\n");
  Write("memory/a.slice/x.service/memory.limit_in_bytes", "9223372036854771712\n");
  Write("unified/a.slice/x.service/cpu.stat", "usage_usec 7\nuser_usec 4\n");
  CgroupReader reader = ReaderOf(unit::CgroupVersion::kV1);
  ASSERT_OK_AND_ASSIGN(const GroupCounters counters, reader.Read(clock_, Detail::kStats));
  EXPECT_THAT(counters.cpu.usage_nanos, Optional(7000U));
  EXPECT_THAT(counters.cpu.user_nanos, Optional(4000U));
  EXPECT_EQ(counters.memory.limit, std::nullopt);
}

TEST_F(Reader, AGroupThatIsNotThereIsNotFound) {
  CgroupReader v2 = ReaderOf(unit::CgroupVersion::kV2);
  EXPECT_THAT(v2.Read(clock_, Detail::kStats), StatusCodeIs(absl::StatusCode::kNotFound));
  CgroupReader v1 = ReaderOf(unit::CgroupVersion::kV1);
  EXPECT_THAT(v1.Read(clock_, Detail::kStats), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(v1.Processes(), StatusCodeIs(absl::StatusCode::kNotFound));
}

TEST_F(Reader, ProcessesOfGroupsBelowBelongToTheGroup) {
  Write("a.slice/x.service/cpu.stat", "usage_usec 5\n");
  Write("a.slice/x.service/cgroup.procs", "10\n11\n");
  Write("a.slice/x.service/init.scope/deeper/cgroup.procs", "12\n");
  CgroupReader reader = ReaderOf(unit::CgroupVersion::kV2);
  ASSERT_THAT(reader.Read(clock_, Detail::kStats), IsOk());
  EXPECT_THAT(reader.Processes(), IsOkAndHolds(UnorderedElementsAre(10, 11, 12)));
}

TEST_F(Reader, AFileLargerThanTheBufferIsReadWhole) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += "filler" + std::to_string(i) + " 1\n";
  }
  Write("file", text + "wanted 42\n");
  ASSERT_OK_AND_ASSIGN(const base::UniqueFd directory, base::OpenDirectory(dir_.path()));
  SmallFiles files;
  Counter wanted;
  EXPECT_TRUE(files.ReadTable(directory.get(), "file", {{"wanted", &wanted}}));
  EXPECT_THAT(wanted, Optional(42U));
  EXPECT_FALSE(files.ReadTable(directory.get(), "absent", {}));
}

TEST(Parse, NonsenseIsNoCounter) {
  EXPECT_EQ(ToNumber("max"), std::nullopt);
  EXPECT_EQ(ToNumber(""), std::nullopt);
  EXPECT_EQ(ToNumber("12x"), std::nullopt);
  EXPECT_EQ(ToNumber("99999999999999999999999"), std::nullopt);
  EXPECT_THAT(ParseIoStat("nonsense\n:\n8: rbytes=1\n8:0 rbytes\n8:0 (unknown)\n"), IsEmpty());
  EXPECT_THAT(ParseNetDev("a\nb:\n"), SizeIs(1));
  std::vector<DeviceIo> devices;
  ParseBlkio("Total 5\nx\n8:x Read 1\n", true, devices);
  EXPECT_THAT(devices, IsEmpty());
}

}  // namespace
}  // namespace rktlet::stats
