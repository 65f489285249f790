// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/bus.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

#include "base/journal.h"
#include "systemd/bus_manager.h"

namespace rkt::cli {
namespace {

using Talk = std::function<boost::asio::awaitable<absl::Status>(rktlet::systemd::BusManager&)>;

boost::asio::awaitable<absl::Status> Converse(rktlet::systemd::BusManager& manager, const Talk& talk) {
  const absl::Status connected = co_await manager.WaitConnected(rktlet::systemd::kDefaultCallTimeout);
  CO_RETURN_IF_ERROR(rktlet::base::Annotate(connected, "systemd"));
  co_return co_await talk(manager);
}

absl::Status Run(const Talk& talk) {
  rktlet::base::journal::SetLevel(rktlet::base::journal::Priority::kWarning);  // stderr is for the command's own words
  boost::asio::io_context loop;
  rktlet::systemd::BusManager manager(loop.get_executor());
  absl::Status result = absl::InternalError("the conversation with systemd did not end");
  boost::asio::co_spawn(loop, Converse(manager, talk), [&](const std::exception_ptr& error, absl::Status status) {
    result = error ? absl::InternalError("the conversation with systemd broke") : std::move(status);
    loop.stop();
  });
  loop.run();
  return result;
}

}  // namespace

absl::Status RunOnBus(const std::function<boost::asio::awaitable<absl::Status>(rktlet::systemd::Manager&)>& talk) {
  return Run([&talk](rktlet::systemd::BusManager& manager) { return talk(manager); });
}

absl::Status RunFreezing(const std::function<boost::asio::awaitable<absl::Status>(rktlet::systemd::Freezer&)>& talk) {
  return Run([&talk](rktlet::systemd::BusManager& manager) { return talk(manager); });
}

}  // namespace rkt::cli
