// SPDX-License-Identifier: Apache-2.0
#include "rktlet/stats/parse.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/files.h"
#include "base/unique_fd.h"

namespace rktlet::stats {
namespace {

constexpr uint64_t kNanosPerMicro = 1000;

double ToDouble(std::string_view word) {
  double value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

// "avg10=0.00 avg60=0.00 avg300=0.00 total=0"
PressureLine ParsePressureLine(std::string_view line) {
  PressureLine pressure;
  for (std::string_view word = TakeWord(line); !word.empty(); word = TakeWord(line)) {
    const size_t equals = std::min(word.find('='), word.size() - 1);
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = word.substr(equals + 1);
    if (name == "avg10") {
      pressure.average_10 = ToDouble(value);
    } else if (name == "avg60") {
      pressure.average_60 = ToDouble(value);
    } else if (name == "avg300") {
      pressure.average_300 = ToDouble(value);
    } else if (name == "total") {
      pressure.total_nanos = ToNumber(value).value_or(0) * kNanosPerMicro;
    }
  }
  return pressure;
}

// "8:0"
bool ParseDevice(std::string_view word, DeviceIo& device) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const Counter major = ToNumber(word.substr(0, colon));
  const Counter minor = ToNumber(word.substr(colon + 1));
  if (!major.has_value() || !minor.has_value()) {
    return false;
  }
  device.major = static_cast<uint32_t>(*major);
  device.minor = static_cast<uint32_t>(*minor);
  return true;
}

DeviceIo& FindOrAdd(std::vector<DeviceIo>& devices, const DeviceIo& device) {
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const DeviceIo& other) {
    return other.major == device.major && other.minor == device.minor;
  });
  return found != devices.end() ? *found : devices.emplace_back(device);
}

}  // namespace

std::optional<std::string_view> SmallFiles::Read(int directory_fd, const char* name) {
  if (directory_fd < 0 && directory_fd != AT_FDCWD) {
    return std::nullopt;
  }
  const base::UniqueFd file(::openat(directory_fd, name, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return std::nullopt;
  }
  const ssize_t size = ::read(file.get(), buffer_.data(), buffer_.size());
  if (size < 0) {
    return std::nullopt;
  }
  if (static_cast<size_t>(size) < buffer_.size()) {
    return std::string_view(buffer_.data(), static_cast<size_t>(size));
  }
  auto rest = base::ReadAll(file.get());
  if (!rest.ok()) {
    return std::nullopt;
  }
  large_.assign(buffer_.data(), buffer_.size());
  large_ += *rest;
  return large_;
}

Counter SmallFiles::ReadNumber(int directory_fd, const char* name) {
  auto text = Read(directory_fd, name);
  return text.has_value() ? ToNumber(TakeLine(*text)) : std::nullopt;
}

std::optional<Pressure> SmallFiles::ReadPressure(int directory_fd, const char* name) {
  auto text = Read(directory_fd, name);
  if (!text.has_value() || text->empty()) {
    return std::nullopt;
  }
  Pressure pressure;
  while (!text->empty()) {
    std::string_view line = TakeLine(*text);
    const std::string_view kind = TakeWord(line);
    if (kind == "some") {
      pressure.some = ParsePressureLine(line);
    } else if (kind == "full") {
      pressure.full = ParsePressureLine(line);
    }
  }
  return pressure;
}

bool SmallFiles::ReadTable(int directory_fd, const char* name, std::initializer_list<Field> fields) {
  auto text = Read(directory_fd, name);
  if (!text.has_value()) {
    return false;
  }
  while (!text->empty()) {
    std::string_view line = TakeLine(*text);
    const std::string_view word = TakeWord(line);
    for (const Field& field : fields) {
      if (field.name == word) {
        *field.value = ToNumber(line);
        if (field.value->has_value()) {
          **field.value *= field.unit;
        }
      }
    }
  }
  return true;
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view TakeWord(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const size_t end = std::min(line.find(' ', begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

Counter ToNumber(std::string_view word) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() ? Counter(value) : std::nullopt;
}

std::vector<DeviceIo> ParseIoStat(std::string_view text) {
  std::vector<DeviceIo> devices;
  while (!text.empty()) {
    std::string_view line = TakeLine(text);
    DeviceIo device;
    if (!ParseDevice(TakeWord(line), device)) {
      continue;
    }
    bool counted = false;
    for (std::string_view word = TakeWord(line); !word.empty(); word = TakeWord(line)) {
      const size_t equals = word.find('=');
      if (equals == std::string_view::npos) {
        continue;
      }
      const std::string_view name = word.substr(0, equals);
      const uint64_t value = ToNumber(word.substr(equals + 1)).value_or(0);
      uint64_t* field = name == "rbytes"   ? &device.read_bytes
                        : name == "wbytes" ? &device.write_bytes
                        : name == "rios"   ? &device.reads
                        : name == "wios"   ? &device.writes
                                           : nullptr;
      if (field != nullptr) {
        *field = value;
        counted = true;
      }
    }
    if (counted) {
      devices.push_back(device);
    }
  }
  return devices;
}

void ParseBlkio(std::string_view text, bool bytes, std::vector<DeviceIo>& devices) {
  while (!text.empty()) {
    std::string_view line = TakeLine(text);
    DeviceIo device;
    if (!ParseDevice(TakeWord(line), device)) {
      continue;  // the total
    }
    const std::string_view operation = TakeWord(line);
    const uint64_t value = ToNumber(TakeWord(line)).value_or(0);
    DeviceIo& entry = FindOrAdd(devices, device);
    if (operation == "Read") {
      (bytes ? entry.read_bytes : entry.reads) = value;
    } else if (operation == "Write") {
      (bytes ? entry.write_bytes : entry.writes) = value;
    }
  }
}

std::vector<InterfaceCounters> ParseNetDev(std::string_view text) {
  // Columns behind the name: bytes packets errs drop fifo frame compressed multicast, twice.
  constexpr size_t kColumns = 16;
  std::vector<InterfaceCounters> interfaces;
  while (!text.empty()) {
    std::string_view line = TakeLine(text);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;  // a heading
    }
    std::string_view name = line.substr(0, colon);
    name = TakeWord(name);
    line.remove_prefix(colon + 1);
    std::array<uint64_t, kColumns> values{};
    for (uint64_t& value : values) {
      value = ToNumber(TakeWord(line)).value_or(0);
    }
    if (name != "lo") {
      interfaces.push_back({.name = std::string(name),
                            .rx_bytes = values[0],
                            .rx_packets = values[1],
                            .rx_errors = values[2],
                            .rx_dropped = values[3],
                            .tx_bytes = values[8],
                            .tx_packets = values[9],
                            .tx_errors = values[10],
                            .tx_dropped = values[11]});
    }
  }
  return interfaces;
}

}  // namespace rktlet::stats
