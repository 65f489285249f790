// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/criu.h"

#include <chrono>

#include "base/files.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "spec/runtime_handlers.h"
#include "unit/criu_log.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

constexpr std::chrono::seconds kProbeTimeout{60};
constexpr char kCommon[] = "manage-cgroups=ignore\ntcp-close\nghost-limit=1G\n";

absl::StatusOr<rktlet::base::CommandResult> Probe(const std::string& program, const std::string& argument) {
  rktlet::base::Command command;
  command.program = program;
  command.args = {argument};
  command.environment = RuntimeEnvironment();
  return rktlet::base::RunCommand(std::move(command), {.timeout = kProbeTimeout});
}

}  // namespace

absl::Status CheckCriu(const OciRuntime& runtime) {
  if (runtime.name() != rktlet::spec::kRunc) {
    ASSIGN_OR_RETURN(const rktlet::base::CommandResult version, Probe(runtime.path(), "--version"));
    const bool built_with = version.stdout_data.find("+CRIU") != std::string::npos;
    return absl::FailedPreconditionError(
        StrCat("checkpoints need the runtime handler runc: ", runtime.name(),
               built_with ? " was built with CRIU, and that is not used" : " is built without CRIU"));
  }
  const absl::StatusOr<rktlet::base::CommandResult> check = Probe("criu", "check");
  if (absl::IsNotFound(check.status())) {
    return absl::FailedPreconditionError("checkpoints need criu, which is not installed");
  }
  RETURN_IF_ERROR(check.status());
  if (!check->status.Success()) {
    const std::string said = rktlet::unit::CriuErrors(check->stderr_data + check->stdout_data);
    return absl::FailedPreconditionError(
        StrCat("the installed criu does not work on this kernel (criu check): ", said.empty() ? "no reason" : said));
  }
  return absl::OkStatus();
}

absl::Status WriteCriuDumpConfig(const std::string& path, const std::string& freezer_directory) {
  std::string text = kCommon;
  if (!freezer_directory.empty()) {
    text += StrCat("freeze-cgroup=", freezer_directory, "\n");
  }
  return rktlet::base::WriteFileAtomic(path, text);
}

absl::Status WriteCriuRestoreConfig(const std::string& path) {
  return rktlet::base::WriteFileAtomic(path, StrCat(kCommon, "leave-stopped\n"));
}

}  // namespace rkt::oci
