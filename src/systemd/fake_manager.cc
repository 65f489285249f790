// SPDX-License-Identifier: Apache-2.0
#include "systemd/fake_manager.h"

#include <fnmatch.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "base/strings.h"
#include "systemd/one_shot.h"

namespace rktlet::systemd {
namespace {

// systemd.service(5), "SuccessExitStatus": these signals are a clean end.
bool IsClean(base::ExitStatus exit) {
  return exit.signal == 0
             ? exit.code == 0
             : exit.signal == SIGHUP || exit.signal == SIGINT || exit.signal == SIGTERM || exit.signal == SIGPIPE;
}

template <typename T>
T ValueOr(const FakeManager::Unit& unit, std::string_view property, T otherwise) {
  const PropertyValue* value = unit.Find(property);
  const T* typed = value != nullptr ? std::get_if<T>(value) : nullptr;
  return typed != nullptr ? *typed : otherwise;
}

FactMap ServiceFacts(const UnitFacts& facts) {
  return {{"MainPID", uint64_t{static_cast<uint32_t>(facts.main_pid)}},
          {"ExecMainPID", uint64_t{static_cast<uint32_t>(facts.exec_main_pid)}},
          {"ExecMainCode", int64_t{static_cast<int32_t>(facts.exec_main_code)}},
          {"ExecMainStatus", int64_t{facts.exec_main_status}},
          {"ExecMainStartTimestamp", facts.exec_main_start_timestamp_usec},
          {"ExecMainStartTimestampMonotonic", facts.exec_main_start_timestamp_monotonic_usec},
          {"ExecMainExitTimestamp", facts.exec_main_exit_timestamp_usec},
          {"ExecMainExitTimestampMonotonic", facts.exec_main_exit_timestamp_monotonic_usec},
          {"Result", facts.result},
          {"StatusText", facts.status_text}};
}

FactMap UnitStateFacts(const UnitFacts& facts) {
  return {{"ActiveState", facts.active_state}, {"SubState", facts.sub_state}};
}

absl::Status NoSuchUnit(const UnitName& unit) {
  return absl::NotFoundError(base::StrCat("Unit ", unit.str(), " not loaded."));
}

}  // namespace

struct FakeManager::HeldJob : OneShot<bool> {
  using OneShot<bool>::OneShot;
};

const PropertyValue* FakeManager::Unit::Find(std::string_view property) const {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [property](const Property& entry) { return entry.name == property; });
  return found == properties.end() ? nullptr : &found->value;
}

FakeManager::FakeManager(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

FakeManager::~FakeManager() { ReleaseJobs(); }

void FakeManager::FailCall(std::string method, absl::Status status, int nth) {
  failures_.push_back({std::move(method), std::move(status), nth});
}

void FakeManager::FailJob(const UnitName& unit, std::string job_result, std::string facts_result) {
  job_faults_.insert_or_assign(unit, JobFault{std::move(job_result), std::move(facts_result)});
}

void FakeManager::ReleaseJobs() {
  hold_jobs_ = false;
  for (const std::shared_ptr<HeldJob>& job : std::exchange(held_, {})) {
    job->Complete(true);
  }
}

absl::Status FakeManager::Record(std::string_view method, std::string_view rest) {
  calls_.push_back(base::StrCat(method, rest.empty() ? "" : " ", rest));
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (failure->method == method && --failure->countdown == 0) {
      absl::Status status = std::move(failure->status);
      failures_.erase(failure);
      return status;
    }
  }
  return connection_status_;
}

boost::asio::awaitable<absl::Status> FakeManager::AwaitJob(milliseconds timeout) {
  if (!hold_jobs_) {
    co_await boost::asio::post(executor_, boost::asio::use_awaitable);
    co_return absl::OkStatus();
  }
  auto job = std::make_shared<HeldJob>(executor_);
  held_.push_back(job);
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const absl::StatusOr<bool> released = co_await HeldJob::Wait(job, deadline);
  co_return released.status();
}

void FakeManager::Emit(const Unit& unit) {
  const std::string path = UnitObjectPath(unit.facts.name);
  // As systemd does it: one signal for each interface, that of the service first.
  const FactMap service = ServiceFacts(unit.facts);
  const FactMap state = UnitStateFacts(unit.facts);
  if (listener_ != nullptr && listener_->Wants(path)) {
    listener_->OnPropertiesChanged(path, service);
  }
  if (listener_ != nullptr && listener_->Wants(path)) {
    listener_->OnPropertiesChanged(path, state);
  }
}

void FakeManager::Unload(const UnitName& unit) {
  const std::string path = UnitObjectPath(unit);
  units_.erase(unit);
  if (listener_ != nullptr && listener_->Wants(path)) {
    listener_->OnUnitRemoved(path);
  }
}

FakeManager::Unit& FakeManager::AddUnit(const UnitName& unit, std::vector<Property> properties) {
  Unit added{.facts = {.name = unit}, .properties = std::move(properties)};
  now_usec_ += 1000;
  UnitFacts& facts = added.facts;
  facts.load_state = "loaded";
  facts.active_state = "active";
  facts.sub_state = "running";
  facts.description = ValueOr<std::string>(added, "Description", unit.str());
  facts.slice = ValueOr<std::string>(added, "Slice", "system.slice");
  facts.control_group = base::StrCat("/", facts.slice, "/", unit.str());
  facts.result = "success";
  facts.main_pid = facts.exec_main_pid = next_pid_++;
  facts.invocation_id = base::StrCat(absl::Hex(facts.main_pid, absl::kZeroPad16), absl::Hex(1, absl::kZeroPad16));
  facts.exec_main_start_timestamp_usec = now_usec_;
  facts.exec_main_start_timestamp_monotonic_usec = now_usec_ % 1'000'000'000;
  facts.active_enter_timestamp_usec = now_usec_;
  facts.transient = true;
  return units_.insert_or_assign(unit, std::move(added)).first->second;
}

FakeManager::Unit* FakeManager::Find(const UnitName& unit) {
  const auto found = units_.find(unit);
  return found == units_.end() ? nullptr : &found->second;
}

void FakeManager::EmitExit(const UnitName& unit, base::ExitStatus exit, std::string result) {
  Unit* found = Find(unit);
  if (found == nullptr || found->facts.main_pid == 0) {
    return;
  }
  UnitFacts& facts = found->facts;
  now_usec_ += 1000;
  facts.main_pid = 0;
  facts.exec_main_code = exit.signal != 0 ? ExitCode::kKilled : ExitCode::kExited;
  facts.exec_main_status = exit.signal != 0 ? exit.signal : exit.code;
  facts.exec_main_exit_timestamp_usec = now_usec_;
  facts.exec_main_exit_timestamp_monotonic_usec = now_usec_ % 1'000'000'000;
  const bool clean = IsClean(exit) && (result.empty() || result == "success");
  facts.result = !result.empty() ? std::move(result) : clean ? "success" : exit.signal != 0 ? "signal" : "exit-code";
  const bool remains = ValueOr(*found, "RemainAfterExit", false);
  facts.active_state = !clean ? "failed" : remains ? "active" : "inactive";
  facts.sub_state = !clean ? "failed" : remains ? "exited" : "dead";
  facts.control_group = "";
  const Unit copy = *found;  // the listener may change units
  Emit(copy);
  if (clean && !remains && Find(unit) != nullptr) {
    Unload(unit);
  }
}

void FakeManager::EmitGone(const UnitName& unit) { Unload(unit); }

void FakeManager::EmitResync() {
  if (listener_ != nullptr) {
    listener_->OnResync();
  }
}

boost::asio::awaitable<absl::Status> FakeManager::StartTransientUnit(TransientUnit unit, milliseconds timeout) {
  const UnitName name = unit.name();
  CO_RETURN_IF_ERROR(Record("StartTransientUnit", name.str()));
  CO_ASSIGN_OR_RETURN(UnitDefinition definition, unit.TryBuild());
  if (Find(name) != nullptr) {
    co_return absl::AlreadyExistsError(
        base::StrCat("Unit ", name.str(), " was already loaded or has a fragment file."));
  }
  UnitFacts& facts = AddUnit(name, std::move(definition.properties)).facts;
  const UnitFacts started = facts;
  facts.active_state = "activating";
  facts.sub_state = "start";
  facts.main_pid = facts.exec_main_pid = 0;
  facts.exec_main_start_timestamp_usec = facts.exec_main_start_timestamp_monotonic_usec = 0;
  Emit(Unit(*Find(name)));
  const absl::Status waited = co_await AwaitJob(timeout);
  if (!waited.ok()) {
    co_return base::Annotate(waited, base::StrCat("start of unit ", name.str()));
  }
  Unit* found = Find(name);
  if (found == nullptr) {
    co_return JobFailure("start", name, "canceled", nullptr);
  }
  if (const auto fault = job_faults_.find(name); fault != job_faults_.end()) {
    const std::string job_result = fault->second.job_result;
    found->facts.active_state = found->facts.sub_state = "failed";
    found->facts.result = fault->second.facts_result;
    job_faults_.erase(fault);
    const Unit copy = *found;
    Emit(copy);
    co_return JobFailure("start", name, job_result, &copy.facts);
  }
  found->facts = started;
  Emit(Unit(*found));
  co_return absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::StopUnit(UnitName unit, milliseconds timeout) {
  CO_RETURN_IF_ERROR(Record("StopUnit", unit.str()));
  if (Find(unit) == nullptr) {
    co_return absl::OkStatus();
  }
  const absl::Status waited = co_await AwaitJob(timeout);
  if (!waited.ok()) {
    co_return base::Annotate(waited, base::StrCat("stop of unit ", unit.str()));
  }
  if (Unit* found = Find(unit); found != nullptr && found->facts.main_pid != 0) {
    const int signal = ValueOr(*found, "KillSignal", int32_t{SIGTERM});
    const bool obeys = !kill_handler_ || kill_handler_(unit, KillWho::kMain, signal);
    EmitExit(unit, {.code = 0, .signal = obeys ? signal : SIGKILL});
  }
  if (Unit* found = Find(unit); found != nullptr && found->facts.active_state != "failed") {
    found->facts.active_state = "inactive";
    found->facts.sub_state = "dead";
    Emit(Unit(*found));
    Unload(unit);
  }
  co_return absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::KillUnit(UnitName unit, KillWho who, int signal,
                                                           milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("KillUnit", base::StrCat(unit.str(), " ", ToString(who), " ", signal)));
  Unit* found = Find(unit);
  if (found == nullptr) {
    co_return NoSuchUnit(unit);
  }
  if (found->facts.main_pid == 0) {
    co_return absl::NotFoundError("No main process to kill");
  }
  const bool ends = kill_handler_ ? kill_handler_(unit, who, signal) : signal == SIGKILL || signal == SIGTERM;
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  if (ends) {
    EmitExit(unit, {.code = 0, .signal = signal});
  }
  co_return absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::FreezeUnit(UnitName unit, milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("FreezeUnit", unit.str()));
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  co_return Find(unit) == nullptr ? NoSuchUnit(unit) : absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::ThawUnit(UnitName unit, milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("ThawUnit", unit.str()));
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  co_return Find(unit) == nullptr ? NoSuchUnit(unit) : absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::SetUnitProperties(UnitName unit, std::vector<Property> properties,
                                                                    milliseconds /*timeout*/) {
  std::string text = unit.str();
  for (const Property& property : properties) {
    text += base::StrCat(" ", ToText(property));
  }
  CO_RETURN_IF_ERROR(Record("SetUnitProperties", text));
  for (const Property& property : properties) {
    CO_RETURN_IF_ERROR(CheckProperty(property));
  }
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  Unit* found = Find(unit);
  if (found == nullptr) {
    co_return NoSuchUnit(unit);
  }
  for (Property& property : properties) {
    std::erase_if(found->properties, [&property](const Property& old) { return old.name == property.name; });
    found->properties.push_back(std::move(property));
  }
  co_return absl::OkStatus();
}

boost::asio::awaitable<absl::Status> FakeManager::ResetFailedUnit(UnitName unit, milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("ResetFailedUnit", unit.str()));
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  if (Unit* found = Find(unit); found != nullptr && found->facts.active_state == "failed") {
    Unload(unit);
  }
  co_return absl::OkStatus();
}

boost::asio::awaitable<absl::StatusOr<UnitFacts>> FakeManager::GetUnit(UnitName unit, milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("GetUnit", unit.str()));
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  const Unit* found = Find(unit);
  if (found == nullptr) {
    co_return NoSuchUnit(unit);
  }
  co_return found->facts;
}

boost::asio::awaitable<absl::StatusOr<std::vector<UnitSummary>>> FakeManager::ListUnits(
    std::vector<std::string> patterns, milliseconds /*timeout*/) {
  CO_RETURN_IF_ERROR(Record("ListUnits", ""));
  co_await boost::asio::post(executor_, boost::asio::use_awaitable);
  std::vector<UnitSummary> units;
  for (const auto& [name, unit] : units_) {
    const bool matches = patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
                           return fnmatch(pattern.c_str(), name.str().c_str(), FNM_NOESCAPE) == 0;
                         });
    if (matches) {
      const UnitFacts& facts = unit.facts;
      units.push_back({.name = name,
                       .description = facts.description,
                       .load_state = facts.load_state,
                       .active_state = facts.active_state,
                       .sub_state = facts.sub_state,
                       .job_id = facts.job_id});
    }
  }
  co_return units;
}

}  // namespace rktlet::systemd
