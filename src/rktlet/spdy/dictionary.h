// SPDX-License-Identifier: Apache-2.0
// What both sides of SPDY/3 prime zlib with: section 2.6.10.1 of the draft.
#pragma once

#include <string>

namespace rktlet::spdy {

// 1423 bytes, whose Adler-32 is 0xe3c6a7c2.
const std::string& HeaderDictionary();

}  // namespace rktlet::spdy
