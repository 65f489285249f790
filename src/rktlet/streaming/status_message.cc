// SPDX-License-Identifier: Apache-2.0
#include "rktlet/streaming/status_message.h"

#include <nlohmann/json.hpp>

#include "base/strings.h"

namespace rktlet::streaming {
namespace {

using nlohmann::json;

std::string Text(const json& status) {
  // Messages of programs need not be UTF-8.
  return status.dump(-1, ' ', false, json::error_handler_t::replace);
}

json Failure(const std::string& message, const char* reason, json cause) {
  return {{"metadata", json::object()},
          {"status", "Failure"},
          {"message", message},
          {"reason", reason},
          {"details", {{"causes", json::array({std::move(cause)})}}}};
}

}  // namespace

std::string StatusMessage(const absl::StatusOr<int>& result, StatusForm form) {
  if (result.ok() && *result == 0) {
    return form == StatusForm::kText ? "" : Text({{"metadata", json::object()}, {"status", "Success"}});
  }
  if (result.ok()) {
    const std::string code = std::to_string(*result);
    const std::string message = base::StrCat("command terminated with non-zero exit code: exit status ", code);
    return form == StatusForm::kText
               ? message
               : Text(Failure(message, "NonZeroExitCode", {{"reason", "ExitCode"}, {"message", code}}));
  }
  const std::string cause(result.status().message());
  const std::string message = base::StrCat("Internal error occurred: ", cause);
  if (form == StatusForm::kText) {
    return message;
  }
  json status = Failure(message, "InternalError", {{"message", cause}});
  status["code"] = 500;
  return Text(status);
}

}  // namespace rktlet::streaming
