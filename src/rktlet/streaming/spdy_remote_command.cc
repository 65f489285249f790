// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/spdy_remote_command.h"

#include <string_view>
#include <utility>

#include "rktlet/streaming/status_message.h"

namespace rktlet::streaming {
namespace {

// That a client opens before it has opened all that its command needs.
constexpr size_t kMaxOpened = 64;

// "v4.channel.k8s.io" is 4, "channel.k8s.io" is 1.
int Version(std::string_view protocol) {
  return protocol.size() > 2 && protocol[0] == 'v' && protocol[2] == '.' ? protocol[1] - '0' : 1;
}

// The streams of one command, as they come.
class Streams {
 public:
  Streams(const StdioRequest& wanted, bool resize)
      : slots_{{"error", true, &streams_.status},
               {"stdin", wanted.input, wanted.input ? &streams_.input : &unwanted_[0]},
               {"stdout", wanted.output, wanted.output ? &streams_.output : &unwanted_[1]},
               {"stderr", wanted.error, wanted.error ? &streams_.error : &unwanted_[2]},
               {"resize", wanted.tty && resize, wanted.tty && resize ? &streams_.resize : &unwanted_[3]}} {}
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  bool Complete() const {
    for (const Slot& slot : slots_) {
      if (slot.wanted && *slot.stream == nullptr) {
        return false;
      }
    }
    return true;
  }

  void Add(const SpdySession::NewStream& stream, SpdySession& session) {
    for (const Slot& slot : slots_) {
      if (stream.type != slot.type || *slot.stream != nullptr) {
        continue;
      }
      *slot.stream = session.Open(stream.id);
      if (!slot.wanted) {
        // The request did not name it, the client opens it all the same: it is there, and silent.
        (*slot.stream)->CancelRead();
      }
      return;
    }
    session.Refuse(stream.id);
  }

  RemoteCommandStreams Take() { return std::move(streams_); }
  Stream* status() const { return streams_.status.get(); }

 private:
  struct Slot {
    std::string_view type;
    bool wanted;
    std::unique_ptr<Stream>* stream;
  };

  RemoteCommandStreams streams_;
  std::unique_ptr<Stream> unwanted_[4];
  const Slot slots_[5];
};

}  // namespace

Awaitable<void> ServeSpdyRemoteCommand(Environment& environment, Ending& ending, RemoteCommand command,
                                       std::string protocol, SpdySession& session) {
  const int version = Version(protocol);
  const StatusForm form = version >= 4 ? StatusForm::kJson : StatusForm::kText;
  const StdioRequest wanted = std::visit([](const StdioRequest& request) { return StdioRequest(request); }, command);
  Streams streams(wanted, version >= 3);
  const auto deadline = std::chrono::steady_clock::now() + environment.limits.handshake_time;
  size_t opened = 0;
  while (!streams.Complete() && opened < kMaxOpened) {
    auto stream = co_await session.Accept(deadline);
    if (!stream.has_value()) {
      break;
    }
    streams.Add(*stream, session);
    ++opened;
  }
  session.RefuseNewStreams();
  if (streams.Complete()) {
    RemoteCommandStreams complete = streams.Take();
    co_await ServeRemoteCommand(environment, ending, std::move(command), std::move(complete), form, session);
  } else if (streams.status() != nullptr && !session.closed()) {
    const absl::StatusOr<int> failure =
        opened < kMaxOpened
            ? absl::DeadlineExceededError("timed out waiting for the client to open its streams")
            : absl::ResourceExhaustedError("too many streams, and not all that the command needs among them");
    const std::string message = StatusMessage(failure, form);
    const absl::Status ignored = co_await streams.status()->Write(message);
    co_await streams.status()->CloseWrite();
  }
}

}  // namespace rktlet::streaming
