// SPDX-License-Identifier: Apache-2.0
#include "systemd/bus_probe.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/strings.h"

namespace rktlet::systemd {
namespace {

using Protocol = boost::asio::local::stream_protocol;
constexpr auto kAsTuple = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr size_t kMaxUnixPath = 107;  // sun_path without its NUL
constexpr size_t kMaxAnswer = 4096;

// Values in addresses have %XX escapes (D-Bus specification, "Server Addresses").
std::string Unescape(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    unsigned int byte = 0;
    if (value[i] == '%' && i + 2 < value.size() &&
        std::from_chars(value.data() + i + 1, value.data() + i + 3, byte, 16).ptr == value.data() + i + 3) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += value[i];
    }
  }
  return out;
}

// The socket of the first address of the list; nullopt when it is not a unix socket.
std::optional<std::string> SocketPath(std::string_view addresses) {
  std::string_view address = addresses.substr(0, addresses.find(';'));
  constexpr std::string_view kUnix = "unix:";
  if (!address.starts_with(kUnix)) {
    return std::nullopt;
  }
  address.remove_prefix(kUnix.size());
  while (!address.empty()) {
    const size_t comma = address.find(',');
    const std::string_view pair = address.substr(0, comma);
    if (pair.starts_with("path=")) {
      return Unescape(pair.substr(5));
    }
    if (pair.starts_with("abstract=")) {
      return std::string(1, '\0') + Unescape(pair.substr(9));
    }
    address.remove_prefix(comma == std::string_view::npos ? address.size() : comma + 1);
  }
  return std::nullopt;
}

// "\0AUTH EXTERNAL <uid in hex of its digits>\r\n", the first line of every client.
std::string Greeting() {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string line(1, '\0');
  line += "AUTH EXTERNAL ";
  for (const char c : std::to_string(geteuid())) {
    line += kHexDigits[static_cast<unsigned char>(c) >> 4];
    line += kHexDigits[static_cast<unsigned char>(c) & 0xf];
  }
  return line + "\r\n";
}

absl::Status Unavailable(std::string_view address, std::string_view why) {
  return absl::UnavailableError(base::StrCat("message bus at ", address, ": ", why));
}

}  // namespace

std::string ResolveBusAddress(const std::string& address) {
  if (!address.empty()) {
    return address;
  }
  const char* from_environment = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
  return from_environment != nullptr ? from_environment : "unix:path=/var/run/dbus/system_bus_socket";
}

boost::asio::awaitable<absl::Status> ProbeBus(boost::asio::any_io_executor executor, std::string address,
                                              std::chrono::milliseconds timeout) {
  const std::optional<std::string> path = SocketPath(address);
  if (!path.has_value()) {
    co_return absl::OkStatus();
  }
  if (path->size() > kMaxUnixPath) {
    co_return Unavailable(address, "the socket's path is too long");
  }
  const auto socket = std::make_shared<Protocol::socket>(executor);
  boost::asio::steady_timer timer(executor, timeout);
  timer.async_wait([socket](const boost::system::error_code& error) {
    if (!error) {
      boost::system::error_code ignored;
      socket->close(ignored);
    }
  });
  const Protocol::endpoint endpoint(*path);
  const auto [connect_error] = co_await socket->async_connect(endpoint, kAsTuple);
  if (connect_error) {
    co_return Unavailable(address, socket->is_open() ? connect_error.message() : "timed out");
  }
  const std::string greeting = Greeting();
  const auto greeting_buffer = boost::asio::buffer(greeting);
  const auto [write_error, written] = co_await boost::asio::async_write(*socket, greeting_buffer, kAsTuple);
  if (write_error) {
    co_return Unavailable(address, socket->is_open() ? write_error.message() : "timed out");
  }
  std::string answer;
  auto answer_buffer = boost::asio::dynamic_buffer(answer, kMaxAnswer);
  const auto [read_error, read] = co_await boost::asio::async_read_until(*socket, answer_buffer, "\r\n", kAsTuple);
  if (read_error) {
    co_return Unavailable(address, socket->is_open() ? read_error.message() : "does not answer");
  }
  if (!answer.starts_with("OK")) {
    co_return Unavailable(address, base::StrCat("refuses to authenticate us: ", answer.substr(0, read - 2)));
  }
  co_return absl::OkStatus();
}

}  // namespace rktlet::systemd
