// SPDX-License-Identifier: Apache-2.0
#include "unit/hook_unit.h"

#include <utility>

#include "base/journal.h"
#include "base/strings.h"
#include "unit/start_container.h"
#include "unit/unit_names.h"

namespace rktlet::unit {
namespace {

constexpr uint64_t kHooksTimeoutUsec =
    120'000'000;  // as that of a container's start, of which the other hooks are part

}  // namespace

absl::StatusOr<systemd::TransientUnit> BuildPoststartUnit(const spec::PodRecord& pod,
                                                          const spec::ContainerRecord& container,
                                                          const Programs& programs) {
  const spec::ContainerSpec& spec = container.spec;
  ASSIGN_OR_RETURN(systemd::UnitName name,
                   systemd::UnitName::Parse(base::StrCat("rkt-poststart-", spec.id.str(), ".service")));
  systemd::TransientUnit unit(std::move(name));
  unit.Set("Description", base::StrCat("Poststart hooks of ", ContainerUnitName(pod.spec, spec).str()))
      .Add("Documentation", "man:rkt(1)")
      .Set("Slice", PodSlice(pod.spec))
      .Set("Type", std::string("oneshot"))
      .ExecStart(RktCommand(programs, {"app", "hooks", "--app=" + spec.app.str(), pod.spec.id.str()}))
      .Set("TimeoutStartUSec", kHooksTimeoutUsec)
      .Set("KillMode", std::string("control-group"))
      .Set("SendSIGKILL", true)
      .Set("Restart", std::string("no"))
      .Set("StandardInput", std::string("null"))
      .Set("StandardOutput", std::string("journal"))
      .Set("StandardError", std::string("journal"))
      .Set("SyslogIdentifier", std::string("rkt"))
      .Set("UMask", uint32_t{0022});
  RETURN_IF_ERROR(unit.TryBuild().status());
  return unit;
}

boost::asio::awaitable<absl::Status> RunPoststartHooks(systemd::Manager& manager, Programs programs,
                                                       spec::PodRecord pod, spec::ContainerRecord container,
                                                       std::chrono::milliseconds timeout) {
  if (container.poststart_hooks.empty()) {
    co_return absl::OkStatus();
  }
  auto unit = BuildPoststartUnit(pod, container, programs);
  CO_RETURN_IF_ERROR(unit.status());
  const systemd::UnitName name = unit->name();
  const absl::Status run = co_await manager.StartTransientUnit(*std::move(unit), timeout);
  if (run.ok()) {
    co_return run;
  }
  const absl::Status stopped = co_await manager.StopUnit(name, timeout);
  const absl::Status reset = co_await manager.ResetFailedUnit(name);
  for (const absl::Status& status : {stopped, reset}) {
    if (!status.ok()) {
      base::journal::Warning("Cannot clean up the unit of hooks", {{"UNIT", name.str()}, {"STATUS", status}});
    }
  }
  const std::string said = StartFailureText(programs.layout, pod.spec.id, container.spec.app);
  co_return said.empty() ? base::Annotate(run, "poststart hooks") : absl::Status(run.code(), said);
}

}  // namespace rktlet::unit
