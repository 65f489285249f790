// SPDX-License-Identifier: Apache-2.0
// Where everything stands on disk (docs/state.md) and how the records there are read. The one place that spells paths.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "spec/ids.h"
#include "spec/records.h"

namespace rktlet::spec {

class Layout {
 public:
  // `dir` is durable (/var/lib/rkt), `run_dir` is not (/run/rkt).
  explicit Layout(std::string dir = "/var/lib/rkt", std::string run_dir = "/run/rkt")
      : dir_(std::move(dir)), run_dir_(std::move(run_dir)) {}

  const std::string& dir() const { return dir_; }
  const std::string& run_dir() const { return run_dir_; }

  // Durable.
  std::string Images() const { return dir_ + "/images"; }
  std::string Pods() const { return dir_ + "/pods"; }
  std::string Pod(const PodId& pod) const { return Pods() + "/" + pod.str(); }
  std::string PodFile(const PodId& pod, const std::string& name) const { return Pod(pod) + "/" + name; }
  std::string Apps(const PodId& pod) const { return Pod(pod) + "/apps"; }
  std::string App(const PodId& pod, const AppName& app) const { return Apps(pod) + "/" + app.str(); }
  std::string AppFile(const PodId& pod, const AppName& app, const std::string& name) const {
    return App(pod, app) + "/" + name;
  }

  // Of this boot only.
  std::string RunPods() const { return run_dir_ + "/pods"; }
  std::string RunPod(const PodId& pod) const { return RunPods() + "/" + pod.str(); }
  std::string NetworkNamespace(const PodId& pod) const { return RunPod(pod) + "/netns"; }
  std::string UserNamespace(const PodId& pod) const { return RunPod(pod) + "/userns"; }
  std::string SupervisorSocket(const PodId& pod) const { return RunPod(pod) + "/supervisor"; }
  std::string SupervisorPidFile(const PodId& pod) const { return RunPod(pod) + "/pid"; }
  std::string ContainerPidFile(const ContainerId& id) const { return run_dir_ + "/pid/" + id.str(); }
  std::string CrunRoot() const { return run_dir_ + "/crun"; }
  std::string Gate(const ContainerId& id) const { return CrunRoot() + "/" + id.str() + "/exec.fifo"; }
  std::string PrivateMounts() const { return run_dir_ + "/mnt"; }  // private mount point: containers' roots go below
  std::string Generation() const { return run_dir_ + "/generation"; }

 private:
  std::string dir_;
  std::string run_dir_;
};

// Names of the files in a pod directory and in a container directory.
inline constexpr char kPodFile[] = "pod.json";
inline constexpr char kNetworkFile[] = "network.json";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kStoppedFile[] = "stopped";  // made when the pod was asked to stop: it is never started again
inline constexpr char kPodExitFile[] = "exit";     // an ExitRecord of the supervisor
inline constexpr char kHostsFile[] = "hosts";
inline constexpr char kHostnameFile[] = "hostname";
inline constexpr char kResolvConfFile[] = "resolv.conf";
inline constexpr char kContainerFile[] = "app.json";
inline constexpr char kOciConfigFile[] = "config.json";
inline constexpr char kStartedFile[] = "started";
inline constexpr char kExitFile[] = "exit";
inline constexpr char kOomFile[] = "oom";
inline constexpr char kStartErrorFile[] = "start-error";
inline constexpr char kHooksLogFile[] = "hooks.log";
inline constexpr char kRuntimeLogFile[] = "crun.log";

// All of a container directory that is there. An unreadable record is its Status; an absent optional one is nullopt.
struct ContainerState {
  ContainerRecord record;
  std::optional<StartedRecord> started;
  std::optional<ExitRecord> exit;
  std::string start_error;  // empty: none
};
absl::StatusOr<ContainerState> ReadContainer(const Layout& layout, const PodId& pod, const AppName& app);

struct PodState {
  PodRecord record;
  std::optional<NetworkRecord> network;
  bool stopped = false;
  std::optional<ExitRecord> exit;
};
absl::StatusOr<PodState> ReadPod(const Layout& layout, const PodId& pod);

// Ids of the pod directories, and names of the container directories of a pod, whether readable or not. What does not
// parse as an id is left out.
absl::StatusOr<std::vector<PodId>> ListPods(const Layout& layout);
absl::StatusOr<std::vector<AppName>> ListApps(const Layout& layout, const PodId& pod);

// Records how a container ended, unless that is known already (then AlreadyExists and nothing changes).
absl::Status RecordExit(const Layout& layout, const PodId& pod, const AppName& app, const ExitRecord& record);

// Tells everyone who watches that something below `layout` changed.
absl::Status BumpGeneration(const Layout& layout);

}  // namespace rktlet::spec
