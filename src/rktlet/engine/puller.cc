// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/puller.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "base/journal.h"
#include "base/strings.h"

namespace rktlet::engine {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

// A long pull says where it is this often, a short one not at all.
constexpr auto kBetweenEntries = std::chrono::seconds(10);

void LogProgress(const std::string& reference, const FetchProgress& progress, std::chrono::milliseconds elapsed) {
  const std::string what =
      progress.phase == "unpack"
          ? base::StrCat("unpacks layer ", progress.layer, " of ", progress.layers)
          : base::StrCat("has fetched ", progress.bytes >> 20, " MiB",
                         progress.total == 0 ? "" : base::StrCat(" of ", progress.total >> 20), " in ",
                         std::chrono::duration_cast<std::chrono::seconds>(elapsed).count(), " s");
  base::journal::Info("Image pull goes on", {{"WHAT", base::StrCat(reference, " ", what)},
                                             {"IMAGE", reference},
                                             {"PHASE", progress.phase},
                                             {"BYTES_FETCHED", static_cast<int64_t>(progress.bytes)},
                                             {"BYTES_TOTAL", static_cast<int64_t>(progress.total)}});
}

// Waits until somebody cancels the timer, which expires never.
Awaitable<void> WaitForCancel(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

}  // namespace

struct Puller::Job {
  Job(const asio::any_io_executor& executor, std::string reference)
      : reference(std::move(reference)), done(executor, steady_clock::time_point::max()) {}

  std::chrono::milliseconds Elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begun);
  }

  const std::string reference;
  const steady_clock::time_point begun = steady_clock::now();
  size_t callers = 1;
  FetchProgress progress{.phase = "wait"};
  steady_clock::time_point next_entry = begun + kBetweenEntries;
  asio::steady_timer done;
  std::optional<absl::StatusOr<std::string>> result;
};

std::vector<PullView> Puller::Pulls() const {
  std::vector<PullView> pulls;
  for (const auto& [key, job] : jobs_) {
    pulls.push_back({job->reference, job->callers, job->Elapsed(), job->progress});
  }
  return pulls;
}

Awaitable<absl::StatusOr<std::string>> Puller::Pull(std::string reference, std::string auth_json) {
  const Key key(reference, auth_json);
  if (const auto running = jobs_.find(key); running != jobs_.end()) {
    const std::shared_ptr<Job> job = running->second;
    ++job->callers;
    while (!job->result.has_value()) {
      co_await WaitForCancel(job->done);
    }
    co_return *job->result;
  }
  const auto job = std::make_shared<Job>(executor_, std::move(reference));
  jobs_.emplace(key, job);
  auto result = co_await Fetch(job, std::move(auth_json));
  job->result = result;
  jobs_.erase(key);
  job->done.cancel();
  co_return result;
}

Awaitable<absl::StatusOr<std::string>> Puller::Fetch(std::shared_ptr<Job> job, std::string auth_json) {
  while (config_.max_parallel_pulls != 0 && running_ >= config_.max_parallel_pulls) {
    co_await WaitForCancel(slots_);
  }
  ++running_;
  base::journal::Info("Image pull begins", {{"IMAGE", job->reference}});
  FetchRequest request{.reference = job->reference,
                       .auth_json = std::move(auth_json),
                       .timeout = config_.pull_timeout,
                       .progress_timeout = config_.pull_progress_timeout,
                       .on_progress = [job](const FetchProgress& progress) {
                         job->progress = progress;
                         if (steady_clock::now() >= job->next_entry) {
                           job->next_entry = steady_clock::now() + kBetweenEntries;
                           LogProgress(job->reference, progress, job->Elapsed());
                         }
                       }};
  auto id = co_await engine_.FetchImage(std::move(request));
  --running_;
  slots_.cancel();
  CO_RETURN_IF_ERROR(id.status());
  absl::Status refreshed = co_await images_.Refresh();
  CO_RETURN_IF_ERROR(refreshed);
  const Image* image = images_.Find(*id);
  if (image == nullptr) {
    co_return absl::InternalError(
        base::StrCat("pull ", job->reference, ": image ", *id, " is not in the store afterwards"));
  }
  base::journal::Info("Image pulled", {{"IMAGE", job->reference},
                                       {"IMAGE_ID", image->id},
                                       {"BYTES_FETCHED", static_cast<int64_t>(job->progress.bytes)},
                                       {"DURATION_MS", job->Elapsed().count()}});
  co_return image->id;
}

}  // namespace rktlet::engine
