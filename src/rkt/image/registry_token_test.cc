// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/registry_token.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace rkt::image {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;

TEST(RegistryToken, IsThatOfTheRegistry) {
  const char* file = R"({"auths": {"a.example:5000": {"registrytoken": "eyJ.a-b_c=="}, "b.example": {"auth": "x"},
                                   "https://index.docker.io/v1/": {"registrytoken": "hub"}}})";
  EXPECT_THAT(FindRegistryToken(file, "a.example:5000"), IsOkAndHolds("eyJ.a-b_c=="));
  EXPECT_THAT(FindRegistryToken(file, "docker.io"), IsOkAndHolds("hub"));
  for (const char* other : {"a.example", "b.example", "c.example", ""}) {
    EXPECT_THAT(FindRegistryToken(file, other), IsOkAndHolds("")) << other;
  }
}

TEST(RegistryToken, OfAFileThatIsNoneIsNotThere) {
  for (const char* file : {"", "{", "[]", "{}", R"({"auths": []})", R"({"auths": {"a": 1}})"}) {
    EXPECT_THAT(FindRegistryToken(file, "a"), IsOkAndHolds("")) << file;
  }
}

TEST(RegistryToken, ThatCannotStandInAHeaderIsRefusedAndNotRepeated) {
  for (const char* value : {R"("")", R"("two words")", R"("line\nInjected: x")", R"("\u00e9")", "7", "null"}) {
    const auto token = FindRegistryToken(std::string(R"({"auths": {"a": {"registrytoken": )") + value + "}}}", "a");
    EXPECT_THAT(token, StatusIs(absl::StatusCode::kInvalidArgument, "the registrytoken for a is no token")) << value;
  }
}

}  // namespace
}  // namespace rkt::image
