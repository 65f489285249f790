// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/files.h"
#include "base/strings.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;

constexpr int kBacklog = 256;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const Address& address) {
  SocketAddress result;
  if (address.unix_socket()) {
    auto* name = reinterpret_cast<sockaddr_un*>(&result.storage);
    name->sun_family = AF_UNIX;
    std::memcpy(name->sun_path, address.path.c_str(), address.path.size() + 1);
    result.size = sizeof(*name);
  } else if (address.v6) {
    auto* name = reinterpret_cast<sockaddr_in6*>(&result.storage);
    name->sin6_family = AF_INET6;
    name->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &name->sin6_addr);
    result.size = sizeof(*name);
  } else {
    auto* name = reinterpret_cast<sockaddr_in*>(&result.storage);
    name->sin_family = AF_INET;
    name->sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &name->sin_addr);
    result.size = sizeof(*name);
  }
  return result;
}

absl::Status PrepareUnix(const Address& address, const SocketAddress& name, int socket) {
  RETURN_IF_ERROR(base::MakeDirectories(address.path.substr(0, address.path.rfind('/'))));
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), name.get(), name.size) == 0) {
    return absl::AlreadyExistsError(StrCat(address.path, ": another program listens there"));
  }
  ::unlink(address.path.c_str());
  // Before the file exists: no moment in which others could connect.
  ::fchmod(socket, 0600);
  return absl::OkStatus();
}

std::string Escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      text += c;
      continue;
    }
    constexpr char kDigits[] = "0123456789ABCDEF";
    text += '%';
    text += kDigits[static_cast<uint8_t>(c) >> 4];
    text += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

}  // namespace

bool Address::loopback() const { return unix_socket() || host == "::1" || host.compare(0, 4, "127.") == 0; }

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const auto invalid = [&text] {
    return absl::InvalidArgumentError(StrCat(
        "\"", text, "\" is neither an IP address with a port (127.0.0.1:0, [::1]:10010) nor the path of a socket"));
  };
  Address address;
  if (!text.empty() && text.front() == '/') {
    address.path = text;
    if (text.size() >= sizeof(sockaddr_un::sun_path) || text.back() == '/') {
      return absl::InvalidArgumentError(StrCat("\"", text, "\" cannot be the path of a socket"));
    }
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return invalid();
  }
  address.v6 = text.front() == '[' && text[colon - 1] == ']';
  address.host = address.v6 ? text.substr(1, colon - 2) : text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  in6_addr parsed;
  if (error != std::errc() || end != port.data() + port.size() ||
      ::inet_pton(address.v6 ? AF_INET6 : AF_INET, address.host.c_str(), &parsed) != 1) {
    return invalid();
  }
  return address;
}

absl::StatusOr<base::UniqueFd> Listen(const Address& address) {
  const SocketAddress name = ToSocketAddress(address);
  base::UniqueFd socket(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) {
    return base::ErrnoStatus(errno, "make a socket");
  }
  const std::string where = address.unix_socket() ? address.path : StrCat(address.host, " port ", address.port);
  if (address.unix_socket()) {
    RETURN_IF_ERROR(PrepareUnix(address, name, socket.get()));
  } else {
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (::bind(socket.get(), name.get(), name.size) != 0) {
    return base::ErrnoStatus(errno, StrCat("bind ", where));
  }
  if (::listen(socket.get(), kBacklog) != 0) {
    return base::ErrnoStatus(errno, StrCat("listen at ", where));
  }
  return socket;
}

absl::StatusOr<std::string> UrlOf(const Address& address, int socket, bool tls) {
  const std::string scheme = tls ? "https" : "http";
  if (address.unix_socket()) {
    return StrCat(scheme, "+unix://", Escaped(address.path));
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return base::ErrnoStatus(errno, "name of a socket");
  }
  if (address.v6) {
    const uint16_t port = ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return StrCat(scheme, "://[", address.host == "::" ? "::1" : address.host, "]:", port);
  }
  const uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  return StrCat(scheme, "://", address.host == "0.0.0.0" ? "127.0.0.1" : address.host, ":", port);
}

}  // namespace rktlet::streaming
