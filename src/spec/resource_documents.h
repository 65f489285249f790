// SPDX-License-Identifier: Apache-2.0
// Resources as documents of their own: what `rkt app update` takes, and how an update is put on top of what there is.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "spec/resources.h"

namespace rktlet::spec {

// What a pod has beside its containers' own: the runtime's overhead, and the sum over the containers.
struct PodResources {
  std::optional<Resources> overhead;
  std::optional<Resources> resources;
  bool operator==(const PodResources&) const = default;
};

// `base` with what `update` asks for: what is absent or empty there stays. Page sizes and unified attributes are
// replaced one by one.
Resources Merge(Resources base, const Resources& update);
PodResources Merge(PodResources base, const PodResources& update);

// As the fields of the pod's and the container's document (docs/config-documents.md).
absl::StatusOr<Resources> ParseResources(const std::string& json);
absl::StatusOr<PodResources> ParsePodResources(const std::string& json);
std::string ToJson(const Resources& resources);
std::string ToJson(const PodResources& resources);
absl::Status Validate(const Resources& resources);
absl::Status Validate(const PodResources& resources);

}  // namespace rktlet::spec
