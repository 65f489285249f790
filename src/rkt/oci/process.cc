// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/process.h"

#include "base/strings.h"

namespace rkt::oci {

using rktlet::base::StrCat;
using rktlet::spec::ContainerSpec;

absl::StatusOr<std::vector<std::string>> BuildArgv(const ContainerSpec& spec, const ImageProcess& image) {
  std::vector<std::string> argv = spec.command;
  // A single empty word is how a Dockerfile takes back the entrypoint of its base.
  if (spec.command.empty() && image.entrypoint != std::vector<std::string>{""}) {
    argv = image.entrypoint;
  }
  if (!spec.args.empty()) {
    argv.insert(argv.end(), spec.args.begin(), spec.args.end());
  } else if (spec.command.empty()) {
    argv.insert(argv.end(), image.cmd.begin(), image.cmd.end());
  }
  if (argv.empty()) {
    return absl::InvalidArgumentError(
        StrCat("no command: neither container \"", spec.name, "\" nor image \"", spec.image, "\" has one"));
  }
  if (argv.front().empty()) {
    return absl::InvalidArgumentError(StrCat("the command of container \"", spec.name, "\" is an empty word"));
  }
  return argv;
}

void SetVariable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const std::string prefix = name + "=";
  for (std::string& variable : environment) {
    if (variable.compare(0, prefix.size(), prefix) == 0) {
      variable = prefix + value;
      return;
    }
  }
  environment.push_back(prefix + value);
}

std::vector<std::string> BuildEnvironment(const ContainerSpec& spec, const ImageProcess& image,
                                          const std::string& hostname) {
  std::vector<std::string> environment;
  SetVariable(environment, "PATH", kDefaultPath);
  if (!hostname.empty()) {
    SetVariable(environment, "HOSTNAME", hostname);
  }
  if (spec.tty) {
    SetVariable(environment, "TERM", "xterm");
  }
  for (const std::string& variable : image.env) {
    const size_t equals = variable.find('=');
    if (equals != std::string::npos && equals > 0) {
      SetVariable(environment, variable.substr(0, equals), variable.substr(equals + 1));
    }
  }
  for (const rktlet::spec::EnvironmentVariable& variable : spec.environment) {
    SetVariable(environment, variable.name, variable.value);
  }
  return environment;
}

absl::StatusOr<std::string> BuildWorkingDirectory(const ContainerSpec& spec, const ImageProcess& image) {
  std::string directory = spec.working_directory.empty() ? image.working_directory : spec.working_directory;
  if (directory.empty()) {
    directory = "/";
  }
  if (directory.front() != '/') {
    return absl::InvalidArgumentError(StrCat("the working directory \"", directory, "\" is not absolute"));
  }
  return directory;
}

absl::StatusOr<std::string> BuildStopSignal(const ContainerSpec& spec, const ImageProcess& image) {
  const std::string asked = spec.stop_signal.empty() ? image.stop_signal : spec.stop_signal;
  if (asked.empty()) {
    return std::string("SIGTERM");
  }
  ASSIGN_OR_RETURN(int number, rktlet::spec::SignalNumber(asked));
  return rktlet::spec::SignalName(number);
}

}  // namespace rkt::oci
