// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/tree_compare.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

using Attributes = std::map<std::string, std::string>;

std::string TypeName(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "directory";
    case S_IFREG:
      return "file";
    case S_IFLNK:
      return "symbolic link";
    case S_IFCHR:
    case S_IFBLK:
      return "device";
    default:
      return "special file";
  }
}

std::string Octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777);
  return text.data();
}

std::string ReadLink(int fd, const std::string& name) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlinkat(fd, name.c_str(), target.data(), target.size());
  return {target.data(), static_cast<size_t>(std::max<ssize_t>(size, 0))};
}

// Through /proc, because there is no lgetxattrat(2) yet.
Attributes ReadAttributes(int fd, const std::string& name) {
  const std::string path = StrCat("/proc/self/fd/", fd, "/", name);
  Attributes attributes;
  std::string list(65536, '\0');
  const ssize_t size = ::llistxattr(path.c_str(), list.data(), list.size());
  for (size_t at = 0; size > 0 && at < static_cast<size_t>(size); at += std::strlen(&list[at]) + 1) {
    std::string value(65536, '\0');
    const ssize_t length = ::lgetxattr(path.c_str(), &list[at], value.data(), value.size());
    value.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
    attributes.emplace(&list[at], value);
  }
  attributes.erase("security.selinux");  // by where a file is, not by what it is
  return attributes;
}

absl::StatusOr<bool> SameContent(int expected, int actual) {
  std::vector<char> left(size_t{1} << 17);
  std::vector<char> right(left.size());
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(expected, left.data(), left.size(), offset);
    if (got < 0) {
      return ErrnoStatus(errno, "read");
    }
    for (ssize_t done = 0; done < got;) {
      const ssize_t more = ::pread(actual, right.data() + done, static_cast<size_t>(got - done), offset + done);
      if (more < 0) {
        return ErrnoStatus(errno, "read");
      }
      if (more == 0) {
        return false;
      }
      done += more;
    }
    if (std::memcmp(left.data(), right.data(), static_cast<size_t>(got)) != 0) {
      return false;
    }
    if (got == 0) {
      return true;
    }
    offset += got;
  }
}

class Comparison {
 public:
  explicit Comparison(size_t limit) : limit_(limit) {}

  absl::Status Directories(int expected, int actual, const std::string& path) {
    ASSIGN_OR_RETURN(const auto wanted, Names(expected));
    ASSIGN_OR_RETURN(const auto there, Names(actual));
    for (const std::string& name : there) {
      if (!std::binary_search(wanted.begin(), wanted.end(), name)) {
        Say(path + name, "is not of the image");
      }
    }
    for (const std::string& name : wanted) {
      if (Full()) {
        return absl::OkStatus();
      }
      if (!std::binary_search(there.begin(), there.end(), name)) {
        Say(path + name, "is missing");
        continue;
      }
      RETURN_IF_ERROR(Entries(expected, actual, name, path + name));
    }
    return absl::OkStatus();
  }

  absl::Status Entries(int expected, int actual, const std::string& name, const std::string& path) {
    struct stat want {};
    struct stat have {};
    if (::fstatat(expected, name.c_str(), &want, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, path);
    }
    if (::fstatat(actual, name.c_str(), &have, AT_SYMLINK_NOFOLLOW) != 0) {
      Say(path, StrCat("cannot be looked at: ", std::strerror(errno)));
      return absl::OkStatus();
    }
    if ((want.st_mode & S_IFMT) != (have.st_mode & S_IFMT)) {
      Say(path, StrCat("is a ", TypeName(have.st_mode), " instead of a ", TypeName(want.st_mode)));
      return absl::OkStatus();
    }
    Metadata(want, have, path);
    if (ReadAttributes(expected, name) != ReadAttributes(actual, name)) {
      Say(path, "has other extended attributes");
    }
    if (S_ISLNK(want.st_mode) && ReadLink(expected, name) != ReadLink(actual, name)) {
      Say(path, "points elsewhere");
    }
    if (S_ISREG(want.st_mode)) {
      return Files(expected, actual, name, path, want, have);
    }
    if (S_ISDIR(want.st_mode)) {
      ASSIGN_OR_RETURN(const UniqueFd left, Open(expected, name, O_DIRECTORY));
      const absl::StatusOr<UniqueFd> right = Open(actual, name, O_DIRECTORY);
      if (!right.ok()) {
        Say(path, std::string(right.status().message()));
        return absl::OkStatus();
      }
      return Directories(left.get(), right->get(), path + "/");
    }
    return absl::OkStatus();
  }

  std::vector<std::string> Take() { return std::move(differences_); }

 private:
  static absl::StatusOr<UniqueFd> Open(int fd, const std::string& name, int flags) {
    return rktlet::base::OpenAt(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | flags);
  }
  static absl::StatusOr<std::vector<std::string>> Names(int fd) {
    return rktlet::base::ListDirectory(StrCat("/proc/self/fd/", fd));
  }
  bool Full() const { return differences_.size() >= limit_; }
  void Say(const std::string& path, const std::string& what) {
    if (!Full()) {
      differences_.push_back(StrCat(path, ": ", what));
    }
  }

  void Metadata(const struct stat& want, const struct stat& have, const std::string& path) {
    if (!S_ISLNK(want.st_mode) && (want.st_mode & 07777) != (have.st_mode & 07777)) {
      Say(path, StrCat("has the mode ", Octal(have.st_mode), " instead of ", Octal(want.st_mode)));
    }
    if (want.st_uid != have.st_uid || want.st_gid != have.st_gid) {
      Say(path, StrCat("belongs to ", have.st_uid, ":", have.st_gid, " instead of ", want.st_uid, ":", want.st_gid));
    }
    if ((S_ISCHR(want.st_mode) || S_ISBLK(want.st_mode)) && want.st_rdev != have.st_rdev) {
      Say(path, "is another device");
    }
    if (!S_ISDIR(want.st_mode) && want.st_nlink != have.st_nlink) {
      Say(path, StrCat("has ", have.st_nlink, " names instead of ", want.st_nlink));
    }
  }

  absl::Status Files(int expected, int actual, const std::string& name, const std::string& path,
                     const struct stat& want, const struct stat& have) {
    if (want.st_size != have.st_size) {
      Say(path, StrCat("has ", have.st_size, " bytes instead of ", want.st_size));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const UniqueFd left, Open(expected, name, 0));
    const absl::StatusOr<UniqueFd> right = Open(actual, name, 0);
    const absl::StatusOr<bool> same = right.ok() ? SameContent(left.get(), right->get()) : right.status();
    if (!same.ok()) {
      Say(path, StrCat("cannot be read: ", same.status().message()));
    } else if (!*same) {
      Say(path, "has other content");
    }
    return absl::OkStatus();
  }

  size_t limit_;
  std::vector<std::string> differences_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> CompareTrees(int expected_fd, int actual_fd, size_t limit) {
  Comparison comparison(limit);
  RETURN_IF_ERROR(comparison.Entries(expected_fd, actual_fd, ".", "."));
  std::vector<std::string> differences = comparison.Take();
  for (std::string& difference : differences) {
    if (difference.starts_with("./")) {
      difference.erase(0, 2);
    }
  }
  return differences;
}

}  // namespace rkt::image
