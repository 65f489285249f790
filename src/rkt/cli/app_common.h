// SPDX-License-Identifier: Apache-2.0
// What the `app` commands share: which container is meant, and how one is stopped.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cli/flags.h"
#include "spec/layout.h"
#include "systemd/manager.h"

namespace rkt::cli {

struct AppTarget {
  rktlet::spec::PodId pod;
  rktlet::spec::AppName app;
};

// The app that `--app=` names in the pod that `pod` (a prefix of an id) names; without a name the only one of the pod.
// NotFound when there is none such.
absl::StatusOr<AppTarget> FindApp(const rktlet::spec::Layout& layout, const std::string& pod, const std::string& app);

// The same of "POD/APP", unless `app` names it.
absl::StatusOr<AppTarget> FindAppByPath(const rktlet::spec::Layout& layout, const std::string& path,
                                        const std::string& app);

// The command behind the pod's id in the arguments of `app exec` and `enter`; a shell when there is none.
std::vector<std::string> ExecCommandOf(const Positionals& positionals);

// Stops the container's unit: its stop signal, its grace period, then SIGKILL to what is left, unless the arguments say
// otherwise (`signal` 0 and `timeout_usec` -1: the unit's own). Its exit is on record afterwards. OK when nothing runs.
boost::asio::awaitable<absl::Status> StopApp(rktlet::systemd::Manager& manager, rktlet::spec::Layout layout,
                                             rktlet::spec::ContainerRecord container, int signal, int64_t timeout_usec);

}  // namespace rkt::cli
