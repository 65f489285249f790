// SPDX-License-Identifier: Apache-2.0
#include "unit/resource_files.h"

#include <cctype>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/strings.h"
#include "unit/resource_properties.h"

namespace rktlet::unit {
namespace {

using base::StrCat;

bool HasController(const Cgroups& cgroups, const std::string& controller) {
  const absl::StatusOr<std::string> text = base::ReadFile(cgroups.Directory(controller, "") + "/cgroup.controllers");
  for (const absl::string_view name :
       absl::StrSplit(text.ok() ? *text : "", absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (name == controller) {
      return true;
    }
  }
  return false;
}

// "2MB" → "hugepages-2048kB", as the kernel names the page size elsewhere.
std::string DirectoryOfPageSize(const std::string& page_size) {
  uint64_t number = 0;
  const std::string digits = page_size.substr(0, page_size.find_first_not_of("0123456789"));
  if (!absl::SimpleAtoi(digits, &number)) {
    return "";
  }
  const std::string unit = page_size.substr(digits.size());
  const uint64_t factor = unit == "GB" ? uint64_t{1} << 20 : unit == "MB" ? uint64_t{1} << 10 : 1;
  return StrCat("hugepages-", number * factor, "kB");
}

absl::Status AddHugepages(const spec::Resources& resources, const Cgroups& cgroups, const std::string& page_sizes,
                          std::vector<ResourceFile>& files) {
  for (const spec::HugepageLimit& limit : resources.hugepage_limits) {
    const std::string where = StrCat("hugepage_limits ", limit.page_size, ": ");
    const bool v2 = cgroups.version() == CgroupVersion::kV2;
    // The kubelet names every page size with 0 for a pod that asks for none, and limits the pod's slice itself.
    if (limit.limit == 0) {
      if (v2) {
        files.push_back({"hugetlb", StrCat("hugetlb.", limit.page_size, ".max"), "0", /*optional=*/true});
      }
      continue;
    }
    if (!v2) {
      return absl::FailedPreconditionError(StrCat(where, "this machine runs cgroup v1, they need v2"));
    }
    if (!HasController(cgroups, "hugetlb")) {
      return absl::FailedPreconditionError(StrCat(where, "this kernel has no controller for huge pages (hugetlb)"));
    }
    if (!base::Exists(StrCat(page_sizes, "/", DirectoryOfPageSize(limit.page_size)))) {
      return absl::FailedPreconditionError(StrCat(where, "this machine has no pages of that size"));
    }
    files.push_back({"hugetlb", StrCat("hugetlb.", limit.page_size, ".max"), StrCat(limit.limit)});
  }
  return absl::OkStatus();
}

absl::Status AddUnified(const spec::Resources& resources, const Cgroups& cgroups, std::vector<ResourceFile>& files) {
  for (const auto& [attribute, value] : resources.unified) {
    if (cgroups.version() == CgroupVersion::kV1) {
      return absl::FailedPreconditionError(
          StrCat("unified ", attribute, ": this machine runs cgroup v1, unified attributes need v2"));
    }
    if (IsPropertyOfUnified(attribute)) {
      continue;
    }
    const std::string controller = attribute.substr(0, attribute.find('.'));
    if (!HasController(cgroups, controller)) {
      return absl::FailedPreconditionError(
          StrCat("unified ", attribute, ": this kernel has no controller \"", controller, "\""));
    }
    files.push_back({controller, attribute, value});
  }
  return absl::OkStatus();
}

// The groups above `control_group`, from the root ("") down to its parent.
std::vector<std::string> Ancestors(const std::string& control_group) {
  std::vector<std::string> ancestors;
  for (size_t slash = control_group.find('/'); slash != std::string::npos; slash = control_group.find('/', slash + 1)) {
    ancestors.push_back(control_group.substr(0, slash));
  }
  return ancestors;
}

absl::Status EnableController(const std::string& controller, const Cgroups& cgroups, const std::string& control_group) {
  for (const std::string& ancestor : Ancestors(control_group)) {
    const std::string file = cgroups.Directory(controller, ancestor) + "/cgroup.subtree_control";
    ASSIGN_OR_RETURN(const std::string enabled, base::ReadFile(file));
    bool has = false;
    for (const absl::string_view name : absl::StrSplit(enabled, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
      has = has || name == controller;
    }
    if (!has) {
      RETURN_IF_ERROR(base::WriteExistingFile(file, "+" + controller));
    }
  }
  return absl::OkStatus();
}

absl::Status Write(const std::string& path, const std::string& value) {
  for (const absl::string_view line : absl::StrSplit(value, '\n', absl::SkipEmpty())) {
    RETURN_IF_ERROR(base::WriteExistingFile(path, base::ToStd(line)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ResourceFile>> ResourceFiles(const spec::Resources& resources, const Cgroups& cgroups,
                                                        const std::string& page_sizes) {
  std::vector<ResourceFile> files;
  RETURN_IF_ERROR(AddHugepages(resources, cgroups, page_sizes, files));
  RETURN_IF_ERROR(AddUnified(resources, cgroups, files));
  return files;
}

absl::Status WriteResourceFiles(const std::vector<ResourceFile>& files, const Cgroups& cgroups,
                                const std::string& control_group) {
  std::vector<std::pair<std::string, std::string>> before;
  absl::Status status;
  for (const ResourceFile& file : files) {
    const std::string path = cgroups.Directory(file.controller, control_group) + "/" + file.name;
    if (!base::Exists(path)) {
      if (file.optional) {
        continue;
      }
      status = EnableController(file.controller, cgroups, control_group);
      if (status.ok() && !base::Exists(path)) {
        status = absl::FailedPreconditionError("this kernel has no such attribute");
      }
    }
    if (status.ok()) {
      const absl::StatusOr<std::string> old = base::ReadFile(path);
      status = Write(path, file.value);
      before.emplace_back(path, old.ok() ? *old : "");
    }
    if (!status.ok()) {
      const bool refused = absl::IsInvalidArgument(status) || absl::IsOutOfRange(status);
      status = absl::Status(refused ? absl::StatusCode::kInvalidArgument : status.code(),
                            StrCat(file.name, " = \"", file.value, "\": ", std::string(status.message())));
      break;
    }
  }
  if (!status.ok()) {
    for (auto it = before.rbegin(); it != before.rend(); ++it) {
      Write(it->first, it->second).IgnoreError();  // a value that stood there is one that the kernel takes
    }
  }
  return status;
}

}  // namespace rktlet::unit
