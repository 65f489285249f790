// SPDX-License-Identifier: Apache-2.0
// A pod with the machine's network, whose directory needs no privilege, from its preparation to its removal.
#include "rkt/pod/prepare.h"

#include <gmock/gmock.h>

#include <chrono>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/pod/describe.h"
#include "rkt/pod/gc.h"
#include "rkt/pod/observe.h"
#include "rkt/pod/pod_lock.h"
#include "rkt/pod/remove.h"
#include "rkt/pod/units.h"

namespace rkt::pod {
namespace {

namespace base = rktlet::base;
namespace spec = rktlet::spec;
using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class HandMadePod : public testing::Test {
 protected:
  HandMadePod() {
    pod_.id = spec::PodId::Parse("11111111-2222-4333-8444-555555555555").value();
    pod_.network = spec::NamespaceMode::kNode;
  }

  std::string StateOf(const spec::PodId& id) {
    const auto view = ObservePod(layout_, id);
    return view.ok() ? view->state : view.status().ToString();
  }

  base::TempDir dir_;
  spec::Layout layout_{dir_.File("lib"), dir_.File("run")};
  spec::PodSpec pod_;
};

TEST_F(HandMadePod, IsPreparedWithAllItsFiles) {
  ASSERT_OK_AND_ASSIGN(const auto record, PreparePod(layout_, pod_));
  EXPECT_FALSE(record.unit.empty());
  for (const char* name : {"pod.json", "hosts", "hostname", "resolv.conf", "apps", "lock"}) {
    EXPECT_TRUE(base::Exists(layout_.PodFile(pod_.id, name))) << name;
  }
  EXPECT_EQ(StateOf(pod_.id), "prepared");
  EXPECT_THAT(base::ListDirectory(layout_.Pods()), IsOkAndHolds(SizeIs(1)));
}

TEST_F(HandMadePod, MayBePreparedAgainByTheSameDocumentOnly) {
  ASSERT_OK_AND_ASSIGN(const auto first, PreparePod(layout_, pod_));
  ASSERT_OK_AND_ASSIGN(const auto second, PreparePod(layout_, pod_));
  EXPECT_EQ(first.created_at, second.created_at);
  pod_.hostname = "other";
  EXPECT_THAT(PreparePod(layout_, pod_).status(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("1111")));
}

TEST_F(HandMadePod, IsNotMadeTwice) {
  ASSERT_OK_AND_ASSIGN(const auto first, PrepareNewPod(layout_, pod_));
  EXPECT_THAT(PrepareNewPod(layout_, pod_).status(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("1111")));
  EXPECT_EQ(StateOf(pod_.id), "prepared");
}

TEST_F(HandMadePod, MovesToTheUnitThatRunsIt) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto moved, MovePodToUnit(layout_, pod_.id, "mine.service", "my.slice"));
  EXPECT_EQ(moved.unit, "mine.service");
  ASSERT_OK_AND_ASSIGN(const auto state, spec::ReadPod(layout_, pod_.id));
  EXPECT_EQ(state.record.unit, "mine.service");
  EXPECT_EQ(state.record.spec.slice, "my.slice");
  ASSERT_THAT(MarkStopped(layout_, pod_.id), IsOk());
  EXPECT_THAT(MovePodToUnit(layout_, pod_.id, "other.service", "").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("stopped")));
}

TEST_F(HandMadePod, OfTheDaemonDoesNotMove) {
  pod_.managed = true;
  pod_.name = pod_.namespace_ = pod_.uid = "x";
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  EXPECT_THAT(MovePodToUnit(layout_, pod_.id, "mine.service", "").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rktlet")));
}

TEST_F(HandMadePod, LeavesNothingWhenItIsRefused) {
  pod_.sysctls["vm.swappiness"] = "1";
  EXPECT_THAT(PreparePod(layout_, pod_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("vm.swappiness")));
  EXPECT_FALSE(base::Exists(layout_.Pods()));
}

TEST_F(HandMadePod, LeavesNothingWhenItsRunStateCannotBeMade) {
  ASSERT_THAT(base::WriteFileAtomic(dir_.File("run"), "in the way"), IsOk());
  EXPECT_FALSE(PreparePod(layout_, pod_).ok());
  EXPECT_THAT(base::ListDirectory(layout_.Pods()), IsOkAndHolds(IsEmpty()));
}

TEST_F(HandMadePod, IsNotPreparedAgainOnceStopped) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_THAT(MarkStopped(layout_, pod_.id), IsOk());
  ASSERT_THAT(MarkStopped(layout_, pod_.id), IsOk());
  EXPECT_EQ(StateOf(pod_.id), "exited");
  EXPECT_THAT(PreparePod(layout_, pod_).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("stopped")));
}

TEST_F(HandMadePod, IsGoneAfterItsRemoval) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_THAT(RemovePod(layout_, pod_.id, {}), IsOk());
  EXPECT_THAT(base::ListDirectory(layout_.Pods()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(base::ListDirectory(layout_.RunPods()), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(RemovePod(layout_, pod_.id, {}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no matches found")));
}

TEST_F(HandMadePod, IsReportedAndRemovableWithADamagedRecord) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_THAT(base::WriteFileAtomic(layout_.PodFile(pod_.id, "pod.json"), "{torn"), IsOk());
  ASSERT_OK_AND_ASSIGN(const PodView view, ObservePod(layout_, pod_.id));
  EXPECT_EQ(view.state, "unknown");
  std::vector<absl::Status> problems;
  const auto json = DescribePod(layout_, view, problems);
  EXPECT_EQ(json["state"], "unknown");
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_THAT(std::string(problems[0].message()), HasSubstr("pod.json"));
  EXPECT_THAT(RemovePod(layout_, pod_.id, {}), IsOk());
}

TEST_F(HandMadePod, IsFoundByAUniquePrefix) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  spec::PodSpec other = pod_;
  other.id = spec::PodId::Parse("11112222-2222-4333-8444-555555555555").value();
  ASSERT_THAT(PreparePod(layout_, other), IsOk());
  EXPECT_THAT(FindPod(layout_, "111111"), IsOkAndHolds(pod_.id));
  EXPECT_THAT(FindPod(layout_, "1111").status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ambiguous")));
  EXPECT_THAT(FindPod(layout_, "9").status(), StatusIs(absl::StatusCode::kNotFound, "no matches found for \"9\""));
  EXPECT_THAT(FindPod(layout_, "").status(), base::StatusCodeIs(absl::StatusCode::kNotFound));
}

TEST_F(HandMadePod, IsDescribedWithTheKeysOfTheOriginal) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_OK_AND_ASSIGN(const PodView view, ObservePod(layout_, pod_.id));
  std::vector<absl::Status> problems;
  const auto json = DescribePod(layout_, view, problems);
  for (const char* key : {"name", "state", "networks", "app_names", "apps", "created_at", "started_at",
                          "user_annotations", "user_labels"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_THAT(problems, IsEmpty());
}

TEST_F(HandMadePod, IsGarbageOnceItEndedLongEnoughAgo) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_OK_AND_ASSIGN(Garbage garbage, FindGarbage(layout_, std::chrono::seconds(0)));
  EXPECT_THAT(garbage.pods, IsEmpty());
  ASSERT_THAT(MarkStopped(layout_, pod_.id), IsOk());
  ASSERT_OK_AND_ASSIGN(garbage, FindGarbage(layout_, std::chrono::hours(1)));
  EXPECT_THAT(garbage.pods, IsEmpty());
  ASSERT_OK_AND_ASSIGN(garbage, FindGarbage(layout_, std::chrono::seconds(0)));
  EXPECT_THAT(garbage.pods, testing::ElementsAre(pod_.id));
}

TEST_F(HandMadePod, IsNoGarbageWhenTheDaemonMadeIt) {
  pod_.managed = true;
  pod_.name = "web";
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_THAT(MarkStopped(layout_, pod_.id), IsOk());
  ASSERT_OK_AND_ASSIGN(const Garbage garbage, FindGarbage(layout_, std::chrono::seconds(0)));
  EXPECT_THAT(garbage.pods, IsEmpty());
}

TEST_F(HandMadePod, HasNoNetworkOfItsOwn) {
  ASSERT_THAT(PreparePod(layout_, pod_), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto record, NetworkUp(layout_, pod_.id, {}));
  EXPECT_EQ(record.state, "none");
  EXPECT_THAT(NetworkDown(layout_, pod_.id, {}), IsOk());
}

}  // namespace
}  // namespace rkt::pod
