// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/result.h"

#include <arpa/inet.h>

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/strings.h"

namespace rkt::net {
namespace {

using nlohmann::json;
using rktlet::base::StrCat;

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

// The largest prefix length of an address of this text, 0 when it is none.
int AddressBits(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  if (::inet_pton(AF_INET, text.c_str(), buffer) == 1) {
    return 32;
  }
  return ::inet_pton(AF_INET6, text.c_str(), buffer) == 1 ? 128 : 0;
}

absl::Status ParseCidr(const std::string& text, Address& address) {
  const size_t slash = text.find('/');
  address.address = text.substr(0, slash);
  const int bits = AddressBits(address.address);
  const std::string length = slash == std::string::npos ? "" : text.substr(slash + 1);
  const bool digits =
      !length.empty() && length.size() <= 3 && length.find_first_not_of("0123456789") == std::string::npos;
  if (bits == 0 || !digits || std::stoi(length) > bits) {
    return Wrong(StrCat("\"", text, "\" is not an address with a prefix length"));
  }
  address.prefix_length = std::stoi(length);
  return absl::OkStatus();
}

absl::StatusOr<Address> ParseAddress(const json& entry, const json& interfaces) {
  if (!entry.is_object() || !entry.contains("address") || !entry["address"].is_string()) {
    return Wrong("ips: an entry without an address");
  }
  Address address;
  RETURN_IF_ERROR(ParseCidr(entry["address"].get<std::string>(), address));
  if (const auto gateway = entry.find("gateway"); gateway != entry.end() && !gateway->is_null()) {
    if (!gateway->is_string() ||
        (!gateway->get<std::string>().empty() && AddressBits(gateway->get<std::string>()) == 0)) {
      return Wrong("ips: gateway is not an address");
    }
    address.gateway = gateway->get<std::string>();
  }
  const auto index = entry.find("interface");
  if (index == entry.end() || index->is_null()) {
    return address;
  }
  if (!index->is_number_integer() || index->get<int64_t>() < 0 ||
      static_cast<size_t>(index->get<int64_t>()) >= interfaces.size()) {
    return Wrong("ips: interface is not an index into interfaces");
  }
  const json& interface = interfaces[index->get<size_t>()];
  address.interface = interface["name"].get<std::string>();
  address.in_sandbox = interface.contains("sandbox") && interface["sandbox"].is_string() &&
                       !interface["sandbox"].get<std::string>().empty();
  return address;
}

absl::Status CheckInterfaces(const json& interfaces) {
  if (!interfaces.is_array()) {
    return Wrong("interfaces must be a list");
  }
  for (const json& interface : interfaces) {
    if (!interface.is_object() || !interface.contains("name") || !interface["name"].is_string()) {
      return Wrong("interfaces: an entry without a name");
    }
  }
  return absl::OkStatus();
}

json MemberOr(const json& object, const char* name, json otherwise) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) {
    return otherwise;
  }
  return *member;
}

}  // namespace

absl::StatusOr<Result> ParseResult(const std::string& text) {
  RETURN_IF_ERROR(rktlet::base::CheckJsonDepth(text));
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return Wrong("not a JSON object");
  }
  const json version = MemberOr(parsed, "cniVersion", "");
  const json interfaces = MemberOr(parsed, "interfaces", json::array());
  const json ips = MemberOr(parsed, "ips", json::array());
  if (!version.is_string()) {
    return Wrong("cniVersion must be a string");
  }
  RETURN_IF_ERROR(CheckInterfaces(interfaces));
  if (!ips.is_array()) {
    return Wrong("ips must be a list");
  }
  Result result;
  result.cni_version = version.get<std::string>();
  for (const json& entry : ips) {
    ASSIGN_OR_RETURN(Address address, ParseAddress(entry, interfaces));
    result.addresses.push_back(std::move(address));
  }
  result.text = parsed.dump(-1, ' ', false, json::error_handler_t::replace);
  return result;
}

std::optional<std::string> ParseError(const std::string& text) {
  if (!rktlet::base::CheckJsonDepth(text).ok()) {
    return std::nullopt;
  }
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object() || !parsed.contains("msg") || !parsed["msg"].is_string()) {
    return std::nullopt;
  }
  std::string message = parsed["msg"].get<std::string>();
  if (const json details = MemberOr(parsed, "details", "");
      details.is_string() && !details.get<std::string>().empty()) {
    message += "; " + details.get<std::string>();
  }
  if (const json code = MemberOr(parsed, "code", json()); code.is_number_integer()) {
    message += StrCat(" (code ", code.get<int64_t>(), ")");
  }
  return message;
}

}  // namespace rkt::net
