// SPDX-License-Identifier: Apache-2.0
// The parts that decide from texts alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/status_matchers.h"
#include "rktlet/streaming/address.h"
#include "rktlet/streaming/base64.h"
#include "rktlet/streaming/negotiation.h"
#include "rktlet/streaming/resize_events.h"
#include "rktlet/streaming/status_message.h"
#include "rktlet/streaming/tokens.h"

namespace rktlet::streaming {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using nlohmann::json;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;

TEST(Target, IsKindAndTokenBehindAnyPrefix) {
  ASSERT_OK_AND_ASSIGN(const Target target, ParseTarget("/proxy/node/portforward/abc?port=80"));
  EXPECT_EQ(target.kind, Kind::kPortForward);
  EXPECT_EQ(target.token, "abc");
  EXPECT_EQ(target.query, "port=80");
  EXPECT_THAT(ParseTarget("/exec/abc"), IsOk());
  for (const char* wrong : {"", "/", "exec/abc", "/exec/", "/exec", "/run/abc", "//", "/exec/abc/", "*", "?/exec/a"}) {
    EXPECT_THAT(ParseTarget(wrong), StatusCodeIs(absl::StatusCode::kNotFound)) << wrong;
  }
}

TEST(Ports, ComeOneByOneOrAsAList) {
  EXPECT_THAT(PortsOfQuery("port=80&other=1&port=443,8080"), IsOkAndHolds(ElementsAre(80, 443, 8080)));
  EXPECT_THAT(PortsOfQuery("port=80%2C81"), IsOkAndHolds(ElementsAre(80, 81)));
  for (const char* wrong : {"", "a=b", "port=", "port=0", "port=65536", "port=-1", "port=80,", "port=x"}) {
    EXPECT_THAT(PortsOfQuery(wrong), StatusCodeIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
  std::string many = "port=1";
  for (int i = 0; i < 127; ++i) {
    many += ",1";
  }
  EXPECT_THAT(PortsOfQuery(many), StatusCodeIs(absl::StatusCode::kInvalidArgument));
}

TEST(WebSocketProtocols, TheClientsFirstThatWeSpeakIsChosen) {
  const auto chosen = ChooseWebSocketProtocol(Kind::kExec, {"graphql-ws", "v5.channel.k8s.io", "v4.channel.k8s.io"});
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->name, "v5.channel.k8s.io");
  EXPECT_TRUE(chosen->close_signal);
  EXPECT_EQ(chosen->status, StatusForm::kJson);
}

TEST(WebSocketProtocols, OlderOnesHaveNoCloseSignalAndBefore4NoJson) {
  const auto v4 = ChooseWebSocketProtocol(Kind::kAttach, {"v4.base64.channel.k8s.io"});
  ASSERT_TRUE(v4.has_value());
  EXPECT_TRUE(v4->base64);
  EXPECT_FALSE(v4->close_signal);
  EXPECT_EQ(v4->status, StatusForm::kJson);
  for (const char* name : {"channel.k8s.io", "v2.channel.k8s.io", "v3.channel.k8s.io", "base64.channel.k8s.io"}) {
    const auto protocol = ChooseWebSocketProtocol(Kind::kExec, {name});
    ASSERT_TRUE(protocol.has_value()) << name;
    EXPECT_EQ(protocol->status, StatusForm::kText) << name;
  }
  const auto unnamed = ChooseWebSocketProtocol(Kind::kExec, {});
  ASSERT_TRUE(unnamed.has_value());
  EXPECT_THAT(unnamed->name, IsEmpty());
}

TEST(WebSocketProtocols, OthersAreNotSpoken) {
  for (const char* name : {"v6.channel.k8s.io", "v0.channel.k8s.io", "v1.channel.k8s.io", "v4.channel.k8s.io.evil",
                           "SPDY/3.1+portforward.k8s.io", "v44.channel.k8s.io"}) {
    EXPECT_EQ(ChooseWebSocketProtocol(Kind::kExec, {name}), std::nullopt) << name;
  }
  EXPECT_EQ(ChooseWebSocketProtocol(Kind::kPortForward, {"v5.channel.k8s.io"}), std::nullopt);
}

TEST(WebSocketProtocols, PortForwardMayTunnelSpdy) {
  const auto protocol = ChooseWebSocketProtocol(Kind::kPortForward, {"SPDY/3.1+portforward.k8s.io"});
  ASSERT_TRUE(protocol.has_value());
  EXPECT_EQ(protocol->framing, WebSocketProtocol::Framing::kSpdy);
  EXPECT_EQ(protocol->tunnelled, "portforward.k8s.io");
}

TEST(StreamProtocols, DifferByKind) {
  EXPECT_THAT(ChooseStreamProtocol(Kind::kExec, {"v9.channel.k8s.io", "v3.channel.k8s.io"}),
              Optional(Eq("v3.channel.k8s.io")));
  EXPECT_THAT(ChooseStreamProtocol(Kind::kPortForward, {"portforward.k8s.io"}), Optional(Eq("portforward.k8s.io")));
  EXPECT_EQ(ChooseStreamProtocol(Kind::kPortForward, {"v4.channel.k8s.io"}), std::nullopt);
}

TEST(Lists, AreSplitAndTrimmed) { EXPECT_THAT(SplitList(" a, b\t,,c"), ElementsAre("a", "b", "c")); }

TEST(StatusMessages, AreWhatKubernetesClientsDecode) {
  EXPECT_EQ(json::parse(StatusMessage(0, StatusForm::kJson)), json::parse(R"({"metadata":{},"status":"Success"})"));
  const json failed = json::parse(StatusMessage(137, StatusForm::kJson));
  EXPECT_EQ(failed["status"], "Failure");
  EXPECT_EQ(failed["reason"], "NonZeroExitCode");
  EXPECT_EQ(failed["details"]["causes"], json::parse(R"([{"reason":"ExitCode","message":"137"}])"));
  const json internal = json::parse(StatusMessage(absl::NotFoundError("no \xff sh"), StatusForm::kJson));
  EXPECT_EQ(internal["reason"], "InternalError");
  EXPECT_EQ(internal["code"], 500);
  EXPECT_THAT(internal["message"].get<std::string>(), HasSubstr("Internal error occurred: no"));
}

TEST(StatusMessages, BeforeVersion4AreText) {
  EXPECT_THAT(StatusMessage(0, StatusForm::kText), IsEmpty());
  EXPECT_THAT(StatusMessage(7, StatusForm::kText), HasSubstr("exit status 7"));
  EXPECT_THAT(StatusMessage(absl::NotFoundError("no sh"), StatusForm::kText), HasSubstr("no sh"));
}

TEST(Resizes, ComeInAnyPieces) {
  ResizeEvents events;
  EXPECT_EQ(events.Feed(R"({"Width":8)"), std::nullopt);
  EXPECT_THAT(events.Feed(R"(0,"Height":24}
{"width":1)"),
              Optional(Eq(TerminalSize{80, 24})));
  EXPECT_THAT(events.Feed(R"(32,"height":43}{"Width":1,"Height":2})"), Optional(Eq(TerminalSize{1, 2})));
}

TEST(Resizes, EndAtTheFirstNonsense) {
  for (const char* wrong :
       {"}", "[1]}", R"({"Width":-1,"Height":1})", R"({"Width":70000,"Height":1})", "{\"Width\":\"1\"}"}) {
    ResizeEvents events;
    EXPECT_EQ(events.Feed(wrong), std::nullopt) << wrong;
    EXPECT_TRUE(events.broken()) << wrong;
    EXPECT_EQ(events.Feed(R"({"Width":1,"Height":2})"), std::nullopt);
  }
  ResizeEvents endless;
  endless.Feed(std::string(1000, 'a'));
  EXPECT_TRUE(endless.broken());
}

TEST(Base64, GoesBothWaysInAnyPieces) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    const std::string text = EncodeBase64("", bytes);
    Base64Decoder decoder;
    std::string decoded;
    for (const char c : text) {
      ASSERT_TRUE(decoder.Feed({&c, 1}, decoded));
    }
    ASSERT_EQ(decoded, bytes);
  }
  EXPECT_EQ(EncodeBase64("1", "\n"), "1Cg==");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* wrong : {"Cg=x", "C===", "C g=", "Cg==Cg==", "\xff"}) {
    Base64Decoder decoder;
    std::string ignored;
    EXPECT_FALSE(decoder.Feed(wrong, ignored)) << wrong;
  }
}

TEST(Addresses, AreIpAndPortOrAPath) {
  ASSERT_OK_AND_ASSIGN(const Address v6, ParseAddress("[::1]:10010"));
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, 10010);
  EXPECT_TRUE(v6.loopback());
  ASSERT_OK_AND_ASSIGN(const Address v4, ParseAddress("0.0.0.0:0"));
  EXPECT_FALSE(v4.loopback());
  ASSERT_OK_AND_ASSIGN(const Address path, ParseAddress("/run/s.sock"));
  EXPECT_TRUE(path.unix_socket());
  EXPECT_THAT(UrlOf(path, -1, true), IsOkAndHolds("https+unix://%2Frun%2Fs.sock"));
  for (const char* wrong :
       {"", "localhost:1", "127.0.0.1", "::1:80", "1.2.3.4:65536", ":80", "[::1]", "/", "[1.2.3.4]:1"}) {
    EXPECT_THAT(ParseAddress(wrong), StatusCodeIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
}

class TokensTest : public testing::Test {
 protected:
  std::chrono::steady_clock::time_point now_;
  Tokens tokens_{[this] { return now_; }};
};

TEST_F(TokensTest, StandForTheirRequestOnce) {
  ASSERT_OK_AND_ASSIGN(const std::string token, tokens_.Insert(PortForwardRequest{{}, {80}}));
  ASSERT_OK_AND_ASSIGN(const std::string other, tokens_.Insert(PortForwardRequest{{}, {81}}));
  EXPECT_NE(token, other);
  EXPECT_EQ(token.size(), 32U);
  const auto request = tokens_.Consume(token);
  ASSERT_TRUE(request.has_value());
  EXPECT_THAT(std::get<PortForwardRequest>(*request).ports, ElementsAre(80));
  EXPECT_FALSE(tokens_.Consume(token).has_value());
  EXPECT_FALSE(tokens_.Consume("").has_value());
  EXPECT_TRUE(tokens_.Consume(other).has_value());
}

TEST_F(TokensTest, ExpireAfterAMinute) {
  ASSERT_OK_AND_ASSIGN(const std::string old, tokens_.Insert(PortForwardRequest{}));
  now_ += std::chrono::seconds(59);
  ASSERT_OK_AND_ASSIGN(const std::string young, tokens_.Insert(PortForwardRequest{}));
  now_ += std::chrono::seconds(1);
  EXPECT_FALSE(tokens_.Consume(old).has_value());
  EXPECT_TRUE(tokens_.Consume(young).has_value());
}

TEST_F(TokensTest, AreBoundedInNumber) {
  for (size_t i = 0; i < Tokens::kMax; ++i) {
    ASSERT_THAT(tokens_.Insert(PortForwardRequest{}), IsOk());
  }
  EXPECT_THAT(tokens_.Insert(PortForwardRequest{}), StatusCodeIs(absl::StatusCode::kResourceExhausted));
  now_ += Tokens::kLifetime;
  EXPECT_THAT(tokens_.Insert(PortForwardRequest{}), IsOk());
  EXPECT_EQ(tokens_.size(), 1U);
}

}  // namespace
}  // namespace rktlet::streaming
