// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/hooks.h"

#include <chrono>
#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/oci_runtime.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::Layout;

int PidOf(const Layout& layout, const rktlet::spec::ContainerId& container) {
  const absl::StatusOr<std::string> text = rktlet::base::ReadFile(layout.ContainerPidFile(container));
  return text.ok() ? std::atoi(text->c_str()) : 0;
}

absl::Status RunHook(const rktlet::spec::Hook& hook, const std::string& state, const std::string& directory,
                     const char* step) {
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
  const std::string what = StrCat(step, " hook ", hook.path);
  const absl::StatusOr<rktlet::base::CommandResult> result = rktlet::base::RunCommand(std::move(command), options);
  RETURN_IF_ERROR(rktlet::base::Annotate(result.status(), what));
  return rktlet::base::CheckResult(*result, what);
}

}  // namespace

std::string StateForHooks(const Layout& layout, const rktlet::spec::PodId& pod,
                          const rktlet::spec::ContainerRecord& container, HookStep step, int pid) {
  nlohmann::ordered_json state = {{"ociVersion", "1.0.2"},
                                  {"id", container.spec.id.str()},
                                  {"status", step == HookStep::kPoststart ? "running" : "stopped"}};
  if (step == HookStep::kPoststart) {
    state["pid"] = pid;
  }
  state["bundle"] = layout.App(pod, container.spec.app);
  return state.dump();
}

absl::Status RunHooks(const Layout& layout, const rktlet::spec::PodId& pod, const rktlet::spec::AppName& app,
                      HookStep step) {
  ASSIGN_OR_RETURN(const rktlet::spec::ContainerState state, rktlet::spec::ReadContainer(layout, pod, app));
  const bool poststart = step == HookStep::kPoststart;
  const int pid = poststart ? PidOf(layout, state.record.spec.id) : 0;
  const std::string text = StateForHooks(layout, pod, state.record, step, pid);
  absl::Status first;
  for (const rktlet::spec::Hook& hook : poststart ? state.record.poststart_hooks : state.record.poststop_hooks) {
    const absl::Status status = RunHook(hook, text, layout.App(pod, app), poststart ? "poststart" : "poststop");
    if (first.ok()) {
      first = status;
    }
    if (!status.ok() && poststart) {
      break;
    }
  }
  return first;
}

}  // namespace rkt::oci
