// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/status_to_cri.h"

#include <map>
#include <optional>

#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/labels.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

v1::NamespaceMode NamespaceModeToCri(spec::NamespaceMode mode) {
  switch (mode) {
    case spec::NamespaceMode::kPod:
      return v1::POD;
    case spec::NamespaceMode::kContainer:
      return v1::CONTAINER;
    case spec::NamespaceMode::kNode:
      return v1::NODE;
    case spec::NamespaceMode::kTarget:
      return v1::TARGET;
  }
  return v1::POD;
}

v1::PodSandboxState StateToCri(pods::PodState state) {
  return state == pods::PodState::kReady ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY;
}

v1::ContainerState StateToCri(pods::ContainerState state) {
  switch (state) {
    case pods::ContainerState::kCreated:
      return v1::CONTAINER_CREATED;
    case pods::ContainerState::kRunning:
      return v1::CONTAINER_RUNNING;
    case pods::ContainerState::kExited:
      return v1::CONTAINER_EXITED;
  }
  return v1::CONTAINER_UNKNOWN;
}

// What both messages for a pod, and both for a container, have in common.
template <typename Message>
void FillPod(const pods::Pod& pod, Message& message) {
  const spec::PodSpec& spec = pod.record.spec;
  message.set_id(spec.id.str());
  message.mutable_metadata()->set_name(spec.name);
  message.mutable_metadata()->set_namespace_(spec.namespace_);
  message.mutable_metadata()->set_uid(spec.uid);
  message.mutable_metadata()->set_attempt(spec.attempt);
  message.set_state(StateToCri(pod.State()));
  message.set_created_at(pod.record.created_at);
  message.mutable_labels()->insert(spec.labels.begin(), spec.labels.end());
  message.mutable_annotations()->insert(spec.annotations.begin(), spec.annotations.end());
  message.set_runtime_handler(spec.runtime_handler);
}

template <typename Message>
void FillContainer(const pods::Container& container, Message& message) {
  const spec::ContainerRecord& record = container.record;
  message.set_id(record.spec.id.str());
  message.mutable_metadata()->set_name(record.spec.name);
  message.mutable_metadata()->set_attempt(record.spec.attempt);
  message.mutable_image()->set_image(record.spec.user_specified_image.empty() ? record.spec.image
                                                                              : record.spec.user_specified_image);
  message.mutable_image()->set_user_specified_image(record.spec.user_specified_image);
  message.set_image_ref(record.image_id);  // in lists: images in use are told by it
  message.set_image_id(record.image_id);
  message.set_state(StateToCri(container.State()));
  message.set_created_at(record.created_at);
  message.mutable_labels()->insert(record.spec.labels.begin(), record.spec.labels.end());
  message.mutable_annotations()->insert(record.spec.annotations.begin(), record.spec.annotations.end());
}

void FillMappings(const std::vector<spec::IdMapping>& mappings,
                  google::protobuf::RepeatedPtrField<v1::IDMapping>& cri) {
  for (const spec::IdMapping& mapping : mappings) {
    v1::IDMapping& item = *cri.Add();
    item.set_container_id(mapping.container_id);
    item.set_host_id(mapping.host_id);
    item.set_length(mapping.length);
  }
}

void FillImageVolume(const spec::ContainerRecord& record, const spec::Mount& mount, v1::Mount& cri) {
  cri.mutable_image()->set_image(mount.image);
  cri.set_image_sub_path(mount.image_sub_path);
  for (const spec::ImageVolumeRecord& volume : record.image_volumes) {
    if (volume.container_path == mount.container_path) {
      cri.mutable_image()->set_image_ref(volume.image_id);
    }
  }
}

void FillMounts(const spec::ContainerRecord& record, v1::ContainerStatus& status) {
  for (const spec::Mount& mount : record.spec.mounts) {
    v1::Mount& cri = *status.add_mounts();
    cri.set_container_path(mount.container_path);
    cri.set_host_path(mount.host_path);
    if (mount.kind == spec::MountKind::kImage) {
      FillImageVolume(record, mount, cri);
    }
    cri.mutable_mount_options()->Assign(mount.options.begin(), mount.options.end());
    cri.set_readonly(mount.read_only);
    cri.set_recursive_read_only(mount.recursive_read_only);
    cri.set_selinux_relabel(mount.selinux_relabel);
    FillMappings(mount.uid_mappings, *cri.mutable_uidmappings());
    FillMappings(mount.gid_mappings, *cri.mutable_gidmappings());
    switch (mount.propagation) {
      case spec::Propagation::kPrivate:
        cri.set_propagation(v1::PROPAGATION_PRIVATE);
        break;
      case spec::Propagation::kHostToContainer:
        cri.set_propagation(v1::PROPAGATION_HOST_TO_CONTAINER);
        break;
      case spec::Propagation::kBidirectional:
        cri.set_propagation(v1::PROPAGATION_BIDIRECTIONAL);
        break;
    }
  }
}

void FillResources(const spec::Resources& resources, v1::LinuxContainerResources& cri) {
  cri.set_cpu_period(resources.cpu_period.value_or(0));
  cri.set_cpu_quota(resources.cpu_quota.value_or(0));
  cri.set_cpu_shares(resources.cpu_shares.value_or(0));
  cri.set_memory_limit_in_bytes(resources.memory_limit.value_or(0));
  cri.set_memory_swap_limit_in_bytes(resources.memory_swap_limit.value_or(0));
  cri.set_oom_score_adj(resources.oom_score_adj.value_or(0));
  cri.set_cpuset_cpus(resources.cpuset_cpus);
  cri.set_cpuset_mems(resources.cpuset_mems);
  for (const spec::HugepageLimit& limit : resources.hugepage_limits) {
    v1::HugepageLimit& item = *cri.add_hugepage_limits();
    item.set_page_size(limit.page_size);
    item.set_limit(limit.limit);
  }
  cri.mutable_unified()->insert(resources.unified.begin(), resources.unified.end());
}

}  // namespace

v1::PodSandboxStatus PodStatusToCri(const pods::Pod& pod) {
  v1::PodSandboxStatus status;
  FillPod(pod, status);
  v1::PodSandboxNetworkStatus& network = *status.mutable_network();
  const std::vector<std::string> ips = pod.Ips();
  for (size_t i = 0; i < ips.size(); ++i) {
    if (i == 0) {
      network.set_ip(ips[i]);
    } else {
      network.add_additional_ips()->set_ip(ips[i]);
    }
  }
  v1::NamespaceOption& namespaces = *status.mutable_linux()->mutable_namespaces()->mutable_options();
  namespaces.set_network(NamespaceModeToCri(pod.record.spec.network));
  namespaces.set_pid(NamespaceModeToCri(pod.record.spec.pid));
  namespaces.set_ipc(NamespaceModeToCri(pod.record.spec.ipc));
  v1::UserNamespace& user = *namespaces.mutable_userns_options();
  user.set_mode(pod.record.spec.user_namespace.has_value() ? v1::POD : v1::NODE);
  if (pod.record.spec.user_namespace.has_value()) {
    FillMappings(pod.record.spec.user_namespace->uids, *user.mutable_uids());
    FillMappings(pod.record.spec.user_namespace->gids, *user.mutable_gids());
  }
  return status;
}

v1::PodSandbox PodToCri(const pods::Pod& pod) {
  v1::PodSandbox item;
  FillPod(pod, item);
  return item;
}

v1::ContainerStatus ContainerStatusToCri(const pods::Container& container) {
  const spec::ContainerRecord& record = container.record;
  v1::ContainerStatus status;
  FillContainer(container, status);
  status.set_image_ref(record.image_ref);
  if (container.started.has_value()) {
    status.set_started_at(container.started->started_at);
  }
  if (container.exit.has_value()) {
    status.set_finished_at(container.exit->finished_at);
    status.set_exit_code(container.exit->code);
    status.set_reason(pods::ExitReason(*container.exit));
    status.set_message(container.exit->message);
    if (!container.started.has_value()) {
      // A start that failed has begun and ended at the same time, for users that compute with both.
      status.set_started_at(container.exit->finished_at);
    }
  }
  FillMounts(record, status);
  status.set_log_path(record.log_path);
  FillResources(record.spec.resources, *status.mutable_resources()->mutable_linux());
  v1::LinuxContainerUser& user = *status.mutable_user()->mutable_linux();
  user.set_uid(record.uid);
  user.set_gid(record.gid);
  for (const int64_t group : record.supplemental_groups) {
    user.add_supplemental_groups(group);
  }
  status.set_stop_signal(SignalToCri(record.stop_signal));
  return status;
}

v1::Container ContainerToCri(const pods::Container& container) {
  v1::Container item;
  FillContainer(container, item);
  item.set_pod_sandbox_id(container.pod.str());
  return item;
}

bool Matches(const v1::PodSandboxFilter& filter, const pods::Pod& pod) {
  return pod.id().str().starts_with(filter.id()) &&
         (!filter.has_state() || filter.state().state() == StateToCri(pod.State())) &&
         LabelsMatch(filter.label_selector(), pod.record.spec.labels);
}

bool Matches(const v1::ContainerFilter& filter, const pods::Container& container) {
  return container.id().str().starts_with(filter.id()) && container.pod.str().starts_with(filter.pod_sandbox_id()) &&
         (!filter.has_state() || filter.state().state() == StateToCri(container.State())) &&
         LabelsMatch(filter.label_selector(), container.record.spec.labels);
}

}  // namespace rktlet::cri
