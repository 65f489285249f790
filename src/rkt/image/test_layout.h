// SPDX-License-Identifier: Apache-2.0
// For tests: an OCI layout with one image, written on the spot.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/image/sha256.h"
#include "rkt/image/unpack/test_archive.h"

namespace rkt::image {

struct TestImage {
  std::vector<std::string> layers;  // tar archives, gzip or plain
  std::vector<std::string> diff_ids;
  nlohmann::json config = nlohmann::json::object();
};

// Adds a layer of the entries, compressed with gzip.
inline void AddTestLayer(TestImage& image, const std::vector<TestEntry>& entries) {
  const std::string tar = MakeTar(entries);
  image.diff_ids.push_back(DigestOf(tar));
  image.layers.push_back(Compress(tar, ::archive_write_add_filter_gzip));
}

// Writes the layout to `directory`; the digest of its configuration, which is the image's id.
inline std::string WriteTestLayout(const TestImage& image, const std::string& directory) {
  using rktlet::base::StrCat;
  const std::string blobs = directory + "/blobs/sha256";
  rktlet::base::MakeDirectories(blobs).IgnoreError();
  const auto put = [&](const std::string& data, const std::string& type) {
    const std::string digest = DigestOf(data);
    rktlet::base::WriteFileAtomic(StrCat(blobs, "/", HexOf(digest)), data, 0644).IgnoreError();
    return nlohmann::json{
        {"mediaType", StrCat("application/vnd.oci.image.", type)}, {"digest", digest}, {"size", data.size()}};
  };
  const nlohmann::json config = {{"architecture", "amd64"},
                                 {"os", "linux"},
                                 {"config", image.config},
                                 {"rootfs", {{"type", "layers"}, {"diff_ids", image.diff_ids}}}};
  nlohmann::json manifest = {{"schemaVersion", 2},
                             {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                             {"config", put(config.dump(), "config.v1+json")},
                             {"layers", nlohmann::json::array()}};
  for (const std::string& layer : image.layers) {
    manifest["layers"].push_back(put(layer, "layer.v1.tar+gzip"));
  }
  const nlohmann::json index = {{"schemaVersion", 2}, {"manifests", {put(manifest.dump(), "manifest.v1+json")}}};
  rktlet::base::WriteFileAtomic(directory + "/index.json", index.dump(), 0644).IgnoreError();
  rktlet::base::WriteFileAtomic(directory + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644).IgnoreError();
  return DigestOf(config.dump());
}

}  // namespace rkt::image
