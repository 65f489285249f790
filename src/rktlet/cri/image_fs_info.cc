// SPDX-License-Identifier: Apache-2.0
// Figures of the background measurement; before its first, the sizes that the image list tells.
#include "rktlet/cri/rpcs.h"
#include "rktlet/stats/devices.h"

namespace rktlet::cri {
namespace {

// Nothing changes the image store but pulls and removals, after which the figure is invalid anyway.
constexpr std::chrono::minutes kImageStoreAge(30);

void Fill(v1::FilesystemUsage& usage, const std::string& mount_point, const stats::Usage& figures) {
  usage.set_timestamp(figures.measured_at);
  usage.mutable_fs_id()->set_mountpoint(mount_point);
  usage.mutable_used_bytes()->set_value(figures.bytes);
  usage.mutable_inodes_used()->set_value(figures.inodes);
}

}  // namespace

Reply<v1::ImageFsInfoResponse> ImageFsInfo(Context& context, engine::Cancellation, const v1::ImageFsInfoRequest&) {
  v1::ImageFsInfoResponse response;
  const auto measured = context.disk.Get({context.layout.Images()}, kImageStoreAge).front();
  const stats::Usage layers = context.stats.WritableLayers(context.directory);
  const stats::Usage fallback{.bytes = context.images.TotalSize(), .inodes = 0, .measured_at = layers.measured_at};
  stats::Usage images = measured.value_or(fallback);
  images.measured_at = layers.measured_at;
  // The kubelet takes two names for two disks, and then watches and cleans each by itself: one disk has to have one
  // name.
  Fill(*response.add_image_filesystems(), stats::MountPointOf(context.layout.Images()), images);
  Fill(*response.add_container_filesystems(), context.stats.WritableLayersMountPoint(), layers);
  co_return response;
}

}  // namespace rktlet::cri
