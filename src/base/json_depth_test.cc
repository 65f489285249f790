// SPDX-License-Identifier: Apache-2.0
#include "base/json_depth.h"

#include <gtest/gtest.h>

#include <string>

#include "base/status_matchers.h"

namespace rktlet::base {
namespace {

using testing::HasSubstr;

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonDepth, IsBounded) {
  EXPECT_THAT(CheckJsonDepth(""), IsOk());
  EXPECT_THAT(CheckJsonDepth(Nested(kMaxJsonDepth)), IsOk());
  EXPECT_THAT(CheckJsonDepth(Nested(kMaxJsonDepth + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested more than")));
  EXPECT_THAT(CheckJsonDepth("{\"a\":" + Nested(kMaxJsonDepth) + "}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
}

TEST(JsonDepth, IsOfTheDocumentNotOfItsStrings) {
  EXPECT_THAT(CheckJsonDepth("[\"" + std::string(10'000, '[') + "\"]"), IsOk());
  EXPECT_THAT(CheckJsonDepth("[\"\\\"" + std::string(10'000, '{') + "\\\\\"]"), IsOk());
  std::string many;
  for (int i = 0; i < 10'000; ++i) {
    many += "[]";
  }
  EXPECT_THAT(CheckJsonDepth(many), IsOk());
}

}  // namespace
}  // namespace rktlet::base
