// SPDX-License-Identifier: Apache-2.0
// Writes the entries of a layer below one directory and nowhere else, whatever their names and links say, and turns
// OCI whiteouts into overlayfs ones (character device 0:0, trusted.overlay.opaque). One writer a layer, one thread.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::image {

struct LayerEntry {
  std::string path;  // as the archive gives it
  mode_t type = 0;   // S_IFREG, S_IFDIR, …; of no meaning for hard links
  mode_t mode = 0;   // permission bits with setuid, setgid, sticky
  int64_t uid = 0;
  int64_t gid = 0;
  timespec mtime = {};
  dev_t device = 0;
  std::string symlink;   // target, for S_IFLNK
  std::string hardlink;  // not empty: another path of this layer
  std::vector<std::pair<std::string, std::string>> xattrs;
};

class LayerWriter {
 public:
  // Writes the content of the entry at hand to a descriptor.
  using CopyContent = std::function<absl::Status(int fd)>;

  // `root_fd` is borrowed and open for reading.
  explicit LayerWriter(int root_fd) : root_fd_(root_fd) {}

  // DataLoss, naming the entry, when it is refused: an absolute path, "..", a way through a link out of the layer, a
  // hard link to what is not there, a whiteout of nothing that has a name.
  absl::Status Add(const LayerEntry& entry, const CopyContent& copy_content);
  // Sets the times of directories, which writing into them changed.
  absl::Status Finish();

 private:
  absl::StatusOr<int> OpenParent(const std::vector<std::string>& components);
  absl::StatusOr<rktlet::base::UniqueFd> OpenOrMakeDirectory(const std::vector<std::string>& components, size_t count);
  absl::Status AddWhiteout(int parent_fd, const std::string& name);
  absl::Status AddNode(int parent_fd, const std::string& path, const std::string& name, const LayerEntry& entry,
                       const CopyContent& copy_content);
  absl::Status AddDirectory(int parent_fd, const std::string& path, const std::string& name, const LayerEntry& entry);
  absl::Status AddHardLink(int parent_fd, const std::string& name, const LayerEntry& entry);
  absl::StatusOr<bool> MakeRoom(int parent_fd, const std::string& name, const LayerEntry& entry);

  struct DirectoryTime {
    std::string path;
    timespec mtime;
  };

  int root_fd_;
  std::string parent_path_;  // of parent_fd_
  rktlet::base::UniqueFd parent_fd_;
  std::vector<DirectoryTime> directory_times_;
};

}  // namespace rkt::image
