// SPDX-License-Identifier: Apache-2.0
// What is known of a stored image: the entry in images.json (docs/state.md) and the part of its configuration that
// running it takes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "nlohmann/json_fwd.hpp"

namespace rkt::image {

// Layers of one image, at most: what overlay mounts with short names in one page of options.
inline constexpr size_t kMaxLayers = 200;

struct LayerRecord {
  std::string diff_id;         // sha256:… of the uncompressed archive: the layer's name in the store
  std::string digest;          // sha256:… of the archive as fetched
  std::string media_type;      // of the archive as fetched
  uint64_t size = 0;           // of the archive as fetched
  uint64_t unpacked_size = 0;  // bytes of file content
  uint64_t entries = 0;        // files, directories, links, …
};

struct ImageRecord {
  std::string id;                    // sha256:… of the configuration
  std::vector<std::string> tags;     // "docker.io/library/busybox:latest", sorted
  std::vector<std::string> digests;  // "docker.io/library/busybox@sha256:…", sorted
  std::string manifest_digest;       // of the OCI manifest in the store
  uint64_t size = 0;                 // bytes on disk: archives, unpacked layers, configuration
  int64_t import_time = 0;           // ns since the epoch
  int64_t last_used_time = 0;        // ns since the epoch
  std::string user;                  // of the configuration: "", "1000", "www-data:www-data"
  std::map<std::string, std::string> labels;
  std::string architecture;
  std::string os;
  std::vector<LayerRecord> layers;  // lowest first
  bool removed = false;             // by force while in use: kept for its containers, listed no more

  // The first tag, else the first digest, else the id.
  const std::string& Name() const;
};

// The configuration's `config` object.
struct ImageConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;
  std::string working_dir;
  std::string user;
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> volumes;        // paths
  std::string stop_signal;                 // "SIGTERM", "15" or empty
  std::map<std::string, std::string> labels;
  std::string architecture;
  std::string os;
  std::vector<std::string> diff_ids;
};

// A document of the registry, refused as DataLoss when it is not what the specification says.
absl::StatusOr<ImageConfig> ParseImageConfig(const std::string& text);

// A manifest's list of layers and the digest of its configuration.
struct Descriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
};
struct ImageManifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};
absl::StatusOr<ImageManifest> ParseImageManifest(const std::string& text);

// images.json, whole. The version is checked: a newer one is refused.
std::string SerializeRecords(const std::vector<ImageRecord>& records);
absl::StatusOr<std::vector<ImageRecord>> ParseRecords(const std::string& text);

// One image as `image list --format=json` prints it.
nlohmann::json ToPublicJson(const ImageRecord& record);

}  // namespace rkt::image
