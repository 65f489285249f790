// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/strings.h"

namespace rktlet::base {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Descriptors are moved up here first, so that mapping one child number never overwrites another one's source.
constexpr int kFirstScratchFd = 256;

struct SpawnState {
  SpawnState() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnState(const SpawnState&) = delete;
  SpawnState& operator=(const SpawnState&) = delete;
  ~SpawnState() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  std::vector<UniqueFd> scratch;
};

absl::Status MapDescriptors(const Command& command, SpawnState& state) {
  for (int standard = 0; standard <= 2; ++standard) {
    const bool named = std::any_of(command.fds.begin(), command.fds.end(),
                                   [standard](const auto& mapping) { return mapping.second == standard; });
    if (!named) {
      ::posix_spawn_file_actions_addopen(&state.actions, standard, "/dev/null", standard == 0 ? O_RDONLY : O_WRONLY, 0);
    }
  }
  for (const auto& [ours, theirs] : command.fds) {
    const int scratch = ::fcntl(ours, F_DUPFD_CLOEXEC, kFirstScratchFd);
    if (scratch < 0) {
      return ErrnoStatus(errno, StrCat("duplicate descriptor ", ours));
    }
    state.scratch.emplace_back(scratch);
    ::posix_spawn_file_actions_adddup2(&state.actions, scratch, theirs);
  }
  if (!command.working_directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&state.actions, command.working_directory.c_str());
  }
  return absl::OkStatus();
}

void SetAttributes(const Command& command, SpawnState& state) {
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&state.attributes, &none);
  ::posix_spawnattr_setsigdefault(&state.attributes, &all);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (command.new_session) {
    flags |= POSIX_SPAWN_SETSID;
  }
  ::posix_spawnattr_setflags(&state.attributes, static_cast<short>(flags));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) {
    pointers.push_back(const_cast<char*>(string.c_str()));  // execve(2) does not write there
  }
  pointers.push_back(nullptr);
  return pointers;
}

// One pipe of a running command: data that goes in or comes out.
struct Stream {
  UniqueFd fd;
  std::string* sink = nullptr;
  size_t limit = 0;
  bool truncated = false;

  // Reads what is there; closes at the end of the stream.
  void Drain() {
    std::array<char, 65536> buffer;
    while (fd.valid()) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count > 0) {
        const size_t room = limit - std::min(limit, sink->size());
        const size_t taken = std::min(room, static_cast<size_t>(count));
        sink->append(buffer.data(), taken);
        truncated = truncated || taken < static_cast<size_t>(count);
      } else if (count < 0 && errno == EINTR) {
        continue;
      } else if (count < 0 && errno == EAGAIN) {
        return;
      } else {
        fd.Reset();
      }
    }
  }
};

void Feed(UniqueFd& fd, std::string_view& data) {
  while (fd.valid() && !data.empty()) {
    const ssize_t count = ::write(fd.get(), data.data(), data.size());
    if (count > 0) {
      data.remove_prefix(static_cast<size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      return;
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else {
      data = {};  // the reader is gone: EPIPE is not our error
    }
  }
  fd.Reset();
}

int PollTimeout(std::optional<steady_clock::time_point> deadline) {
  if (!deadline.has_value()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

// SIGPIPE for this thread is held back while a pipe to a child is written, and taken away if one came up.
class BlockSigpipe {
 public:
  BlockSigpipe() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &old_);
  }
  BlockSigpipe(const BlockSigpipe&) = delete;
  BlockSigpipe& operator=(const BlockSigpipe&) = delete;
  ~BlockSigpipe() {
    const timespec none{};
    if (::sigismember(&old_, SIGPIPE) == 0) {
      while (::sigtimedwait(&set_, nullptr, &none) > 0) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }

 private:
  sigset_t set_{};
  sigset_t old_{};
};

}  // namespace

absl::StatusOr<std::pair<UniqueFd, UniqueFd>> MakePipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "make a pipe");
  }
  return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

absl::StatusOr<PidFd> Spawn(const Command& command) {
  SpawnState state;
  RETURN_IF_ERROR(MapDescriptors(command, state));
  SetAttributes(command, state);
  std::vector<std::string> argv = {command.arg0.empty() ? command.program : command.arg0};
  argv.insert(argv.end(), command.args.begin(), command.args.end());
  const std::vector<char*> argv_pointers = Pointers(argv);
  std::vector<char*> environment_pointers;
  char** environment = environ;
  if (command.environment.has_value()) {
    environment_pointers = Pointers(*command.environment);
    environment = environment_pointers.data();
  }
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, command.program.c_str(), &state.actions, &state.attributes,
                                   argv_pointers.data(), environment);
  if (error != 0) {
    return ErrnoStatus(error, StrCat("run ", command.program));
  }
  // The child is ours and not reaped yet: its number cannot have been given to another process.
  auto pid_fd = PidFd::Open(pid);
  if (!pid_fd.ok()) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return pid_fd;
}

absl::StatusOr<CommandResult> RunCommand(Command command, const RunOptions& options) {
  ASSIGN_OR_RETURN(auto in, MakePipe());
  ASSIGN_OR_RETURN(auto out, MakePipe());
  ASSIGN_OR_RETURN(auto err, MakePipe());
  command.fds.insert(command.fds.end(), {{in.first.get(), 0}, {out.second.get(), 1}, {err.second.get(), 2}});
  command.new_session = true;
  ASSIGN_OR_RETURN(const PidFd child, Spawn(command));
  in.first.Reset();
  out.second.Reset();
  err.second.Reset();

  std::optional<steady_clock::time_point> deadline;
  if (options.timeout.has_value()) {
    deadline = steady_clock::now() + *options.timeout;
  }
  CommandResult result;
  UniqueFd& input = in.second;
  std::string_view input_left = options.stdin_data;
  Stream output{std::move(out.first), &result.stdout_data, options.stdout_limit};
  Stream errors{std::move(err.first), &result.stderr_data, options.stderr_limit};
  for (int fd : {input.get(), output.fd.get(), errors.fd.get()}) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  const BlockSigpipe block_sigpipe;
  Feed(input, input_left);
  while (!child.Ended()) {
    std::array<pollfd, 4> polled = {pollfd{child.fd(), POLLIN, 0}, pollfd{input.get(), POLLOUT, 0},
                                    pollfd{output.fd.get(), POLLIN, 0}, pollfd{errors.fd.get(), POLLIN, 0}};
    const int ready = ::poll(polled.data(), polled.size(), PollTimeout(deadline));
    if (ready == 0 && deadline.has_value() && steady_clock::now() >= *deadline) {
      result.timed_out = true;
      ::kill(-child.pid(), SIGKILL);  // the group of an unreaped leader: the number is still its own
      deadline.reset();
    }
    if (input.valid() && polled[1].revents != 0) {
      Feed(input, input_left);
    }
    output.Drain();
    errors.Drain();
  }
  output.Drain();
  errors.Drain();
  ASSIGN_OR_RETURN(const std::optional<ExitStatus> status, child.Reap(true));
  result.status = *status;
  result.stdout_truncated = output.truncated;
  return result;
}

absl::Status CheckResult(const CommandResult& result, std::string_view what) {
  if (result.timed_out) {
    return absl::DeadlineExceededError(StrCat(what, ": took too long and was killed"));
  }
  if (result.status.Success()) {
    return absl::OkStatus();
  }
  constexpr size_t kTail = 2048;
  std::string_view text = ToStd(absl::StripSuffix(result.stderr_data, "\n"));
  text.remove_prefix(text.size() - std::min(text.size(), kTail));
  const std::string how = result.status.signal != 0 ? StrCat("ended by signal ", result.status.signal)
                                                    : StrCat("exit code ", result.status.code);
  return absl::InternalError(StrCat(what, ": ", how, text.empty() ? "" : ": ", text));
}

}  // namespace rktlet::base
