// SPDX-License-Identifier: Apache-2.0
// The gRPC server: connections of the Listener in, calls posted to the loop out.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "rktlet/cri/context.h"

namespace rktlet::cri {

class Server {
 public:
  // Serves what comes in on the listening `socket` from now on. `context` outlives the server; it is used on the loop
  // only.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Context& context, base::UniqueFd socket);
  // Stops, if nobody has; turns the loop for it.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // No connection is accepted any more; what still runs 0.1 s later is answered Unavailable; and when this is through
  // no thread of gRPC touches the context again.
  boost::asio::awaitable<void> Stop();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace rktlet::cri
