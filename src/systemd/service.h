// SPDX-License-Identifier: Apache-2.0
// The service side of systemd for our own daemon: readiness and status (sd_notify(3)), the watchdog, and the sockets it
// was activated with (sd_listen_fds(3)). All of it is silent when systemd did not start us.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace rktlet::systemd {

void NotifyReady(std::string_view status_text = {});
// Type=notify-reload wants the time of the reload with it (systemd 253); 252 ignores it. NotifyReady() ends the reload.
void NotifyReloading();
void NotifyStopping(std::string_view status_text = {});
// The line that `systemctl status` shows.
void NotifyStatus(std::string_view status_text);
void NotifyWatchdog();

// How often systemd wants to hear NotifyWatchdog(): half of WatchdogSec=; nullopt when there is no watchdog for us.
std::optional<std::chrono::microseconds> WatchdogInterval();

struct ListenFd {
  base::UniqueFd fd;  // close-on-exec
  std::string name;   // FileDescriptorName= of the socket unit, "unknown" without one
};

// The sockets that systemd passed, in its order. Takes them and clears the environment: the second call has none.
std::vector<ListenFd> ListenFds();

}  // namespace rktlet::systemd
