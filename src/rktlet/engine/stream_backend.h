// SPDX-License-Identifier: Apache-2.0
// What the streaming server's streams are connected to: commands by `rkt app exec`, containers by their pod's
// supervisor, sockets inside pods. Nothing of it is state of the daemon: a restart ends exec streams, no container.
#pragma once

#include <string>

#include "rktlet/streaming/backend.h"
#include "spec/layout.h"

namespace rktlet::engine {

class StreamBackend final : public streaming::Backend {
 public:
  StreamBackend(std::string rkt, std::string helper, spec::Layout layout)
      : rkt_(std::move(rkt)), helper_(std::move(helper)), layout_(std::move(layout)) {}

  streaming::Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> Exec(
      streaming::ExecRequest request) override;
  streaming::Awaitable<absl::StatusOr<std::unique_ptr<streaming::Process>>> Attach(
      streaming::StdioRequest request) override;
  streaming::Awaitable<absl::StatusOr<base::UniqueFd>> Connect(spec::PodId pod, uint16_t port) override;

 private:
  const std::string rkt_;
  const std::string helper_;
  const spec::Layout layout_;
};

}  // namespace rktlet::engine
