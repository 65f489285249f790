// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/declared_volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/copy_tree.h"
#include "rkt/oci/mounts.h"

namespace rkt::oci {
namespace {

using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

// Each is a mount; real images declare a handful.
constexpr size_t kMaxVolumes = 128;

bool Covers(const std::string& above, const std::string& path) {
  return above == "/" || path == above || (path.starts_with(above) && path[above.size()] == '/');
}

bool IsSystems(const std::string& path) {
  for (const char* file_system : {"/proc", "/sys", "/dev"}) {
    if (Covers(file_system, path)) {
      return true;
    }
  }
  return path == "/etc/hosts" || path == "/etc/hostname" || path == "/etc/resolv.conf";
}

absl::Status Fill(int volume, const std::string& path, const LayeredRoot& image) {
  const absl::StatusOr<MergedDirectory> content = image.FindDirectory(path);
  if (absl::IsNotFound(content.status())) {
    return fchmod(volume, 0755) == 0 ? absl::OkStatus() : ErrnoStatus(errno, path);
  }
  RETURN_IF_ERROR(content.status());
  return CopyTree(*content, volume);
}

}  // namespace

absl::StatusOr<std::vector<RuntimeMount>> DeclaredVolumes(const std::vector<std::string>& declared,
                                                          const std::vector<rktlet::spec::Mount>& mounts,
                                                          const std::string& directory) {
  if (declared.size() > kMaxVolumes) {
    return absl::InvalidArgumentError(
        StrCat("the image declares ", declared.size(), " volumes: at most ", kMaxVolumes, " are made"));
  }
  std::set<std::string> paths;
  for (const std::string& path : declared) {
    const std::string clean = CleanPath("/" + path);
    if (clean == "/" || clean.size() >= 4096 || clean.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(StrCat("the image declares \"", path.substr(0, 100), "\" as a volume"));
    }
    const bool covered = std::any_of(mounts.begin(), mounts.end(), [&](const rktlet::spec::Mount& mount) {
      return Covers(CleanPath(mount.container_path), clean);
    });
    if (!covered && !IsSystems(clean)) {
      paths.insert(clean);
    }
  }
  std::vector<RuntimeMount> volumes;
  for (const std::string& path : paths) {
    const std::string source = StrCat(directory, "/", kDeclaredVolumesDir, "/", volumes.size());
    volumes.push_back({path, "bind", source, {"rbind", "rprivate", "rw"}});
  }
  return volumes;
}

absl::Status MakeDeclaredVolumes(int directory_fd, const std::vector<RuntimeMount>& volumes, const LayeredRoot& image) {
  if (volumes.empty()) {
    return absl::OkStatus();
  }
  if (mkdirat(directory_fd, kDeclaredVolumesDir, 0755) != 0) {
    return ErrnoStatus(errno, kDeclaredVolumesDir);
  }
  for (size_t i = 0; i < volumes.size(); ++i) {
    const std::string name = StrCat(kDeclaredVolumesDir, "/", i);
    if (mkdirat(directory_fd, name.c_str(), 0700) != 0) {
      return ErrnoStatus(errno, name);
    }
    ASSIGN_OR_RETURN(const UniqueFd volume,
                     rktlet::base::OpenAt(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    RETURN_IF_ERROR(
        Annotate(Fill(volume.get(), volumes[i].destination, image), StrCat("volume ", volumes[i].destination)));
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
