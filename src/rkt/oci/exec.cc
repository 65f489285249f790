// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/fd_passing.h"
#include "base/files.h"
#include "base/pid_fd.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/exec_child.h"
#include "rkt/oci/exec_console.h"
#include "rkt/oci/oci_runtime.h"
#include "rkt/oci/process.h"
#include "rkt/oci/stdio.h"
#include "rkt/oci/user.h"
#include "spec/runtime_handlers.h"
#include "unit/cgroup.h"
#include "unit/unit_names.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::PidFd;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::AppName;
using rktlet::spec::ContainerState;
using rktlet::spec::Layout;
using rktlet::spec::PodId;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

// A file in memory that the runtime opens by /proc/self/fd/N: so it stays open over its exec.
absl::StatusOr<UniqueFd> MemoryFile(const std::string& data) {
  UniqueFd fd(memfd_create("rkt-exec", 0));  // NOLINT(android-cloexec-memfd-create)
  if (!fd.valid()) {
    return ErrnoStatus(errno, "memfd_create");
  }
  RETURN_IF_ERROR(rktlet::base::WriteAll(fd.get(), data));
  return fd;
}

std::string PathOf(const UniqueFd& fd) { return StrCat("/proc/self/fd/", fd.get()); }

std::string Content(const UniqueFd& fd) {
  if (lseek(fd.get(), 0, SEEK_SET) != 0) {
    return "";
  }
  return rktlet::base::ReadAll(fd.get()).value_or("");
}

ExecResult EngineFailure(const std::string& reason) {
  // crun has the C library's words, runc has Go's.
  const std::string lower = absl::AsciiStrToLower(reason);
  const auto says = [&lower](const char* words) { return lower.find(words) != std::string::npos; };
  if (says("not found in $path") || (says("exec") && says("no such file or directory"))) {
    return {kExecNotFound, reason, true};
  }
  if (says("exec") && (says("permission denied") || says("exec format error") || says("is a directory"))) {
    return {kExecNotExecutable, reason, true};
  }
  return {kExecNotStarted, reason, true};
}

// The group of the container's unit; where the container has made groups of its own below (v2 then takes no process in
// the unit's), that of its first process.
absl::StatusOr<CgroupTarget> FindCgroup(const std::string& slice, const std::string& unit, pid_t main) {
  CgroupTarget target;
  ASSIGN_OR_RETURN(rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
  std::string group = rktlet::unit::Cgroups::ControlGroup(slice, unit);
  if (cgroups.version() == rktlet::unit::CgroupVersion::kV1) {
    for (const std::string& path : cgroups.ProcsFiles(group)) {
      ASSIGN_OR_RETURN(UniqueFd fd, rktlet::base::OpenAt(AT_FDCWD, path, O_WRONLY));
      target.procs.push_back(std::move(fd));
    }
    if (target.procs.empty()) {
      return absl::NotFoundError(StrCat("cgroup ", group, " does not exist"));
    }
    return target;
  }
  absl::StatusOr<std::string> own = rktlet::base::ReadFile(StrCat("/proc/", main, "/cgroup"));
  if (own.ok() && own->rfind("0::", 0) == 0) {
    const std::string path = own->substr(3, own->find('\n') - 3);
    if (path.rfind(group + "/", 0) == 0) {
      group = path;
    }
  }
  const std::vector<std::string> files = cgroups.ProcsFiles(group);
  if (files.empty()) {
    return absl::NotFoundError(StrCat("cgroup ", group, " does not exist"));
  }
  ASSIGN_OR_RETURN(target.directory, rktlet::base::OpenDirectory(files.front().substr(0, files.front().rfind('/'))));
  return target;
}

// Where the runtime writes the command's process id: runc renames a file of its own into place, so it has to be a path.
class PidFile {
 public:
  PidFile() = default;
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PidFile& operator=(PidFile&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~PidFile() { Remove(); }

  const std::string& path() const { return path_; }
  pid_t Read() const { return std::atoi(rktlet::base::ReadFile(path_, 64).value_or("").c_str()); }
  // Reads it for the last time: while the command runs we may be killed, and nothing should be left then.
  pid_t Take() {
    const pid_t pid = Read();
    Remove();
    return pid;
  }

 private:
  void Remove() {
    if (!path_.empty()) {
      unlink(path_.c_str());
      path_.clear();
    }
  }

  std::string path_;
};

absl::Status PrepareStdio(const rktlet::spec::PodSpec& pod, const std::string& process, bool tty) {
  RETURN_IF_ERROR(GuardDevicesOfStdio());
  if (tty) {
    return absl::OkStatus();  // the command has the terminal, not our streams
  }
  const Json user = Json::parse(process, nullptr, false).value("user", Json::object());
  ProcessUser owner;
  owner.uid = user.value("uid", 0U);
  owner.gid = user.value("gid", 0U);
  return OwnPipesOfStdio(pod, owner);
}

struct Prepared {
  OciRuntime runtime;
  CgroupTarget cgroup;
  CgroupTarget guardian;  // the pod unit's: whoever ends the caller's group does not end the guardian
  ConsoleSocket console;
  UniqueFd process;
  UniqueFd log;
  PidFile pid;
  std::vector<std::string> arguments;
};

absl::StatusOr<Prepared> Prepare(const Layout& layout, const PodId& pod_id, const AppName& app,
                                 const ExecOptions& options) {
  ASSIGN_OR_RETURN(ContainerState state, rktlet::spec::ReadContainer(layout, pod_id, app));
  if (!state.started.has_value() || state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("app ", app.str(), " is not running"));
  }
  const rktlet::spec::ContainerId& id = state.record.spec.id;
  ASSIGN_OR_RETURN(std::string pid_text, rktlet::base::ReadFile(layout.ContainerPidFile(id), 64));
  const pid_t main = std::atoi(pid_text.c_str());
  ASSIGN_OR_RETURN(std::string pod_text, rktlet::base::ReadFile(layout.PodFile(pod_id, rktlet::spec::kPodFile)));
  ASSIGN_OR_RETURN(rktlet::spec::PodRecord pod, rktlet::spec::ParsePodRecord(pod_text));
  ASSIGN_OR_RETURN(std::string config,
                   rktlet::base::ReadFile(layout.AppFile(pod_id, app, rktlet::spec::kOciConfigFile)));
  ASSIGN_OR_RETURN(std::string process, BuildExecProcess(config, options, StrCat("/proc/", main, "/root")));
  RETURN_IF_ERROR(PrepareStdio(pod.spec, process, options.tty));
  ASSIGN_OR_RETURN(OciRuntime runtime, OciRuntime::Find(pod.spec.runtime_handler));
  Prepared prepared{std::move(runtime), {}, {}, {}, {}, {}, {}, {}};
  ASSIGN_OR_RETURN(prepared.cgroup, FindCgroup(rktlet::unit::PodSlice(pod.spec), state.record.unit, main));
  if (auto home = FindCgroup(rktlet::unit::PodSlice(pod.spec), pod.unit, 0); home.ok()) {
    prepared.guardian = *std::move(home);
  }
  ASSIGN_OR_RETURN(prepared.process, MemoryFile(process));
  ASSIGN_OR_RETURN(prepared.log, MemoryFile(""));
  prepared.pid = PidFile(StrCat(layout.RunPod(pod_id), "/exec-", getpid(), ".pid"));
  std::vector<std::string> command = {"exec", "--detach", "--process=" + PathOf(prepared.process),
                                      "--pid-file=" + prepared.pid.path()};
  if (options.tty) {
    ASSIGN_OR_RETURN(prepared.console, ConsoleSocket::Listen(layout.RunPod(pod_id)));
    command.push_back("--console-socket=" + prepared.console.path());
  }
  command.push_back(id.str());
  prepared.arguments = prepared.runtime.Arguments(rktlet::spec::RuntimeRoot(layout, prepared.runtime.name()),
                                                  PathOf(prepared.log), command);
  return prepared;
}

// Waits for processes while minding signals, the caller's life and the deadline, and ends what runs when it must.
class Waiter {
 public:
  explicit Waiter(const ExecOptions& options) : lifeline_(options.lifeline_fd) {
    if (options.timeout.has_value()) {
      deadline_ = Clock::now() + *options.timeout;
    }
    sigemptyset(&mask_);
    for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH}) {
      sigaddset(&mask_, signal);
    }
    sigprocmask(SIG_BLOCK, &mask_, nullptr);
    signals_ = UniqueFd(signalfd(-1, &mask_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  // Waits for `process` to end. When a signal, the deadline, or the caller's end comes first, `kill` is called and
  // waiting goes on. `relay`, when given, does its work meanwhile.
  template <typename Kill>
  absl::Status Wait(const PidFd& process, const Kill& kill, TerminalRelay* relay = nullptr) {
    bool killed = false;
    while (true) {
      std::array<struct pollfd, 3 + TerminalRelay::kPollFds> fds = {{{process.fd(), POLLIN, 0},
                                                                     {killed ? -1 : signals_.get(), POLLIN, 0},
                                                                     {killed ? -1 : lifeline_, 0, 0},
                                                                     {-1, 0, 0},
                                                                     {-1, 0, 0}}};
      if (relay != nullptr) {
        relay->Prepare(&fds[3]);
      }
      const int ready = poll(fds.data(), fds.size(), killed ? -1 : Remaining());
      if (ready < 0 && errno != EINTR) {
        return ErrnoStatus(errno, "poll");
      }
      if (ready < 0) {
        continue;
      }
      if (fds[0].revents != 0) {
        return absl::OkStatus();
      }
      if (relay != nullptr) {
        relay->Handle(&fds[3]);
      }
      if (!killed && MustEnd(ready == 0, (fds[1].revents & POLLIN) != 0, fds[2].revents != 0, relay)) {
        killed = true;
        kill();
      }
    }
  }

  const std::string& timeout_reason() const { return reason_; }
  int signal() const { return signal_; }

 private:
  bool MustEnd(bool late, bool signalled, bool abandoned, const TerminalRelay* relay) {
    if (late) {
      reason_ = "the command did not end in time and was killed";
      return true;
    }
    if (abandoned) {
      signal_ = SIGHUP;
      return true;
    }
    struct signalfd_siginfo info = {};
    if (!signalled || read(signals_.get(), &info, sizeof(info)) != sizeof(info)) {
      return false;
    }
    if (info.ssi_signo == SIGWINCH) {
      if (relay != nullptr) {
        relay->Resize();
      }
      return false;
    }
    signal_ = static_cast<int>(info.ssi_signo);
    return true;
  }

  int Remaining() const {
    if (!deadline_) {
      return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
  }

  std::optional<Clock::time_point> deadline_;
  const int lifeline_;
  sigset_t mask_ = {};
  UniqueFd signals_;
  std::string reason_;
  int signal_ = 0;
};

// The command and its process group: of its session, which the runtime made for it.
void KillCommand(const PidFd& command) {
  const pid_t group = getpgid(command.pid());
  if (group > 1 && group != getpgrp()) {
    kill(-group, SIGKILL);
  }
  command.SendSignal(SIGKILL).IgnoreError();
}

ExecResult Outcome(const Waiter& waiter, const rktlet::base::ExitStatus& status, const std::string& log) {
  if (!waiter.timeout_reason().empty()) {
    return {kExecTimedOut, waiter.timeout_reason(), false};
  }
  if (waiter.signal() == 0 && status.signal == 0 && status.code != 0) {
    // The runtime's child reports what stops it at the very end, in exec itself, only there.
    if (const std::string error = LastRuntimeError(log); !error.empty()) {
      return EngineFailure(error);
    }
  }
  return {status.ShellCode(), "", false};
}

// Where the command's terminal goes: to the caller, or it is copied by us.
absl::Status PlaceTerminal(Prepared& prepared, const ExecOptions& options, std::optional<TerminalRelay>& relay) {
  if (!options.tty) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(UniqueFd master, prepared.console.Receive());
  if (options.console_fd >= 0) {
    return rktlet::base::SendFd(options.console_fd, master.get());
  }
  relay.emplace(std::move(master));
  return absl::OkStatus();
}

absl::StatusOr<ExecResult> WaitForDetached(Waiter& waiter, Prepared& prepared, const ExecOptions& options) {
  const pid_t pid = prepared.pid.Take();
  if (pid <= 1) {
    return absl::InternalError("the OCI runtime named no process");
  }
  // Ours by reparenting (we are the subreaper), so the number cannot be another's before we reap it.
  ASSIGN_OR_RETURN(PidFd command, PidFd::Open(pid));
  const pid_t group = getpgid(pid);
  absl::StatusOr<pid_t> guardian = SpawnGuardian(prepared.guardian, command.fd(), group == getpgrp() ? 0 : group);
  std::optional<TerminalRelay> relay;
  const absl::Status placed = PlaceTerminal(prepared, options, relay);
  if (!placed.ok()) {
    KillCommand(command);
  } else {
    RETURN_IF_ERROR(waiter.Wait(
        command, [&command] { KillCommand(command); }, relay.has_value() ? &*relay : nullptr));
  }
  ASSIGN_OR_RETURN(std::optional<rktlet::base::ExitStatus> status, command.Reap(true));
  if (relay.has_value()) {
    relay->Drain();
  }
  if (guardian.ok()) {
    waitpid(*guardian, nullptr, 0);
  }
  RETURN_IF_ERROR(placed);
  return Outcome(waiter, *status, Content(prepared.log));
}

absl::StatusOr<ExecResult> Run(Prepared& prepared, const ExecOptions& options) {
  Waiter waiter(options);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::vector<std::string> environment = RuntimeEnvironment();
  const std::vector<char*> argv = Pointers(prepared.arguments);
  const std::vector<char*> envp = Pointers(environment);
  ASSIGN_OR_RETURN(pid_t pid, SpawnInCgroup(prepared.cgroup, prepared.runtime, argv.data(), envp.data()));
  ASSIGN_OR_RETURN(PidFd runtime, PidFd::Open(pid));
  RETURN_IF_ERROR(waiter.Wait(runtime, [&] {
    const pid_t command = prepared.pid.Read();
    if (absl::StatusOr<PidFd> fd = PidFd::Open(command); command > 1 && fd.ok()) {
      KillCommand(*fd);
    }
    runtime.SendSignal(SIGKILL).IgnoreError();
  }));
  ASSIGN_OR_RETURN(std::optional<rktlet::base::ExitStatus> status, runtime.Reap(true));
  if (!status->Success()) {
    ExecResult result = Outcome(waiter, *status, Content(prepared.log));
    if (result.reason.empty() && waiter.signal() == 0) {
      result = {kExecNotStarted, StrCat("the exec of the OCI runtime ended with ", status->ShellCode()), false};
    }
    return result;
  }
  return WaitForDetached(waiter, prepared, options);
}

}  // namespace

absl::StatusOr<std::string> BuildExecProcess(const std::string& config, const ExecOptions& options,
                                             const std::string& container_root) {
  Json document = Json::parse(config, nullptr, false);
  if (!document.is_object() || !document.contains("process") || !document["process"].is_object()) {
    return absl::DataLossError("the container's config.json is damaged");
  }
  Json process = std::move(document["process"]);
  process["args"] = options.command;
  process["terminal"] = options.tty;
  process.erase("consoleSize");
  struct winsize size = {options.rows, options.columns, 0, 0};
  if (options.tty && (options.console_fd < 0 ? OwnTerminalSize(&size) : size.ws_row != 0 || size.ws_col != 0)) {
    process["consoleSize"] = {{"height", size.ws_row}, {"width", size.ws_col}};
  }
  std::vector<std::string> environment;
  for (const Json& variable : process["env"]) {
    environment.push_back(variable.get<std::string>());
  }
  if (options.tty) {
    SetVariable(environment, "TERM", "xterm");
  }
  for (const std::string& variable : options.environment) {
    const size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(StrCat("\"", variable, "\" is not NAME=VALUE"));
    }
    SetVariable(environment, variable.substr(0, equals), variable.substr(equals + 1));
  }
  process["env"] = environment;
  if (!options.working_directory.empty()) {
    process["cwd"] = options.working_directory;
  }
  if (!options.user.empty()) {
    const FileReader reader = [&container_root](const std::string& path) -> absl::StatusOr<std::string> {
      ASSIGN_OR_RETURN(UniqueFd root, rktlet::base::OpenAt(AT_FDCWD, container_root, O_PATH | O_DIRECTORY));
      ASSIGN_OR_RETURN(UniqueFd file,
                       rktlet::base::OpenResolved(root.get(), path, O_RDONLY | O_NONBLOCK, 0, RESOLVE_IN_ROOT));
      return rktlet::base::ReadAll(file.get(), size_t{4} << 20);
    };
    ASSIGN_OR_RETURN(ProcessUser user, ResolveUserText(options.user, reader));
    process["user"] = {{"uid", user.uid}, {"gid", user.gid}, {"additionalGids", user.additional_gids}};
  }
  return process.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ExecResult ExecInContainer(const Layout& layout, const PodId& pod, const AppName& app, const ExecOptions& options) {
  absl::StatusOr<Prepared> prepared = Prepare(layout, pod, app, options);
  if (!prepared.ok()) {
    return {kExecNotStarted, std::string(prepared.status().message()), false};
  }
  absl::StatusOr<ExecResult> result = Run(*prepared, options);
  if (!result.ok()) {
    return {kExecNotStarted, std::string(result.status().message()), false};
  }
  return *std::move(result);
}

}  // namespace rkt::oci
