// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/image_cache.h"

#include <algorithm>
#include <string_view>

namespace rktlet::engine {
namespace {

constexpr std::string_view kSha256 = "sha256:";
constexpr size_t kShortestPrefix = 4;

bool IsHex(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Awaitable<absl::Status> ImageCache::Refresh() {
  const uint64_t number = ++started_;
  auto images = co_await engine_.ListImages();
  CO_RETURN_IF_ERROR(images.status());
  if (number > finished_) {  // else a later listing has overtaken this one
    finished_ = number;
    images_ = *std::move(images);
    loaded_ = true;
  }
  co_return absl::OkStatus();
}

const Image* ImageCache::Find(const std::string& reference) const {
  std::string_view digits = reference;
  if (digits.starts_with(kSha256)) {
    digits.remove_prefix(kSha256.size());
  }
  const std::string name = NormalizeImageName(reference);
  for (const Image& image : images_) {
    if (image.id == reference || Contains(image.tags, reference) || Contains(image.digests, reference) ||
        Contains(image.tags, name) || Contains(image.digests, name)) {
      return &image;
    }
  }
  if (!IsHex(digits) || digits.size() < kShortestPrefix) {
    return nullptr;
  }
  const Image* found = nullptr;
  for (const Image& image : images_) {
    if (std::string_view(image.id).substr(kSha256.size()).starts_with(digits)) {
      if (found != nullptr) {
        return nullptr;
      }
      found = &image;
    }
  }
  return found;
}

uint64_t ImageCache::TotalSize() const {
  uint64_t total = 0;
  for (const Image& image : images_) {
    total += image.size;
  }
  return total;
}

std::string NormalizeImageName(const std::string& name) {
  std::string rest = name;
  for (const std::string_view transport : {"docker://"}) {
    if (rest.starts_with(transport)) {
      rest.erase(0, transport.size());
    }
  }
  std::string digest;
  if (const size_t at = rest.find('@'); at != std::string::npos) {
    digest = rest.substr(at);
    rest.resize(at);
  }
  const size_t slash = rest.find('/');
  const std::string first = rest.substr(0, slash);
  const bool has_host =
      slash != std::string::npos && (first.find_first_of(".:") != std::string::npos || first == "localhost");
  if (!has_host) {
    rest = (slash == std::string::npos ? "docker.io/library/" : "docker.io/") + rest;
  }
  const size_t colon = rest.rfind(':');
  const bool has_tag = colon != std::string::npos && rest.find('/', colon) == std::string::npos;
  if (!digest.empty()) {
    return (has_tag ? rest.substr(0, colon) : rest) + digest;
  }
  return has_tag ? rest : rest + ":latest";
}

}  // namespace rktlet::engine
