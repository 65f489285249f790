// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/relabel.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::selinux {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr char kAttribute[] = "security.selinux";

// What other runtimes refuse as well (go-selinux' list): relabelled, the machine would not work any more.
constexpr std::array<std::string_view, 26> kSystem = {
    "/",    "/bin",    "/boot",  "/dev", "/etc",  "/etc/passwd", "/etc/pki", "/etc/shadow", "/home",
    "/lib", "/lib64",  "/media", "/opt", "/proc", "/root",       "/run",     "/sbin",       "/srv",
    "/sys", "/system", "/tmp",   "/usr", "/var",  "/var/lib",    "/var/log", "/mnt"};

// A name in an open directory, as the calls that know paths only take it; the last component is not followed by them.
std::string PathOf(int dir_fd, const std::string& name) { return StrCat("/proc/self/fd/", dir_fd, "/", name); }

absl::Status LabelError(int error, const std::string& name) {
  return error == EOPNOTSUPP ? absl::UnimplementedError(StrCat(name, ": no labels on this file system"))
                             : ErrnoStatus(error, StrCat("SELinux label of ", name));
}

class Walk {
 public:
  Walk(const std::string& label, const LabelAccess& access) : label_(label), access_(access) {}

  absl::Status Name(int dir_fd, const std::string& name) {
    RETURN_IF_ERROR(Set(dir_fd, name));
    struct stat st;
    if (::fstatat(dir_fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, name);
    }
    if (!S_ISDIR(st.st_mode)) {
      return absl::OkStatus();
    }
    const absl::StatusOr<UniqueFd> directory = rktlet::base::OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory.ok()) {
      // Gone, or something else by now, which is then not ours to follow.
      return absl::IsNotFound(directory.status()) || absl::IsInvalidArgument(directory.status()) ? absl::OkStatus()
                                                                                                 : directory.status();
    }
    ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(StrCat("/proc/self/fd/", directory->get())));
    for (const std::string& child : names) {
      RETURN_IF_ERROR(rktlet::base::Annotate(Name(directory->get(), child), name));
    }
    return absl::OkStatus();
  }

  absl::Status Set(int dir_fd, const std::string& name) {
    const absl::StatusOr<std::string> current = access_.get(dir_fd, name);
    absl::Status status = current.status();
    if (current.ok()) {
      if (*current == label_) {
        return absl::OkStatus();
      }
      status = access_.set(dir_fd, name, label_);
    }
    if (absl::IsUnimplemented(status)) {
      none_ = true;
      return absl::OkStatus();
    }
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }

  bool none() const { return none_; }

 private:
  const std::string& label_;
  const LabelAccess& access_;
  bool none_ = false;
};

// The directory that `path` is in, and its name there.
absl::StatusOr<std::pair<UniqueFd, std::string>> OpenParent(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) {
    return absl::InvalidArgumentError(StrCat("\"", path, "\" cannot be labelled"));
  }
  ASSIGN_OR_RETURN(UniqueFd parent, rktlet::base::OpenDirectory(slash == 0 ? "/" : path.substr(0, slash)));
  return std::pair(std::move(parent), path.substr(slash + 1));
}

}  // namespace

LabelAccess KernelLabels() {
  LabelAccess access;
  access.get = [](int dir_fd, const std::string& name) -> absl::StatusOr<std::string> {
    std::array<char, 4096> value;
    const ssize_t size = ::lgetxattr(PathOf(dir_fd, name).c_str(), kAttribute, value.data(), value.size());
    if (size < 0) {
      return errno == ENODATA ? absl::StatusOr<std::string>("") : LabelError(errno, name);
    }
    std::string label(value.data(), static_cast<size_t>(size));
    while (!label.empty() && label.back() == '\0') {
      label.pop_back();
    }
    return label;
  };
  access.set = [](int dir_fd, const std::string& name, const std::string& label) {
    // With its NUL, as libselinux writes it.
    return ::lsetxattr(PathOf(dir_fd, name).c_str(), kAttribute, label.c_str(), label.size() + 1, 0) == 0
               ? absl::OkStatus()
               : LabelError(errno, name);
  };
  return access;
}

absl::Status CheckRelabel(const std::string& path) {
  for (const std::string_view system : kSystem) {
    if (path == system) {
      return absl::InvalidArgumentError(
          StrCat("SELinux relabelling of ", path, " is refused: the machine needs it as it is"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Relabelled> Relabel(const std::string& path, const std::string& label, const LabelAccess& access) {
  ASSIGN_OR_RETURN(const auto place, OpenParent(path));
  Walk walk(label, access);
  RETURN_IF_ERROR(rktlet::base::Annotate(walk.Name(place.first.get(), place.second), StrCat("relabel ", path)));
  return walk.none() ? Relabelled::kNoLabelsThere : Relabelled::kYes;
}

absl::Status SetLabel(const std::string& path, const std::string& label, const LabelAccess& access) {
  ASSIGN_OR_RETURN(const auto place, OpenParent(path));
  return Walk(label, access).Set(place.first.get(), place.second);
}

}  // namespace rkt::selinux
