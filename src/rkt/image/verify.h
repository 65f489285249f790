// SPDX-License-Identifier: Apache-2.0
// Looking for damage in the image store, as after a power loss: documents and archives by their digests, unpacked
// layers by unpacking their archives anew beside them. And for what no image names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkt/image/store.h"

namespace rkt::image {

struct Damage {
  std::string part;    // "manifest", "configuration", "archive", "layer"
  std::string digest;  // of it
  std::string path;    // where it stands
  std::string what;    // what is wrong
};

struct ImageReport {
  ImageRecord image;
  std::vector<Damage> damage;  // empty: it is whole
};

struct VerifyOptions {
  // Takes damaged parts of images that no container uses out of the store, so that the next fetch brings them anew, and
  // removes orphans.
  bool repair = false;
  std::function<void(std::string_view digest)> on_layer = [](std::string_view) {};
};

struct VerifyReport {
  std::vector<ImageReport> images;
  std::vector<std::string> orphans;  // paths; empty too while a fetch is under way
  std::vector<std::string> removed;  // paths that `repair` has removed
};

// Of the images that `references` name; of all, and of orphans, when there are none. A layer that several images have
// is unpacked once. Errors: NotFound for an unknown reference; what keeps the store from being read.
absl::StatusOr<VerifyReport> Verify(Store& store, const std::vector<std::string>& references,
                                    const VerifyOptions& options);

}  // namespace rkt::image
