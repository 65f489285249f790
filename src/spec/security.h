// SPDX-License-Identifier: Apache-2.0
// The security-related parts of pods and containers, in CRI's terms.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rktlet::spec {

// Whose namespace a process is in: the pod's, its own, the node's, or that of another container (pid only).
enum class NamespaceMode : uint8_t { kPod, kContainer, kNode, kTarget };

// A range of ids inside, and where it begins outside: in a pod's user namespace outside is the node, in a mount the
// file system.
struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t length = 0;
  bool operator==(const IdMapping&) const = default;
};

// A user namespace of the pod's own: one range that begins at 0 inside, the same for users and groups.
struct UserNamespace {
  std::vector<IdMapping> uids;
  std::vector<IdMapping> gids;
  bool operator==(const UserNamespace&) const = default;
};

enum class ProfileType : uint8_t { kRuntimeDefault, kUnconfined, kLocalhost };

// A seccomp or AppArmor profile. Localhost names a file below the configured directory (seccomp, absolute path allowed)
// or a loaded profile (AppArmor).
struct SecurityProfile {
  ProfileType type = ProfileType::kUnconfined;
  std::string localhost_ref;
  bool operator==(const SecurityProfile&) const = default;
};

struct SelinuxOptions {
  std::string user;
  std::string role;
  std::string type;
  std::string level;
  bool empty() const { return user.empty() && role.empty() && type.empty() && level.empty(); }
  bool operator==(const SelinuxOptions&) const = default;
};

struct Capabilities {
  std::vector<std::string> add;  // "NET_ADMIN" or "CAP_NET_ADMIN", any case; "ALL"
  std::vector<std::string> drop;
  std::vector<std::string> add_ambient;
  bool operator==(const Capabilities&) const = default;
};

// Of the sandbox. There is no pause process, so these apply to nothing but are kept, checked and reported; `privileged`
// says whether a privileged container may be created in the pod.
struct PodSecurity {
  bool privileged = false;
  bool read_only_root = false;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::vector<int64_t> supplemental_groups;
  SelinuxOptions selinux;
  std::optional<SecurityProfile> seccomp;
  std::optional<SecurityProfile> apparmor;
  bool operator==(const PodSecurity&) const = default;
};

enum class SupplementalGroupsPolicy : uint8_t { kMerge, kStrict };

struct ContainerSecurity {
  bool privileged = false;
  bool read_only_root = false;
  bool no_new_privileges = false;
  Capabilities capabilities;
  NamespaceMode pid = NamespaceMode::kContainer;
  std::string pid_target;  // id of the container whose PID namespace is joined, with NamespaceMode::kTarget
  std::optional<int64_t> run_as_user;
  std::string run_as_username;  // looked up in the image's /etc/passwd
  std::optional<int64_t> run_as_group;
  std::string run_as_group_name;  // `rkt app add --group=NAME`: looked up in the image's /etc/group
  std::vector<int64_t> supplemental_groups;
  SupplementalGroupsPolicy supplemental_groups_policy = SupplementalGroupsPolicy::kMerge;
  SelinuxOptions selinux;
  SecurityProfile seccomp;   // unconfined in a document that does not ask; CRI and the command line have defaults of
  SecurityProfile apparmor;  // their own
  // As the lists say, an empty one too; without one what a runtime hides by default.
  std::optional<std::vector<std::string>> masked_paths;
  std::optional<std::vector<std::string>> readonly_paths;
  bool operator==(const ContainerSecurity&) const = default;
};

}  // namespace rktlet::spec
