// SPDX-License-Identifier: Apache-2.0
// All pods and containers in memory, found by id, by a unique prefix of one, or by what the kubelet calls them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "rktlet/pods/model.h"

namespace rktlet::pods {

class Store {
 public:
  void Add(const PodPtr& pod) { pods_[pod->id()] = pod; }
  // To its pod as well, which must be in the store.
  void Add(const ContainerPtr& container);
  // With its containers.
  void Remove(const spec::PodId& id);
  void Remove(const spec::ContainerId& id);

  PodPtr Find(const spec::PodId& id) const;
  ContainerPtr Find(const spec::ContainerId& id) const;

  // By the whole id or a prefix that only one has. NotFound; InvalidArgument when empty or ambiguous.
  absl::StatusOr<PodPtr> FindPod(const std::string& id_or_prefix) const;
  absl::StatusOr<ContainerPtr> FindContainer(const std::string& id_or_prefix) const;

  // By name, namespace, uid and attempt; nullptr.
  PodPtr FindSame(const spec::PodSpec& spec) const;
  // By name and attempt; nullptr.
  static ContainerPtr FindSame(const Pod& pod, const spec::ContainerSpec& spec);

  const std::map<spec::PodId, PodPtr>& pods() const { return pods_; }
  const std::map<spec::ContainerId, ContainerPtr>& containers() const { return containers_; }

  // What is being made or removed right now: its directory is no business of a rescan.
  bool IsBusy(const std::string& id) const { return busy_->contains(id); }

 private:
  std::map<spec::PodId, PodPtr> pods_;
  std::map<spec::ContainerId, ContainerPtr> containers_;
  // Shared with who is at work: a coroutine may be destroyed after the store, with the loop.
  std::shared_ptr<std::set<std::string>> busy_ = std::make_shared<std::set<std::string>>();

  friend class Busy;
};

// Marks an id as being worked on.
class Busy {
 public:
  Busy(Store& store, std::string id) : busy_(store.busy_), id_(std::move(id)) { mine_ = busy_->insert(id_).second; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    if (mine_) {
      busy_->erase(id_);
    }
  }

 private:
  std::shared_ptr<std::set<std::string>> busy_;
  std::string id_;
  bool mine_ = false;
};

}  // namespace rktlet::pods
