// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/store.h"

#include "base/strings.h"

namespace rktlet::pods {
namespace {

// Ids are ordered, so those with a prefix stand together.
template <typename Id, typename Value>
absl::StatusOr<Value> FindByPrefix(const std::map<Id, Value>& map, const char* what, const std::string& prefix) {
  if (prefix.empty()) {
    return absl::InvalidArgumentError(base::StrCat("the id of the ", what, " is empty"));
  }
  Value found = nullptr;
  auto it = map.begin();
  if (auto id = Id::Parse(prefix); id.ok()) {
    it = map.lower_bound(*id);
  } else {
    while (it != map.end() && it->first.str() < prefix) {
      ++it;
    }
  }
  for (; it != map.end() && it->first.str().starts_with(prefix); ++it) {
    if (it->first.str() == prefix) {
      return it->second;
    }
    if (found != nullptr) {
      return absl::InvalidArgumentError(base::StrCat("more than one ", what, " has an id that begins with ", prefix));
    }
    found = it->second;
  }
  if (found == nullptr) {
    return absl::NotFoundError(base::StrCat("no ", what, " has the id ", prefix));
  }
  return found;
}

}  // namespace

void Store::Add(const ContainerPtr& container) {
  containers_[container->id()] = container;
  if (const auto pod = pods_.find(container->pod); pod != pods_.end()) {
    pod->second->containers[container->id()] = container;
  }
}

void Store::Remove(const spec::PodId& id) {
  const auto pod = pods_.find(id);
  if (pod == pods_.end()) {
    return;
  }
  for (const auto& [container_id, container] : pod->second->containers) {
    container->removed = true;
    containers_.erase(container_id);
  }
  pod->second->removed = true;
  pods_.erase(pod);
}

void Store::Remove(const spec::ContainerId& id) {
  const auto container = containers_.find(id);
  if (container == containers_.end()) {
    return;
  }
  container->second->removed = true;
  if (const auto pod = pods_.find(container->second->pod); pod != pods_.end()) {
    pod->second->containers.erase(id);
  }
  containers_.erase(id);
}

PodPtr Store::Find(const spec::PodId& id) const {
  const auto it = pods_.find(id);
  return it == pods_.end() ? nullptr : it->second;
}

ContainerPtr Store::Find(const spec::ContainerId& id) const {
  const auto it = containers_.find(id);
  return it == containers_.end() ? nullptr : it->second;
}

absl::StatusOr<PodPtr> Store::FindPod(const std::string& id_or_prefix) const {
  return FindByPrefix(pods_, "pod", id_or_prefix);
}

absl::StatusOr<ContainerPtr> Store::FindContainer(const std::string& id_or_prefix) const {
  return FindByPrefix(containers_, "container", id_or_prefix);
}

PodPtr Store::FindSame(const spec::PodSpec& spec) const {
  for (const auto& [id, pod] : pods_) {
    const spec::PodSpec& other = pod->record.spec;
    if (other.name == spec.name && other.namespace_ == spec.namespace_ && other.uid == spec.uid &&
        other.attempt == spec.attempt) {
      return pod;
    }
  }
  return nullptr;
}

ContainerPtr Store::FindSame(const Pod& pod, const spec::ContainerSpec& spec) {
  for (const auto& [id, container] : pod.containers) {
    if (container->record.spec.name == spec.name && container->record.spec.attempt == spec.attempt) {
      return container;
    }
  }
  return nullptr;
}

}  // namespace rktlet::pods
