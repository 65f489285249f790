// SPDX-License-Identifier: Apache-2.0
//
// Prints a protobuf message for a log: one line, bounded in size, without its secrets. The only way in which a message
// of the CRI may reach a log or an error text.
#pragma once

#include <cstddef>
#include <string>

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace rktlet::proto {

// Enough for a whole pod configuration of usual size, short of what makes a journal unreadable.
inline constexpr size_t kMaxDebugStringSize = 4096;

// One line of printable ASCII in the manner of protobuf's text format:
//   image { image: "busybox" } auth { username: "u" password: [redacted] }
// Fields that are not set are left out. A set field with the option (rktlet.proto.secret) shows as [redacted], at any
// depth and in maps, and so does an annotation in which kubectl repeats the pod's specification (environment
// included). Unknown fields are left out, for nobody knows whether they are secret. A single string is cut after 256
// bytes, the whole after max_size bytes; a cut ends in "...".
std::string RedactedDebugString(const google::protobuf::Message& message, size_t max_size = kMaxDebugStringSize);

}  // namespace rktlet::proto
