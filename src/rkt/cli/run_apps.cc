// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/run_apps.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/clock.h"
#include "base/strings.h"
#include "rkt/pod/app_state.h"

namespace rkt::cli {
namespace {

namespace spec = rktlet::spec;
using rktlet::base::StrCat;

constexpr int kLookMillis =
    1000;  // also without news: an app whose unit could not write its exit is seen by its process

}  // namespace

AppsWatch::AppsWatch(spec::Layout layout, spec::PodId pod, std::vector<spec::AppName> apps, bool print)
    : layout_(std::move(layout)), pod_(std::move(pod)), records_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  for (spec::AppName& name : apps) {
    ::inotify_add_watch(records_.get(), layout_.App(pod_, name).c_str(), IN_CREATE | IN_MOVED_TO);
    App app;
    if (const auto state = spec::ReadContainer(layout_, pod_, name); state.ok() && print) {
      app.log_path = state->record.log_path;
    }
    if (apps.size() > 1) {
      app.printer.prefix = StrCat(name.str(), ": ");
    }
    app.name = std::move(name);
    apps_.push_back(std::move(app));
  }
}

absl::StatusOr<bool> AppsWatch::AllEnded() const {
  ASSIGN_OR_RETURN(const std::string boot_id, rktlet::base::BootId());
  for (const App& app : apps_) {
    const absl::StatusOr<spec::ContainerState> state = spec::ReadContainer(layout_, pod_, app.name);
    if (absl::IsNotFound(state.status())) {
      continue;  // removed by somebody
    }
    RETURN_IF_ERROR(state.status());
    const std::string now = rkt::pod::ObserveApp(*state, boot_id).state;
    if (now == "running" || now == "created") {
      return false;
    }
  }
  return true;
}

absl::Status AppsWatch::Drain() {
  for (App& app : apps_) {
    if (app.log_path.empty()) {
      continue;
    }
    if (app.reader == nullptr) {
      auto reader = std::make_unique<LogReader>(app.log_path);
      if (!reader->Open().ok()) {
        continue;  // nothing was written yet
      }
      app.reader = std::move(reader);
    }
    app.reader->Settle();
    while (const std::optional<std::string> line = app.reader->Next()) {
      RETURN_IF_ERROR(app.printer.Print(*line));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> AppsWatch::Wait(int stop_fd) {
  bool look = true;
  while (true) {
    bool ended = false;
    if (look) {
      ASSIGN_OR_RETURN(ended, AllEnded());
    }
    RETURN_IF_ERROR(Drain());  // after the look: what was written before the end is there
    if (ended) {
      return true;
    }
    std::vector<pollfd> fds = {{stop_fd, POLLIN, 0}, {records_.get(), POLLIN, 0}};
    for (const App& app : apps_) {
      fds.push_back({app.reader != nullptr ? app.reader->watch() : -1, POLLIN, 0});
    }
    const int count = ::poll(fds.data(), fds.size(), kLookMillis);
    if (count < 0 && errno != EINTR) {
      return rktlet::base::ErrnoStatus(errno, "poll");
    }
    if (fds[0].revents != 0) {
      return false;
    }
    look = count <= 0 || fds[1].revents != 0;
    std::array<char, 4096> events{};
    while (::read(records_.get(), events.data(), events.size()) > 0) {
    }
  }
}

absl::StatusOr<int> AppsWatch::ExitCode() const {
  ASSIGN_OR_RETURN(const std::string boot_id, rktlet::base::BootId());
  for (const App& app : apps_) {
    const absl::StatusOr<spec::ContainerState> state = spec::ReadContainer(layout_, pod_, app.name);
    if (absl::IsNotFound(state.status())) {
      continue;
    }
    RETURN_IF_ERROR(state.status());
    if (const int code = rkt::pod::ObserveApp(*state, boot_id).exit_code; code != 0) {
      return code;
    }
  }
  return 0;
}

}  // namespace rkt::cli
