// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/spdy_serve.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "rktlet/streaming/spdy_port_forward.h"
#include "rktlet/streaming/spdy_remote_command.h"
#include "rktlet/streaming/spdy_session.h"

namespace rktlet::streaming {
namespace {

// What waits in memory to be sent, and as much again on its way into the socket.
constexpr size_t kMaxOutput = 64 << 10;
// What a client may have sent that nobody has taken yet. Forwarded ports share theirs, and one that takes nothing
// should not soon hold back the others.
constexpr uint32_t kRemoteCommandInput = 128 << 10;
constexpr uint32_t kPortForwardInput = 1 << 20;
// Those of a command, and a few that an odd client may open beside them.
constexpr size_t kRemoteCommandStreams = 16;

spdy::Limits LimitsFor(const SpdyUpgrade& upgrade) {
  if (std::holds_alternative<PortForwardRequest>(upgrade.request)) {
    return {.max_streams = 2 * upgrade.environment.limits.forwards,
            .max_output = kMaxOutput,
            .max_unconsumed = kPortForwardInput,
            .stream_window = kPortForwardInput / 4,
            .session_window = kPortForwardInput};
  }
  return {.max_streams = kRemoteCommandStreams,
          .max_output = kMaxOutput,
          .max_unconsumed = kRemoteCommandInput,
          .stream_window = kRemoteCommandInput,
          .session_window = kRemoteCommandInput};
}

}  // namespace

Awaitable<void> ServeSpdy(SpdyUpgrade upgrade) {
  auto executor = co_await boost::asio::this_coro::executor;
  const spdy::Limits limits = LimitsFor(upgrade);
  SpdySession session(executor, std::move(upgrade.transport), limits);
  Tasks copying(executor);
  copying.Spawn(session.ReadAll());
  copying.Spawn(session.WriteAll());
  if (auto* forward = std::get_if<PortForwardRequest>(&upgrade.request); forward != nullptr) {
    co_await ServeSpdyPortForward(upgrade.environment, std::move(*forward), session);
  } else if (auto* exec = std::get_if<ExecRequest>(&upgrade.request); exec != nullptr) {
    RemoteCommand command(std::move(*exec));
    co_await ServeSpdyRemoteCommand(upgrade.environment, upgrade.ending, std::move(command),
                                    std::move(upgrade.protocol), session);
  } else {
    RemoteCommand command(std::get<AttachRequest>(std::move(upgrade.request)));
    co_await ServeSpdyRemoteCommand(upgrade.environment, upgrade.ending, std::move(command),
                                    std::move(upgrade.protocol), session);
  }
  co_await session.Close(upgrade.environment.limits.finish_time);
  co_await copying.Wait();
}

}  // namespace rktlet::streaming
