// SPDX-License-Identifier: Apache-2.0
// The command of Exec and ExecSync.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace rktlet::cri {

// The words of a command. InvalidArgument: there is none; one has a NUL, behind which execve(2) would not look, or is
// longer than the kernel takes.
absl::StatusOr<std::vector<std::string>> CommandFromCri(const google::protobuf::RepeatedPtrField<std::string>& cmd);

}  // namespace rktlet::cri
