// SPDX-License-Identifier: Apache-2.0
// `rkt run`: a pod of apps from its images to its end. In the foreground we are the one who ends the pod with its last
// app; with --detach a transient unit is, which runs this command with --keep.
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/cli/attach_session.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/fetch_progress.h"
#include "rkt/cli/run_apps.h"
#include "rkt/cli/run_flags.h"
#include "rkt/image/fetch.h"
#include "rkt/oci/add_container.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/prepare.h"
#include "rkt/pod/remove.h"
#include "rkt/pod/units.h"
#include "unit/start_container.h"

namespace rkt::cli {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
namespace systemd = rktlet::systemd;
namespace supervisor = rktlet::spec::supervisor;
using base::StrCat;

constexpr std::chrono::milliseconds kStartTimeout = std::chrono::minutes(3);
constexpr char kLogDirectory[] = "logs";  // in the pod's directory, unless --log-dir says otherwise

absl::StatusOr<base::UniqueFd> BlockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&signals, signal);
  }
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  base::UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  return fd.valid() ? absl::StatusOr<base::UniqueFd>(std::move(fd)) : base::ErrnoStatus(errno, "watch signals");
}

class RunApps final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags_.Define(flags);
    cni_.Define(flags);
    cdi_.Define(flags);
    DefinePullPolicy(flags, &fetch_.policy);
    flags.Bool("interactive", &interactive_, "Connect our stdin, and our terminal if it is one, to the only app");
    flags.Bool("detach", &detach_, "Print the pod's id and leave it to systemd once the apps have started");
    flags.String("uuid-file-save", "FILE", &uuid_file_, "Write the pod's id to a file");
    flags.Bool("keep", &keep_, "End the pod POD with its last app: stands in the unit of --detach").Hidden();
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    const spec::Layout layout = LayoutOf(context);
    if (keep_) {
      return Keep(context, layout, positionals.args[0]);
    }
    RETURN_IF_ERROR(flags_.ParseApps(positionals));
    ASSIGN_OR_RETURN(std::vector<spec::ContainerSpec> apps, flags_.ContainerSpecs(context));
    ASSIGN_OR_RETURN(spec::PodSpec pod, flags_.PodSpecOf(context));
    RETURN_IF_ERROR(Complete(layout, pod, apps));
    RETURN_IF_ERROR(FetchImages(context, apps));
    // From here on a signal ends the pod, and not only us.
    ASSIGN_OR_RETURN(signals_, BlockSignals());
    ASSIGN_OR_RETURN(const spec::PodRecord record, rkt::pod::PrepareNewPod(layout, pod));
    if (const absl::Status status = Start(context, layout, record, apps); !status.ok()) {
      TearDown(context, layout, pod.id);
      return status;
    }
    context.Announce();
    if (detach_) {
      context.out() += pod.id.str() + "\n";
      return 0;
    }
    return Stay(context, layout, pod.id, apps);
  }

 private:
  // What the flags of the original leave to the engine.
  absl::Status Complete(const spec::Layout& layout, spec::PodSpec& pod, std::vector<spec::ContainerSpec>& apps) const {
    if (interactive_ && (detach_ || apps.size() != 1)) {
      return UsageError(detach_ ? "--interactive and --detach exclude each other" : "--interactive is for one app");
    }
    if (pod.log_directory.empty()) {
      pod.log_directory = layout.PodFile(pod.id, kLogDirectory);
    }
    for (spec::ContainerSpec& app : apps) {
      if (app.log_path.empty()) {
        app.log_path = app.app.str() + ".log";
      }
      if (interactive_) {
        app.stdin_open = true;
        app.stdin_once = true;
        app.tty = app.tty || (::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0);
      }
      RETURN_IF_ERROR(spec::Validate(app));
    }
    return spec::Validate(pod);
  }

  absl::Status FetchImages(Context& context, std::vector<spec::ContainerSpec>& apps) {
    fetch_.skopeo.verify_tls = !context.Insecure("tls") && !context.Insecure("http");
    fetch_.skopeo.verify_image = !context.Insecure("image");
    fetch_.want_total = progress_.IsBar();
    ASSIGN_OR_RETURN(image::Store store, image::Store::Open(context.flags().dir));
    for (spec::ContainerSpec& app : apps) {
      // An id, or its beginning, names what is there, and cannot be fetched.
      if (const auto known = store.Find(app.image); known.ok() && fetch_.policy != image::PullPolicy::kUpdate) {
        app.image = known->id;
        continue;
      }
      fetch_.on_progress = [&](const image::FetchProgress& progress) {
        if (progress_.IsBar() || progress.phase == "fetch") {
          progress_.Show(context, app.user_specified_image, progress);
        }
      };
      const auto record = image::Fetch(store, app.image, fetch_);
      progress_.End();
      RETURN_IF_ERROR(record.status());
      app.image = record->id;
    }
    return absl::OkStatus();
  }

  absl::Status Start(Context& context, const spec::Layout& layout, const spec::PodRecord& pod,
                     const std::vector<spec::ContainerSpec>& apps) {
    const spec::PodId& id = pod.spec.id;
    RETURN_IF_ERROR(rkt::pod::NetworkUp(layout, id, cni_.Options()).status());
    const auto programs = rktlet::unit::Programs::Installed(layout);
    const rktlet::unit::UnitOptions options = rkt::pod::LocalUnitOptions();
    RETURN_IF_ERROR(
        RunOnBus([&](systemd::Manager& manager) { return rkt::pod::StartPodUnit(manager, pod, programs, options); }));
    rkt::oci::SecurityPaths paths;
    paths.seccomp_cache = layout.dir() + "/seccomp";
    std::vector<spec::ContainerRecord> containers;
    for (const spec::ContainerSpec& app : apps) {
      auto container = rkt::oci::AddContainer(layout, id, app, paths, cdi_.directories());
      RETURN_IF_ERROR(base::Annotate(container.status(), StrCat("app ", app.app.str())));
      for (const std::string& warning : container->warnings) {
        context.Note(StrCat("app ", app.app.str(), ": warning: ", warning));
      }
      containers.push_back(*std::move(container));
    }
    ASSIGN_OR_RETURN(const rktlet::unit::Cgroups cgroups, rktlet::unit::Cgroups::Detect());
    RETURN_IF_ERROR(RunOnBus(
        [&](systemd::Manager& manager) { return StartAll(manager, programs, options, cgroups, pod, containers); }));
    if (!uuid_file_.empty()) {
      RETURN_IF_ERROR(base::WriteFileAtomic(uuid_file_, id.str() + "\n", 0644));
    }
    if (!detach_) {
      return absl::OkStatus();
    }
    return RunOnBus([&](systemd::Manager& manager) { return StartKeeper(manager, programs, pod); });
  }

  boost::asio::awaitable<absl::Status> StartAll(systemd::Manager& manager, rktlet::unit::Programs programs,
                                                rktlet::unit::UnitOptions options, rktlet::unit::Cgroups cgroups,
                                                spec::PodRecord pod, std::vector<spec::ContainerRecord> containers) {
    for (const spec::ContainerRecord& container : containers) {
      // Attached before the app runs: its first words are not lost.
      const std::function<absl::Status()> attach = [&]() -> absl::Status {
        return interactive_ ? Attach(programs.layout, pod.spec.id, container.spec.app) : absl::OkStatus();
      };
      auto started = co_await rktlet::unit::StartContainer(manager, programs, options, cgroups, pod, container,
                                                           kStartTimeout, &attach);
      if (!started.ok()) {
        co_return base::Annotate(started.status(), StrCat("app ", container.spec.app.str()));
      }
    }
    co_return absl::OkStatus();
  }

  absl::Status Attach(const spec::Layout& layout, const spec::PodId& pod, const spec::AppName& app) {
    const std::string socket = layout.SupervisorSocket(pod);
    const uint32_t all = supervisor::kStdin | supervisor::kStdout | supervisor::kStderr | supervisor::kTty;
    auto connection = rktlet::unit::OpenSupervisor(socket, supervisor::kAttach, all, {app.str()});
    RETURN_IF_ERROR(base::Annotate(connection.status(), "attach"));
    session_ = std::make_unique<AttachSession>(*std::move(connection), socket);
    return absl::OkStatus();
  }

  // The unit that ends the pod with its last app. Nothing secret stands in it: only the pod's id.
  static boost::asio::awaitable<absl::Status> StartKeeper(systemd::Manager& manager, rktlet::unit::Programs programs,
                                                          spec::PodRecord pod) {
    const std::string id = pod.spec.id.str();
    auto name = systemd::UnitName::Parse(StrCat("rkt-run-", id, ".service"));
    CO_RETURN_IF_ERROR(name.status());
    systemd::TransientUnit unit(*std::move(name));
    systemd::ExecCommand command;
    command.path = programs.rkt;
    command.argv = {
        programs.rkt, "--dir=" + programs.layout.dir(), "--run-dir=" + programs.layout.run_dir(), "run", "--keep", id};
    unit.Set("Description", StrCat("End of the pod ", id, " with its last app"))
        .Set("Type", std::string("exec"))
        .Set("CollectMode", std::string("inactive-or-failed"))
        .Add("Documentation", "man:rkt(1)")
        .ExecStart(std::move(command));
    absl::Status status = co_await manager.StartTransientUnit(std::move(unit), systemd::kDefaultJobTimeout);
    co_return status;
  }

  absl::StatusOr<int> Keep(Context& context, const spec::Layout& layout, const std::string& text) {
    ASSIGN_OR_RETURN(signals_, BlockSignals());
    ASSIGN_OR_RETURN(const spec::PodId id, rkt::pod::FindPod(layout, text));
    ASSIGN_OR_RETURN(std::vector<spec::AppName> apps, spec::ListApps(layout, id));
    AppsWatch watch(layout, id, std::move(apps), false);
    RETURN_IF_ERROR(watch.Wait(signals_.get()).status());
    RETURN_IF_ERROR(StopPod(context, layout, id));
    return 0;
  }

  absl::StatusOr<int> Stay(Context& context, const spec::Layout& layout, const spec::PodId& id,
                           const std::vector<spec::ContainerSpec>& apps) {
    std::vector<spec::AppName> names;
    for (const spec::ContainerSpec& app : apps) {
      names.push_back(app.app);
    }
    AppsWatch watch(layout, id, std::move(names), !interactive_);
    if (session_ != nullptr) {
      session_->Run(signals_.get()).IgnoreError();  // why the app ended stands in its record
      session_.reset();
    }
    const absl::StatusOr<bool> ended = watch.Wait(signals_.get());
    const absl::Status stopped = StopPod(context, layout, id);
    RETURN_IF_ERROR(ended.status());
    RETURN_IF_ERROR(stopped);
    if (!*ended) {
      RETURN_IF_ERROR(watch.Wait(-1).status());  // the rest of what they wrote
    }
    return watch.ExitCode();
  }

  absl::Status StopPod(Context& context, const spec::Layout& layout, const spec::PodId& id) {
    RETURN_IF_ERROR(rkt::pod::MarkStopped(layout, id));
    RETURN_IF_ERROR(
        RunOnBus([&](systemd::Manager& manager) { return rkt::pod::StopPodUnits(manager, layout, id, false); }));
    const absl::Status down = rkt::pod::NetworkDown(layout, id, cni_.Options());
    context.Announce();
    return down;
  }

  // A run that failed leaves nothing.
  void TearDown(Context& context, const spec::Layout& layout, const spec::PodId& id) {
    session_.reset();
    rkt::pod::MarkStopped(layout, id).IgnoreError();
    const absl::Status stopped =
        RunOnBus([&](systemd::Manager& manager) { return rkt::pod::StopPodUnits(manager, layout, id, true); });
    if (!stopped.ok()) {
      context.Note(std::string(stopped.message()));
    }
    if (const absl::Status removed = rkt::pod::RemovePod(layout, id, cni_.Options()); !removed.ok()) {
      context.Note(StrCat("the pod ", id.str(), " is left: ", removed.message()));
    }
    context.Announce();
  }

  RunFlags flags_;
  CniFlags cni_;
  CdiFlags cdi_;
  image::FetchOptions fetch_;
  FetchProgressView progress_;
  bool interactive_ = false;
  bool detach_ = false;
  bool keep_ = false;
  std::string uuid_file_;
  base::UniqueFd signals_;
  std::unique_ptr<AttachSession> session_;
};

}  // namespace

void RegisterRun(Registry& registry) {
  registry.Add<RunApps>(
      {.path = "run",
       .arguments = "IMAGE [app flags] [-- ARG… ---] [IMAGE…]",
       .summary = "Run a pod of apps until the last of them has ended",
       .details =
           "Flags of the pod stand before the first image; flags of an app, those of app add and --mount, behind "
           "its image.\nArguments of an app stand between -- and ---. What the apps write goes to stdout and "
           "stderr, and into logs for rkt logs.\nThe exit code is that of the first app that did not end with 0. "
           "The pod stays for status, logs, rm and gc.",
       .min_args = 1,
       .stop_at_positional = true});
}

}  // namespace rkt::cli
