// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/hidden_argument.h"

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using Address = uintptr_t;

constexpr char kVariable[] = "RKT_HIDDEN_ARGUMENT=";
constexpr char kGateName[] = "rkt-gate";
constexpr int kGateFd = 9;  // a shell knows descriptors of one digit only
constexpr size_t kMostPointers = 4096;

// The memory of a traced process whose program has just been loaded: argc, argv and the environment, as the kernel lays
// them out on its stack (the start of which is the 28th word of proc(5)'s stat).
class LoadedProgram {
 public:
  static absl::StatusOr<LoadedProgram> Open(pid_t pid) {
    const std::string proc = StrCat("/proc/", pid);
    ASSIGN_OR_RETURN(const std::string stat, rktlet::base::ReadFile(proc + "/stat"));
    LoadedProgram program;
    size_t at = stat.rfind(')');  // the end of the second word, which may contain anything
    for (int word = 2; word < 28 && at != std::string::npos; ++word) {
      at = stat.find(' ', at + 1);
    }
    if (at == std::string::npos) {
      return absl::InternalError(StrCat(proc, "/stat is too short"));
    }
    program.stack_ = std::strtoull(stat.c_str() + at + 1, nullptr, 10);
    program.memory_ = rktlet::base::UniqueFd(::open((proc + "/mem").c_str(), O_RDWR | O_CLOEXEC));
    if (!program.memory_.valid()) {
      return ErrnoStatus(errno, StrCat("open ", proc, "/mem"));
    }
    return program;
  }

  // Whether it only starts the next one: the shell in front, which may be traced from its own start on, or setpriv. The
  // argument must not become theirs: they would hand it on, and it would stand in the command line.
  bool IsOnTheWay() const { return Text(Pointer(1)) == "setpriv" || Text(Pointer(4)) == kGateName; }

  // Makes the argument `placeholder` point to the value of `variable`, which disappears from the environment that the
  // program sees.
  absl::Status Redirect(std::string_view placeholder, std::string_view variable) const {
    const size_t argc = Pointer(0);
    size_t argument = 0;
    for (size_t i = 1; i <= argc && i < kMostPointers; ++i) {
      argument = Text(Pointer(i)) == placeholder ? i : argument;
    }
    const size_t first = argc + 2;  // behind the null after argv
    for (size_t i = first; argument != 0 && i < kMostPointers && Pointer(i) != 0; ++i) {
      if (Text(Pointer(i), variable.size()) == variable) {
        RETURN_IF_ERROR(SetPointer(argument, Pointer(i) + variable.size()));
        return SetPointer(i, Pointer(first));  // twice the same variable: what counts is that it is not this one
      }
    }
    return absl::InternalError("the program's arguments are not where they are looked for");
  }

 private:
  Address Slot(size_t index) const { return stack_ + index * sizeof(Address); }

  Address Pointer(size_t index) const {
    Address value = 0;
    const ssize_t got = ::pread(memory_.get(), &value, sizeof(value), static_cast<off_t>(Slot(index)));
    return got == sizeof(value) ? value : 0;
  }

  absl::Status SetPointer(size_t index, Address value) const {
    if (::pwrite(memory_.get(), &value, sizeof(value), static_cast<off_t>(Slot(index))) != sizeof(value)) {
      return ErrnoStatus(errno, "write the program's arguments");
    }
    return absl::OkStatus();
  }

  // The string at `address`, or its first `limit` bytes.
  std::string Text(Address address, size_t limit = 64) const {
    std::string text(limit, '\0');
    const ssize_t got = ::pread(memory_.get(), text.data(), limit, static_cast<off_t>(address));
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text.substr(0, text.find('\0'));
  }

  rktlet::base::UniqueFd memory_;
  Address stack_ = 0;
};

// Waits until the child stops, or has ended; then false, and it is not reaped.
absl::StatusOr<bool> AwaitStop(pid_t pid, int& stop) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0) {
    if (errno != EINTR) {
      return ErrnoStatus(errno, "wait for a traced program");
    }
  }
  if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
    return false;
  }
  int status = 0;
  if (::waitpid(pid, &status, __WALL) < 0) {
    return ErrnoStatus(errno, "wait for a traced program");
  }
  stop = status >> 8;
  return true;
}

// Follows the child from program to program until the one that gets the argument.
absl::Status FollowAndRedirect(pid_t pid) {
  int stop = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool stopped, AwaitStop(pid, stop));
    if (!stopped) {
      return absl::OkStatus();  // how it ended says why
    }
    if (stop == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
      ASSIGN_OR_RETURN(const LoadedProgram program, LoadedProgram::Open(pid));
      if (!program.IsOnTheWay()) {
        RETURN_IF_ERROR(program.Redirect(kHiddenArgument, kVariable));
        return ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr) == 0 ? absl::OkStatus()
                                                                   : ErrnoStatus(errno, "let a traced program go");
      }
    }
    const long signal = stop <= 0xff && stop != SIGTRAP ? stop : 0;
    if (::ptrace(PTRACE_CONT, pid, nullptr, signal) != 0 && errno != ESRCH) {
      return ErrnoStatus(errno, "continue a traced program");
    }
  }
}

}  // namespace

absl::StatusOr<rktlet::base::PidFd> SpawnWithHiddenArgument(rktlet::base::Command command,
                                                            const std::string& argument) {
  // A shell waits in front until it is traced, so that no exec is missed.
  std::vector<std::string> args = {"-c", StrCat("read -r go <&", kGateFd, "; exec \"$@\" ", kGateFd, "<&-"), kGateName,
                                   command.program};
  args.insert(args.end(), command.args.begin(), command.args.end());
  command.program = "/bin/sh";
  command.args = std::move(args);
  if (!command.environment.has_value()) {
    command.environment.emplace();
    for (char** entry = environ; *entry != nullptr; ++entry) {
      command.environment->emplace_back(*entry);
    }
  }
  command.environment->push_back(kVariable + argument);
  ASSIGN_OR_RETURN(auto gate, rktlet::base::MakePipe());
  command.fds.emplace_back(gate.first.get(), kGateFd);
  ASSIGN_OR_RETURN(rktlet::base::PidFd child, rktlet::base::Spawn(command));
  const auto give_up = [&](absl::Status status) {
    static_cast<void>(child.SendSignal(SIGKILL));
    static_cast<void>(child.Reap(true));
    return status;
  };
  if (::ptrace(PTRACE_SEIZE, child.pid(), nullptr, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) != 0) {
    return give_up(absl::FailedPreconditionError(
        "the system lets rkt trace no program (ptrace(2)), without which a registry's token would be seen by all"));
  }
  gate.second.Reset();  // the shell reads the end of its file
  if (absl::Status status = FollowAndRedirect(child.pid()); !status.ok()) {
    return give_up(status);
  }
  return child;
}

}  // namespace rkt::image
