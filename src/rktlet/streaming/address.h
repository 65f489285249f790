// SPDX-License-Identifier: Apache-2.0
// Where streams are served: the texts of the configuration, and listening there.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::streaming {

struct Address {
  std::string path;   // of a unix socket; empty: TCP
  std::string host;   // an IP address
  uint16_t port = 0;  // 0: any that is free
  bool v6 = false;

  bool unix_socket() const { return !path.empty(); }
  bool loopback() const;
};

// "127.0.0.1:0", "[::1]:10010", "/run/rktlet/streaming.sock". InvalidArgument for all else.
absl::StatusOr<Address> ParseAddress(const std::string& text);

// A listening non-blocking socket. A unix socket is for its owner alone and replaces one that nobody serves any more.
absl::StatusOr<base::UniqueFd> Listen(const Address& address);

// How clients on this machine reach `socket`, which listens at `address`: "http://127.0.0.1:37251", or for a unix
// socket "http+unix://%2Frun%2Frktlet%2Fstreaming.sock".
absl::StatusOr<std::string> UrlOf(const Address& address, int socket, bool tls);

}  // namespace rktlet::streaming
