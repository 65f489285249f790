// SPDX-License-Identifier: Apache-2.0
// Pulls of images: the same image asked for by several callers with the same credentials is fetched once, and only so
// many are fetched at a time. Loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rktlet/config/config.h"
#include "rktlet/engine/engine.h"
#include "rktlet/engine/image_cache.h"

namespace rktlet::engine {

// A pull under way, as an administrator sees it.
struct PullView {
  std::string reference;
  size_t callers = 1;
  std::chrono::milliseconds elapsed{0};
  FetchProgress progress;  // phase "wait": others have to end first
};

class Puller {
 public:
  Puller(boost::asio::any_io_executor executor, Engine& engine, ImageCache& images, const config::Config& config)
      : executor_(std::move(executor)),
        engine_(engine),
        images_(images),
        config_(config),
        slots_(executor_, boost::asio::steady_timer::time_point::max()) {}

  // The id of the image, which is in the cache then. Credentials: see FetchRequest.
  Awaitable<absl::StatusOr<std::string>> Pull(std::string reference, std::string auth_json);

  size_t running() const { return running_; }
  std::vector<PullView> Pulls() const;

 private:
  struct Job;
  using Key = std::pair<std::string, std::string>;

  Awaitable<absl::StatusOr<std::string>> Fetch(std::shared_ptr<Job> job, std::string auth_json);

  boost::asio::any_io_executor executor_;
  Engine& engine_;
  ImageCache& images_;
  const config::Config& config_;
  std::map<Key, std::shared_ptr<Job>> jobs_;
  boost::asio::steady_timer slots_;  // cancelled when a slot becomes free
  size_t running_ = 0;
};

}  // namespace rktlet::engine
