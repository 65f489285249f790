// SPDX-License-Identifier: Apache-2.0
#include "unit/unified_properties.h"

#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "unit/resource_properties.h"

namespace rktlet::unit {
namespace {

using base::StrCat;
using systemd::kInfinity;
using systemd::StringNumbers;

constexpr uint64_t kUsecPerSec = 1'000'000;
// systemd 252 keeps CPUQuota= as a whole percentage: anything finer is lost at the next daemon-reload, and less than
// one percent becomes no limit at all. Rounded up, never down, so that nobody gets less than was asked for. A period of
// its own does not help: it is the ratio that is a whole percentage.
constexpr uint64_t kQuotaStep = kUsecPerSec / 100;

// One attribute's value into properties.
using Reader = std::function<absl::Status(const std::string& value, PropertyMap& properties)>;

absl::StatusOr<uint64_t> ParseLimit(absl::string_view value) {
  uint64_t number = 0;
  if (value == "max") {
    return kInfinity;
  }
  if (!absl::SimpleAtoi(value, &number)) {
    return absl::InvalidArgumentError(StrCat("\"", std::string(value), "\" is neither a number nor \"max\""));
  }
  return number;
}

Reader Limit(const char* property) {
  return [property](const std::string& value, PropertyMap& properties) -> absl::Status {
    ASSIGN_OR_RETURN(properties[property], ParseLimit(value));
    return absl::OkStatus();
  };
}

Reader CpuSet(const char* property) {
  return [property](const std::string& value, PropertyMap& properties) -> absl::Status {
    ASSIGN_OR_RETURN(properties[property], systemd::CpuSetBytes(value));
    return absl::OkStatus();
  };
}

absl::StatusOr<uint64_t> ParseWeight(absl::string_view value) {
  uint64_t weight = 0;
  if (!absl::SimpleAtoi(value, &weight) || weight < 1 || weight > 10000) {
    return absl::InvalidArgumentError(StrCat("\"", std::string(value), "\" is no weight from 1 to 10000"));
  }
  return weight;
}

absl::Status ReadCpuWeight(const std::string& value, PropertyMap& properties) {
  ASSIGN_OR_RETURN(properties["CPUWeight"], ParseWeight(value));
  return absl::OkStatus();
}

// "1" is what systemd calls the weight "idle", 0 on the bus.
absl::Status ReadCpuIdle(const std::string& value, PropertyMap& properties) {
  if (value != "0" && value != "1") {
    return absl::InvalidArgumentError("must be 0 or 1");
  }
  if (value == "1") {
    properties["CPUWeight"] = uint64_t{0};
  }
  return absl::OkStatus();
}

// "max", "50000", "50000 100000", "max 100000".
absl::Status ReadCpuMax(const std::string& value, PropertyMap& properties) {
  const std::vector<std::string> words = absl::StrSplit(value, ' ', absl::SkipEmpty());
  if (words.empty() || words.size() > 2) {
    return absl::InvalidArgumentError("must be a quota and a period");
  }
  ASSIGN_OR_RETURN(const uint64_t quota, ParseLimit(words[0]));
  uint64_t period = kDefaultCpuPeriodUsec;
  if (words.size() == 2) {
    if (!absl::SimpleAtoi(words[1], &period) || period < 1000 || period > kUsecPerSec) {
      return absl::InvalidArgumentError("the period must be 1000 to 1000000 µs");
    }
    properties["CPUQuotaPeriodUSec"] = period;
  }
  if (quota != kInfinity && (quota < 1000 || quota > kUsecPerSec * kUsecPerSec)) {
    return absl::InvalidArgumentError("the quota must be at least 1000 µs");
  }
  properties["CPUQuotaPerSecUSec"] = quota == kInfinity ? kInfinity : QuotaPerSecond(quota, period);
  return absl::OkStatus();
}

// "8:16" → "/dev/block/8:16", which systemd looks up by its number.
absl::StatusOr<std::string> Device(absl::string_view word) {
  const std::vector<std::string> numbers = absl::StrSplit(word, ':');
  uint32_t number = 0;
  if (numbers.size() != 2 || !absl::SimpleAtoi(numbers[0], &number) || !absl::SimpleAtoi(numbers[1], &number)) {
    return absl::InvalidArgumentError(StrCat("\"", std::string(word), "\" is no device such as \"8:16\""));
  }
  return StrCat("/dev/block/", std::string(word));
}

void Append(PropertyMap& properties, const std::string& property, const std::string& device, uint64_t value) {
  auto [it, added] = properties.try_emplace(property, StringNumbers());
  std::get<StringNumbers>(it->second).emplace_back(device, value);
}

// "100", "default 100", and lines "8:16 200".
absl::Status ReadIoWeight(const std::string& value, PropertyMap& properties) {
  for (const absl::string_view line : absl::StrSplit(value, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() == 1 || (words.size() == 2 && words[0] == "default")) {
      ASSIGN_OR_RETURN(properties["IOWeight"], ParseWeight(words.back()));
      continue;
    }
    if (words.size() != 2) {
      return absl::InvalidArgumentError(StrCat("\"", std::string(line), "\" is no weight of a device"));
    }
    ASSIGN_OR_RETURN(const std::string device, Device(words[0]));
    ASSIGN_OR_RETURN(const uint64_t weight, ParseWeight(words[1]));
    Append(properties, "IODeviceWeight", device, weight);
  }
  return absl::OkStatus();
}

// Lines "8:16 rbps=1048576 wiops=max".
absl::Status ReadIoMax(const std::string& value, PropertyMap& properties) {
  static const std::map<std::string, std::string> kKinds = {{"rbps", "IOReadBandwidthMax"},
                                                            {"wbps", "IOWriteBandwidthMax"},
                                                            {"riops", "IOReadIOPSMax"},
                                                            {"wiops", "IOWriteIOPSMax"}};
  for (const absl::string_view line : absl::StrSplit(value, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 2) {
      return absl::InvalidArgumentError(StrCat("\"", std::string(line), "\" is no limit of a device"));
    }
    ASSIGN_OR_RETURN(const std::string device, Device(words[0]));
    for (size_t i = 1; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      const auto kind = kKinds.find(words[i].substr(0, equals));
      if (equals == std::string::npos || kind == kKinds.end()) {
        return absl::InvalidArgumentError(StrCat("\"", words[i], "\" is none of rbps=, wbps=, riops=, wiops="));
      }
      ASSIGN_OR_RETURN(const uint64_t limit, ParseLimit(words[i].substr(equals + 1)));
      Append(properties, kind->second, device, limit);
    }
  }
  return absl::OkStatus();
}

// Lines "8:16 target=75000".
absl::Status ReadIoLatency(const std::string& value, PropertyMap& properties) {
  constexpr absl::string_view kTarget = "target=";
  for (const absl::string_view line : absl::StrSplit(value, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() != 2 || !words[1].starts_with("target=")) {
      return absl::InvalidArgumentError(StrCat("\"", std::string(line), "\" is no line such as \"8:16 target=75000\""));
    }
    ASSIGN_OR_RETURN(const std::string device, Device(words[0]));
    ASSIGN_OR_RETURN(const uint64_t target, ParseLimit(words[1].substr(kTarget.size())));
    Append(properties, "IODeviceLatencyTargetUSec", device, target);
  }
  return absl::OkStatus();
}

// OOMPolicy= of the unit, which pod_unit.cc sets.
absl::Status ReadOomGroup(const std::string& value, PropertyMap& /*properties*/) {
  return value == "0" || value == "1" ? absl::OkStatus() : absl::InvalidArgumentError("must be 0 or 1");
}

Reader WrittenBySystemd(const char* instead) {
  return [instead](const std::string&, PropertyMap&) -> absl::Status {
    return absl::InvalidArgumentError(StrCat("systemd writes it itself from ", instead, ", which can be given"));
  };
}

const std::map<std::string, Reader>& Readers() {
  static const auto& readers = *new std::map<std::string, Reader>{
      {"cpu.idle", ReadCpuIdle},
      {"cpu.max", ReadCpuMax},
      {"cpu.weight", ReadCpuWeight},
      {"cpu.weight.nice", WrittenBySystemd("cpu.weight")},
      {"cpuset.cpus", CpuSet("AllowedCPUs")},
      {"cpuset.mems", CpuSet("AllowedMemoryNodes")},
      {"io.bfq.weight", WrittenBySystemd("io.weight")},
      {"io.latency", ReadIoLatency},
      {"io.max", ReadIoMax},
      {"io.weight", ReadIoWeight},
      {"memory.high", Limit("MemoryHigh")},
      {"memory.low", Limit("MemoryLow")},
      {"memory.max", Limit("MemoryMax")},
      {"memory.min", Limit("MemoryMin")},
      {"memory.oom.group", ReadOomGroup},
      {"memory.swap.max", Limit("MemorySwapMax")},
      {"pids.max", Limit("TasksMax")},
  };
  return readers;
}

}  // namespace

uint64_t QuotaPerSecond(uint64_t quota, uint64_t period) {
  const uint64_t exact = (quota * kUsecPerSec + period - 1) / period;
  return (exact + kQuotaStep - 1) / kQuotaStep * kQuotaStep;
}

bool IsPropertyOfUnified(const std::string& attribute) { return Readers().contains(attribute); }

absl::Status AddUnifiedProperties(const spec::Resources& resources, CgroupVersion version, PropertyMap& properties) {
  for (const auto& [attribute, value] : resources.unified) {
    if (version == CgroupVersion::kV1) {
      return absl::FailedPreconditionError(
          StrCat("unified ", attribute, ": this machine runs cgroup v1, unified attributes need v2"));
    }
    if (const auto reader = Readers().find(attribute); reader != Readers().end()) {
      RETURN_IF_ERROR(base::Annotate(reader->second(value, properties), "unified " + attribute));
    }
  }
  return absl::OkStatus();
}

systemd::PropertyValue DefaultOf(const std::string& property) {
  if (property == "AllowedCPUs" || property == "AllowedMemoryNodes") {
    return systemd::Bytes();
  }
  if (property == "IODeviceWeight" || property == "IODeviceLatencyTargetUSec" || property.ends_with("BandwidthMax") ||
      property.ends_with("IOPSMax")) {
    return StringNumbers();
  }
  return property == "MemoryLow" || property == "MemoryMin" ? uint64_t{0} : kInfinity;
}

}  // namespace rktlet::unit
