// SPDX-License-Identifier: Apache-2.0
// An OCI runtime, crun or runc: which binary, with which global options, without the copy of itself that it makes at
// each run where that can be; and what the two want to be told differently. Nothing else knows which one it deals with.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/layout.h"

namespace rkt::oci {

// What config.json has to say to a runtime, and how.
struct RuntimeTraits {
  bool compiled_seccomp = true;  // takes a compiled filter (an annotation of crun's), else only rules
  // Joins a cgroup and sets its device rules, whatever it is told: so it is told the unit's, and the unit's rules.
  bool joins_cgroup = false;
  bool logs_hooks = true;  // what hooks print goes to a file that annotations name; else it stands in its errors
};
RuntimeTraits TraitsOf(const std::string& handler);

class OciRuntime {
 public:
  // `handler`: of the pod. NotFound with a sentence when its program is missing.
  static absl::StatusOr<OciRuntime> Find(const std::string& handler);

  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }

  // argv for a command: global options first. `root` is where the runtime keeps its state.
  std::vector<std::string> Arguments(const std::string& root, const std::string& log,
                                     const std::vector<std::string>& command) const;

  // To be called before `create`, in a mount namespace of one's own, from within the unit whose group is
  // `control_group`.
  absl::Status PrepareMountNamespace(const std::string& control_group) const;

  // Becomes the runtime. Returns only the errno. Async-signal-safe: nothing is allocated. Through a read-only detached
  // mount of the binary where the kernel lets us: crun then knows that a container cannot write to it through
  // /proc/self/exe, and makes no copy of itself.
  int Exec(char* const* argv, char* const* envp) const;

 private:
  std::string name_;
  std::string path_;
  rktlet::base::UniqueFd read_only_;  // invalid: not possible here
};

// The last error in a runtime's log of JSON lines, "" when there is none.
std::string LastRuntimeError(const std::string& log);

// Pointers for execve(2) into `words`, ended by a null.
std::vector<char*> Pointers(std::vector<std::string>& words);

// What a runtime gets as its environment: no NOTIFY_SOCKET, LISTEN_FDS and the like.
std::vector<std::string> RuntimeEnvironment();

}  // namespace rkt::oci
