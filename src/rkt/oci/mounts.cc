// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/image_volumes.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::spec::ContainerSpec;
using rktlet::spec::Mount;
using rktlet::spec::MountKind;
using rktlet::spec::NamespaceMode;
using rktlet::spec::Propagation;

// In a user namespace the kernel lets nobody mount it who does not own the network, nor where the machine's own is
// read-only. So it is mounted beforehand (prepared_mounts.h), or with the node's network the node's is taken.
RuntimeMount Sysfs(const MountInputs& inputs, const std::string& access) {
  if (!inputs.pod.user_namespace.has_value()) {
    return {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}};
  }
  const bool own = inputs.pod.network == NamespaceMode::kPod;
  return {"/sys",
          "bind",
          own ? inputs.layout.PrivateMounts() + "/sys" : "/sys",
          {"bind", "rprivate", "nosuid", "noexec", "nodev", own ? access : "ro"}};
}

// On v2 a privileged container has the node's cgroup namespace, in which a new mount would change the options of the
// node's own (nsdelegate, memory_recursiveprot): it has that mount itself.
RuntimeMount Cgroups(const MountInputs& inputs, const std::string& access) {
  const std::vector<std::string> options = {"nosuid", "noexec", "nodev", "relatime", access};
  if (!inputs.container.security.privileged || inputs.cgroup_version == rktlet::unit::CgroupVersion::kV1) {
    return {"/sys/fs/cgroup", "cgroup", "cgroup", options};
  }
  RuntimeMount mount{"/sys/fs/cgroup", "bind", "/sys/fs/cgroup", {"rbind", "rprivate"}};
  mount.options.insert(mount.options.end(), options.begin(), options.end());
  return mount;
}

std::vector<RuntimeMount> SystemMounts(const MountInputs& inputs) {
  const bool privileged = inputs.container.security.privileged;
  const std::string access = privileged ? "rw" : "ro";
  std::vector<RuntimeMount> mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      Sysfs(inputs, access),
      Cgroups(inputs, access),
  };
  return mounts;
}

// The pod's reaches the container's unit as a detached mount (app start --here puts it there).
RuntimeMount SharedMemory(const MountInputs& inputs) {
  const std::string shm = inputs.pod.ipc == NamespaceMode::kPod ? inputs.layout.PrivateMounts() + "/shm" : "/dev/shm";
  return {"/dev/shm", "bind", shm, {"rbind", "rprivate", "nosuid", "noexec", "nodev"}};
}

// The files are root's on the node, and root's inside.
void MapAsPod(const rktlet::spec::PodSpec& pod, RuntimeMount& mount) {
  if (pod.user_namespace.has_value()) {
    mount.uid_mappings = pod.user_namespace->uids;
    mount.gid_mappings = pod.user_namespace->gids;
  }
}

std::vector<RuntimeMount> PodFiles(const MountInputs& inputs) {
  std::vector<RuntimeMount> mounts;
  const std::string access = inputs.container.security.read_only_root ? "ro" : "rw";
  for (const auto& [destination, file] :
       {std::pair{"/etc/hosts", rktlet::spec::kHostsFile}, std::pair{"/etc/hostname", rktlet::spec::kHostnameFile},
        std::pair{"/etc/resolv.conf", rktlet::spec::kResolvConfFile}}) {
    const std::string source = inputs.layout.PodFile(inputs.pod.id, file);
    if (rktlet::base::Exists(source)) {
      mounts.push_back({destination, "bind", source, {"rbind", "rprivate", access}});
      MapAsPod(inputs.pod, mounts.back());
    }
  }
  return mounts;
}

absl::Status CheckPropagation(const MountInputs& inputs, const Mount& mount, const std::string& source) {
  if (mount.propagation == Propagation::kPrivate) {
    return absl::OkStatus();
  }
  if (mount.propagation == Propagation::kBidirectional && inputs.pod.user_namespace.has_value()) {
    return absl::InvalidArgumentError(StrCat("mount ", mount.container_path,
                                             ": Bidirectional propagation would bring mounts of the pod's user "
                                             "namespace to the node"));
  }
  if (mount.propagation == Propagation::kBidirectional && !mount.uid_mappings.empty()) {
    return absl::InvalidArgumentError(
        StrCat("mount ", mount.container_path, ": Bidirectional propagation cannot go with mapped ids"));
  }
  const HostMounts::Mount* on = inputs.host_mounts.Find(source);
  if (on == nullptr) {
    return absl::FailedPreconditionError(StrCat("mount ", mount.container_path, ": ", source, " is on no known mount"));
  }
  if (mount.propagation == Propagation::kBidirectional && !on->shared) {
    return absl::FailedPreconditionError(StrCat("mount ", mount.container_path, ": ", source, " is on ", on->point,
                                                ", which is not a shared mount: Bidirectional needs one"));
  }
  if (mount.propagation == Propagation::kHostToContainer && !on->shared && !on->slave) {
    return absl::FailedPreconditionError(StrCat("mount ", mount.container_path, ": ", source, " is on ", on->point,
                                                ", which is neither shared nor slave: HostToContainer needs it"));
  }
  return absl::OkStatus();
}

const char* PropagationOption(Propagation propagation) {
  switch (propagation) {
    case Propagation::kHostToContainer:
      return "rslave";
    case Propagation::kBidirectional:
      return "rshared";
    case Propagation::kPrivate:
      break;
  }
  return "rprivate";
}

absl::StatusOr<std::string> Source(const MountInputs& inputs, const Mount& mount, size_t index) {
  switch (mount.kind) {
    case MountKind::kEmpty:
      return VolumeDirectory(inputs.layout, inputs.pod.id, mount.name);
    case MountKind::kImage:
      return ImageVolumeSource(inputs.layout, index);
    case MountKind::kBind:
      break;
  }
  ASSIGN_OR_RETURN(std::string source, ResolveSource(mount));
  RETURN_IF_ERROR(CheckPropagation(inputs, mount, source));
  return source;
}

// A volume from an image is made of layers that are mapped: an overlay's own ids cannot be.
absl::Status MapVolume(const rktlet::spec::PodSpec& pod, const Mount& mount, RuntimeMount& result) {
  switch (mount.kind) {
    case MountKind::kBind:
      result.uid_mappings = mount.uid_mappings;
      result.gid_mappings = mount.gid_mappings;
      return absl::OkStatus();
    case MountKind::kEmpty:
      MapAsPod(pod, result);
      return absl::OkStatus();
    case MountKind::kImage:
      break;
  }
  const bool own = pod.user_namespace.has_value() && mount.uid_mappings == pod.user_namespace->uids &&
                   mount.gid_mappings == pod.user_namespace->gids;
  if (!mount.uid_mappings.empty() && !own) {
    return absl::InvalidArgumentError(
        StrCat("mount ", mount.container_path, ": a volume from an image has the ids of the pod's user namespace"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RuntimeMount> Volume(const MountInputs& inputs, size_t index) {
  const Mount& mount = inputs.container.mounts[index];
  RuntimeMount result{CleanPath(mount.container_path), "bind", "", {"rbind", PropagationOption(mount.propagation)}};
  ASSIGN_OR_RETURN(result.source, Source(inputs, mount, index));
  RETURN_IF_ERROR(MapVolume(inputs.pod, mount, result));
  if ((mount.recursive_read_only || !mount.options.empty()) && !inputs.can_set_attributes) {
    return absl::FailedPreconditionError(StrCat(
        "mount ", mount.container_path, ": ", mount.recursive_read_only ? "recursive_read_only" : mount.options.front(),
        " holds for mounts below the source too, which takes mount_setattr(2): Linux 5.12"));
  }
  for (const std::string& option : mount.options) {
    result.options.push_back("r" + option);
  }
  if (mount.recursive_read_only) {
    if (!mount.read_only || mount.propagation != Propagation::kPrivate) {
      return absl::InvalidArgumentError(
          StrCat("mount ", mount.container_path, ": recursive_read_only needs read_only and private propagation"));
    }
    result.options.push_back("rro");
  } else {
    result.options.push_back(mount.read_only ? "ro" : "rw");
  }
  return result;
}

size_t Depth(const RuntimeMount& mount) {
  return mount.destination == "/"
             ? 0
             : static_cast<size_t>(std::count(mount.destination.begin(), mount.destination.end(), '/'));
}

}  // namespace

absl::StatusOr<std::string> ResolveSource(const Mount& mount) {
  char resolved[PATH_MAX];
  if (realpath(mount.host_path.c_str(), resolved) == nullptr) {
    return ErrnoStatus(errno, StrCat("mount ", mount.container_path, ": source ", mount.host_path));
  }
  return std::string(resolved);
}

std::string CleanPath(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.back() == '/') {
    clean.pop_back();
  }
  return clean;
}

void ParentsFirst(std::vector<RuntimeMount>& mounts) {
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const RuntimeMount& a, const RuntimeMount& b) { return Depth(a) < Depth(b); });
}

std::string VolumeDirectory(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                            const std::string& name) {
  return layout.PodFile(pod, "volumes") + "/" + name;
}

HostMounts::HostMounts(const std::string& mountinfo) {
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skip;
    Mount mount;
    // id, parent, device, root, mount point, options, then optional fields up to "-".
    if (!(fields >> skip >> skip >> skip >> skip >> mount.point >> skip)) {
      continue;
    }
    for (std::string field; fields >> field && field != "-";) {
      mount.shared = mount.shared || field.rfind("shared:", 0) == 0;
      mount.slave = mount.slave || field.rfind("master:", 0) == 0;
    }
    std::string point;
    for (size_t i = 0; i < mount.point.size(); ++i) {  // \040 and the like
      if (mount.point[i] == '\\' && i + 3 < mount.point.size()) {
        point.push_back(static_cast<char>(std::strtol(mount.point.substr(i + 1, 3).c_str(), nullptr, 8)));
        i += 3;
      } else {
        point.push_back(mount.point[i]);
      }
    }
    mount.point = point;
    mounts.push_back(std::move(mount));
  }
}

const HostMounts::Mount* HostMounts::Find(const std::string& path) const {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    const bool holds = mount.point == "/" || path == mount.point ||
                       (path.size() > mount.point.size() && path.compare(0, mount.point.size(), mount.point) == 0 &&
                        path[mount.point.size()] == '/');
    // Of mounts on one point the last is on top.
    if (holds && (best == nullptr || mount.point.size() >= best->point.size())) {
      best = &mount;
    }
  }
  return best;
}

absl::StatusOr<MountResult> BuildMounts(const MountInputs& inputs) {
  MountResult result;
  result.rootfs_propagation = "rprivate";
  std::vector<RuntimeMount> volumes = inputs.declared_volumes;
  for (RuntimeMount& declared : volumes) {
    MapAsPod(inputs.pod, declared);
  }
  for (size_t i = 0; i < inputs.container.mounts.size(); ++i) {
    const Mount& mount = inputs.container.mounts[i];
    ASSIGN_OR_RETURN(RuntimeMount volume, Volume(inputs, i));
    volumes.push_back(std::move(volume));
    if (mount.propagation == Propagation::kBidirectional) {
      result.rootfs_propagation = "rshared";
    } else if (mount.propagation == Propagation::kHostToContainer && result.rootfs_propagation == "rprivate") {
      result.rootfs_propagation = "rslave";
    }
  }
  const auto covered = [given = volumes](const RuntimeMount& mount) {
    return std::any_of(given.begin(), given.end(),
                       [&](const RuntimeMount& volume) { return volume.destination == mount.destination; });
  };
  for (RuntimeMount& mount : SystemMounts(inputs)) {
    if (!covered(mount)) {
      result.mounts.push_back(std::move(mount));
    }
  }
  // A volume at /etc or /dev does not hide what the pod has in there.
  std::vector<RuntimeMount> of_pod = PodFiles(inputs);
  of_pod.push_back(SharedMemory(inputs));
  std::erase_if(of_pod, covered);
  volumes.insert(volumes.begin(), of_pod.begin(), of_pod.end());
  ParentsFirst(volumes);
  for (RuntimeMount& volume : volumes) {
    result.mounts.push_back(std::move(volume));
  }
  return result;
}

absl::Status MakeEmptyVolumes(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                              const ContainerSpec& container, std::vector<std::string>& made) {
  for (const Mount& mount : container.mounts) {
    if (mount.kind != MountKind::kEmpty) {
      continue;
    }
    if (mount.name.empty() || mount.name == "." || mount.name == ".." || mount.name.find('/') != std::string::npos) {
      return absl::InvalidArgumentError(StrCat("\"", mount.name, "\" cannot be the name of a volume"));
    }
    const std::string directory = VolumeDirectory(layout, pod, mount.name);
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(layout.PodFile(pod, "volumes"), 0700));
    if (mkdir(directory.c_str(), 0700) != 0) {
      if (errno == EEXIST) {
        continue;
      }
      return ErrnoStatus(errno, directory);
    }
    made.push_back(directory);
    if (chown(directory.c_str(), mount.uid.value_or(0), mount.gid.value_or(0)) != 0 ||
        chmod(directory.c_str(), mount.mode.value_or(0755) & 07777) != 0) {
      return ErrnoStatus(errno, directory);
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
