// SPDX-License-Identifier: Apache-2.0
// A seccomp profile as a file says it: the OCI form (linux.seccomp) and the form with archMap, includes and excludes in
// which the default profile of golang-github-containers-common is written.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::oci {

struct SeccompArgument {
  uint32_t index = 0;
  uint64_t value = 0;
  uint64_t value_two = 0;
  std::string op;  // "SCMP_CMP_EQ"
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;  // "SCMP_ACT_ALLOW"
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArgument> arguments;
};

struct SeccompProfile {
  std::string default_action;
  std::optional<uint32_t> default_errno_ret;
  std::vector<std::string> architectures;  // besides the native one
  std::vector<std::string> flags;          // "SECCOMP_FILTER_FLAG_LOG"
  std::vector<SeccompRule> rules;
};

// What conditional rules are decided by.
struct SeccompFacts {
  std::set<std::string> capabilities;  // of the container's bounding set
  std::string architecture;            // as Go names it, "amd64"
  std::string seccomp_architecture;    // as libseccomp names it, "SCMP_ARCH_X86_64"
  int kernel_major = 0;
  int kernel_minor = 0;
};

// The facts of this machine, with no capabilities.
SeccompFacts HostSeccompFacts();

// The rules that hold under `facts`. InvalidArgument says what is wrong with the document; Unimplemented for a listener
// (SCMP_ACT_NOTIFY).
absl::StatusOr<SeccompProfile> ParseSeccompProfile(const std::string& json, const SeccompFacts& facts);

// The profile in its OCI form, JSON.
std::string SeccompToOci(const SeccompProfile& profile);

}  // namespace rkt::oci
