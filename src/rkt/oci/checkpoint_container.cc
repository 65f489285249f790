// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/checkpoint_container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/pid_fd.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "nlohmann/json.hpp"
#include "rkt/checkpoint/archive.h"
#include "rkt/checkpoint/archive_files.h"
#include "rkt/checkpoint/metadata.h"
#include "rkt/checkpoint/root_difference.h"
#include "rkt/oci/add_container.h"
#include "rkt/oci/criu.h"
#include "rkt/oci/namespaces.h"
#include "rkt/oci/rootfs.h"
#include "rkt/pod/pod_lock.h"
#include "spec/checkpoint_files.h"
#include "spec/runtime_handlers.h"
#include "unit/criu_log.h"
#include "unit/freeze.h"

namespace rkt::oci {
namespace {

namespace checkpoint = rkt::checkpoint;
using nlohmann::json;
using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::PidFd;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;
using rktlet::spec::ContainerRecord;
using rktlet::spec::ContainerState;
using rktlet::spec::NamespaceMode;

constexpr size_t kMaxLog = size_t{256} << 20;
// Above what runc gives to CRIU by number, so that CRIU has them too.
constexpr int kLifelineFd = 100;
constexpr int kBusyFd = 101;

absl::Status CheckContainer(const ContainerState& state) {
  const rktlet::spec::ContainerSpec& spec = state.record.spec;
  if (!state.started.has_value() || state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("app ", spec.app.str(),
                                                state.exit.has_value() ? " has ended" : " was not started",
                                                ": only a running one has a checkpoint"));
  }
  if (spec.security.pid != NamespaceMode::kContainer) {
    return absl::FailedPreconditionError(
        StrCat("app ", spec.app.str(),
               " shares the processes that it sees with others: CRIU saves a PID namespace whole or not at all"));
  }
  return absl::OkStatus();
}

// A user namespace is none that CRIU and the runtime could join again.
absl::Status CheckSpecification(const std::string& config) {
  ASSIGN_OR_RETURN(const checkpoint::DumpedSpec spec, checkpoint::ParseSpec(config));
  for (const checkpoint::DumpedSpec::Namespace& one : spec.namespaces) {
    if (one.type == "user") {
      return absl::FailedPreconditionError("a container in a user namespace has no checkpoint");
    }
  }
  return absl::OkStatus();
}

// Waits for the end of `child`, which is killed when the time is over: true. Its own children are left to themselves.
absl::StatusOr<bool> AwaitOrKill(const PidFd& child, checkpoint::Deadline deadline) {
  bool late = false;
  while (!child.Ended()) {
    int wait = -1;
    if (!late) {
      const absl::StatusOr<std::chrono::nanoseconds> left = checkpoint::TimeLeft(deadline);
      if (!left.ok()) {
        late = true;
        RETURN_IF_ERROR(child.SendSignal(SIGKILL));
      } else {
        wait = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*left).count());
      }
    }
    struct pollfd end = {child.fd(), POLLIN, 0};
    if (poll(&end, 1, wait) < 0 && errno != EINTR) {
      return ErrnoStatus(errno, "poll");
    }
  }
  return late;
}

// Until nobody has the other end of the pipe any more.
void AwaitEnd(const UniqueFd& pipe) {
  char byte = 0;
  while (read(pipe.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

// What CRI-O has in a specification, and reads of it at a restore; checkpointctl as well, which takes the first of
// these as the dialect of the archive.
absl::StatusOr<std::string> SpecDump(const std::string& config, const rktlet::spec::PodRecord& pod,
                                     const ContainerRecord& record) {
  json document = json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return absl::DataLossError("the container's specification is damaged");
  }
  const auto text = [](const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); };
  json& annotations = document["annotations"];
  annotations.erase(kCriuConfigAnnotation);
  annotations["io.container.manager"] = "cri-o";
  annotations["io.kubernetes.cri-o.Annotations"] = text(record.spec.annotations);
  annotations["io.kubernetes.cri-o.Labels"] = text(record.spec.labels);
  annotations["io.kubernetes.cri-o.Metadata"] = text({{"name", record.spec.name}, {"attempt", record.spec.attempt}});
  annotations["io.kubernetes.cri-o.ContainerID"] = record.spec.id.str();
  annotations["io.kubernetes.cri-o.SandboxID"] = pod.spec.id.str();
  annotations["io.kubernetes.cri-o.SandboxName"] = pod.spec.name;
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string BindMounts(const std::string& config) {
  json mounts = json::array();
  const json document = json::parse(config, nullptr, /*allow_exceptions=*/false);
  for (const json& mount : document.value("mounts", json::array())) {
    const std::string source = mount.value("source", "");
    struct stat info = {};
    if (mount.value("type", "") == "bind" && stat(source.c_str(), &info) == 0) {
      mounts.push_back({{"source", source},
                        {"destination", mount.value("destination", "")},
                        {"file_type", S_ISDIR(info.st_mode) ? "directory" : "file"},
                        {"permissions", info.st_mode & 0777}});
    }
  }
  return mounts.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<ContainerCheckpoint> ContainerCheckpoint::Prepare(const rktlet::spec::Layout& layout,
                                                                 const rktlet::spec::PodRecord& pod,
                                                                 const rktlet::spec::AppName& app,
                                                                 const rktlet::unit::Cgroups& cgroups) {
  ASSIGN_OR_RETURN(ContainerState state, rktlet::spec::ReadContainer(layout, pod.spec.id, app));
  RETURN_IF_ERROR(CheckContainer(state));
  ASSIGN_OR_RETURN(const std::string config,
                   rktlet::base::ReadFile(layout.AppFile(pod.spec.id, app, rktlet::spec::kOciConfigFile)));
  RETURN_IF_ERROR(CheckSpecification(config));
  ASSIGN_OR_RETURN(OciRuntime runtime, OciRuntime::Find(pod.spec.runtime_handler));
  RETURN_IF_ERROR(CheckCriu(runtime));
  ContainerCheckpoint made(layout, pod, std::move(state), cgroups, std::move(runtime));
  RETURN_IF_ERROR(made.MakeWorkDirectory());
  return made;
}

ContainerCheckpoint::~ContainerCheckpoint() {
  if (work_fd_.valid()) {
    rktlet::base::RemoveTree(work_).IgnoreError();
  }
}

// A name with a dot in front is no app, and the lock tells work in progress from leftovers (SweepApps).
absl::Status ContainerCheckpoint::MakeWorkDirectory() {
  const rktlet::spec::PodId& pod = pod_.spec.id;
  ASSIGN_OR_RETURN(const rktlet::base::FileLock lock, rkt::pod::LockPod(layout_, pod));
  SweepApps(layout_, pod);
  work_ = StrCat(layout_.Apps(pod), "/.save-", state_.record.spec.app.str(), "-", getpid());
  if (mkdir(work_.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, work_);
  }
  ASSIGN_OR_RETURN(work_fd_, rktlet::base::OpenDirectory(work_));
  return flock(work_fd_.get(), LOCK_EX | LOCK_NB) == 0 ? absl::OkStatus() : ErrnoStatus(errno, work_);
}

absl::Status ContainerCheckpoint::Save(checkpoint::Deadline deadline, int lifeline_fd) {
  RETURN_IF_ERROR(DumpProcesses(deadline, lifeline_fd));
  RETURN_IF_ERROR(DumpRoot(deadline));
  RETURN_IF_ERROR(DumpLog());
  return DumpDocuments();
}

absl::Status ContainerCheckpoint::DumpProcesses(checkpoint::Deadline deadline, int lifeline_fd) const {
  const ContainerRecord& record = state_.record;
  // On v2 the runtime knows the group itself.
  const bool v1 = cgroups_.version() == rktlet::unit::CgroupVersion::kV1;
  const std::string config = layout_.AppFile(pod_.spec.id, record.spec.app, rktlet::spec::kCriuConfigFile);
  RETURN_IF_ERROR(
      WriteCriuDumpConfig(config, v1 ? rktlet::unit::FreezerDirectory(cgroups_, pod_, record) : std::string()));
  // From within the pod's namespaces that it shares with its containers: what CRIU is in itself it takes for given, so
  // that a restore brings neither the host name nor the message queues of the old pod into the new one.
  ASSIGN_OR_RETURN(const NamespaceHolders holders, FindNamespaceHolders(layout_, pod_.spec, record.spec));
  rktlet::base::Command command;
  command.program = "nsenter";
  command.args = {StrCat("--ipc=/proc/", holders.supervisor, "/ns/ipc"),
                  StrCat("--uts=/proc/", holders.supervisor, "/ns/uts"), "--", runtime_.path()};
  const std::string log = StrCat(work_, "/runtime.log");
  std::vector<std::string> arguments =
      runtime_.Arguments(rktlet::spec::RuntimeRoot(layout_, runtime_.name()), log,
                         {"checkpoint", "--leave-running", "--file-locks",
                          StrCat("--image-path=", work_, "/", checkpoint::kImagesDirectory), "--work-path=" + work_,
                          record.spec.id.str()});
  command.args.insert(command.args.end(), arguments.begin() + 1, arguments.end());
  command.environment = RuntimeEnvironment();
  command.new_session = true;  // a signal from the terminal is for us alone
  ASSIGN_OR_RETURN(auto busy, rktlet::base::MakePipe());
  command.fds = {{lifeline_fd, kLifelineFd}, {busy.second.get(), kBusyFd}};
  ASSIGN_OR_RETURN(const PidFd child, rktlet::base::Spawn(command));
  busy.second.Reset();
  const absl::StatusOr<bool> late = AwaitOrKill(child, deadline);
  AwaitEnd(busy.first);  // CRIU notices that its caller has gone, and leaves the processes as they were
  ASSIGN_OR_RETURN(const auto status, child.Reap(/*wait=*/true));
  RETURN_IF_ERROR(late.status());
  if (*late) {
    return absl::DeadlineExceededError("the checkpoint was given up: its time was over");
  }
  if (!status->Success()) {
    const absl::StatusOr<std::string> said = rktlet::base::ReadFile(log);
    const absl::StatusOr<std::string> criu =
        rktlet::base::ReadFile(StrCat(work_, "/", checkpoint::kDumpLogFile), kMaxLog);
    const std::string errors = criu.ok() ? rktlet::unit::CriuErrors(*criu) : "";
    return absl::InternalError(StrCat("checkpoint of app ", record.spec.app.str(), ": ",
                                      !errors.empty() ? errors
                                      : said.ok()     ? LastRuntimeError(*said)
                                                      : "no reason"));
  }
  unlink(log.c_str());
  return absl::OkStatus();
}

absl::Status ContainerCheckpoint::DumpRoot(checkpoint::Deadline deadline) const {
  const rktlet::spec::AppName& app = state_.record.spec.app;
  ASSIGN_OR_RETURN(const OverlayLayers image, ReadLayers(layout_.AppFile(pod_.spec.id, app, kLayersFile)));
  std::vector<std::string> layers;
  for (const std::string& name : image.names) {
    layers.push_back(image.base_path + "/" + name);
  }
  const std::string upper = layout_.AppFile(pod_.spec.id, app, kUpperDir);
  ASSIGN_OR_RETURN(const checkpoint::RootDifference difference, checkpoint::FindRootDifference(upper, layers));
  return checkpoint::WriteRootDifference(upper, difference, work_, deadline);
}

absl::Status ContainerCheckpoint::DumpLog() const {
  if (state_.record.log_path.empty()) {
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> log = rktlet::base::ReadFile(state_.record.log_path, kMaxLog);
  if (absl::IsNotFound(log.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Annotate(log.status(), "the container's log"));
  return rktlet::base::WriteFileAtomic(StrCat(work_, "/", checkpoint::kLogFile), *log);
}

absl::Status ContainerCheckpoint::DumpDocuments() const {
  const ContainerRecord& record = state_.record;
  const std::string config_path = layout_.AppFile(pod_.spec.id, record.spec.app, rktlet::spec::kOciConfigFile);
  ASSIGN_OR_RETURN(const std::string config, rktlet::base::ReadFile(config_path));
  ASSIGN_OR_RETURN(const std::string spec, SpecDump(config, pod_, record));
  checkpoint::Metadata metadata;
  metadata.id = record.spec.id.str();
  metadata.name = record.spec.name;
  metadata.image = record.spec.user_specified_image.empty() ? record.spec.image : record.spec.user_specified_image;
  metadata.image_id = record.image_id;
  metadata.image_name = record.spec.image;
  metadata.runtime = runtime_.name();
  metadata.created_at = record.created_at;
  metadata.checkpointed_at = rktlet::base::SystemClock().RealtimeNanos();
  metadata.restored =
      rktlet::base::Exists(layout_.AppFile(pod_.spec.id, record.spec.app, rktlet::spec::kCheckpointDirectory));
  for (const auto& [name, text] : {std::pair{checkpoint::kSpecDumpFile, spec},
                                   std::pair{checkpoint::kConfigDumpFile, checkpoint::ToJson(metadata)},
                                   std::pair{checkpoint::kBindMountsFile, BindMounts(config)}}) {
    RETURN_IF_ERROR(rktlet::base::WriteFileAtomic(StrCat(work_, "/", name), text));
  }
  return absl::OkStatus();
}

absl::Status ContainerCheckpoint::Write(const std::string& output, checkpoint::Deadline deadline) const {
  return checkpoint::WriteArchive(work_, output, deadline);
}

}  // namespace rkt::oci
