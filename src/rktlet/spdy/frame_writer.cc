// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/frame_writer.h"

namespace rktlet::spdy {
namespace {

void Append32(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

void AppendHeader(FrameType type, uint8_t flags, size_t length, std::string* out) {
  Append32(0x80000000U | static_cast<uint32_t>(kVersion) << 16 | static_cast<uint32_t>(type), out);
  Append32(static_cast<uint32_t>(flags) << 24 | static_cast<uint32_t>(length), out);
}

void WriteBlock(FrameType type, StreamId stream, bool fin, std::string_view block, std::string* out) {
  AppendHeader(type, fin ? kFlagFin : 0, 4 + block.size(), out);
  Append32(stream, out);
  out->append(block);
}

}  // namespace

void WriteSynStream(const SynStreamFrame& frame, std::string* out) {
  const auto flags =
      static_cast<uint8_t>((frame.fin ? kFlagFin : 0) | (frame.unidirectional ? kFlagUnidirectional : 0));
  AppendHeader(FrameType::kSynStream, flags, 10 + frame.block.size(), out);
  Append32(frame.stream, out);
  Append32(frame.associated, out);
  out->push_back(static_cast<char>(frame.priority << 5));
  out->push_back(0);
  out->append(frame.block);
}

void WriteSynReply(const SynReplyFrame& frame, std::string* out) {
  WriteBlock(FrameType::kSynReply, frame.stream, frame.fin, frame.block, out);
}

void WriteHeaders(const HeadersFrame& frame, std::string* out) {
  WriteBlock(FrameType::kHeaders, frame.stream, frame.fin, frame.block, out);
}

void WriteRstStream(StreamId stream, ResetStatus status, std::string* out) {
  AppendHeader(FrameType::kRstStream, 0, 8, out);
  Append32(stream, out);
  Append32(static_cast<uint32_t>(status), out);
}

void WriteSettings(const std::vector<Setting>& settings, std::string* out) {
  AppendHeader(FrameType::kSettings, 0, 4 + 8 * settings.size(), out);
  Append32(static_cast<uint32_t>(settings.size()), out);
  for (const Setting& setting : settings) {
    Append32(static_cast<uint32_t>(setting.flags) << 24 | setting.id, out);
    Append32(setting.value, out);
  }
}

void WritePing(uint32_t id, std::string* out) {
  AppendHeader(FrameType::kPing, 0, 4, out);
  Append32(id, out);
}

void WriteGoAway(StreamId last_good_stream, GoAwayStatus status, std::string* out) {
  AppendHeader(FrameType::kGoAway, 0, 8, out);
  Append32(last_good_stream, out);
  Append32(static_cast<uint32_t>(status), out);
}

void WriteWindowUpdate(StreamId stream, uint32_t delta, std::string* out) {
  AppendHeader(FrameType::kWindowUpdate, 0, 8, out);
  Append32(stream, out);
  Append32(delta, out);
}

void WriteData(StreamId stream, std::string_view data, bool fin, std::string* out) {
  Append32(stream, out);
  Append32(static_cast<uint32_t>(fin ? kFlagFin : 0) << 24 | static_cast<uint32_t>(data.size()), out);
  out->append(data);
}

}  // namespace rktlet::spdy
