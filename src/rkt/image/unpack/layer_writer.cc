// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/unpack/layer_writer.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kMetaPrefix = ".wh..wh.";  // of aufs' own files, and of the next
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr char kOpaqueXattr[] = "trusted.overlay.opaque";
// Deeper trees cannot be walked with a descriptor a level, and no image has them.
constexpr size_t kMaxDepth = 256;

absl::Status Refuse(std::string_view why) { return absl::DataLossError(rktlet::base::ToAbsl(why)); }

// Errors that the archive is to blame for are DataLoss, those of the machine keep their code.
absl::Status Failure(int error, std::string_view what) {
  switch (error) {
    case EXDEV:
      return Refuse(StrCat(what, ": a link leads out of the layer"));
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EINVAL:
    case EISDIR:
    case ENOENT:
    case EEXIST:
      return Refuse(rktlet::base::ToStd(ErrnoStatus(error, what).message()));
    default:
      return ErrnoStatus(error, what);
  }
}

absl::StatusOr<std::vector<std::string>> Split(const std::string& path) {
  if (path.empty()) {
    return Refuse("an entry without a name");
  }
  if (path.front() == '/' && path.find_first_not_of('/') != std::string::npos) {  // "/" alone is how umoci says "."
    return Refuse("an absolute path");
  }
  std::vector<std::string> components;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t slash = std::min(path.find('/', start), path.size());
    const std::string component = path.substr(start, slash - start);
    start = slash + 1;
    if (component == "..") {
      return Refuse("\"..\" in the path");
    }
    if (!component.empty() && component != ".") {
      components.push_back(component);
    }
  }
  if (components.size() > kMaxDepth) {
    return Refuse(StrCat("more than ", kMaxDepth, " directories deep"));
  }
  return components;
}

std::string Join(const std::vector<std::string>& components, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; ++i) {
    path += (i == 0 ? "" : "/") + components[i];
  }
  return path;
}

// Opens a directory of the layer; links on the way are followed as long as they stay in it. -1 and errno.
int OpenBeneath(int root_fd, const std::string& path, uint64_t more_resolve = 0) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV | more_resolve;
  long fd = 0;
  do {
    fd = ::syscall(SYS_openat2, root_fd, path.empty() ? "." : path.c_str(), &how, sizeof(how));
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  return static_cast<int>(fd);
}

// Attributes that would change how the kernel or a security module reads the layer are not the image's to set.
bool IsForeignXattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.") || name == "security.selinux" ||
         name == "security.ima" || name == "security.evm" || name.starts_with("security.apparmor");
}

// `path` may be a name below /proc/self/fd; a final link is not followed.
absl::Status SetXattrs(const std::string& path, bool is_link, const LayerEntry& entry) {
  for (const auto& [name, value] : entry.xattrs) {
    if (IsForeignXattr(name)) {
      continue;
    }
    const int result = is_link ? ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0)
                               : ::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0);
    if (result == 0) {
      continue;
    }
    // What the file system cannot store is lost, as with other engines; capabilities would be missed.
    const bool optional = errno == ENOTSUP || (errno == EPERM && name.starts_with("user."));
    if (!optional || name == "security.capability") {
      return ErrnoStatus(errno, StrCat("set the attribute ", name));
    }
  }
  return absl::OkStatus();
}

std::string ProcPath(int fd) { return StrCat("/proc/self/fd/", fd); }

// Owner, then mode (a chown clears setuid), then attributes (a write or chown clears capabilities), then time.
absl::Status SetMetadata(int fd, const LayerEntry& entry) {
  if (::fchown(fd, static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) {
    return ErrnoStatus(errno, "set the owner");
  }
  if (::fchmod(fd, entry.mode & 07777) != 0) {
    return ErrnoStatus(errno, "set the mode");
  }
  RETURN_IF_ERROR(SetXattrs(ProcPath(fd), false, entry));
  const timespec times[2] = {entry.mtime, entry.mtime};
  return ::futimens(fd, times) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "set the time");
}

// The same for what cannot or must not be opened: links, devices, fifos.
absl::Status SetMetadataAt(int parent_fd, const std::string& name, const LayerEntry& entry) {
  const bool is_link = S_ISLNK(entry.type);
  if (::fchownat(parent_fd, name.c_str(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid),
                 AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, "set the owner");
  }
  if (!is_link && ::fchmodat(parent_fd, name.c_str(), entry.mode & 07777, 0) != 0) {
    return ErrnoStatus(errno, "set the mode");
  }
  RETURN_IF_ERROR(SetXattrs(StrCat(ProcPath(parent_fd), "/", name), true, entry));
  const timespec times[2] = {entry.mtime, entry.mtime};
  return ::utimensat(parent_fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0 ? absl::OkStatus()
                                                                               : ErrnoStatus(errno, "set the time");
}

absl::Status SetOpaque(int directory_fd) {
  return ::fsetxattr(directory_fd, kOpaqueXattr, "y", 1, 0) == 0 ? absl::OkStatus()
                                                                 : ErrnoStatus(errno, "mark the directory opaque");
}

bool IsOverlayWhiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0); }

}  // namespace

absl::StatusOr<UniqueFd> LayerWriter::OpenOrMakeDirectory(const std::vector<std::string>& components, size_t count) {
  UniqueFd fd(OpenBeneath(root_fd_, Join(components, count)));
  if (fd.valid()) {
    return fd;
  }
  if (errno != ENOENT || count == 0) {
    return Failure(errno, "open its directory");
  }
  ASSIGN_OR_RETURN(const UniqueFd above, OpenOrMakeDirectory(components, count - 1));
  const std::string& name = components[count - 1];
  if (::mkdirat(above.get(), name.c_str(), 0755) != 0 || ::fchmodat(above.get(), name.c_str(), 0755, 0) != 0) {
    return Failure(errno, "make its directory");
  }
  fd = UniqueFd(OpenBeneath(above.get(), name));
  if (!fd.valid()) {
    return Failure(errno, "open its directory");
  }
  return fd;
}

absl::StatusOr<int> LayerWriter::OpenParent(const std::vector<std::string>& components) {
  const std::string path = Join(components, components.size() - 1);
  if (!parent_fd_.valid() || path != parent_path_) {
    ASSIGN_OR_RETURN(parent_fd_, OpenOrMakeDirectory(components, components.size() - 1));
    parent_path_ = path;
  }
  return parent_fd_.get();
}

absl::Status LayerWriter::Add(const LayerEntry& entry, const CopyContent& copy_content) {
  const auto annotate = [&](const absl::Status& status) { return rktlet::base::Annotate(status, entry.path); };
  if (entry.uid < 0 || entry.gid < 0 || entry.uid >= int64_t{0xffffffff} || entry.gid >= int64_t{0xffffffff}) {
    return annotate(Refuse("an owner that is no user or group id"));
  }
  auto components = Split(entry.path);
  if (!components.ok()) {
    return annotate(components.status());
  }
  if (components->empty()) {
    if (!S_ISDIR(entry.type) || !entry.hardlink.empty()) {
      return annotate(Refuse("the root is not a directory"));
    }
    directory_times_.push_back({".", entry.mtime});
    return annotate(SetMetadata(root_fd_, entry));
  }
  const std::string& name = components->back();
  for (const std::string& component : *components) {
    const bool last = &component == &name;
    if (component.starts_with(kMetaPrefix) && !(last && name == kOpaqueMarker)) {
      return absl::OkStatus();
    }
    if (component.starts_with(kWhiteoutPrefix) && !last) {
      return annotate(Refuse("something below a whiteout"));
    }
  }
  auto parent = OpenParent(*components);
  if (!parent.ok()) {
    return annotate(parent.status());
  }
  if (name == kOpaqueMarker) {
    return annotate(SetOpaque(*parent));
  }
  if (name.starts_with(kWhiteoutPrefix)) {
    return annotate(AddWhiteout(*parent, name.substr(kWhiteoutPrefix.size())));
  }
  return annotate(AddNode(*parent, Join(*components, components->size()), name, entry, copy_content));
}

// A whiteout hides what lower layers have, never what this layer has: a directory of this layer becomes opaque, any
// other file hides the lower one by being there.
absl::Status LayerWriter::AddWhiteout(int parent_fd, const std::string& name) {
  if (name.empty() || name == "." || name == "..") {
    return Refuse("a whiteout of nothing that has a name");
  }
  struct stat info {};
  if (::fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISDIR(info.st_mode)) {
      return absl::OkStatus();
    }
    const UniqueFd directory(OpenBeneath(parent_fd, name, RESOLVE_NO_SYMLINKS));
    return directory.valid() ? SetOpaque(directory.get()) : Failure(errno, "open the directory");
  }
  if (::mknodat(parent_fd, name.c_str(), S_IFCHR, makedev(0, 0)) != 0) {
    return Failure(errno, "make the whiteout");
  }
  return absl::OkStatus();
}

// Removes what an earlier entry of this layer left under the name, but for a directory that a directory entry repeats.
// True when that was a whiteout.
absl::StatusOr<bool> LayerWriter::MakeRoom(int parent_fd, const std::string& name, const LayerEntry& entry) {
  struct stat info {};
  if (::fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return false;
    }
    return Failure(errno, "look it up");
  }
  if (S_ISDIR(info.st_mode)) {
    if (entry.hardlink.empty() && S_ISDIR(entry.type)) {
      return false;
    }
    RETURN_IF_ERROR(rktlet::base::RemoveTreeAt(parent_fd, name));
  } else if (::unlinkat(parent_fd, name.c_str(), 0) != 0) {
    return Failure(errno, "replace it");
  }
  parent_path_ = "/";  // what was replaced may have led to the open parent: look the next one up anew
  return IsOverlayWhiteout(info);
}

absl::Status LayerWriter::AddDirectory(int parent_fd, const std::string& path, const std::string& name,
                                       const LayerEntry& entry) {
  if (::mkdirat(parent_fd, name.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failure(errno, "make the directory");
  }
  const UniqueFd directory(OpenBeneath(parent_fd, name, RESOLVE_NO_SYMLINKS));
  if (!directory.valid()) {
    return Failure(errno, "open the directory");
  }
  directory_times_.push_back({path, entry.mtime});
  return SetMetadata(directory.get(), entry);
}

absl::Status LayerWriter::AddHardLink(int parent_fd, const std::string& name, const LayerEntry& entry) {
  // Some builders write targets as absolute paths; they mean the layer's root.
  auto components =
      Split(entry.hardlink.substr(std::min(entry.hardlink.find_first_not_of('/'), entry.hardlink.size())));
  if (!components.ok() || components->empty()) {
    return Refuse(StrCat("a hard link to \"", entry.hardlink, "\""));
  }
  const UniqueFd parent(OpenBeneath(root_fd_, Join(*components, components->size() - 1)));
  if (!parent.valid()) {
    return Failure(errno, StrCat("hard link to ", entry.hardlink));
  }
  struct stat info {};
  if (::fstatat(parent.get(), components->back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failure(errno, StrCat("hard link to ", entry.hardlink));
  }
  if (S_ISDIR(info.st_mode) || IsOverlayWhiteout(info)) {
    return Refuse(StrCat("a hard link to ", entry.hardlink, ", which is no file"));
  }
  if (::linkat(parent.get(), components->back().c_str(), parent_fd, name.c_str(), 0) != 0) {
    return Failure(errno, StrCat("hard link to ", entry.hardlink));
  }
  return absl::OkStatus();
}

absl::Status LayerWriter::AddNode(int parent_fd, const std::string& path, const std::string& name,
                                  const LayerEntry& entry, const CopyContent& copy_content) {
  ASSIGN_OR_RETURN(const bool was_whiteout, MakeRoom(parent_fd, name, entry));
  if (!entry.hardlink.empty()) {
    return AddHardLink(parent_fd, name, entry);
  }
  switch (entry.type) {
    case S_IFDIR: {
      RETURN_IF_ERROR(AddDirectory(parent_fd, path, name, entry));
      if (!was_whiteout) {
        return absl::OkStatus();
      }
      const UniqueFd directory(OpenBeneath(parent_fd, name, RESOLVE_NO_SYMLINKS));
      return directory.valid() ? SetOpaque(directory.get()) : Failure(errno, "open the directory");
    }
    case S_IFREG: {
      const UniqueFd file(
          ::openat(parent_fd, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!file.valid()) {
        return Failure(errno, "make the file");
      }
      RETURN_IF_ERROR(copy_content(file.get()));
      return SetMetadata(file.get(), entry);
    }
    case S_IFLNK:
      if (::symlinkat(entry.symlink.c_str(), parent_fd, name.c_str()) != 0) {
        return Failure(errno, "make the link");
      }
      return SetMetadataAt(parent_fd, name, entry);
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
      if (::mknodat(parent_fd, name.c_str(), entry.type | 0600, entry.device) != 0) {
        return Failure(errno, "make the device");
      }
      return SetMetadataAt(parent_fd, name, entry);
    default:
      return Refuse("an entry of an unknown kind");
  }
}

absl::Status LayerWriter::Finish() {
  for (const DirectoryTime& entry : directory_times_) {
    // A later entry may have replaced the directory: then there is nothing to set.
    const UniqueFd directory(OpenBeneath(root_fd_, entry.path, RESOLVE_NO_SYMLINKS));
    const timespec times[2] = {entry.mtime, entry.mtime};
    if (directory.valid() && ::futimens(directory.get(), times) != 0) {
      return ErrnoStatus(errno, StrCat(entry.path, ": set the time"));
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::image
