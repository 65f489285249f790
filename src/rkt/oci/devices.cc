// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/devices.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

// What crun makes or mounts in every container's /dev.
constexpr std::array<std::string_view, 19> kOwn = {
    "null", "zero",  "full",   "tty",    "random", "urandom", "ptmx", "console",     "pts",  "shm",
    "fd",   "stdin", "stdout", "stderr", "mqueue", "core",    ".lxc", ".lxd-mounts", ".udev"};

bool IsDevice(const struct stat& st) { return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode); }

LinuxDevice Node(const struct stat& st, const std::string& path) {
  LinuxDevice device;
  device.path = path;
  device.type = S_ISBLK(st.st_mode) ? "b" : "c";
  device.major = major(st.st_rdev);
  device.minor = minor(st.st_rdev);
  device.file_mode = st.st_mode & 07777;
  device.uid = st.st_uid;
  device.gid = st.st_gid;
  return device;
}

// The devices below `host`, under `container` inside. What vanishes meanwhile is not there.
absl::Status Walk(const std::string& host, const std::string& container, const std::string& permissions, bool skip_own,
                  std::vector<GivenDevice>& out) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, rktlet::base::ListDirectory(host));
  for (const std::string& name : names) {
    if (skip_own && std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) {
      continue;
    }
    struct stat st;
    const std::string path = host + "/" + name;
    if (lstat(path.c_str(), &st) != 0) {
      continue;
    }
    if (S_ISDIR(st.st_mode)) {
      const absl::Status status = Walk(path, container + "/" + name, permissions, false, out);
      if (!status.ok() && !absl::IsNotFound(status)) {
        return status;
      }
    } else if (IsDevice(st)) {
      out.push_back({Node(st, container + "/" + name), {path, permissions}});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GivenDevice>> BuildDevices(const std::vector<rktlet::spec::Device>& devices) {
  std::vector<GivenDevice> given;
  for (const rktlet::spec::Device& device : devices) {
    char resolved[PATH_MAX];
    struct stat st;
    if (realpath(device.host_path.c_str(), resolved) == nullptr || stat(resolved, &st) != 0) {
      return rktlet::base::ErrnoStatus(errno, StrCat("device ", device.host_path));
    }
    const std::string inside = device.container_path.empty() ? device.host_path : device.container_path;
    if (S_ISDIR(st.st_mode)) {
      RETURN_IF_ERROR(Walk(resolved, inside, device.permissions, false, given));
    } else if (IsDevice(st)) {
      given.push_back({Node(st, inside), {resolved, device.permissions}});
    } else {
      return absl::InvalidArgumentError(StrCat("device ", device.host_path, " is no device"));
    }
  }
  return given;
}

absl::StatusOr<std::vector<LinuxDevice>> HostDevices(const std::string& dev) {
  std::vector<GivenDevice> all;
  RETURN_IF_ERROR(Walk(dev, "/dev", "rwm", true, all));
  std::vector<LinuxDevice> nodes;
  nodes.reserve(all.size());
  for (GivenDevice& device : all) {
    nodes.push_back(std::move(device.node));
  }
  return nodes;
}

}  // namespace rkt::oci
