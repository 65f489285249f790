// SPDX-License-Identifier: Apache-2.0
#include "rktlet/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <sstream>

#include "base/clock.h"
#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/config/load.h"
#include "rktlet/config/options.h"
#include "rktlet/cri/context.h"
#include "rktlet/cri/event_feed.h"
#include "rktlet/cri/listener.h"
#include "rktlet/cri/server.h"
#include "rktlet/engine/path_watch.h"
#include "rktlet/engine/rkt_engine.h"
#include "rktlet/engine/stream_backend.h"
#include "rktlet/pods/pods.h"
#include "rktlet/streaming/server.h"
#include "rktlet/streaming/spdy_serve.h"
#include "systemd/bus_manager.h"
#include "systemd/service.h"

namespace rktlet {
namespace {

namespace asio = boost::asio;
namespace journal = base::journal;
using asio::awaitable;
using boost::system::error_code;

constexpr char kServing[] = "Serving";
constexpr std::chrono::seconds kRecoverAgain(2);
constexpr std::chrono::minutes kDropOldEvents(1);
// How long short engine commands and starts may take to finish at the end; systemd gives us TimeoutStopSec=.
constexpr std::chrono::seconds kFinish(10);
constexpr std::chrono::milliseconds kFinishLook(20);

unit::Programs ProgramsOf(const config::Config& config) {
  unit::Programs programs = unit::Programs::Installed(spec::Layout(config.dir, config.run_dir));
  programs.rkt = config.rkt.empty() ? programs.rkt : config.rkt;
  programs.helper = config.helper.empty() ? programs.helper : config.helper;
  return programs;
}

unit::Cgroups DetectCgroups() {
  auto cgroups = unit::Cgroups::Detect();
  if (cgroups.ok()) {
    return *std::move(cgroups);
  }
  journal::Warning("Control groups are not where they should be", {{"STATUS", cgroups.status()}});
  return unit::Cgroups(unit::CgroupVersion::kV2, "/sys/fs/cgroup");
}

engine::PullCgroup MakePullCgroup(const config::Config& config) {
  const auto self = base::ReadFile("/proc/self/cgroup");
  auto cgroup = self.ok() ? engine::PullCgroup::Create(*self) : absl::StatusOr<engine::PullCgroup>(self.status());
  absl::Status status = cgroup.status();
  if (status.ok()) {
    status = cgroup->SetMemoryLimit(config.pull_memory_limit);
  }
  if (!status.ok()) {
    journal::Notice("Image pulls run without a memory limit of their own", {{"STATUS", status}});
    return {};
  }
  return *std::move(cgroup);
}

void SetStreamLimits(const config::Config& config, streaming::Limits& limits) {
  limits.idle_time = config.streaming_idle_timeout;
  limits.connections = config.streaming_max_connections;
  limits.attach_buffer = config.streaming_attach_buffer;
  limits.total_buffer = config.streaming_total_buffer;
}

awaitable<void> Sleep(std::chrono::nanoseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

// systemd's socket, else one of our own.
absl::StatusOr<base::UniqueFd> TakeSocket(const config::Config& config) {
  std::vector<systemd::ListenFd> passed = systemd::ListenFds();
  if (!passed.empty()) {
    return std::move(passed.front().fd);
  }
  return cri::ListenAt(config.socket);
}

}  // namespace

class Daemon::Parts {
 public:
  explicit Parts(Arguments arguments)
      : arguments_(std::move(arguments)),
        config_(arguments_.config),
        programs_(ProgramsOf(config_)),
        cgroups_(DetectCgroups()),
        signals_(loop_, SIGTERM, SIGINT, SIGHUP),
        manager_(loop_.get_executor()),
        engine_(config_, programs_.rkt, programs_.helper, programs_.layout, MakePullCgroup(config_)),
        images_(engine_),
        puller_(loop_.get_executor(), engine_, images_, config_),
        network_(loop_.get_executor(), engine_, config_),
        disk_(loop_.get_executor(), clock_),
        stats_(clock_, cgroups_, programs_.layout, disk_),
        pods_(loop_, manager_, engine_, config_, programs_, cgroups_, clock_),
        events_(clock_, [this](uint64_t sequence) { pods_.events().Acknowledge(sequence); }),
        stream_backend_(programs_.rkt, programs_.helper, programs_.layout),
        context_{loop_, config_, programs_.layout, engine_, images_, puller_, network_, stats_,
                 disk_, pods_,   &pods_,           {},      &events_} {
    pods_.events().SetListener(
        [this](const pods::Change& change) { events_.Publish(change.sequence, cri::EventToCri(change)); });
  }

  absl::Status Run() {
    journal::SetLevel(config_.log_level);
    asio::co_spawn(loop_, Start(), asio::detached);
    asio::co_spawn(loop_, HandleSignals(), asio::detached);
    asio::co_spawn(loop_, FeedWatchdog(), asio::detached);
    asio::co_spawn(loop_, DropOldEvents(), asio::detached);
    loop_.run();
    return outcome_;
  }

 private:
  awaitable<void> Start() {
    auto socket = TakeSocket(config_);
    if (!socket.ok()) {
      End(socket.status());
      co_return;
    }
    absl::Status connected = co_await manager_.WaitConnected();
    if (!connected.ok()) {
      journal::Error("systemd does not answer on the bus; trying on", {{"STATUS", connected}});
    }
    asio::co_spawn(loop_, network_.Refresh(), asio::detached);
    co_await RefreshImages();
    const bool recovered = co_await Recover();
    WatchGeneration();
    if (absl::Status streams = StartStreams(); !streams.ok()) {
      End(streams);
      co_return;
    }
    auto server = cri::Server::Start(context_, *std::move(socket));
    if (!server.ok()) {
      End(server.status());
      co_return;
    }
    server_ = *std::move(server);
    if (stopping_) {
      co_await server_->Stop();
      co_return;
    }
    ready_ = true;
    systemd::NotifyReady(recovered ? kServing : "Serving, but systemd does not answer");
    journal::Notice("Ready",
                    {{"VERSION", RKTLET_VERSION}, {"CONTAINERS", static_cast<int64_t>(pods_.AllContainers().size())}});
    if (!recovered) {
      co_await RecoverOn();
    }
  }

  absl::Status StartStreams() {
    SetStreamLimits(config_, stream_limits_);
    streaming::Server::Options options{.address = config_.streaming_address,
                                       .url = config_.streaming_url,
                                       .certificate = config_.streaming_tls_certificate,
                                       .key = config_.streaming_tls_key,
                                       .spdy = streaming::ServeSpdy};
    auto server = streaming::Server::Start(loop_.get_executor(), stream_backend_, stream_limits_, std::move(options));
    if (!server.ok()) {
      return base::Annotate(server.status(), "streaming server");
    }
    streams_ = *std::move(server);
    context_.streams = streams_.get();
    return absl::OkStatus();
  }

  awaitable<bool> Recover() {
    absl::Status status = co_await pods_.Recover();
    if (!status.ok()) {
      journal::Error("State could not be recovered yet", {{"STATUS", status}});
    }
    co_return status.ok();
  }

  awaitable<void> RecoverOn() {
    bool recovered = false;
    while (!recovered && !stopping_) {
      co_await Sleep(kRecoverAgain);
      recovered = co_await Recover();
    }
    systemd::NotifyStatus(kServing);
  }

  awaitable<void> RefreshImages() {
    absl::Status status = co_await images_.Refresh();
    if (!status.ok()) {
      journal::Error("Images could not be listed", {{"STATUS", status}});
    }
  }

  // Whoever changes pods or images by hand rewrites this file.
  void WatchGeneration() {
    auto watch = engine::PathWatch::Create(loop_.get_executor(), {programs_.layout.Generation()}, [this] {
      pods_.Rescan();
      disk_.Invalidate(programs_.layout.Images());
      asio::co_spawn(loop_, RefreshImages(), asio::detached);
    });
    if (watch.ok()) {
      generation_ = *std::move(watch);
    } else {
      journal::Warning("Changes made by hand with rkt are not seen", {{"STATUS", watch.status()}});
    }
  }

  // Proves that the loop turns. What the loop waits for, the bus above all, is no reason for a restart.
  awaitable<void> FeedWatchdog() {
    const auto interval = systemd::WatchdogInterval();
    while (interval.has_value()) {
      systemd::NotifyWatchdog();
      co_await Sleep(*interval);
    }
  }

  // Without a listener and without events, memory is given back too.
  awaitable<void> DropOldEvents() {
    while (!stopping_) {
      co_await Sleep(kDropOldEvents);
      events_.DropOldMissed();
    }
  }

  awaitable<void> HandleSignals() {
    while (true) {
      error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      const int signal = co_await signals_.async_wait(token);
      if (error) {
        co_return;
      }
      if (signal == SIGHUP) {
        Reload();
      } else if (!std::exchange(stopping_, true)) {
        asio::co_spawn(loop_, Stop(), asio::detached);
      }
    }
  }

  void Reload() {
    if (ready_) {
      systemd::NotifyReloading();
    }
    const bool taken = TakeConfig();
    if (ready_) {
      systemd::NotifyReady(taken ? kServing : "Serving; the last reload failed, see the journal");
    }
  }

  bool TakeConfig() {
    auto loaded = config::Load(arguments_.config_path, arguments_.config_must_exist);
    if (!loaded.ok()) {
      std::istringstream problems{std::string(loaded.status().message())};
      for (std::string problem; std::getline(problems, problem);) {
        journal::Error("Configuration has a problem; what was in effect stays", {{"PROBLEM", problem}});
      }
      return false;
    }
    for (const std::string& key : config::ApplyReload(*loaded, config_)) {
      journal::Warning("Change of configuration takes a restart", {{"KEY", key}});
    }
    journal::SetLevel(config_.log_level);
    SetStreamLimits(config_, stream_limits_);
    if (absl::Status status = engine_.pull_cgroup().SetMemoryLimit(config_.pull_memory_limit); !status.ok()) {
      journal::Warning("Memory limit of pulls could not be changed", {{"STATUS", status}});
    }
    network_.Rewatch();
    asio::co_spawn(loop_, network_.Refresh(), asio::detached);
    journal::Notice("Configuration reloaded");
    return true;
  }

  // Pods stay. What is under way in the engine's short commands is finished, pulls and execs are ended; what remains
  // half done is continued or rolled back at the next start.
  awaitable<void> Stop() {
    systemd::NotifyStopping("Stopping; pods stay");
    journal::Notice("Stopping; pods stay");
    if (server_ != nullptr) {
      co_await server_->Stop();
    }
    if (streams_ != nullptr) {
      co_await streams_->Stop(config_.streaming_stop_timeout);
    }
    engine_.Stop();
    const auto deadline = std::chrono::steady_clock::now() + kFinish;
    // A start that is cut off here would be a failed one for the next rktlet.
    while ((engine::RunningProcesses() > 0 || pods_.AnyStarting()) && std::chrono::steady_clock::now() < deadline) {
      co_await Sleep(kFinishLook);
    }
    End(absl::OkStatus());
  }

  void End(absl::Status outcome) {
    outcome_ = std::move(outcome);
    loop_.stop();
  }

  Arguments arguments_;
  config::Config config_;
  absl::Status outcome_;
  bool ready_ = false;
  bool stopping_ = false;
  base::SystemClock clock_;
  unit::Programs programs_;
  unit::Cgroups cgroups_;
  asio::io_context loop_{1};
  asio::signal_set signals_;
  systemd::BusManager manager_;
  engine::RktEngine engine_;
  engine::ImageCache images_;
  engine::Puller puller_;
  engine::NetworkMonitor network_;
  stats::DiskUsage disk_;
  stats::Collector stats_;
  pods::Pods pods_;
  cri::EventFeed events_;
  engine::StreamBackend stream_backend_;
  streaming::Limits stream_limits_;
  cri::Context context_;
  std::unique_ptr<engine::PathWatch> generation_;
  std::unique_ptr<streaming::Server> streams_;
  std::unique_ptr<cri::Server> server_;
};

Daemon::Daemon(Arguments arguments) : parts_(std::make_unique<Parts>(std::move(arguments))) {}
Daemon::~Daemon() = default;

absl::Status Daemon::Run() { return parts_->Run(); }

}  // namespace rktlet
