// SPDX-License-Identifier: Apache-2.0
// For tests: frames made by hand against one Connection, and two Connections that talk to each other.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rktlet/spdy/connection.h"
#include "rktlet/spdy/frame_writer.h"

namespace rktlet::spdy {

// An event whose data is its own.
struct Seen : Event {
  explicit Seen(Event event) : Event(std::move(event)), bytes(data) {}
  std::string bytes;
};

// All events that `input` leads to.
inline std::vector<Seen> Feed(Connection* connection, std::string_view input) {
  std::vector<Seen> seen;
  while (std::optional<Event> event = connection->Next(&input)) {
    seen.emplace_back(*std::move(event));
  }
  return seen;
}

// What the connection wants to send, which it then has sent.
inline std::string TakeOutput(Connection* connection) {
  std::string output(connection->Output());
  connection->Sent(output.size());
  return output;
}

// Everything in `bytes` as frames, with blocks and data of their own.
inline std::vector<Frame> ReadFrames(std::string_view bytes, std::vector<std::string>* storage) {
  FrameReader reader(kMaxFrameLength);
  std::vector<Frame> frames;
  storage->reserve(storage->size() + bytes.size());  // so that views stay
  while (true) {
    absl::StatusOr<std::optional<Frame>> frame = reader.Next(&bytes);
    if (!frame.ok() || !*frame) {
      return frames;
    }
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.block; }) {
            one.block = storage->emplace_back(one.block);
          } else if constexpr (requires { one.data; }) {
            one.data = storage->emplace_back(one.data);
          }
        },
        **frame);
    frames.push_back(**frame);
  }
}

// The frames of one type in what the connection wants to send.
template <typename T>
std::vector<T> TakeFrames(Connection* connection) {
  std::vector<std::string> storage;
  std::vector<T> found;
  for (const Frame& frame : ReadFrames(TakeOutput(connection), &storage)) {
    if (const T* one = std::get_if<T>(&frame)) {
      found.push_back(*one);
    }
  }
  return found;
}

// The peer of a Connection under test, which may break every rule.
class Peer {
 public:
  std::string SynStream(StreamId stream, const Headers& headers = {}, bool fin = false, bool unidirectional = false) {
    return SynStreamBlock(stream, FormatHeaders(headers), fin, unidirectional);
  }
  std::string SynStreamBlock(StreamId stream, std::string_view block, bool fin = false, bool unidirectional = false) {
    std::string out;
    const std::string compressed = compressor_.Compress(block);
    WriteSynStream({.stream = stream, .fin = fin, .unidirectional = unidirectional, .block = compressed}, &out);
    return out;
  }
  std::string SynReply(StreamId stream, const Headers& headers = {}, bool fin = false) {
    std::string out;
    const std::string compressed = compressor_.Compress(FormatHeaders(headers));
    WriteSynReply({.stream = stream, .fin = fin, .block = compressed}, &out);
    return out;
  }
  std::string MoreHeaders(StreamId stream, const Headers& headers = {}, bool fin = false) {
    std::string out;
    const std::string compressed = compressor_.Compress(FormatHeaders(headers));
    WriteHeaders({.stream = stream, .fin = fin, .block = compressed}, &out);
    return out;
  }
  static std::string Data(StreamId stream, std::string_view data, bool fin = false) {
    std::string out;
    WriteData(stream, data, fin, &out);
    return out;
  }
  static std::string Reset(StreamId stream, ResetStatus status = ResetStatus::kCancel) {
    std::string out;
    WriteRstStream(stream, status, &out);
    return out;
  }
  static std::string WindowUpdate(StreamId stream, uint32_t delta) {
    std::string out;
    WriteWindowUpdate(stream, delta, &out);
    return out;
  }
  static std::string InitialWindow(uint32_t size) {
    std::string out;
    WriteSettings({{.id = static_cast<uint32_t>(SettingId::kInitialWindowSize), .value = size}}, &out);
    return out;
  }
  static std::string Ping(uint32_t id) {
    std::string out;
    WritePing(id, &out);
    return out;
  }
  static std::string GoAway(StreamId last) {
    std::string out;
    WriteGoAway(last, GoAwayStatus::kOk, &out);
    return out;
  }
  // A control frame of any shape.
  static std::string Control(uint16_t version, uint16_t type, uint8_t flags, std::string_view payload) {
    std::string out;
    for (const uint32_t word : {0x80000000U | static_cast<uint32_t>(version) << 16 | type,
                                static_cast<uint32_t>(flags) << 24 | static_cast<uint32_t>(payload.size())}) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(word >> shift));
      }
    }
    return out.append(payload);
  }

 private:
  HeaderCompressor compressor_;
};

}  // namespace rktlet::spdy
