// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/update_container.h"

#include <algorithm>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/pod/pod_lock.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::ContainerRecord;
using rktlet::spec::ContainerState;
using rktlet::spec::Layout;

// The OOM score is the one limit that the OCI specification has: of the first process, and of what `app exec` adds.
absl::StatusOr<std::string> WithOomScore(const std::string& path, int64_t score, const HostFacts& facts) {
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(path));
  nlohmann::json config = nlohmann::json::parse(text, nullptr, false);
  if (!config.is_object() || !config.contains("process") || !config["process"].is_object()) {
    return absl::DataLossError(StrCat(path, ": not an OCI specification"));
  }
  config["process"]["oomScoreAdj"] = std::max<int64_t>(score, facts.minimum_oom_score_adj);
  return config.dump();
}

}  // namespace

absl::StatusOr<ContainerRecord> UpdateContainerRecord(const Layout& layout, const rktlet::spec::PodId& pod,
                                                      const rktlet::spec::AppName& app,
                                                      const rktlet::spec::Resources& resources,
                                                      const HostFacts& facts) {
  RETURN_IF_ERROR(rktlet::spec::Validate(resources));
  ASSIGN_OR_RETURN(rktlet::base::FileLock lock, rkt::pod::LockPod(layout, pod));
  ASSIGN_OR_RETURN(ContainerState state, rktlet::spec::ReadContainer(layout, pod, app));
  if (state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("app ", app.str(), " has ended"));
  }
  ContainerRecord& record = state.record;
  // The specification first: it is read at the start and by `app exec` only, the record says what holds.
  if (resources.oom_score_adj.has_value() && resources.oom_score_adj != record.spec.resources.oom_score_adj) {
    const std::string path = layout.AppFile(pod, app, rktlet::spec::kOciConfigFile);
    ASSIGN_OR_RETURN(const std::string config, WithOomScore(path, *resources.oom_score_adj, facts));
    RETURN_IF_ERROR(rktlet::base::WriteFileAtomic(path, config));
  }
  record.spec.resources = resources;
  RETURN_IF_ERROR(rktlet::base::WriteFileAtomic(layout.AppFile(pod, app, rktlet::spec::kContainerFile),
                                                rktlet::spec::ToJson(record)));
  return record;
}

}  // namespace rkt::oci
