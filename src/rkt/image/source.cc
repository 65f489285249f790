// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/source.h"

#include <array>

#include "base/strings.h"

namespace rkt::image {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::ImageReference;

constexpr std::string_view kDocker = "docker://";
constexpr std::array<std::string_view, 3> kLocal = {"oci:", "oci-archive:", "docker-archive:"};

}  // namespace

std::string Source::Pinned(std::string_view digest) const {
  return reference.has_value() ? StrCat(kDocker, reference->WithDigest(digest)) : skopeo_name;
}

absl::StatusOr<Source> ParseSource(std::string_view text) {
  Source source;
  for (const std::string_view transport : kLocal) {
    if (!text.starts_with(transport)) {
      continue;
    }
    source.skopeo_name = text;
    source.docker_archive = transport == "docker-archive:";
    const std::string_view rest = text.substr(transport.size());
    if (rest.empty() || rest.front() == ':') {
      return absl::InvalidArgumentError(StrCat("invalid image \"", text, "\": the path is missing"));
    }
    const size_t colon = rest.find(':');
    const std::string_view name = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (name.find_first_of(":/") != std::string_view::npos || (source.docker_archive && !name.starts_with('@'))) {
      if (const auto reference = ImageReference::Parse(name); reference.ok()) {
        source.tags.push_back(reference->Name());
      }
    }
    return source;
  }
  if (text.starts_with(kDocker)) {
    text.remove_prefix(kDocker.size());
  }
  ASSIGN_OR_RETURN(source.reference, ImageReference::Parse(text));
  source.skopeo_name = StrCat(kDocker, source.reference->Name());
  if (source.reference->digest().empty()) {
    source.tags.push_back(source.reference->Name());
  }
  return source;
}

}  // namespace rkt::image
