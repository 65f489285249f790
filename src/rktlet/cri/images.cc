// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/images.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "spec/image_reference.h"

namespace rktlet::cri {
namespace {

// "busybox" of the configuration is as good as the name it stands for; a * at the end stands for anything.
bool Matches(const std::string& pattern, const std::string& name) {
  if (pattern.ends_with('*')) {
    return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
  }
  const auto reference = spec::ImageReference::Parse(pattern);
  return pattern == name || (reference.ok() && reference->Name() == name);
}

bool IsPinned(const engine::Image& image, const std::vector<std::string>& pinned) {
  return std::any_of(pinned.begin(), pinned.end(), [&](const std::string& pattern) {
    const auto matches = [&](const std::string& name) { return Matches(pattern, name); };
    return pattern == image.id || std::any_of(image.tags.begin(), image.tags.end(), matches) ||
           std::any_of(image.digests.begin(), image.digests.end(), matches);
  });
}

// The user part of "user[:group]": a number goes to uid, anything else to username.
void SetUser(const std::string& user, v1::Image& image) {
  const std::string name = user.substr(0, user.find(':'));
  int64_t uid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  if (!name.empty() && error == std::errc() && end == name.data() + name.size() && uid >= 0) {
    image.mutable_uid()->set_value(uid);
  } else {
    image.set_username(name);
  }
}

}  // namespace

v1::Image ToCri(const engine::Image& image, const std::vector<std::string>& pinned) {
  v1::Image answer;
  answer.set_id(image.id);
  for (const std::string& tag : image.tags) {
    answer.add_repo_tags(tag);
  }
  for (const std::string& digest : image.digests) {
    answer.add_repo_digests(digest);
  }
  answer.set_size(image.size);
  SetUser(image.user, answer);
  answer.mutable_spec()->set_image(image.id);
  answer.mutable_spec()->set_image_ref(image.id);
  answer.set_pinned(IsPinned(image, pinned));
  return answer;
}

}  // namespace rktlet::cri
