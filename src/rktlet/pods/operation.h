// SPDX-License-Identifier: Apache-2.0
// Work that goes to its end whoever waits for it: started detached on the loop, joined by any number of callers, who
// may leave.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "base/journal.h"
#include "base/status.h"
#include "rktlet/pods/sync.h"

namespace rktlet::pods {

template <typename T>
struct Operation {
  explicit Operation(boost::asio::any_io_executor executor) : done(std::move(executor)) {}
  std::optional<T> result;
  Event done;
};

// Never begins inside the call that starts it: co_spawn would run the work at once up to its first wait.
template <typename T>
Awaitable<T> RunLater(boost::asio::any_io_executor executor, Awaitable<T> work) {
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
  co_return co_await std::move(work);
}

// T is absl::Status or a StatusOr. `work` begins when the loop turns.
template <typename T>
std::shared_ptr<Operation<T>> Launch(boost::asio::any_io_executor executor, Awaitable<T> work) {
  auto operation = std::make_shared<Operation<T>>(executor);
  boost::asio::co_spawn(executor, RunLater(executor, std::move(work)),
                        [operation](std::exception_ptr exception, T value) {
                          if (exception != nullptr) {
                            value = absl::InternalError("an operation on a pod ended with an exception");
                            base::journal::Error("An operation on a pod ended with an exception");
                          }
                          operation->result = std::move(value);
                          operation->done.Set();
                        });
  return operation;
}

// The operation's result; Cancelled when the waiting, not the operation, was cancelled.
template <typename T>
Awaitable<T> Join(std::shared_ptr<Operation<T>> operation) {
  co_await operation->done.Wait();
  if (!operation->result.has_value()) {
    co_return absl::CancelledError("the caller went away; the operation goes on");
  }
  co_return *operation->result;
}

}  // namespace rktlet::pods
