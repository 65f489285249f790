// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/request.h"

#include <string.h>

#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

namespace supervisor = rktlet::spec::supervisor;

constexpr size_t kMaxAppName = 64;

// How many strings an operation takes, -1 for an unknown one.
int StringCount(const supervisor::RequestHeader& header) {
  switch (header.operation) {
    case supervisor::kStdio:
      return (header.flags & supervisor::kJournal) != 0 ? 4 : 3;
    case supervisor::kStart:
      return 4;
    case supervisor::kResize:
      return 3;
    case supervisor::kOomSeen:
    case supervisor::kReopenLog:
    case supervisor::kForget:
    case supervisor::kDrain:
    case supervisor::kAttach:
    case supervisor::kLogState:
      return 1;
    case supervisor::kPing:
      return 0;
    default:
      return -1;
  }
}

uint32_t KnownFlags(uint32_t operation) {
  switch (operation) {
    case supervisor::kStdio:
      return supervisor::kTty | supervisor::kStdin | supervisor::kStdinOnce | supervisor::kJournal;
    case supervisor::kStart:
      return supervisor::kWritesToGate | supervisor::kFrozen;
    case supervisor::kAttach:
      return supervisor::kTty | supervisor::kStdin | supervisor::kStdout | supervisor::kStderr;
    default:
      return 0;
  }
}

bool IsAppName(const char* name) {
  const size_t length = strlen(name);
  if (length == 0 || length > kMaxAppName) {
    return false;
  }
  for (const char* character = name; *character != '\0'; ++character) {
    const bool letter = *character >= 'a' && *character <= 'z';
    const bool digit = *character >= '0' && *character <= '9';
    if (!letter && !digit && *character != '-') {
      return false;
    }
  }
  return true;
}

bool IsAbsolute(const char* path) { return path[0] == '/'; }

bool IsAbsoluteOrEmpty(const char* path) { return path[0] == '\0' || path[0] == '/'; }

bool IsTerminalSize(const char* text) {
  int64_t number = 0;
  return ParseNumber(text, &number) && number >= 0 && number <= UINT16_MAX;
}

bool StringsFit(const Request& request) {
  int64_t pid = 0;
  switch (request.operation) {
    case supervisor::kPing:
      return true;
    case supervisor::kStdio:
      return IsAppName(request.strings[0]) && IsAbsolute(request.strings[1]) && IsAbsoluteOrEmpty(request.strings[2]);
    case supervisor::kStart:
      return IsAppName(request.strings[0]) && IsAbsoluteOrEmpty(request.strings[1]) && IsAbsolute(request.strings[2]) &&
             ParseNumber(request.strings[3], &pid) && pid >= 0;
    case supervisor::kResize:
      return IsAppName(request.strings[0]) && IsTerminalSize(request.strings[1]) && IsTerminalSize(request.strings[2]);
    default:
      return IsAppName(request.strings[0]);
  }
}

}  // namespace

bool ParseRequest(const char* packet, size_t size, Request* request) {
  supervisor::RequestHeader header{};
  if (size < sizeof(header)) {
    return false;
  }
  memcpy(&header, packet, sizeof(header));
  const int expected = StringCount(header);
  if (header.magic != supervisor::kMagic || header.reserved != 0 || expected < 0 ||
      (header.flags & ~KnownFlags(header.operation)) != 0) {
    return false;
  }
  request->operation = header.operation;
  request->flags = header.flags;
  const char* position = packet + sizeof(header);
  const char* const end = packet + size;
  for (int index = 0; index < expected; ++index) {
    const char* terminator = static_cast<const char*>(memchr(position, '\0', static_cast<size_t>(end - position)));
    if (terminator == nullptr) {
      return false;
    }
    request->strings[index] = position;
    position = terminator + 1;
  }
  return position == end && StringsFit(*request);
}

}  // namespace rkt::stage1
