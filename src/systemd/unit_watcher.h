// SPDX-License-Identifier: Apache-2.0
// Turns systemd's signals into what a supervisor wants to know about a unit: it runs, its main process ended and how,
// it failed before there was one, it is gone. For followed units only; nothing is polled.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/pid_fd.h"
#include "systemd/manager.h"

namespace rktlet::systemd {

//            ┌────────── failed before a main process ran ──────────► kFailed
//  (follow) ─┤
//            └─► kStarted ──► kExited        (once per main process)
//                   │
//                   └─ unloaded, exit not seen ──► kGone
struct UnitEvent {
  enum class Kind {
    kStarted,  // active, with this main process; again if the main process changes
    kExited,   // the main process ended
    kFailed,   // the unit failed and there never was a main process
    kGone,     // unloaded, and how it ended is lost
  };

  Kind kind;
  UnitName unit;
  pid_t main_pid = 0;              // kStarted, kExited
  base::ExitStatus exit = {};      // kExited
  bool core_dumped = false;        // kExited
  bool oom_kill = false;           // kExited: systemd says so (cgroup v2 with OOMPolicy=kill or stop)
  uint64_t started_at_usec = 0;    // µs since the epoch, of the main process
  uint64_t exited_at_usec = 0;     // kExited
  std::string result = {};         // systemd's Result: not a verdict by itself
  std::string reason = {};         // a sentence: kExited, kFailed, kGone
  std::string invocation_id = {};  // "" when not known
};

std::string_view ToString(UnitEvent::Kind kind);
// One line for logs and tests: `exited web.service pid=12 code=3`.
std::string ToText(const UnitEvent& event);

class UnitWatcher {
 public:
  using Callback = std::function<void(const UnitEvent&)>;

  enum class Expect {
    kNew,       // about to be started by us: not being loaded yet is no event
    kExisting,  // known from before: not being loaded is kGone
  };

  // Becomes the listener of `manager`, which must outlive it.
  UnitWatcher(boost::asio::any_io_executor executor, Manager& manager);
  ~UnitWatcher();
  UnitWatcher(const UnitWatcher&) = delete;
  UnitWatcher& operator=(const UnitWatcher&) = delete;

  // From now on `callback` hears of the unit, on the loop and never from inside this call; what is already true (it
  // runs, it has exited) is reported too. Follow before StartTransientUnit to miss nothing. Following a unit again
  // replaces its callback and reports anew. A callback may follow and unfollow any unit.
  void Follow(UnitName unit, Callback callback, Expect expect = Expect::kNew);

  // No callback after this. Unknown units are ignored.
  void Unfollow(const UnitName& unit);

  // The last known facts of a followed unit, for answers from memory; nullptr when it is not followed or was never
  // seen.
  const UnitFacts* Find(const UnitName& unit) const;

  size_t size() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace rktlet::systemd
