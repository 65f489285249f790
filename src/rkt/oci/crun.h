// SPDX-License-Identifier: Apache-2.0
// How crun is called: which binary, with which global options, and without the copy of itself that it makes at each
// run.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "spec/layout.h"

namespace rkt::oci {

class Crun {
 public:
  // Finds the binary ($RKT_CRUN, else "crun" in the system's directories). NotFound with a sentence when it is missing.
  static absl::StatusOr<Crun> Find();

  const std::string& path() const { return path_; }

  // argv for a command: global options first.
  std::vector<std::string> Arguments(const rktlet::spec::Layout& layout, const std::string& log,
                                     const std::vector<std::string>& command) const;

  // Becomes crun. Returns only the errno. Async-signal-safe: nothing is allocated. Through a read-only detached mount
  // of the binary where the kernel lets us: crun then knows that a container cannot write to it through /proc/self/exe,
  // and makes no copy of itself.
  int Exec(char* const* argv, char* const* envp) const;

 private:
  std::string path_;
  rktlet::base::UniqueFd read_only_;  // invalid: not possible here
};

// Pointers for execve(2) into `words`, ended by a null.
std::vector<char*> Pointers(std::vector<std::string>& words);

// What crun gets as its environment: no NOTIFY_SOCKET, LISTEN_FDS and the like.
std::vector<std::string> CrunEnvironment();

}  // namespace rkt::oci
