// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "rktlet/cri/images.h"

namespace rktlet::cri {
namespace {

using base::IsOkAndHolds;
using base::StatusIs;
using testing::_;
using testing::HasSubstr;

constexpr char kImage[] = "registry.example:5000/web/nginx:1";

TEST(AuthFile, IsEmptyWithoutCredentials) {
  EXPECT_THAT(AuthFile(v1::AuthConfig(), kImage), IsOkAndHolds(""));
  v1::AuthConfig auth;
  auth.set_server_address("registry.example");
  EXPECT_THAT(AuthFile(auth, kImage), IsOkAndHolds(""));
}

TEST(AuthFile, HasUserAndPasswordUnderTheImagesRegistry) {
  v1::AuthConfig auth;
  auth.set_username("user");
  auth.set_password("pa\"ss");
  EXPECT_THAT(AuthFile(auth, kImage),
              IsOkAndHolds(R"({"auths":{"registry.example:5000":{"auth":"dXNlcjpwYSJzcw=="}}})"));
  EXPECT_THAT(AuthFile(auth, "busybox"), IsOkAndHolds(HasSubstr("\"docker.io\"")));
}

TEST(AuthFile, TakesTheServersAddressInEveryForm) {
  v1::AuthConfig auth;
  auth.set_auth("dXNlcjpwYXNz");
  for (const char* address : {"https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"}) {
    auth.set_server_address(address);
    EXPECT_THAT(AuthFile(auth, "busybox"), IsOkAndHolds(R"({"auths":{"docker.io":{"auth":"dXNlcjpwYXNz"}}})"));
  }
  auth.set_server_address("http://other:80/v2/");
  EXPECT_THAT(AuthFile(auth, kImage), IsOkAndHolds(HasSubstr("\"other:80\"")));
}

TEST(AuthFile, HasAnIdentityTokenBesideAUserWithoutPassword) {
  v1::AuthConfig auth;
  auth.set_identity_token("t0ken");
  EXPECT_THAT(AuthFile(auth, kImage),
              IsOkAndHolds(R"({"auths":{"registry.example:5000":{"auth":"PHRva2VuPjo=","identitytoken":"t0ken"}}})"));
}

TEST(AuthFile, WhatCannotBeUsedIsRefusedWithoutRepeatingIt) {
  v1::AuthConfig auth;
  auth.set_auth("n0t-base64!");
  EXPECT_THAT(AuthFile(auth, kImage),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::Not(HasSubstr("n0t-base64"))));
  auth.set_auth("bm9jb2xvbg==");
  EXPECT_THAT(AuthFile(auth, kImage), StatusIs(absl::StatusCode::kInvalidArgument, _));
  v1::AuthConfig alone;
  alone.set_password("secret");
  EXPECT_THAT(AuthFile(alone, kImage), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("auth.username")));
}

TEST(AuthFile, HasATokenOfTheRegistryBeforeAllElse) {
  v1::AuthConfig auth;
  auth.set_registry_token("b34rer");
  const char* want = R"({"auths":{"registry.example:5000":{"registrytoken":"b34rer"}}})";
  EXPECT_THAT(AuthFile(auth, kImage), IsOkAndHolds(want));
  auth.set_username("user");
  auth.set_password("pass");
  auth.set_identity_token("t0ken");
  EXPECT_THAT(AuthFile(auth, kImage), IsOkAndHolds(want));
}

TEST(CriImage, TellsAUserByNumberOrByName) {
  engine::Image image;
  image.id = "sha256:" + std::string(64, 'a');
  image.user = "1000:100";
  EXPECT_EQ(ToCri(image, {}).uid().value(), 1000);
  image.user = "nobody";
  EXPECT_EQ(ToCri(image, {}).username(), "nobody");
  EXPECT_FALSE(ToCri(image, {}).has_uid());
  image.user = "";
  EXPECT_FALSE(ToCri(image, {}).has_uid());
}

TEST(CriImage, IsPinnedByNameOrPattern) {
  engine::Image image;
  image.id = "sha256:" + std::string(64, 'a');
  image.tags = {"docker.io/library/busybox:latest"};
  EXPECT_TRUE(ToCri(image, {"busybox"}).pinned());
  EXPECT_TRUE(ToCri(image, {"docker.io/library/*"}).pinned());
  EXPECT_FALSE(ToCri(image, {"docker.io/other/*", "alpine"}).pinned());
}

}  // namespace
}  // namespace rktlet::cri
