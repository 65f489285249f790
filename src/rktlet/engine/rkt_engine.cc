// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/rkt_engine.h"

#include <algorithm>
#include <csignal>

#include "base/strings.h"
#include "rktlet/engine/rkt_command.h"

namespace rktlet::engine {
namespace {

using base::StrCat;

constexpr int kReportFd = 3;  // in the child

std::string LastLine(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const size_t newline = text.rfind('\n');
  return std::string(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

}  // namespace

RktEngine::RktEngine(const config::Config& config, std::string rkt, std::string helper, spec::Layout layout,
                     PullCgroup pull_cgroup)
    : config_(config),
      rkt_(std::move(rkt)),
      helper_(std::move(helper)),
      layout_(std::move(layout)),
      pull_cgroup_(std::move(pull_cgroup)) {
  std::signal(SIGPIPE, SIG_IGN);  // a command that does not read its stdin is an error of that command
}

base::Command RktEngine::Command(const std::vector<std::string>& args) const {
  return RktCommand(rkt_, helper_, layout_, args);
}

Awaitable<absl::StatusOr<std::string>> RktEngine::Run(std::vector<std::string> args, std::string stdin_data,
                                                      std::chrono::nanoseconds timeout) {
  std::string what = "rkt";
  for (const std::string& arg : args) {
    if (arg.starts_with('-')) {
      break;
    }
    what += " " + arg;
  }
  ProcessOptions options;
  options.stdin_data = std::move(stdin_data);
  options.timeout = timeout;
  base::Command command = Command(args);
  auto result = co_await RunProcess(std::move(command), std::move(options));
  CO_RETURN_IF_ERROR(result.status());
  CO_RETURN_IF_ERROR(StatusOfRkt(*result, what));
  co_return std::move(result->command.stdout_data);
}

void RktEngine::AddCniFlags(std::vector<std::string>& args) const {
  args.push_back("--cni-conf-dir=" + config_.cni_conf_dir);
  for (const std::string& directory : config_.cni_bin_dirs) {
    args.push_back("--cni-bin-dir=" + directory);
  }
}

void RktEngine::AddCdiFlags(std::vector<std::string>& args) const {
  for (const std::string& directory : config_.cdi_spec_dirs) {
    args.push_back("--cdi-spec-dir=" + directory);
  }
  if (config_.cdi_spec_dirs.empty()) {
    args.emplace_back("--cdi-spec-dir=");  // none, which is not the same as not saying
  }
}

Awaitable<absl::StatusOr<spec::PodRecord>> RktEngine::PreparePod(spec::PodSpec pod) {
  std::vector<std::string> args = {"app", "prepare", "--config=-"};
  std::string document = spec::ToJson(pod);
  auto printed = co_await Run(std::move(args), std::move(document), config_.command_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  auto state = spec::ReadPod(layout_, pod.id);
  CO_RETURN_IF_ERROR(state.status());
  co_return std::move(state->record);
}

Awaitable<absl::StatusOr<spec::NetworkRecord>> RktEngine::NetworkUp(spec::PodId pod) {
  std::vector<std::string> args = {"app", "network", "up"};
  AddCniFlags(args);
  args.push_back(pod.str());
  auto printed = co_await Run(std::move(args), "", config_.network_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  auto state = spec::ReadPod(layout_, pod);
  CO_RETURN_IF_ERROR(state.status());
  if (!state->network.has_value()) {
    co_return absl::InternalError(StrCat("rkt app network up: left no record for pod ", pod.str()));
  }
  co_return std::move(*state->network);
}

Awaitable<absl::Status> RktEngine::NetworkDown(spec::PodId pod) {
  std::vector<std::string> args = {"app", "network", "down"};
  AddCniFlags(args);
  args.push_back(pod.str());
  auto printed = co_await Run(std::move(args), "", config_.network_timeout);
  co_return absl::IsNotFound(printed.status()) ? absl::OkStatus() : printed.status();
}

Awaitable<absl::Status> RktEngine::RemovePod(spec::PodId pod) {
  std::vector<std::string> args = {"rm"};
  AddCniFlags(args);
  args.push_back(pod.str());
  auto printed = co_await Run(std::move(args), "", config_.network_timeout);
  co_return absl::IsNotFound(printed.status()) ? absl::OkStatus() : printed.status();
}

Awaitable<absl::StatusOr<spec::ContainerRecord>> RktEngine::AddContainer(spec::PodId pod, spec::ContainerSpec spec) {
  std::vector<std::string> args = {"app", "add", "--config=-", "--format=json",
                                   StrCat("--restore-images=", config_.restore_images ? "true" : "false")};
  AddCdiFlags(args);
  args.push_back(pod.str());
  std::string document = spec::ToJson(spec);
  // A checkpoint has to be unpacked: gigabytes perhaps.
  const bool restores = spec.image.starts_with('/') || config_.restore_images;
  const std::chrono::nanoseconds timeout = restores && config_.command_timeout.count() != 0
                                               ? std::max(config_.command_timeout, config_.checkpoint_timeout)
                                               : config_.command_timeout;
  auto printed = co_await Run(std::move(args), std::move(document), timeout);
  CO_RETURN_IF_ERROR(printed.status());
  auto record = spec::ParseContainerRecord(*printed);
  if (!record.ok()) {
    co_return base::Annotate(record.status(), "rkt app add printed no usable record");
  }
  co_return record;
}

Awaitable<absl::Status> RktEngine::Checkpoint(CheckpointRequest request) {
  // The command keeps the time itself: it must not be killed while a container is being saved.
  const int64_t milliseconds = std::chrono::ceil<std::chrono::milliseconds>(request.timeout).count();
  std::vector<std::string> args = {"app", "checkpoint", "--output=" + request.output,
                                   StrCat("--timeout=", milliseconds, "ms")};
  if (request.whole_pod) {
    args.push_back("--pod");
  }
  for (const spec::AppName& app : request.apps) {
    args.push_back("--app=" + app.str());
  }
  args.push_back(request.pod.str());
  auto printed = co_await Run(std::move(args), "", std::chrono::nanoseconds(0));
  co_return printed.status();
}

Awaitable<absl::Status> RktEngine::RemoveContainer(spec::PodId pod, spec::AppName app) {
  std::vector<std::string> args = {"app", "rm", "--force", "--files-only", "--app=" + app.str(), pod.str()};
  auto printed = co_await Run(std::move(args), "", config_.command_timeout);
  co_return absl::IsNotFound(printed.status()) ? absl::OkStatus() : printed.status();
}

Awaitable<absl::StatusOr<spec::ContainerRecord>> RktEngine::UpdateContainer(spec::PodId pod, spec::AppName app,
                                                                            spec::Resources resources) {
  std::vector<std::string> args = {
      "app", "update", "--config=-", "--record-only", "--format=json", "--app=" + app.str(), pod.str()};
  std::string document = spec::ToJson(resources);
  auto printed = co_await Run(std::move(args), std::move(document), config_.command_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  auto record = spec::ParseContainerRecord(*printed);
  if (!record.ok()) {
    co_return base::Annotate(record.status(), "rkt app update printed no usable record");
  }
  co_return record;
}

Awaitable<absl::StatusOr<spec::PodRecord>> RktEngine::UpdatePod(spec::PodId pod, spec::PodResources resources) {
  std::vector<std::string> args = {"app", "update", "--pod", "--config=-", "--format=json", pod.str()};
  std::string document = spec::ToJson(resources);
  auto printed = co_await Run(std::move(args), std::move(document), config_.command_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  auto record = spec::ParsePodRecord(*printed);
  if (!record.ok()) {
    co_return base::Annotate(record.status(), "rkt app update printed no usable record");
  }
  co_return record;
}

Cancellation RktEngine::Track(Cancellation cancellation) {
  std::erase_if(long_running_, [](const Cancellation& tracked) { return tracked.idle(); });
  long_running_.push_back(cancellation);
  return cancellation;
}

void RktEngine::Stop() {
  for (Cancellation& cancellation : std::exchange(long_running_, {})) {
    cancellation.Cancel();
  }
}

Awaitable<absl::StatusOr<ExecResult>> RktEngine::Exec(ExecRequest request) {
  std::vector<std::string> args = {"app", "exec", "--app=" + request.app.str(), StrCat("--report-fd=", kReportFd)};
  args.push_back(request.pod.str());
  args.emplace_back("--");
  args.insert(args.end(), request.command.begin(), request.command.end());
  ProcessOptions options;
  options.output_limit = request.output_limit;
  options.timeout = request.timeout.value_or(std::chrono::nanoseconds(0));
  options.kill_grace = std::chrono::seconds(2);
  options.cancellation = Track(request.cancellation);
  CO_ASSIGN_OR_RETURN(const auto report, MakeReportPipe());
  base::Command command = Command(args);
  std::erase(*command.environment, "RKT_STATUS_LINE=1");  // stderr is the command's
  command.fds.emplace_back(report.second.get(), kReportFd);
  auto result = co_await RunProcess(std::move(command), std::move(options));
  CO_RETURN_IF_ERROR(result.status());
  if (result->cancelled) {
    co_return absl::CancelledError("exec: ended early, the command was killed");
  }
  if (result->command.timed_out) {
    co_return absl::DeadlineExceededError("exec: the command ran into its timeout and was killed");
  }
  // A command that cannot be executed, or that there is not, is a result: 126 or 127, as a shell has it.
  const absl::Status reported = StatusOfReport(report.first);
  if (!reported.ok() && !absl::IsPermissionDenied(reported) && !absl::IsNotFound(reported)) {
    co_return reported;
  }
  if (result->command.status.signal != 0) {
    co_return absl::InternalError(StrCat("exec: rkt was ended by signal ", result->command.status.signal));
  }
  co_return ExecResult{.exit_code = result->command.status.code,
                       .stdout_data = std::move(result->command.stdout_data),
                       .stderr_data = std::move(result->command.stderr_data),
                       .truncated = result->command.stdout_truncated};
}

Awaitable<absl::StatusOr<std::string>> RktEngine::FetchImage(FetchRequest request) {
  std::vector<std::string> args = {"image", "fetch", "--pull-policy=update", "--progress=json"};
  if (!request.auth_json.empty()) {
    args.emplace_back("--authfile=-");
  } else if (!config_.authfile.empty()) {
    args.push_back("--authfile=" + config_.authfile);
  }
  const auto stall = std::chrono::ceil<std::chrono::milliseconds>(request.progress_timeout).count();
  args.push_back(StrCat("--stall-timeout=", stall, "ms"));
  args.emplace_back("--");
  args.push_back(request.reference);
  base::Command command = Command(args);
  if (pull_cgroup_.valid()) {
    // A shell enters the group before rkt is there: rkt's children are then born in it, and the kernel's wait at the
    // write is not the loop's.
    std::vector<std::string> wrapped = {"-c", R"(echo 0 >"$0" && exec "$@")", pull_cgroup_.ProcsFile(),
                                        command.program};
    wrapped.insert(wrapped.end(), command.args.begin(), command.args.end());
    command.program = "/bin/sh";
    command.args = std::move(wrapped);
  }
  ProcessOptions options;
  options.stdin_data = std::move(request.auth_json);
  options.timeout = request.timeout;
  options.cancellation = Track(Cancellation());
  FetchProgress progress;
  options.on_stderr_line = [&](std::string_view line) {
    if (auto told = ParseFetchProgress(line, progress)) {
      progress = *std::move(told);
      request.on_progress(progress);
    }
  };
  const uint64_t oom_kills = pull_cgroup_.OomKills();
  auto result = co_await RunProcess(std::move(command), std::move(options));
  CO_RETURN_IF_ERROR(result.status());
  if (absl::Status status = StatusOfRkt(*result, StrCat("pull ", request.reference)); !status.ok()) {
    if (pull_cgroup_.OomKills() > oom_kills) {
      co_return absl::ResourceExhaustedError(
          StrCat(status.message(), " (pulls have used up images.pull_memory_limit of rktlet.yaml)"));
    }
    if (absl::IsDeadlineExceeded(status)) {
      const char* key = result->command.timed_out ? "images.pull_timeout" : "images.pull_progress_timeout";
      co_return absl::DeadlineExceededError(StrCat(status.message(), " (", key, " of rktlet.yaml)"));
    }
    co_return status;
  }
  std::string id = LastLine(result->command.stdout_data);
  if (id.empty()) {
    co_return absl::InternalError(StrCat("pull ", request.reference, ": rkt printed no image id"));
  }
  co_return id;
}

Awaitable<absl::StatusOr<std::vector<Image>>> RktEngine::ListImages() {
  std::vector<std::string> args = {"image", "list", "--full", "--format=json"};
  auto printed = co_await Run(std::move(args), "", config_.command_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  co_return ParseImageList(*printed);
}

Awaitable<absl::StatusOr<std::string>> RktEngine::ImageConfig(std::string id) {
  std::vector<std::string> args = {"image", "cat-manifest", "--config", "--pretty-print=false", std::move(id)};
  return Run(std::move(args), "", config_.command_timeout);
}

Awaitable<absl::Status> RktEngine::RemoveImage(std::string id) {
  std::vector<std::string> args = {"image", "rm", std::move(id)};
  auto printed = co_await Run(std::move(args), "", config_.command_timeout);
  co_return absl::IsNotFound(printed.status()) ? absl::OkStatus() : printed.status();
}

Awaitable<absl::StatusOr<Features>> RktEngine::GetFeatures() {
  if (!features_.has_value()) {
    std::vector<std::string> args = {"features", "--format=json"};
    auto printed = co_await Run(std::move(args), "", config_.network_timeout);
    CO_RETURN_IF_ERROR(printed.status());
    auto features = ParseFeatures(*printed);
    CO_RETURN_IF_ERROR(features.status());
    features_ = *std::move(features);
  }
  co_return *features_;
}

Awaitable<absl::StatusOr<NetworkStatus>> RktEngine::GetNetworkStatus() {
  std::vector<std::string> args = {"app", "network", "status", "--format=json"};
  AddCniFlags(args);
  auto printed = co_await Run(std::move(args), "", config_.network_timeout);
  CO_RETURN_IF_ERROR(printed.status());
  co_return ParseNetworkStatus(*printed);
}

}  // namespace rktlet::engine
