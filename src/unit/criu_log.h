// SPDX-License-Identifier: Apache-2.0
// What CRIU's log says went wrong.
#pragma once

#include <string>

namespace rktlet::unit {

// The first errors of the log, as one line; "" when there is none. What failed stands before what failed of it.
std::string CriuErrors(const std::string& log);

}  // namespace rktlet::unit
