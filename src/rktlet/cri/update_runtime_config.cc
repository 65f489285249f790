// SPDX-License-Identifier: Apache-2.0
// The node's pod CIDR, for runtimes that write the CNI configuration themselves. That is the network add-on's job here:
// the value is kept, logged, and shown by Status.
#include <arpa/inet.h>

#include <charconv>
#include <string_view>

#include "base/journal.h"
#include "base/strings.h"
#include "rktlet/cri/rpcs.h"

namespace rktlet::cri {
namespace {

bool IsCidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const std::string address(text.substr(0, slash));
  const std::string_view length = text.substr(slash + 1);
  unsigned char bytes[sizeof(in6_addr)];
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  int bits = -1;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  return ::inet_pton(family, address.c_str(), bytes) == 1 && error == std::errc() &&
         end == length.data() + length.size() && bits >= 0 && bits <= (family == AF_INET ? 32 : 128);
}

// One, or with dual stack two with a comma between them.
absl::Status CheckCidrs(std::string_view text) {
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (!IsCidr(text.substr(0, comma))) {
      return absl::InvalidArgumentError(
          base::StrCat("runtime_config.network_config.pod_cidr: \"", text.substr(0, comma), "\" is no CIDR"));
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return absl::OkStatus();
}

}  // namespace

Reply<v1::UpdateRuntimeConfigResponse> UpdateRuntimeConfig(Context& context, engine::Cancellation,
                                                           const v1::UpdateRuntimeConfigRequest& request) {
  const std::string& cidr = request.runtime_config().network_config().pod_cidr();
  CO_RETURN_IF_ERROR(CheckCidrs(cidr));
  if (cidr != context.node.pod_cidr) {
    base::journal::Notice("The node's pod CIDR is known; the CNI configuration is the network add-on's to write",
                          {{"POD_CIDR", cidr}});
    context.node.pod_cidr = cidr;
  }
  co_return v1::UpdateRuntimeConfigResponse();
}

}  // namespace rktlet::cri
