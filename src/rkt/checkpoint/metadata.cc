// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/metadata.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/checkpoint/archive_files.h"

namespace rkt::checkpoint {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

constexpr int64_t kNanos = 1'000'000'000;

std::string Rfc3339(int64_t nanos) {
  const time_t seconds = static_cast<time_t>(nanos / kNanos);
  struct tm parts = {};
  gmtime_r(&seconds, &parts);
  char text[64];
  const size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof(text) - size, ".%09dZ", static_cast<int>(nanos % kNanos));
  return text;
}

absl::Status Wrong(const char* file, const std::string& what) { return absl::DataLossError(StrCat(file, ": ", what)); }

absl::StatusOr<json> ParseObject(const char* file, const std::string& text) {
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return Wrong(file, "not a JSON object");
  }
  return document;
}

// An absent field is empty; one of another type is refused.
absl::Status TakeText(const char* file, const json& object, const char* name, std::string* value) {
  const auto field = object.find(name);
  if (field == object.end()) {
    return absl::OkStatus();
  }
  if (!field->is_string()) {
    return Wrong(file, StrCat(name, " is no text"));
  }
  *value = field->get<std::string>();
  return absl::OkStatus();
}

// The list `name` of `object`, which is the document's `part`.
absl::Status TakeTexts(const json& object, const char* part, const char* name, std::vector<std::string>* texts) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) {
    return absl::OkStatus();
  }
  if (!field->is_array()) {
    return Wrong(kSpecDumpFile, StrCat(part, ".", name, " is no list"));
  }
  for (const json& text : *field) {
    if (!text.is_string()) {
      return Wrong(kSpecDumpFile, StrCat(part, ".", name, " holds what is no text"));
    }
    texts->push_back(text.get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status TakePaths(const json& linux_part, const char* name, std::vector<std::string>* paths) {
  RETURN_IF_ERROR(TakeTexts(linux_part, "linux", name, paths));
  for (const std::string& path : *paths) {
    if (!path.starts_with('/')) {
      return Wrong(kSpecDumpFile, StrCat("linux.", name, " holds what is no path"));
    }
  }
  return absl::OkStatus();
}

absl::Status TakeNamespaces(const json& linux_part, DumpedSpec* spec) {
  const auto list = linux_part.find("namespaces");
  if (list == linux_part.end() || !list->is_array()) {
    return Wrong(kSpecDumpFile, "linux.namespaces is no list");
  }
  for (const json& entry : *list) {
    DumpedSpec::Namespace one;
    std::string path;
    if (!entry.is_object()) {
      return Wrong(kSpecDumpFile, "linux.namespaces holds what is no object");
    }
    RETURN_IF_ERROR(TakeText(kSpecDumpFile, entry, "type", &one.type));
    RETURN_IF_ERROR(TakeText(kSpecDumpFile, entry, "path", &path));
    one.joined = !path.empty();
    spec->namespaces.push_back(std::move(one));
  }
  std::ranges::sort(spec->namespaces, {}, &DumpedSpec::Namespace::type);
  return absl::OkStatus();
}

absl::Status TakeMounts(const json& document, DumpedSpec* spec) {
  const auto mounts = document.find("mounts");
  if (mounts == document.end() || !mounts->is_array()) {
    return Wrong(kSpecDumpFile, "mounts is no list");
  }
  for (const json& mount : *mounts) {
    std::string destination;
    if (!mount.is_object()) {
      return Wrong(kSpecDumpFile, "mounts holds what is no object");
    }
    RETURN_IF_ERROR(TakeText(kSpecDumpFile, mount, "destination", &destination));
    if (!destination.starts_with('/')) {
      return Wrong(kSpecDumpFile, StrCat("\"", destination, "\" is no place for a mount"));
    }
    spec->mounts.push_back(std::move(destination));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ToJson(const Metadata& metadata) {
  const json document = {{"id", metadata.id},
                         {"name", metadata.name},
                         {"rootfsImage", metadata.image},
                         {"rootfsImageRef", metadata.image_id},
                         {"rootfsImageName", metadata.image_name},
                         {"runtime", metadata.runtime},
                         {"createdTime", Rfc3339(metadata.created_at)},
                         {"checkpointedTime", Rfc3339(metadata.checkpointed_at)},
                         {"restoredTime", "0001-01-01T00:00:00Z"},
                         {"restored", metadata.restored}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Metadata> ParseMetadata(const std::string& text) {
  ASSIGN_OR_RETURN(const json document, ParseObject(kConfigDumpFile, text));
  Metadata metadata;
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "id", &metadata.id));
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "name", &metadata.name));
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "rootfsImage", &metadata.image));
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "rootfsImageRef", &metadata.image_id));
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "rootfsImageName", &metadata.image_name));
  RETURN_IF_ERROR(TakeText(kConfigDumpFile, document, "runtime", &metadata.runtime));
  if (metadata.image_id.empty() && metadata.image_name.empty() && metadata.image.empty()) {
    return Wrong(kConfigDumpFile, "it names no image");
  }
  return metadata;
}

absl::StatusOr<DumpedSpec> ParseSpec(const std::string& text) {
  ASSIGN_OR_RETURN(const json document, ParseObject(kSpecDumpFile, text));
  const auto linux_part = document.find("linux");
  if (linux_part == document.end() || !linux_part->is_object()) {
    return Wrong(kSpecDumpFile, "linux is no object");
  }
  DumpedSpec spec;
  RETURN_IF_ERROR(TakeNamespaces(*linux_part, &spec));
  RETURN_IF_ERROR(TakeMounts(document, &spec));
  RETURN_IF_ERROR(TakePaths(*linux_part, "maskedPaths", &spec.masked_paths));
  RETURN_IF_ERROR(TakePaths(*linux_part, "readonlyPaths", &spec.readonly_paths));
  if (const auto process = document.find("process"); process != document.end() && process->is_object()) {
    const auto terminal = process->find("terminal");
    spec.terminal = terminal != process->end() && terminal->is_boolean() && terminal->get<bool>();
    RETURN_IF_ERROR(TakeTexts(*process, "process", "args", &spec.args));
  }
  return spec;
}

}  // namespace rkt::checkpoint
