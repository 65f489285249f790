// SPDX-License-Identifier: Apache-2.0
// RFC 6455 to the letter: its own examples, and what it forbids.
#include "base/strings.h"
#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

using base::StrCat;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::string_literals;  // NOLINT(google-build-using-namespace): for bytes of zero

// Section 1.3's.
constexpr char kKey[] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr char kVersion[] = "Sec-WebSocket-Version: 13\r\n";
constexpr char kUpgrade[] = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
constexpr char kProtocol[] = "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n";

// Frames of the server.
const std::string kNormalClosure = "\x88\x02\x03\xe8"s;
const std::string kProtocolError = "\x88\x02\x03\xea"s;

// A frame whose mask changes nothing.
std::string Frame(uint8_t first, std::string_view payload) {
  return StrCat(std::string{static_cast<char>(first), static_cast<char>(0x80 | payload.size())}, "\0\0\0\0"s, payload);
}

const std::string kClose = Frame(0x88, "\x03\xe8");

class Rfc6455Test : public StreamingTest {
 protected:
  std::string Path() {
    const std::string url = Url(Exec(true, true, false));
    return url.substr(url.find("/exec/"));
  }
  std::string Ask(const std::string& headers, const std::string& version = "HTTP/1.1") {
    return Exchange(StrCat("GET ", Path(), " ", version, "\r\nHost: server.example.com\r\n", headers, "\r\n"));
  }
  // What comes back for these frames, behind the answer to the upgrade.
  std::string Say(const std::string& frames) {
    const std::string answer = Exchange(
        StrCat("GET ", Path(), " HTTP/1.1\r\nHost: a\r\n", kUpgrade, kVersion, kKey, kProtocol, "\r\n", frames));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
    const size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
  }
};

TEST_F(Rfc6455Test, TheHandshakeOfTheExampleHasItsAnswer) {
  const std::string answer =
      Exchange(StrCat("GET ", Path(), " HTTP/1.1\r\nHost: server.example.com\r\n", kUpgrade, kVersion, kKey,
                      "Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, v5.channel.k8s.io\r\n\r\n", kClose));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Sec-WebSocket-Extensions")));
}

TEST_F(Rfc6455Test, AHandshakeThatIsNoneIsTheClientsFault) {
  for (const std::string& headers : {
           StrCat(kUpgrade, kVersion, kProtocol),                              // no key
           StrCat("Upgrade: websocket\r\n", kVersion, kKey, kProtocol),        // Connection does not say so
           StrCat("Connection: Upgrade\r\n", kVersion, kKey, kProtocol),       // nor does Upgrade
           StrCat(kUpgrade, "Sec-WebSocket-Version: 8\r\n", kKey, kProtocol),  // another version
           StrCat(kUpgrade, kKey, kProtocol),                                  // none
       }) {
    EXPECT_THAT(Ask(headers), StartsWith("HTTP/1.1 4")) << headers;
  }
  EXPECT_THAT(Ask(StrCat(kUpgrade, kVersion, kKey, kProtocol), "HTTP/1.0"), HasSubstr(" 400 "));
}

TEST_F(Rfc6455Test, APingIsAnsweredAsInTheExample) {
  const std::string ping = "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
  const std::string answer = Say(ping + kClose);
  EXPECT_THAT(answer, HasSubstr("\x8a\x05Hello"));
  EXPECT_THAT(answer, EndsWith(kNormalClosure));
}

TEST_F(Rfc6455Test, APingBetweenTheFragmentsOfAMessageIsAnsweredAndTheMessageIsWhole) {
  const std::string answer =
      Say(StrCat(Frame(0x02, "\0one "s), Frame(0x89, "p"), Frame(0x00, "two "), Frame(0x80, "three"), kClose));
  EXPECT_THAT(answer, HasSubstr("\x8a\x01p"));
  std::string input;
  EXPECT_TRUE(Eventually([&] { return process().ReadInput(input); }));
  EXPECT_EQ(input, "one two three");
}

TEST_F(Rfc6455Test, WhatItForbidsEndsTheConnectionAsAProtocolError) {
  const std::vector<std::pair<std::string, std::string>> forbidden = {
      {"no mask", "\x82\x02\0x"s},
      {"a reserved bit", Frame(0xc2, "\0x"s)},
      {"another one", Frame(0x92, "\0x"s)},
      {"a reserved opcode", Frame(0x83, "\0x"s)},
      {"a reserved control opcode", Frame(0x8b, "x")},
      {"a ping in fragments", Frame(0x09, "x")},
      {"a ping of 126 bytes", StrCat("\x89\xfe\0\x7e\0\0\0\0"s, std::string(126, 'x'))},
      {"a continuation of nothing", Frame(0x80, "x")},
      {"a message within a message", StrCat(Frame(0x02, "\0a"s), Frame(0x82, "\0b"s))},
      {"a length of 16 bits that needs 7", "\x82\xfe\0\x02\0\0\0\0\0x"s},
      {"a length of 64 bits that needs 16", "\x82\xff\0\0\0\0\0\0\0\x7e\0\0\0\0"s},
      {"half a close code", Frame(0x88, "\x03")},
      {"a close code that is never sent", Frame(0x88, "\x03\xed")},
      {"a close code below all", Frame(0x88, "\x03\xe7")},
      {"a reason that is no UTF-8", Frame(0x88, "\x03\xe8\xff\xfe")},
  };
  for (const auto& [what, frames] : forbidden) {
    const size_t before = backend_.processes.size();
    EXPECT_THAT(Say(frames + kClose), HasSubstr(kProtocolError)) << what;
    // It may have been too early for a command.
    EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; })) << what;
    EXPECT_TRUE(backend_.processes.size() == before || process(before).destroyed) << what;
  }
}

TEST_F(Rfc6455Test, ACloseWithoutACodeIsAnswered) { EXPECT_THAT(Say(Frame(0x88, "")), HasSubstr("\x88")); }

TEST_F(Rfc6455Test, WhatComesAfterACloseIsNotLookedAt) {
  const std::string answer = Say(StrCat(kClose, Frame(0x82, "\0late"s), "nonsense"));
  EXPECT_THAT(answer, EndsWith(kNormalClosure));
}

}  // namespace
}  // namespace rktlet::streaming
