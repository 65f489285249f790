// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/pod_network.h"

#include <algorithm>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/net/cni.h"
#include "rkt/pod/cni_arguments.h"
#include "rkt/pod/etc_files.h"
#include "rkt/pod/network_namespace.h"
#include "rkt/pod/pod_lock.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace net = rkt::net;
namespace spec = rktlet::spec;
using base::StrCat;
using spec::NamespaceMode;

constexpr char kUp[] = "up";
constexpr char kDown[] = "down";
constexpr char kAdding[] = "adding";
constexpr char kNone[] = "none";
constexpr char kLoopbackOnly[] = "none";  // as --net= has it
constexpr char kDefault[] = "default";

absl::Status WriteNetwork(const spec::Layout& layout, const spec::PodId& pod, const spec::NetworkRecord& record) {
  return base::WriteFileAtomic(layout.PodFile(pod, spec::kNetworkFile), spec::ToJson(record));
}

absl::StatusOr<spec::NetworkRecord> ReadNetwork(const spec::Layout& layout, const spec::PodId& pod) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(layout.PodFile(pod, spec::kNetworkFile)));
  return spec::ParseNetworkRecord(text);
}

// `pod` is nullptr when its document cannot be read: plugins need no more than the id to let go.
net::Attachment MakeAttachment(const spec::Layout& layout, const spec::PodId& id, const spec::PodSpec* pod,
                               const std::string& interface) {
  net::Attachment attachment;
  attachment.container_id = id.str();
  const std::string netns = layout.NetworkNamespace(id);
  attachment.netns = IsPinnedNamespace(netns) ? netns : "";
  attachment.interface = interface;
  if (pod != nullptr) {
    attachment.args = CniArguments(*pod);
    attachment.capabilities = CniCapabilities(*pod);
  }
  return attachment;
}

// An orphaned plugin of a killed command keeps the pod locked until it ends: a DEL must not overtake its ADD.
net::Client MakeClient(const std::vector<std::string>& bin_dirs, int lock_fd) {
  net::Client::Options options;
  options.inherited_fd = lock_fd;
  options.bin_dirs = bin_dirs;
  return net::Client(options);
}

// In reverse order; goes through all of them, and returns the first error.
absl::Status Detach(const spec::Layout& layout, const spec::PodId& id, const spec::PodSpec* pod,
                    const spec::NetworkRecord& record, const NetworkOptions& options, int lock_fd) {
  std::vector<std::string> bin_dirs = record.bin_dirs;
  for (const std::string& directory : options.bin_dirs) {
    if (std::find(bin_dirs.begin(), bin_dirs.end(), directory) == bin_dirs.end()) {
      bin_dirs.push_back(directory);
    }
  }
  const net::Client client = MakeClient(bin_dirs, lock_fd);
  absl::Status first;
  for (auto attached = record.attachments.rbegin(); attached != record.attachments.rend(); ++attached) {
    absl::Status status;
    if (auto config = net::ParseNetworkConfig(attached->config); config.ok()) {
      status = client.Del(*config, MakeAttachment(layout, id, pod, attached->interface), attached->result);
    } else {
      status = base::Annotate(config.status(), StrCat("network ", attached->name, ": recorded configuration"));
    }
    if (first.ok()) {
      first = status;
    }
  }
  return first;
}

absl::Status Attach(const spec::Layout& layout, const spec::PodSpec& pod,
                    const std::vector<net::NetworkConfig>& networks, spec::NetworkRecord& record, int lock_fd) {
  const net::Client client = MakeClient(record.bin_dirs, lock_fd);
  for (size_t index = 0; index < networks.size(); ++index) {
    spec::NetworkAttachment& attached = record.attachments[index];
    ASSIGN_OR_RETURN(const net::Result result,
                     client.Add(networks[index], MakeAttachment(layout, pod.id, &pod, attached.interface)));
    attached.result = result.text;
    for (const net::Address& address : result.addresses) {
      if (address.in_sandbox) {
        attached.ips.push_back(address.address);
        record.ips.push_back(address.address);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<net::NetworkConfig>> NetworksOf(const spec::PodSpec& pod, const NetworkOptions& options) {
  if (pod.networks == std::vector<std::string>{kLoopbackOnly}) {
    return std::vector<net::NetworkConfig>();
  }
  ASSIGN_OR_RETURN(const net::LoadedNetworks loaded, net::LoadNetworks(options.conf_dir));
  return ChooseNetworks(loaded, pod.networks, options.conf_dir);
}

absl::StatusOr<spec::NetworkRecord> BringUp(const spec::Layout& layout, const spec::PodSpec& pod,
                                            const NetworkOptions& options, int lock_fd) {
  ASSIGN_OR_RETURN(const auto networks, NetworksOf(pod, options));
  spec::NetworkRecord record;
  record.state = kAdding;
  record.bin_dirs = options.bin_dirs;
  for (size_t index = 0; index < networks.size(); ++index) {
    spec::NetworkAttachment attached;
    attached.name = networks[index].name;
    attached.interface = StrCat("eth", index);
    attached.config = networks[index].text;
    record.attachments.push_back(std::move(attached));
  }
  RETURN_IF_ERROR(WriteNetwork(layout, pod.id, record));
  const spec::NetworkRecord before = record;
  if (absl::Status status = Attach(layout, pod, networks, record, lock_fd); !status.ok()) {
    Detach(layout, pod.id, &pod, record, options, lock_fd).IgnoreError();  // the reason of the failure counts
    spec::NetworkRecord down = before;
    down.state = kDown;
    WriteNetwork(layout, pod.id, down).IgnoreError();
    return status;
  }
  record.state = kUp;
  RETURN_IF_ERROR(RewriteHosts(layout.Pod(pod.id), pod, record.ips));  // before anybody takes it for done
  RETURN_IF_ERROR(WriteNetwork(layout, pod.id, record));
  return record;
}

absl::StatusOr<spec::NetworkRecord> NoNetwork(const spec::Layout& layout, const spec::PodId& pod) {
  spec::NetworkRecord record;
  record.state = kNone;
  RETURN_IF_ERROR(WriteNetwork(layout, pod, record));
  return record;
}

}  // namespace

absl::StatusOr<std::vector<net::NetworkConfig>> ChooseNetworks(const net::LoadedNetworks& loaded,
                                                               const std::vector<std::string>& names,
                                                               const std::string& conf_dir) {
  const std::vector<std::string> wanted = names.empty() ? std::vector<std::string>{kDefault} : names;
  std::vector<net::NetworkConfig> chosen;
  for (const std::string& name : wanted) {
    auto found = std::find_if(loaded.networks.begin(), loaded.networks.end(),
                              [&name](const net::NetworkConfig& network) { return network.name == name; });
    if (found == loaded.networks.end() && name == kDefault) {
      found = loaded.networks.begin();
    }
    if (found == loaded.networks.end()) {
      std::string message = name == kDefault ? StrCat("no CNI network is configured in ", conf_dir)
                                             : StrCat("no CNI network \"", name, "\" in ", conf_dir);
      for (const absl::Status& problem : loaded.problems) {
        message += StrCat("; ", std::string(problem.message()));
      }
      return absl::NotFoundError(message);
    }
    chosen.push_back(*found);
  }
  return chosen;
}

absl::StatusOr<spec::NetworkRecord> NetworkUp(const spec::Layout& layout, const spec::PodId& pod,
                                              const NetworkOptions& options) {
  ASSIGN_OR_RETURN(const base::FileLock lock, LockPod(layout, pod));
  ASSIGN_OR_RETURN(const spec::PodState state, spec::ReadPod(layout, pod));
  if (state.stopped) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.str(), " has been stopped"));
  }
  if (state.record.spec.network == NamespaceMode::kNode) {
    return NoNetwork(layout, pod);
  }
  if (!IsPinnedNamespace(layout.NetworkNamespace(pod))) {
    return absl::FailedPreconditionError(StrCat("pod ", pod.str(), " has no network namespace (was it prepared?)"));
  }
  if (state.network.has_value() && state.network->state == kUp) {
    return *state.network;
  }
  if (state.network.has_value() && state.network->state == kAdding) {  // interrupted
    Detach(layout, pod, &state.record.spec, *state.network, options, lock.fd()).IgnoreError();
  }
  return BringUp(layout, state.record.spec, options, lock.fd());
}

absl::Status NetworkDownLocked(const spec::Layout& layout, const spec::PodId& pod, const NetworkOptions& options,
                               const base::FileLock& lock) {
  auto record = ReadNetwork(layout, pod);
  if (absl::IsNotFound(record.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(record.status());
  if (record->state != kUp && record->state != kAdding) {
    return absl::OkStatus();
  }
  const auto state = spec::ReadPod(layout, pod);
  RETURN_IF_ERROR(Detach(layout, pod, state.ok() ? &state->record.spec : nullptr, *record, options, lock.fd()));
  record->state = kDown;
  // On a full disk it cannot be noted, and is done all the same: a DEL that is repeated does no harm.
  WriteNetwork(layout, pod, *record).IgnoreError();
  return absl::OkStatus();
}

absl::Status NetworkDown(const spec::Layout& layout, const spec::PodId& pod, const NetworkOptions& options) {
  ASSIGN_OR_RETURN(const base::FileLock lock, LockPod(layout, pod));
  return NetworkDownLocked(layout, pod, options, lock);
}

absl::StatusOr<NetworkStatus> GetNetworkStatus(const NetworkOptions& options) {
  NetworkStatus status;
  ASSIGN_OR_RETURN(net::LoadedNetworks loaded, net::LoadNetworks(options.conf_dir));
  status.networks = loaded.networks;
  if (loaded.networks.empty()) {
    status.reason = "NoNetworkConfiguration";
    status.message = std::string(ChooseNetworks(loaded, {}, options.conf_dir).status().message());
    return status;
  }
  if (const absl::Status usable = MakeClient(options.bin_dirs, -1).Status(loaded.networks[0]); !usable.ok()) {
    status.reason = absl::IsNotFound(usable) ? "PluginMissing" : "NetworkNotReady";
    status.message = StrCat(loaded.networks[0].file, ": ", std::string(usable.message()));
    return status;
  }
  status.ready = true;
  return status;
}

}  // namespace rkt::pod
