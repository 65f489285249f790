// SPDX-License-Identifier: Apache-2.0
// Properties of units as they go over the bus: a name and a value of one of the D-Bus types that systemd's properties
// have (org.freedesktop.systemd1(5)), with a readable text form for golden tests.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace rktlet::systemd {

using Bytes = std::vector<uint8_t>;

// One line of ExecStart= and its siblings, "(sasb)".
struct ExecCommand {
  std::string path;               // absolute
  std::vector<std::string> argv;  // with argv[0], as the process gets it: nothing is expanded
  bool ignore_failure = false;    // the "-" prefix

  friend bool operator==(const ExecCommand&, const ExecCommand&) = default;
};

using StringPairs = std::vector<std::pair<std::string, std::string>>;  // a(ss): DeviceAllow
using StringNumbers = std::vector<std::pair<std::string, uint64_t>>;   // a(st): IOReadBandwidthMax, IODeviceWeight, …
using ByteStrings = std::vector<Bytes>;                                // aay: LogExtraFields

// The alternative chooses the type on the wire: b i u x t s as ay aay a(sasb) a(ss) a(st).
using PropertyValue = std::variant<bool, int32_t, uint32_t, int64_t, uint64_t, std::string, std::vector<std::string>,
                                   Bytes, ByteStrings, std::vector<ExecCommand>, StringPairs, StringNumbers>;

// What systemd calls "infinity" in TasksMax, MemoryMax, Limit*, timeouts in µs and quotas.
inline constexpr uint64_t kInfinity = std::numeric_limits<uint64_t>::max();

struct Property {
  std::string name;
  PropertyValue value;

  friend bool operator==(const Property&, const Property&) = default;
};

// The D-Bus signature of the value: "t", "as", …
std::string_view SignatureOf(const PropertyValue& value);

// The signature that systemd expects for a property that this project sets, empty when the name is not in the table.
// Used to refuse a wrong type (an int for TasksMax) before systemd does with a less helpful sentence.
std::string_view ExpectedSignature(std::string_view name);

// InvalidArgument when the name is empty or no identifier, the type is not the expected one, or text is not UTF-8 or
// holds a NUL (the bus would drop the connection).
absl::Status CheckProperty(const Property& property);

// One line without a newline: `MemoryMax t 1048576`, `DeviceAllow a(ss) [("/dev/null", "rwm")]`,
// `ExecStart a(sasb) [{ path="/bin/sleep" argv=["sleep", "5"] }]`; kInfinity reads `infinity`.
std::string ToText(const Property& property);

// The mask that AllowedCPUs= and AllowedMemoryNodes= take on the bus, from a list as in cpuset(7): "0-3,7". Little
// endian bit order. InvalidArgument for anything else, and for CPUs beyond 8191. An empty list is an empty mask.
absl::StatusOr<Bytes> CpuSetBytes(std::string_view list);

// The reverse: {0x8f} is "0-3,7".
std::string CpuSetList(const Bytes& mask);

Bytes ToBytes(std::string_view text);

}  // namespace rktlet::systemd
