// SPDX-License-Identifier: Apache-2.0
// An Engine in memory for tests: records what was called, answers what it is told to, and can hold calls back.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rktlet/engine/engine.h"

namespace rktlet::engine {

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(boost::asio::any_io_executor executor)
      : gate_(executor, boost::asio::steady_timer::time_point::max()) {}

  // "PreparePod <id>", "NetworkUp <id>", "AddContainer <pod> <app>", "FetchImage <reference>", …, in order.
  std::vector<std::string> calls;
  size_t CountCalls(const std::string& prefix) const;
  // The next call of `method` returns `status` and does nothing.
  void FailNext(const std::string& method, absl::Status status) { failures_[method].push_back(std::move(status)); }
  // Calls of `method` wait from now on until Release().
  void Hold(const std::string& method) { held_.insert(method); }
  void Release(const std::string& method);

  // What is there.
  std::map<spec::PodId, spec::PodRecord> pods;
  std::map<spec::PodId, std::map<spec::AppName, spec::ContainerRecord>> containers;
  std::set<spec::PodId> networks_up;
  std::vector<Image> images;
  NetworkStatus network{.ready = true};
  Features features;
  std::string image_of_new_containers = "sha256:" + std::string(64, 'a');
  std::vector<std::string> pod_ips = {"10.88.0.2"};

  // What answers; by default exec echoes its command, a fetch adds an image named by the reference.
  std::function<absl::StatusOr<ExecResult>(const ExecRequest&)> on_exec;
  std::function<absl::StatusOr<std::string>(const FetchRequest&)> on_fetch;
  std::vector<FetchRequest> fetches;
  int64_t now = 1'700'000'000'000'000'000;  // created_at of new records, one more each

  Awaitable<absl::StatusOr<spec::PodRecord>> PreparePod(spec::PodSpec pod) override;
  Awaitable<absl::StatusOr<spec::NetworkRecord>> NetworkUp(spec::PodId pod) override;
  Awaitable<absl::Status> NetworkDown(spec::PodId pod) override;
  Awaitable<absl::Status> RemovePod(spec::PodId pod) override;
  Awaitable<absl::StatusOr<spec::ContainerRecord>> AddContainer(spec::PodId pod, spec::ContainerSpec spec) override;
  Awaitable<absl::Status> RemoveContainer(spec::PodId pod, spec::AppName app) override;
  Awaitable<absl::StatusOr<spec::ContainerRecord>> UpdateContainer(spec::PodId pod, spec::AppName app,
                                                                   spec::Resources resources) override;
  Awaitable<absl::StatusOr<spec::PodRecord>> UpdatePod(spec::PodId pod, spec::PodResources resources) override;
  Awaitable<absl::StatusOr<ExecResult>> Exec(ExecRequest request) override;
  Awaitable<absl::Status> Checkpoint(CheckpointRequest request) override;
  Awaitable<absl::StatusOr<std::string>> FetchImage(FetchRequest request) override;
  Awaitable<absl::StatusOr<std::vector<Image>>> ListImages() override;
  Awaitable<absl::StatusOr<std::string>> ImageConfig(std::string id) override;
  Awaitable<absl::Status> RemoveImage(std::string id) override;
  Awaitable<absl::StatusOr<Features>> GetFeatures() override;
  Awaitable<absl::StatusOr<NetworkStatus>> GetNetworkStatus() override;

 private:
  // Records the call, waits while it is held, and returns what it shall fail with.
  Awaitable<absl::Status> Enter(std::string method, std::string argument);

  boost::asio::steady_timer gate_;
  std::set<std::string> held_;
  std::map<std::string, std::vector<absl::Status>> failures_;
};

}  // namespace rktlet::engine
