// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/spdy_remote_command.h"

#include <string_view>
#include <utility>
#include <vector>

#include "rktlet/streaming/status_message.h"

namespace rktlet::streaming {
namespace {

// "v4.channel.k8s.io" is 4, "channel.k8s.io" is 1.
int Version(std::string_view protocol) {
  return protocol.size() > 2 && protocol[0] == 'v' && protocol[2] == '.' ? protocol[1] - '0' : 1;
}

// The streams of one command, as they come.
class Streams {
 public:
  Streams(const StdioRequest& wanted, bool resize)
      : slots_{{"error", true, &streams_.status},
               {"stdin", wanted.input, &streams_.input},
               {"stdout", wanted.output, &streams_.output},
               {"stderr", wanted.error, &streams_.error},
               {"resize", wanted.tty && resize, &streams_.resize}} {}
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
    const std::string_view type = spdy::FindHeader(stream.headers, "streamtype");
    for (const Slot& slot : slots_) {
      if (type != slot.type) {
        continue;
      }
      if (!slot.wanted) {
        // The request did not name it, the client opens it all the same: it is there, and silent.
        unwanted_.push_back(session.Open(stream.id));
        unwanted_.back()->CancelRead();
        return;
      }
      if (*slot.stream == nullptr) {
        *slot.stream = session.Open(stream.id);
        return;
      }
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
  const Slot slots_[5];
  std::vector<std::unique_ptr<Stream>> unwanted_;
};

}  // namespace

Awaitable<void> ServeSpdyRemoteCommand(Environment& environment, RemoteCommand command, std::string protocol,
                                       SpdySession& session) {
  const int version = Version(protocol);
  const StatusForm form = version >= 4 ? StatusForm::kJson : StatusForm::kText;
  const StdioRequest wanted = std::visit([](const StdioRequest& request) { return StdioRequest(request); }, command);
  Streams streams(wanted, version >= 3);
  const auto deadline = std::chrono::steady_clock::now() + environment.limits.handshake_time;
  while (!streams.Complete()) {
    auto stream = co_await session.Accept(deadline);
    if (!stream.has_value()) {
      break;
    }
    streams.Add(*stream, session);
  }
  session.RefuseNewStreams();
  if (streams.Complete()) {
    RemoteCommandStreams complete = streams.Take();
    co_await ServeRemoteCommand(environment, std::move(command), std::move(complete), form, session);
  } else if (streams.status() != nullptr && !session.closed()) {
    const absl::StatusOr<int> late =
        absl::DeadlineExceededError("timed out waiting for the client to open its streams");
    const std::string message = StatusMessage(late, form);
    const absl::Status ignored = co_await streams.status()->Write(message);
    co_await streams.status()->CloseWrite();
  }
}

}  // namespace rktlet::streaming
