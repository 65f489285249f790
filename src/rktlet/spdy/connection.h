// SPDX-License-Identifier: Apache-2.0
// One SPDY/3.1 session, either side of it, without sockets: bytes in, events and bytes out. It checks what the peer
// sends by the draft's rules, answers what needs no thought (pings, errors, windows), and holds no stream's data.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rktlet/spdy/frame_reader.h"
#include "rktlet/spdy/frames.h"
#include "rktlet/spdy/header_block.h"

namespace rktlet::spdy {

enum class Role { kServer, kClient };

struct Limits {
  size_t max_streams = 256;             // of the peer's, open at the same time; more are refused
  size_t max_control_frame = 10 << 10;  // bytes of payload
  size_t max_header_block = 8 << 10;    // bytes when inflated
  size_t max_headers = 64;
  size_t max_work = 256 << 10;         // of frames between two kPause, as much as it takes to inflate so many bytes
  size_t max_output = 256 << 10;       // of data that waits to be sent, in bytes; Write accepts no more
  size_t max_unconsumed = 1 << 20;     // bytes received and not yet consumed; WantsInput is false beyond
  uint32_t stream_window = 256 << 10;  // what a peer with flow control may send ahead on one stream
  uint32_t session_window = 1 << 20;   // and on all of them
};

struct Event {
  enum class Kind {
    kStream,   // the peer opened `stream`, with `headers`; it waits for Reply or Reset
    kReply,    // to a stream opened here, with `headers`
    kHeaders,  // more of them
    kData,     // `data`, which points into the input; to be reported by Consumed when it has been passed on
    kReset,    // the stream is gone, for `status`: by the peer, or for its errors
    kGoAway,   // the peer opens no more streams; those that are open go on
    kPong,     // the answer to Ping
    kPause,    // the peer's frames were much work: let others go first, then go on with the rest of the input
    kFailed,   // the session is over: the peer broke the protocol (`error`). What is to be sent still should be
  };
  Kind kind = Kind::kFailed;
  StreamId stream = 0;
  Headers headers;
  std::string_view data;
  bool end = false;             // of what the peer sends on the stream: kStream, kReply, kHeaders, kData
  bool unidirectional = false;  // kStream: nothing can be sent back
  uint32_t status = 0;
  absl::Status error;
};

class Connection {
 public:
  Connection(Role role, const Limits& limits);

  // The next event, taking bytes from the front of `*input`; nothing when they are used up. Events of a stream that has
  // been Reset do not come.
  std::optional<Event> Next(std::string_view* input);

  // Whether to read from the peer: not while it does not read its answers, nor while what it sent is not consumed. So a
  // peer without flow control is stopped by TCP.
  bool WantsInput() const;

  // `bytes` of the data of an event went to where they belong. Of a stream that is gone: nothing is to be done.
  void Consumed(StreamId stream, size_t bytes);

  // Accepts the peer's stream; once.
  void Reply(StreamId stream, const Headers& headers = {});
  // Opens a stream. 0 when none can be: after a GoAway of either side, or out of numbers.
  StreamId Open(const Headers& headers, bool end = false);
  void SendHeaders(StreamId stream, const Headers& headers, bool end = false);
  // How much Write takes now: bounded by the peer's windows once it has shown that it has some, and by max_output. 0
  // for a stream that is not open for sending.
  size_t Writable(StreamId stream) const;
  // Sends the beginning of `data`, Writable bytes at most, and says how much that was.
  size_t Write(StreamId stream, std::string_view data);
  // The end of what is sent on the stream. Nothing when that is over already.
  void End(StreamId stream);
  // Ends both halves at once.
  void Reset(StreamId stream, ResetStatus status);
  // The answer comes as kPong.
  void Ping();
  // No stream that the peer opens from now on is taken.
  void GoAway(GoAwayStatus status);

  // What is to be sent, and that `bytes` of it were.
  std::string_view Output() const { return std::string_view(output_).substr(sent_); }
  void Sent(size_t bytes);
  // Moves all of it into `*buffer`, whose memory is used for what comes next.
  void TakeOutput(std::string* buffer);

  size_t open_streams() const { return streams_.size(); }
  bool IsOpen(StreamId stream) const { return streams_.contains(stream); }
  bool failed() const { return failed_; }

 private:
  struct Stream {
    bool ours = false;
    bool replied = false;     // SYN_REPLY was seen or sent
    bool can_send = true;     // our half
    bool can_receive = true;  // the peer's half
    int64_t send_window = 0;
    size_t unconsumed = 0;     // received, not yet passed on
    uint32_t unannounced = 0;  // passed on, not yet in a WINDOW_UPDATE
  };
  using Streams = std::map<StreamId, Stream>;
  using Result = std::optional<Event>;

  Result Handle(const SynStreamFrame& frame);
  Result Handle(const SynReplyFrame& frame);
  Result Handle(const HeadersFrame& frame);
  Result Handle(const RstStreamFrame& frame);
  Result Handle(const SettingsFrame& frame);
  Result Handle(const PingFrame& frame);
  Result Handle(const GoAwayFrame& frame);
  Result Handle(const WindowUpdateFrame& frame);
  Result Handle(const DataFrame& frame);

  Result Fail(const absl::Status& error);
  Result FailStream(StreamId stream, ResetStatus status);
  // A frame for a stream that there is none of: nothing for one that was reset lately, its last frames were under way.
  Result NoSuchStream(StreamId stream);
  // Inflates and parses. `*failed` is set when the session failed (returns its event), else an empty result.
  absl::StatusOr<Headers> Inflate(std::string_view block, Result* session_failure);
  void Announce();
  void EndReceiving(Streams::iterator it);
  void EraseIfDone(Streams::iterator it);
  void Erase(Streams::iterator it);
  void ConsumedBySession(size_t bytes);
  bool WasReset(StreamId stream) const;
  void NoteReset(StreamId stream);
  bool IsPeers(StreamId stream) const { return (stream % 2 == 1) == (role_ == Role::kServer); }

  const Role role_;
  const Limits limits_;
  FrameReader reader_;
  HeaderDecompressor decompressor_;
  HeaderCompressor compressor_;
  Streams streams_;
  size_t peers_streams_ = 0;
  StreamId last_peer_stream_ = 0;
  StreamId next_stream_;
  uint32_t next_ping_;
  // Streams reset here not long ago: what the peer sent before it knew is no error.
  std::deque<StreamId> reset_;
  std::string output_;
  size_t sent_ = 0;
  bool announced_ = false;
  bool sent_goaway_ = false;
  bool got_goaway_ = false;
  bool failed_ = false;
  size_t work_ = 0;  // since the last kPause

  // A peer that sent a WINDOW_UPDATE or an initial window keeps to windows; see docs/streaming.md for those who do not.
  bool peer_has_windows_ = false;
  int64_t initial_send_window_ = kDefaultWindow;
  int64_t session_send_window_ = kDefaultWindow;
  size_t session_unconsumed_ = 0;
  uint32_t session_unannounced_ = 0;
};

}  // namespace rktlet::spdy
