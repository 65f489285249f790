// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/sandbox.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "rkt/pod/etc_files.h"
#include "rkt/pod/sysctls.h"
#include "rkt/pod/user_namespace.h"
#include "rkt/selinux/policy.h"
#include "spec/records.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::ErrnoStatus;
using base::StrCat;
using base::UniqueFd;
using spec::NamespaceMode;

constexpr char kShm[] = "/dev/shm";
constexpr char kShmOptions[] = "mode=1777,size=64m";  // as every runtime gives a pod
constexpr int kBacklog = 1024;
constexpr uint64_t kBarrierTimeoutUsec = 5'000'000;

absl::Status CheckMayStart(const spec::PodState& state) {
  const std::string& id = state.record.spec.id.str();
  ASSIGN_OR_RETURN(const std::string boot_id, base::BootId());
  if (state.record.boot_id != boot_id) {
    return absl::FailedPreconditionError(StrCat("pod ", id, " was made before the machine was restarted"));
  }
  if (state.stopped || state.exit.has_value()) {
    return absl::FailedPreconditionError(StrCat("pod ", id, " has been stopped, and a pod is not started twice"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> ListenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(StrCat("socket path too long, use a shorter --run-dir: ", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "make a socket");
  }
  ::unlink(path.c_str());
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::umask(mask);
  if (bound != 0) {
    return ErrnoStatus(error, StrCat("bind ", path));
  }
  if (::listen(fd.get(), kBacklog) != 0) {
    return ErrnoStatus(errno, StrCat("listen at ", path));
  }
  return fd;
}

absl::Status JoinNetwork(const spec::Layout& layout, const spec::PodSpec& pod) {
  if (pod.network == NamespaceMode::kNode) {
    return absl::OkStatus();
  }
  const std::string path = layout.NetworkNamespace(pod.id);
  ASSIGN_OR_RETURN(const UniqueFd fd, base::OpenAt(AT_FDCWD, path, O_RDONLY));
  return ::setns(fd.get(), CLONE_NEWNET) == 0 ? absl::OkStatus()
                                              : ErrnoStatus(errno, StrCat("join the network namespace ", path));
}

// In a pod with a user namespace they belong to that one, while the supervisor, which writes logs and records, stays
// root of the node.
absl::Status EnterNamespaces(const spec::Layout& layout, const spec::PodSpec& pod, const std::vector<int>& types) {
  if (types.empty()) {
    return absl::OkStatus();
  }
  if (!pod.user_namespace.has_value()) {
    int flags = 0;
    for (const int type : types) {
      flags |= type;
    }
    return ::unshare(flags) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "make the pod's IPC and UTS namespaces");
  }
  ASSIGN_OR_RETURN(const UniqueFd owner, base::OpenAt(AT_FDCWD, layout.UserNamespace(pod.id), O_RDONLY));
  ASSIGN_OR_RETURN(const std::vector<UniqueFd> made, MakeOwnedNamespaces(owner.get(), types));
  for (const UniqueFd& fd : made) {
    if (::setns(fd.get(), 0) != 0) {
      return ErrnoStatus(errno, "join the pod's IPC and UTS namespaces");
    }
  }
  return absl::OkStatus();
}

// Since Linux 6.9 those of an IPC namespace are the root's of its user namespace, and nobody else's.
absl::Status ApplyIpcSysctls(const spec::PodSpec& pod) {
  const absl::Status status = ApplySysctls(pod.sysctls, SysctlScope::kIpc);
  if (!pod.user_namespace.has_value() || !absl::IsPermissionDenied(status)) {
    return status;
  }
  const uid_t root = pod.user_namespace->uids.front().host_id;
  if (::seteuid(root) != 0) {
    return ErrnoStatus(errno, "become root of the pod's user namespace");
  }
  const absl::Status as_root = ApplySysctls(pod.sysctls, SysctlScope::kIpc);
  if (::seteuid(0) != 0) {
    return ErrnoStatus(errno, "become root of the node again");
  }
  return as_root;
}

absl::Status MakeUtsAndIpc(const spec::Layout& layout, const spec::PodSpec& pod) {
  std::vector<int> types;
  if (pod.network == NamespaceMode::kPod) {
    types.push_back(CLONE_NEWUTS);
  }
  if (pod.ipc == NamespaceMode::kPod) {
    types.push_back(CLONE_NEWIPC);
  }
  RETURN_IF_ERROR(EnterNamespaces(layout, pod, types));
  if (pod.network == NamespaceMode::kPod) {
    const std::string hostname = HostnameOf(pod);
    if (::sethostname(hostname.data(), hostname.size()) != 0) {
      return ErrnoStatus(errno, StrCat("set the host name ", hostname));
    }
    RETURN_IF_ERROR(ApplySysctls(pod.sysctls, SysctlScope::kUts));
  }
  return pod.ipc == NamespaceMode::kPod ? ApplyIpcSysctls(pod) : absl::OkStatus();
}

// The supervisor's mount namespace follows the machine's (volumes that appear later must be seen), but what it mounts
// stays in it.
absl::Status MakeMounts(const spec::PodSpec& pod, const std::string& selinux_level) {
  if (pod.ipc != NamespaceMode::kPod) {
    return absl::OkStatus();
  }
  if (::unshare(CLONE_NEWNS) != 0) {
    return ErrnoStatus(errno, "make the supervisor's mount namespace");
  }
  if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) {
    return ErrnoStatus(errno, "make the supervisor's mounts slaves of the machine's");
  }
  // The label that all containers of the pod may write to, whatever their own type.
  ASSIGN_OR_RETURN(const selinux::Labels labels, selinux::MakeLabels(selinux::ReadPolicy(), {}, false, selinux_level));
  std::string options = kShmOptions + selinux::ContextOption(labels.mount);
  if (pod.user_namespace.has_value()) {  // root inside
    options +=
        StrCat(",uid=", pod.user_namespace->uids.front().host_id, ",gid=", pod.user_namespace->gids.front().host_id);
  }
  if (::mount("shm", kShm, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0) {
    return ErrnoStatus(errno, "mount the pod's /dev/shm");
  }
  return absl::OkStatus();
}

// The socket has to be the only descriptor that survives.
absl::Status Exec(const spec::Layout& layout, const spec::PodSpec& pod, const std::string& helper, UniqueFd socket) {
  if (::fcntl(socket.get(), F_SETFD, 0) != 0) {
    return ErrnoStatus(errno, "keep the supervisor's socket");
  }
  const std::string fd = std::to_string(socket.get());
  const std::string run_directory = layout.RunPod(pod.id);
  const char* shm = pod.ipc == NamespaceMode::kPod ? kShm : "";
  ::execl(helper.c_str(), helper.c_str(), "supervisor", fd.c_str(), run_directory.c_str(), shm,
          static_cast<char*>(nullptr));
  return ErrnoStatus(errno, StrCat("run ", helper));
}

absl::Status WritePid(const spec::Layout& layout, const spec::PodId& pod, pid_t pid) {
  return base::WriteFileAtomic(layout.SupervisorPidFile(pod), StrCat(pid, "\n"));
}

// Runs in the first process of the pod's PID namespace: goes on once its parent has told systemd of it.
[[noreturn]] void RunAsFirstProcess(const spec::Layout& layout, const spec::PodSpec& pod, const std::string& helper,
                                    UniqueFd socket, const UniqueFd& gate) {
  char byte = 0;
  if (::read(gate.get(), &byte, 1) == 1) {
    const absl::Status status = Exec(layout, pod, helper, std::move(socket));
    const std::string message = StrCat("app sandbox: ", std::string(status.message()), "\n");
    base::WriteAll(STDERR_FILENO, message).IgnoreError();
  }
  ::_exit(1);
}

// CLONE_PARENT makes the supervisor systemd's own child, so that it is no stranger as the unit's main process.
absl::Status ExecInPidNamespace(const spec::Layout& layout, const spec::PodSpec& pod, const std::string& helper,
                                UniqueFd socket) {
  ASSIGN_OR_RETURN(auto gate, base::MakePipe());
  clone_args args{};
  args.flags = CLONE_NEWPID | CLONE_PARENT;
  const long child = ::syscall(SYS_clone3, &args, sizeof(args));
  if (child < 0) {
    return ErrnoStatus(errno, "make the pod's PID namespace");
  }
  if (child == 0) {
    gate.second.Reset();
    RunAsFirstProcess(layout, pod, helper, std::move(socket), gate.first);
  }
  RETURN_IF_ERROR(WritePid(layout, pod.id, static_cast<pid_t>(child)));
  const std::string state = StrCat("MAINPID=", child);
  if (const int sent = ::sd_notify(0, state.c_str()); sent < 0) {
    return ErrnoStatus(-sent, "tell systemd the supervisor's process");
  }
  // Only when systemd has read it may this process end.
  if (const int done = ::sd_notify_barrier(0, kBarrierTimeoutUsec); done < 0) {
    return ErrnoStatus(-done, "wait for systemd to take the supervisor's process");
  }
  RETURN_IF_ERROR(base::WriteAll(gate.second.get(), "1"));
  ::_exit(0);
}

absl::Status TryBecomeSupervisor(const spec::Layout& layout, const spec::PodId& pod_id, const std::string& helper) {
  ASSIGN_OR_RETURN(const spec::PodState state, spec::ReadPod(layout, pod_id));
  RETURN_IF_ERROR(CheckMayStart(state));
  const spec::PodSpec& pod = state.record.spec;
  ASSIGN_OR_RETURN(UniqueFd socket, ListenAt(layout.SupervisorSocket(pod_id)));
  RETURN_IF_ERROR(JoinNetwork(layout, pod));
  RETURN_IF_ERROR(MakeUtsAndIpc(layout, pod));
  RETURN_IF_ERROR(MakeMounts(pod, state.record.selinux_level));
  if (::chdir("/") != 0) {
    return ErrnoStatus(errno, "change to /");
  }
  if (pod.pid == NamespaceMode::kPod) {
    return ExecInPidNamespace(layout, pod, helper, std::move(socket));
  }
  RETURN_IF_ERROR(WritePid(layout, pod_id, ::getpid()));
  return Exec(layout, pod, helper, std::move(socket));
}

}  // namespace

absl::Status BecomeSupervisor(const spec::Layout& layout, const spec::PodId& pod_id, const std::string& helper) {
  const absl::Status status = TryBecomeSupervisor(layout, pod_id, helper);
  // The unit's status text is how the reason reaches whoever waits for the start.
  ::sd_notify(0, StrCat("STATUS=", std::string(status.message())).c_str());
  return status;
}

}  // namespace rkt::pod
