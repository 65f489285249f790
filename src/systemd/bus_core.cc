// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_core.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "base/journal.h"
#include "base/strings.h"
#include "systemd/bus_probe.h"

namespace rktlet::systemd {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a call waits for a connection that is being restored: a daemon-reexec and a restart of the bus take less. A
// bus that is down for longer is reported at once.
constexpr milliseconds kRestoreGrace = std::chrono::seconds(2);
constexpr char kBusService[] = "org.freedesktop.DBus";
constexpr char kBusPath[] = "/org/freedesktop/DBus";

milliseconds Remaining(BusCore::TimePoint deadline) {
  return std::max(milliseconds(1), std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
}

std::string FactText(const FactMap& facts, std::string_view name) {
  const auto found = facts.find(name);
  const auto* text = found != facts.end() ? std::get_if<std::string>(&found->second) : nullptr;
  return text != nullptr ? *text : std::string();
}

}  // namespace

void BusCore::Run(std::shared_ptr<BusCore> self) {
  const boost::asio::any_io_executor executor = self->executor_;
  boost::asio::co_spawn(executor, Upkeep(std::move(self)), boost::asio::detached);
}

void BusCore::Shutdown() {
  shut_down_ = true;
  listener_ = nullptr;
  status_callback_ = nullptr;
  OnLost(absl::UnavailableError("the connection to systemd is being closed"));
  if (connection_ != nullptr) {
    connection_->FailCalls("the connection to systemd is being closed");
  }
  for (auto& [job, waiters] : std::exchange(job_waiters_, {})) {
    for (const auto& waiter : waiters) {
      waiter->Complete({.unknown = true});
    }
  }
  if (pause_ != nullptr) {
    pause_->Complete(true);
  }
  for (const auto& waiter : std::exchange(ready_waiters_, {})) {
    waiter->Complete(false);
  }
}

awaitable<absl::Status> BusCore::WaitReady(std::shared_ptr<BusCore> self, TimePoint deadline) {
  while (!self->status_.ok() && !self->shut_down_) {
    auto waiter = std::make_shared<OneShot<bool>>(self->executor_);
    self->ready_waiters_.push_back(waiter);
    const absl::StatusOr<bool> woken = co_await OneShot<bool>::Wait(waiter, deadline);
    std::erase(self->ready_waiters_, waiter);
    if (absl::IsCancelled(woken.status())) {
      co_return woken.status();
    }
    if (!woken.ok()) {
      break;
    }
  }
  co_return self->status_;
}

awaitable<absl::StatusOr<BusReply>> BusCore::Call(std::shared_ptr<BusCore> self, BusCall call, TimePoint deadline) {
  const TimePoint grace = std::min(deadline, steady_clock::now() + kRestoreGrace);
  const absl::Status ready = co_await WaitReady(self, grace);
  if (!ready.ok()) {
    co_return ready;
  }
  co_return co_await RawCall(self, std::move(call), deadline);
}

awaitable<absl::StatusOr<BusReply>> BusCore::CallTwice(std::shared_ptr<BusCore> self, BusCall call,
                                                       TimePoint deadline) {
  absl::StatusOr<BusReply> reply = co_await Call(self, call, deadline);
  if (IsReplyLost(reply.status())) {
    reply = co_await Call(self, call, deadline);
  }
  co_return reply;
}

awaitable<absl::StatusOr<BusReply>> BusCore::RawCall(std::shared_ptr<BusCore> self, BusCall call, TimePoint deadline) {
  if (self->connection_ == nullptr) {
    co_return absl::UnavailableError("not connected to the message bus");
  }
  using Reply = OneShot<absl::StatusOr<BusReply>>;
  auto reply = std::make_shared<Reply>(self->executor_);
  // The deadline is kept here; that of the connection only makes sure that it forgets the call.
  const milliseconds connection_timeout = Remaining(deadline) + std::chrono::seconds(1);
  const BusConnection* const connection = self->connection_.get();
  const uint64_t id = self->connection_->Call(
      call, connection_timeout, [reply](absl::StatusOr<BusReply> result) { reply->Complete(std::move(result)); });
  absl::StatusOr<absl::StatusOr<BusReply>> waited = co_await Reply::Wait(reply, deadline);
  if (waited.ok()) {
    co_return *std::move(waited);
  }
  if (self->connection_.get() == connection) {
    self->connection_->Cancel(id);
  }
  co_return base::Annotate(waited.status(), call.member);
}

awaitable<absl::StatusOr<UnitFacts>> BusCore::ReadUnit(std::shared_ptr<BusCore> self, UnitName unit,
                                                       TimePoint deadline) {
  BusCall call{
      .path = UnitObjectPath(unit), .interface = kPropertiesInterface, .member = "GetAll", .shape = ReplyShape::kFacts};
  // Of all interfaces in one answer, so that it is one moment's truth (systemctl show does the same).
  call.arguments.emplace_back(std::string());
  const absl::StatusOr<BusReply> reply = co_await CallTwice(self, std::move(call), deadline);
  if (!reply.ok()) {
    co_return reply.status();
  }
  UnitFacts facts{.name = std::move(unit)};
  ApplyFacts(reply->facts, facts);
  // The object of a unit that is not loaded is made up when asked.
  if (facts.load_state == "not-found" && facts.active_state == "inactive") {
    co_return absl::NotFoundError(base::StrCat("Unit ", facts.name.str(), " not loaded."));
  }
  co_return facts;
}

BusCore::JobCallGuard::~JobCallGuard() {
  if (--core_.job_calls_ == 0) {
    core_.finished_jobs_.clear();
  }
}

awaitable<absl::StatusOr<JobOutcome>> BusCore::WaitForJob(std::shared_ptr<BusCore> self, std::string job,
                                                          TimePoint deadline) {
  if (job.empty()) {
    co_return JobOutcome{.unknown = true};
  }
  if (const auto found = self->finished_jobs_.find(job); found != self->finished_jobs_.end()) {
    co_return JobOutcome{.result = found->second};
  }
  if (self->shut_down_) {
    co_return self->status_;
  }
  auto waiter = std::make_shared<OneShot<JobOutcome>>(self->executor_);
  self->job_waiters_[job].push_back(waiter);
  absl::StatusOr<JobOutcome> outcome = co_await OneShot<JobOutcome>::Wait(waiter, deadline);
  if (const auto found = self->job_waiters_.find(job); found != self->job_waiters_.end()) {
    std::erase(found->second, waiter);
    if (found->second.empty()) {
      self->job_waiters_.erase(found);
    }
  }
  if (!outcome.ok()) {
    const std::string context = self->status_.ok() ? "its job has not ended" : std::string(self->status_.message());
    co_return base::Annotate(outcome.status(), context);
  }
  co_return outcome;
}

awaitable<void> BusCore::Upkeep(std::shared_ptr<BusCore> self) {
  milliseconds pause = self->options_.reconnect_first;
  while (!self->shut_down_) {
    const absl::Status connected = co_await Connect(self);
    if (self->shut_down_) {
      break;
    }
    if (connected.ok()) {
      pause = self->options_.reconnect_first;
      co_await UntilLost(self);
    } else {
      self->SetStatus(absl::UnavailableError(connected.message()));
    }
    self->connection_.reset();
    co_await Pause(self, pause);
    pause = std::min(pause * 2, self->options_.reconnect_max);
  }
  self->connection_.reset();
}

awaitable<void> BusCore::Pause(std::shared_ptr<BusCore> self, milliseconds length) {
  if (self->shut_down_) {
    co_return;
  }
  self->pause_ = std::make_shared<OneShot<bool>>(self->executor_);
  static_cast<void>(co_await OneShot<bool>::Wait(self->pause_, steady_clock::now() + length));
}

awaitable<absl::Status> BusCore::Connect(std::shared_ptr<BusCore> self) {
  const milliseconds timeout = self->options_.connect_timeout;
  std::string address = ResolveBusAddress(self->options_.address);
  const boost::asio::any_io_executor executor = self->executor_;
  const absl::Status probed = co_await ProbeBus(executor, std::move(address), timeout);
  if (!probed.ok() || self->shut_down_) {
    co_return probed;
  }
  self->wake_ = std::make_shared<OneShot<bool>>(executor);
  self->connection_lost_ = false;
  // The core owns the connection, which drops these with it.
  BusCore* const core = self.get();
  BusCallbacks callbacks{
      .wants_unit =
          [core](std::string_view path) { return core->listener_ != nullptr && core->listener_->Wants(path); },
      .on_signal = [core](const BusSignal& signal) { core->OnSignal(signal); },
      .on_lost = [core](const absl::Status& status) { core->OnLost(status); },
  };
  auto opened = BusConnection::Open(executor, self->options_.address, timeout, std::move(callbacks));
  if (!opened.ok()) {
    co_return opened.status();
  }
  self->connection_ = *std::move(opened);
  BusCall call{.destination = kBusService,
               .path = kBusPath,
               .interface = kBusService,
               .member = "GetNameOwner",
               .shape = ReplyShape::kText};
  call.arguments.emplace_back(std::string(kSystemdService));
  const absl::StatusOr<BusReply> owner = co_await RawCall(self, std::move(call), steady_clock::now() + timeout);
  // No owner is no failure of the bus: NameOwnerChanged will tell. Any news since then is newer than this answer.
  if (owner.ok() && self->owner_.empty()) {
    self->owner_ = owner->text;
  }
  if (!owner.ok() && !IsReplyLost(owner.status())) {
    co_return base::Annotate(owner.status(), "asking the bus for systemd");
  }
  co_return absl::OkStatus();
}

// Until the connection ends: sets up whenever systemd is there anew.
awaitable<void> BusCore::UntilLost(std::shared_ptr<BusCore> self) {
  while (!self->shut_down_) {
    TimePoint retry = TimePoint::max();
    if (self->owner_.empty()) {
      self->SetStatus(absl::UnavailableError("systemd is not on the message bus"));
    } else {
      const absl::Status status = co_await SetUp(self);
      if (!status.ok()) {
        self->SetStatus(absl::UnavailableError(base::StrCat("subscribing to systemd: ", status.message())));
        retry = steady_clock::now() + self->options_.reconnect_max;
      }
    }
    static_cast<void>(co_await OneShot<bool>::Wait(self->wake_, retry));
    if (self->connection_lost_) {
      co_return;
    }
    self->wake_ = std::make_shared<OneShot<bool>>(self->executor_);
  }
}

awaitable<absl::Status> BusCore::SetUp(std::shared_ptr<BusCore> self) {
  const TimePoint deadline = steady_clock::now() + self->options_.connect_timeout;
  BusCall subscribe{.member = "Subscribe"};
  const absl::StatusOr<BusReply> subscribed = co_await RawCall(self, std::move(subscribe), deadline);
  if (!subscribed.ok() && !absl::IsAlreadyExists(subscribed.status())) {
    co_return subscribed.status();
  }
  BusCall get_all{.interface = kPropertiesInterface, .member = "GetAll", .shape = ReplyShape::kFacts};
  get_all.arguments.emplace_back(std::string(kManagerInterface));
  const absl::StatusOr<BusReply> properties = co_await RawCall(self, std::move(get_all), deadline);
  if (!properties.ok()) {
    co_return properties.status();
  }
  self->info_ = {.version = FactText(properties->facts, "Version"),
                 .features = FactText(properties->facts, "Features")};
  self->SetStatus(absl::OkStatus());
  self->Resync();
  co_return absl::OkStatus();
}

void BusCore::OnSignal(const BusSignal& signal) {
  if (signal.kind == BusSignal::Kind::kOwnerChanged) {
    // Only the bus daemon itself may say so: anybody can send us a message that looks like it.
    if (signal.sender == kBusService) {
      owner_ = signal.text;
      SetStatus(
          absl::UnavailableError(owner_.empty() ? "systemd has left the message bus" : "systemd has re-executed"));
      WakeUp();
    }
    return;
  }
  if (signal.sender != owner_) {
    return;
  }
  switch (signal.kind) {
    case BusSignal::Kind::kUnitChanged:
      if (listener_ != nullptr) {
        listener_->OnPropertiesChanged(signal.path, signal.facts);
      }
      break;
    case BusSignal::Kind::kUnitRemoved:
      if (listener_ != nullptr) {
        listener_->OnUnitRemoved(signal.path);
      }
      break;
    case BusSignal::Kind::kJobRemoved:
      if (job_calls_ > 0) {
        finished_jobs_.insert_or_assign(signal.path, signal.text);
      }
      if (const auto found = job_waiters_.find(signal.path); found != job_waiters_.end()) {
        for (const auto& waiter : found->second) {
          waiter->Complete({.result = signal.text});
        }
      }
      break;
    case BusSignal::Kind::kReloaded:
      Resync();
      break;
    case BusSignal::Kind::kOwnerChanged:
      break;
  }
}

void BusCore::OnLost(const absl::Status& status) {
  owner_.clear();
  finished_jobs_.clear();  // numbers of jobs start again with another manager
  SetStatus(absl::UnavailableError(base::StrCat("the message bus is lost: ", status.message())));
  connection_lost_ = true;
  WakeUp();
}

void BusCore::SetStatus(absl::Status status) {
  if (status == status_) {
    return;
  }
  status_ = std::move(status);
  if (!shut_down_) {
    if (status_.ok()) {
      base::journal::Info("Connected to systemd", {{"SYSTEMD_VERSION", info_.version}});
    } else {
      base::journal::Warning("Not connected to systemd", {{"ERROR", status_}});
    }
  }
  if (status_.ok()) {
    for (const auto& waiter : std::exchange(ready_waiters_, {})) {
      waiter->Complete(true);
    }
  }
  if (const auto callback = status_callback_; callback) {
    callback(status_);
  }
}

void BusCore::WakeUp() {
  if (wake_ != nullptr) {
    wake_->Complete(true);
  }
}

void BusCore::Resync() {
  for (auto& [job, waiters] : job_waiters_) {
    for (const auto& waiter : waiters) {
      waiter->Complete({.unknown = true});
    }
  }
  if (listener_ != nullptr) {
    listener_->OnResync();
  }
}

}  // namespace rktlet::systemd
