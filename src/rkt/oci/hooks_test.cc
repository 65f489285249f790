// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/hooks.h"

#include <gmock/gmock.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::ReadFile;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::AllOf;
using testing::HasSubstr;

class HooksTest : public testing::Test {
 protected:
  HooksTest() : layout_(temp_.File("lib"), temp_.File("run")) {
    record_.spec.id = rktlet::spec::ContainerId::MakeHex();
    record_.spec.app = *rktlet::spec::AppName::Parse("app");
    record_.spec.image = "image";
    record_.stop_signal = "SIGTERM";
    EXPECT_THAT(rktlet::base::MakeDirectories(Directory()), IsOk());
    EXPECT_THAT(rktlet::base::MakeDirectories(temp_.File("run/pid")), IsOk());
    EXPECT_THAT(rktlet::base::WriteFileAtomic(layout_.ContainerPidFile(record_.spec.id), "4711"), IsOk());
  }

  std::string Directory() { return layout_.App(pod_, record_.spec.app); }
  rktlet::spec::Hook Shell(const std::string& script) { return {"/bin/sh", {"shell", "-c", script}, {}, {}}; }
  absl::Status Run() {
    EXPECT_THAT(rktlet::base::WriteFileAtomic(layout_.AppFile(pod_, record_.spec.app, "app.json"), ToJson(record_)),
                IsOk());
    return RunPoststartHooks(layout_, pod_, record_.spec.app);
  }

  rktlet::base::TempDir temp_;
  rktlet::spec::Layout layout_;
  rktlet::spec::PodId pod_ = rktlet::spec::PodId::MakeHex();
  rktlet::spec::ContainerRecord record_;
};

TEST_F(HooksTest, AreToldTheStateAndRunInTheContainersDirectory) {
  record_.poststart_hooks = {Shell("cat >state; pwd >directory; echo $0 $PATH >words")};
  ASSERT_THAT(Run(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(Directory() + "/state"));
  const auto state = nlohmann::json::parse(text);
  EXPECT_EQ(state["id"], record_.spec.id.str());
  EXPECT_EQ(state["status"], "running");
  EXPECT_EQ(state["pid"], 4711);
  EXPECT_EQ(state["bundle"], Directory());
  EXPECT_THAT(ReadFile(Directory() + "/directory"), IsOkAndHolds(Directory() + "\n"));
  EXPECT_THAT(ReadFile(Directory() + "/words"), IsOkAndHolds(HasSubstr("shell /usr/local/sbin:")));
}

TEST_F(HooksTest, HaveTheEnvironmentThatTheyAskFor) {
  record_.poststart_hooks = {Shell("echo $A$HOME >environment")};
  record_.poststart_hooks[0].env = {"A=b"};
  ASSERT_THAT(Run(), IsOk());
  EXPECT_THAT(ReadFile(Directory() + "/environment"), IsOkAndHolds("b\n"));
}

TEST_F(HooksTest, EndWithTheFirstThatFails) {
  record_.poststart_hooks = {Shell("echo no card >&2; exit 3"), Shell("touch second")};
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kInternal, AllOf(HasSubstr("poststart hook /bin/sh"), HasSubstr("no card"))));
  EXPECT_FALSE(rktlet::base::Exists(Directory() + "/second"));
}

TEST_F(HooksTest, ThatTakeLongerThanTheyMayAreKilled) {
  record_.poststart_hooks = {Shell("sleep 100")};
  record_.poststart_hooks[0].timeout = 1;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("/bin/sh")));
}

}  // namespace
}  // namespace rkt::oci
