// SPDX-License-Identifier: Apache-2.0
// Reads a layer's archive: plain, gzip or zstd tar, through libarchive, hashing the uncompressed bytes on their way and
// stopping at the limits. The only file that names libarchive's interface is tar_reader.cc.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "rkt/image/unpack/layer_writer.h"
#include "rkt/image/unpack_layer.h"

namespace rkt::image {

class TarReader {
 public:
  // `archive_fd` is borrowed and read from where it stands.
  TarReader(int archive_fd, const UnpackLimits& limits);
  TarReader(TarReader&&) noexcept;
  TarReader& operator=(TarReader&&) noexcept;
  ~TarReader();

  // The next entry; false at the end of the archive. DataLoss when the archive is damaged or beyond a limit.
  absl::StatusOr<bool> Next(LayerEntry* entry);
  // Writes the content of the last entry, holes kept.
  absl::Status CopyContent(int fd);
  // Reads the rest of the stream and returns the digest of all uncompressed bytes.
  absl::StatusOr<std::string> Finish();

  const UnpackResult& result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rkt::image
