// SPDX-License-Identifier: Apache-2.0
#include "spec/image_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rktlet::spec {
namespace {

using base::IsOk;
using testing::HasSubstr;

const char kDigest[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string NameOf(std::string_view text) {
  auto reference = ImageReference::Parse(text);
  return reference.ok() ? reference->Name() : reference.status().ToString();
}

TEST(ImageReference, IsNormalisedAsDockerDoes) {
  EXPECT_EQ(NameOf("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(NameOf("busybox:1.36"), "docker.io/library/busybox:1.36");
  EXPECT_EQ(NameOf("user/app"), "docker.io/user/app:latest");
  EXPECT_EQ(NameOf("index.docker.io/busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(NameOf("localhost/a"), "localhost/a:latest");
  EXPECT_EQ(NameOf("localhost:5000/a/b:t"), "localhost:5000/a/b:t");
  EXPECT_EQ(NameOf("Registry/a"), "Registry/a:latest");
  EXPECT_EQ(NameOf("[::1]:5000/a"), "[::1]:5000/a:latest");
  EXPECT_EQ(NameOf("127.0.0.1:443/a__b/c-d.e"), "127.0.0.1:443/a__b/c-d.e:latest");
}

TEST(ImageReference, WithADigestHasNoDefaultTagAndLeavesAGivenOneOut) {
  EXPECT_EQ(NameOf(std::string("busybox@") + kDigest), std::string("docker.io/library/busybox@") + kDigest);
  auto both = ImageReference::Parse(std::string("busybox:1@") + kDigest);
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ(both->tag(), "1");
  EXPECT_EQ(both->Name(), std::string("docker.io/library/busybox@") + kDigest);
}

TEST(ImageReference, RefusesWhatTheGrammarDoesNotAllow) {
  const std::string hex(64, 'a');
  for (const std::string& text :
       {std::string(), std::string("Busybox"), std::string("a b"), std::string("a:"), std::string("a@sha256:12"),
        std::string("/a"), std::string("a//b"), std::string("a/"), std::string("-a"), std::string("a..b"),
        std::string("a___b"), std::string("../a"), std::string("a:-x"), std::string("x.y:z/a"), "a:" + hex + hex + "x",
        hex, std::string("--x/a.b"), std::string("a\n")}) {
    EXPECT_FALSE(ImageReference::Parse(text).ok()) << text;
  }
  EXPECT_THAT(std::string(ImageReference::Parse("Busybox").status().message()), HasSubstr("\"Busybox\""));
}

TEST(ImageId, IsTheDigestOrTheBeginningOfItsDigits) {
  EXPECT_TRUE(IsSha256Digest(kDigest));
  EXPECT_FALSE(IsSha256Digest(std::string(kDigest).substr(0, 70)));
  EXPECT_TRUE(IsImageIdPrefix(kDigest));
  EXPECT_TRUE(IsImageIdPrefix("0123abc"));
  EXPECT_TRUE(IsImageIdPrefix("sha256:0123abc"));
  EXPECT_FALSE(IsImageIdPrefix("busybox"));
  EXPECT_FALSE(IsImageIdPrefix("sha256:"));
}

}  // namespace
}  // namespace rktlet::spec
