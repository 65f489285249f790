// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/puller.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "base/strings.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;

// Waits until somebody cancels the timer, which expires never.
Awaitable<void> WaitForCancel(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

}  // namespace

struct Puller::Job {
  explicit Job(const asio::any_io_executor& executor) : done(executor, asio::steady_timer::time_point::max()) {}

  asio::steady_timer done;
  std::optional<absl::StatusOr<std::string>> result;
};

Awaitable<absl::StatusOr<std::string>> Puller::Pull(std::string reference, std::string auth_json) {
  const Key key(reference, auth_json);
  if (const auto running = jobs_.find(key); running != jobs_.end()) {
    const std::shared_ptr<Job> job = running->second;
    while (!job->result.has_value()) {
      co_await WaitForCancel(job->done);
    }
    co_return *job->result;
  }
  const auto job = std::make_shared<Job>(executor_);
  jobs_.emplace(key, job);
  auto result = co_await Fetch(std::move(reference), std::move(auth_json));
  job->result = result;
  jobs_.erase(key);
  job->done.cancel();
  co_return result;
}

Awaitable<absl::StatusOr<std::string>> Puller::Fetch(std::string reference, std::string auth_json) {
  while (config_.max_parallel_pulls != 0 && running_ >= config_.max_parallel_pulls) {
    co_await WaitForCancel(slots_);
  }
  ++running_;
  FetchRequest request{.reference = reference,
                       .auth_json = std::move(auth_json),
                       .timeout = config_.pull_timeout,
                       .progress_timeout = config_.pull_progress_timeout};
  auto id = co_await engine_.FetchImage(std::move(request));
  --running_;
  slots_.cancel();
  CO_RETURN_IF_ERROR(id.status());
  absl::Status refreshed = co_await images_.Refresh();
  CO_RETURN_IF_ERROR(refreshed);
  if (const Image* image = images_.Find(*id); image != nullptr) {
    co_return image->id;
  }
  co_return absl::InternalError(base::StrCat("pull ", reference, ": image ", *id, " is not in the store afterwards"));
}

}  // namespace rktlet::engine
