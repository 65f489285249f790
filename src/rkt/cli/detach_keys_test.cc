// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/detach_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rkt::cli {
namespace {

using rktlet::base::StatusIs;
using testing::HasSubstr;

TEST(DetachKeys, EndWhenAllOfThemWereTypedInWhateverPieces) {
  ASSERT_OK_AND_ASSIGN(DetachKeys keys, DetachKeys::Parse(kDefaultDetachKeys));
  std::string passed;
  EXPECT_FALSE(keys.Feed("ls\r\x10", passed));
  EXPECT_EQ(passed, "ls\r");
  EXPECT_TRUE(keys.Feed("\x11 dropped", passed));
  EXPECT_EQ(passed, "ls\r");
}

TEST(DetachKeys, PassOnWhatWasOnlyTheirBeginning) {
  ASSERT_OK_AND_ASSIGN(DetachKeys keys, DetachKeys::Parse("a,a,b"));
  std::string passed;
  EXPECT_FALSE(keys.Feed("aaac", passed));
  EXPECT_EQ(passed, "aaac");
  EXPECT_TRUE(keys.Feed("aaab", passed));
  EXPECT_EQ(passed, "aaaca");
}

TEST(DetachKeys, MayBeNone) {
  ASSERT_OK_AND_ASSIGN(DetachKeys keys, DetachKeys::Parse(""));
  std::string passed;
  EXPECT_FALSE(keys.Feed("\x10\x11", passed));
  EXPECT_EQ(passed, "\x10\x11");
}

TEST(DetachKeys, AreCharactersAndControlCharacters) {
  ASSERT_OK_AND_ASSIGN(DetachKeys keys, DetachKeys::Parse("ctrl-@,ctrl-[,ctrl-_,~"));
  std::string passed;
  EXPECT_TRUE(keys.Feed(std::string("\0\x1b\x1f~", 4), passed));
  for (const char* bad : {"ctrl-", "ctrl-A", "ctrl-1", "ab", "a,", ",a", "a,,b", " "}) {
    EXPECT_THAT(DetachKeys::Parse(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(""))) << bad;
  }
}

}  // namespace
}  // namespace rkt::cli
