// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/exec_command.h"

#include "base/strings.h"

namespace rktlet::cri {
namespace {

constexpr size_t kLongestArgument = (128 << 10) - 1;  // MAX_ARG_STRLEN of Linux, with the byte that ends it

}  // namespace

absl::StatusOr<std::vector<std::string>> CommandFromCri(const google::protobuf::RepeatedPtrField<std::string>& cmd) {
  if (cmd.empty()) {
    return absl::InvalidArgumentError("cmd is empty");
  }
  for (int i = 0; i < cmd.size(); ++i) {
    if (cmd[i].find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(base::StrCat("cmd[", i, "] has a NUL in it"));
    }
    if (cmd[i].size() > kLongestArgument) {
      return absl::InvalidArgumentError(base::StrCat("cmd[", i, "] has ", cmd[i].size(), " bytes: Linux takes ",
                                                     kLongestArgument, " in one argument"));
    }
  }
  return std::vector<std::string>(cmd.begin(), cmd.end());
}

}  // namespace rktlet::cri
