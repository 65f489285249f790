// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/devices.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>

#include "base/strings.h"

namespace rktlet::stats {

const std::string& DeviceNames::Name(uint32_t major, uint32_t minor) {
  const auto [entry, is_new] = names_.try_emplace({major, minor});
  if (is_new) {
    const std::string number = base::StrCat(major, ":", minor);
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink((sys_ + "/dev/block/" + number).c_str(), target.data(), target.size());
    if (size > 0) {
      const std::string_view path(target.data(), static_cast<size_t>(size));
      entry->second = "/dev/" + std::string(path.substr(path.rfind('/') + 1));
    } else {
      entry->second = number;
    }
  }
  return entry->second;
}

absl::StatusOr<Filesystem> LookAtFilesystem(const std::string& directory) {
  struct statvfs figures {};
  struct stat attributes {};
  if (::statvfs(directory.c_str(), &figures) != 0 || ::stat(directory.c_str(), &attributes) != 0) {
    return base::ErrnoStatus(errno, base::StrCat("look at the file system of ", directory));
  }
  return Filesystem{.bytes = figures.f_blocks * figures.f_frsize,
                    .inodes = figures.f_files,
                    .inodes_free = figures.f_ffree,
                    .major = major(attributes.st_dev),
                    .minor = minor(attributes.st_dev)};
}

std::string MountPointOf(std::string directory) {
  const auto parent_of = [](const std::string& path) { return path.substr(0, std::max<size_t>(1, path.rfind('/'))); };
  struct stat own {};
  while (directory.size() > 1 && ::stat(directory.c_str(), &own) != 0) {
    directory = parent_of(directory);
  }
  struct stat above {};
  while (directory.size() > 1 && ::stat(parent_of(directory).c_str(), &above) == 0 && above.st_dev == own.st_dev) {
    directory = parent_of(directory);
  }
  return directory;
}

}  // namespace rktlet::stats
