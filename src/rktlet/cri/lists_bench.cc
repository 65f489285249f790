// SPDX-License-Identifier: Apache-2.0
// How long lists of 100 containers in 100 pods take over the socket, and statistics beside a plain loop that opens,
// reads and closes each of the same files by its path. In directories of files; with RKTLET_BENCH_CGROUPS, an empty
// directory of a cgroup v2 hierarchy (a group made for it), in real groups.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "rktlet/cri/server_fixture.h"
#include "rktlet/pods/pods_fixture.h"

namespace rktlet::cri {
namespace {

constexpr int kContainers = 100;
constexpr int kRounds = 300;
constexpr const char* kFiles[] = {"cpu.stat",    "cpu.pressure",    "memory.current",      "memory.stat",
                                  "memory.max",  "memory.pressure", "memory.swap.current", "memory.swap.max",
                                  "io.pressure", "pids.current"};

std::string GroupRoot(const base::TempDir& directory) {
  const char* real = std::getenv("RKTLET_BENCH_CGROUPS");
  return real != nullptr ? real : directory.File("cgroup");
}

double Median(const std::function<void()>& work) {
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

void Report(const char* what, double milliseconds) { std::printf("%-48s %8.3f ms\n", what, milliseconds); }

class ListsBench : public pods::PodsFixture {
 protected:
  ListsBench() {
    EXPECT_THAT(Run(pods->Recover()), base::IsOk());
    for (int i = 0; i < kContainers; ++i) {
      const pods::PodPtr pod = RunPod("web" + std::to_string(i));
      const pods::ContainerPtr container = Started(pod);
      MakeGroup("/kubepods.slice/kubepods-x.slice/" + container->unit.str());
    }
    auto socket = ListenAt(directory.File("socket"));
    EXPECT_THAT(socket, base::IsOk());
    auto server = Server::Start(context_, *std::move(socket));
    EXPECT_THAT(server, base::IsOk());
    server_ = *std::move(server);
    loop.restart();
    thread_ = std::thread([this] { loop.run(); });
    stub_ = v1::RuntimeService::NewStub(
        grpc::CreateChannel("unix:" + directory.File("socket"), grpc::InsecureChannelCredentials()));
  }
  ~ListsBench() override {
    asio::co_spawn(loop, server_->Stop(), asio::use_future).get();
    guard_.reset();
    loop.stop();
    thread_.join();
    server_.reset();
    for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
      ::rmdir(group->c_str());
    }
    ::rmdir((root_ + "/kubepods.slice/kubepods-x.slice").c_str());
    ::rmdir((root_ + "/kubepods.slice").c_str());
  }

  void MakeGroup(const std::string& group) {
    const std::string path = root_ + group;
    EXPECT_THAT(base::MakeDirectories(path), base::IsOk());
    groups_.push_back(path);
    if (std::getenv("RKTLET_BENCH_CGROUPS") != nullptr) {
      return;
    }
    std::string memory = "anon 300\nfile 900\ninactive_file 1000\npgfault 7\npgmajfault 2\n";
    for (int i = 0; i < 40; ++i) {
      memory += "other_counter_" + std::to_string(i) + " 123456789\n";
    }
    const std::string pressure =
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
    for (const char* name : kFiles) {
      const std::string text = std::string(name).ends_with("pressure") ? pressure
                               : std::string(name) == "memory.stat"    ? memory
                               : std::string(name) == "cpu.stat"       ? "usage_usec 7\nuser_usec 4\nsystem_usec 3\n"
                                                                       : "4096\n";
      EXPECT_THAT(base::WriteFileAtomic(path + "/" + name, text), base::IsOk());
    }
  }

  // What nobody can do without when each file is found by its path.
  size_t PlainLoop() const {
    size_t bytes = 0;
    char buffer[8192];
    for (const std::string& group : groups_) {
      for (const char* name : kFiles) {
        const int file = ::open((group + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
          const ssize_t size = ::read(file, buffer, sizeof buffer);
          bytes += size > 0 ? static_cast<size_t>(size) : 0;
          ::close(file);
        }
      }
    }
    return bytes;
  }

  template <typename Request, typename Response>
  double Time(grpc::Status (v1::RuntimeService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              Response& response) {
    return Median([&] {
      grpc::ClientContext client;
      client.set_wait_for_ready(true);
      EXPECT_TRUE((stub_.get()->*method)(&client, Request(), &response).ok());
    });
  }

  const std::string root_ = GroupRoot(directory);
  asio::executor_work_guard<asio::io_context::executor_type> guard_{loop.get_executor()};
  engine::ImageCache images_{engine};
  engine::Puller puller_{loop.get_executor(), engine, images_, config};
  engine::NetworkMonitor network_{loop.get_executor(), engine, config};
  // Sizes of directories are measured in the background and are not what this is about.
  stats::DiskUsage disk_{loop.get_executor(), clock,
                         [](std::vector<std::string> paths) { return Nothing(paths.size()); }};
  stats::Collector stats_{clock, unit::Cgroups(unit::CgroupVersion::kV2, root_), layout, disk_};
  Context context_{loop,   config, layout, engine,     images_, puller_, network_,
                   stats_, disk_,  *pods,  pods.get(), {},      nullptr};
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::unique_ptr<v1::RuntimeService::Stub> stub_;
  std::vector<std::string> groups_;

 private:
  static engine::Awaitable<absl::StatusOr<std::vector<stats::Usage>>> Nothing(size_t count) {
    co_return std::vector<stats::Usage>(count);
  }
};

TEST_F(ListsBench, OfAHundredContainers) {
  v1::ListContainerStatsResponse stats;
  v1::ListPodSandboxStatsResponse pod_stats;
  v1::ListPodSandboxMetricsResponse metrics;
  v1::ListContainersResponse containers;
  v1::ListPodSandboxResponse sandboxes;
  size_t bytes = 0;
  const double plain = Median([&] { bytes += PlainLoop(); });
  const double listed = Time(&v1::RuntimeService::Stub::ListContainerStats, stats);
  EXPECT_EQ(stats.stats_size(), kContainers);
  EXPECT_TRUE(stats.stats(0).has_cpu());
  EXPECT_GT(bytes, 0U);
  Report("plain loop over the files of 100 groups", plain);
  Report("ListContainerStats of 100 containers", listed);
  std::printf("%-48s %8.2f\n", "ratio", listed / plain);
  Report("ListContainers of 100 containers", Time(&v1::RuntimeService::Stub::ListContainers, containers));
  EXPECT_EQ(containers.containers_size(), kContainers);
  Report("ListPodSandbox of 100 pods", Time(&v1::RuntimeService::Stub::ListPodSandbox, sandboxes));
  EXPECT_EQ(sandboxes.items_size(), kContainers);
  Report("ListPodSandboxStats of 100 pods", Time(&v1::RuntimeService::Stub::ListPodSandboxStats, pod_stats));
  EXPECT_EQ(pod_stats.stats_size(), kContainers);
  Report("ListPodSandboxMetrics of 100 pods", Time(&v1::RuntimeService::Stub::ListPodSandboxMetrics, metrics));
}

}  // namespace
}  // namespace rktlet::cri
