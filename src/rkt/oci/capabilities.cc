// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/capabilities.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

// By number, linux/capability.h.
constexpr std::array<std::string_view, 41> kNames = {"CAP_CHOWN",
                                                     "CAP_DAC_OVERRIDE",
                                                     "CAP_DAC_READ_SEARCH",
                                                     "CAP_FOWNER",
                                                     "CAP_FSETID",
                                                     "CAP_KILL",
                                                     "CAP_SETGID",
                                                     "CAP_SETUID",
                                                     "CAP_SETPCAP",
                                                     "CAP_LINUX_IMMUTABLE",
                                                     "CAP_NET_BIND_SERVICE",
                                                     "CAP_NET_BROADCAST",
                                                     "CAP_NET_ADMIN",
                                                     "CAP_NET_RAW",
                                                     "CAP_IPC_LOCK",
                                                     "CAP_IPC_OWNER",
                                                     "CAP_SYS_MODULE",
                                                     "CAP_SYS_RAWIO",
                                                     "CAP_SYS_CHROOT",
                                                     "CAP_SYS_PTRACE",
                                                     "CAP_SYS_PACCT",
                                                     "CAP_SYS_ADMIN",
                                                     "CAP_SYS_BOOT",
                                                     "CAP_SYS_NICE",
                                                     "CAP_SYS_RESOURCE",
                                                     "CAP_SYS_TIME",
                                                     "CAP_SYS_TTY_CONFIG",
                                                     "CAP_MKNOD",
                                                     "CAP_LEASE",
                                                     "CAP_AUDIT_WRITE",
                                                     "CAP_AUDIT_CONTROL",
                                                     "CAP_SETFCAP",
                                                     "CAP_MAC_OVERRIDE",
                                                     "CAP_MAC_ADMIN",
                                                     "CAP_SYSLOG",
                                                     "CAP_WAKE_ALARM",
                                                     "CAP_BLOCK_SUSPEND",
                                                     "CAP_AUDIT_READ",
                                                     "CAP_PERFMON",
                                                     "CAP_BPF",
                                                     "CAP_CHECKPOINT_RESTORE"};

// What a container has unless told otherwise: the set of containerd and Docker.
constexpr std::array<std::string_view, 14> kDefault = {
    "CAP_CHOWN",      "CAP_DAC_OVERRIDE", "CAP_FOWNER",      "CAP_FSETID",           "CAP_KILL",
    "CAP_SETGID",     "CAP_SETUID",       "CAP_SETPCAP",     "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",
    "CAP_SYS_CHROOT", "CAP_MKNOD",        "CAP_AUDIT_WRITE", "CAP_SETFCAP"};

std::string Upper(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return upper;
}

uint64_t Bit(std::string_view name) {
  const auto* it = std::find(kNames.begin(), kNames.end(), name);
  return it == kNames.end() ? 0 : uint64_t{1} << (it - kNames.begin());
}

constexpr uint64_t kAll = (uint64_t{1} << kNames.size()) - 1;

// A list of names, "ALL" among them, as a mask.
absl::StatusOr<uint64_t> Mask(const std::vector<std::string>& names, bool* all) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    if (Upper(name) == "ALL" || Upper(name) == "CAP_ALL") {
      *all = true;
      continue;
    }
    ASSIGN_OR_RETURN(std::string canonical, CapabilityName(name));
    mask |= Bit(canonical);
  }
  return mask;
}

}  // namespace

absl::StatusOr<std::string> CapabilityName(std::string_view text) {
  std::string name = Upper(text);
  if (name.rfind("CAP_", 0) != 0) {
    name = "CAP_" + name;
  }
  if (Bit(name) == 0) {
    return absl::InvalidArgumentError(StrCat("unknown capability \"", text, "\""));
  }
  return name;
}

std::vector<std::string> CapabilitiesOfMask(uint64_t mask) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if ((mask >> i) & 1) {
      names.emplace_back(kNames[i]);
    }
  }
  return names;
}

absl::StatusOr<ProcessCapabilities> BuildCapabilities(const rktlet::spec::Capabilities& asked, bool privileged,
                                                      uint64_t available, std::vector<std::string>& warnings) {
  bool add_all = false;
  bool drop_all = false;
  bool ambient_all = false;
  ASSIGN_OR_RETURN(uint64_t add, Mask(asked.add, &add_all));
  ASSIGN_OR_RETURN(uint64_t drop, Mask(asked.drop, &drop_all));
  ASSIGN_OR_RETURN(uint64_t ambient, Mask(asked.add_ambient, &ambient_all));
  uint64_t set = 0;
  for (std::string_view name : kDefault) {
    set |= Bit(name);
  }
  // "ALL" first, single names last: drop ALL and add NET_ADMIN gives NET_ADMIN, add ALL and drop SYS_ADMIN all but
  // that.
  if (add_all) {
    set = kAll;
  }
  if (drop_all) {
    set = 0;
  }
  set = (set | add | ambient) & ~drop;
  if (privileged) {
    set = kAll;
  } else if (const uint64_t missing = (add | ambient) & ~available & ~drop; missing != 0) {
    std::string list;
    for (const std::string& name : CapabilitiesOfMask(missing)) {
      list += StrCat(list.empty() ? "" : ", ", name);
    }
    warnings.push_back(StrCat("not available on this machine and left out: ", list));
  }
  set &= available;
  ambient = (ambient_all ? set : ambient) & set;

  ProcessCapabilities result;
  result.bounding = CapabilitiesOfMask(set);
  result.effective = result.bounding;
  result.permitted = result.bounding;
  // Nothing is inheritable unless it is ambient (which needs it): else an unprivileged process would gain capabilities
  // from files that carry inheritable ones.
  result.inheritable = CapabilitiesOfMask(ambient);
  result.ambient = result.inheritable;
  return result;
}

}  // namespace rkt::oci
