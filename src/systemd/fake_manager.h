// SPDX-License-Identifier: Apache-2.0
// A Manager in memory for tests: units start and stop as told, every call is recorded as a line of text, the nth call
// of a method can fail, jobs can be held back, and a UnitWatcher on it hears what real signals would say.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/pid_fd.h"
#include "systemd/freezer.h"
#include "systemd/manager.h"

namespace rktlet::systemd {

class FakeManager final : public Manager, public Freezer {
 public:
  using Manager::awaitable;

  struct Unit {
    UnitFacts facts;
    std::vector<Property> properties;  // as started, SetUnitProperties merged in

    const PropertyValue* Find(std::string_view property) const;
  };

  explicit FakeManager(boost::asio::any_io_executor executor);
  ~FakeManager() override;

  // What was called, in order: "StartTransientUnit a.service", "KillUnit a.service main 15",
  // "SetUnitProperties a.service MemoryMax t 1048576", …
  const std::vector<std::string>& calls() const { return calls_; }
  void ClearCalls() { calls_.clear(); }

  // The `nth` (1 = next) call of `method` from now on returns `status` and has no other effect.
  void FailCall(std::string method, absl::Status status, int nth = 1);
  // The next start of `unit` is accepted and its job fails with `result` ("failed", "timeout", …), the unit stays
  // failed with `facts_result` as Result.
  void FailJob(const UnitName& unit, std::string job_result, std::string facts_result = "exit-code");
  // Jobs that begin from now on wait for ReleaseJobs() (or their caller's timeout).
  void HoldJobs() { hold_jobs_ = true; }
  void ReleaseJobs();
  // A main process ends at once when it gets this signal (default: SIGKILL and SIGTERM); false to ignore it.
  void SetKillHandler(std::function<bool(const UnitName&, KillWho, int)> handler) {
    kill_handler_ = std::move(handler);
  }

  // The main process of the unit ends; the watcher hears of it. With RemainAfterExit=yes a clean exit leaves the unit
  // active (exited), anything else failed. `result` overrides what systemd would derive ("oom-kill").
  void EmitExit(const UnitName& unit, base::ExitStatus exit, std::string result = "");
  // The unit is unloaded: no signal of an exit comes.
  void EmitGone(const UnitName& unit);
  // The manager was replaced (daemon-reexec) or the bus was lost and is back.
  void EmitResync();
  // Makes a unit that was not started through this object.
  Unit& AddUnit(const UnitName& unit, std::vector<Property> properties = {});
  // Changes state without any signal, as if they were lost.
  Unit* Find(const UnitName& unit);

  const std::map<UnitName, Unit>& units() const { return units_; }
  void SetConnectionStatus(absl::Status status) { connection_status_ = std::move(status); }
  void SetInfo(ManagerInfo info) { info_ = std::move(info); }

  awaitable<absl::Status> StartTransientUnit(TransientUnit unit, milliseconds timeout) override;
  awaitable<absl::Status> StopUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> KillUnit(UnitName unit, KillWho who, int signal, milliseconds timeout) override;
  awaitable<absl::Status> FreezeUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> ThawUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::Status> SetUnitProperties(UnitName unit, std::vector<Property> properties,
                                            milliseconds timeout) override;
  awaitable<absl::Status> ResetFailedUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::StatusOr<UnitFacts>> GetUnit(UnitName unit, milliseconds timeout) override;
  awaitable<absl::StatusOr<std::vector<UnitSummary>>> ListUnits(std::vector<std::string> patterns,
                                                                milliseconds timeout) override;
  absl::Status connection_status() const override { return connection_status_; }
  const ManagerInfo& info() const override { return info_; }
  void SetSignalListener(SignalListener* listener) override { listener_ = listener; }

 private:
  struct HeldJob;
  struct Failure {
    std::string method;
    absl::Status status;
    int countdown = 1;
  };
  struct JobFault {
    std::string job_result;
    std::string facts_result;
  };

  absl::Status Record(std::string_view method, std::string_view rest);
  awaitable<absl::Status> AwaitJob(milliseconds timeout);
  void Emit(const Unit& unit);
  void Unload(const UnitName& unit);

  boost::asio::any_io_executor executor_;
  SignalListener* listener_ = nullptr;
  std::map<UnitName, Unit> units_;
  std::map<UnitName, JobFault> job_faults_;
  std::vector<Failure> failures_;
  std::vector<std::shared_ptr<HeldJob>> held_;
  std::vector<std::string> calls_;
  std::function<bool(const UnitName&, KillWho, int)> kill_handler_;
  absl::Status connection_status_;
  ManagerInfo info_{.version = "252 (fake)", .features = ""};
  bool hold_jobs_ = false;
  pid_t next_pid_ = 1000;
  uint64_t now_usec_ = 1'700'000'000'000'000;
};

}  // namespace rktlet::systemd
