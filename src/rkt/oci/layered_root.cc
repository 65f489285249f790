// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/layered_root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <climits>
#include <deque>
#include <set>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr int kMaxLinks = 40;  // as the kernel

bool IsWhiteout(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0); }

bool IsOpaque(int fd) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    char value = 0;
    if (fgetxattr(fd, name, &value, 1) == 1 && value == 'y') {
      return true;
    }
  }
  return false;
}

void PushComponents(const std::string& path, std::deque<std::string>& todo) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin && path.substr(begin, end - begin) != ".") {
      parts.push_back(path.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  todo.insert(todo.begin(), parts.begin(), parts.end());
}

}  // namespace

absl::StatusOr<MergedEntry> LookUp(const MergedDirectory& directory, const std::string& name) {
  MergedEntry entry;
  for (const auto& layer : directory) {
    struct stat st;
    if (fstatat(layer->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) {
        continue;
      }
      return ErrnoStatus(errno, name);
    }
    if (IsWhiteout(st)) {
      break;
    }
    if (!S_ISDIR(st.st_mode)) {
      if (entry.kind == MergedEntry::Kind::kDirectory) {
        break;  // a directory above hides it
      }
      if (S_ISLNK(st.st_mode)) {
        std::string target(PATH_MAX, '\0');
        const ssize_t size = readlinkat(layer->get(), name.c_str(), target.data(), target.size());
        if (size < 0) {
          return ErrnoStatus(errno, name);
        }
        target.resize(static_cast<size_t>(size));
        entry.kind = MergedEntry::Kind::kLink;
        entry.link = std::move(target);
      } else {
        entry.kind = MergedEntry::Kind::kOther;
      }
      entry.layer = layer;
      break;
    }
    ASSIGN_OR_RETURN(UniqueFd fd, rktlet::base::OpenAt(layer->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const bool opaque = IsOpaque(fd.get());
    if (entry.kind == MergedEntry::Kind::kAbsent) {
      entry.kind = MergedEntry::Kind::kDirectory;
      entry.layer = layer;
    }
    entry.directory.push_back(std::make_shared<UniqueFd>(std::move(fd)));
    if (opaque) {
      break;
    }
  }
  return entry;
}

absl::StatusOr<std::vector<std::string>> ListNames(const MergedDirectory& directory) {
  std::set<std::string> names;
  for (const auto& layer : directory) {
    ASSIGN_OR_RETURN(const auto of_layer, rktlet::base::ListDirectory(StrCat("/proc/self/fd/", layer->get())));
    names.insert(of_layer.begin(), of_layer.end());
  }
  return std::vector<std::string>(names.begin(), names.end());
}

absl::StatusOr<LayeredRoot> LayeredRoot::Open(const std::vector<std::string>& layers) {
  LayeredRoot root;
  for (const std::string& layer : layers) {
    ASSIGN_OR_RETURN(UniqueFd fd, rktlet::base::OpenDirectory(layer));
    root.layers_.push_back(std::make_shared<UniqueFd>(std::move(fd)));
  }
  return root;
}

absl::StatusOr<MergedEntry> LayeredRoot::Find(const std::string& path, std::string* name) const {
  const absl::Status absent = absl::NotFoundError(StrCat("the image has no ", path));
  MergedEntry root;
  root.kind = MergedEntry::Kind::kDirectory;
  root.directory = layers_;
  std::vector<MergedEntry> stack = {root};
  std::deque<std::string> todo;
  PushComponents(path, todo);
  int links = 0;
  while (!todo.empty()) {
    const std::string component = todo.front();
    todo.pop_front();
    if (component == "..") {
      if (stack.size() > 1) {
        stack.pop_back();
      }
      continue;
    }
    ASSIGN_OR_RETURN(MergedEntry entry, LookUp(stack.back().directory, component));
    switch (entry.kind) {
      case MergedEntry::Kind::kAbsent:
        return absent;
      case MergedEntry::Kind::kDirectory:
        stack.push_back(std::move(entry));
        break;
      case MergedEntry::Kind::kLink:
        if (++links > kMaxLinks) {
          return absl::InvalidArgumentError(StrCat(path, " in the image: too many symbolic links"));
        }
        if (!entry.link.empty() && entry.link.front() == '/') {
          stack.resize(1);
        }
        PushComponents(entry.link, todo);
        break;
      case MergedEntry::Kind::kOther:
        if (!todo.empty()) {
          return absent;
        }
        if (name != nullptr) {
          *name = component;
        }
        return entry;
    }
  }
  return std::move(stack.back());
}

absl::StatusOr<MergedDirectory> LayeredRoot::FindDirectory(const std::string& path) const {
  ASSIGN_OR_RETURN(MergedEntry entry, Find(path));
  if (entry.kind != MergedEntry::Kind::kDirectory) {
    return absl::InvalidArgumentError(StrCat(path, " in the image is no directory"));
  }
  return std::move(entry.directory);
}

absl::StatusOr<std::string> LayeredRoot::ReadFile(const std::string& path, size_t limit) const {
  std::string name;
  ASSIGN_OR_RETURN(const MergedEntry entry, Find(path, &name));
  if (entry.kind == MergedEntry::Kind::kDirectory) {
    return absl::InvalidArgumentError(StrCat(path, " in the image is a directory"));
  }
  // O_NONBLOCK: a fifo in the image must not hang us.
  ASSIGN_OR_RETURN(const UniqueFd fd,
                   rktlet::base::OpenAt(entry.layer->get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat st;
  if (fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) {
    return absl::InvalidArgumentError(StrCat(path, " in the image is no regular file"));
  }
  return rktlet::base::ReadAll(fd.get(), limit);
}

}  // namespace rkt::oci
