// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/environment.h"

namespace rktlet::pods {

unit::UnitOptions Environment::unit_options() const {
  unit::UnitOptions options;
  options.cgroup_version = cgroups.version();
  options.default_stop_timeout_usec =
      std::chrono::duration_cast<std::chrono::microseconds>(config.default_stop_timeout).count();
  options.start_timeout_usec = std::chrono::duration_cast<std::chrono::microseconds>(config.start_timeout).count();
  options.may_lower_oom_score = may_lower_oom_score;
  return options;
}

}  // namespace rktlet::pods
