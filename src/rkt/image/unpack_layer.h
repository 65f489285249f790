// SPDX-License-Identifier: Apache-2.0
// From a layer's archive to a directory, in a process of its own (the program rkt-unpack): hostile archives meet only
// that, and no other command pays for loading libarchive.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace rkt::image {

// What an archive may hold at most. Beyond it is refused.
struct UnpackLimits {
  uint64_t max_entries = 1'000'000;
  uint64_t max_bytes = uint64_t{64} << 30;  // uncompressed
  uint64_t max_ratio = 200;                 // uncompressed to compressed, once more than ratio_from bytes came out
  uint64_t ratio_from = uint64_t{1} << 30;
};

struct UnpackResult {
  uint64_t bytes = 0;  // of file content
  uint64_t entries = 0;
};

// Unpacks the archive open at `archive_fd` into the empty directory open at `directory_fd` and checks that its
// uncompressed bytes have the digest `diff_id`. Syncing is left to the caller. DataLoss, naming the entry and the
// reason, for an archive that is damaged or refused; what was unpacked is left to the caller to remove.
// `held_lock_fd`, unless it is -1, is a lock that lasts as long as the unpacking does, whatever becomes of the caller.
using LayerUnpacker = std::function<absl::StatusOr<UnpackResult>(int archive_fd, int directory_fd,
                                                                 const std::string& diff_id, int held_lock_fd)>;

// Runs rkt-unpack: $RKT_UNPACK, else where it is installed.
absl::StatusOr<UnpackResult> RunUnpackProgram(int archive_fd, int directory_fd, const std::string& diff_id,
                                              int held_lock_fd);

}  // namespace rkt::image
