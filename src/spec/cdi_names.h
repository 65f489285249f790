// SPDX-License-Identifier: Apache-2.0
// Names of the Container Device Interface: vendor.com/class=device, where vendor.com/class is the device's kind. By
// what the runtimes take, which is wider than the letter of CDI's SPEC.md.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace rktlet::spec {

// InvalidArgument says which part is wrong.
absl::Status CheckCdiKind(std::string_view kind);             // vendor.com/class
absl::Status CheckCdiDevice(std::string_view device);         // the part behind the equals sign
absl::Status CheckCdiDeviceName(std::string_view qualified);  // vendor.com/class=device

}  // namespace rktlet::spec
