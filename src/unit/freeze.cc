// SPDX-License-Identifier: Apache-2.0
#include "unit/freeze.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "absl/strings/match.h"
#include "base/files.h"
#include "base/strings.h"
#include "systemd/unit_name.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kLook = milliseconds(5);
constexpr milliseconds kRestoredPatience = std::chrono::seconds(10);  // they are stopped already

absl::Status WriteFreezer(const std::string& directory, const char* value) {
  return base::WriteExistingFile(directory + "/cgroup.freeze", value);
}

asio::awaitable<absl::Status> WaitFrozen(std::string directory, milliseconds timeout) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const absl::StatusOr<std::string> events = base::ReadFile(directory + "/cgroup.events");
    CO_RETURN_IF_ERROR(events.status());
    if (absl::StrContains(*events, "frozen 1")) {
      co_return absl::OkStatus();
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      co_return absl::DeadlineExceededError(base::StrCat("the processes of ", directory, " do not come to rest"));
    }
    timer.expires_after(kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

std::string FreezerDirectory(const Cgroups& cgroups, const spec::PodRecord& pod,
                             const spec::ContainerRecord& container) {
  return cgroups.Directory("unified", Cgroups::ControlGroup(PodSlice(pod.spec), container.unit));
}

std::string FreezerFile(const Cgroups& cgroups, const spec::PodRecord& pod, const spec::ContainerRecord& container) {
  return FreezerDirectory(cgroups, pod, container) + "/cgroup.freeze";
}

asio::awaitable<absl::Status> FreezeContainers(systemd::Freezer& freezer, Cgroups cgroups, spec::PodRecord pod,
                                               std::vector<spec::ContainerRecord> containers, milliseconds timeout) {
  for (const spec::ContainerRecord& container : containers) {
    if (cgroups.version() == CgroupVersion::kV2) {
      const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(container.unit);
      CO_RETURN_IF_ERROR(unit.status());
      const absl::Status frozen = co_await freezer.FreezeUnit(*unit, timeout);
      CO_RETURN_IF_ERROR(frozen);
    } else {
      const std::string directory = FreezerDirectory(cgroups, pod, container);
      CO_RETURN_IF_ERROR(WriteFreezer(directory, "1"));
      const absl::Status frozen = co_await WaitFrozen(directory, timeout);
      CO_RETURN_IF_ERROR(frozen);
    }
  }
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> HoldRestored(systemd::Manager& manager, Cgroups cgroups, spec::PodRecord pod,
                                           spec::ContainerRecord container) {
  const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(container.unit);
  CO_RETURN_IF_ERROR(unit.status());
  const std::string directory = FreezerDirectory(cgroups, pod, container);
  CO_RETURN_IF_ERROR(WriteFreezer(directory, "1"));
  const absl::Status frozen = co_await WaitFrozen(directory, kRestoredPatience);
  CO_RETURN_IF_ERROR(frozen);
  const absl::Status continued = co_await manager.KillUnit(*unit, systemd::KillWho::kAll, SIGCONT);
  co_return continued;
}

asio::awaitable<absl::Status> ThawContainers(systemd::Freezer& freezer, Cgroups cgroups, spec::PodRecord pod,
                                             std::vector<spec::ContainerRecord> containers) {
  absl::Status result;
  for (const spec::ContainerRecord& container : containers) {
    absl::Status thawed;
    if (cgroups.version() == CgroupVersion::kV2) {
      const absl::StatusOr<systemd::UnitName> unit = systemd::UnitName::Parse(container.unit);
      thawed = unit.status();
      if (unit.ok()) {
        // A variable of its own: GCC 12 gives up what a co_await within an expression has returned.
        const absl::Status done = co_await freezer.ThawUnit(*unit, systemd::kDefaultCallTimeout);
        thawed = done;
      }
    } else {
      thawed = WriteFreezer(FreezerDirectory(cgroups, pod, container), "0");
    }
    if (!absl::IsNotFound(thawed)) {
      result.Update(thawed);
    }
  }
  co_return result;
}

}  // namespace rktlet::unit
