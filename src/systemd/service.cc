// SPDX-License-Identifier: Apache-2.0
#include "systemd/service.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "base/clock.h"
#include "base/strings.h"

namespace rktlet::systemd {
namespace {

// One line each: a newline in a text would start another assignment.
std::string StatusLine(std::string_view text) {
  if (text.empty()) {
    return "";
  }
  std::string line = base::StrCat("\nSTATUS=", text.substr(0, text.find('\n')));
  return line;
}

// A notification that cannot be delivered has no remedy here: the watchdog and the start timeout are systemd's answer.
void Send(const std::string& state) { static_cast<void>(sd_notify(/*unset_environment=*/0, state.c_str())); }

}  // namespace

void NotifyReady(std::string_view status_text) { Send("READY=1" + StatusLine(status_text)); }

void NotifyReloading() {
  Send(base::StrCat("RELOADING=1\nMONOTONIC_USEC=", base::SystemClock().MonotonicNanos() / 1000));
}

void NotifyStopping(std::string_view status_text) { Send("STOPPING=1" + StatusLine(status_text)); }

void NotifyStatus(std::string_view status_text) {
  Send(base::StrCat("STATUS=", status_text.substr(0, status_text.find('\n'))));
}

void NotifyWatchdog() { Send("WATCHDOG=1"); }

std::optional<std::chrono::microseconds> WatchdogInterval() {
  uint64_t usec = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &usec) <= 0) {
    return std::nullopt;
  }
  return std::chrono::microseconds(usec / 2);
}

std::vector<ListenFd> ListenFds() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
  std::vector<ListenFd> fds;
  for (int i = 0; i < count; ++i) {
    fds.push_back({base::UniqueFd(SD_LISTEN_FDS_START + i), names != nullptr ? names[i] : "unknown"});
  }
  for (char** name = names; name != nullptr && *name != nullptr; ++name) {
    std::free(*name);
  }
  std::free(names);
  return fds;
}

}  // namespace rktlet::systemd
