// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/serve_channels.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "rktlet/streaming/channels.h"
#include "rktlet/streaming/port_forward.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {
namespace {

enum Channel : uint8_t { kInput, kOutput, kError, kStatus, kResize, kRemoteCommandChannels };

Awaitable<void> ServeCommand(Environment& environment, Ending& ending, RemoteCommand command, StatusForm form,
                             Channels& channels) {
  const StdioRequest wanted = std::visit([](const StdioRequest& request) { return StdioRequest(request); }, command);
  RemoteCommandStreams streams;
  if (wanted.input) {
    streams.input = channels.Open(kInput, true);
  }
  if (wanted.output) {
    streams.output = channels.Open(kOutput, false);
  }
  if (wanted.error) {
    streams.error = channels.Open(kError, false);
  }
  streams.status = channels.Open(kStatus, false);
  if (wanted.tty) {
    streams.resize = channels.Open(kResize, true);
  }
  // An empty message tells that the connection is there.
  const Channel first = wanted.output ? kOutput : wanted.error ? kError : kStatus;
  absl::Status written = co_await channels.Write(first, {});
  if (written.ok()) {
    co_await ServeRemoteCommand(environment, ending, std::move(command), std::move(streams), form, channels);
  }
}

// Two channels for each port: data, and errors. The first message of both is the port, least byte first.
Awaitable<void> ServePort(Environment& environment, PortForwardRequest request, uint16_t port, uint8_t channel,
                          Channels& channels, OpenForwards& open) {
  auto data = channels.Open(channel, true);
  auto error = channels.Open(static_cast<uint8_t>(channel + 1), false);
  const char bytes[] = {static_cast<char>(port & 0xff), static_cast<char>(port >> 8)};
  const std::string_view name(bytes, sizeof(bytes));
  absl::Status told = co_await data->Write(name);
  if (told.ok()) {
    told = co_await error->Write(name);
  }
  if (told.ok()) {
    co_await ForwardPort(environment, std::move(request), port, std::move(data), std::move(error), open);
  }
}

Awaitable<void> ServePorts(Environment& environment, PortForwardRequest request, std::vector<uint16_t> ports,
                           Channels& channels) {
  auto executor = co_await boost::asio::this_coro::executor;
  OpenForwards open(executor, environment, channels);
  Tasks forwards(executor);
  for (size_t i = 0; i < ports.size(); ++i) {
    forwards.Spawn(ServePort(environment, request, ports[i], static_cast<uint8_t>(2 * i), channels, open));
  }
  co_await forwards.Wait();
}

}  // namespace

Awaitable<void> ServeChannels(Environment& environment, Ending& ending, Request request, std::vector<uint16_t> ports,
                              WebSocketProtocol protocol, std::unique_ptr<WebSocket> socket) {
  auto executor = co_await boost::asio::this_coro::executor;
  auto* forward = std::get_if<PortForwardRequest>(&request);
  const size_t count = forward != nullptr ? 2 * ports.size() : size_t{kRemoteCommandChannels};
  const StatusForm form = protocol.status;
  Channels channels(executor, std::move(socket), std::move(protocol), static_cast<uint8_t>(count));
  Tasks reader(executor);
  reader.Spawn(channels.Run());
  if (forward != nullptr) {
    co_await ServePorts(environment, std::move(*forward), std::move(ports), channels);
  } else if (auto* exec = std::get_if<ExecRequest>(&request); exec != nullptr) {
    RemoteCommand command(std::move(*exec));
    co_await ServeCommand(environment, ending, std::move(command), form, channels);
  } else {
    RemoteCommand command(std::get<AttachRequest>(std::move(request)));
    co_await ServeCommand(environment, ending, std::move(command), form, channels);
  }
  co_await channels.Close();
  co_await reader.Wait();
}

}  // namespace rktlet::streaming
