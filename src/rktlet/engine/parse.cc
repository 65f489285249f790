// SPDX-License-Identifier: Apache-2.0
// What `rkt` prints, as structs. Keys that it may leave out have defaults; a wrong type is an error.
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "rktlet/engine/rkt_engine.h"

namespace rktlet::engine {
namespace {

using nlohmann::json;

template <typename T>
T Get(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? T{} : found->template get<T>();
}

// Layers are either their digests or objects that have one.
std::vector<std::string> Layers(const json& image) {
  std::vector<std::string> layers;
  for (const json& layer : image.value("layers", json::array())) {
    layers.push_back(layer.is_object() ? Get<std::string>(layer, "digest") : layer.get<std::string>());
  }
  return layers;
}

Image ParseImage(const json& image) {
  Image parsed;
  parsed.id = image.at("id").get<std::string>();
  parsed.tags = Get<std::vector<std::string>>(image, "tags");
  parsed.digests = Get<std::vector<std::string>>(image, "digests");
  parsed.size = Get<uint64_t>(image, "size");
  parsed.user = Get<std::string>(image, "user");
  parsed.labels = Get<std::map<std::string, std::string>>(image, "labels");
  parsed.layers = Layers(image);
  parsed.import_time = Get<int64_t>(image, "import_time");
  parsed.last_used_time = Get<int64_t>(image, "last_used_time");
  return parsed;
}

}  // namespace

absl::StatusOr<std::vector<Image>> ParseImageList(const std::string& text) try {
  std::vector<Image> images;
  for (const json& image : json::parse(text)) {
    images.push_back(ParseImage(image));
  }
  return images;
} catch (const json::exception& error) {
  return absl::InternalError(base::StrCat("rkt image list printed no usable list: ", error.what()));
}

absl::StatusOr<Features> ParseFeatures(const std::string& text) try {
  const json document = json::parse(text);
  Features features;
  for (const json& handler : document.at("handlers")) {
    features.user_namespaces[handler.at("name").get<std::string>()] = handler.at("user_namespaces").get<bool>();
  }
  return features;
} catch (const json::exception& error) {
  return absl::InternalError(base::StrCat("rkt features printed nothing usable: ", error.what()));
}

std::optional<FetchProgress> ParseFetchProgress(std::string_view line, const FetchProgress& known) try {
  if (!line.starts_with('{')) {
    return std::nullopt;
  }
  const json document = json::parse(line);
  FetchProgress progress = known;
  progress.phase = document.at("phase").get<std::string>();
  if (progress.phase == "fetch") {
    progress.bytes = Get<uint64_t>(document, "bytes");
    progress.total = Get<uint64_t>(document, "total");
  } else if (progress.phase == "unpack") {
    progress.layer = Get<uint64_t>(document, "layer");
    progress.layers = Get<uint64_t>(document, "layers");
  }
  return progress;
} catch (const json::exception&) {
  return std::nullopt;  // only for show
}

absl::StatusOr<NetworkStatus> ParseNetworkStatus(const std::string& text) try {
  const json document = json::parse(text);
  NetworkStatus status;
  status.ready = document.at("ready").get<bool>();
  status.reason = Get<std::string>(document, "reason");
  status.message = Get<std::string>(document, "message");
  for (const json& network : document.value("networks", json::array())) {
    status.networks.push_back(network.is_object() ? Get<std::string>(network, "name") : network.get<std::string>());
  }
  status.json = document.dump();
  return status;
} catch (const json::exception& error) {
  return absl::InternalError(base::StrCat("rkt app network status printed nothing usable: ", error.what()));
}

}  // namespace rktlet::engine
