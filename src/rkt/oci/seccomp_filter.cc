// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/seccomp_filter.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>

#include "absl/strings/escaping.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/unique_fd.h"

namespace rkt::oci {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

constexpr size_t kMaxCached = 64;

struct FilterDeleter {
  void operator()(void* context) const { seccomp_release(context); }
};

absl::StatusOr<uint32_t> Action(const std::string& name, uint32_t errno_ret) {
  static const std::map<std::string, uint32_t> kActions = {
      {"SCMP_ACT_KILL", SCMP_ACT_KILL},   {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
      {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},   {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
      {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW}, {"SCMP_ACT_LOG", SCMP_ACT_LOG},
  };
  if (name == "SCMP_ACT_ERRNO") {
    return SCMP_ACT_ERRNO(errno_ret);
  }
  if (name == "SCMP_ACT_TRACE") {
    return SCMP_ACT_TRACE(errno_ret);
  }
  const auto it = kActions.find(name);
  if (it == kActions.end()) {
    return absl::InvalidArgumentError(StrCat("unknown seccomp action \"", name, "\""));
  }
  return it->second;
}

absl::StatusOr<scmp_compare> Operator(const std::string& name) {
  static const std::map<std::string, scmp_compare> kOperators = {
      {"SCMP_CMP_NE", SCMP_CMP_NE},
      {"SCMP_CMP_LT", SCMP_CMP_LT},
      {"SCMP_CMP_LE", SCMP_CMP_LE},
      {"SCMP_CMP_EQ", SCMP_CMP_EQ},
      {"SCMP_CMP_GE", SCMP_CMP_GE},
      {"SCMP_CMP_GT", SCMP_CMP_GT},
      {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
  };
  const auto it = kOperators.find(name);
  if (it == kOperators.end()) {
    return absl::InvalidArgumentError(StrCat("unknown seccomp operator \"", name, "\""));
  }
  return it->second;
}

absl::Status AddArchitectures(void* context, const SeccompProfile& profile) {
  for (const std::string& name : profile.architectures) {
    // libseccomp wants "x86_64" where profiles say "SCMP_ARCH_X86_64".
    std::string text = name.rfind("SCMP_ARCH_", 0) == 0 ? name.substr(10) : name;
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    const uint32_t token = seccomp_arch_resolve_name(text.c_str());
    if (token == 0) {
      return absl::InvalidArgumentError(StrCat("unknown seccomp architecture \"", name, "\""));
    }
    const int result = seccomp_arch_add(context, token);
    if (result < 0 && result != -EEXIST) {
      return ErrnoStatus(-result, StrCat("seccomp architecture ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status AddRule(void* context, uint32_t action, int number, const std::vector<scmp_arg_cmp>& arguments,
                     const std::string& name) {
  const int result =
      seccomp_rule_add_array(context, action, number, static_cast<unsigned>(arguments.size()), arguments.data());
  if (result < 0 && result != -EEXIST) {
    return ErrnoStatus(-result, StrCat("seccomp rule for ", name));
  }
  return absl::OkStatus();
}

absl::Status AddRules(void* context, const SeccompProfile& profile, uint32_t default_action) {
  for (const SeccompRule& rule : profile.rules) {
    ASSIGN_OR_RETURN(uint32_t action, Action(rule.action, rule.errno_ret.value_or(EPERM)));
    if (action == default_action) {
      continue;  // libseccomp refuses a rule that says nothing
    }
    std::vector<scmp_arg_cmp> arguments;
    bool repeated = false;
    for (const SeccompArgument& argument : rule.arguments) {
      ASSIGN_OR_RETURN(scmp_compare op, Operator(argument.op));
      if (argument.index > 5) {
        return absl::InvalidArgumentError(StrCat("seccomp argument index ", argument.index, " is above 5"));
      }
      repeated = repeated || std::any_of(arguments.begin(), arguments.end(),
                                         [&](const scmp_arg_cmp& other) { return other.arg == argument.index; });
      arguments.push_back({argument.index, op, argument.value, argument.value_two});
    }
    for (const std::string& name : rule.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) {
        continue;
      }
      if (!repeated) {
        RETURN_IF_ERROR(AddRule(context, action, number, arguments, name));
        continue;
      }
      // Several comparisons of one argument mean any of them (a rule can hold each argument once).
      for (const scmp_arg_cmp& argument : arguments) {
        RETURN_IF_ERROR(AddRule(context, action, number, {argument}, name));
      }
    }
  }
  return absl::OkStatus();
}

uint64_t Fingerprint(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: only a file name, the file holds the whole key
  for (unsigned char c : text) {
    hash = (hash ^ c) * 0x100000001b3;
  }
  return hash;
}

std::string CacheKey(const std::string& profile_json, const SeccompFacts& facts) {
  const scmp_version* version = seccomp_version();
  std::string key = StrCat("1 ", facts.seccomp_architecture, " ", facts.kernel_major, ".", facts.kernel_minor, " ",
                           version->major, ".", version->minor, ".", version->micro);
  for (const std::string& capability : facts.capabilities) {
    key += " " + capability;
  }
  return key + "\n" + profile_json;
}

// The file: "<length of the key>\n<key><flags, separated by spaces>\n<filter>".
std::optional<CompiledSeccomp> ReadCached(const std::string& path, const std::string& key) {
  absl::StatusOr<std::string> text = rktlet::base::ReadFile(path);
  const std::string header = StrCat(key.size(), "\n", key);
  if (!text.ok() || text->compare(0, header.size(), header) != 0) {
    return std::nullopt;
  }
  const size_t end = text->find('\n', header.size());
  if (end == std::string::npos || end + 1 == text->size()) {
    return std::nullopt;
  }
  CompiledSeccomp compiled;
  std::string flags = text->substr(header.size(), end - header.size());
  for (size_t begin = 0; begin < flags.size();) {
    const size_t space = std::min(flags.find(' ', begin), flags.size());
    compiled.flags.push_back(flags.substr(begin, space - begin));
    begin = space + 1;
  }
  compiled.filter = text->substr(end + 1);
  return compiled;
}

void WriteCached(const std::string& directory, const std::string& path, const std::string& key,
                 const CompiledSeccomp& compiled) {
  if (!rktlet::base::MakeDirectories(directory, 0700).ok()) {
    return;
  }
  if (absl::StatusOr<std::vector<std::string>> names = rktlet::base::ListDirectory(directory);
      names.ok() && names->size() >= kMaxCached) {
    for (const std::string& name : *names) {
      rktlet::base::RemoveTree(directory + "/" + name).IgnoreError();
    }
  }
  std::string flags;
  for (const std::string& flag : compiled.flags) {
    flags += (flags.empty() ? "" : " ") + flag;
  }
  rktlet::base::WriteFileAtomic(path, StrCat(key.size(), "\n", key, flags, "\n", compiled.filter), 0600).IgnoreError();
}

}  // namespace

absl::StatusOr<std::string> CompileSeccomp(const SeccompProfile& profile) {
  ASSIGN_OR_RETURN(uint32_t default_action, Action(profile.default_action, profile.default_errno_ret.value_or(EPERM)));
  const std::unique_ptr<void, FilterDeleter> context(seccomp_init(default_action));
  if (context == nullptr) {
    return absl::InvalidArgumentError(StrCat("seccomp action ", profile.default_action, " is not supported"));
  }
  RETURN_IF_ERROR(AddArchitectures(context.get(), profile));
  RETURN_IF_ERROR(AddRules(context.get(), profile, default_action));
  rktlet::base::UniqueFd fd(memfd_create("seccomp", MFD_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "memfd_create");
  }
  if (const int result = seccomp_export_bpf(context.get(), fd.get()); result < 0) {
    return ErrnoStatus(-result, "compiling the seccomp profile");
  }
  if (lseek(fd.get(), 0, SEEK_SET) != 0) {
    return ErrnoStatus(errno, "lseek");
  }
  return rktlet::base::ReadAll(fd.get());
}

std::string Base64(const std::string& bytes) { return absl::Base64Escape(bytes); }

absl::StatusOr<CompiledSeccomp> CompileSeccompCached(const std::string& profile_json, const SeccompFacts& facts,
                                                     const std::string& cache_dir) {
  const std::string key = CacheKey(profile_json, facts);
  const std::string path = StrCat(cache_dir, "/", absl::StrCat(absl::Hex(Fingerprint(key), absl::kZeroPad16)));
  if (std::optional<CompiledSeccomp> cached = ReadCached(path, key)) {
    return *std::move(cached);
  }
  ASSIGN_OR_RETURN(SeccompProfile profile, ParseSeccompProfile(profile_json, facts));
  ASSIGN_OR_RETURN(std::string filter, CompileSeccomp(profile));
  CompiledSeccomp compiled{Base64(filter), profile.flags};
  WriteCached(cache_dir, path, key, compiled);
  return compiled;
}

}  // namespace rkt::oci
