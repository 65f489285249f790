// SPDX-License-Identifier: Apache-2.0
// Statistics and metrics over a real socket, with a fake control group.
#include <map>
#include <set>

#include "rktlet/cri/metric_families.h"
#include "rktlet/cri/server_fixture.h"
#include "rktlet/stats/devices.h"

namespace rktlet::cri {
namespace {

using base::IsOk;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::SizeIs;

class StatsRpcs : public ServerTest {
 protected:
  StatsRpcs() {
    OnLoop([this] {
      directory_.pod.spec.slice = "kubepods-pod1.slice";
      directory_.pod.spec.name = "web";
      directory_.pod.spec.namespace_ = "default";
      directory_.pod.spec.uid = "u1";
      directory_.pod.spec.labels = {{"app", "web"}};
      directory_.pod.unit = "p.service";
      directory_.container.unit = "c.service";
      directory_.container.spec.name = "main";
      directory_.container.spec.image = "busybox";
      directory_.supervisor_pid = 7;
    });
    Write("cgroup/kubepods.slice/kubepods-pod1.slice/cpu.stat", "usage_usec 9000000\n");
    Write("cgroup/kubepods.slice/kubepods-pod1.slice/memory.current", "5000\n");
    Write("cgroup/kubepods.slice/kubepods-pod1.slice/pids.current", "4\n");
    Write("cgroup/kubepods.slice/kubepods-pod1.slice/io.pressure",
          "some avg10=0.00 avg60=0.00 avg300=0.00 total=3\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n");
    const std::string group = "cgroup/kubepods.slice/kubepods-pod1.slice/c.service/";
    Write(group + "cpu.stat", "usage_usec 7000000\nuser_usec 4000000\nsystem_usec 3000000\nnr_periods 3\n");
    Write(
        group + "cpu.pressure",
        "some avg10=1.50 avg60=0.50 avg300=0.25 total=4000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n");
    Write(group + "memory.current", "4000\n");
    Write(group + "memory.max", "10000\n");
    Write(group + "memory.swap.current", "70\n");
    Write(group + "memory.swap.max", "100\n");
    Write(group + "memory.stat", "anon 300\nfile 900\ninactive_file 1000\npgfault 7\npgmajfault 2\n");
    Write(group + "memory.events", "max 5\noom 1\noom_kill 1\n");
    Write(group + "io.stat", "8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0\n");
    Write(group + "pids.current", "2\n");
    Write(group + "pids.max", "max\n");
    Write(
        "proc/7/net/dev",
        "Inter-|   Receive                            |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier "
        "compressed\n"
        "    lo:  1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
        "  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n");
  }

  void Write(const std::string& path, const std::string& content) {
    const std::string full = dir_.File(path);
    ASSERT_THAT(base::MakeDirectories(full.substr(0, full.rfind('/'))), IsOk());
    ASSERT_THAT(base::WriteFileAtomic(full, content), IsOk());
  }

  static std::map<std::string, uint64_t> ByName(const google::protobuf::RepeatedPtrField<v1::Metric>& metrics) {
    std::map<std::string, uint64_t> values;
    for (const v1::Metric& metric : metrics) {
      values[metric.name()] = metric.value().value();
    }
    return values;
  }
};

TEST_F(StatsRpcs, AContainersStatisticsAreComplete) {
  v1::ContainerStatsRequest request;
  request.set_container_id(std::string(64, 'b'));
  v1::ContainerStatsResponse response;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ContainerStats, request, response).ok());
  const v1::ContainerStats& stats = response.stats();
  EXPECT_EQ(stats.attributes().metadata().name(), "main");
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 7'000'000'000U);
  EXPECT_FALSE(stats.cpu().has_usage_nano_cores());
  EXPECT_EQ(stats.cpu().psi().some().total(), 4'000'000'000U);
  EXPECT_DOUBLE_EQ(stats.cpu().psi().some().avg10(), 1.5);
  EXPECT_EQ(stats.cpu().psi().full().total(), 2'000'000'000U);
  EXPECT_FALSE(stats.memory().has_psi());
  EXPECT_EQ(stats.memory().usage_bytes().value(), 4000U);
  EXPECT_EQ(stats.memory().working_set_bytes().value(), 3000U);
  EXPECT_EQ(stats.memory().available_bytes().value(), 7000U);
  EXPECT_EQ(stats.memory().rss_bytes().value(), 300U);
  EXPECT_EQ(stats.memory().page_faults().value(), 7U);
  EXPECT_EQ(stats.memory().major_page_faults().value(), 2U);
  EXPECT_EQ(stats.swap().swap_usage_bytes().value(), 70U);
  EXPECT_EQ(stats.swap().swap_available_bytes().value(), 30U);
  EXPECT_GE(stats.memory().timestamp(), stats.cpu().timestamp());
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(), stats::MountPointOf(dir_.path()));
}

TEST_F(StatsRpcs, ImagesAndContainersOnOneDiskHaveOneFileSystem) {
  v1::ImageFsInfoResponse response;
  ASSERT_TRUE(Call(*images_stub_, &v1::ImageService::Stub::ImageFsInfo, v1::ImageFsInfoRequest(), response).ok());
  ASSERT_THAT(response.image_filesystems(), SizeIs(1));
  ASSERT_THAT(response.container_filesystems(), SizeIs(1));
  EXPECT_EQ(response.image_filesystems(0).fs_id().mountpoint(), stats::MountPointOf(dir_.path()));
  EXPECT_EQ(response.container_filesystems(0).fs_id().mountpoint(), stats::MountPointOf(dir_.path()));
}

TEST_F(StatsRpcs, APodsStatisticsAreThoseOfItsSliceItsNetworkAndItsContainers) {
  v1::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id(std::string(64, 'a'));
  v1::PodSandboxStatsResponse response;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::PodSandboxStats, request, response).ok());
  EXPECT_EQ(response.stats().attributes().metadata().uid(), "u1");
  const v1::LinuxPodSandboxStats& stats = response.stats().linux();
  EXPECT_EQ(stats.cpu().usage_core_nano_seconds().value(), 9'000'000'000U);
  EXPECT_EQ(stats.memory().usage_bytes().value(), 5000U);
  EXPECT_EQ(stats.process().process_count().value(), 4U);
  EXPECT_EQ(stats.io().psi().some().total(), 3000U);
  ASSERT_THAT(stats.network().interfaces(), SizeIs(1));
  EXPECT_EQ(stats.network().default_interface().name(), "eth0");
  EXPECT_EQ(stats.network().default_interface().rx_bytes().value(), 1000U);
  EXPECT_EQ(stats.network().default_interface().rx_errors().value(), 1U);
  EXPECT_EQ(stats.network().default_interface().tx_bytes().value(), 2000U);
  EXPECT_EQ(stats.network().default_interface().tx_errors().value(), 3U);
  ASSERT_THAT(stats.containers(), SizeIs(1));
  EXPECT_EQ(stats.containers(0).memory().usage_bytes().value(), 4000U);
}

TEST_F(StatsRpcs, APodOnTheHostsNetworkHasNoNetworkOfItsOwn) {
  OnLoop([this] { directory_.pod.spec.network = spec::NamespaceMode::kNode; });
  v1::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id(std::string(64, 'a'));
  v1::PodSandboxStatsResponse response;
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::PodSandboxStats, request, response).ok());
  EXPECT_FALSE(response.stats().linux().has_network());
}

TEST_F(StatsRpcs, AnUnknownPodIsNotFound) {
  v1::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id("nonsense");
  v1::PodSandboxStatsResponse response;
  EXPECT_THAT(Call(*runtime_, &v1::RuntimeService::Stub::PodSandboxStats, request, response),
              IsGrpc(grpc::StatusCode::NOT_FOUND, HasSubstr("nonsense")));
}

TEST_F(StatsRpcs, ListsAreFilteredByIdAndLabel) {
  v1::ListPodSandboxStatsRequest request;
  v1::ListPodSandboxStatsResponse response;
  (*request.mutable_filter()->mutable_label_selector())["app"] = "web";
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ListPodSandboxStats, request, response).ok());
  EXPECT_THAT(response.stats(), SizeIs(1));
  request.mutable_filter()->set_id("aaaa");
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ListPodSandboxStats, request, response).ok());
  EXPECT_THAT(response.stats(), SizeIs(1));
  request.mutable_filter()->set_id("b");
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ListPodSandboxStats, request, response).ok());
  EXPECT_THAT(response.stats(), SizeIs(0));
  v1::ListContainerStatsRequest containers;
  v1::ListContainerStatsResponse their_stats;
  containers.mutable_filter()->set_pod_sandbox_id("aa");
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ListContainerStats, containers, their_stats).ok());
  EXPECT_THAT(their_stats.stats(), SizeIs(1));
  (*containers.mutable_filter()->mutable_label_selector())["app"] = "web";
  ASSERT_TRUE(Call(*runtime_, &v1::RuntimeService::Stub::ListContainerStats, containers, their_stats).ok());
  EXPECT_THAT(their_stats.stats(), SizeIs(0));
}

TEST_F(StatsRpcs, StreamsTellTheSame) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  auto stream = runtime_->StreamPodSandboxStats(&context, v1::StreamPodSandboxStatsRequest());
  v1::StreamPodSandboxStatsResponse part;
  ASSERT_TRUE(stream->Read(&part));
  ASSERT_THAT(part.pod_sandbox_stats(), SizeIs(1));
  EXPECT_EQ(part.pod_sandbox_stats(0).linux().memory().usage_bytes().value(), 5000U);
  EXPECT_FALSE(stream->Read(&part));
  EXPECT_TRUE(stream->Finish().ok());
  grpc::ClientContext other;
  auto metrics = runtime_->StreamPodSandboxMetrics(&other, v1::StreamPodSandboxMetricsRequest());
  v1::StreamPodSandboxMetricsResponse its_part;
  ASSERT_TRUE(metrics->Read(&its_part));
  EXPECT_THAT(its_part.pod_sandbox_metrics(), SizeIs(1));
  EXPECT_FALSE(metrics->Read(&its_part));
  EXPECT_TRUE(metrics->Finish().ok());
}

TEST_F(StatsRpcs, EverySampleIsDescribedAndHasAValueForEachLabel) {
  v1::ListMetricDescriptorsResponse descriptors;
  ASSERT_TRUE(
      Call(*runtime_, &v1::RuntimeService::Stub::ListMetricDescriptors, v1::ListMetricDescriptorsRequest(), descriptors)
          .ok());
  std::map<std::string, int> labels;
  for (const v1::MetricDescriptor& descriptor : descriptors.descriptors()) {
    EXPECT_TRUE(labels.emplace(descriptor.name(), descriptor.label_keys_size()).second) << descriptor.name();
    EXPECT_FALSE(descriptor.help().empty());
    EXPECT_THAT(descriptor.label_keys(), IsSupersetOf({"container", "id", "image", "name", "namespace", "pod"}));
  }
  v1::ListPodSandboxMetricsResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &v1::RuntimeService::Stub::ListPodSandboxMetrics, v1::ListPodSandboxMetricsRequest(), response)
          .ok());
  ASSERT_THAT(response.pod_metrics(), SizeIs(1));
  ASSERT_THAT(response.pod_metrics(0).container_metrics(), SizeIs(1));
  std::set<std::string> series;
  const auto check = [&](const v1::Metric& metric) {
    ASSERT_TRUE(labels.contains(metric.name())) << metric.name();
    EXPECT_EQ(metric.label_values_size(), labels[metric.name()]) << metric.name();
    EXPECT_GT(metric.timestamp(), 0);
    std::string text = metric.name();
    for (const std::string& value : metric.label_values()) {
      text += "," + value;
    }
    EXPECT_TRUE(series.insert(text).second) << text << " twice";
  };
  for (const v1::Metric& metric : response.pod_metrics(0).metrics()) {
    check(metric);
  }
  for (const v1::Metric& metric : response.pod_metrics(0).container_metrics(0).metrics()) {
    check(metric);
  }
}

TEST_F(StatsRpcs, MetricsAreInTheUnitsOfTheirNames) {
  v1::ListPodSandboxMetricsResponse response;
  ASSERT_TRUE(
      Call(*runtime_, &v1::RuntimeService::Stub::ListPodSandboxMetrics, v1::ListPodSandboxMetricsRequest(), response)
          .ok());
  const auto pod = ByName(response.pod_metrics(0).metrics());
  EXPECT_EQ(pod.at("container_network_transmit_packets_dropped_total"), 4U);
  EXPECT_EQ(pod.at("container_cpu_usage_seconds_total"), 9U);
  const v1::ContainerMetrics& metrics = response.pod_metrics(0).container_metrics(0);
  const auto container = ByName(metrics.metrics());
  EXPECT_EQ(container.at("container_cpu_usage_seconds_total"), 7U);
  EXPECT_EQ(container.at("container_cpu_user_seconds_total"), 4U);
  EXPECT_EQ(container.at("container_memory_working_set_bytes"), 3000U);
  EXPECT_EQ(container.at("container_pressure_cpu_waiting_seconds_total"), 4U);
  EXPECT_EQ(container.at("container_oom_events_total"), 1U);
  EXPECT_EQ(container.at("container_memory_failcnt"), 5U);
  EXPECT_EQ(container.at("container_fs_writes_bytes_total"), 200U);
  EXPECT_EQ(container.at("container_threads"), 2U);
  EXPECT_EQ(container.at("container_threads_max"), 0U);
  EXPECT_FALSE(container.contains("container_memory_max_usage_bytes"));
  const auto cpu = std::find_if(metrics.metrics().begin(), metrics.metrics().end(), [](const v1::Metric& metric) {
    return metric.name() == "container_cpu_usage_seconds_total";
  });
  EXPECT_THAT(cpu->label_values(), ElementsAre("main", "/kubepods.slice/kubepods-pod1.slice/c.service", "busybox",
                                               std::string(64, 'b'), "default", "web", "total"));
}

}  // namespace
}  // namespace rktlet::cri
