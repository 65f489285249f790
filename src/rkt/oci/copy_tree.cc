// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/copy_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::OpenAt;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

// A name in an open directory for the calls that know paths only; links themselves are meant.
std::string PathOf(int directory, const std::string& name) { return StrCat("/proc/self/fd/", directory, "/", name); }

bool IsCopied(std::string_view attribute) {
  return !attribute.starts_with("trusted.overlay.") && !attribute.starts_with("user.overlay.") &&
         attribute != "security.selinux";
}

absl::Status CopyAttributes(const std::string& from, const std::string& to) {
  const ssize_t size = ::llistxattr(from.c_str(), nullptr, 0);
  std::string names(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  const ssize_t got = size > 0 ? ::llistxattr(from.c_str(), names.data(), names.size()) : size;
  if (got < 0) {
    return errno == EOPNOTSUPP ? absl::OkStatus() : ErrnoStatus(errno, "list attributes");
  }
  names.resize(static_cast<size_t>(got));
  std::string value(XATTR_SIZE_MAX, '\0');
  for (size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
    const char* const name = names.c_str() + at;
    if (!IsCopied(name)) {
      continue;
    }
    const ssize_t length = ::lgetxattr(from.c_str(), name, value.data(), value.size());
    if (length < 0 || ::lsetxattr(to.c_str(), name, value.data(), static_cast<size_t>(length), 0) != 0) {
      return ErrnoStatus(errno, StrCat("attribute ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status CopyBytes(int from, int to) {
  while (true) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, size_t{1} << 30, 0);
    if (copied == 0) {
      return absl::OkStatus();
    }
    if (copied < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
      break;
    }
    if (copied < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "copy");
    }
  }
  // Two file systems that cannot do it between them.
  std::string buffer(size_t{1} << 18, '\0');
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got == 0) {
      return absl::OkStatus();
    }
    if (got < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "read");
    }
    if (got > 0) {
      RETURN_IF_ERROR(rktlet::base::WriteAll(to, std::string_view(buffer.data(), static_cast<size_t>(got))));
    }
  }
}

class Copier {
 public:
  explicit Copier(int root) : root_(root) {}

  // `path` is that of the directory in the copy, with a slash behind it, or empty.
  absl::Status Directory(const MergedDirectory& from, int to, const std::string& path) {
    ASSIGN_OR_RETURN(const auto names, ListNames(from));
    for (const std::string& name : names) {
      RETURN_IF_ERROR(Annotate(Name(from, to, path, name), path.empty() ? name : ""));
    }
    // Last: what was made in it has changed its time.
    struct stat st;
    if (::fstat(from.front()->get(), &st) != 0) {
      return ErrnoStatus(errno, path);
    }
    return Dress(st, from.front()->get(), ".", to, ".");
  }

 private:
  absl::Status Name(const MergedDirectory& from, int to, const std::string& path, const std::string& name) {
    ASSIGN_OR_RETURN(const MergedEntry entry, LookUp(from, name));
    switch (entry.kind) {
      case MergedEntry::Kind::kAbsent:
        return absl::OkStatus();
      case MergedEntry::Kind::kDirectory: {
        if (::mkdirat(to, name.c_str(), 0700) != 0) {
          return ErrnoStatus(errno, name);
        }
        ASSIGN_OR_RETURN(const UniqueFd made, OpenAt(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        return Directory(entry.directory, made.get(), path + name + "/");
      }
      case MergedEntry::Kind::kLink:
      case MergedEntry::Kind::kOther:
        return File(entry, to, path, name);
    }
    return absl::OkStatus();
  }

  absl::Status File(const MergedEntry& entry, int to, const std::string& path, const std::string& name) {
    struct stat st;
    if (::fstatat(entry.layer->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, name);
    }
    const std::pair<dev_t, ino_t> inode(st.st_dev, st.st_ino);
    if (const auto known = links_.find(inode); known != links_.end()) {
      return ::linkat(root_, known->second.c_str(), to, name.c_str(), 0) == 0 ? absl::OkStatus()
                                                                              : ErrnoStatus(errno, name);
    }
    if (S_ISREG(st.st_mode)) {
      ASSIGN_OR_RETURN(const UniqueFd source, OpenAt(entry.layer->get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      ASSIGN_OR_RETURN(const UniqueFd copy, OpenAt(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
      RETURN_IF_ERROR(Annotate(CopyBytes(source.get(), copy.get()), name));
    } else if (S_ISLNK(st.st_mode)) {
      if (::symlinkat(entry.link.c_str(), to, name.c_str()) != 0) {
        return ErrnoStatus(errno, name);
      }
    } else if (::mknodat(to, name.c_str(), (st.st_mode & S_IFMT) | 0600, st.st_rdev) != 0) {
      return ErrnoStatus(errno, name);
    }
    if (st.st_nlink > 1) {
      links_.emplace(inode, path + name);
    }
    return Dress(st, entry.layer->get(), name, to, name);
  }

  // The owner first: a change of it takes the bits and capabilities away that come after it.
  static absl::Status Dress(const struct stat& st, int from, const std::string& from_name, int to,
                            const std::string& name) {
    if (::fchownat(to, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        (!S_ISLNK(st.st_mode) && ::fchmodat(to, name.c_str(), st.st_mode & 07777, 0) != 0)) {
      return ErrnoStatus(errno, name);
    }
    RETURN_IF_ERROR(Annotate(CopyAttributes(PathOf(from, from_name), PathOf(to, name)), name));
    const timespec times[2] = {st.st_atim, st.st_mtim};
    return ::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0 ? absl::OkStatus() : ErrnoStatus(errno, name);
  }

  const int root_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // of files with several names: where the copy is
};

}  // namespace

absl::Status CopyTree(const MergedDirectory& source, int target) {
  return Copier(target).Directory(source, target, "");
}

}  // namespace rkt::oci
