// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/policy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "base/strings.h"

namespace rkt::selinux {
namespace {

using rktlet::base::StrCat;

constexpr char kUnconfinedType[] = "spc_t";

struct Context {
  std::string user;
  std::string role;
  std::string type;
  std::string level;

  static Context Parse(const std::string& text) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(':', 3));
    Context context;
    std::string* const fields[] = {&context.user, &context.role, &context.type, &context.level};
    for (size_t i = 0; i < parts.size(); ++i) {
      *fields[i] = parts[i];
    }
    return context;
  }
  std::string str() const { return StrCat(user, ":", role, ":", type, level.empty() ? "" : ":", level); }
};

// `key = "value"` and `key=value` lines, `#` comments: /etc/selinux/config and lxc_contexts(5).
std::string Value(const std::string& text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (absl::StripAsciiWhitespace(pair.first) == key) {
      absl::string_view value = absl::StripAsciiWhitespace(pair.second);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      return std::string(value);
    }
  }
  return "";
}

// The kernel answers a write of a context that it does not know with EINVAL.
absl::Status CheckInKernel(const std::string& file, const std::string& context) {
  ASSIGN_OR_RETURN(const auto fd, rktlet::base::OpenAt(AT_FDCWD, file, O_RDWR));
  if (::write(fd.get(), context.c_str(), context.size() + 1) < 0) {
    return errno == EINVAL ? absl::InvalidArgumentError(
                                 StrCat("the loaded SELinux policy does not know the label \"", context, "\""))
                           : rktlet::base::ErrnoStatus(errno, file);
  }
  return absl::OkStatus();
}

// A part of a label: what the kernel's parser separates by, and quotes, cannot stand in one.
bool IsPart(const std::string& text, bool level) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.' &&
        !(level && (c == ':' || c == ','))) {
      return false;
    }
  }
  return true;
}

absl::Status CheckOptions(const rktlet::spec::SelinuxOptions& options) {
  const std::pair<const char*, const std::string*> parts[] = {
      {"user", &options.user}, {"role", &options.role}, {"type", &options.type}, {"level", &options.level}};
  for (const auto& [name, value] : parts) {
    if (!IsPart(*value, value == &options.level)) {
      return absl::InvalidArgumentError(StrCat("SELinux ", name, " \"", *value, "\" has characters that no label has"));
    }
  }
  return absl::OkStatus();
}

const std::string& Or(const std::string& value, const std::string& fallback) {
  return value.empty() ? fallback : value;
}

}  // namespace

Policy ReadPolicy(const std::string& selinuxfs, const std::string& config) {
  Policy policy;
  policy.enabled = rktlet::base::Exists(selinuxfs + "/enforce");
  policy.check = [file = selinuxfs + "/context"](const std::string& context) { return CheckInKernel(file, context); };
  if (!policy.enabled) {
    return policy;
  }
  const std::string type = Value(rktlet::base::ReadFile(config + "/config").value_or(""), "SELINUXTYPE");
  const std::string contexts = rktlet::base::ReadFile(StrCat(config, "/", type, "/contexts/lxc_contexts")).value_or("");
  policy.process_context = Or(Value(contexts, "process"), policy.process_context);
  policy.file_context = Or(Value(contexts, "file"), policy.file_context);
  return policy;
}

absl::StatusOr<Labels> MakeLabels(const Policy& policy, const rktlet::spec::SelinuxOptions& options, bool privileged,
                                  const std::string& pod_level) {
  if (!policy.enabled) {
    if (!options.empty()) {
      return absl::FailedPreconditionError("SELinux options are given, and SELinux is not enabled on this machine");
    }
    return Labels();
  }
  RETURN_IF_ERROR(CheckOptions(options));
  Context process = Context::Parse(policy.process_context);
  const std::string plain_level = process.level;
  process.user = Or(options.user, process.user);
  process.role = Or(options.role, process.role);
  process.type = Or(options.type, privileged ? kUnconfinedType : process.type);
  process.level = Or(options.level, privileged || pod_level.empty() ? plain_level : pod_level);
  Context mount = Context::Parse(policy.file_context);
  mount.level = Or(options.level, Or(pod_level, mount.level));
  const Labels labels{process.str(), mount.str()};
  for (const std::string& label : {labels.process, labels.mount}) {
    if (const absl::Status known = policy.check(label); !known.ok()) {
      return options.empty() && absl::IsInvalidArgument(known) ? absl::StatusOr<Labels>(Labels()) : known;
    }
  }
  return labels;
}

std::string ContextOption(const std::string& mount_label) {
  // Quoted: categories are separated by commas, as options are.
  return mount_label.empty() ? "" : StrCat(",context=\"", mount_label, "\"");
}

}  // namespace rkt::selinux
