// SPDX-License-Identifier: Apache-2.0
// How much disk directories take, from memory: measured in the background by du(1), one run at a time and at low
// priority, never because somebody asks while the last figure is young. Loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "rktlet/engine/engine.h"

namespace rktlet::stats {

struct Usage {
  uint64_t bytes = 0;  // of blocks allocated
  uint64_t inodes = 0;
  int64_t measured_at = 0;  // ns since the epoch
};

class DiskUsage {
 public:
  // What measures a list of directories; another one in tests.
  using Measure = std::function<engine::Awaitable<absl::StatusOr<std::vector<Usage>>>(std::vector<std::string>)>;

  DiskUsage(boost::asio::any_io_executor executor, const base::Clock& clock, Measure measure = MeasureWithDu);

  // The last figure of each directory, nullopt before its first; starts measuring those that are older than `max_age`.
  std::vector<std::optional<Usage>> Get(const std::vector<std::string>& directories, std::chrono::nanoseconds max_age);

  // The next Get() measures the directory again, whatever the age of the figure.
  void Invalidate(const std::string& directory);
  void Forget(const std::string& directory) { figures_.erase(directory); }

  // One du for the bytes and one for the inodes of all the directories; one that is not there has none of either.
  static engine::Awaitable<absl::StatusOr<std::vector<Usage>>> MeasureWithDu(std::vector<std::string> directories);

 private:
  engine::Awaitable<void> Run();

  boost::asio::any_io_executor executor_;
  const base::Clock& clock_;
  Measure measure_;
  std::map<std::string, Usage> figures_;
  std::vector<std::string> wanted_;
  bool running_ = false;
};

}  // namespace rktlet::stats
