// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/hooks.h"

#include <chrono>
#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/oci_runtime.h"
#include "spec/records.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::Layout;

int PidOf(const Layout& layout, const rktlet::spec::ContainerId& container) {
  const absl::StatusOr<std::string> text = rktlet::base::ReadFile(layout.ContainerPidFile(container));
  return text.ok() ? std::atoi(text->c_str()) : 0;
}

absl::Status RunHook(const rktlet::spec::Hook& hook, const std::string& state, const std::string& directory) {
  rktlet::base::Command command;
  command.program = hook.path;
  if (!hook.args.empty()) {
    command.arg0 = hook.args.front();
    command.args.assign(hook.args.begin() + 1, hook.args.end());
  }
  command.environment = hook.env.empty() ? RuntimeEnvironment() : hook.env;
  command.working_directory = directory;
  rktlet::base::RunOptions options;
  options.stdin_data = state;
  if (hook.timeout.has_value()) {
    options.timeout = std::chrono::seconds(*hook.timeout);
  }
  const std::string what = StrCat("poststart hook ", hook.path);
  const absl::StatusOr<rktlet::base::CommandResult> result = rktlet::base::RunCommand(std::move(command), options);
  RETURN_IF_ERROR(rktlet::base::Annotate(result.status(), what));
  return rktlet::base::CheckResult(*result, what);
}

}  // namespace

absl::Status RunPoststartHooks(const Layout& layout, const rktlet::spec::PodId& pod, const rktlet::spec::AppName& app) {
  ASSIGN_OR_RETURN(const rktlet::spec::ContainerState container, rktlet::spec::ReadContainer(layout, pod, app));
  const rktlet::spec::ContainerId& id = container.record.spec.id;
  const std::string directory = layout.App(pod, app);
  const nlohmann::ordered_json state = {{"ociVersion", "1.0.2"},
                                        {"id", id.str()},
                                        {"status", "running"},
                                        {"pid", PidOf(layout, id)},
                                        {"bundle", directory}};
  for (const rktlet::spec::Hook& hook : container.record.poststart_hooks) {
    RETURN_IF_ERROR(RunHook(hook, state.dump(), directory));
  }
  return absl::OkStatus();
}

}  // namespace rkt::oci
