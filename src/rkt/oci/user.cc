// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/user.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "base/strings.h"

namespace rkt::oci {
namespace {

using rktlet::base::StrCat;

constexpr char kPasswd[] = "/etc/passwd";
constexpr char kGroup[] = "/etc/group";

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      value > static_cast<uint32_t>(std::numeric_limits<int32_t>::max())) {
    return std::nullopt;
  }
  return value;
}

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct GroupEntry {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

// A file that the image lacks is empty; lines that are no entries are skipped, as libc does.
absl::StatusOr<std::string> ReadOrEmpty(const FileReader& read, const std::string& path) {
  absl::StatusOr<std::string> text = read(path);
  if (absl::IsNotFound(text.status())) {
    return std::string();
  }
  return text;
}

std::vector<PasswdEntry> ParsePasswd(const std::string& text) {
  std::vector<PasswdEntry> entries;
  for (std::string_view line : Split(text, '\n')) {
    const std::vector<std::string_view> fields = Split(line, ':');
    if (fields.size() < 4 || line.front() == '#') {
      continue;
    }
    const auto uid = Number(fields[2]);
    const auto gid = Number(fields[3]);
    if (uid && gid) {
      entries.push_back({std::string(fields[0]), *uid, *gid});
    }
  }
  return entries;
}

std::vector<GroupEntry> ParseGroup(const std::string& text) {
  std::vector<GroupEntry> entries;
  for (std::string_view line : Split(text, '\n')) {
    const std::vector<std::string_view> fields = Split(line, ':');
    if (fields.size() < 3 || line.front() == '#') {
      continue;
    }
    const auto gid = Number(fields[2]);
    if (!gid) {
      continue;
    }
    GroupEntry entry{std::string(fields[0]), *gid, {}};
    if (fields.size() > 3) {
      for (std::string_view member : Split(fields[3], ',')) {
        entry.members.emplace_back(member);
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The image's files, each read when first asked for.
class Accounts {
 public:
  explicit Accounts(const FileReader& read) : read_(read) {}

  absl::StatusOr<std::optional<PasswdEntry>> User(std::string_view name, std::optional<uint32_t> number) {
    if (!passwd_) {
      ASSIGN_OR_RETURN(std::string text, ReadOrEmpty(read_, kPasswd));
      passwd_ = ParsePasswd(text);
    }
    // The name first: a user may be called by digits.
    for (const PasswdEntry& entry : *passwd_) {
      if (!name.empty() && entry.name == name) {
        return entry;
      }
    }
    for (const PasswdEntry& entry : *passwd_) {
      if (number && entry.uid == *number) {
        return entry;
      }
    }
    return std::optional<PasswdEntry>();
  }

  absl::StatusOr<const std::vector<GroupEntry>*> Groups() {
    if (!groups_) {
      ASSIGN_OR_RETURN(std::string text, ReadOrEmpty(read_, kGroup));
      groups_ = ParseGroup(text);
    }
    return &*groups_;
  }

  absl::StatusOr<uint32_t> Group(std::string_view text) {
    ASSIGN_OR_RETURN(const std::vector<GroupEntry>* groups, Groups());
    for (const GroupEntry& entry : *groups) {
      if (entry.name == text) {
        return entry.gid;
      }
    }
    if (const auto number = Number(text)) {
      return *number;
    }
    return absl::InvalidArgumentError(StrCat("the image's ", kGroup, " has no group \"", text, "\""));
  }

 private:
  const FileReader& read_;
  std::optional<std::vector<PasswdEntry>> passwd_;
  std::optional<std::vector<GroupEntry>> groups_;
};

void AddGroup(std::vector<uint32_t>& groups, uint32_t gid) {
  if (std::find(groups.begin(), groups.end(), gid) == groups.end()) {
    groups.push_back(gid);
  }
}

absl::StatusOr<uint32_t> Id(int64_t value, std::string_view what) {
  if (value < 0 || value > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(StrCat(what, " ", value, " is not between 0 and 2147483647"));
  }
  return static_cast<uint32_t>(value);
}

struct Identity {
  ProcessUser user;
  std::string name;  // in passwd, else empty
};

absl::StatusOr<Identity> Resolve(const std::string& user, const std::string& group, Accounts& accounts) {
  Identity identity;
  const std::optional<uint32_t> number = Number(user);
  if (!user.empty()) {
    ASSIGN_OR_RETURN(std::optional<PasswdEntry> entry, accounts.User(user, number));
    if (entry) {
      identity.user.uid = entry->uid;
      identity.user.gid = entry->gid;
      identity.name = entry->name;
    } else if (number) {
      identity.user.uid = *number;
    } else {
      return absl::InvalidArgumentError(StrCat("the image's ", kPasswd, " has no user \"", user, "\""));
    }
  } else {
    ASSIGN_OR_RETURN(std::optional<PasswdEntry> entry, accounts.User("", 0));
    if (entry) {
      identity.user.gid = entry->gid;
      identity.name = entry->name;
    }
  }
  if (!group.empty()) {
    ASSIGN_OR_RETURN(identity.user.gid, accounts.Group(group));
  }
  return identity;
}

absl::Status AddImageGroups(Identity& identity, Accounts& accounts) {
  if (identity.name.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::vector<GroupEntry>* groups, accounts.Groups());
  for (const GroupEntry& entry : *groups) {
    if (std::find(entry.members.begin(), entry.members.end(), identity.name) != entry.members.end()) {
      AddGroup(identity.user.additional_gids, entry.gid);
    }
  }
  return absl::OkStatus();
}

std::pair<std::string, std::string> SplitUser(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return {text, ""};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

absl::StatusOr<ProcessUser> ResolveUser(const rktlet::spec::ContainerSecurity& security, const std::string& image_user,
                                        const FileReader& read) {
  Accounts accounts(read);
  auto [user, group] = SplitUser(image_user);
  if (!security.run_as_username.empty()) {
    user = security.run_as_username;
    group.clear();
  } else if (security.run_as_user.has_value()) {
    ASSIGN_OR_RETURN(uint32_t uid, Id(*security.run_as_user, "user"));
    user = StrCat(uid);
    group.clear();
  }
  if (security.run_as_group.has_value()) {
    ASSIGN_OR_RETURN(uint32_t gid, Id(*security.run_as_group, "group"));
    group = StrCat(gid);
  } else if (!security.run_as_group_name.empty()) {
    group = security.run_as_group_name;
  }
  ASSIGN_OR_RETURN(Identity identity, Resolve(user, group, accounts));
  if (security.run_as_user.has_value() && security.run_as_username.empty()) {
    // A number is a number, even where a user is named by digits.
    identity.user.uid = static_cast<uint32_t>(*security.run_as_user);
  }
  if (security.run_as_group.has_value()) {
    identity.user.gid = static_cast<uint32_t>(*security.run_as_group);
  }
  // The primary group is listed too: a process that gives it up by setgid must not lose a *denial* that it stood for.
  AddGroup(identity.user.additional_gids, identity.user.gid);
  if (security.supplemental_groups_policy == rktlet::spec::SupplementalGroupsPolicy::kMerge) {
    RETURN_IF_ERROR(AddImageGroups(identity, accounts));
  }
  for (int64_t group_id : security.supplemental_groups) {
    ASSIGN_OR_RETURN(uint32_t gid, Id(group_id, "supplementary group"));
    AddGroup(identity.user.additional_gids, gid);
  }
  return identity.user;
}

absl::StatusOr<ProcessUser> ResolveUserText(const std::string& text, const FileReader& read) {
  rktlet::spec::ContainerSecurity none;
  return ResolveUser(none, text, read);
}

}  // namespace rkt::oci
