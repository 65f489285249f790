// SPDX-License-Identifier: Apache-2.0
// What BusManager and its coroutines share: the connection and its upkeep, calls with a deadline, and the results of
// jobs. Coroutines hold it by shared_ptr, so that they may outlive the BusManager.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "systemd/bus_connection.h"
#include "systemd/bus_manager.h"
#include "systemd/one_shot.h"

namespace rktlet::systemd {

// How a job ended; unknown when the signal may have been missed, and the unit has to be looked at.
struct JobOutcome {
  std::string result = {};
  bool unknown = false;
};

//   connecting ──► setting up (owner, Subscribe) ──► ready ──┐
//       ▲                 ▲        systemd re-executed ──────┤
//       │                 └──────────────────────────────────┤
//       └──────── pause ◄──── lost ◄─────────────────────────┘
class BusCore {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  template <typename T>
  using awaitable = boost::asio::awaitable<T>;

  BusCore(boost::asio::any_io_executor executor, BusOptions options)
      : executor_(std::move(executor)), options_(std::move(options)) {}

  // Starts the upkeep of the connection.
  static void Run(std::shared_ptr<BusCore> self);
  // Ends it; whoever waits gets Unavailable.
  void Shutdown();

  // Waits until calls can be made; Unavailable with the connection's status at the deadline.
  static awaitable<absl::Status> WaitReady(std::shared_ptr<BusCore> self, TimePoint deadline);

  // Makes the call once, waiting a little for a connection that is being restored.
  static awaitable<absl::StatusOr<BusReply>> Call(std::shared_ptr<BusCore> self, BusCall call, TimePoint deadline);
  // For calls that may be carried out twice: again when the reply was lost with systemd or the bus.
  static awaitable<absl::StatusOr<BusReply>> CallTwice(std::shared_ptr<BusCore> self, BusCall call, TimePoint deadline);

  static awaitable<absl::StatusOr<UnitFacts>> ReadUnit(std::shared_ptr<BusCore> self, UnitName unit,
                                                       TimePoint deadline);

  // Held while a call is made whose job will be waited for: the job may end before its name is known, so results are
  // kept as long as there is such a call.
  class JobCallGuard {
   public:
    explicit JobCallGuard(BusCore& core) : core_(core) { ++core_.job_calls_; }
    JobCallGuard(const JobCallGuard&) = delete;
    JobCallGuard& operator=(const JobCallGuard&) = delete;
    ~JobCallGuard();

   private:
    BusCore& core_;
  };

  // Waits for the end of the job with that object path; an empty path is unknown at once.
  static awaitable<absl::StatusOr<JobOutcome>> WaitForJob(std::shared_ptr<BusCore> self, std::string job,
                                                          TimePoint deadline);

  const absl::Status& status() const { return status_; }
  const ManagerInfo& info() const { return info_; }
  void SetListener(SignalListener* listener) { listener_ = listener; }
  void SetStatusCallback(std::function<void(const absl::Status&)> callback) { status_callback_ = std::move(callback); }

 private:
  static awaitable<void> Upkeep(std::shared_ptr<BusCore> self);
  static awaitable<absl::Status> Connect(std::shared_ptr<BusCore> self);
  static awaitable<absl::Status> SetUp(std::shared_ptr<BusCore> self);
  static awaitable<absl::StatusOr<BusReply>> RawCall(std::shared_ptr<BusCore> self, BusCall call, TimePoint deadline);
  static awaitable<void> UntilLost(std::shared_ptr<BusCore> self);
  static awaitable<void> Pause(std::shared_ptr<BusCore> self, std::chrono::milliseconds length);

  void OnSignal(const BusSignal& signal);
  void OnLost(const absl::Status& status);
  void SetStatus(absl::Status status);
  void WakeUp();
  // Signals may have been missed: the listener and those who wait for jobs look for themselves.
  void Resync();

  boost::asio::any_io_executor executor_;
  BusOptions options_;
  std::unique_ptr<BusConnection> connection_;
  std::string owner_;  // systemd's unique name: signals of anybody else are not systemd's
  absl::Status status_ = absl::UnavailableError("not yet connected to the message bus");
  ManagerInfo info_;
  SignalListener* listener_ = nullptr;
  std::function<void(const absl::Status&)> status_callback_;
  std::shared_ptr<OneShot<bool>> wake_;  // ends the upkeep's rest
  std::shared_ptr<OneShot<bool>> pause_;
  std::vector<std::shared_ptr<OneShot<bool>>> ready_waiters_;
  int job_calls_ = 0;
  std::map<std::string, std::string> finished_jobs_;  // results that nobody has asked for yet
  std::map<std::string, std::vector<std::shared_ptr<OneShot<JobOutcome>>>> job_waiters_;
  bool connection_lost_ = false;
  bool shut_down_ = false;
};

}  // namespace rktlet::systemd
