// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/pod_starts.h"

#include <utility>

#include "base/strings.h"

namespace rktlet::pods {

std::string PodStart::InWords() const {
  std::string text;
  for (const Step& step : steps) {
    text += base::StrCat(text.empty() ? "" : ", ", step.name, " ", step.duration / 1'000'000, " ms");
  }
  return text;
}

PodStarts::Entry::Entry(const PodStarts& all, std::string id, std::string pod) : all_(all) {
  place_ = all_.starts_->insert(all_.starts_->end(), {.id = std::move(id), .pod = std::move(pod), .steps = {}});
}

void PodStarts::Entry::Begin(std::string step) {
  place_->steps.push_back({.name = std::move(step), .began = all_.clock_.MonotonicNanos()});
}

void PodStarts::Entry::End(const std::string& step) {
  for (PodStart::Step& one : place_->steps) {
    if (one.name == step) {
      one.duration = all_.clock_.MonotonicNanos() - one.began;
      one.under_way = false;
    }
  }
}

PodStart PodStarts::Entry::Now() const { return all_.AsOfNow(*place_); }

std::vector<PodStart> PodStarts::List() const {
  std::vector<PodStart> list;
  for (const PodStart& start : *starts_) {
    list.push_back(AsOfNow(start));
  }
  return list;
}

PodStart PodStarts::AsOfNow(PodStart start) const {
  for (PodStart::Step& step : start.steps) {
    if (step.under_way) {
      step.duration = clock_.MonotonicNanos() - step.began;
    }
  }
  return start;
}

}  // namespace rktlet::pods
