// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/disk_usage.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <set>
#include <string_view>

#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/engine/process.h"

namespace rktlet::stats {
namespace {

using engine::Awaitable;

constexpr size_t kMaxPerRun = 200;  // directories in one command line
constexpr std::chrono::minutes kDuTimeout(10);

// du prints "<number>\t<path>" for each argument that is there.
std::map<std::string, uint64_t, std::less<>> ParseDu(std::string_view text) {
  std::map<std::string, uint64_t, std::less<>> numbers;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    uint64_t number = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error == std::errc() && rest != line.data() + line.size() && *rest == '\t') {
      numbers[std::string(rest + 1, line.data() + line.size())] = number;
    }
  }
  return numbers;
}

Awaitable<absl::StatusOr<std::map<std::string, uint64_t, std::less<>>>> RunDu(std::string unit,
                                                                              std::vector<std::string> directories) {
  base::Command command;
  command.program = "nice";
  command.args = {"-n", "19", "du", "-s", "-x", std::move(unit), "--"};
  command.args.insert(command.args.end(), directories.begin(), directories.end());
  engine::ProcessOptions options;
  options.timeout = kDuTimeout;
  auto result = co_await engine::RunProcess(std::move(command), std::move(options));
  CO_RETURN_IF_ERROR(result.status());
  if (result->command.timed_out) {
    co_return absl::DeadlineExceededError("du took too long");
  }
  co_return ParseDu(result->command.stdout_data);  // files that vanish meanwhile make it fail: no matter
}

uint64_t Find(const std::map<std::string, uint64_t, std::less<>>& numbers, const std::string& directory) {
  const auto found = numbers.find(directory);
  return found == numbers.end() ? 0 : found->second;
}

}  // namespace

DiskUsage::DiskUsage(boost::asio::any_io_executor executor, const base::Clock& clock, Measure measure)
    : executor_(std::move(executor)), clock_(clock), measure_(std::move(measure)) {}

std::vector<std::optional<Usage>> DiskUsage::Get(const std::vector<std::string>& directories,
                                                 std::chrono::nanoseconds max_age) {
  const int64_t oldest = clock_.RealtimeNanos() - max_age.count();
  std::vector<std::optional<Usage>> usages;
  for (const std::string& directory : directories) {
    const auto found = figures_.find(directory);
    const bool known = found != figures_.end();
    usages.push_back(known && found->second.measured_at != 0 ? std::optional(found->second) : std::nullopt);
    if ((!known || found->second.measured_at < oldest) &&
        std::find(wanted_.begin(), wanted_.end(), directory) == wanted_.end()) {
      wanted_.push_back(directory);
    }
  }
  if (!wanted_.empty() && !running_) {
    running_ = true;
    boost::asio::co_spawn(executor_, Run(), boost::asio::detached);
  }
  return usages;
}

void DiskUsage::Invalidate(const std::string& directory) {
  if (const auto found = figures_.find(directory); found != figures_.end()) {
    found->second.measured_at = std::min<int64_t>(found->second.measured_at, 1);
  }
}

Awaitable<void> DiskUsage::Run() {
  while (!wanted_.empty()) {
    const size_t count = std::min(wanted_.size(), kMaxPerRun);
    std::vector<std::string> directories(wanted_.begin(), wanted_.begin() + static_cast<ptrdiff_t>(count));
    std::vector<std::string> argument = directories;
    auto usages = co_await measure_(std::move(argument));
    if (!usages.ok()) {
      base::journal::Warning("Disk usage could not be measured", {{"STATUS", usages.status()}});
      wanted_.clear();
      break;
    }
    for (size_t i = 0; i < count && i < usages->size(); ++i) {
      (*usages)[i].measured_at = clock_.RealtimeNanos();
      figures_[directories[i]] = (*usages)[i];
    }
    std::erase_if(wanted_, [&](const std::string& directory) {
      return std::find(directories.begin(), directories.end(), directory) != directories.end();
    });
  }
  running_ = false;
}

Awaitable<absl::StatusOr<std::vector<Usage>>> DiskUsage::MeasureWithDu(std::vector<std::string> directories) {
  std::vector<std::string> copy = directories;
  auto bytes = co_await RunDu("-B1", std::move(copy));
  CO_RETURN_IF_ERROR(bytes.status());
  copy = directories;
  auto inodes = co_await RunDu("--inodes", std::move(copy));
  CO_RETURN_IF_ERROR(inodes.status());
  std::vector<Usage> usages;
  for (const std::string& directory : directories) {
    usages.push_back(Usage{.bytes = Find(*bytes, directory), .inodes = Find(*inodes, directory), .measured_at = 0});
  }
  co_return usages;
}

}  // namespace rktlet::stats
