// SPDX-License-Identifier: Apache-2.0
// What a pod tells CNI plugins about itself.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "spec/pod_spec.h"

namespace rkt::pod {

// K8S_POD_NAMESPACE and so on, as far as the pod has them.
std::vector<std::pair<std::string, std::string>> CniArguments(const rktlet::spec::PodSpec& pod);

// InvalidArgument when an annotation that CniCapabilities reads does not say what it should: it would be left out.
absl::Status CheckCniAnnotations(const rktlet::spec::PodSpec& pod);

// Values of the capabilities portMappings, bandwidth (from the pod's kubernetes.io/ingress-bandwidth and
// egress-bandwidth annotations), dns and io.kubernetes.cri.pod-annotations.
nlohmann::json CniCapabilities(const rktlet::spec::PodSpec& pod);

// A Kubernetes quantity ("10M", "1Gi", "500k", "1e6") as a whole number; nullopt when it is none.
std::optional<uint64_t> ParseQuantity(const std::string& text);

}  // namespace rkt::pod
