// SPDX-License-Identifier: Apache-2.0
// Pods and containers as the daemon remembers them: the record that the engine keeps on disk, and beside it
// the few facts that change. States are derived from the facts, never stored. Loop thread only.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rktlet/pods/operation.h"
#include "rktlet/pods/sync.h"
#include "spec/layout.h"
#include "spec/records.h"
#include "systemd/unit_name.h"
#include "systemd/unit_watcher.h"

namespace rktlet::pods {

//             started                  ended
//  kCreated ───────────► kRunning ───────────────► kExited
//      │                                              ▲
//      └────────────── start failed ──────────────────┘
//
// kCreated: neither a `started` nor an `exit` record. kRunning: `started` alone. kExited: an `exit` record.
enum class ContainerState : uint8_t { kCreated, kRunning, kExited };

//              stop asked, supervisor ended, or another boot
//  kReady ────────────────────────────────────────────────────► kNotReady
enum class PodState : uint8_t { kReady, kNotReady };

struct Container {
  Container(boost::asio::any_io_executor executor, spec::PodId pod_id, spec::ContainerRecord container_record,
            systemd::UnitName unit_name)
      : pod(std::move(pod_id)),
        record(std::move(container_record)),
        unit(std::move(unit_name)),
        exited(executor),
        queue(executor) {}

  const spec::ContainerId& id() const { return record.spec.id; }
  const spec::AppName& app() const { return record.spec.app; }
  ContainerState State() const;

  const spec::PodId pod;
  spec::ContainerRecord record;  // as on disk: an update of its resources is all that changes it
  const systemd::UnitName unit;

  std::optional<spec::StartedRecord> started;
  std::optional<spec::ExitRecord> exit;
  pid_t pid = 0;  // of the first process while it runs
  Event exited;   // set with `exit`

  // Start, update, removal and the first step of a stop, one at a time. The wait of a stop is not in here.
  Queue queue;
  bool starting = false;   // an end of the unit is then the starter's to judge
  bool recording = false;  // its end is being written down
  bool stop_signalled = false;
  bool removed = false;  // no longer in the store
  std::optional<systemd::UnitEvent> end_while_starting;
  std::shared_ptr<Operation<absl::Status>> start_operation;
  std::shared_ptr<Operation<absl::Status>> remove_operation;
};

struct Pod {
  Pod(boost::asio::any_io_executor executor, spec::PodRecord pod_record, systemd::UnitName unit_name)
      : record(std::move(pod_record)), unit(std::move(unit_name)), queue(executor) {}

  const spec::PodId& id() const { return record.spec.id; }
  bool HostNetwork() const { return record.spec.network == spec::NamespaceMode::kNode; }
  PodState State() const { return stopped || !ended.empty() ? PodState::kNotReady : PodState::kReady; }
  // Its addresses, the first one first; none with the host's network or after the network went down.
  std::vector<std::string> Ips() const;

  spec::PodRecord record;  // as on disk: an update of its resources is all that changes it
  const systemd::UnitName unit;

  std::optional<spec::NetworkRecord> network;
  bool stopped = false;    // asked to stop: it is never started again
  std::string ended;       // why its supervisor is gone; empty while it lives
  bool torn_down = false;  // stopped, unit and network are gone: nothing is left to stop
  pid_t supervisor_pid = 0;
  std::map<spec::ContainerId, std::shared_ptr<Container>> containers;

  // Creates and starts share it, stop and removal of the pod have it alone.
  Queue queue;
  bool removed = false;
  std::shared_ptr<Operation<absl::Status>> stop_operation;
  std::shared_ptr<Operation<absl::Status>> remove_operation;
};

using PodPtr = std::shared_ptr<Pod>;
using ContainerPtr = std::shared_ptr<Container>;

// What CRI's users read: "Completed", "Error", "OOMKilled", or the record's own ("StartError", "Unknown").
std::string ExitReason(const spec::ExitRecord& exit);

// "pod default/web", "container nginx of pod default/web": for messages and log entries.
std::string Describe(const spec::PodSpec& pod);
std::string Describe(const Pod& pod);
std::string Describe(const Pod& pod, const Container& container);

}  // namespace rktlet::pods
