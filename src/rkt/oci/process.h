// SPDX-License-Identifier: Apache-2.0
// Command line, environment and working directory of a container, from what was asked for and what its image says.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "spec/container_spec.h"

namespace rkt::oci {

// The part of an image's configuration that a process is made of.
struct ImageProcess {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "K=V"
  std::string working_directory;
  std::string user;
  std::string stop_signal;
};

inline constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// command replaces entrypoint and cmd, args replaces cmd. InvalidArgument when nothing is left to run.
absl::StatusOr<std::vector<std::string>> BuildArgv(const rktlet::spec::ContainerSpec& spec, const ImageProcess& image);

// PATH (unless the image has one), HOSTNAME, TERM with a terminal, then the image's, then the given: the later wins and
// keeps the place of the earlier.
std::vector<std::string> BuildEnvironment(const rktlet::spec::ContainerSpec& spec, const ImageProcess& image,
                                          const std::string& hostname);

// `environment` ("K=V") with `name` set to `value`.
void SetVariable(std::vector<std::string>& environment, const std::string& name, const std::string& value);

// The given one, else the image's, else "/". InvalidArgument unless it is absolute.
absl::StatusOr<std::string> BuildWorkingDirectory(const rktlet::spec::ContainerSpec& spec, const ImageProcess& image);

// The effective stop signal's name, "SIGTERM" by default.
absl::StatusOr<std::string> BuildStopSignal(const rktlet::spec::ContainerSpec& spec, const ImageProcess& image);

}  // namespace rkt::oci
