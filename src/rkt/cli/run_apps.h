// SPDX-License-Identifier: Apache-2.0
// Staying with the apps of a pod: what they write is printed, and their end is waited for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rkt/cli/log_reader.h"
#include "spec/layout.h"

namespace rkt::cli {

class AppsWatch {
 public:
  // With `print` the apps' logs go to our stdout and stderr; with several apps each line has its app's name in front.
  AppsWatch(rktlet::spec::Layout layout, rktlet::spec::PodId pod, std::vector<rktlet::spec::AppName> apps, bool print);

  // Returns when all apps have ended, and all that they wrote is printed: true. When `stop_fd`, unless it is -1, can be
  // read before that: false.
  absl::StatusOr<bool> Wait(int stop_fd);

  // Of the first app, in their order, that did not end with 0.
  absl::StatusOr<int> ExitCode() const;

 private:
  struct App {
    rktlet::spec::AppName name;
    std::string log_path;
    std::unique_ptr<LogReader> reader;  // once the log is there
    LogPrinter printer;
  };

  absl::StatusOr<bool> AllEnded() const;
  absl::Status Drain();

  rktlet::spec::Layout layout_;
  rktlet::spec::PodId pod_;
  std::vector<App> apps_;
  rktlet::base::UniqueFd records_;  // inotify: something was written into an app's directory
};

}  // namespace rkt::cli
