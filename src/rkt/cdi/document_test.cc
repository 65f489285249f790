// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/document.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rkt/cdi/fields.h"

namespace rkt::cdi {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;
using testing::Optional;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

std::string Repeat(std::string_view text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) {
    repeated += text;
  }
  return repeated;
}

const Element& At(const Element& node, std::string_view key) {
  static const Element missing;
  const Element* found = node.Find(key);
  EXPECT_NE(found, nullptr) << key;
  return found == nullptr ? missing : *found;
}

TEST(Document, IsTheSameTreeFromJsonAndFromYaml) {
  ASSERT_OK_AND_ASSIGN(const Element json, ParseJson(R"({"a": ["x", {"b": "y"}], "c": null, "d": {}})"));
  ASSERT_OK_AND_ASSIGN(const Element yaml, ParseYaml("---\na:\n- \"x\"\n- b: 'y'\nc: ~\nd: {}\n"));
  for (const Element& root : {json, yaml}) {
    ASSERT_EQ(At(root, "a").items.size(), 2U);
    EXPECT_EQ(At(root, "a").items[0].kind, Element::Kind::kText);
    EXPECT_EQ(At(root, "a").items[0].text, "x");
    EXPECT_EQ(At(At(root, "a").items[1], "b").text, "y");
    EXPECT_EQ(At(root, "c").kind, Element::Kind::kNull);
    EXPECT_EQ(At(root, "d").kind, Element::Kind::kMap);
  }
}

TEST(Document, OfYamlHasNumbersThatMayBeTextToo) {
  ASSERT_OK_AND_ASSIGN(const Element root,
                       ParseYaml("a: 0\nb: \"0\"\nc: 0644\nd: 0o644\ne: 0x1A4\nf: -7\ng: 1.5\nh: ''\n"));
  EXPECT_THAT(NumberOf(At(root, "a")), Optional(Eq(0)));
  EXPECT_EQ(TextOf(At(root, "a")).value_or("?"), "0");
  EXPECT_EQ(NumberOf(At(root, "b")), std::nullopt);
  for (const char* octal : {"c", "d", "e"}) {
    EXPECT_THAT(NumberOf(At(root, octal)), Optional(Eq(420))) << octal;
  }
  EXPECT_THAT(NumberOf(At(root, "f")), Optional(Eq(-7)));
  EXPECT_EQ(NumberOf(At(root, "g")), std::nullopt);
  EXPECT_EQ(At(root, "h").kind, Element::Kind::kText);
}

TEST(Document, OfJsonKeepsNumbersAndTextApart) {
  ASSERT_OK_AND_ASSIGN(const Element root, ParseJson(R"({"a": 9223372036854775808, "b": 5, "c": "5", "d": true})"));
  EXPECT_EQ(NumberOf(At(root, "a")), std::nullopt);
  EXPECT_THAT(NumberOf(At(root, "b")), Optional(Eq(5)));
  EXPECT_THAT(TextOf(At(root, "b")), StatusIs(kInvalid, HasSubstr("must be text")));
  EXPECT_EQ(NumberOf(At(root, "c")), std::nullopt);
  EXPECT_EQ(NumberOf(At(root, "d")), std::nullopt);
}

TEST(Document, OfYamlMayRepeatItselfThroughAliases) {
  ASSERT_OK_AND_ASSIGN(const Element root, ParseYaml("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n"));
  EXPECT_EQ(At(At(root, "b"), "k").items.size(), 2U);
  EXPECT_EQ(At(At(root, "c").items[1], "k").items[1].text, "2");
}

TEST(Document, ThatIsBrokenSaysWhere) {
  EXPECT_THAT(ParseJson("{\"a\": [1, 2}"), StatusIs(kInvalid, AllOf(HasSubstr("is not JSON"), HasSubstr("line 1"))));
  EXPECT_THAT(ParseJson(""), StatusIs(kInvalid, HasSubstr("is not JSON")));
  EXPECT_THAT(ParseJson("{} {}"), StatusIs(kInvalid, HasSubstr("is not JSON")));
  EXPECT_THAT(ParseJson(R"({"a": 1, "a": 2})"), StatusIs(kInvalid, HasSubstr("\"a\" stands twice")));
  EXPECT_THAT(ParseJson("{\"a\": \"\xff\"}"), StatusIs(kInvalid, HasSubstr("is not JSON")));
  EXPECT_THAT(ParseYaml("a: 1\nb: [1\n"), StatusIs(kInvalid, AllOf(HasSubstr("is not YAML"), HasSubstr("line "))));
  EXPECT_THAT(ParseYaml("a: 1\na: 2\n"), StatusIs(kInvalid, AllOf(HasSubstr("line 2"), HasSubstr("stands twice"))));
  EXPECT_THAT(ParseYaml("a: 1\n---\nb: 1\n"), StatusIs(kInvalid, HasSubstr("more than one document")));
  EXPECT_THAT(ParseYaml("? [1]\n: x\n"), StatusIs(kInvalid, HasSubstr("a key is no text")));
  EXPECT_THAT(ParseYaml("a: *nobody\n"), StatusIs(kInvalid, HasSubstr("line 1")));
}

TEST(Document, ThatIsHostileCostsNoMoreThanAnError) {
  EXPECT_THAT(ParseJson(Repeat("[", 100'000)), StatusIs(kInvalid, HasSubstr("nested deeper")));
  EXPECT_THAT(ParseYaml(Repeat("[", 100'000)), StatusIs(kInvalid, HasSubstr("line 1")));
  EXPECT_THAT(ParseYaml(Repeat("- ", 100) + "x"), StatusIs(kInvalid, HasSubstr("nested deeper")));
  EXPECT_THAT(ParseJson("[" + Repeat("1,", kMaxDocumentNodes) + "1]"), StatusIs(kInvalid, HasSubstr("values")));
  EXPECT_THAT(ParseJson(std::string(kMaxDocumentSize + 1, ' ')), StatusIs(kInvalid, HasSubstr("larger than")));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = rktlet::base::StrCat("*a", i - 1);
    laughs += rktlet::base::StrCat("a", i, ": &a", i, " [", Repeat(before + ", ", 9), before, "]\n");
  }
  EXPECT_THAT(ParseYaml(laughs), StatusIs(kInvalid, AnyOf(HasSubstr("values"), HasSubstr("nested deeper"))));
  EXPECT_THAT(ParseYaml("a: &a [*a]\n"), StatusIs(kInvalid, HasSubstr("line 1")));
  std::string keys = "{";
  for (int i = 0; i < 10'000; ++i) {
    keys += rktlet::base::StrCat("\"k", i, "\": 1, ");
  }
  EXPECT_THAT(ParseJson(keys + "\"z\": 1}"), StatusIs(kInvalid, HasSubstr("more than 4096 keys")));
}

}  // namespace
}  // namespace rkt::cdi
