// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/units.h"

#include <fcntl.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/remove.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
namespace systemd = rktlet::systemd;

template <typename T>
using awaitable = boost::asio::awaitable<T>;

// Kill of a unit that is not there is no failure.
awaitable<absl::Status> KillAll(systemd::Manager& manager, systemd::UnitName unit) {
  const absl::Status status =
      co_await manager.KillUnit(unit, systemd::KillWho::kAll, SIGKILL, systemd::kDefaultCallTimeout);
  co_return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

// Whether PID 1, which starts the units, has CAP_SYS_RESOURCE.
bool ManagerMayLowerOomScore() {
  constexpr uint64_t kSysResource = uint64_t{1} << 24;
  constexpr std::string_view kField = "CapBnd:\t";
  const auto status = base::ReadFile("/proc/1/status");
  const size_t at = status.ok() ? status->find(kField) : std::string::npos;
  return at == std::string::npos ||
         (std::strtoull(status->c_str() + at + kField.size(), nullptr, 16) & kSysResource) != 0;
}

// A pod's stop waits for its containers, each with a grace period of its own; systemd keeps the time.
constexpr std::chrono::milliseconds kAsLongAsItTakes = std::chrono::hours(24 * 365);

}  // namespace

awaitable<absl::Status> StartPodUnit(systemd::Manager& manager, spec::PodRecord pod, rktlet::unit::Programs programs,
                                     rktlet::unit::UnitOptions options) {
  auto unit = rktlet::unit::BuildPodUnit(pod, programs, options);
  CO_RETURN_IF_ERROR(unit.status());
  systemd::TransientUnit transient = *std::move(unit);
  const std::chrono::milliseconds timeout =
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(options.start_timeout_usec)) +
      systemd::kDefaultJobTimeout;  // systemd, which ends what takes too long, needs time for that
  const absl::Status status = co_await manager.StartTransientUnit(transient, timeout);
  if (!status.ok() && !absl::IsAlreadyExists(status)) {  // a unit of that name is somebody else's
    auto name = systemd::UnitName::Parse(pod.unit);
    if (name.ok()) {
      systemd::UnitName failed = *std::move(name);
      const absl::Status stopped = co_await manager.StopUnit(failed, systemd::kDefaultJobTimeout);
      stopped.IgnoreError();  // the start's own failure is told
      const absl::Status reset = co_await manager.ResetFailedUnit(failed, systemd::kDefaultCallTimeout);
      reset.IgnoreError();
    }
  }
  co_return status;
}

awaitable<absl::Status> StopPodUnits(systemd::Manager& manager, spec::Layout layout, spec::PodId pod, bool force) {
  std::vector<std::string> names = UnitsOfPod(layout, pod);
  std::vector<systemd::UnitName> units;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {  // the pod's own first: it takes the others along
    auto parsed = systemd::UnitName::Parse(*name);
    CO_RETURN_IF_ERROR(parsed.status());
    units.push_back(*std::move(parsed));
  }
  if (force) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      systemd::UnitName victim = *unit;
      CO_RETURN_IF_ERROR(co_await KillAll(manager, victim));
    }
  }
  for (const systemd::UnitName& unit : units) {
    systemd::UnitName stopped = unit;
    CO_RETURN_IF_ERROR(co_await manager.StopUnit(stopped, kAsLongAsItTakes));
  }
  co_return co_await ResetUnits(manager, names);
}

awaitable<absl::Status> ResetUnits(systemd::Manager& manager, std::vector<std::string> units) {
  absl::Status first;
  for (const std::string& name : units) {
    auto parsed = systemd::UnitName::Parse(name);
    CO_RETURN_IF_ERROR(parsed.status());
    systemd::UnitName unit = *std::move(parsed);
    const absl::Status status = co_await manager.ResetFailedUnit(unit, systemd::kDefaultCallTimeout);
    if (first.ok()) {
      first = status;
    }
  }
  co_return first;
}

rktlet::unit::UnitOptions LocalUnitOptions() {
  rktlet::unit::UnitOptions options;
  if (const auto cgroups = rktlet::unit::Cgroups::Detect(); cgroups.ok()) {
    options.cgroup_version = cgroups->version();
  }
  options.may_lower_oom_score = ManagerMayLowerOomScore();
  return options;
}

absl::Status MarkStopped(const spec::Layout& layout, const spec::PodId& pod) {
  const absl::Status status = base::WriteFileOnceAt(AT_FDCWD, layout.PodFile(pod, spec::kStoppedFile), "");
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

}  // namespace rkt::pod
