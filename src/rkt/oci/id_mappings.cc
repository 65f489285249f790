// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/id_mappings.h"

#include "base/strings.h"

namespace rkt::oci {

using rktlet::base::StrCat;
using rktlet::spec::IdMapping;

std::optional<uint32_t> HostId(const std::vector<IdMapping>& mappings, uint32_t id) {
  for (const IdMapping& mapping : mappings) {
    if (id >= mapping.container_id && id - mapping.container_id < mapping.length) {
      return mapping.host_id + (id - mapping.container_id);
    }
  }
  return std::nullopt;
}

RootIds RootOf(const rktlet::spec::PodSpec& pod) {
  if (!pod.user_namespace.has_value()) {
    return {};
  }
  return {HostId(pod.user_namespace->uids, 0).value_or(0), HostId(pod.user_namespace->gids, 0).value_or(0)};
}

absl::Status CheckMapped(const rktlet::spec::PodSpec& pod, const ProcessUser& user) {
  if (!pod.user_namespace.has_value()) {
    return absl::OkStatus();
  }
  if (!HostId(pod.user_namespace->uids, user.uid).has_value()) {
    return absl::InvalidArgumentError(StrCat("user ", user.uid,
                                             " is not in the pod's user namespace, which has the ids 0 to ",
                                             pod.user_namespace->uids.front().length - 1));
  }
  std::vector<uint32_t> groups = user.additional_gids;
  groups.push_back(user.gid);
  for (const uint32_t group : groups) {
    if (!HostId(pod.user_namespace->gids, group).has_value()) {
      return absl::InvalidArgumentError(StrCat("group ", group,
                                               " is not in the pod's user namespace, which has the ids 0 to ",
                                               pod.user_namespace->gids.front().length - 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
