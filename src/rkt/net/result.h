// SPDX-License-Identifier: Apache-2.0
// What CNI plugins answer: the result of ADD (all versions from 0.3.0), and the error object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkt::net {

struct Address {
  std::string address;  // without the prefix length
  int prefix_length = 0;
  std::string gateway;     // "" when there is none
  bool in_sandbox = true;  // on an interface of the pod, not of the host
  std::string interface;   // "" when the plugin did not say
};

struct Result {
  std::string cni_version;
  std::vector<Address> addresses;
  std::string text;  // the whole, in one line: the next plugin's prevResult
};

// Strict: anything that is not a result is InvalidArgument and says why.
absl::StatusOr<Result> ParseResult(const std::string& text);

// "msg; details (code N)" of a plugin's error object, nullopt when the text is none.
std::optional<std::string> ParseError(const std::string& text);

}  // namespace rkt::net
