// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_common.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "base/files.h"
#include "base/pid_fd.h"
#include "base/strings.h"
#include "rkt/cli/flags.h"
#include "rkt/pod/app_state.h"
#include "rkt/pod/pod_lock.h"
#include "unit/pod_unit.h"

namespace rkt::cli {
namespace {

namespace asio = boost::asio;
using rktlet::base::StrCat;
using rktlet::spec::AppName;
using rktlet::spec::Layout;
using rktlet::systemd::KillWho;
using std::chrono::milliseconds;

// A stop lasts as long as the unit's grace period, which may be hours; systemd itself ends it.
constexpr milliseconds kStopTimeout = std::chrono::hours(24 * 365);

// Waits until the process has ended or the time is over; true when it has ended. What the timer touches is shared with
// it: its handler may run after the coroutine is done.
asio::awaitable<bool> WaitForEnd(int pidfd, int64_t timeout_usec) {
  struct Race {
    asio::posix::stream_descriptor process;
    asio::steady_timer timer;
    bool late = false;
  };
  auto executor = co_await asio::this_coro::executor;
  auto race = std::make_shared<Race>(
      Race{asio::posix::stream_descriptor(executor, pidfd), asio::steady_timer(executor), false});
  race->timer.expires_after(std::chrono::microseconds(timeout_usec));
  race->timer.async_wait([race](const boost::system::error_code& error) {
    if (!error) {
      race->late = true;
      boost::system::error_code ignored;
      race->process.cancel(ignored);
    }
  });
  boost::system::error_code error;
  co_await race->process.async_wait(asio::posix::stream_descriptor::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
  race->timer.cancel();
  static_cast<void>(race->process.release());
  co_return !race->late;
}

}  // namespace

absl::StatusOr<AppTarget> FindApp(const Layout& layout, const std::string& pod, const std::string& app) {
  AppTarget target;
  ASSIGN_OR_RETURN(target.pod, rkt::pod::FindPod(layout, pod));
  if (app.empty()) {
    ASSIGN_OR_RETURN(std::vector<AppName> apps, rktlet::spec::ListApps(layout, target.pod));
    if (apps.empty()) {
      return absl::FailedPreconditionError(StrCat("pod ", target.pod.str(), " has no app"));
    }
    if (apps.size() != 1) {
      return UsageError(StrCat("pod ", target.pod.str(), " has ", apps.size(), " apps: --app= must name one"));
    }
    target.app = apps.front();
    return target;
  }
  ASSIGN_OR_RETURN(target.app, AppName::Parse(app));
  if (!rktlet::base::Exists(layout.App(target.pod, target.app))) {
    return absl::NotFoundError(StrCat("pod ", target.pod.str(), " has no app \"", app, "\""));
  }
  return target;
}

absl::StatusOr<AppTarget> FindAppByPath(const Layout& layout, const std::string& path, const std::string& app) {
  const size_t slash = path.find('/');
  if (slash == std::string::npos || !app.empty()) {
    return FindApp(layout, path, app);
  }
  return FindApp(layout, path.substr(0, slash), path.substr(slash + 1));
}

asio::awaitable<absl::Status> StopApp(rktlet::systemd::Manager& manager, Layout layout,
                                      rktlet::spec::ContainerRecord container, int signal, int64_t timeout_usec) {
  absl::StatusOr<rktlet::systemd::UnitName> unit = rktlet::systemd::UnitName::Parse(container.unit);
  if (!unit.ok()) {
    co_return unit.status();
  }
  const rktlet::systemd::UnitName name = *unit;
  if (signal != 0 || timeout_usec >= 0) {
    int number = signal;
    if (number == 0) {
      number = rktlet::spec::SignalNumber(container.stop_signal).value_or(SIGTERM);
    }
    if (timeout_usec < 0) {
      timeout_usec = container.spec.stop_timeout_usec > 0 ? container.spec.stop_timeout_usec
                                                          : rktlet::unit::UnitOptions().default_stop_timeout_usec;
    }
    absl::StatusOr<std::string> pid_text = rktlet::base::ReadFile(layout.ContainerPidFile(container.spec.id), 64);
    const int pid = pid_text.ok() ? std::atoi(pid_text->c_str()) : 0;
    absl::StatusOr<rktlet::base::PidFd> process = rktlet::base::PidFd::Open(pid);
    if (process.ok() && rkt::pod::ProcessIsInUnit(pid, container.unit)) {
      absl::Status killed = co_await manager.KillUnit(name, KillWho::kMain, number);
      if (!killed.ok() && !absl::IsNotFound(killed)) {
        co_return killed;
      }
      const bool ended = co_await WaitForEnd(process->fd(), timeout_usec);
      if (!ended) {
        absl::Status forced = co_await manager.KillUnit(name, KillWho::kAll, SIGKILL);
        if (!forced.ok() && !absl::IsNotFound(forced)) {
          co_return forced;
        }
      }
    }
  }
  // Ends what is left in the unit, and its ExecStopPost= records the exit.
  absl::Status stopped = co_await manager.StopUnit(name, kStopTimeout);
  if (!stopped.ok()) {
    co_return stopped;
  }
  absl::Status reset = co_await manager.ResetFailedUnit(name);
  co_return reset;
}

}  // namespace rkt::cli
