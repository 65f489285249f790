// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/image_record.h"

#include <algorithm>

#include "base/json_depth.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "spec/image_reference.h"

namespace rkt::image {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

constexpr int kVersion = 1;

absl::Status Malformed(std::string_view what, std::string_view why) {
  return absl::DataLossError(StrCat(what, " is not what it should be: ", why));
}

// The member, or null when there is none (also of a null).
const json& Member(const json& object, const char* key) {
  static const json kNull;
  if (object.is_null()) {
    return kNull;
  }
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

// Each of these takes an absent or null member for an empty one, as the writers of the format do.
template <typename T>
T ValueOf(const json& object, const char* key) {
  const json& member = Member(object, key);
  return member.is_null() ? T() : member.get<T>();
}

absl::Status CheckDepth(std::string_view what, const std::string& text) {
  const absl::Status depth = rktlet::base::CheckJsonDepth(text);
  return depth.ok() ? depth : Malformed(what, std::string(depth.message()));
}

std::vector<std::string> KeysOf(const json& object, const char* key) {
  std::vector<std::string> keys;
  for (const auto& item : Member(object, key).items()) {
    keys.push_back(item.key());
  }
  return keys;
}

absl::Status CheckDigest(std::string_view what, const std::string& digest) {
  return rktlet::spec::IsSha256Digest(digest) ? absl::OkStatus()
                                              : Malformed(what, StrCat("\"", digest, "\" is no sha256 digest"));
}

Descriptor ParseDescriptor(const json& object) {
  return {.media_type = ValueOf<std::string>(object, "mediaType"),
          .digest = ValueOf<std::string>(object, "digest"),
          .size = ValueOf<uint64_t>(object, "size")};
}

json ToJson(const LayerRecord& layer) {
  return {{"diff_id", layer.diff_id},
          {"digest", layer.digest},
          {"media_type", layer.media_type},
          {"size", layer.size},
          {"unpacked_size", layer.unpacked_size},
          {"entries", layer.entries}};
}

json ToJson(const ImageRecord& record) {
  json layers = json::array();
  for (const LayerRecord& layer : record.layers) {
    layers.push_back(ToJson(layer));
  }
  return {{"id", record.id},
          {"tags", record.tags},
          {"digests", record.digests},
          {"manifest_digest", record.manifest_digest},
          {"size", record.size},
          {"import_time", record.import_time},
          {"user", record.user},
          {"labels", record.labels},
          {"architecture", record.architecture},
          {"os", record.os},
          {"layers", std::move(layers)},
          {"removed", record.removed}};
}

ImageRecord RecordFromJson(const json& object) {
  ImageRecord record;
  object.at("id").get_to(record.id);
  object.at("tags").get_to(record.tags);
  object.at("digests").get_to(record.digests);
  object.at("manifest_digest").get_to(record.manifest_digest);
  object.at("size").get_to(record.size);
  object.at("import_time").get_to(record.import_time);
  object.at("user").get_to(record.user);
  object.at("labels").get_to(record.labels);
  object.at("architecture").get_to(record.architecture);
  object.at("os").get_to(record.os);
  record.removed = ValueOf<bool>(object, "removed");
  for (const json& layer : object.at("layers")) {
    record.layers.push_back({.diff_id = layer.at("diff_id").get<std::string>(),
                             .digest = layer.at("digest").get<std::string>(),
                             .media_type = layer.at("media_type").get<std::string>(),
                             .size = layer.at("size").get<uint64_t>(),
                             .unpacked_size = layer.at("unpacked_size").get<uint64_t>(),
                             .entries = layer.at("entries").get<uint64_t>()});
  }
  return record;
}

absl::Status CheckRecord(const ImageRecord& record) {
  RETURN_IF_ERROR(CheckDigest("an image's id", record.id));
  RETURN_IF_ERROR(CheckDigest("an image's manifest", record.manifest_digest));
  for (const LayerRecord& layer : record.layers) {
    RETURN_IF_ERROR(CheckDigest("a layer", layer.diff_id));
    RETURN_IF_ERROR(CheckDigest("a layer", layer.digest));
  }
  return absl::OkStatus();
}

}  // namespace

const std::string& ImageRecord::Name() const {
  if (!tags.empty()) {
    return tags.front();
  }
  return digests.empty() ? id : digests.front();
}

absl::StatusOr<ImageConfig> ParseImageConfig(const std::string& text) {
  RETURN_IF_ERROR(CheckDepth("the image's configuration", text));
  ImageConfig config;
  try {
    const json document = json::parse(text);
    const json& run = Member(document, "config");
    config.entrypoint = ValueOf<std::vector<std::string>>(run, "Entrypoint");
    config.cmd = ValueOf<std::vector<std::string>>(run, "Cmd");
    config.env = ValueOf<std::vector<std::string>>(run, "Env");
    config.working_dir = ValueOf<std::string>(run, "WorkingDir");
    config.user = ValueOf<std::string>(run, "User");
    config.stop_signal = ValueOf<std::string>(run, "StopSignal");
    config.labels = ValueOf<std::map<std::string, std::string>>(run, "Labels");
    config.exposed_ports = KeysOf(run, "ExposedPorts");
    config.volumes = KeysOf(run, "Volumes");
    config.architecture = ValueOf<std::string>(document, "architecture");
    config.os = ValueOf<std::string>(document, "os");
    config.diff_ids = ValueOf<std::vector<std::string>>(Member(document, "rootfs"), "diff_ids");
  } catch (const json::exception& error) {
    return Malformed("the image's configuration", error.what());
  }
  for (const std::string& diff_id : config.diff_ids) {
    RETURN_IF_ERROR(CheckDigest("the image's configuration", diff_id));
  }
  return config;
}

absl::StatusOr<ImageManifest> ParseImageManifest(const std::string& text) {
  RETURN_IF_ERROR(CheckDepth("the image's manifest", text));
  ImageManifest manifest;
  try {
    const json document = json::parse(text);
    manifest.config = ParseDescriptor(document.at("config"));
    for (const json& layer : document.at("layers")) {
      manifest.layers.push_back(ParseDescriptor(layer));
    }
  } catch (const json::exception& error) {
    return Malformed("the image's manifest", error.what());
  }
  RETURN_IF_ERROR(CheckDigest("the image's manifest", manifest.config.digest));
  for (const Descriptor& layer : manifest.layers) {
    RETURN_IF_ERROR(CheckDigest("the image's manifest", layer.digest));
  }
  return manifest;
}

std::string SerializeRecords(const std::vector<ImageRecord>& records) {
  json images = json::array();
  for (const ImageRecord& record : records) {
    images.push_back(ToJson(record));
  }
  return json{{"version", kVersion}, {"images", std::move(images)}}.dump(1, ' ', false,
                                                                         json::error_handler_t::replace) +
         "\n";
}

absl::StatusOr<std::vector<ImageRecord>> ParseRecords(const std::string& text) {
  std::vector<ImageRecord> records;
  try {
    const json document = json::parse(text);
    if (const int version = document.at("version").get<int>(); version != kVersion) {
      return absl::FailedPreconditionError(StrCat("version ", version, " of the format is not known here"));
    }
    for (const json& image : document.at("images")) {
      records.push_back(RecordFromJson(image));
    }
  } catch (const json::exception& error) {
    return absl::DataLossError(error.what());
  }
  for (const ImageRecord& record : records) {
    RETURN_IF_ERROR(CheckRecord(record));
  }
  return records;
}

json ToPublicJson(const ImageRecord& record) {
  json object = ToJson(record);
  object.erase("removed");
  object["name"] = record.Name();
  object["last_used_time"] = record.last_used_time;
  return object;
}

}  // namespace rkt::image
