// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/network_config.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/net/result.h"

namespace rkt::net {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using testing::HasSubstr;

std::string Conf(const std::string& name) {
  return R"({"cniVersion":"1.0.0","name":")" + name + R"(","type":"bridge"})";
}

TEST(NetworkConfig, TakesASinglePluginAsAListOfOne) {
  ASSERT_OK_AND_ASSIGN(const NetworkConfig config, ParseNetworkConfig(Conf("net")));
  ASSERT_EQ(config.plugins.size(), 1U);
  EXPECT_EQ(config.plugins[0].type, "bridge");
  ASSERT_OK_AND_ASSIGN(const NetworkConfig again, ParseNetworkConfig(config.text));
  EXPECT_EQ(again.text, config.text);
}

TEST(NetworkConfig, RefusesWhatIsNoConfigurationAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "JSON object"},
      {"{}", "name is missing"},
      {R"({"name":"a/b","cniVersion":"1.0.0","type":"x"})", "not a network name"},
      {R"({"name":"n","type":"x"})", "cniVersion is missing"},
      {R"({"name":"n","cniVersion":"0.2.0","type":"x"})", "0.2.0"},
      {R"({"name":"n","cniVersion":"9.0.0","type":"x"})", "9.0.0"},
      {R"({"name":"n","cniVersion":"1.0.0","plugins":[]})", "plugins"},
      {R"({"name":"n","cniVersion":"1.0.0","plugins":[{}]})", "type is missing"},
      {R"({"name":"n","cniVersion":"1.0.0","plugins":[{"type":"../sh"}]})", "not the name of a program"},
      {R"({"name":7,"cniVersion":"1.0.0","type":"x"})", "must be a string"},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_THAT(ParseNetworkConfig(text).status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(reason)))
        << text;
  }
}

// What copies and prints JSON would run out of stack.
TEST(NetworkConfig, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](int depth) {
    return R"({"name":"n","cniVersion":"1.0.0","type":"x","y":)" + std::string(depth, '[') + std::string(depth, ']') +
           "}";
  };
  EXPECT_THAT(ParseNetworkConfig(nested(1'000'000)).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
  // What is taken can be taken again, for DEL: the list that it is kept as is deeper.
  for (int depth = 1; depth < 220; ++depth) {
    if (const auto config = ParseNetworkConfig(nested(depth)); config.ok()) {
      EXPECT_THAT(ParseNetworkConfig(config->text), IsOk()) << depth;
    }
  }
}

TEST(Result, ThatIsNestedTooDeepIsRefused) {
  const std::string deep = R"({"msg":"m","x":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_THAT(ParseResult(deep).status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
  EXPECT_EQ(ParseError(deep), std::nullopt);
}

TEST(NetworkConfig, LoadsADirectoryInOrderAndReportsWhatIsUnusable) {
  const rktlet::base::TempDir dir;
  const auto write = [&dir](const char* name, const std::string& text) {
    ASSERT_THAT(rktlet::base::WriteFileAtomic(dir.File(name), text), IsOk());
  };
  write("20-b.conf", Conf("b"));
  write("10-a.conflist", R"({"cniVersion":"0.4.0","name":"a","plugins":[{"type":"bridge"},{"type":"portmap"}]})");
  write("05-broken.conflist", "{");
  write("30-c.json", Conf("c"));
  write("40-again.conf", Conf("a"));
  write("readme.txt", "nothing");
  ASSERT_OK_AND_ASSIGN(const LoadedNetworks loaded, LoadNetworks(dir.path()));
  ASSERT_EQ(loaded.networks.size(), 3U);
  EXPECT_EQ(loaded.networks[0].name, "a");
  EXPECT_EQ(loaded.networks[1].name, "b");
  EXPECT_EQ(loaded.networks[2].name, "c");
  ASSERT_EQ(loaded.problems.size(), 2U);
  EXPECT_THAT(std::string(loaded.problems[0].message()), HasSubstr("05-broken.conflist"));
  EXPECT_THAT(std::string(loaded.problems[1].message()), HasSubstr("40-again.conf"));
}

TEST(NetworkConfig, TakesAMissingDirectoryAsEmpty) {
  ASSERT_OK_AND_ASSIGN(const LoadedNetworks loaded, LoadNetworks("/nonexistent/net.d"));
  EXPECT_TRUE(loaded.networks.empty());
}

TEST(NetworkConfig, ComparesVersionsByNumber) {
  EXPECT_LT(CompareVersions("0.9.0", "0.10.0"), 0);
  EXPECT_GT(CompareVersions("1.1.0", "1.0.0"), 0);
  EXPECT_EQ(CompareVersions("1.0", "1.0.0"), 0);
}

}  // namespace
}  // namespace rkt::net
