// SPDX-License-Identifier: Apache-2.0
// The two documents of a checkpoint's archive that say what it is of, config.dump and spec.dump, as far as a restore
// needs them. They come from outside: what is not as expected is DataLoss.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::checkpoint {

// config.dump.
struct Metadata {
  std::string id;               // the container's
  std::string name;             // CRI's
  std::string image;            // as the user wrote it
  std::string image_id;         // sha256:…
  std::string image_name;       // of the store
  std::string runtime;          // the handler
  int64_t created_at = 0;       // ns since the epoch
  int64_t checkpointed_at = 0;  // the same
  bool restored = false;        // it was itself restored
};
std::string ToJson(const Metadata& metadata);
absl::StatusOr<Metadata> ParseMetadata(const std::string& text);

// Of spec.dump.
struct DumpedSpec {
  struct Namespace {
    std::string type;
    bool joined = false;  // it was somebody else's, told by a path
    bool operator==(const Namespace&) const = default;
  };
  std::vector<Namespace> namespaces;  // by type
  std::vector<std::string> mounts;    // where something is mounted, in their order
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::vector<std::string> args;  // what its first process was
  bool terminal = false;
};
absl::StatusOr<DumpedSpec> ParseSpec(const std::string& text);

}  // namespace rkt::checkpoint
