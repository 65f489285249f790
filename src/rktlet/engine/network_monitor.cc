// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/network_monitor.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/journal.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

constexpr auto kReadyFor = std::chrono::seconds(30);
constexpr auto kNotReadyFor = std::chrono::seconds(5);

}  // namespace

NetworkMonitor::NetworkMonitor(asio::any_io_executor executor, Engine& engine, const config::Config& config)
    : executor_(std::move(executor)), engine_(engine), config_(config) {
  Rewatch();
}

void NetworkMonitor::Rewatch() {
  std::vector<std::string> paths = {config_.cni_conf_dir};
  paths.insert(paths.end(), config_.cni_bin_dirs.begin(), config_.cni_bin_dirs.end());
  auto watch = PathWatch::Create(executor_, std::move(paths), [this] { RefreshInBackground(); });
  if (watch.ok()) {
    watch_ = *std::move(watch);
  } else {
    base::journal::Warning("CNI configuration is not watched, changes are seen late", {{"STATUS", watch.status()}});
  }
}

Awaitable<void> NetworkMonitor::Refresh() {
  if (asking_) {
    again_ = true;
    co_return;
  }
  asking_ = true;
  do {
    again_ = false;
    asked_at_ = steady_clock::now();
    auto status = co_await engine_.GetNetworkStatus();
    const bool was_ready = status_.ready;
    if (status.ok()) {
      status_ = *std::move(status);
    } else {
      status_ =
          NetworkStatus{.ready = false, .reason = "StatusFailed", .message = std::string(status.status().message())};
    }
    if (status_.ready != was_ready) {
      base::journal::Notice(status_.ready ? "Network is ready" : "Network is not ready",
                            {{"REASON", status_.reason}, {"DETAIL", status_.message}});
    }
  } while (again_);
  asking_ = false;
}

const NetworkStatus& NetworkMonitor::status() {
  const auto age = steady_clock::now() - asked_at_;
  if (!asking_ && age > (status_.ready ? kReadyFor : kNotReadyFor)) {
    RefreshInBackground();
  }
  return status_;
}

void NetworkMonitor::RefreshInBackground() { asio::co_spawn(executor_, Refresh(), asio::detached); }

}  // namespace rktlet::engine
