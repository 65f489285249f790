// SPDX-License-Identifier: Apache-2.0
// The pods whose start is under way, and how far each is: what a slow sandbox waits for.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace rktlet::pods {

struct PodStart {
  struct Step {
    std::string name;      // "prepare", "unit", "network"
    int64_t began = 0;     // ns, monotonic
    int64_t duration = 0;  // ns; up to now while it goes on
    bool under_way = true;
  };

  std::string id;
  std::string pod;          // "shop/web-0"
  std::vector<Step> steps;  // in the order in which they began; some run side by side

  // "prepare 12 ms, unit 34 ms, network 120 ms"
  std::string InWords() const;
};

class PodStarts {
 public:
  explicit PodStarts(const base::Clock& clock) : clock_(clock) {}

  class Entry;

  // As of now, the oldest first.
  std::vector<PodStart> List() const;

 private:
  PodStart AsOfNow(PodStart start) const;

  const base::Clock& clock_;
  std::shared_ptr<std::list<PodStart>> starts_ = std::make_shared<std::list<PodStart>>();
};

// One start, listed as long as this lives, which may be longer than the list's owner does.
class PodStarts::Entry {
 public:
  Entry(const PodStarts& all, std::string id, std::string pod);
  ~Entry() { all_.starts_->erase(place_); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  void Begin(std::string step);
  void End(const std::string& step);
  PodStart Now() const;

 private:
  PodStarts all_;
  std::list<PodStart>::iterator place_;
};

}  // namespace rktlet::pods
