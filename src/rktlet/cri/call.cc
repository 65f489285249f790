// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/call.h"

#include "base/journal.h"
#include "proto/redact.h"
#include "rktlet/cri/stream.h"

namespace rktlet::cri {

using base::journal::Priority;

void Calls::FailAll(const absl::Status& status) {
  closed_ = status;
  for (PendingCall* call : std::exchange(pending_, {})) {
    call->Answer(status);
  }
}

void LogRequest(const Context& context, const char* rpc, const google::protobuf::Message& request) {
  if (context.config.log_level >= Priority::kDebug) {
    base::journal::Debug("Request", {{"RPC", rpc}, {"CONTENT", proto::RedactedDebugString(request)}});
  }
}

void LogAnswer(const Context& context, const char* rpc, const absl::Status& status,
               const google::protobuf::Message* response) {
  if (response != nullptr) {
    if (context.config.log_level >= Priority::kDebug) {
      base::journal::Debug("Answer", {{"RPC", rpc}, {"CONTENT", proto::RedactedDebugString(*response)}});
    }
  } else if (absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsDataLoss(status)) {
    base::journal::Error("Request failed", {{"RPC", rpc}, {"STATUS", status}});
  } else {
    base::journal::Info("Request refused", {{"RPC", rpc}, {"STATUS", status}});
  }
}

void LogStreamEnd(const Context& context, const char* rpc, const absl::Status& status, size_t messages) {
  if (!status.ok() && !absl::IsCancelled(status)) {
    LogAnswer(context, rpc, status, nullptr);
  } else if (context.config.log_level >= Priority::kDebug) {
    base::journal::Debug("Stream ended",
                         {{"RPC", rpc}, {"MESSAGES", static_cast<int64_t>(messages)}, {"STATUS", status}});
  }
}

}  // namespace rktlet::cri
