// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/start_here.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/add_container.h"
#include "rkt/oci/criu.h"
#include "rkt/oci/id_mappings.h"
#include "rkt/oci/image_volumes.h"
#include "rkt/oci/log_journal.h"
#include "rkt/oci/oci_runtime.h"
#include "rkt/oci/prepared_mounts.h"
#include "rkt/oci/private_mounts.h"
#include "rkt/oci/rootfs.h"
#include "rkt/oci/stdio.h"
#include "spec/checkpoint_files.h"
#include "spec/log_journal.h"
#include "spec/runtime_handlers.h"
#include "unit/resource_files.h"
#include "unit/supervisor_client.h"
#include "unit/unit_names.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::AppName;
using rktlet::spec::ContainerState;
using rktlet::spec::Layout;
using rktlet::spec::PodId;

constexpr size_t kMaxEarlierLog = size_t{256} << 20;

// The log's copy to the journal is not worth a container: a supervisor of before the upgrade does not know of it.
absl::StatusOr<rktlet::unit::SupervisorReply> AskForStdio(const Layout& layout, const PodId& pod,
                                                          const ContainerState& state) {
  namespace supervisor = rktlet::spec::supervisor;
  const rktlet::spec::ContainerSpec& spec = state.record.spec;
  uint32_t flags = (spec.tty ? supervisor::kTty : 0U) | (spec.stdin_open ? supervisor::kStdin : 0U) |
                   (spec.stdin_once ? supervisor::kStdinOnce : 0U);
  const std::string socket = layout.SupervisorSocket(pod);
  std::vector<std::string> strings = {spec.app.str(), layout.App(pod, spec.app), state.record.log_path};
  if (spec.rkt_annotations.contains(rktlet::spec::kLogJournalAnnotation)) {
    ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(layout.PodFile(pod, rktlet::spec::kPodFile)));
    ASSIGN_OR_RETURN(const rktlet::spec::PodRecord record, rktlet::spec::ParsePodRecord(text));
    ASSIGN_OR_RETURN(std::string journal, JournalDescription(record.spec, spec));
    strings.push_back(std::move(journal));
    flags |= supervisor::kJournal;
  }
  absl::StatusOr<rktlet::unit::SupervisorReply> reply =
      rktlet::unit::CallSupervisor(socket, supervisor::kStdio, flags, strings);
  if (absl::IsInvalidArgument(reply.status()) && strings.size() == 4) {
    strings.pop_back();
    reply = rktlet::unit::CallSupervisor(socket, supervisor::kStdio, flags & ~supervisor::kJournal, strings);
  }
  RETURN_IF_ERROR(reply.status());
  if (reply->fds.size() < 3) {
    return absl::InternalError("the pod's supervisor gave no stdio");
  }
  return reply;
}

bool MapsIds(const rktlet::spec::ContainerSpec& container) {
  return std::any_of(container.mounts.begin(), container.mounts.end(),
                     [](const rktlet::spec::Mount& mount) { return !mount.uid_mappings.empty(); });
}

// The log of a restored container begins with what it had printed until it was saved; a log that is there already is
// left as it is.
absl::Status ContinueLog(const Layout& layout, const PodId& pod, const ContainerState& state) {
  const std::string& path = state.record.log_path;
  const absl::StatusOr<std::string> earlier =
      rktlet::base::ReadFile(layout.AppFile(pod, state.record.spec.app, rktlet::spec::kEarlierLogFile), kMaxEarlierLog);
  if (path.empty() || absl::IsNotFound(earlier.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(earlier.status());
  const absl::Status written = rktlet::base::WriteFileOnceAt(AT_FDCWD, path, *earlier, 0640);
  return absl::IsAlreadyExists(written) ? absl::OkStatus() : written;
}

absl::Status MountShm(const Layout& layout, const rktlet::base::UniqueFd& shm) {
  const std::string target = layout.PrivateMounts() + "/shm";
  if (syscall(SYS_move_mount, shm.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, "the pod's /dev/shm");
  }
  return absl::OkStatus();
}

// What no property of the unit expresses, into the group that we and the container to come are in.
absl::Status WriteOwnResourceFiles(const Layout& layout, const PodId& pod, const ContainerState& state) {
  const rktlet::spec::Resources& resources = state.record.spec.resources;
  if (resources.hugepage_limits.empty() && resources.unified.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
  ASSIGN_OR_RETURN(const auto files, rktlet::unit::ResourceFiles(resources, cgroups));
  if (files.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const rktlet::spec::PodState pod_state, rktlet::spec::ReadPod(layout, pod));
  const std::string group =
      rktlet::unit::Cgroups::ControlGroup(rktlet::unit::PodSlice(pod_state.record.spec), state.record.unit);
  return rktlet::unit::WriteResourceFiles(files, cgroups, group);
}

// What the container's specification says about its root.
struct RootFacts {
  std::string cwd;
  std::string mount_label;  // SELinux'; empty: none
};

absl::StatusOr<RootFacts> ReadRootFacts(const std::string& config_path) {
  ASSIGN_OR_RETURN(std::string text, rktlet::base::ReadFile(config_path));
  const nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
  if (!config.is_object() || !config.contains("process") || !config["process"].contains("cwd") ||
      !config.contains("linux")) {
    return absl::DataLossError(StrCat(config_path, ": not an OCI specification"));
  }
  RootFacts facts{config["process"]["cwd"].get<std::string>(), ""};
  if (const auto& linux_part = config["linux"]; linux_part.contains("mountLabel")) {
    facts.mount_label = linux_part["mountLabel"].get<std::string>();
  }
  return facts;
}

absl::Status BuildRoot(const Layout& layout, const rktlet::spec::PodSpec& pod, const AppName& app,
                       const LayerStore& store, const RootFacts& facts) {
  const std::string root = layout.PrivateMounts() + "/rootfs";
  ASSIGN_OR_RETURN(OverlayLayers layers, ReadLayers(layout.AppFile(pod.id, app, kLayersFile), store));
  RETURN_IF_ERROR(MountOverlay(layers, layout.App(pod.id, app), root, facts.mount_label));
  // crun does not make it, unlike runc, and users rely on it.
  return EnsureDirectoryInRoot(root, facts.cwd, RootOf(pod));
}

// Runs `mount` with the image store to mount layers from: in a pod with a user namespace, with its ids mapped.
absl::Status WithStore(const Layout& layout, const UniqueFd& user_namespace,
                       const std::function<absl::Status(const LayerStore&)>& mount) {
  if (!user_namespace.valid()) {
    return mount({layout.Images(), ""});
  }
  const LayerStore store = {layout.Images(), layout.PrivateMounts() + "/layers"};
  RETURN_IF_ERROR(AttachMappedStore(store, user_namespace.get()));
  RETURN_IF_ERROR(mount(store));
  return DetachMappedStore(store);
}

// All that the container sees, in a mount namespace of our own. Returns the specification that the runtime is to take;
// empty: that of the bundle.
absl::StatusOr<std::string> BuildMountNamespace(const Layout& layout, const rktlet::spec::PodSpec& pod,
                                                const ContainerState& state,
                                                const rktlet::unit::SupervisorReply& stdio) {
  const rktlet::spec::ContainerSpec& container = state.record.spec;
  const std::string config = layout.AppFile(pod.id, container.app, rktlet::spec::kOciConfigFile);
  UniqueFd user_namespace;
  if (pod.user_namespace.has_value()) {
    ASSIGN_OR_RETURN(user_namespace, rktlet::base::OpenAt(AT_FDCWD, layout.UserNamespace(pod.id), O_RDONLY));
    RETURN_IF_ERROR(OpenWayToRoots(layout));
  }
  // The propagation of the host's mounts is left as it is: volumes may ask for it. What is mounted below goes to a
  // mount that is private.
  if (unshare(CLONE_NEWNS) != 0) {
    return ErrnoStatus(errno, "a mount namespace of its own");
  }
  ASSIGN_OR_RETURN(const RootFacts facts, ReadRootFacts(config));
  if (stdio.fds.size() > 3) {
    RETURN_IF_ERROR(MountShm(layout, stdio.fds[3]));
  }
  if (user_namespace.valid()) {
    RETURN_IF_ERROR(MountKernelFilesystems(layout, pod));
  }
  if (HasImageVolumes(container)) {
    RETURN_IF_ERROR(WithStore(layout, user_namespace, [&](const LayerStore& store) {
      return MountImageVolumes(layout, pod.id, container, store, facts.mount_label);
    }));
  }
  std::optional<PreparedMounts> prepared;
  if (user_namespace.valid() || MapsIds(container)) {
    ASSIGN_OR_RETURN(prepared, PreparedMounts::Copy(config, user_namespace.get()));
  }
  RETURN_IF_ERROR(WithStore(layout, user_namespace, [&](const LayerStore& store) {
    return BuildRoot(layout, pod, container.app, store, facts);
  }));
  return prepared.has_value() ? prepared->Attach(layout) : "";
}

// CRIU, told to leave groups alone, makes no cgroup namespace either: the container gets the one that it is restored
// from.
absl::Status EnterCgroupNamespace(const std::string& config_path) {
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(config_path));
  const nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
  if (!config.is_object() || !config.contains("linux") || !config["linux"].contains("namespaces")) {
    return absl::DataLossError(StrCat(config_path, ": not an OCI specification"));
  }
  for (const nlohmann::json& one : config["linux"]["namespaces"]) {
    if (one.value("type", "") == "cgroup" && unshare(CLONE_NEWCGROUP) != 0) {
      return ErrnoStatus(errno, "a cgroup namespace of its own");
    }
  }
  return absl::OkStatus();
}

// A restore mounts the root once more below the runtime's directory, where the node would see it come and go: so the
// runtime works in the same directory at a place that is private.
absl::StatusOr<std::string> PrivateRuntimeRoot(const Layout& layout, const std::string& root) {
  const std::string path = layout.PrivateMounts() + "/runtime";
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(path, 0700));
  if (mount(root.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, StrCat("bind mount of ", root));
  }
  return path;
}

absl::Status BecomeRuntime(const Layout& layout, const PodId& pod, const ContainerState& state,
                           const OciRuntime& runtime, const rktlet::unit::SupervisorReply& stdio,
                           const std::string& config, bool restored) {
  const std::string directory = layout.App(pod, state.record.spec.app);
  const std::string& id = state.record.spec.id.str();
  std::vector<std::string> command = {restored ? "restore" : "create", "--bundle=" + directory,
                                      "--pid-file=" + layout.ContainerPidFile(state.record.spec.id)};
  std::string root = rktlet::spec::RuntimeRoot(layout, runtime.name());
  if (restored) {
    for (const std::string& argument : {std::string("--detach"), std::string("--file-locks"),
                                        StrCat("--image-path=", directory, "/", rktlet::spec::kCheckpointDirectory),
                                        StrCat("--work-path=", directory, "/", rktlet::spec::kRestoreDirectory)}) {
      command.push_back(argument);
    }
    ASSIGN_OR_RETURN(root, PrivateRuntimeRoot(layout, root));
  }
  if (state.record.spec.tty) {
    command.push_back("--console-socket=" + stdio.text);
  }
  if (!config.empty()) {
    command.push_back("--config=" + config);
  }
  command.push_back(id);
  std::vector<std::string> arguments =
      runtime.Arguments(root, directory + "/" + rktlet::spec::RuntimeLogFile(runtime.name()), command);
  std::vector<std::string> environment = RuntimeEnvironment();
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(stdio.fds[static_cast<size_t>(fd)].get(), fd) < 0) {
      return ErrnoStatus(errno, "dup2");
    }
  }
  RETURN_IF_ERROR(GuardDevicesOfStdio());
  return ErrnoStatus(runtime.Exec(argv.data(), envp.data()), runtime.path());
}

}  // namespace

absl::Status StartHere(const Layout& layout, const PodId& pod, const AppName& app) {
  ASSIGN_OR_RETURN(ContainerState state, rktlet::spec::ReadContainer(layout, pod, app));
  if (state.started.has_value() || state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("app ", app.str(), " was started before"));
  }
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(layout.PodFile(pod, rktlet::spec::kPodFile)));
  ASSIGN_OR_RETURN(const rktlet::spec::PodRecord record, rktlet::spec::ParsePodRecord(text));
  ASSIGN_OR_RETURN(const OciRuntime runtime, OciRuntime::Find(record.spec.runtime_handler));
  for (const std::string& directory : {rktlet::spec::RuntimeRoot(layout, record.spec.runtime_handler),
                                       layout.ContainerPidFile(state.record.spec.id)
                                           .substr(0, layout.ContainerPidFile(state.record.spec.id).rfind('/'))}) {
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(directory, 0700));
  }
  RETURN_IF_ERROR(WriteOwnResourceFiles(layout, pod, state));
  RETURN_IF_ERROR(ContinueLog(layout, pod, state));
  ASSIGN_OR_RETURN(rktlet::unit::SupervisorReply stdio, AskForStdio(layout, pod, state));
  RETURN_IF_ERROR(EnsurePrivateMounts(layout));
  ASSIGN_OR_RETURN(const std::string config, BuildMountNamespace(layout, record.spec, state, stdio));
  RETURN_IF_ERROR(runtime.PrepareMountNamespace(
      rktlet::unit::Cgroups::ControlGroup(rktlet::unit::PodSlice(record.spec), state.record.unit)));
  const bool restored = rktlet::base::Exists(layout.AppFile(pod, app, rktlet::spec::kCheckpointDirectory));
  if (restored) {
    RETURN_IF_ERROR(EnterCgroupNamespace(layout.AppFile(pod, app, rktlet::spec::kOciConfigFile)));
    RETURN_IF_ERROR(WriteCriuRestoreConfig(layout.AppFile(pod, app, rktlet::spec::kCriuConfigFile)));
  }
  if (record.spec.user_namespace.has_value()) {
    // crun makes device nodes for a user namespace with our mask; the container gets its own.
    umask(0);
  }
  return BecomeRuntime(layout, pod, state, runtime, stdio, config, restored);
}

void WriteStartError(const Layout& layout, const PodId& pod, const AppName& app, const absl::Status& status) {
  rktlet::base::WriteFileAtomic(layout.AppFile(pod, app, rktlet::spec::kStartErrorFile),
                                std::string(status.message()) + "\n")
      .IgnoreError();
}

}  // namespace rkt::oci
