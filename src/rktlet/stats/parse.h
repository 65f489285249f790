// SPDX-License-Identifier: Apache-2.0
// The kernel's text files: read whole into a buffer, taken apart in place.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "rktlet/stats/counters.h"

namespace rktlet::stats {

// A file below a directory descriptor. Keeps its buffer from one file to the next.
class SmallFiles {
 public:
  // The content, valid until the next call; nullopt when there is no such file or it cannot be read (a file of a group
  // that has just been removed).
  std::optional<std::string_view> Read(int directory_fd, const char* name);

  // A file with one number; nullopt too when it says "max".
  Counter ReadNumber(int directory_fd, const char* name);

  // Pressure; nullopt where the kernel does not measure it.
  std::optional<Pressure> ReadPressure(int directory_fd, const char* name);

  struct Field {
    std::string_view name;
    Counter* value;
    uint64_t unit = 1;  // what the number is multiplied by
  };
  // Fills the fields from a file of "name value" lines. False when there is no such file.
  bool ReadTable(int directory_fd, const char* name, std::initializer_list<Field> fields);

 private:
  std::string large_;  // for what does not fit
  std::array<char, 8192> buffer_;
};

// The next line of `text`, without its end, which is taken off `text`.
std::string_view TakeLine(std::string_view& text);
// The next word, likewise; words are parted by blanks.
std::string_view TakeWord(std::string_view& line);
Counter ToNumber(std::string_view word);

// io.stat of cgroup v2.
std::vector<DeviceIo> ParseIoStat(std::string_view text);
// blkio.throttle.io_service_bytes_recursive (bytes) and …io_serviced_recursive of v1, added to `devices`.
void ParseBlkio(std::string_view text, bool bytes, std::vector<DeviceIo>& devices);
// /proc/PID/net/dev, without the loopback interface.
std::vector<InterfaceCounters> ParseNetDev(std::string_view text);

}  // namespace rktlet::stats
