// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/cni_arguments.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

namespace rkt::pod {
namespace {

using nlohmann::json;

constexpr char kIngress[] = "kubernetes.io/ingress-bandwidth";
constexpr char kEgress[] = "kubernetes.io/egress-bandwidth";
// Bits that may burst: no limit in effect, as the other runtimes pass it.
constexpr uint64_t kBurst = std::numeric_limits<uint32_t>::max();

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

json Bandwidth(const rktlet::spec::PodSpec& pod) {
  json bandwidth = json::object();
  for (const auto& [annotation, name] : {std::pair{kIngress, "ingress"}, std::pair{kEgress, "egress"}}) {
    const auto found = pod.annotations.find(annotation);
    const auto rate = found == pod.annotations.end() ? std::nullopt : ParseQuantity(found->second);
    if (rate.has_value() && *rate > 0) {
      bandwidth[std::string(name) + "Rate"] = *rate;
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
  return capabilities;
}

std::optional<uint64_t> ParseQuantity(const std::string& text) {
  static const std::map<std::string, double> kFactors = {
      {"", 1},
      {"k", 1e3},
      {"M", 1e6},
      {"G", 1e9},
      {"T", 1e12},
      {"P", 1e15},
      {"m", 1e-3},
      {"Ki", 1024},
      {"Mi", 1048576.0},
      {"Gi", 1073741824.0},
      {"Ti", 1099511627776.0},
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
