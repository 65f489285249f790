// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/image/store.h"
#include "spec/image_reference.h"

namespace rkt::image {
namespace {

using rktlet::base::StrCat;

constexpr size_t kDigestSize = 71;  // "sha256:" and 64 digits

// The value of every "image_id" key in the text. A quote within a JSON string is escaped, so that the key cannot be
// found inside a value.
void CollectIds(const std::string& text, std::set<std::string>* ids) {
  static constexpr std::string_view kKey = "\"image_id\"";
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    const size_t quote = text.find_first_not_of(" \t\r\n:", at + kKey.size());
    if (quote == std::string::npos || text[quote] != '"') {
      continue;
    }
    std::string id = text.substr(quote + 1, kDigestSize);
    if (rktlet::spec::IsSha256Digest(id)) {
      ids->insert(std::move(id));
    }
  }
}

absl::StatusOr<std::vector<std::string>> ListIfThere(const std::string& path) {
  auto names = rktlet::base::ListDirectory(path);
  return absl::IsNotFound(names.status()) ? std::vector<std::string>() : names;
}

}  // namespace

absl::StatusOr<std::set<std::string>> ReadImagesInUse(const std::string& pods) {
  std::set<std::string> ids;
  ASSIGN_OR_RETURN(const auto pod_names, ListIfThere(pods));
  for (const std::string& pod : pod_names) {
    const std::string apps = StrCat(pods, "/", pod, "/apps");
    ASSIGN_OR_RETURN(const auto app_names, ListIfThere(apps));
    for (const std::string& app : app_names) {
      auto text = rktlet::base::ReadFile(StrCat(apps, "/", app, "/app.json"));
      if (absl::IsNotFound(text.status())) {
        continue;  // being removed
      }
      RETURN_IF_ERROR(text.status());
      CollectIds(*text, &ids);
    }
  }
  return ids;
}

}  // namespace rkt::image
