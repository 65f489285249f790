// SPDX-License-Identifier: Apache-2.0
// Commands that do the same to each of their arguments: one that fails keeps none of the others.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "rkt/cli/context.h"
#include "rkt/cli/flags.h"

namespace rkt::cli {

// The first error of all. With several arguments each error is noted too, as the result can be only one.
inline absl::Status ForEachArgument(const Context& context, const Positionals& positionals,
                                    const std::function<absl::Status(const std::string&)>& action) {
  absl::Status first;
  for (const std::string& argument : positionals.args) {
    const absl::Status status = action(argument);
    if (!status.ok() && positionals.args.size() > 1) {
      context.Note(std::string(status.message()));
    }
    if (first.ok()) {
      first = status;
    }
  }
  return first;
}

}  // namespace rkt::cli
