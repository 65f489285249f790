// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/metric_families.h"

namespace rktlet::cri {

#define LABELS(...) \
  { __VA_ARGS__ }
#define RKTLET_METRIC_FAMILY(id, name, type, labels, help) {name, runtime::v1::type, labels, help},

const std::vector<MetricFamily>& MetricFamilies() {
  static const std::vector<MetricFamily> families = {RKTLET_METRIC_FAMILIES(RKTLET_METRIC_FAMILY)};
  return families;
}

#undef RKTLET_METRIC_FAMILY
#undef LABELS

}  // namespace rktlet::cri
