// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/add_container.h"
#include "rkt/pod/id_mapped_mount.h"
#include "rkt/selinux/policy.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr size_t kMaxOptions = 4000;  // of a page, less a reserve

std::string LowerOption(const OverlayLayers& layers) {
  std::string lower = "index=off,metacopy=off,lowerdir=";
  for (size_t i = 0; i < layers.names.size(); ++i) {
    lower += (i == 0 ? "" : ":") + layers.names[i];
  }
  return lower;
}

std::string Options(const OverlayLayers& layers, const std::string& directory) {
  return StrCat(LowerOption(layers), ",upperdir=", directory, "/", kUpperDir, ",workdir=", directory, "/", kWorkDir);
}

}  // namespace

std::string LayersText(const OverlayLayers& layers) {
  std::string text = layers.base_path + "\n";
  for (const std::string& name : layers.names) {
    text += name + "\n";
  }
  return text;
}

absl::StatusOr<OverlayLayers> ReadLayers(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, rktlet::base::ReadFile(path));
  OverlayLayers layers;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (layers.base_path.empty()) {
      layers.base_path = line;
    } else {
      layers.names.push_back(line);
    }
  }
  if (layers.names.empty()) {
    return absl::DataLossError(StrCat(path, ": names no layers"));
  }
  return layers;
}

absl::Status MountOverlay(const OverlayLayers& layers, const std::string& directory, const std::string& target,
                          const std::string& mount_label) {
  if (chdir(layers.base_path.c_str()) != 0) {
    return ErrnoStatus(errno, layers.base_path);
  }
  ASSIGN_OR_RETURN(UniqueFd directory_fd, rktlet::base::OpenDirectory(directory));
  const std::string context = rkt::selinux::ContextOption(mount_label);
  std::string options = Options(layers, directory) + context;
  if (options.size() > kMaxOptions || directory.find_first_of(",:\\") != std::string::npos) {
    // A descriptor's name is short and has no characters that mean something in mount options.
    options = Options(layers, StrCat("/proc/self/fd/", directory_fd.get())) + context;
  }
  if (mount("overlay", target.c_str(), "overlay", 0, options.c_str()) != 0) {
    return ErrnoStatus(errno, StrCat("overlay of ", layers.names.size(), " layers of ", layers.base_path));
  }
  return absl::OkStatus();
}

absl::Status MountLayers(const OverlayLayers& layers, int empty_fd, const std::string& target,
                         const std::string& mount_label) {
  if (chdir(layers.base_path.c_str()) != 0) {
    return ErrnoStatus(errno, layers.base_path);
  }
  std::string options = LowerOption(layers);
  if (layers.names.size() == 1) {
    options += StrCat(":/proc/self/fd/", empty_fd);
  }
  options += rkt::selinux::ContextOption(mount_label);
  if (mount("overlay", target.c_str(), "overlay", MS_RDONLY, options.c_str()) != 0) {
    return ErrnoStatus(errno, StrCat("overlay of ", layers.names.size(), " layers of ", layers.base_path));
  }
  return absl::OkStatus();
}

absl::Status AttachMappedStore(const LayerStore& store, int user_namespace) {
  // The names of layers are links inside the store: all of it has to be there.
  ASSIGN_OR_RETURN(const UniqueFd copy, rkt::pod::CopyMount(store.images, false));
  RETURN_IF_ERROR(rkt::pod::MapIds(copy, false, user_namespace, store.images));
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(store.mapped, 0700));
  if (syscall(SYS_move_mount, copy.get(), "", AT_FDCWD, store.mapped.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, StrCat("attach ", store.mapped));
  }
  return absl::OkStatus();
}

absl::Status DetachMappedStore(const LayerStore& store) {
  // Overlays have what they need of it, and making them has changed the working directory.
  if (chdir("/") != 0 || umount2(store.mapped.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
    return ErrnoStatus(errno, store.mapped);
  }
  return absl::OkStatus();
}

absl::StatusOr<OverlayLayers> ReadLayers(const std::string& path, const LayerStore& store) {
  ASSIGN_OR_RETURN(OverlayLayers layers, ReadLayers(path));
  if (store.mapped.empty()) {
    return layers;
  }
  if (layers.base_path != store.images && !layers.base_path.starts_with(store.images + "/")) {
    return absl::DataLossError(StrCat(path, ": layers outside of ", store.images));
  }
  layers.base_path = store.mapped + layers.base_path.substr(store.images.size());
  return layers;
}

absl::Status EnsureDirectoryInRoot(const std::string& root, const std::string& path, const RootIds& owner) {
  ASSIGN_OR_RETURN(UniqueFd root_fd, rktlet::base::OpenDirectory(root));
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  if (rktlet::base::OpenResolved(root_fd.get(), path, kFlags, 0, RESOLVE_IN_ROOT).ok()) {
    return absl::OkStatus();
  }
  std::string done;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") {
      continue;
    }
    const std::string parent = done.empty() ? "/" : done;
    done += "/" + name;
    absl::StatusOr<UniqueFd> there = rktlet::base::OpenResolved(root_fd.get(), done, kFlags, 0, RESOLVE_IN_ROOT);
    if (there.ok()) {
      continue;
    }
    if (!absl::IsNotFound(there.status()) || name == "..") {
      return there.status();
    }
    ASSIGN_OR_RETURN(UniqueFd parent_fd, rktlet::base::OpenResolved(root_fd.get(), parent, kFlags, 0, RESOLVE_IN_ROOT));
    if (mkdirat(parent_fd.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, StrCat(done, " in the container"));
    }
    if (owner.uid != 0 && fchownat(parent_fd.get(), name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, StrCat(done, " in the container"));
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
