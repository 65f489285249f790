// SPDX-License-Identifier: Apache-2.0
// From bytes to frames, however the bytes are cut. Control frames are gathered up to a limit, data passes through.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rktlet/spdy/frames.h"

namespace rktlet::spdy {

class FrameReader {
 public:
  // Control frames with a longer payload end the session: their headers could not be skipped without losing the state
  // of the compression.
  explicit FrameReader(size_t max_control_payload) : max_control_payload_(max_control_payload) {}

  // The next frame, taking its bytes from the front of `*input`; nothing when `*input` is used up before that. Frames
  // of unknown types are skipped. After an error (InvalidArgument, or ResourceExhausted for a frame that is too large)
  // the reader is of no more use: where the next frame begins is not known.
  absl::StatusOr<std::optional<Frame>> Next(std::string_view* input);

  // Set when the error was a SYN_STREAM of another version of the protocol, which has an answer of its own.
  StreamId unsupported_version_stream() const { return unsupported_version_stream_; }

 private:
  enum class State { kHeader, kControl, kData, kSkip };

  absl::Status BeginFrame();
  absl::StatusOr<Frame> ParseControl(std::string_view payload);
  bool Gather(std::string_view* input, size_t size, std::string_view* gathered);

  const size_t max_control_payload_;
  State state_ = State::kHeader;
  // What has come of a frame's header or of a control frame's payload, when it came in pieces.
  std::string partial_;
  bool release_partial_ = false;

  uint8_t header_[kFrameHeaderSize] = {};
  FrameType type_ = FrameType::kSynStream;
  uint8_t flags_ = 0;
  StreamId data_stream_ = 0;
  bool data_begin_ = false;
  size_t remaining_ = 0;
  StreamId unsupported_version_stream_ = 0;
};

}  // namespace rktlet::spdy
