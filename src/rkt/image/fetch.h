// SPDX-License-Identifier: Apache-2.0
// Fetching an image into the store: looked up, copied, unpacked, named. Killed at any time it leaves a valid store, and
// the archives that were complete are not fetched again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "rkt/image/skopeo.h"
#include "rkt/image/store.h"

namespace rkt::image {

enum class PullPolicy : uint8_t {
  kNew,     // fetch what the store has not
  kNever,   // never ask a registry
  kUpdate,  // always ask, fetch what changed
};

struct FetchProgress {
  std::string_view phase;  // "resolve", "fetch", "unpack", "done"
  uint64_t bytes = 0;      // fetched so far, in phase "fetch"
  uint64_t total = 0;      // to be fetched, in phase "fetch"; 0: not known
  size_t layer = 0;        // being unpacked, from 1
  size_t layers = 0;
};

struct FetchOptions {
  PullPolicy policy = PullPolicy::kNew;
  SkopeoOptions skopeo;
  std::vector<std::string> names;  // further tags for the image
  // Also where that takes one more question to the registry (an image of several platforms).
  bool want_total = false;
  std::function<void(const FetchProgress&)> on_progress = [](const FetchProgress&) {};
};

// The image that `source` (see ParseSource) names, in the store. Errors as Skopeo's; DataLoss, naming the layer, for an
// image that arrived damaged; InvalidArgument for one whose layers are refused; FailedPrecondition for one that cannot
// run here.
absl::StatusOr<ImageRecord> Fetch(Store& store, std::string_view source, const FetchOptions& options);

}  // namespace rkt::image
