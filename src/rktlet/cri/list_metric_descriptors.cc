// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/metric_families.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {

Reply<v1::ListMetricDescriptorsResponse> ListMetricDescriptors(Context& /*context*/, engine::Cancellation,
                                                               const v1::ListMetricDescriptorsRequest& /*request*/) {
  v1::ListMetricDescriptorsResponse response;
  for (const MetricFamily& family : MetricFamilies()) {
    v1::MetricDescriptor& descriptor = *response.add_descriptors();
    descriptor.set_name(family.name);
    descriptor.set_help(family.help);
    for (const char* label : kBaseLabels) {
      descriptor.add_label_keys(label);
    }
    for (const char* label : family.labels) {
      descriptor.add_label_keys(label);
    }
  }
  co_return response;
}

}  // namespace rktlet::cri
