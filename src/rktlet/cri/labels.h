// SPDX-License-Identifier: Apache-2.0
// The label selectors of the CRI's filters: each label that is named has to have the value that is named.
#pragma once

#include <algorithm>
#include <map>
#include <string>

namespace rktlet::cri {

template <typename Selector>
bool LabelsMatch(const Selector& selector, const std::map<std::string, std::string>& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto label = labels.find(wanted.first);
    return label != labels.end() && label->second == wanted.second;
  });
}

}  // namespace rktlet::cri
