// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/pull_cgroup.h"

#include <charconv>
#include <string_view>

#include "base/files.h"
#include "base/strings.h"

namespace rktlet::engine {
namespace {

using base::StrCat;

constexpr char kSuffix[] = ".service";

// The path of the line for `controller` ("" is the unified hierarchy) in the text of /proc/PID/cgroup; "" without one.
std::string PathOf(std::string_view text, std::string_view controller) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) {
      continue;
    }
    if (line.substr(first + 1, second - first - 1) == controller) {
      return std::string(line.substr(second + 1));
    }
  }
  return "";
}

// The service's own group, whichever group below it we are in already (after a re-exec).
std::string ServiceGroup(std::string path) {
  if (path.ends_with("/daemon")) {
    path.resize(path.size() - std::string_view("/daemon").size());
  }
  return path.ends_with(kSuffix) ? path : "";
}

absl::Status MoveSelf(const std::string& directory) {
  RETURN_IF_ERROR(base::MakeDirectories(directory));
  return base::WriteExistingFile(directory + "/cgroup.procs", "0");
}

}  // namespace

absl::StatusOr<PullCgroup> PullCgroup::Create(const std::string& self_cgroup, const std::string& root) {
  const bool v2 = base::Exists(root + "/cgroup.controllers");
  const std::string group = ServiceGroup(PathOf(self_cgroup, v2 ? "" : "memory"));
  if (group.empty()) {
    return absl::FailedPreconditionError("not in the control group of a service");
  }
  const std::string own = v2 ? root + group : StrCat(root, "/memory", group);
  if (v2) {
    RETURN_IF_ERROR(MoveSelf(own + "/daemon"));
    RETURN_IF_ERROR(base::WriteExistingFile(own + "/cgroup.subtree_control", "+memory"));
  }
  const std::string pulls = own + "/pulls";
  RETURN_IF_ERROR(base::MakeDirectories(pulls));
  return PullCgroup(pulls, v2);
}

absl::Status PullCgroup::SetMemoryLimit(uint64_t bytes) const {
  if (!valid()) {
    return absl::OkStatus();
  }
  const std::string limit = bytes == 0 ? (v2_ ? "max" : "-1") : std::to_string(bytes);
  return base::WriteExistingFile(directory_ + (v2_ ? "/memory.max" : "/memory.limit_in_bytes"), limit);
}

uint64_t PullCgroup::OomKills() const {
  if (!valid()) {
    return 0;
  }
  const auto text = base::ReadFile(directory_ + (v2_ ? "/memory.events" : "/memory.oom_control"));
  constexpr std::string_view kKey = "oom_kill ";
  const size_t at = text.ok() ? text->find(StrCat("\n", kKey)) : std::string::npos;
  uint64_t count = 0;
  if (at != std::string::npos) {
    std::from_chars(text->data() + at + 1 + kKey.size(), text->data() + text->size(), count);
  }
  return count;
}

}  // namespace rktlet::engine
