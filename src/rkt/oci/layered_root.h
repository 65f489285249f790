// SPDX-License-Identifier: Apache-2.0
// Looks into an image without mounting it: finds files through its layers as overlayfs would show them (topmost first,
// whiteouts, opaque directories, symbolic links resolved inside the image).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::oci {

// A directory of the merged tree: the directories that make it up, topmost first.
using MergedDirectory = std::vector<std::shared_ptr<rktlet::base::UniqueFd>>;

// What a name in it stands for. `layer` is where it is: the directory of the topmost layer that has it.
struct MergedEntry {
  enum class Kind : uint8_t { kAbsent, kDirectory, kLink, kOther } kind = Kind::kAbsent;
  MergedDirectory directory;  // of kDirectory
  std::string link;           // of kLink: its target
  std::shared_ptr<rktlet::base::UniqueFd> layer;
};

absl::StatusOr<MergedEntry> LookUp(const MergedDirectory& directory, const std::string& name);

// Every name that a layer has there, sorted. What a whiteout hides is among them: LookUp() says so.
absl::StatusOr<std::vector<std::string>> ListNames(const MergedDirectory& directory);

class LayeredRoot {
 public:
  // `layers`: directories, the topmost first, as overlayfs' lowerdir. They stay open.
  static absl::StatusOr<LayeredRoot> Open(const std::vector<std::string>& layers);

  // What is at `path`, links followed: kDirectory or kOther, with `name` set to its name in `layer`. NotFound when the
  // image has no such path.
  absl::StatusOr<MergedEntry> Find(const std::string& path, std::string* name = nullptr) const;
  // The directory at `path`. NotFound, and InvalidArgument for something else.
  absl::StatusOr<MergedDirectory> FindDirectory(const std::string& path) const;

  // The content of the regular file at `path`, of at most `limit` bytes. NotFound when there is no such file in the
  // image.
  absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit = size_t{4} << 20) const;

 private:
  MergedDirectory layers_;
};

}  // namespace rkt::oci
