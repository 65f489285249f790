// SPDX-License-Identifier: Apache-2.0
// The flags by which `app add` describes a container on the command line, as the ContainerSpec that --config takes
// whole.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cli/context.h"
#include "rkt/cli/flags.h"
#include "spec/container_spec.h"

namespace rkt::cli {

// --memory, --cpu, --cpu-shares, --oom-score-adj.
class LimitFlags {
 public:
  void Define(FlagSet& flags);
  absl::Status SetResources(rktlet::spec::Resources& resources) const;

 private:
  std::string memory_;
  std::string cpu_;
  std::optional<int64_t> cpu_shares_;
  std::optional<int64_t> oom_score_adj_;
};

class AppAddFlags {
 public:
  void Define(FlagSet& flags);

  // `words`: image, then the arguments.
  absl::StatusOr<rktlet::spec::ContainerSpec> ToSpec(const Context& context, const std::string& image,
                                                     const std::vector<std::string>& arguments) const;

  // With --map-ids: gives the host's volumes in `spec` the ids of the pod's user namespace.
  absl::Status MapVolumes(const std::optional<rktlet::spec::UserNamespace>& user_namespace,
                          rktlet::spec::ContainerSpec& spec) const;

 private:
  absl::Status SetIdentity(const std::string& image, rktlet::spec::ContainerSpec& spec) const;
  absl::Status SetUser(rktlet::spec::ContainerSecurity& security) const;
  absl::Status SetSecurity(const Context& context, rktlet::spec::ContainerSecurity& security) const;
  absl::Status SetStreams(rktlet::spec::ContainerSpec& spec) const;

  std::string name_;
  std::string exec_;
  std::string working_dir_;
  bool readonly_rootfs_ = false;
  std::string user_;
  std::string group_;
  std::vector<std::string> supplementary_gids_;
  std::vector<std::string> environment_;
  std::map<std::string, std::string> annotations_;
  std::map<std::string, std::string> user_annotations_;
  std::map<std::string, std::string> user_labels_;
  std::vector<std::string> volumes_;
  bool map_ids_ = false;
  std::vector<std::string> cdi_devices_;
  LimitFlags limits_;
  std::vector<std::string> caps_retain_;
  std::vector<std::string> caps_remove_;
  std::string seccomp_;
  std::string stdin_;
  std::string stdout_;
  std::string stderr_;
};

// "512", "64K", "128Mi", "1.5G" in bytes.
absl::StatusOr<int64_t> ParseMemory(const std::string& text);
// "2", "0.5", "500m" as a quota in µs of the kernel's default period of 100 ms.
absl::StatusOr<int64_t> ParseCpuQuota(const std::string& text);
// "mode=retain,@rkt/default-whitelist", "/a/profile.json"; empty: the default.
absl::StatusOr<rktlet::spec::SecurityProfile> ParseSeccomp(const std::string& text);
// "name=data,kind=host,source=/srv,target=/data,readOnly=true".
absl::StatusOr<rktlet::spec::Mount> ParseVolume(const std::string& text);

}  // namespace rkt::cli
