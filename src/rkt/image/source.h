// SPDX-License-Identifier: Apache-2.0
// Where an image is fetched from: what a person types, as skopeo takes it, with the names that the image gets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "spec/image_reference.h"

namespace rkt::image {

struct Source {
  std::string skopeo_name;                                // "docker://docker.io/library/busybox:latest"
  std::optional<rktlet::spec::ImageReference> reference;  // of a registry's image
  bool docker_archive = false;                            // may carry names of its own
  std::vector<std::string> tags;                          // normalised

  // `skopeo_name` with the digest in place of the tag: the very image that was looked at.
  std::string Pinned(std::string_view digest) const;
};

// docker://REF, REF, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:REF]. A NAME becomes a tag when it
// is a reference with a repository ("busybox:1"), not when it is a bare word ("latest"), which says nothing about what
// the image is.
absl::StatusOr<Source> ParseSource(std::string_view text);

}  // namespace rkt::image
