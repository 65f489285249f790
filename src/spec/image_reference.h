// SPDX-License-Identifier: Apache-2.0
// How images are named: the grammar of Docker references (distribution/reference), normalised so that "busybox" and
// "docker.io/library/busybox:latest" are one name, and ids (the digest of an image's configuration).
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace rktlet::spec {

// A normalised reference: a repository with its registry, and a tag or a digest or (as given) both.
class ImageReference {
 public:
  // InvalidArgument with what is wrong. "busybox" → docker.io/library/busybox:latest; a reference with a digest gets no
  // default tag. What is 64 hex digits is an id and refused here.
  static absl::StatusOr<ImageReference> Parse(std::string_view text);

  const std::string& domain() const { return domain_; }  // "docker.io", "localhost:5000"
  const std::string& path() const { return path_; }      // "library/busybox"
  const std::string& tag() const { return tag_; }        // empty when only a digest was given
  const std::string& digest() const { return digest_; }  // "sha256:…" or empty

  std::string Repository() const { return domain_ + "/" + path_; }
  // "docker.io/library/busybox:latest"; with a digest "…@sha256:…", the tag left out: the digest says what is meant.
  std::string Name() const;
  std::string WithDigest(std::string_view digest) const;

 private:
  std::string domain_;
  std::string path_;
  std::string tag_;
  std::string digest_;
};

// "sha256:" and 64 lower-case hex digits.
bool IsSha256Digest(std::string_view text);
// 1 to 64 lower-case hex digits, with or without "sha256:" before them: may be an image id or the beginning of one.
bool IsImageIdPrefix(std::string_view text);

}  // namespace rktlet::spec
