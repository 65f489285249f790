// SPDX-License-Identifier: Apache-2.0
// A backend for tests: processes that are the other ends of pipes, in the hands of the test.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rktlet/streaming/backend.h"
#include "rktlet/streaming/resize_events.h"
#include "rktlet/streaming/tasks.h"

namespace rktlet::streaming {

// The process's side, which the test plays. Descriptors are non-blocking.
struct FakeProcess {
  explicit FakeProcess(const boost::asio::any_io_executor& executor) : changed(executor) {}

  // Ends it with this exit code, or the reason why it could not run; its outputs are closed.
  void Exit(absl::StatusOr<int> with);
  // What there is to read from its input; appends. True at the end of the input.
  bool ReadInput(std::string& bytes);
  // As much as goes without waiting: the number of bytes.
  static size_t WriteSome(const base::UniqueFd& fd, std::string_view bytes);

  ExecRequest request;
  base::UniqueFd input;
  base::UniqueFd output;
  base::UniqueFd error;
  base::UniqueFd terminal;  // instead of them, when there is a real one
  std::string terminal_path;
  std::vector<TerminalSize> sizes;
  std::optional<absl::StatusOr<int>> result;
  bool destroyed = false;  // by the server: killed, or detached
  Signal changed;
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Exec(ExecRequest request) override;
  Awaitable<absl::StatusOr<std::unique_ptr<Process>>> Attach(StdioRequest request) override;
  Awaitable<absl::StatusOr<base::UniqueFd>> Connect(spec::PodId pod, uint16_t port) override;

  // In the order of their requests.
  std::vector<std::shared_ptr<FakeProcess>> processes;
  // The pods' ends of forwarded connections, and their ports.
  std::vector<std::pair<uint16_t, base::UniqueFd>> connections;
  // What the next calls return instead.
  absl::Status failure;
  // The next calls end only when they are cancelled; how many there are.
  bool hangs = false;
  size_t hanging = 0;
  // Commands with a terminal get a real one.
  bool terminals = false;

 private:
  absl::StatusOr<std::unique_ptr<Process>> Make(ExecRequest request);
  Awaitable<void> Hang();

  boost::asio::any_io_executor executor_;
};

}  // namespace rktlet::streaming
