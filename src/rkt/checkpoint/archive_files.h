// SPDX-License-Identifier: Apache-2.0
// What stands in the archive of a checkpoint: the names that CRI-O and checkpointctl gave these files, so that one side
// can read what the other has written.
#pragma once

namespace rkt::checkpoint {

inline constexpr char kImagesDirectory[] = "checkpoint";           // CRIU's images
inline constexpr char kInventoryFile[] = "inventory.img";          // the image that is never absent
inline constexpr char kConfigDumpFile[] = "config.dump";           // Metadata
inline constexpr char kSpecDumpFile[] = "spec.dump";               // the container's OCI specification
inline constexpr char kRootDifferenceFile[] = "rootfs-diff.tar";   // what it changed in its root
inline constexpr char kDeletedFilesFile[] = "deleted.files";       // what it removed there: a JSON list of paths
inline constexpr char kBindMountsFile[] = "bind.mounts";           // what was mounted into it
inline constexpr char kDumpLogFile[] = "dump.log";                 // CRIU's
inline constexpr char kLogFile[] = "io.kubernetes.cri-o.LogPath";  // the container's log so far
inline constexpr char kContainerdLogFile[] = "container.log";      // the same from containerd
inline constexpr char kPodDumpFile[] = "pod.dump";                 // of a pod's checkpoint, beside the archives

// Of an image whose one layer holds these files: its manifest says so.
inline constexpr char kImageAnnotation[] = "io.kubernetes.cri-o.annotations.checkpoint.name";
inline constexpr char kOtherImageAnnotation[] = "org.criu.checkpoint.container.name";

}  // namespace rkt::checkpoint
