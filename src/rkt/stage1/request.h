// SPDX-License-Identifier: Apache-2.0
// A request of spec/supervisor_protocol.h, taken apart and checked.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "spec/supervisor_protocol.h"

namespace rkt::stage1 {

inline constexpr int kMaxStrings = 4;

struct Request {
  uint32_t operation = 0;
  uint32_t flags = 0;
  const char* strings[kMaxStrings] = {};
};

// Takes a packet apart; the strings point into it. False when it is anything but a well-formed request: wrong magic, an
// unknown operation or flag, too many or too few strings, a string that is not what the operation wants.
bool ParseRequest(const char* packet, size_t size, Request* request);

}  // namespace rkt::stage1
