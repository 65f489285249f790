// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/cni_arguments.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "base/strings.h"

namespace rkt::pod {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

constexpr char kIngress[] = "kubernetes.io/ingress-bandwidth";
constexpr char kEgress[] = "kubernetes.io/egress-bandwidth";
// Bits that may burst: no limit in effect, as the other runtimes pass it.
constexpr uint64_t kBurst = std::numeric_limits<uint32_t>::max();
// What Kubernetes' own bandwidth utilities take.
constexpr uint64_t kLeastRate = 1'000;
constexpr uint64_t kGreatestRate = 1'000'000'000'000'000;

json PortMappings(const rktlet::spec::PodSpec& pod) {
  json mappings = json::array();
  for (const rktlet::spec::PortMapping& port : pod.ports) {
    if (port.host_port > 0) {
      mappings.push_back({{"hostPort", port.host_port},
                          {"containerPort", port.container_port},
                          {"protocol", port.protocol},
                          {"hostIP", port.host_ip}});
    }
  }
  return mappings;
}

// Bits a second; nothing where the pod does not say.
absl::StatusOr<std::optional<uint64_t>> Rate(const rktlet::spec::PodSpec& pod, const char* annotation) {
  const auto found = pod.annotations.find(annotation);
  if (found == pod.annotations.end()) {
    return std::nullopt;
  }
  const std::optional<uint64_t> rate = ParseQuantity(found->second);
  if (!rate.has_value() || *rate < kLeastRate || *rate > kGreatestRate) {
    return absl::InvalidArgumentError(
        StrCat("annotation ", annotation, ": \"", found->second, "\" is no amount of bits a second from 1k to 1P"));
  }
  return rate;
}

json Bandwidth(const rktlet::spec::PodSpec& pod) {
  json bandwidth = json::object();
  for (const auto& [annotation, name] : {std::pair{kIngress, "ingress"}, std::pair{kEgress, "egress"}}) {
    if (const auto rate = Rate(pod, annotation); rate.ok() && rate->has_value()) {
      bandwidth[std::string(name) + "Rate"] = **rate;
      bandwidth[std::string(name) + "Burst"] = kBurst;
    }
  }
  return bandwidth;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CniArguments(const rktlet::spec::PodSpec& pod) {
  std::vector<std::pair<std::string, std::string>> arguments = {{"IgnoreUnknown", "1"}};
  const auto add = [&arguments](const char* key, const std::string& value) {
    // CNI_ARGS has no way to quote its separator.
    if (!value.empty() && value.find_first_of(";=") == std::string::npos) {
      arguments.emplace_back(key, value);
    }
  };
  add("K8S_POD_NAMESPACE", pod.namespace_);
  add("K8S_POD_NAME", pod.name);
  add("K8S_POD_INFRA_CONTAINER_ID", pod.id.str());
  add("K8S_POD_UID", pod.uid);
  return arguments;
}

absl::Status CheckCniAnnotations(const rktlet::spec::PodSpec& pod) {
  RETURN_IF_ERROR(Rate(pod, kIngress).status());
  return Rate(pod, kEgress).status();
}

json CniCapabilities(const rktlet::spec::PodSpec& pod) {
  json capabilities = json::object();
  if (json mappings = PortMappings(pod); !mappings.empty()) {
    capabilities["portMappings"] = std::move(mappings);
  }
  if (json bandwidth = Bandwidth(pod); !bandwidth.empty()) {
    capabilities["bandwidth"] = std::move(bandwidth);
  }
  if (!pod.dns.empty()) {
    capabilities["dns"] = {{"servers", pod.dns.servers}, {"searches", pod.dns.searches}, {"options", pod.dns.options}};
  }
  if (!pod.annotations.empty()) {
    capabilities["io.kubernetes.cri.pod-annotations"] = pod.annotations;
  }
  return capabilities;
}

std::optional<uint64_t> ParseQuantity(const std::string& text) {
  static const std::map<std::string, double> kFactors = {
      {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},    {"", 1},        {"k", 1e3},     {"M", 1e6},
      {"G", 1e9},     {"T", 1e12},    {"P", 1e15},    {"E", 1e18},    {"Ki", 0x1p10}, {"Mi", 0x1p20},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60},
  };
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const auto factor = kFactors.find(end);
  if (end == text.c_str() || factor == kFactors.end() || !std::isfinite(number) || number < 0 ||
      number * factor->second > 1e18) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(std::ceil(number * factor->second));
}

}  // namespace rkt::pod
