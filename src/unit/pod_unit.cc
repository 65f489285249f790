// SPDX-License-Identifier: Apache-2.0
#include "unit/pod_unit.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>
#include <utility>

#include "base/strings.h"
#include "spec/container_spec.h"
#include "unit/mount_units.h"
#include "unit/resource_properties.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

using systemd::kInfinity;
using systemd::TransientUnit;

// CNI's DEL of a chain with masquerading takes a tenth of a second, a plugin that hangs is killed after a minute.
constexpr uint64_t kPodStopTimeoutUsec = 90'000'000;
// ExecStopPost=, which records the exit, runs under the same timeout as the stop: less would kill it.
constexpr uint64_t kLeastStopTimeoutUsec = 1'000'000;
constexpr uint64_t kTimerSlackNsec = 50'000;
constexpr int32_t kSupervisorOomScore = -998;

systemd::ExecCommand Helper(const Programs& programs, const std::vector<std::string>& args) {
  systemd::ExecCommand command{programs.helper, {programs.helper}};
  command.argv.insert(command.argv.end(), args.begin(), args.end());
  return command;
}

struct Limit {
  const char* name;
  uint64_t soft;
  uint64_t hard;
};

// The kernel's own, with room where its defaults are too small for servers. SIGPENDING is left to the kernel, which
// takes it from the size of the memory.
constexpr Limit kLimits[] = {
    {"LimitCPU", kInfinity, kInfinity},
    {"LimitFSIZE", kInfinity, kInfinity},
    {"LimitDATA", kInfinity, kInfinity},
    {"LimitSTACK", uint64_t{8} << 20, kInfinity},
    {"LimitCORE", kInfinity, kInfinity},
    {"LimitRSS", kInfinity, kInfinity},
    {"LimitNOFILE", 1'048'576, 1'048'576},
    {"LimitAS", kInfinity, kInfinity},
    {"LimitNPROC", kInfinity, kInfinity},
    {"LimitMEMLOCK", uint64_t{8} << 20, uint64_t{8} << 20},
    {"LimitLOCKS", kInfinity, kInfinity},
    {"LimitMSGQUEUE", 819'200, 819'200},
    {"LimitNICE", 0, 0},
    {"LimitRTPRIO", 0, 0},
    {"LimitRTTIME", kInfinity, kInfinity},
};

// What a process of the unit can feel, against the defaults of a service and against system.conf.
void SetEnvironmentOfProcesses(TransientUnit& unit) {
  unit.Set("StandardInput", std::string("null"))
      .Set("StandardOutput", std::string("journal"))
      .Set("StandardError", std::string("journal"))
      .Set("SyslogIdentifier", std::string("rkt"))
      .Set("KeyringMode", std::string("private"))
      .Set("IgnoreSIGPIPE", false)
      .Set("UMask", uint32_t{0022})
      .Set("TimerSlackNSec", kTimerSlackNsec);
  for (const Limit& limit : kLimits) {
    unit.Set(limit.name, limit.hard).Set(base::StrCat(limit.name, "Soft"), limit.soft);
  }
}

void SetAccounting(TransientUnit& unit) {
  for (const char* property : {"CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting"}) {
    unit.Set(property, true);
  }
}

void SetIdentity(TransientUnit& unit, const spec::PodSpec& pod) {
  unit.Add("Documentation", "man:rktlet(8)").Add("Documentation", "man:rkt(1)").Set("Slice", PodSlice(pod));
  for (const char* target : {"network-online.target", "remote-fs.target", "dbus.socket"}) {
    unit.Add("After", target);
  }
  if (pod.managed) {
    unit.LogField("K8S_NAMESPACE", pod.namespace_).LogField("K8S_POD", pod.name).LogField("K8S_POD_UID", pod.uid);
  }
  unit.LogField("RKT_POD_ID", pod.id.str());
}

std::string PodInWords(const spec::PodSpec& pod) {
  return pod.managed ? base::StrCat("pod ", pod.namespace_, "/", pod.name)
                     : base::StrCat("pod ", pod.name.empty() ? pod.id.str() : pod.name);
}

// Descriptions are one line; names were checked for newlines.
std::string Capitalised(std::string text) {
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// Which device nodes a container may use. What every container has, by the OCI runtime specification ("Default
// Devices") and the runtimes' habit, and those asked for. Nodes are named by path: by number they would be lost at a
// daemon-reload.
void SetDevices(TransientUnit& unit, const spec::ContainerRecord& container) {
  if (container.spec.HasHostDevices()) {
    unit.Set("DevicePolicy", std::string("auto"));
    return;
  }
  unit.Set("DevicePolicy", std::string("strict"));
  unit.AllowDevice("char-*", "m").AllowDevice("block-*", "m");  // the runtime makes the nodes of /dev itself
  for (const char* node : {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
                           "/dev/ptmx", "/dev/net/tun"}) {
    unit.AllowDevice(node, "rwm");
  }
  unit.AllowDevice("char-pts", "rwm");
  for (const spec::AllowedDevice& device : container.device_nodes) {
    unit.AllowDevice(device.path, device.permissions);
  }
}

std::string OomPolicy(const spec::Resources& resources, CgroupVersion version) {
  const auto group = resources.unified.find("memory.oom.group");
  const bool kill = version == CgroupVersion::kV2 && group != resources.unified.end() && group->second == "1";
  return kill ? "kill" : "continue";
}

void SetStop(TransientUnit& unit, const spec::ContainerRecord& container, const UnitOptions& options) {
  const auto signal = spec::SignalNumber(container.stop_signal);
  unit.Check(signal.status());
  const int64_t wanted =
      container.spec.stop_timeout_usec > 0 ? container.spec.stop_timeout_usec : options.default_stop_timeout_usec;
  unit.Set("KillMode", std::string("mixed"))
      .Set("KillSignal", static_cast<int32_t>(signal.value_or(SIGTERM)))
      .Set("SendSIGKILL", true)
      .Set("TimeoutStopUSec", std::max(static_cast<uint64_t>(wanted), kLeastStopTimeoutUsec));
}

}  // namespace

Programs Programs::Installed(spec::Layout layout) {
  const auto either = [](const char* variable, const char* installed) {
    const char* value = std::getenv(variable);
    return std::string(value != nullptr && *value != '\0' ? value : installed);
  };
  return {either("RKT_PROGRAM", RKT_PROGRAM_PATH), either("RKT_HELPER", RKT_HELPER_PATH), std::move(layout)};
}

systemd::ExecCommand RktCommand(const Programs& programs, const std::vector<std::string>& args) {
  systemd::ExecCommand command{programs.rkt, {programs.rkt}};
  const spec::Layout standard;
  if (programs.layout.dir() != standard.dir()) {
    command.argv.push_back("--dir=" + programs.layout.dir());
  }
  if (programs.layout.run_dir() != standard.run_dir()) {
    command.argv.push_back("--run-dir=" + programs.layout.run_dir());
  }
  command.argv.insert(command.argv.end(), args.begin(), args.end());
  return command;
}

absl::StatusOr<TransientUnit> BuildPodUnit(const spec::PodRecord& pod, const Programs& programs,
                                           const UnitOptions& options) {
  const spec::PodId& id = pod.spec.id;
  const spec::Layout& layout = programs.layout;
  TransientUnit unit(PodUnitName(pod.spec));
  unit.Set("Description", Capitalised(PodInWords(pod.spec)));
  SetIdentity(unit, pod.spec);
  unit.Set("Type", std::string("notify"))
      .Set("NotifyAccess", std::string("all"))
      .ExecStart(RktCommand(programs, {"app", "sandbox", "--here", "--pod-id=" + id.str()}))
      .ExecStopPost(Helper(programs, {"pod-stopped", layout.Pod(id), layout.RunPod(id), programs.rkt, layout.dir(),
                                      layout.run_dir(), id.str()}))
      .Set("TimeoutStartUSec", options.start_timeout_usec)
      .Set("TimeoutStopUSec", kPodStopTimeoutUsec)
      .Set("KillMode", std::string("mixed"))
      .Set("KillSignal", int32_t{SIGTERM})
      .Set("SendSIGKILL", true)
      .Set("Restart", std::string("no"))
      .Set("OOMPolicy", std::string("continue"))
      .Set("Delegate", true)
      .Set("TasksMax", kInfinity);
  if (options.may_lower_oom_score) {
    unit.Set("OOMScoreAdjust", kSupervisorOomScore);
  }
  SetEnvironmentOfProcesses(unit);
  SetAccounting(unit);
  RETURN_IF_ERROR(unit.TryBuild().status());
  return unit;
}

absl::StatusOr<TransientUnit> BuildContainerUnit(const spec::PodRecord& pod, const spec::ContainerRecord& container,
                                                 const Programs& programs, const UnitOptions& options) {
  const spec::ContainerSpec& spec = container.spec;
  const spec::Layout& layout = programs.layout;
  const systemd::UnitName pod_unit = PodUnitName(pod.spec);
  TransientUnit unit(ContainerUnitName(pod.spec, spec));
  const std::string& name = spec.name.empty() ? spec.app.str() : spec.name;
  unit.Set("Description", base::StrCat("Container ", name, " of ", PodInWords(pod.spec)));
  SetIdentity(unit, pod.spec);
  unit.LogField("K8S_CONTAINER", name).Add("BindsTo", pod_unit.str()).Add("After", pod_unit.str());
  std::vector<std::string> sources = container.cdi_mount_sources;
  for (const spec::Mount& mount : spec.mounts) {
    sources.push_back(mount.host_path);
  }
  for (const std::string& mount_unit : MountUnitsOf(sources)) {
    unit.Add("After", mount_unit);
  }
  // Nobody watches a container made by hand: its unit ends with it, so that ExecStopPost records how.
  const bool watched = pod.spec.managed;
  unit.Set("Type", std::string("forking"))
      .Set("PIDFile", layout.ContainerPidFile(spec.id))
      .Set("GuessMainPID", false)
      .Set("RemainAfterExit", watched)
      .Set("Restart", std::string("no"))
      .ExecStart(RktCommand(programs, {"app", "start", "--here", "--app=" + spec.app.str(), pod.spec.id.str()}))
      .ExecStopPost(Helper(programs, {"record-exit", layout.App(pod.spec.id, spec.app),
                                      layout.SupervisorSocket(pod.spec.id), spec.app.str(), pod.boot_id}))
      .Set("TimeoutStartUSec", options.start_timeout_usec)
      .Set("OOMPolicy", OomPolicy(spec.resources, options.cgroup_version))
      .Set("Delegate", true);
  SetStop(unit, container, options);
  SetEnvironmentOfProcesses(unit);
  SetAccounting(unit);
  SetDevices(unit, container);
  ASSIGN_OR_RETURN(const auto properties, ResourceProperties(spec.resources, options.cgroup_version));
  for (const systemd::Property& property : properties) {
    unit.Set(property.name, property.value);
  }
  if (unit.Find("TasksMax") == nullptr) {
    unit.Set("TasksMax", kInfinity);
  }
  RETURN_IF_ERROR(unit.TryBuild().status());
  return unit;
}

}  // namespace rktlet::unit
