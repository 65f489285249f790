// SPDX-License-Identifier: Apache-2.0
#include "spec/image_reference.h"

#include <algorithm>

#include "base/strings.h"

namespace rktlet::spec {
namespace {

using base::StrCat;

constexpr std::string_view kSha256 = "sha256:";
constexpr size_t kMaxNameSize = 255;
constexpr size_t kMaxTagSize = 128;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }
bool IsLowerAlnum(char c) { return IsLower(c) || IsDigit(c); }
bool IsLowerHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

bool AllOf(std::string_view text, bool (*predicate)(char)) { return std::all_of(text.begin(), text.end(), predicate); }

// alpha-numeric [separator alpha-numeric]*, separator: one ".", one or two "_", or any number of "-".
bool IsPathComponent(std::string_view text) {
  if (text.empty() || !IsLowerAlnum(text.front()) || !IsLowerAlnum(text.back())) {
    return false;
  }
  size_t index = 0;
  while (index < text.size()) {
    if (IsLowerAlnum(text[index])) {
      ++index;
      continue;
    }
    const size_t end = std::min(text.size(), text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", index));
    const std::string_view separator = text.substr(index, end - index);
    if (separator != "." && separator != "_" && separator != "__" &&
        separator.find_first_not_of('-') != std::string_view::npos) {
      return false;
    }
    index = end;
  }
  return true;
}

bool IsPath(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    if (!IsPathComponent(path.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    path.remove_prefix(slash + 1);
  }
}

bool IsHostLabel(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         AllOf(label, [](char c) { return IsAlnum(c) || c == '-'; });
}

// A host name or an IPv6 address in brackets, with an optional port.
bool IsDomain(std::string_view domain) {
  std::string_view host = domain;
  if (host.starts_with('[')) {
    const size_t bracket = host.find(']');
    if (bracket == std::string_view::npos || bracket == 1 ||
        !AllOf(host.substr(1, bracket - 1), [](char c) { return IsAlnum(c) || c == ':'; })) {
      return false;
    }
    host.remove_prefix(bracket + 1);
    return host.empty() || (host.size() > 1 && host.front() == ':' && AllOf(host.substr(1), IsDigit));
  }
  if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || !AllOf(port, IsDigit)) {
      return false;
    }
    host = host.substr(0, colon);
  }
  while (true) {
    const size_t dot = host.find('.');
    if (!IsHostLabel(host.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    host.remove_prefix(dot + 1);
  }
}

bool IsTag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kMaxTagSize && tag.front() != '.' && tag.front() != '-' &&
         AllOf(tag, [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

bool IsSha256Digest(std::string_view text) {
  return text.size() == kSha256.size() + 64 && text.starts_with(kSha256) &&
         AllOf(text.substr(kSha256.size()), IsLowerHex);
}

bool IsImageIdPrefix(std::string_view text) {
  if (text.starts_with(kSha256)) {
    text.remove_prefix(kSha256.size());
  }
  return !text.empty() && text.size() <= 64 && AllOf(text, IsLowerHex);
}

absl::StatusOr<ImageReference> ImageReference::Parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(StrCat("invalid image reference \"", text, "\": ", why));
  };
  if (text.size() == 64 && AllOf(text, IsLowerHex)) {
    return refuse("64 hex digits are an image id, not a name");
  }
  ImageReference reference;
  std::string_view name = text;
  if (const size_t at = name.find('@'); at != std::string_view::npos) {
    reference.digest_ = name.substr(at + 1);
    name = name.substr(0, at);
    if (!IsSha256Digest(reference.digest_)) {
      return refuse("the digest is not sha256: and 64 lower-case hex digits");
    }
  }
  const size_t last_slash = name.rfind('/');
  const size_t colon = name.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
  if (colon != std::string_view::npos) {
    reference.tag_ = name.substr(colon + 1);
    name = name.substr(0, colon);
    if (!IsTag(reference.tag_)) {
      return refuse("the tag is empty, too long or has a forbidden character");
    }
  }
  // What stands before the first slash is a registry when it looks like a host: a dot, a port, "localhost" or capitals.
  const size_t slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
       std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))) {
    reference.domain_ = first;
    reference.path_ = name.substr(slash + 1);
  } else {
    reference.domain_ = "docker.io";
    reference.path_ = name;
  }
  if (reference.domain_ == "index.docker.io") {
    reference.domain_ = "docker.io";
  }
  if (reference.domain_ == "docker.io" && reference.path_.find('/') == std::string::npos) {
    reference.path_.insert(0, "library/");
  }
  if (!IsDomain(reference.domain_)) {
    return refuse("the registry is not a host name");
  }
  if (!IsPath(reference.path_) || reference.Repository().size() > kMaxNameSize) {
    return refuse("the repository is empty, too long or has a forbidden character (it must be lower case)");
  }
  if (reference.tag_.empty() && reference.digest_.empty()) {
    reference.tag_ = "latest";
  }
  return reference;
}

std::string ImageReference::Name() const {
  return digest_.empty() ? StrCat(Repository(), ":", tag_) : WithDigest(digest_);
}

std::string ImageReference::WithDigest(std::string_view digest) const { return StrCat(Repository(), "@", digest); }

}  // namespace rktlet::spec
