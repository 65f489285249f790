// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/root_difference.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "nlohmann/json.hpp"
#include "rkt/checkpoint/archive_files.h"
#include "rkt/image/any_digest.h"
#include "rkt/image/unpack_layer.h"

namespace rkt::checkpoint {
namespace {

using nlohmann::json;
using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr uint64_t kInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

bool IsWhiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0); }

// Names in an open directory, sorted.
absl::StatusOr<std::vector<std::string>> Names(int directory_fd) {
  ASSIGN_OR_RETURN(UniqueFd copy, rktlet::base::OpenAt(directory_fd, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(copy.get()), &closedir);
  if (stream == nullptr) {
    return ErrnoStatus(errno, "fdopendir");
  }
  static_cast<void>(copy.Release());
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      names.push_back(name);
    }
  }
  if (errno != 0) {
    return ErrnoStatus(errno, "readdir");
  }
  std::ranges::sort(names);
  return names;
}

bool IsOpaque(int fd) {
  char value[2];
  return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

class Finder {
 public:
  Finder(const std::vector<std::string>& layers, RootDifference& found) : layers_(layers), found_(found) {}

  absl::Status Walk(int directory_fd, const std::string& path) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(directory_fd));
    for (const std::string& name : names) {
      const std::string below = path.empty() ? name : path + "/" + name;
      struct stat info = {};
      if (fstatat(directory_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return ErrnoStatus(errno, below);
      }
      if (IsWhiteout(info)) {
        found_.deleted.push_back("/" + below);
      } else if (!S_ISSOCK(info.st_mode)) {
        found_.changed.push_back(below);
      }
      if (S_ISDIR(info.st_mode)) {
        RETURN_IF_ERROR(Enter(directory_fd, name, below));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Enter(int parent_fd, const std::string& name, const std::string& path) {
    ASSIGN_OR_RETURN(const UniqueFd fd, rktlet::base::OpenAt(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (IsOpaque(fd.get())) {
      RETURN_IF_ERROR(AddHidden(fd.get(), path));
    }
    return Walk(fd.get(), path);
  }

  // A directory that was removed and made again hides all that the image has there.
  absl::Status AddHidden(int upper_fd, const std::string& path) {
    ASSIGN_OR_RETURN(const std::vector<std::string> kept, Names(upper_fd));
    std::set<std::string> hidden;
    for (const std::string& layer : layers_) {
      ASSIGN_OR_RETURN(const UniqueFd root, rktlet::base::OpenDirectory(layer));
      const absl::StatusOr<UniqueFd> there =
          rktlet::base::OpenResolved(root.get(), path, O_RDONLY | O_DIRECTORY, 0, kInside);
      if (!there.ok()) {
        continue;  // this layer has no such directory
      }
      ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(there->get()));
      hidden.insert(names.begin(), names.end());
    }
    for (const std::string& name : hidden) {
      if (!std::ranges::binary_search(kept, name)) {
        found_.deleted.push_back(StrCat("/", path, "/", name));
      }
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& layers_;
  RootDifference& found_;
};

absl::Status Whiteout(const UniqueFd& upper, const std::string& deleted) {
  const size_t begin = deleted.find_first_not_of('/');
  const size_t slash = deleted.rfind('/');
  const std::string name = slash == std::string::npos ? deleted : deleted.substr(slash + 1);
  if (begin == std::string::npos || name.empty() || name == "." || name == "..") {
    return absl::DataLossError(StrCat("\"", deleted, "\" cannot have been deleted"));
  }
  const std::string parent = slash == std::string::npos || slash < begin ? "." : deleted.substr(begin, slash - begin);
  const absl::StatusOr<UniqueFd> directory =
      rktlet::base::OpenResolved(upper.get(), parent, O_RDONLY | O_DIRECTORY, 0, kInside);
  if (!directory.ok()) {
    // Whoever deletes something changes the directory that it was in.
    return absl::DataLossError(StrCat("\"", deleted, "\" was deleted from a directory that was not changed"));
  }
  if (mknodat(directory->get(), name.c_str(), S_IFCHR, makedev(0, 0)) != 0) {
    return errno == EEXIST ? absl::DataLossError(StrCat("\"", deleted, "\" is both changed and deleted"))
                           : ErrnoStatus(errno, deleted);
  }
  return absl::OkStatus();
}

absl::Status ApplyDeleted(const std::string& text, const std::string& upper) {
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) {
    return absl::DataLossError("not a JSON list");
  }
  ASSIGN_OR_RETURN(const UniqueFd root, rktlet::base::OpenDirectory(upper));
  for (const json& path : list) {
    if (!path.is_string()) {
      return absl::DataLossError("it holds what is no path");
    }
    RETURN_IF_ERROR(Whiteout(root, path.get<std::string>()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RootDifference> FindRootDifference(const std::string& upper, const std::vector<std::string>& layers) {
  RootDifference found;
  ASSIGN_OR_RETURN(const UniqueFd root, rktlet::base::OpenDirectory(upper));
  RETURN_IF_ERROR(Annotate(Finder(layers, found).Walk(root.get(), ""), upper));
  return found;
}

absl::Status WriteRootDifference(const std::string& upper, const RootDifference& difference,
                                 const std::string& directory, Deadline deadline) {
  const std::string archive = StrCat(directory, "/", kRootDifferenceFile);
  ASSIGN_OR_RETURN(const UniqueFd fd, rktlet::base::OpenAt(AT_FDCWD, archive, O_WRONLY | O_CREAT | O_EXCL, 0600));
  RETURN_IF_ERROR(Annotate(WriteTar(upper, difference.changed, fd.get(), deadline), kRootDifferenceFile));
  if (difference.deleted.empty()) {
    return absl::OkStatus();
  }
  const json list = difference.deleted;
  return rktlet::base::WriteFileAtomic(StrCat(directory, "/", kDeletedFilesFile),
                                       list.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

absl::Status ApplyRootDifference(const std::string& directory, const std::string& upper) {
  const absl::StatusOr<UniqueFd> archive =
      rktlet::base::OpenAt(AT_FDCWD, StrCat(directory, "/", kRootDifferenceFile), O_RDONLY | O_NOFOLLOW);
  if (archive.ok()) {
    ASSIGN_OR_RETURN(const UniqueFd root, rktlet::base::OpenDirectory(upper));
    RETURN_IF_ERROR(
        Annotate(rkt::image::RunUnpackProgram(archive->get(), root.get(), rkt::image::kAnyDigest, -1).status(),
                 kRootDifferenceFile));
  } else if (!absl::IsNotFound(archive.status())) {
    return archive.status();
  }
  const absl::StatusOr<std::string> deleted =
      rktlet::base::ReadFile(StrCat(directory, "/", kDeletedFilesFile), size_t{64} << 20);
  if (absl::IsNotFound(deleted.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(deleted.status());
  return Annotate(ApplyDeleted(*deleted, upper), kDeletedFilesFile);
}

}  // namespace rkt::checkpoint
