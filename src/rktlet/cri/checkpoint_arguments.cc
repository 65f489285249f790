// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/checkpoint_arguments.h"

#include <climits>

#include "base/strings.h"
#include "rktlet/cri/fields_from_cri.h"

namespace rktlet::cri {

absl::Status CheckCheckpointPath(const std::string& field, const std::string& path) {
  if (path.empty()) {
    return WrongField(field, "missing");
  }
  if (path.front() != '/' || path.back() == '/' || path.find('\0') != std::string::npos || path.size() >= PATH_MAX) {
    return WrongField(field, base::StrCat("\"", path, "\" is no absolute path of a file"));
  }
  return absl::OkStatus();
}

absl::Status CheckCheckpointOptions(const google::protobuf::Map<std::string, std::string>& options) {
  if (!options.empty()) {
    return WrongField("options", base::StrCat("\"", options.begin()->first, "\" is not known"));
  }
  return absl::OkStatus();
}

}  // namespace rktlet::cri
