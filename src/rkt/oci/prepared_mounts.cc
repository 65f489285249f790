// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/prepared_mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/mounts.h"
#include "rkt/pod/id_mapped_mount.h"
#include "rkt/pod/user_namespace.h"

namespace rkt::oci {
namespace {

using Json = nlohmann::ordered_json;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::IdMapping;
using Options = std::vector<std::string>;

bool Has(const Options& options, const std::string& option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

absl::Status SetAttributes(const UniqueFd& mount, unsigned int flags, uint64_t set, uint64_t propagation,
                           const std::string& what) {
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.propagation = propagation;
  if (syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH | flags, &attributes, sizeof(attributes)) != 0) {
    return ErrnoStatus(errno, StrCat(what, ": set its options"));
  }
  return absl::OkStatus();
}

// Options and their attributes; with an "r" before it an option holds for the mounts below as well.
constexpr std::array<std::pair<const char*, uint64_t>, 4> kAttributes = {{{"ro", MOUNT_ATTR_RDONLY},
                                                                          {"nosuid", MOUNT_ATTR_NOSUID},
                                                                          {"nodev", MOUNT_ATTR_NODEV},
                                                                          {"noexec", MOUNT_ATTR_NOEXEC}}};

absl::Status ApplyOptions(const UniqueFd& mount, const Options& options, const std::string& what) {
  uint64_t own = 0;
  uint64_t recursive = 0;
  for (const auto& [option, attribute] : kAttributes) {
    own |= Has(options, option) ? attribute : 0;
    recursive |= Has(options, StrCat("r", option)) ? attribute : 0;
  }
  RETURN_IF_ERROR(SetAttributes(mount, 0, own, 0, what));
  return SetAttributes(mount, AT_RECURSIVE, recursive, Has(options, "rslave") ? MS_SLAVE : MS_PRIVATE, what);
}

std::vector<IdMapping> Mappings(const Json& list) {
  std::vector<IdMapping> mappings;
  for (const Json& entry : list) {
    mappings.push_back({entry.value("containerID", 0U), entry.value("hostID", 0U), entry.value("size", 0U)});
  }
  return mappings;
}

bool IsMapped(const Json& mount) { return mount.contains("uidMappings"); }

// The user namespace by which the ids of mounts are mapped: mostly the same for all of a container.
class IdMaps {
 public:
  absl::StatusOr<int> For(const Json& mount) {
    if (!fd_.valid() || uids_ != mount["uidMappings"] || gids_ != mount["gidMappings"]) {
      uids_ = mount["uidMappings"];
      gids_ = mount["gidMappings"];
      ASSIGN_OR_RETURN(fd_, rkt::pod::MakeUserNamespace(Mappings(uids_), Mappings(gids_)));
    }
    return fd_.get();
  }

 private:
  Json uids_;
  Json gids_;
  UniqueFd fd_;
};

absl::StatusOr<UniqueFd> CopyBind(const Json& mount, IdMaps& maps) {
  const Options options = mount["options"].get<Options>();
  const std::string what = StrCat("mount ", mount["destination"].get<std::string>());
  const bool recursive = Has(options, "rbind");
  ASSIGN_OR_RETURN(UniqueFd copy, rkt::pod::CopyMount(mount["source"].get<std::string>(), recursive));
  RETURN_IF_ERROR(ApplyOptions(copy, options, what));
  if (IsMapped(mount)) {
    ASSIGN_OR_RETURN(const int ids, maps.For(mount));
    RETURN_IF_ERROR(rkt::pod::MapIds(copy, recursive, ids, what));
  }
  return copy;
}

// A place for `mount`, of its kind.
absl::Status MakePoint(const std::string& point, const UniqueFd& mount) {
  struct stat st;
  if (fstat(mount.get(), &st) != 0) {
    return ErrnoStatus(errno, point);
  }
  if (S_ISDIR(st.st_mode)) {
    return rktlet::base::MakeDirectories(point, 0755);
  }
  return rktlet::base::OpenAt(AT_FDCWD, point, O_RDONLY | O_CREAT, 0644).status();
}

absl::Status MountOne(const rktlet::spec::Layout& layout, const std::string& name, const char* type) {
  const std::string point = StrCat(layout.PrivateMounts(), "/", name);
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(point, 0700));
  if (mount(type, point.c_str(), type, MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return ErrnoStatus(errno, StrCat(type, " on ", point));
  }
  return absl::OkStatus();
}

// Mounts below `point`, as entries for the specification: crun 1.8 does not take them along in a user namespace.
// `hidden`: where our own are, for a volume that has that directory in it.
std::vector<Json> Below(const HostMounts& mounts, const std::string& point, const Json& mount,
                        const std::string& hidden) {
  const std::string original = mount["source"].get<std::string>();
  const Options options = mount["options"].get<Options>();
  std::vector<Json> below;
  for (const HostMounts::Mount& other : mounts.mounts) {
    if (!other.point.starts_with(point + "/")) {
      continue;
    }
    const std::string name = (original == "/" ? "" : original) + other.point.substr(point.size());
    if (name == hidden || name.starts_with(hidden + "/")) {
      continue;
    }
    Json entry = mount;
    entry["destination"] = mount["destination"].get<std::string>() + other.point.substr(point.size());
    entry["source"] = other.point;
    entry["options"] = {"bind", Has(options, "rslave") ? "rslave" : "rprivate"};
    for (const auto& [option, attribute] : kAttributes) {
      if (Has(options, StrCat("r", option))) {
        entry["options"].push_back(option);
      }
    }
    below.push_back(std::move(entry));
  }
  return below;
}

}  // namespace

absl::StatusOr<PreparedMounts> PreparedMounts::Copy(const std::string& config_path, int user_namespace) {
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(config_path));
  PreparedMounts prepared;
  prepared.in_user_namespace_ = user_namespace >= 0;
  prepared.config_ = Json::parse(text, nullptr, false);
  if (!prepared.config_.is_object() || !prepared.config_.contains("mounts")) {
    return absl::DataLossError(StrCat(config_path, ": not an OCI specification"));
  }
  IdMaps maps;
  const Json& mounts = prepared.config_["mounts"];
  for (size_t index = 0; index < mounts.size(); ++index) {
    const Json& mount = mounts[index];
    if (mount["type"] == "bind" && (prepared.in_user_namespace_ || IsMapped(mount))) {
      ASSIGN_OR_RETURN(UniqueFd copy, CopyBind(mount, maps));
      prepared.entries_.push_back({index, std::move(copy), ""});
    }
  }
  return prepared;
}

absl::Status PreparedMounts::AttachOne(const std::string& directory, Entry& entry) {
  entry.point = StrCat(directory, "/", entry.index);
  RETURN_IF_ERROR(MakePoint(entry.point, entry.mount));
  if (syscall(SYS_move_mount, entry.mount.get(), "", AT_FDCWD, entry.point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, StrCat("attach ", entry.point));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PreparedMounts::Attach(const rktlet::spec::Layout& layout) {
  const std::string directory = layout.PrivateMounts() + "/prepared";
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(directory, 0700));
  if (mount("prepared", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") != 0) {
    return ErrnoStatus(errno, StrCat("tmpfs on ", directory));
  }
  for (Entry& entry : entries_) {
    RETURN_IF_ERROR(AttachOne(directory, entry));
  }
  ASSIGN_OR_RETURN(const std::string mountinfo, rktlet::base::ReadFile("/proc/self/mountinfo"));
  const HostMounts attached(mountinfo);
  Json mounts = Json::array();
  auto entry = entries_.begin();
  for (size_t index = 0; index < config_["mounts"].size(); ++index) {
    Json mount = config_["mounts"][index];
    if (entry == entries_.end() || entry->index != index) {
      mounts.push_back(std::move(mount));
      continue;
    }
    mount.erase("uidMappings");
    mount.erase("gidMappings");
    std::vector<Json> below;
    if (in_user_namespace_) {
      below = Below(attached, entry->point, mount, layout.PrivateMounts());
      std::replace(mount["options"].begin(), mount["options"].end(), Json("rbind"), Json("bind"));
    }
    mount["source"] = entry->point;
    mounts.push_back(std::move(mount));
    std::move(below.begin(), below.end(), std::back_inserter(mounts));
    ++entry;
  }
  config_["mounts"] = std::move(mounts);
  const std::string path = directory + "/config.json";
  RETURN_IF_ERROR(
      rktlet::base::WriteFileAtomic(path, config_.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  return path;
}

absl::Status MountKernelFilesystems(const rktlet::spec::Layout& layout, const rktlet::spec::PodSpec& pod) {
  RETURN_IF_ERROR(MountOne(layout, "proc", "proc"));
  if (pod.network == rktlet::spec::NamespaceMode::kNode) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const UniqueFd here, rktlet::base::OpenAt(AT_FDCWD, "/proc/self/ns/net", O_RDONLY));
  ASSIGN_OR_RETURN(const UniqueFd network, rktlet::base::OpenAt(AT_FDCWD, layout.NetworkNamespace(pod.id), O_RDONLY));
  if (setns(network.get(), CLONE_NEWNET) != 0) {
    return ErrnoStatus(errno, "join the pod's network namespace");
  }
  const absl::Status status = MountOne(layout, "sys", "sysfs");
  return setns(here.get(), CLONE_NEWNET) == 0 ? status : ErrnoStatus(errno, "return to the node's network namespace");
}

}  // namespace rkt::oci
