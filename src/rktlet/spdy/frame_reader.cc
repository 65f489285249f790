// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace rktlet::spdy {
namespace {

uint32_t Read32(std::string_view bytes, size_t offset = 0) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  }
  return value;
}

StreamId ReadStream(std::string_view bytes, size_t offset = 0) { return Read32(bytes, offset) & kMaxStreamId; }

bool IsKnown(uint16_t type) { return type >= 1 && type <= 9 && type != 5; }

const char* Name(FrameType type) {
  switch (type) {
    case FrameType::kSynStream:
      return "SYN_STREAM";
    case FrameType::kSynReply:
      return "SYN_REPLY";
    case FrameType::kRstStream:
      return "RST_STREAM";
    case FrameType::kSettings:
      return "SETTINGS";
    case FrameType::kPing:
      return "PING";
    case FrameType::kGoAway:
      return "GOAWAY";
    case FrameType::kHeaders:
      return "HEADERS";
    case FrameType::kWindowUpdate:
      return "WINDOW_UPDATE";
  }
  return "control frame";
}

struct Shape {
  size_t min_length = 0;
  size_t max_length = 0;
  uint8_t flags = 0;  // those it may have
};

Shape ShapeOf(FrameType type) {
  switch (type) {
    case FrameType::kSynStream:
      return {10, kMaxFrameLength, kFlagFin | kFlagUnidirectional};
    case FrameType::kSynReply:
    case FrameType::kHeaders:
      return {4, kMaxFrameLength, kFlagFin};
    case FrameType::kSettings:
      return {4, kMaxFrameLength, kFlagClearSettings};
    case FrameType::kPing:
      return {4, 4, 0};
    case FrameType::kRstStream:
    case FrameType::kGoAway:
    case FrameType::kWindowUpdate:
      return {8, 8, 0};
  }
  return {};
}

absl::Status Malformed(FrameType type, std::string_view why) {
  return absl::InvalidArgumentError(base::StrCat(Name(type), ": ", why));
}

absl::StatusOr<Frame> ParseSettings(std::string_view payload, bool clear) {
  SettingsFrame frame{.clear = clear};
  const size_t count = Read32(payload);
  if (payload.size() - 4 != count * 8) {
    return Malformed(FrameType::kSettings, base::StrCat(count, " entries do not fit ", payload.size(), " bytes"));
  }
  for (size_t offset = 4; offset < payload.size(); offset += 8) {
    const uint32_t id = Read32(payload, offset);
    frame.settings.push_back({static_cast<uint8_t>(id >> 24), id & 0xffffff, Read32(payload, offset + 4)});
  }
  return frame;
}

}  // namespace

bool FrameReader::Gather(std::string_view* input, size_t size, std::string_view* gathered) {
  if (partial_.empty() && input->size() >= size) {
    *gathered = input->substr(0, size);
    input->remove_prefix(size);
    return true;
  }
  const size_t take = std::min(size - partial_.size(), input->size());
  partial_.append(input->data(), take);
  input->remove_prefix(take);
  if (partial_.size() < size) {
    return false;
  }
  *gathered = partial_;
  release_partial_ = true;
  return true;
}

absl::Status FrameReader::BeginFrame() {
  const std::string_view header(reinterpret_cast<const char*>(header_), sizeof(header_));
  const uint32_t length = Read32(header, 4) & kMaxFrameLength;
  flags_ = header_[4];
  remaining_ = length;
  if ((header_[0] & 0x80) == 0) {
    data_stream_ = ReadStream(header);
    if (data_stream_ == 0) {
      return absl::InvalidArgumentError("data frame: stream 0");
    }
    if ((flags_ & ~kFlagFin) != 0) {
      return absl::InvalidArgumentError(base::StrCat("data frame: unknown flags ", flags_));
    }
    data_begin_ = true;
    state_ = State::kData;
    return absl::OkStatus();
  }
  const auto version = static_cast<uint16_t>((header_[0] & 0x7f) << 8 | header_[1]);
  const auto type = static_cast<uint16_t>(header_[2] << 8 | header_[3]);
  if (!IsKnown(type)) {
    if (version != kVersion) {
      return absl::InvalidArgumentError(base::StrCat("control frame: version ", version, " of the protocol"));
    }
    state_ = State::kSkip;
    return absl::OkStatus();
  }
  type_ = static_cast<FrameType>(type);
  state_ = State::kControl;
  const Shape shape = ShapeOf(type_);
  // A SYN_STREAM of another version is read as far as its stream, to be refused by name.
  if (version != kVersion && type_ != FrameType::kSynStream) {
    return Malformed(type_, base::StrCat("version ", version, " of the protocol, not ", kVersion));
  }
  if (length < shape.min_length || length > shape.max_length) {
    return Malformed(type_, base::StrCat("length ", length));
  }
  if ((flags_ & ~shape.flags) != 0) {
    return Malformed(type_, base::StrCat("unknown flags ", flags_));
  }
  if (length > max_control_payload_) {
    return absl::ResourceExhaustedError(
        base::StrCat(Name(type_), ": ", length, " bytes, more than ", max_control_payload_));
  }
  return absl::OkStatus();
}

absl::StatusOr<Frame> FrameReader::ParseControl(std::string_view payload) {
  const bool fin = (flags_ & kFlagFin) != 0;
  switch (type_) {
    case FrameType::kSynStream: {
      const StreamId stream = ReadStream(payload);
      const int version = (header_[0] & 0x7f) << 8 | header_[1];
      if (version != kVersion) {
        unsupported_version_stream_ = stream;
        return Malformed(type_, base::StrCat("version ", version, " of the protocol, not ", kVersion));
      }
      return SynStreamFrame{.stream = stream,
                            .associated = ReadStream(payload, 4),
                            .priority = static_cast<uint8_t>(static_cast<uint8_t>(payload[8]) >> 5),
                            .fin = fin,
                            .unidirectional = (flags_ & kFlagUnidirectional) != 0,
                            .block = payload.substr(10)};
    }
    case FrameType::kSynReply:
      return SynReplyFrame{ReadStream(payload), fin, payload.substr(4)};
    case FrameType::kHeaders:
      return HeadersFrame{ReadStream(payload), fin, payload.substr(4)};
    case FrameType::kRstStream:
      return RstStreamFrame{ReadStream(payload), Read32(payload, 4)};
    case FrameType::kSettings:
      return ParseSettings(payload, (flags_ & kFlagClearSettings) != 0);
    case FrameType::kPing:
      return PingFrame{Read32(payload)};
    case FrameType::kGoAway:
      return GoAwayFrame{ReadStream(payload), Read32(payload, 4)};
    case FrameType::kWindowUpdate:
      return WindowUpdateFrame{ReadStream(payload), Read32(payload, 4) & static_cast<uint32_t>(kMaxWindow)};
  }
  return absl::InternalError("unreachable");
}

absl::StatusOr<std::optional<Frame>> FrameReader::Next(std::string_view* input) {
  if (release_partial_) {
    release_partial_ = false;
    // The largest frame of a session's life need not stay.
    partial_.size() > 1024 ? std::string().swap(partial_) : partial_.clear();
  }
  while (true) {
    std::string_view gathered;
    switch (state_) {
      case State::kHeader:
        if (!Gather(input, kFrameHeaderSize, &gathered)) {
          return std::nullopt;
        }
        std::memcpy(header_, gathered.data(), kFrameHeaderSize);
        partial_.clear();
        release_partial_ = false;
        RETURN_IF_ERROR(BeginFrame());
        break;
      case State::kControl: {
        if (!Gather(input, remaining_, &gathered)) {
          return std::nullopt;
        }
        state_ = State::kHeader;
        ASSIGN_OR_RETURN(Frame frame, ParseControl(gathered));
        return frame;
      }
      case State::kSkip: {
        const size_t take = std::min(remaining_, input->size());
        input->remove_prefix(take);
        remaining_ -= take;
        if (remaining_ > 0) {
          return std::nullopt;
        }
        state_ = State::kHeader;
        break;
      }
      case State::kData: {
        const size_t take = std::min(remaining_, input->size());
        if (take == 0 && remaining_ > 0) {
          return std::nullopt;
        }
        DataFrame frame{.stream = data_stream_, .begin = data_begin_, .data = input->substr(0, take)};
        input->remove_prefix(take);
        remaining_ -= take;
        data_begin_ = false;
        if (remaining_ == 0) {
          frame.fin = (flags_ & kFlagFin) != 0;
          state_ = State::kHeader;
        }
        return frame;
      }
    }
  }
}

}  // namespace rktlet::spdy
