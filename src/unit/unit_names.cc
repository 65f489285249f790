// SPDX-License-Identifier: Apache-2.0
#include "unit/unit_names.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace rktlet::unit {
namespace {

constexpr size_t kMaxUnitName = 255;  // UNIT_NAME_MAX
constexpr char kSuffix[] = ".service";

// `prefix` and `parts` joined by dashes, then the id. Where that is too long the longest parts lose their ends, never
// in the middle of an escape.
systemd::UnitName Join(const std::string& prefix, std::vector<std::string> parts, const std::string& id) {
  for (std::string& part : parts) {
    // No more of it can be left; a name may be as long as a request.
    part = systemd::EscapeUnitComponent(part.substr(0, kMaxUnitName));
  }
  const size_t fixed = prefix.size() + parts.size() + 1 + id.size() + sizeof(kSuffix) - 1;
  const auto total = [&] {
    size_t size = fixed;
    for (const std::string& part : parts) {
      size += part.size();
    }
    return size;
  };
  while (total() > kMaxUnitName) {
    auto longest = std::max_element(parts.begin(), parts.end(),
                                    [](const auto& left, const auto& right) { return left.size() < right.size(); });
    const size_t escape = longest->rfind('\\');
    const bool ends_in_escape = escape != std::string::npos && escape + 4 == longest->size();
    longest->resize(longest->size() - (ends_in_escape ? 4 : 1));
  }
  std::string name = prefix;
  for (const std::string& part : parts) {
    name += "-" + part;
  }
  return systemd::UnitName::Parse(name + "-" + id + kSuffix).value();  // escaped and short enough: always a name
}

}  // namespace

systemd::UnitName PodUnitName(const spec::PodSpec& pod) {
  if (!pod.unit.empty()) {
    if (auto chosen = systemd::UnitName::Parse(pod.unit); chosen.ok()) {
      return *std::move(chosen);
    }
  }
  if (pod.managed) {
    return Join("k8s", {pod.namespace_, pod.name}, pod.id.ShortForm());
  }
  return pod.name.empty() ? Join("rkt", {"pod"}, pod.id.ShortForm()) : Join("rkt", {pod.name}, pod.id.ShortForm());
}

systemd::UnitName ContainerUnitName(const spec::PodSpec& pod, const spec::ContainerSpec& container) {
  const std::string& name = container.name.empty() ? container.app.str() : container.name;
  if (pod.managed) {
    return Join("k8s", {pod.namespace_, pod.name, name}, container.id.ShortForm());
  }
  return Join("rkt", {pod.name.empty() ? pod.id.ShortForm() : pod.name, name}, container.id.ShortForm());
}

absl::StatusOr<std::string> SliceOfCgroupParent(const std::string& cgroup_parent) {
  if (cgroup_parent.empty()) {
    return std::string(kDefaultSlice);
  }
  const size_t end = cgroup_parent.find_last_not_of('/');
  const std::string trimmed = cgroup_parent.substr(0, end == std::string::npos ? 0 : end + 1);
  const size_t slash = trimmed.rfind('/');
  const std::string last = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  const auto slice = systemd::UnitName::Parse(last);
  if (!slice.ok() || slice->type() != "slice") {
    return absl::InvalidArgumentError(base::StrCat(
        "cgroup_parent \"", cgroup_parent,
        "\" is not a systemd slice: the kubelet must use the systemd cgroup driver (cgroupDriver: systemd)"));
  }
  return last;
}

std::string PodSlice(const spec::PodSpec& pod) { return pod.slice.empty() ? kDefaultSlice : pod.slice; }

}  // namespace rktlet::unit
