// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_manager.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "base/strings.h"
#include "systemd/bus_core.h"

namespace rktlet::systemd {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

constexpr char kFailIfConflicting[] = "fail";
constexpr char kReplaceQueued[] = "replace";

// "canceled" is what systemd says of a start job when the unit was stopped meanwhile.
std::string InferStartResult(const UnitFacts& facts) {
  const bool ended_well = facts.active_state == "inactive" && facts.result == "success" && facts.exec_main_pid != 0;
  if (facts.active_state == "active" || ended_well) {
    return "done";
  }
  return facts.active_state == "failed" ? "failed" : "canceled";
}

std::string InferStopResult(const UnitFacts& facts) {
  return facts.active_state == "inactive" || facts.active_state == "failed" ? "done" : "canceled";
}

// The result of the job, also when the signal that tells it was lost with the bus or with a manager that re-executed.
// NotFound when it had to be inferred from the unit and the unit is gone.
awaitable<absl::StatusOr<std::string>> JobResult(std::shared_ptr<BusCore> core, UnitName unit, std::string job,
                                                 std::string (*infer)(const UnitFacts&), BusCore::TimePoint deadline) {
  while (true) {
    absl::StatusOr<JobOutcome> outcome = co_await BusCore::WaitForJob(core, job, deadline);
    if (!outcome.ok()) {
      co_return outcome.status();
    }
    if (!outcome->unknown) {
      co_return outcome->result;
    }
    absl::StatusOr<UnitFacts> facts = co_await BusCore::ReadUnit(core, unit, deadline);
    if (!facts.ok()) {
      co_return facts.status();
    }
    if (facts->job_id == 0) {
      co_return infer(*facts);
    }
    job = base::StrCat("/org/freedesktop/systemd1/job/", facts->job_id);
  }
}

awaitable<absl::Status> ExplainFailure(std::shared_ptr<BusCore> core, std::string_view verb, UnitName unit,
                                       std::string result) {
  // The reason is worth a moment even when the caller's time is up.
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const absl::StatusOr<UnitFacts> facts = co_await BusCore::ReadUnit(core, unit, deadline);
  co_return JobFailure(verb, unit, result, facts.ok() ? &*facts : nullptr);
}

awaitable<absl::Status> Start(std::shared_ptr<BusCore> core, TransientUnit unit, milliseconds timeout) {
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + timeout;
  const UnitName name = unit.name();
  const std::string context = base::StrCat("start of unit ", name.str());
  CO_ASSIGN_OR_RETURN(UnitDefinition definition, unit.TryBuild());
  BusCall call{.member = "StartTransientUnit", .shape = ReplyShape::kText};
  call.arguments.emplace_back(name.str());
  call.arguments.emplace_back(std::string(kFailIfConflicting));
  call.arguments.emplace_back(std::move(definition.properties));
  call.arguments.emplace_back(NoAuxiliaryUnits());

  const BusCore::JobCallGuard guard(*core);
  absl::StatusOr<BusReply> reply = co_await BusCore::Call(core, call, deadline);
  bool maybe_ours = false;
  if (IsReplyLost(reply.status())) {
    // systemd or the bus left with our call: it may or may not have been carried out.
    maybe_ours = true;
    reply = co_await BusCore::Call(core, call, deadline);
  }
  std::string job;
  if (reply.ok()) {
    job = reply->text;
  } else if (!maybe_ours || !absl::IsAlreadyExists(reply.status())) {
    co_return base::Annotate(reply.status(), context);
  }
  const absl::StatusOr<std::string> result = co_await JobResult(core, name, job, InferStartResult, deadline);
  if (absl::IsNotFound(result.status())) {
    co_return JobFailure("start", name, "collected", nullptr);
  }
  if (!result.ok()) {
    co_return base::Annotate(result.status(), context);
  }
  if (*result == "done") {
    co_return absl::OkStatus();
  }
  co_return co_await ExplainFailure(core, "start", name, *result);
}

awaitable<absl::Status> Stop(std::shared_ptr<BusCore> core, UnitName name, milliseconds timeout) {
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + timeout;
  const std::string context = base::StrCat("stop of unit ", name.str());
  BusCall call{.member = "StopUnit", .shape = ReplyShape::kText};
  call.arguments.emplace_back(name.str());
  call.arguments.emplace_back(std::string(kReplaceQueued));

  const BusCore::JobCallGuard guard(*core);
  const absl::StatusOr<BusReply> reply = co_await BusCore::CallTwice(core, call, deadline);
  if (absl::IsNotFound(reply.status())) {
    co_return absl::OkStatus();
  }
  if (!reply.ok()) {
    co_return base::Annotate(reply.status(), context);
  }
  const std::string job = reply->text;
  const absl::StatusOr<std::string> result = co_await JobResult(core, name, job, InferStopResult, deadline);
  if (absl::IsNotFound(result.status())) {
    co_return absl::OkStatus();
  }
  if (!result.ok()) {
    co_return base::Annotate(result.status(), context);
  }
  if (*result == "done") {
    co_return absl::OkStatus();
  }
  co_return co_await ExplainFailure(core, "stop", name, *result);
}

awaitable<absl::Status> Simple(std::shared_ptr<BusCore> core, BusCall call, milliseconds timeout, bool repeatable,
                               std::string context) {
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + timeout;
  if (repeatable) {
    const absl::StatusOr<BusReply> reply = co_await BusCore::CallTwice(core, call, deadline);
    co_return base::Annotate(reply.status(), context);
  }
  const absl::StatusOr<BusReply> reply = co_await BusCore::Call(core, call, deadline);
  co_return base::Annotate(reply.status(), context);
}

awaitable<absl::Status> Refuse(absl::Status status) { co_return status; }

awaitable<absl::Status> Reset(std::shared_ptr<BusCore> core, BusCall call, milliseconds timeout, std::string context) {
  const absl::Status status = co_await Simple(core, call, timeout, /*repeatable=*/true, context);
  co_return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

awaitable<absl::StatusOr<UnitFacts>> Get(std::shared_ptr<BusCore> core, UnitName unit, milliseconds timeout) {
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + timeout;
  absl::StatusOr<UnitFacts> facts = co_await BusCore::ReadUnit(core, unit, deadline);
  if (!facts.ok()) {
    co_return base::Annotate(facts.status(), base::StrCat("state of unit ", unit.str()));
  }
  co_return facts;
}

awaitable<absl::StatusOr<std::vector<UnitSummary>>> List(std::shared_ptr<BusCore> core, BusCall call,
                                                         milliseconds timeout) {
  const BusCore::TimePoint deadline = std::chrono::steady_clock::now() + timeout;
  absl::StatusOr<BusReply> reply = co_await BusCore::CallTwice(core, call, deadline);
  if (!reply.ok()) {
    co_return base::Annotate(reply.status(), "list of units");
  }
  co_return std::move(reply->units);
}

}  // namespace

BusManager::BusManager(boost::asio::any_io_executor executor, BusOptions options)
    : core_(std::make_shared<BusCore>(std::move(executor), std::move(options))) {
  BusCore::Run(core_);
}

BusManager::~BusManager() { core_->Shutdown(); }

awaitable<absl::Status> BusManager::WaitConnected(milliseconds timeout) {
  return BusCore::WaitReady(core_, std::chrono::steady_clock::now() + timeout);
}

void BusManager::SetStatusCallback(std::function<void(const absl::Status&)> callback) {
  core_->SetStatusCallback(std::move(callback));
}

awaitable<absl::Status> BusManager::StartTransientUnit(TransientUnit unit, milliseconds timeout) {
  return Start(core_, std::move(unit), timeout);
}

awaitable<absl::Status> BusManager::StopUnit(UnitName unit, milliseconds timeout) {
  return Stop(core_, std::move(unit), timeout);
}

awaitable<absl::Status> BusManager::KillUnit(UnitName unit, KillWho who, int signal, milliseconds timeout) {
  BusCall call{.member = "KillUnit"};
  call.arguments.emplace_back(unit.str());
  call.arguments.emplace_back(std::string(ToString(who)));
  call.arguments.emplace_back(int32_t{signal});
  return Simple(core_, std::move(call), timeout, /*repeatable=*/false,
                base::StrCat("signal ", signal, " to unit ", unit.str()));
}

awaitable<absl::Status> BusManager::FreezeUnit(UnitName unit, milliseconds timeout) {
  BusCall call{.member = "FreezeUnit"};
  call.arguments.emplace_back(unit.str());
  return Simple(core_, std::move(call), timeout, /*repeatable=*/true, base::StrCat("freeze unit ", unit.str()));
}

awaitable<absl::Status> BusManager::ThawUnit(UnitName unit, milliseconds timeout) {
  BusCall call{.member = "ThawUnit"};
  call.arguments.emplace_back(unit.str());
  return Simple(core_, std::move(call), timeout, /*repeatable=*/true, base::StrCat("thaw unit ", unit.str()));
}

awaitable<absl::Status> BusManager::SetUnitProperties(UnitName unit, std::vector<Property> properties,
                                                      milliseconds timeout) {
  std::string context = base::StrCat("properties of unit ", unit.str());
  for (const Property& property : properties) {
    if (absl::Status status = CheckProperty(property); !status.ok()) {
      return Refuse(base::Annotate(status, base::StrCat(context, ": ", property.name)));
    }
  }
  BusCall call{.member = "SetUnitProperties"};
  call.arguments.emplace_back(unit.str());
  call.arguments.emplace_back(true);  // runtime
  call.arguments.emplace_back(std::move(properties));
  return Simple(core_, std::move(call), timeout, /*repeatable=*/true, std::move(context));
}

awaitable<absl::Status> BusManager::ResetFailedUnit(UnitName unit, milliseconds timeout) {
  BusCall call{.member = "ResetFailedUnit"};
  call.arguments.emplace_back(unit.str());
  return Reset(core_, std::move(call), timeout, base::StrCat("reset of unit ", unit.str()));
}

awaitable<absl::StatusOr<UnitFacts>> BusManager::GetUnit(UnitName unit, milliseconds timeout) {
  return Get(core_, std::move(unit), timeout);
}

awaitable<absl::StatusOr<std::vector<UnitSummary>>> BusManager::ListUnits(std::vector<std::string> patterns,
                                                                          milliseconds timeout) {
  BusCall call{.member = "ListUnitsByPatterns", .shape = ReplyShape::kUnits};
  call.arguments.emplace_back(std::vector<std::string>());  // states: any
  call.arguments.emplace_back(std::move(patterns));
  return List(core_, std::move(call), timeout);
}

absl::Status BusManager::connection_status() const { return core_->status(); }

const ManagerInfo& BusManager::info() const { return core_->info(); }

void BusManager::SetSignalListener(SignalListener* listener) { core_->SetListener(listener); }

}  // namespace rktlet::systemd
