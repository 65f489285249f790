// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/spdy_port_forward.h"

#include <boost/asio/this_coro.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;
using std::chrono::steady_clock;

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return std::nullopt;
  }
  return port;
}

// Two streams that belong together, while one of them is missing.
struct Pair {
  std::unique_ptr<Stream> data;
  std::unique_ptr<Stream> error;
  uint16_t port = 0;  // the data stream's
  steady_clock::time_point deadline;
};

class Forwarder {
 public:
  Forwarder(const boost::asio::any_io_executor& executor, Environment& environment, PortForwardRequest request,
            SpdySession& session)
      : environment_(environment),
        request_(std::move(request)),
        session_(session),
        open_(executor, environment, session),
        tasks_(executor) {}

  Awaitable<void> Run() {
    while (!session_.closed()) {
      const auto deadline = NextDeadline();
      auto stream = co_await session_.Accept(deadline);
      if (stream.has_value()) {
        Add(*stream);
      }
      GiveUpLatePairs();
    }
    pairs_.clear();
    co_await tasks_.Wait();
  }

 private:
  steady_clock::time_point NextDeadline() const {
    auto first = steady_clock::time_point::max();
    for (const auto& [id, pair] : pairs_) {
      first = std::min(first, pair.deadline);
    }
    return first;
  }

  void Add(const SpdySession::NewStream& stream) {
    const std::string_view type = stream.type;
    const std::optional<uint16_t> port = ParsePort(stream.port);
    if (!port || (type != "data" && type != "error")) {
      session_.Refuse(stream.id);
      return;
    }
    std::string id = stream.request_id;
    if (id.empty()) {
      // Clients of old number nothing: they open the error stream, then the data stream.
      id = StrCat(type == "data" ? stream.id - 2 : stream.id);
    }
    // A client may also reset its streams before their time, so their number alone is no bound.
    const bool full = pairs_.size() + tasks_.size() >= environment_.limits.forwards;
    if (full && !pairs_.contains(id)) {
      session_.Refuse(stream.id);
      return;
    }
    Pair& pair = pairs_.try_emplace(id, Pair{.deadline = steady_clock::now() + environment_.limits.handshake_time})
                     .first->second;
    std::unique_ptr<Stream>& slot = type == "data" ? pair.data : pair.error;
    if (slot != nullptr) {
      session_.Refuse(stream.id);
      return;
    }
    slot = session_.Open(stream.id);
    if (type == "data") {
      pair.port = *port;
    }
    if (pair.data != nullptr && pair.error != nullptr) {
      tasks_.Spawn(ForwardPort(environment_, request_, pair.port, std::move(pair.data), std::move(pair.error), open_));
      pairs_.erase(id);
    }
  }

  void GiveUpLatePairs() {
    const auto now = steady_clock::now();
    for (auto it = pairs_.begin(); it != pairs_.end();) {
      if (it->second.deadline > now) {
        ++it;
        continue;
      }
      if (it->second.error != nullptr) {
        tasks_.Spawn(TellTooLate(it->first, std::move(it->second.error)));
      }
      it = pairs_.erase(it);
    }
  }

  static Awaitable<void> TellTooLate(std::string id, std::unique_ptr<Stream> error) {
    const std::string message = StrCat("request ", id, ": timed out waiting for the client to open both streams");
    const absl::Status ignored = co_await error->Write(message);
    co_await error->CloseWrite();
  }

  Environment& environment_;
  const PortForwardRequest request_;
  SpdySession& session_;
  std::map<std::string, Pair> pairs_;
  OpenForwards open_;
  Tasks tasks_;
};

}  // namespace

Awaitable<void> ServeSpdyPortForward(Environment& environment, PortForwardRequest request, SpdySession& session) {
  auto executor = co_await boost::asio::this_coro::executor;
  Forwarder forwarder(executor, environment, std::move(request), session);
  co_await forwarder.Run();
}

}  // namespace rktlet::streaming
