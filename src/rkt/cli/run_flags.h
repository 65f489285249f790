// SPDX-License-Identifier: Apache-2.0
// The command line of `rkt run`: flags of the pod, then images, each followed by flags of its own and, after `--`, by
// arguments that end at `---`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/cli/app_add_flags.h"
#include "rkt/cli/pod_flags.h"

namespace rkt::cli {

struct RunApp {
  std::string image;
  AppAddFlags flags;
  std::vector<std::string> environment;
  std::vector<std::string> mounts;  // "volume=NAME,target=PATH"
  std::vector<std::string> arguments;
};

class RunFlags {
 public:
  // The flags that stand in front of the first image.
  void Define(FlagSet& flags);

  // The rest of the command line, from the first image on.
  absl::Status ParseApps(const Positionals& positionals);

  absl::StatusOr<rktlet::spec::PodSpec> PodSpecOf(const Context& context) const;
  // One for each image, in their order. `image` names the image as the command line does. Every volume is mounted
  // somewhere, and every app has a name of its own.
  absl::StatusOr<std::vector<rktlet::spec::ContainerSpec>> ContainerSpecs(const Context& context) const;

 private:
  absl::Status ParseApp(const std::vector<std::string>& args, size_t* index);
  absl::StatusOr<rktlet::spec::Mount> MountOf(const std::string& text, std::vector<std::string>* used) const;

  PodFlags pod_;
  std::vector<std::string> volumes_;
  std::vector<std::string> mounts_;
  std::vector<std::string> environment_;
  std::vector<std::unique_ptr<RunApp>> apps_;  // flags point into them
};

// A port as the original took it, "80-tcp:8080" or "80-tcp:127.0.0.1:8080", in the long form that ParsePort() takes;
// the long form as it is.
std::string ExpandPort(const std::string& text);

}  // namespace rkt::cli
