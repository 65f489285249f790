// SPDX-License-Identifier: Apache-2.0
// The image store as the engine last listed it: List and Status answers come from here. Refreshed after every change of
// ours and when somebody else changes the store. Loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "rktlet/engine/engine.h"

namespace rktlet::engine {

class ImageCache {
 public:
  explicit ImageCache(Engine& engine) : engine_(engine) {}

  // Lists the store anew. A listing that is under way when this is called does not count: it may be older than what the
  // caller wants to see. An error leaves what is known.
  Awaitable<absl::Status> Refresh();

  // The same unless it has been listed: what is not known is not absent.
  Awaitable<absl::Status> Load();

  // The image of this id ("sha256:…", without the prefix, or a unique prefix of at least 4 digits) or name ("busybox",
  // "host/repo:tag", "host/repo@sha256:…"); nullptr when there is none. Valid until the loop turns again.
  const Image* Find(const std::string& reference) const;

  const std::vector<Image>& images() const { return images_; }
  // Bytes of all images, shared layers counted for each.
  uint64_t TotalSize() const;

 private:
  Engine& engine_;
  std::vector<Image> images_;
  bool loaded_ = false;
  uint64_t started_ = 0;   // listings begun
  uint64_t finished_ = 0;  // the newest listing that has counted
};

}  // namespace rktlet::engine
