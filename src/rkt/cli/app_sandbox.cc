// SPDX-License-Identifier: Apache-2.0
// `rkt app sandbox`: a pod from its beginning to its end. Inside a unit it becomes the pod's supervisor; from a shell
// it asks systemd for a unit and stays until the pod ends.
#include <poll.h>
#include <sys/signalfd.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "base/files.h"
#include "base/pid_fd.h"
#include "base/strings.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/prepare.h"
#include "rkt/pod/remove.h"
#include "rkt/pod/sandbox.h"
#include "rkt/pod/units.h"
#include "unit/pod_unit.h"

namespace rkt::cli {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::StrCat;

// A service whose readiness somebody waits for (systemd-run --service-type=notify).
bool InNotifyService() { return std::getenv("NOTIFY_SOCKET") != nullptr && std::getenv("INVOCATION_ID") != nullptr; }

std::string TakeText(int result, char* text) {
  std::string taken = result >= 0 && text != nullptr ? text : "";
  std::free(text);
  return taken;
}

// Where we run.
struct OwnPlace {
  std::string unit;
  std::string slice;
};

OwnPlace FindOwnPlace() {
  OwnPlace place;
  char* text = nullptr;
  int result = ::sd_pid_get_unit(0, &text);
  place.unit = TakeText(result, text);
  text = nullptr;
  result = ::sd_pid_get_slice(0, &text);
  place.slice = TakeText(result, text);
  return place;
}

absl::StatusOr<base::UniqueFd> BlockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  base::UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  return fd.valid() ? absl::StatusOr<base::UniqueFd>(std::move(fd)) : base::ErrnoStatus(errno, "watch signals");
}

class AppSandbox final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    pod_.Define(flags);
    cni_.Define(flags);
    flags.String("uuid-file-save", "FILE", &uuid_file_, "Write the pod's id to a file");
    flags.Bool("here", &here_, "Become the supervisor of the prepared pod --pod-id: stands in its unit");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals&) override {
    const spec::Layout layout = LayoutOf(context);
    const auto programs = rktlet::unit::Programs::Installed(layout);
    if (here_) {
      ASSIGN_OR_RETURN(const spec::PodId id, spec::PodId::Parse(pod_.pod_id));
      const absl::Status failure = rkt::pod::BecomeSupervisor(layout, id, programs.helper);
      if (!failure.ok()) {
        // Whoever started the unit hears from systemd only that it failed.
        base::WriteFileAtomic(layout.PodFile(id, spec::kStartErrorFile), std::string(failure.message())).IgnoreError();
      }
      RETURN_IF_ERROR(failure);
      return 0;
    }
    const bool in_unit = InNotifyService();
    ASSIGN_OR_RETURN(const spec::PodRecord pod, Prepare(context, layout, in_unit));
    if (absl::Status status = RunPod(context, layout, programs, pod, in_unit); !status.ok()) {
      if (!adopted_) {
        TearDown(context, layout, pod.spec.id);
      }
      return status;
    }
    return 0;
  }

 private:
  absl::StatusOr<spec::PodRecord> Prepare(Context& context, const spec::Layout& layout, bool in_unit) {
    if (!pod_.DescribesPod() && !pod_.pod_id.empty()) {
      if (const auto found = rkt::pod::FindPod(layout, pod_.pod_id); found.ok()) {
        return Adopt(layout, *found, in_unit);
      }
    }
    ASSIGN_OR_RETURN(spec::PodSpec pod, pod_.ToSpec(context));
    if (in_unit) {
      const OwnPlace place = FindOwnPlace();
      pod.unit = place.unit;
      pod.slice = pod.slice.empty() ? place.slice : pod.slice;
    }
    auto made = rkt::pod::PrepareNewPod(layout, pod);
    if (!absl::IsAlreadyExists(made.status())) {
      return made;
    }
    RETURN_IF_ERROR(rkt::pod::PreparePod(layout, pod).status());  // made before, with the same flags
    return Adopt(layout, pod.id, in_unit);
  }

  absl::StatusOr<spec::PodRecord> Adopt(const spec::Layout& layout, const spec::PodId& id, bool in_unit) {
    adopted_ = true;
    if (in_unit) {
      const OwnPlace place = FindOwnPlace();
      return rkt::pod::MovePodToUnit(layout, id, place.unit, place.slice);
    }
    if (rkt::pod::PodRuns(layout, id)) {
      return absl::FailedPreconditionError(StrCat("pod ", id.str(), " is running"));
    }
    ASSIGN_OR_RETURN(const spec::PodState state, spec::ReadPod(layout, id));
    return state.record;
  }

  absl::Status RunPod(Context& context, const spec::Layout& layout, const rktlet::unit::Programs& programs,
                      const spec::PodRecord& pod, bool in_unit) {
    const spec::PodId& id = pod.spec.id;
    RETURN_IF_ERROR(rkt::pod::NetworkUp(layout, id, cni_.Options()).status());
    if (!uuid_file_.empty()) {
      RETURN_IF_ERROR(base::WriteFileAtomic(uuid_file_, id.str() + "\n", 0644));
      wrote_uuid_ = true;
    }
    context.Announce();
    if (in_unit) {
      return rkt::pod::BecomeSupervisor(layout, id, programs.helper);
    }
    ASSIGN_OR_RETURN(const base::UniqueFd signals, BlockSignals());
    RETURN_IF_ERROR(RunOnBus([&](rktlet::systemd::Manager& manager) {
      return rkt::pod::StartPodUnit(manager, pod, programs, rkt::pod::LocalUnitOptions());
    }));
    started_ = true;
    context.out() += id.str() + "\n";
    RETURN_IF_ERROR(context.Flush());
    return WaitForEnd(context, layout, id, signals);
  }

  // What failed leaves nothing.
  void TearDown(Context& context, const spec::Layout& layout, const spec::PodId& id) {
    if (started_) {
      rkt::pod::MarkStopped(layout, id).IgnoreError();
      const absl::Status stopped = RunOnBus(
          [&](rktlet::systemd::Manager& manager) { return rkt::pod::StopPodUnits(manager, layout, id, true); });
      if (!stopped.ok()) {
        context.Note(std::string(stopped.message()));
      }
    }
    if (const absl::Status removed = rkt::pod::RemovePod(layout, id, cni_.Options()); !removed.ok()) {
      context.Note(StrCat("the pod ", id.str(), " is left: ", removed.message()));
    }
    if (wrote_uuid_) {
      ::unlink(uuid_file_.c_str());
    }
    context.Announce();
  }

  absl::Status WaitForEnd(Context& context, const spec::Layout& layout, const spec::PodId& id,
                          const base::UniqueFd& signals) {
    const auto supervisor = base::PidFd::Open(rkt::pod::SupervisorPid(layout, id));
    if (supervisor.ok()) {
      std::array<pollfd, 2> waits = {{{supervisor->fd(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
      while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
      }
    }
    RETURN_IF_ERROR(rkt::pod::MarkStopped(layout, id));
    RETURN_IF_ERROR(RunOnBus(
        [&](rktlet::systemd::Manager& manager) { return rkt::pod::StopPodUnits(manager, layout, id, false); }));
    context.Announce();
    return rkt::pod::NetworkDown(layout, id, cni_.Options());
  }

  PodFlags pod_;
  CniFlags cni_;
  std::string uuid_file_;
  bool here_ = false;
  bool started_ = false;  // in a unit that systemd made for us
  bool wrote_uuid_ = false;
  bool adopted_ = false;  // the pod was prepared by somebody else, and is not ours to remove
};

}  // namespace

void RegisterAppSandbox(Registry& registry) {
  registry.Add<AppSandbox>({.path = "app sandbox",
                            .summary = "Run a pod without apps until it ends",
                            .details =
                                "In a unit of Type=notify that unit is the pod's; outside of one, systemd is asked "
                                "for one. Ends with the pod, and\nends the pod when it is ended itself.",
                            .max_args = 0});
}

}  // namespace rkt::cli
