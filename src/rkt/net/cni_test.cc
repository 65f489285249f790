// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/cni.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "rkt/net/fake_plugin.h"

namespace rkt::net {
namespace {

using nlohmann::json;
using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kResult[] = R"({"cniVersion":"1.0.0","interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/netns"}],)"
                           R"("ips":[{"address":"10.1.2.3/16","gateway":"10.1.0.1","interface":1}]})";

class Cni : public testing::Test {
 protected:
  Client MakeClient(std::chrono::seconds timeout = std::chrono::seconds(60)) {
    Client::Options options;
    options.bin_dirs = {"/nonexistent", plugins_.directory()};
    options.plugin_timeout = timeout;
    return Client(options);
  }

  static NetworkConfig Chain(const std::string& version = "1.0.0") {
    const std::string text = R"({"cniVersion":")" + version +
                             R"(","name":"net","plugins":[{"type":"first","x":1},)"
                             R"({"type":"second","capabilities":{"portMappings":true,"ips":false}},{"type":"third"}]})";
    return ParseNetworkConfig(text).value();
  }

  static NetworkConfig Single(const std::string& type, const std::string& version = "1.0.0") {
    return ParseNetworkConfig(R"({"cniVersion":")" + version + R"(","name":"net","type":")" + type + R"("})").value();
  }

  static Attachment MakeAttachment() {
    Attachment attachment;
    attachment.container_id = "pod";
    attachment.netns = "/run/netns";
    attachment.interface = "eth0";
    attachment.args = {{"IgnoreUnknown", "1"}, {"K8S_POD_NAME", "web"}};
    attachment.capabilities = {
        {"portMappings", {{{"hostPort", 80}}}}, {"ips", {"10.0.0.9/8"}}, {"bandwidth", {{"x", 1}}}};
    return attachment;
  }

  void AddChain() {
    plugins_.Add("first", kResult);
    plugins_.Add("second");
    plugins_.Add("third");
  }

  FakePlugins plugins_;
};

TEST_F(Cni, AddRunsTheChainInOrderEachWithTheResultBefore) {
  AddChain();
  ASSERT_OK_AND_ASSIGN(const Result result, MakeClient().Add(Chain(), MakeAttachment()));
  EXPECT_THAT(plugins_.Calls(), ElementsAre("first ADD", "second ADD", "third ADD"));
  ASSERT_EQ(result.addresses.size(), 1U);
  EXPECT_EQ(result.addresses[0].address, "10.1.2.3");
  EXPECT_EQ(result.addresses[0].prefix_length, 16);
  EXPECT_TRUE(result.addresses[0].in_sandbox);
  const json input = json::parse(plugins_.InputOf("third", "ADD"));
  EXPECT_EQ(input["prevResult"], json::parse(kResult));
  EXPECT_EQ(input["name"], "net");
  EXPECT_EQ(input["cniVersion"], "1.0.0");
}

TEST_F(Cni, TellsThePluginByItsEnvironmentWhatToDo) {
  AddChain();
  ASSERT_THAT(MakeClient().Add(Chain(), MakeAttachment()), IsOk());
  EXPECT_THAT(plugins_.EnvironmentOf("first", "ADD"),
              AllOf(HasSubstr("CNI_CONTAINERID=pod\n"), HasSubstr("CNI_NETNS=/run/netns\n"),
                    HasSubstr("CNI_IFNAME=eth0\n"), HasSubstr("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=web\n"),
                    HasSubstr("CNI_PATH=/nonexistent:" + plugins_.directory() + "\n")));
}

TEST_F(Cni, GivesAPluginTheCapabilitiesThatItAsksForOnly) {
  AddChain();
  ASSERT_THAT(MakeClient().Add(Chain(), MakeAttachment()), IsOk());
  const json second = json::parse(plugins_.InputOf("second", "ADD"));
  EXPECT_EQ(second["runtimeConfig"], json::parse(R"({"portMappings":[{"hostPort":80}]})"));
  EXPECT_FALSE(second.contains("capabilities"));
  EXPECT_FALSE(json::parse(plugins_.InputOf("first", "ADD")).contains("runtimeConfig"));
}

TEST_F(Cni, DelRunsTheChainBackwardsWithTheCachedResult) {
  AddChain();
  EXPECT_THAT(MakeClient().Del(Chain(), MakeAttachment(), kResult), IsOk());
  EXPECT_THAT(plugins_.Calls(), ElementsAre("third DEL", "second DEL", "first DEL"));
  EXPECT_EQ(json::parse(plugins_.InputOf("first", "DEL"))["prevResult"], json::parse(kResult));
}

TEST_F(Cni, DelOfAnOldVersionGetsNoPreviousResult) {
  AddChain();
  EXPECT_THAT(MakeClient().Del(Chain("0.3.1"), MakeAttachment(), kResult), IsOk());
  EXPECT_FALSE(json::parse(plugins_.InputOf("first", "DEL")).contains("prevResult"));
}

TEST_F(Cni, DelGoesOnAfterAFailureAndReportsIt) {
  plugins_.Add("first");
  plugins_.AddWith("second", "DEL", "echo broken >&2; exit 3");
  plugins_.Add("third");
  EXPECT_THAT(MakeClient().Del(Chain(), MakeAttachment(), kResult),
              StatusIs(absl::StatusCode::kInternal, AllOf(HasSubstr("second"), HasSubstr("exited with 3: broken"))));
  EXPECT_THAT(plugins_.Calls(), ElementsAre("third DEL", "second DEL", "first DEL"));
}

TEST_F(Cni, DelWorksWithoutANamespaceAndWithAnUnusableResult) {
  AddChain();
  Attachment attachment = MakeAttachment();
  attachment.netns.clear();
  EXPECT_THAT(MakeClient().Del(Chain(), attachment, "garbage"), IsOk());
  EXPECT_THAT(plugins_.EnvironmentOf("first", "DEL"), HasSubstr("CNI_NETNS=\n"));
}

TEST_F(Cni, AFailureNamesNetworkPluginAndWhatItSaid) {
  plugins_.Add("first", kResult);
  plugins_.AddWith("second", "ADD",
                   R"(echo '{"cniVersion":"1.0.0","code":11,"msg":"no addresses","details":"all used"}'; exit 1)");
  plugins_.Add("third");
  EXPECT_THAT(
      MakeClient().Add(Chain(), MakeAttachment()).status(),
      StatusIs(absl::StatusCode::kInternal, "network net: CNI plugin second: ADD: no addresses; all used (code 11)"));
  EXPECT_THAT(plugins_.Calls(), ElementsAre("first ADD", "second ADD"));
}

TEST_F(Cni, AHangingPluginIsKilledAndNamed) {
  plugins_.AddWith("slow", "ADD", "sleep 1000");
  EXPECT_THAT(MakeClient(std::chrono::seconds(1)).Add(Single("slow"), MakeAttachment()).status(),
              StatusIs(absl::StatusCode::kDeadlineExceeded, AllOf(HasSubstr("CNI plugin slow"), HasSubstr("1 s"))));
}

TEST_F(Cni, GarbageFromAPluginIsAnErrorThatNamesIt) {
  for (const char* garbage :
       {"hello", "[]", R"({"ips":"x"})", R"({"ips":[{"address":"10.0.0.1"}]})",
        R"({"ips":[{"address":"10.0.0.1/33"}]})", R"({"ips":[{"address":"10.0.0.1/8","interface":4}]})"}) {
    plugins_.Add("odd", garbage);
    EXPECT_THAT(MakeClient().Add(Single("odd"), MakeAttachment()).status(),
                StatusIs(absl::StatusCode::kInternal, AllOf(HasSubstr("CNI plugin odd"), HasSubstr("no result"))))
        << garbage;
  }
}

TEST_F(Cni, AMissingPluginIsNamedWithTheDirectories) {
  EXPECT_THAT(MakeClient().Add(Single("absent"), MakeAttachment()).status(),
              StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr("absent"), HasSubstr("/nonexistent"))));
}

TEST_F(Cni, CheckRunsFrom040OnUnlessForbidden) {
  AddChain();
  EXPECT_THAT(MakeClient().Check(Chain("0.3.1"), MakeAttachment(), kResult), IsOk());
  NetworkConfig forbidden = Chain();
  forbidden.disable_check = true;
  EXPECT_THAT(MakeClient().Check(forbidden, MakeAttachment(), kResult), IsOk());
  EXPECT_THAT(plugins_.Calls(), ElementsAre());
  EXPECT_THAT(MakeClient().Check(Chain("0.4.0"), MakeAttachment(), kResult), IsOk());
  EXPECT_THAT(plugins_.Calls(), ElementsAre("first CHECK", "second CHECK", "third CHECK"));
}

TEST_F(Cni, StatusAsksThePluginsFrom110On) {
  plugins_.AddWith("first", "STATUS", R"(echo '{"code":50,"msg":"not ready"}'; exit 1)");
  EXPECT_THAT(MakeClient().Status(Single("first")), IsOk());
  EXPECT_THAT(MakeClient().Status(Single("first", "1.1.0")),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("not ready")));
  EXPECT_THAT(plugins_.EnvironmentOf("first", "STATUS"), Not(HasSubstr("CNI_CONTAINERID")));
  EXPECT_THAT(MakeClient().Status(Single("absent")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
}

TEST_F(Cni, GcTellsTheValidAttachmentsFrom110On) {
  plugins_.Add("first");
  EXPECT_THAT(MakeClient().Gc(Single("first"), {{"pod", "eth0"}}), IsOk());
  EXPECT_THAT(plugins_.Calls(), ElementsAre());
  EXPECT_THAT(MakeClient().Gc(Single("first", "1.1.0"), {{"pod", "eth0"}}), IsOk());
  EXPECT_EQ(json::parse(plugins_.InputOf("first", "GC"))["cni.dev/valid-attachments"],
            json::parse(R"([{"containerID":"pod","ifname":"eth0"}])"));
}

}  // namespace
}  // namespace rkt::net
