// SPDX-License-Identifier: Apache-2.0
// The categories that keep pods apart: each has a pair of its own of the 1024 that the policy knows, so that what one
// pod has labelled is closed to all others, whatever their type.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "base/files.h"
#include "base/status.h"
#include "rkt/selinux/policy.h"
#include "spec/layout.h"

namespace rkt::selinux {

// "s0:c7,c99": a pair that none of `taken` is. `random` gives any number below its argument. ResourceExhausted when all
// are taken.
absl::StatusOr<std::string> ChooseLevel(const std::set<std::string>& taken,
                                        const std::function<uint32_t(uint32_t)>& random);

// A level that no pod on this machine has, and the lock under which that stays true: it is held until the pod's record
// is where others look.
struct ReservedLevel {
  std::string level;
  rktlet::base::FileLock lock;
};
absl::StatusOr<ReservedLevel> ReserveLevel(const rktlet::spec::Layout& layout);

// What a new pod gets: the level that is asked for, or one that no other pod has, and the label of its files. All empty
// without SELinux. The failures of MakeLabels().
struct PodLabels {
  std::string level;
  std::string files;
  std::optional<ReservedLevel> reserved;
};
absl::StatusOr<PodLabels> LabelPod(const Policy& policy, const rktlet::spec::Layout& layout,
                                   const rktlet::spec::PodSecurity& security);

}  // namespace rkt::selinux
