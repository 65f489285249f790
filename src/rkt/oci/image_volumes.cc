// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/image_volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/oci/layered_root.h"

namespace rkt::oci {
namespace {

using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::ContainerSpec;
using rktlet::spec::Layout;
using rktlet::spec::Mount;
using rktlet::spec::MountKind;

// What the CRI's clients look for in a message, to tell this from other reasons why a container cannot be made.
constexpr char kReason[] = "ImageVolumeMountFailed";

std::string VolumesDirectory(const Layout& layout) { return layout.PrivateMounts() + "/volumes"; }

// The file with the layers of a mount's image, as kLayersFile has those of the root.
std::string LayersFile(size_t mount) { return StrCat("volume-", mount, "-layers"); }

absl::Status CheckSubPath(const OverlayLayers& layers, const std::string& sub_path) {
  std::vector<std::string> paths;
  for (const std::string& name : layers.names) {
    paths.push_back(StrCat(layers.base_path, "/", name));
  }
  ASSIGN_OR_RETURN(const LayeredRoot root, LayeredRoot::Open(paths));
  return Annotate(root.FindDirectory(sub_path).status(), StrCat("image_sub_path ", sub_path));
}

absl::StatusOr<ImageVolume> Find(const rkt::image::Store& store, const Mount& mount, size_t index) {
  ASSIGN_OR_RETURN(const rkt::image::ImageRecord record, store.Find(mount.image));
  ASSIGN_OR_RETURN(rkt::image::LowerDirs lower, store.LowerDirs(record.id));
  ImageVolume volume;
  volume.mount = index;
  volume.container_path = mount.container_path;
  volume.image_id = record.id;
  volume.layers = {lower.base_path, lower.names};
  if (!mount.image_sub_path.empty()) {
    RETURN_IF_ERROR(Annotate(CheckSubPath(volume.layers, mount.image_sub_path), StrCat("image ", mount.image)));
  }
  return volume;
}

absl::Status MountOne(const Layout& layout, const OverlayLayers& layers, const Mount& mount, size_t index,
                      const UniqueFd& empty, const std::string& mount_label) {
  const std::string target = ImageVolumeSource(layout, index);
  if (mkdir(target.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, target);
  }
  RETURN_IF_ERROR(MountLayers(layers, empty.get(), target, mount_label));
  if (mount.image_sub_path.empty()) {
    return absl::OkStatus();
  }
  // Over the whole image lies the part that was asked for; no link in the image leads out of the image.
  ASSIGN_OR_RETURN(const UniqueFd root, rktlet::base::OpenDirectory(target));
  ASSIGN_OR_RETURN(const UniqueFd part,
                   rktlet::base::OpenResolved(root.get(), mount.image_sub_path, O_PATH | O_DIRECTORY, 0,
                                              RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV));
  const std::string source = StrCat("/proc/self/fd/", part.get());
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return ErrnoStatus(errno, StrCat("bind mount of ", mount.image_sub_path));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ImageVolumeSource(const Layout& layout, size_t mount) {
  return StrCat(VolumesDirectory(layout), "/", mount);
}

absl::StatusOr<std::vector<ImageVolume>> FindImageVolumes(const rkt::image::Store& store,
                                                          const ContainerSpec& container) {
  std::vector<ImageVolume> volumes;
  for (size_t i = 0; i < container.mounts.size(); ++i) {
    const Mount& mount = container.mounts[i];
    if (mount.kind == MountKind::kImage) {
      absl::StatusOr<ImageVolume> volume = Find(store, mount, i);
      RETURN_IF_ERROR(Annotate(volume.status(), StrCat(kReason, ": mount ", mount.container_path)));
      volumes.push_back(*std::move(volume));
    }
  }
  return volumes;
}

absl::Status WriteImageVolumes(int directory_fd, const std::vector<ImageVolume>& volumes) {
  for (const ImageVolume& volume : volumes) {
    RETURN_IF_ERROR(rktlet::base::WriteFileAtomicAt(directory_fd, LayersFile(volume.mount), LayersText(volume.layers)));
  }
  return absl::OkStatus();
}

bool HasImageVolumes(const ContainerSpec& container) {
  return std::any_of(container.mounts.begin(), container.mounts.end(),
                     [](const Mount& mount) { return mount.kind == MountKind::kImage; });
}

absl::Status MountImageVolumes(const Layout& layout, const rktlet::spec::PodId& pod, const ContainerSpec& container,
                               const LayerStore& store, const std::string& mount_label) {
  // The mount points are of this namespace, as the mounts are: nothing of them is left anywhere else.
  const std::string directory = VolumesDirectory(layout);
  if (::mount("volumes", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
    return ErrnoStatus(errno, StrCat("tmpfs on ", directory));
  }
  const std::string empty_path = directory + "/empty";
  if (mkdir(empty_path.c_str(), 0755) != 0) {
    return ErrnoStatus(errno, empty_path);
  }
  ASSIGN_OR_RETURN(const UniqueFd empty, rktlet::base::OpenDirectory(empty_path));
  for (size_t i = 0; i < container.mounts.size(); ++i) {
    const Mount& mount = container.mounts[i];
    if (mount.kind != MountKind::kImage) {
      continue;
    }
    ASSIGN_OR_RETURN(const OverlayLayers layers, ReadLayers(layout.AppFile(pod, container.app, LayersFile(i)), store));
    RETURN_IF_ERROR(
        Annotate(MountOne(layout, layers, mount, i, empty, mount_label), StrCat("mount ", mount.container_path)));
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
