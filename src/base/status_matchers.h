// SPDX-License-Identifier: Apache-2.0
// GoogleMock matchers for absl::Status and StatusOr: IsOk(), StatusIs(code[, message matcher]), IsOkAndHolds(matcher).
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "base/status.h"

namespace rktlet::base {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  *result_listener << "whose status is " << GetStatus(arg);
  return GetStatus(arg).ok();
}

MATCHER_P(StatusCodeIs, code, "") {
  *result_listener << "whose status is " << GetStatus(arg);
  return GetStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message_matcher, "") {
  *result_listener << "whose status is " << GetStatus(arg);
  return GetStatus(arg).code() == code &&
         testing::ExplainMatchResult(message_matcher, std::string(GetStatus(arg).message()), result_listener);
}

MATCHER_P(IsOkAndHolds, value_matcher, "") {
  if (!arg.ok()) {
    *result_listener << "whose status is " << arg.status();
    return false;
  }
  return testing::ExplainMatchResult(value_matcher, *arg, result_listener);
}

#define ASSERT_OK_AND_ASSIGN(lhs, expr) ASSERT_OK_AND_ASSIGN_IMPL(RKTLET_CONCAT(status_or_, __LINE__), lhs, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL(statusor, lhs, expr)              \
  auto statusor = (expr);                                           \
  ASSERT_TRUE(statusor.ok()) << #expr << ": " << statusor.status(); \
  lhs = *std::move(statusor)

}  // namespace rktlet::base
