// SPDX-License-Identifier: Apache-2.0
#include "systemd/unit_watcher.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <utility>
#include <vector>

#include "base/journal.h"
#include "base/strings.h"
#include "systemd/one_shot.h"

namespace rktlet::systemd {
namespace {

using boost::asio::awaitable;

// Up to this many names go into ListUnits as patterns; for more it is cheaper to list all services once than to make
// PID 1 match every unit against every name.
constexpr size_t kMaxPatterns = 32;
constexpr std::chrono::milliseconds kRetryPause = std::chrono::milliseconds(500);

// A process as far as systemd can tell: numbers are reused, a number with its start time is not.
struct ProcessKey {
  pid_t pid = 0;
  uint64_t started = 0;

  friend bool operator==(const ProcessKey&, const ProcessKey&) = default;
};

struct Entry {
  Entry(UnitName unit, UnitWatcher::Callback on_event, UnitWatcher::Expect expected)
      : name(unit), callback(std::move(on_event)), expect(expected), facts{.name = std::move(unit)} {}

  UnitName name;
  UnitWatcher::Callback callback;
  UnitWatcher::Expect expect;
  UnitFacts facts;
  bool followed = true;       // false once unfollowed or replaced
  bool loaded = false;        // systemd has spoken of it, and not of its unloading
  bool read = false;          // facts are whole, not only what signals brought
  bool pending = false;       // has to be compared with systemd
  uint64_t changes = 0;       // signals so far: tells whether an answer may be older than what we know
  ProcessKey started;         // last reported as kStarted
  ProcessKey exited;          // last reported as kExited
  bool end_reported = false;  // kFailed or kGone since the last start
};

UnitEvent MakeEvent(UnitEvent::Kind kind, const Entry& entry) {
  return {.kind = kind,
          .unit = entry.name,
          .main_pid = 0,
          .exit = {},
          .started_at_usec = entry.facts.exec_main_start_timestamp_usec,
          .result = entry.facts.result,
          .reason = {},
          .invocation_id = entry.facts.invocation_id};
}

UnitEvent ExitEvent(const Entry& entry) {
  const UnitFacts& facts = entry.facts;
  UnitEvent event = MakeEvent(UnitEvent::Kind::kExited, entry);
  event.main_pid = facts.exec_main_pid;
  if (facts.exec_main_code == ExitCode::kExited) {
    event.exit.code = facts.exec_main_status;
  } else {
    event.exit.signal = facts.exec_main_status;
  }
  event.core_dumped = facts.exec_main_code == ExitCode::kDumped;
  event.oom_kill = facts.result == "oom-kill";
  event.exited_at_usec = facts.exec_main_exit_timestamp_usec;
  event.reason = DescribeExit(facts);
  return event;
}

// Whether there is nothing left to report of what the unit did.
bool EndKnown(const Entry& entry) { return entry.end_reported || (entry.exited.pid != 0 && entry.facts.Exited()); }

bool IsUp(const UnitFacts& facts) { return facts.active_state == "active" || facts.active_state == "reloading"; }

}  // namespace

std::string_view ToString(UnitEvent::Kind kind) {
  switch (kind) {
    case UnitEvent::Kind::kStarted:
      return "started";
    case UnitEvent::Kind::kExited:
      return "exited";
    case UnitEvent::Kind::kFailed:
      return "failed";
    case UnitEvent::Kind::kGone:
      break;
  }
  return "gone";
}

std::string ToText(const UnitEvent& event) {
  std::string out = base::StrCat(ToString(event.kind), " ", event.unit.str());
  if (event.main_pid != 0) {
    out += base::StrCat(" pid=", event.main_pid);
  }
  if (event.kind == UnitEvent::Kind::kExited) {
    out +=
        event.exit.signal != 0 ? base::StrCat(" signal=", event.exit.signal) : base::StrCat(" code=", event.exit.code);
    out += event.core_dumped ? " core" : "";
    out += event.oom_kill ? " oom" : "";
  } else if (!event.reason.empty()) {
    out += base::StrCat(" (", event.reason, ")");
  }
  return out;
}

class UnitWatcher::State final : public SignalListener, public std::enable_shared_from_this<State> {
 public:
  State(boost::asio::any_io_executor executor, Manager& manager) : executor_(std::move(executor)), manager_(&manager) {}

  void Stop() {
    manager_->SetSignalListener(nullptr);
    manager_ = nullptr;
    for (auto& [path, entry] : entries_) {
      entry->followed = false;
    }
    entries_.clear();
    if (pause_ != nullptr) {
      pause_->Complete(true);
    }
  }

  void Follow(UnitName unit, Callback callback, Expect expect) {
    std::string path = UnitObjectPath(unit);
    std::shared_ptr<Entry>& slot = entries_[std::move(path)];
    if (slot != nullptr) {
      slot->followed = false;
      expect = slot->loaded ? Expect::kExisting : expect;
    }
    slot = std::make_shared<Entry>(std::move(unit), std::move(callback), expect);
    // A unit that does not exist yet cannot have a past: the subscription alone will tell, without a call. Whoever
    // follows while the bus is away gets the resync.
    if (expect == Expect::kExisting) {
      MarkPending(slot);
    }
  }

  void Unfollow(const UnitName& unit) {
    const auto found = entries_.find(UnitObjectPath(unit));
    if (found != entries_.end()) {
      found->second->followed = false;
      entries_.erase(found);
    }
  }

  const UnitFacts* Find(const UnitName& unit) const {
    const auto found = entries_.find(UnitObjectPath(unit));
    return found != entries_.end() && found->second->loaded ? &found->second->facts : nullptr;
  }

  size_t size() const { return entries_.size(); }

  bool Wants(std::string_view object_path) const override { return entries_.find(object_path) != entries_.end(); }

  void OnPropertiesChanged(std::string_view object_path, const FactMap& properties) override {
    const auto found = entries_.find(object_path);
    if (found == entries_.end()) {
      return;
    }
    const std::shared_ptr<Entry> entry = found->second;
    ++entry->changes;
    entry->loaded = true;
    ApplyFacts(properties, entry->facts);
    Evaluate(entry);
  }

  void OnUnitRemoved(std::string_view object_path) override {
    const auto found = entries_.find(object_path);
    // Asking may itself load and unload a unit that does not exist: one that is known to be unloaded is not asked
    // about.
    if (found == entries_.end() || !found->second->loaded) {
      return;
    }
    if (EndKnown(*found->second)) {
      found->second->loaded = false;
    } else {
      // Ask, because a daemon-reload removes every unit and brings it back.
      MarkPending(found->second);
    }
  }

  void OnResync() override {
    for (auto& [path, entry] : entries_) {
      MarkPending(entry);
    }
  }

 private:
  void MarkPending(const std::shared_ptr<Entry>& entry) {
    entry->pending = true;
    if (!running_) {
      running_ = true;
      boost::asio::co_spawn(executor_, Run(shared_from_this()), boost::asio::detached);
    }
  }

  std::vector<std::shared_ptr<Entry>> TakePending() {
    std::vector<std::shared_ptr<Entry>> batch;
    for (auto& [path, entry] : entries_) {
      if (std::exchange(entry->pending, false)) {
        batch.push_back(entry);
      }
    }
    return batch;
  }

  // Compares pending units with systemd until none is left.
  static awaitable<void> Run(std::shared_ptr<State> self) {
    // Let the caller's whole batch of Follow() calls in before the first question.
    auto pause = std::make_shared<OneShot<bool>>(self->executor_);
    static_cast<void>(co_await OneShot<bool>::Wait(pause, std::chrono::steady_clock::now()));
    while (self->manager_ != nullptr) {
      std::vector<std::shared_ptr<Entry>> batch = self->TakePending();
      if (batch.empty()) {
        break;
      }
      const absl::Status status = co_await Compare(self, batch);
      if (status.ok() || self->manager_ == nullptr) {
        continue;
      }
      for (const std::shared_ptr<Entry>& entry : batch) {
        entry->pending = true;
      }
      if (!self->manager_->connected()) {
        break;  // the next connection brings a resync
      }
      base::journal::Warning("Reading the state of units failed, trying again", {{"ERROR", status}});
      self->pause_ = std::make_shared<OneShot<bool>>(self->executor_);
      static_cast<void>(co_await OneShot<bool>::Wait(self->pause_, std::chrono::steady_clock::now() + kRetryPause));
    }
    self->running_ = false;
  }

  static std::vector<std::string> PatternsFor(const std::vector<std::shared_ptr<Entry>>& batch) {
    std::vector<std::string> patterns;
    for (const std::shared_ptr<Entry>& entry : batch) {
      std::string pattern = batch.size() > kMaxPatterns ? "*." + std::string(entry->name.type()) : entry->name.str();
      if (std::find(patterns.begin(), patterns.end(), pattern) == patterns.end()) {
        patterns.push_back(std::move(pattern));
      }
    }
    return patterns;
  }

  // One list first: after a reload or a reconnect most units are as they were, and a main process that ended shows in
  // the sub-state.
  static awaitable<absl::Status> Compare(std::shared_ptr<State> self, std::vector<std::shared_ptr<Entry>> batch) {
    std::vector<uint64_t> changes_before;
    for (const std::shared_ptr<Entry>& entry : batch) {
      changes_before.push_back(entry->changes);
    }
    std::vector<std::string> patterns = PatternsFor(batch);
    absl::StatusOr<std::vector<UnitSummary>> units =
        co_await self->manager_->ListUnits(std::move(patterns), kDefaultCallTimeout);
    if (!units.ok()) {
      co_return units.status();
    }
    std::map<UnitName, const UnitSummary*> by_name;
    for (const UnitSummary& unit : *units) {
      by_name.emplace(unit.name, &unit);
    }
    for (size_t i = 0; i < batch.size(); ++i) {
      const std::shared_ptr<Entry>& entry = batch[i];
      if (!entry->followed || self->manager_ == nullptr) {
        continue;
      }
      const auto found = by_name.find(entry->name);
      const bool present = found != by_name.end() && found->second->load_state != "not-found";
      if (!present && entry->changes == changes_before[i]) {
        self->HandleAbsent(entry);
      } else if (!present || !entry->read || entry->facts.active_state != found->second->active_state ||
                 entry->facts.sub_state != found->second->sub_state) {
        const absl::Status status = co_await Read(self, entry);
        if (!status.ok()) {
          co_return status;
        }
      } else {
        entry->loaded = true;
      }
    }
    co_return absl::OkStatus();
  }

  // Reads the unit whole. A signal that comes while the answer is under way may be newer than the answer: then once
  // more.
  static awaitable<absl::Status> Read(std::shared_ptr<State> self, std::shared_ptr<Entry> entry) {
    while (entry->followed && self->manager_ != nullptr) {
      const uint64_t changes_before = entry->changes;
      UnitName name = entry->name;
      absl::StatusOr<UnitFacts> facts = co_await self->manager_->GetUnit(std::move(name), kDefaultCallTimeout);
      if (!facts.ok() && !absl::IsNotFound(facts.status())) {
        co_return facts.status();
      }
      if (!entry->followed || entry->changes != changes_before) {
        continue;
      }
      if (!facts.ok()) {
        self->HandleAbsent(entry);
        break;
      }
      entry->facts = *std::move(facts);
      entry->loaded = true;
      entry->read = true;
      self->Evaluate(entry);
      break;
    }
    co_return absl::OkStatus();
  }

  void HandleAbsent(const std::shared_ptr<Entry>& entry) {
    const bool was_expected = entry->loaded || entry->expect == Expect::kExisting;
    const bool end_known = EndKnown(*entry);
    entry->loaded = false;
    entry->read = false;
    entry->expect = Expect::kNew;
    if (was_expected && !end_known) {
      entry->end_reported = true;
      UnitEvent event = MakeEvent(UnitEvent::Kind::kGone, *entry);
      event.reason = "the unit is not loaded any more and its exit was not seen";
      Deliver(entry, event);
    }
  }

  // Reports what is true now and has not been said.
  void Evaluate(const std::shared_ptr<Entry>& entry) {
    const UnitFacts& facts = entry->facts;
    const ProcessKey process{facts.exec_main_pid, facts.exec_main_start_timestamp_monotonic_usec};
    if (IsUp(facts) && facts.main_pid != 0 && facts.main_pid == facts.exec_main_pid && process != entry->started) {
      entry->started = process;
      entry->end_reported = false;
      UnitEvent event = MakeEvent(UnitEvent::Kind::kStarted, *entry);
      event.main_pid = facts.main_pid;
      Deliver(entry, event);
    }
    if (facts.Exited()) {
      if (process != entry->exited) {
        entry->exited = process;
        Deliver(entry, ExitEvent(*entry));
      }
      return;
    }
    if (facts.active_state == "activating") {
      entry->end_reported = false;
    }
    if (facts.active_state == "failed" && !entry->end_reported) {
      entry->end_reported = true;
      UnitEvent event = MakeEvent(UnitEvent::Kind::kFailed, *entry);
      event.reason = base::StrCat("failed without a main process that ended, Result=", facts.result,
                                  facts.status_text.empty() ? "" : ", it says: ", facts.status_text);
      Deliver(entry, event);
    } else if (facts.active_state == "inactive" && entry->started.pid != 0 && !entry->end_reported) {
      entry->end_reported = true;
      UnitEvent event = MakeEvent(UnitEvent::Kind::kGone, *entry);
      event.reason = "the unit is inactive and systemd does not know how its main process ended";
      Deliver(entry, event);
    }
  }

  static void Deliver(const std::shared_ptr<Entry>& entry, const UnitEvent& event) {
    if (entry->followed) {
      entry->callback(event);
    }
  }

  boost::asio::any_io_executor executor_;
  Manager* manager_;                                                    // nullptr once stopped
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;  // by object path
  std::shared_ptr<OneShot<bool>> pause_;
  bool running_ = false;
};

UnitWatcher::UnitWatcher(boost::asio::any_io_executor executor, Manager& manager)
    : state_(std::make_shared<State>(std::move(executor), manager)) {
  manager.SetSignalListener(state_.get());
}

UnitWatcher::~UnitWatcher() { state_->Stop(); }

void UnitWatcher::Follow(UnitName unit, Callback callback, Expect expect) {
  state_->Follow(std::move(unit), std::move(callback), expect);
}

void UnitWatcher::Unfollow(const UnitName& unit) { state_->Unfollow(unit); }

const UnitFacts* UnitWatcher::Find(const UnitName& unit) const { return state_->Find(unit); }

size_t UnitWatcher::size() const { return state_->size(); }

}  // namespace rktlet::systemd
