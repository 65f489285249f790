// SPDX-License-Identifier: Apache-2.0
// The frames of SPDY/3.1 as they are on the wire: draft-mbelshe-httpbis-spdy-00, with the session's flow control
// of 3.1. Numbers are big-endian; a frame begins with eight bytes, of which the first bit tells control from data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

namespace rktlet::spdy {

// Odd: opened by the client, even: by the server. 0 is the session.
using StreamId = uint32_t;

inline constexpr uint16_t kVersion = 3;
inline constexpr size_t kFrameHeaderSize = 8;
inline constexpr StreamId kMaxStreamId = 0x7fffffff;
inline constexpr size_t kMaxFrameLength = (1 << 24) - 1;
inline constexpr int64_t kDefaultWindow = 65536;
inline constexpr int64_t kMaxWindow = 0x7fffffff;

enum class FrameType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

inline constexpr uint8_t kFlagFin = 0x01;
inline constexpr uint8_t kFlagUnidirectional = 0x02;
inline constexpr uint8_t kFlagClearSettings = 0x01;

// Of RST_STREAM.
enum class ResetStatus : uint32_t {
  kProtocolError = 1,
  kInvalidStream = 2,
  kRefusedStream = 3,
  kUnsupportedVersion = 4,
  kCancel = 5,
  kInternalError = 6,
  kFlowControlError = 7,
  kStreamInUse = 8,
  kStreamAlreadyClosed = 9,
  kFrameTooLarge = 11,
};

// Of GOAWAY.
enum class GoAwayStatus : uint32_t { kOk = 0, kProtocolError = 1, kInternalError = 2 };

enum class SettingId : uint32_t { kMaxConcurrentStreams = 4, kInitialWindowSize = 7 };

struct Setting {
  uint8_t flags = 0;
  uint32_t id = 0;
  uint32_t value = 0;
};

// The block of names and values is still compressed; views are valid until the reader is called again.
struct SynStreamFrame {
  StreamId stream = 0;
  StreamId associated = 0;
  uint8_t priority = 0;
  bool fin = false;
  bool unidirectional = false;
  std::string_view block;
};

struct SynReplyFrame {
  StreamId stream = 0;
  bool fin = false;
  std::string_view block;
};

struct HeadersFrame {
  StreamId stream = 0;
  bool fin = false;
  std::string_view block;
};

struct RstStreamFrame {
  StreamId stream = 0;
  uint32_t status = 0;
};

struct SettingsFrame {
  bool clear = false;
  std::vector<Setting> settings;
};

struct PingFrame {
  uint32_t id = 0;
};

struct GoAwayFrame {
  StreamId last_good_stream = 0;
  uint32_t status = 0;
};

struct WindowUpdateFrame {
  StreamId stream = 0;
  uint32_t delta = 0;
};

// A data frame, or the part of one that has come: a frame is never gathered. `fin` stands with the last part only.
struct DataFrame {
  StreamId stream = 0;
  bool begin = false;
  bool fin = false;
  std::string_view data;
};

using Frame = std::variant<SynStreamFrame, SynReplyFrame, RstStreamFrame, SettingsFrame, PingFrame, GoAwayFrame,
                           HeadersFrame, WindowUpdateFrame, DataFrame>;

}  // namespace rktlet::spdy
