// SPDX-License-Identifier: Apache-2.0
// Field lists of the parts that both documents share. Private to this folder.
#pragma once

#include <utility>

#include "spec/json_fields.h"
#include "spec/resources.h"
#include "spec/security.h"

namespace rktlet::spec {

template <typename V, typename T>
concept FieldsOf = std::is_same_v<std::remove_const_t<V>, T>;

template <typename Visitor, FieldsOf<HugepageLimit> T>
void Fields(Visitor& visit, T& limit) {
  visit("page_size", limit.page_size);
  visit("limit", limit.limit);
}

template <typename Visitor, FieldsOf<Resources> T>
void Fields(Visitor& visit, T& resources) {
  visit("cpu_period", resources.cpu_period);
  visit("cpu_quota", resources.cpu_quota);
  visit("cpu_shares", resources.cpu_shares);
  visit("memory_limit", resources.memory_limit);
  visit("memory_swap_limit", resources.memory_swap_limit);
  visit("oom_score_adj", resources.oom_score_adj);
  visit("cpuset_cpus", resources.cpuset_cpus);
  visit("cpuset_mems", resources.cpuset_mems);
  visit("pids_limit", resources.pids_limit);
  visit("hugepage_limits", resources.hugepage_limits);
  visit("unified", resources.unified);
}

template <typename Visitor, FieldsOf<SecurityProfile> T>
void Fields(Visitor& visit, T& profile) {
  visit("type", profile.type);
  visit("localhost_ref", profile.localhost_ref);
}

template <typename Visitor, FieldsOf<SelinuxOptions> T>
void Fields(Visitor& visit, T& options) {
  visit("user", options.user);
  visit("role", options.role);
  visit("type", options.type);
  visit("level", options.level);
}

template <typename Visitor, FieldsOf<IdMapping> T>
void Fields(Visitor& visit, T& mapping) {
  visit("container_id", mapping.container_id);
  visit("host_id", mapping.host_id);
  visit("length", mapping.length);
}

template <typename Visitor, FieldsOf<UserNamespace> T>
void Fields(Visitor& visit, T& user_namespace) {
  visit("uids", user_namespace.uids);
  visit("gids", user_namespace.gids);
}

namespace internal {

template <>
struct EnumNames<NamespaceMode> {
  static constexpr std::pair<NamespaceMode, const char*> kNames[] = {{NamespaceMode::kPod, "pod"},
                                                                     {NamespaceMode::kContainer, "container"},
                                                                     {NamespaceMode::kNode, "node"},
                                                                     {NamespaceMode::kTarget, "target"}};
};

template <>
struct EnumNames<ProfileType> {
  static constexpr std::pair<ProfileType, const char*> kNames[] = {{ProfileType::kRuntimeDefault, "runtime-default"},
                                                                   {ProfileType::kUnconfined, "unconfined"},
                                                                   {ProfileType::kLocalhost, "localhost"}};
};

template <>
struct EnumNames<SupplementalGroupsPolicy> {
  static constexpr std::pair<SupplementalGroupsPolicy, const char*> kNames[] = {
      {SupplementalGroupsPolicy::kMerge, "merge"}, {SupplementalGroupsPolicy::kStrict, "strict"}};
};

}  // namespace internal

// Collects every problem of a document into one message.
class Problems {
 public:
  void Check(bool fine, const std::string& problem) {
    if (!fine) {
      text_ += (text_.empty() ? "" : "; ") + problem;
    }
  }
  absl::Status ToStatus() const { return text_.empty() ? absl::OkStatus() : absl::InvalidArgumentError(text_); }

 private:
  std::string text_;
};

// The rules of resources and profiles that hold wherever they stand. `where` begins each message.
void CheckResources(Problems& problems, const std::string& where, const Resources& resources);
void CheckProfile(Problems& problems, const std::string& where, const SecurityProfile& profile);
// Ranges that the kernel takes: not empty, within 32 bits, none over another.
void CheckIdMappings(Problems& problems, const std::string& where, const std::vector<IdMapping>& mappings);
// Text without NUL; for names that end up in files of lines also without newlines.
bool IsLine(const std::string& text);
bool IsAbsolutePath(const std::string& path);  // begins with "/", no NUL, at most 4095 bytes

}  // namespace rktlet::spec
