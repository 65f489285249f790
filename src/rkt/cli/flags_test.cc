// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rkt::cli {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

class FlagSetTest : public testing::Test {
 protected:
  FlagSetTest() {
    flags_.Bool("no-legend", &no_legend_, "").String("name", "NAME", &name_, "");
    flags_.List("exec", "X", &list_, "").KeyValues("label", &labels_, "");
  }

  FlagSet flags_;
  bool no_legend_ = false;
  std::string name_ = "default";
  std::vector<std::string> list_;
  std::map<std::string, std::string> labels_;
};

TEST_F(FlagSetTest, TakesValuesAfterEqualsOrAsTheNextArgument) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"--name", "a", "POD", "--exec=b", "--exec", "--c"}, false));
  EXPECT_EQ(name_, "a");
  EXPECT_THAT(list_, ElementsAre("b", "--c"));
  EXPECT_THAT(rest.args, ElementsAre("POD"));
}

TEST_F(FlagSetTest, KeepsEveryByteOfAValue) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"--name=", "--exec=[x,y]", "--exec=\n\\", "[z]", "", "-"}, false));
  EXPECT_EQ(name_, "");
  EXPECT_THAT(list_, ElementsAre("[x,y]", "\n\\"));
  EXPECT_THAT(rest.args, ElementsAre("[z]", "", "-"));
}

TEST_F(FlagSetTest, BooleansTakeAValueOnlyAfterEquals) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"--no-legend", "false"}, false));
  EXPECT_TRUE(no_legend_);
  EXPECT_THAT(rest.args, ElementsAre("false"));
  ASSERT_OK_AND_ASSIGN(rest, flags_.Parse({"--no-legend=false"}, false));
  EXPECT_FALSE(no_legend_);
  EXPECT_THAT(flags_.Parse({"--no-legend=maybe"}, false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--no-legend")));
}

TEST_F(FlagSetTest, EverythingAfterTwoDashesIsPositional) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"POD", "--", "--name=x", "--", "---"}, false));
  EXPECT_THAT(rest.args, ElementsAre("POD", "--name=x", "--", "---"));
  EXPECT_EQ(rest.before_dashes, 1u);
  EXPECT_TRUE(rest.had_dashes);
  EXPECT_EQ(name_, "default");
}

TEST_F(FlagSetTest, StopsAtTheFirstPositionalWhereACommandFollows) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"--name=a", "POD", "--", "ls", "--name=b"}, true));
  EXPECT_THAT(rest.args, ElementsAre("POD", "ls", "--name=b"));
  ASSERT_OK_AND_ASSIGN(rest, flags_.Parse({"POD", "ls", "--", "-l"}, true));
  EXPECT_THAT(rest.args, ElementsAre("POD", "ls", "--", "-l"));
  EXPECT_EQ(name_, "a");
}

TEST_F(FlagSetTest, SplitsKeyValuesAtTheFirstEqualsAndRefusesAKeyGivenTwice) {
  ASSERT_OK_AND_ASSIGN(auto rest, flags_.Parse({"--label=a=b=c"}, false));
  EXPECT_EQ(labels_["a"], "b=c");
  EXPECT_THAT(flags_.Parse({"--label=a=2"}, false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"a\" is given twice")));
}

TEST_F(FlagSetTest, UnknownFlagsAndMissingValuesAreUsageErrors) {
  EXPECT_TRUE(IsUsageError(flags_.Parse({"--nope=1"}, false).status()));
  EXPECT_TRUE(IsUsageError(flags_.Parse({"--name"}, false).status()));
  EXPECT_TRUE(IsUsageError(flags_.Parse({"-n"}, false).status()));
}

TEST(ParseDuration, ReadsTheNotationOfGo) {
  EXPECT_THAT(ParseDuration("1h30m"), IsOkAndHolds(std::chrono::minutes(90)));
  EXPECT_THAT(ParseDuration("500ms"), IsOkAndHolds(std::chrono::milliseconds(500)));
  EXPECT_THAT(ParseDuration("1.5s"), IsOkAndHolds(std::chrono::milliseconds(1500)));
  EXPECT_THAT(ParseDuration("0"), IsOkAndHolds(std::chrono::seconds(0)));
  EXPECT_FALSE(ParseDuration("").ok());
  EXPECT_FALSE(ParseDuration("5x").ok());
  EXPECT_FALSE(ParseDuration("-1s").ok());
  EXPECT_FALSE(ParseDuration("99999999999h").ok());
}

}  // namespace
}  // namespace rkt::cli
