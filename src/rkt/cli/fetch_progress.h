// SPDX-License-Identifier: Apache-2.0
// Showing on stderr how a fetch gets on: a bar on a terminal, now and then a line elsewhere, or JSON for programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "rkt/cli/context.h"
#include "rkt/cli/flags.h"
#include "rkt/image/fetch.h"

namespace rkt::cli {

class FetchProgressView {
 public:
  ~FetchProgressView() { End(); }
  // --progress.
  void Define(FlagSet& flags);
  // Whether somebody looks at a bar: then it is worth asking the registry how much there is.
  bool IsBar() const;
  void Show(const Context& context, const std::string& reference, const image::FetchProgress& progress);
  // The failure, for programs; the person gets it from the command itself.
  void ShowFailure(const std::string& reference, const absl::Status& status);
  // Leaves the bar's line, before anything else is printed.
  void End();

 private:
  void Bar(const std::string& reference, const image::FetchProgress& progress);

  std::string mode_ = "text";
  uint64_t next_note_ = uint64_t{1} << 20;
  bool bar_drawn_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// --pull-policy.
void DefinePullPolicy(FlagSet& flags, image::PullPolicy* policy);

// One line of the bar, `columns` wide at most: "busybox:1  [=====>    ]  42%  1.0MiB of 2.4MiB  512KiB/s".
std::string ProgressLine(const std::string& reference, const image::FetchProgress& progress,
                         std::chrono::nanoseconds elapsed, size_t columns);

}  // namespace rkt::cli
