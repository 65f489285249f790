// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/image_cache.h"

#include <algorithm>
#include <string_view>

#include "base/status.h"
#include "spec/image_reference.h"

namespace rktlet::engine {
namespace {

constexpr std::string_view kSha256 = "sha256:";
constexpr size_t kShortestPrefix = 4;

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

Awaitable<absl::Status> ImageCache::Load() {
  if (loaded_) {
    co_return absl::OkStatus();
  }
  const absl::Status status = co_await Refresh();
  co_return base::Annotate(status, "list the images");
}

const Image* ImageCache::Find(const std::string& reference) const {
  const auto parsed = spec::ImageReference::Parse(reference);
  const std::string name = parsed.ok() ? parsed->Name() : reference;
  for (const Image& image : images_) {
    if (image.id == reference || Contains(image.tags, name) || Contains(image.digests, name)) {
      return &image;
    }
  }
  std::string_view digits = reference;
  if (digits.starts_with(kSha256)) {
    digits.remove_prefix(kSha256.size());
  }
  if (!spec::IsImageIdPrefix(digits) || digits.size() < kShortestPrefix) {
    return nullptr;
  }
  const Image* found = nullptr;
  for (const Image& image : images_) {
    if (std::string_view(image.id).substr(std::min(kSha256.size(), image.id.size())).starts_with(digits)) {
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

}  // namespace rktlet::engine
