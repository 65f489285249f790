// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/signature_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace rkt::image {
namespace {

constexpr char kAccepting[] = R"([{"type": "insecureAcceptAnything"}])";

std::string Policy(const std::string& by_default, const std::string& of_registry) {
  return R"({"default": )" + by_default + R"(, "transports": {"docker-daemon": {"": )" + kAccepting +
         R"(}, "docker": {"registry.test": )" + of_registry + "}}}";
}

TEST(SignaturePolicy, ThatAcceptsEverywhereAcceptsAnything) {
  EXPECT_TRUE(AcceptsAnything(R"({"default": [{"type": "insecureAcceptAnything"}]})"));
  EXPECT_TRUE(AcceptsAnything(Policy(kAccepting, kAccepting)));
}

TEST(SignaturePolicy, ThatDemandsSomethingSomewhereDoesNot) {
  EXPECT_FALSE(AcceptsAnything(Policy(R"([{"type": "reject"}])", kAccepting)));
  EXPECT_FALSE(AcceptsAnything(Policy(kAccepting, R"([{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}])")));
  EXPECT_FALSE(AcceptsAnything(Policy(kAccepting, R"([{"type": "insecureAcceptAnything"}, {"type": "reject"}])")));
}

TEST(SignaturePolicy, ThatCannotBeReadDoesNot) {
  for (const char* text : {"", "[]", "{}", R"({"default": []})", R"({"default": {}})", R"({"default": [1]})",
                           R"({"default": [{"type": "insecureAcceptAnything"}], "transports": []})",
                           R"({"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": 1}})"}) {
    EXPECT_FALSE(AcceptsAnything(text)) << text;
  }
  EXPECT_FALSE(AcceptsAnything(std::string(100000, '[')));
}

}  // namespace
}  // namespace rkt::image
