// SPDX-License-Identifier: Apache-2.0
// The Engine that runs the `rkt` command: documents and credentials on stdin, results on stdout, never a secret in
// argv.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/engine/process.h"
#include "rktlet/engine/pull_cgroup.h"
#include "spec/layout.h"

namespace rktlet::engine {

class RktEngine final : public Engine {
 public:
  // `config` is read at each call, so that a reload acts at once; it and this outlive every call.
  RktEngine(const config::Config& config, std::string rkt, std::string helper, spec::Layout layout,
            PullCgroup pull_cgroup = {});

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

  const PullCgroup& pull_cgroup() const { return pull_cgroup_; }
  // Ends pulls and execs that run, for the end of the daemon; short commands are left to finish.
  void Stop();

 private:
  // stdout of `rkt args…`, or the status it ended with.
  Awaitable<absl::StatusOr<std::string>> Run(std::vector<std::string> args, std::string stdin_data,
                                             std::chrono::nanoseconds timeout);
  base::Command Command(const std::vector<std::string>& args) const;
  void AddCniFlags(std::vector<std::string>& args) const;
  void AddCdiFlags(std::vector<std::string>& args) const;
  Cancellation Track(Cancellation cancellation);

  const config::Config& config_;
  const std::string rkt_;
  const std::string helper_;
  const spec::Layout layout_;
  const PullCgroup pull_cgroup_;
  std::vector<Cancellation> long_running_;
  std::optional<Features> features_;
};

// The documents that `rkt image list`, `rkt features` and `rkt app network status` print with --format=json.
absl::StatusOr<std::vector<Image>> ParseImageList(const std::string& json);
absl::StatusOr<Features> ParseFeatures(const std::string& json);
absl::StatusOr<NetworkStatus> ParseNetworkStatus(const std::string& json);
// A line of `rkt image fetch --progress=json`; absent for every other line. `known` is what was told before: a phase
// that has no bytes of its own keeps those.
std::optional<FetchProgress> ParseFetchProgress(std::string_view line, const FetchProgress& known);

}  // namespace rktlet::engine
