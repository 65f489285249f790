// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/connection.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "rktlet/spdy/frame_writer.h"

namespace rktlet::spdy {
namespace {

// How many streams that were reset are remembered.
constexpr size_t kRememberedResets = 64;
// Answers that may wait beside the data before the peer is no longer listened to.
constexpr size_t kMaxWaitingAnswers = 64 << 10;
// The largest data frame sent: a peer handles no byte of a stream before it has the frame.
constexpr size_t kMaxSentData = 64 << 10;
// What a frame costs, and a stream that it changes, in bytes of inflating.
constexpr size_t kFrameWork = 64;
constexpr size_t kStreamWork = 16;

}  // namespace

Connection::Connection(Role role, const Limits& limits)
    : role_(role),
      limits_(limits),
      reader_(limits.max_control_frame),
      decompressor_(limits.max_header_block),
      next_stream_(role == Role::kClient ? 1 : 2),
      next_ping_(role == Role::kClient ? 1 : 2) {}

std::optional<Event> Connection::Next(std::string_view* input) {
  while (!failed_) {
    if (work_ >= limits_.max_work && !input->empty()) {
      work_ = 0;
      return Event{.kind = Event::Kind::kPause};
    }
    absl::StatusOr<std::optional<Frame>> frame = reader_.Next(input);
    if (!frame.ok()) {
      if (const StreamId stream = reader_.unsupported_version_stream(); stream != 0) {
        WriteRstStream(stream, ResetStatus::kUnsupportedVersion, &output_);
      }
      return Fail(frame.status());
    }
    if (!*frame) {
      return std::nullopt;
    }
    work_ += kFrameWork;
    Announce();
    Result event = std::visit([this](const auto& one) { return Handle(one); }, **frame);
    if (event) {
      return event;
    }
  }
  *input = {};
  return std::nullopt;
}

// Windows larger than the draft's are offered only in answer to the peer's first frame: the Kubernetes client loses
// bytes that arrive together with the answer to its upgrade request.
void Connection::Announce() {
  if (std::exchange(announced_, true)) {
    return;
  }
  WriteSettings({{.id = static_cast<uint32_t>(SettingId::kMaxConcurrentStreams),
                  .value = static_cast<uint32_t>(limits_.max_streams)},
                 {.id = static_cast<uint32_t>(SettingId::kInitialWindowSize), .value = limits_.stream_window}},
                &output_);
  if (limits_.session_window > kDefaultWindow) {
    WriteWindowUpdate(0, limits_.session_window - static_cast<uint32_t>(kDefaultWindow), &output_);
  }
}

Connection::Result Connection::Fail(const absl::Status& error) {
  failed_ = true;
  streams_.clear();
  peers_streams_ = 0;
  WriteGoAway(last_peer_stream_, GoAwayStatus::kProtocolError, &output_);
  return Event{.kind = Event::Kind::kFailed, .error = error};
}

Connection::Result Connection::FailStream(StreamId stream, ResetStatus status) {
  const bool was_open = IsOpen(stream);
  WriteRstStream(stream, status, &output_);
  NoteReset(stream);
  if (!was_open) {
    return std::nullopt;
  }
  Erase(streams_.find(stream));
  return Event{.kind = Event::Kind::kReset, .stream = stream, .status = static_cast<uint32_t>(status)};
}

Connection::Result Connection::NoSuchStream(StreamId stream) {
  return WasReset(stream) ? std::nullopt : FailStream(stream, ResetStatus::kInvalidStream);
}

absl::StatusOr<Headers> Connection::Inflate(std::string_view block, Result* session_failure) {
  // Also for a stream that is refused: all blocks are one stream to zlib.
  const absl::StatusOr<std::string_view> inflated = decompressor_.Decompress(block);
  if (!inflated.ok()) {
    *session_failure = Fail(inflated.status());
    return inflated.status();
  }
  work_ += inflated->size();
  return ParseHeaders(*inflated, limits_.max_headers);
}

Connection::Result Connection::Handle(const SynStreamFrame& frame) {
  Result failure;
  absl::StatusOr<Headers> headers = Inflate(frame.block, &failure);
  if (failure) {
    return failure;
  }
  const StreamId id = frame.stream;
  if (id == 0 || !IsPeers(id)) {
    return Fail(absl::InvalidArgumentError(base::StrCat("SYN_STREAM: stream ", id, " is not the peer's to open")));
  }
  if (id < last_peer_stream_) {
    return Fail(
        absl::InvalidArgumentError(base::StrCat("SYN_STREAM: stream ", id, " after stream ", last_peer_stream_)));
  }
  if (id == last_peer_stream_) {
    return FailStream(id, ResetStatus::kProtocolError);
  }
  if (sent_goaway_) {
    return std::nullopt;
  }
  last_peer_stream_ = id;
  if (!headers.ok()) {
    return FailStream(id, ResetStatus::kProtocolError);
  }
  if (peers_streams_ >= limits_.max_streams) {
    return FailStream(id, ResetStatus::kRefusedStream);
  }
  ++peers_streams_;
  EraseIfDone(streams_
                  .emplace(id, Stream{.replied = frame.unidirectional,
                                      .can_send = !frame.unidirectional,
                                      .can_receive = !frame.fin,
                                      .send_window = initial_send_window_})
                  .first);
  return Event{.kind = Event::Kind::kStream,
               .stream = id,
               .headers = *std::move(headers),
               .end = frame.fin,
               .unidirectional = frame.unidirectional};
}

Connection::Result Connection::Handle(const SynReplyFrame& frame) {
  Result failure;
  absl::StatusOr<Headers> headers = Inflate(frame.block, &failure);
  if (failure) {
    return failure;
  }
  const auto it = streams_.find(frame.stream);
  if (it == streams_.end()) {
    return NoSuchStream(frame.stream);
  }
  if (!it->second.ours) {
    return FailStream(frame.stream, ResetStatus::kProtocolError);
  }
  if (it->second.replied) {
    return FailStream(frame.stream, ResetStatus::kStreamInUse);
  }
  if (!headers.ok()) {
    return FailStream(frame.stream, ResetStatus::kProtocolError);
  }
  it->second.replied = true;
  if (frame.fin) {
    EndReceiving(it);
  }
  return Event{.kind = Event::Kind::kReply, .stream = frame.stream, .headers = *std::move(headers), .end = frame.fin};
}

Connection::Result Connection::Handle(const HeadersFrame& frame) {
  Result failure;
  absl::StatusOr<Headers> headers = Inflate(frame.block, &failure);
  if (failure) {
    return failure;
  }
  const auto it = streams_.find(frame.stream);
  if (it == streams_.end()) {
    return NoSuchStream(frame.stream);
  }
  if (!it->second.can_receive) {
    return FailStream(frame.stream, ResetStatus::kStreamAlreadyClosed);
  }
  if (!headers.ok()) {
    return FailStream(frame.stream, ResetStatus::kProtocolError);
  }
  if (frame.fin) {
    EndReceiving(it);
  }
  return Event{.kind = Event::Kind::kHeaders, .stream = frame.stream, .headers = *std::move(headers), .end = frame.fin};
}

Connection::Result Connection::Handle(const DataFrame& frame) {
  session_unconsumed_ += frame.data.size();
  const auto it = streams_.find(frame.stream);
  if (it == streams_.end()) {
    ConsumedBySession(frame.data.size());
    return frame.begin ? NoSuchStream(frame.stream) : std::nullopt;
  }
  Stream& stream = it->second;
  if (!stream.can_receive || (stream.ours && !stream.replied)) {
    ConsumedBySession(frame.data.size());
    return FailStream(frame.stream,
                      stream.can_receive ? ResetStatus::kProtocolError : ResetStatus::kStreamAlreadyClosed);
  }
  stream.unconsumed += frame.data.size();
  if (frame.fin) {
    EndReceiving(it);
  } else if (frame.data.empty()) {
    return std::nullopt;
  }
  return Event{.kind = Event::Kind::kData, .stream = frame.stream, .data = frame.data, .end = frame.fin};
}

Connection::Result Connection::Handle(const RstStreamFrame& frame) {
  if (frame.stream == 0) {
    return Fail(absl::InvalidArgumentError("RST_STREAM: stream 0"));
  }
  const auto it = streams_.find(frame.stream);
  if (it == streams_.end()) {
    return std::nullopt;  // never answered, or two ends would go on for ever
  }
  NoteReset(frame.stream);
  Erase(it);
  return Event{.kind = Event::Kind::kReset, .stream = frame.stream, .status = frame.status};
}

Connection::Result Connection::Handle(const SettingsFrame& frame) {
  // Of several values for one id the draft wants all but the first ignored.
  const auto setting =
      std::ranges::find(frame.settings, static_cast<uint32_t>(SettingId::kInitialWindowSize), &Setting::id);
  if (setting == frame.settings.end()) {
    return std::nullopt;
  }
  if (setting->value > kMaxWindow) {
    return Fail(absl::InvalidArgumentError(base::StrCat("SETTINGS: an initial window of ", setting->value)));
  }
  peer_has_windows_ = true;
  const int64_t change = int64_t{setting->value} - initial_send_window_;
  initial_send_window_ = setting->value;
  work_ += kStreamWork * streams_.size();
  for (auto& [id, stream] : streams_) {
    stream.send_window += change;
    if (stream.send_window > kMaxWindow) {
      return Fail(absl::InvalidArgumentError(base::StrCat("SETTINGS: the window of stream ", id, " overflows")));
    }
  }
  return std::nullopt;
}

Connection::Result Connection::Handle(const PingFrame& frame) {
  if (IsPeers(frame.id)) {
    WritePing(frame.id, &output_);
    return std::nullopt;
  }
  return frame.id < next_ping_ && frame.id != 0 ? Result(Event{.kind = Event::Kind::kPong}) : std::nullopt;
}

Connection::Result Connection::Handle(const GoAwayFrame& frame) {
  if (std::exchange(got_goaway_, true)) {
    return std::nullopt;
  }
  return Event{.kind = Event::Kind::kGoAway, .stream = frame.last_good_stream, .status = frame.status};
}

Connection::Result Connection::Handle(const WindowUpdateFrame& frame) {
  peer_has_windows_ = true;
  if (frame.stream == 0) {
    if (frame.delta == 0) {
      return Fail(absl::InvalidArgumentError("WINDOW_UPDATE: by 0"));
    }
    session_send_window_ += frame.delta;
    return session_send_window_ > kMaxWindow
               ? Fail(absl::InvalidArgumentError("WINDOW_UPDATE: the session's overflows"))
               : std::nullopt;
  }
  const auto it = streams_.find(frame.stream);
  if (it == streams_.end()) {
    return std::nullopt;  // it may have ended meanwhile
  }
  if (frame.delta == 0) {
    return FailStream(frame.stream, ResetStatus::kProtocolError);
  }
  it->second.send_window += frame.delta;
  return it->second.send_window > kMaxWindow ? FailStream(frame.stream, ResetStatus::kFlowControlError) : std::nullopt;
}

bool Connection::WantsInput() const {
  return !failed_ && Output().size() <= limits_.max_output + kMaxWaitingAnswers &&
         session_unconsumed_ <= limits_.max_unconsumed;
}

// Windows are given back by halves, so that small reads cost no frame each.
void Connection::Consumed(StreamId stream, size_t bytes) {
  const auto it = streams_.find(stream);
  if (it == streams_.end()) {
    return;
  }
  Stream& state = it->second;
  bytes = std::min(bytes, state.unconsumed);
  state.unconsumed -= bytes;
  ConsumedBySession(bytes);
  if (state.can_receive) {
    state.unannounced += static_cast<uint32_t>(bytes);
    if (state.unannounced >= limits_.stream_window / 2) {
      WriteWindowUpdate(stream, std::exchange(state.unannounced, 0), &output_);
    }
  }
  EraseIfDone(it);
}

void Connection::ConsumedBySession(size_t bytes) {
  session_unconsumed_ -= bytes;
  session_unannounced_ += static_cast<uint32_t>(bytes);
  if (session_unannounced_ >= limits_.session_window / 2 && !failed_) {
    WriteWindowUpdate(0, std::exchange(session_unannounced_, 0), &output_);
  }
}

void Connection::EndReceiving(Streams::iterator it) {
  it->second.can_receive = false;
  EraseIfDone(it);
}

void Connection::EraseIfDone(Streams::iterator it) {
  const Stream& stream = it->second;
  if (!stream.can_send && !stream.can_receive && stream.unconsumed == 0) {
    Erase(it);
  }
}

void Connection::Erase(Streams::iterator it) {
  const Stream stream = it->second;
  streams_.erase(it);
  peers_streams_ -= stream.ours ? 0 : 1;
  ConsumedBySession(stream.unconsumed);
}

bool Connection::WasReset(StreamId stream) const { return std::ranges::find(reset_, stream) != reset_.end(); }

void Connection::NoteReset(StreamId stream) {
  reset_.push_back(stream);
  if (reset_.size() > kRememberedResets) {
    reset_.pop_front();
  }
}

void Connection::Reply(StreamId stream, const Headers& headers) {
  const auto it = streams_.find(stream);
  if (it == streams_.end() || it->second.ours || std::exchange(it->second.replied, true)) {
    return;
  }
  WriteSynReply({.stream = stream, .block = compressor_.Compress(FormatHeaders(headers))}, &output_);
}

StreamId Connection::Open(const Headers& headers, bool end) {
  if (failed_ || sent_goaway_ || got_goaway_ || next_stream_ > kMaxStreamId) {
    return 0;
  }
  const StreamId id = std::exchange(next_stream_, next_stream_ + 2);
  streams_.emplace(id, Stream{.ours = true, .can_send = !end, .send_window = initial_send_window_});
  WriteSynStream({.stream = id, .fin = end, .block = compressor_.Compress(FormatHeaders(headers))}, &output_);
  return id;
}

void Connection::SendHeaders(StreamId stream, const Headers& headers, bool end) {
  const auto it = streams_.find(stream);
  if (it == streams_.end() || !it->second.can_send) {
    return;
  }
  WriteHeaders({.stream = stream, .fin = end, .block = compressor_.Compress(FormatHeaders(headers))}, &output_);
  if (end) {
    it->second.can_send = false;
    EraseIfDone(it);
  }
}

size_t Connection::Writable(StreamId stream) const {
  const auto it = streams_.find(stream);
  const size_t waiting = Output().size();
  if (it == streams_.end() || !it->second.can_send || (!it->second.ours && !it->second.replied) ||
      waiting >= limits_.max_output) {
    return 0;
  }
  const auto room = static_cast<int64_t>(limits_.max_output - waiting);
  const int64_t window = peer_has_windows_ ? std::min(it->second.send_window, session_send_window_) : room;
  return static_cast<size_t>(std::max<int64_t>(0, std::min(room, window)));
}

size_t Connection::Write(StreamId stream, std::string_view data) {
  data = data.substr(0, Writable(stream));
  size_t written = 0;
  while (written < data.size()) {
    const std::string_view part = data.substr(written, kMaxSentData);
    WriteData(stream, part, false, &output_);
    written += part.size();
  }
  if (written > 0) {
    streams_.find(stream)->second.send_window -= static_cast<int64_t>(written);
    session_send_window_ -= static_cast<int64_t>(written);
  }
  return written;
}

void Connection::End(StreamId stream) {
  const auto it = streams_.find(stream);
  if (it == streams_.end() || !std::exchange(it->second.can_send, false)) {
    return;
  }
  WriteData(stream, {}, true, &output_);
  EraseIfDone(it);
}

void Connection::Reset(StreamId stream, ResetStatus status) {
  if (IsOpen(stream)) {
    FailStream(stream, status);
  }
}

void Connection::Ping() {
  if (!failed_) {
    WritePing(std::exchange(next_ping_, next_ping_ + 2), &output_);
  }
}

void Connection::GoAway(GoAwayStatus status) {
  if (!failed_ && !std::exchange(sent_goaway_, true)) {
    WriteGoAway(last_peer_stream_, status, &output_);
  }
}

void Connection::TakeOutput(std::string* buffer) {
  output_.erase(0, std::exchange(sent_, 0));
  buffer->clear();
  buffer->swap(output_);
}

void Connection::Sent(size_t bytes) {
  sent_ += bytes;
  if (sent_ == output_.size()) {
    // Memory of a burst is not kept by a session that may be idle for hours.
    output_.capacity() > (32 << 10) ? std::string().swap(output_) : output_.clear();
    sent_ = 0;
  } else if (sent_ > output_.size() / 2) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
}

}  // namespace rktlet::spdy
