// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/events.h"

#include <gmock/gmock.h>

#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;

class EventsTest : public PodsFixture {
 protected:
  EventsTest() { Begin(); }

  // A daemon that has just started, with somebody who listens.
  void Begin() {
    told.clear();
    pods->events().SetListener([this](const Change& change) {
      const char* words[] = {"created", "started", "stopped", "deleted"};
      const std::string& id = change.container.has_value() ? change.container->str() : change.pod_id.str();
      const auto name = names.find(id);
      told.push_back(std::string(words[static_cast<int>(change.kind)]) + " " +
                     (name == names.end() ? "new" : name->second));
      last = change;
      EXPECT_GT(change.at, last_at);
      last_at = change.at;
      if (acknowledges) {
        pods->events().Acknowledge(change.sequence);
      }
    });
    EXPECT_THAT(Run(pods->Recover()), IsOk());
    Settle();
  }
  void BeginAgain() {
    clock.realtime_nanos += 1'000'000'000;
    Restart();
    Begin();
  }
  // From now on they are told of by these names.
  PodPtr Named(const PodPtr& pod) {
    names[pod->id().str()] = "pod";
    return pod;
  }
  ContainerPtr Named(const ContainerPtr& container) {
    names[container->id().str()] = container->record.spec.name;
    return container;
  }
  void RecordExit(const ContainerPtr& container) {
    spec::ExitRecord exit;
    exit.code = 3;
    exit.recorded_by = "helper";
    EXPECT_THAT(spec::RecordExit(layout, container->pod, container->app(), exit), IsOk());
  }

  bool acknowledges = true;
  std::map<std::string, std::string> names;
  std::vector<std::string> told;
  std::optional<Change> last;
  int64_t last_at = 0;
};

TEST_F(EventsTest, ALifeIsToldStepByStepWithTheStateAfterEachStep) {
  const PodPtr pod = Named(RunPod());
  EXPECT_THAT(told, ElementsAre("created new", "started new"));
  EXPECT_EQ(last->pod, pod);
  EXPECT_EQ(last->container, std::nullopt);
  told.clear();
  const ContainerPtr container = Named(Create(pod));
  EXPECT_THAT(told, ElementsAre("created new"));
  EXPECT_EQ(last->container, container->id());
  EXPECT_TRUE(last->pod->containers.contains(container->id()));
  told.clear();
  EXPECT_THAT(Run(pods->StartContainer(container)), IsOk());
  EXPECT_THAT(told, ElementsAre("started main"));
  Exit(container, {.code = 1, .signal = 0});
  EXPECT_THAT(told, ElementsAre("started main", "stopped main"));
  told.clear();
  EXPECT_THAT(Run(pods->RemoveContainer(container)), IsOk());
  EXPECT_THAT(told, ElementsAre("deleted main"));
  EXPECT_THAT(last->pod->containers, IsEmpty());
  told.clear();
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_THAT(told, ElementsAre("stopped pod"));
  EXPECT_THAT(Run(pods->StopPod(pod)), IsOk());
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  EXPECT_THAT(told, ElementsAre("stopped pod", "deleted pod"));
  EXPECT_EQ(last->pod->State(), PodState::kNotReady);
}

TEST_F(EventsTest, TheRemovalOfARunningPodIsToldFromTheInsideOut) {
  const PodPtr pod = Named(RunPod());
  Named(Started(pod));
  told.clear();
  EXPECT_THAT(Run(pods->RemovePod(pod)), IsOk());
  EXPECT_THAT(told, ElementsAre("stopped main", "stopped pod", "deleted main", "deleted pod"));
}

TEST_F(EventsTest, AFailedStartIsAnEndWithoutABeginning) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr container = Named(Create(pod));
  told.clear();
  supervisors->next_start = absl::InternalError("no such file");
  EXPECT_FALSE(Run(pods->StartContainer(container)).ok());
  EXPECT_THAT(told, ElementsAre("stopped main"));
}

TEST_F(EventsTest, APodThatEndsByItselfIsStopped) {
  const PodPtr pod = Named(RunPod());
  told.clear();
  manager.EmitExit(pod->unit, {.code = 0, .signal = 9});
  Settle();
  EXPECT_THAT(told, ElementsAre("stopped pod"));
}

TEST_F(EventsTest, WhatWasToldIsNotToldAgainAfterARestart) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr ended = Named(Started(pod, "ended"));
  Named(Started(pod, "running"));
  Named(Create(pod, "waiting"));
  Exit(ended, {.code = 0, .signal = 0});
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(EventsTest, WhatHappenedMeanwhileIsToldAfterTheRestartOnceAndWithTheWholePod) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr one = Named(Started(pod, "one"));
  const ContainerPtr other = Named(Started(pod, "other"));
  RecordExit(one);
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("stopped one"));
  EXPECT_TRUE(last->pod->containers.contains(other->id()));
  EXPECT_EQ(last->pod->containers.at(one->id())->exit->code, 3);
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(EventsTest, WhatNobodyHasReceivedIsToldAgainAfterARestart) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr container = Named(Started(pod));
  acknowledges = false;
  Exit(container, {.code = 0, .signal = 0});
  EXPECT_EQ(told.back(), "stopped main");
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("stopped main"));
  acknowledges = true;
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("stopped main"));
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(EventsTest, WhatWasRemovedMeanwhileIsDeleted) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr container = Named(Create(pod));
  EXPECT_THAT(base::RemoveTree(layout.App(pod->id(), container->app())), IsOk());
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("deleted main"));
  ASSERT_NE(last->pod, nullptr);
  EXPECT_EQ(last->pod->id(), pod->id());
  EXPECT_THAT(base::RemoveTree(layout.Pod(pod->id())), IsOk());
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("deleted pod"));
  EXPECT_EQ(last->pod, nullptr);
}

TEST_F(EventsTest, ADirectoryThatCannotBeReadIsNotDeleted) {
  const PodPtr pod = Named(RunPod());
  EXPECT_THAT(base::WriteFileAtomic(layout.PodFile(pod->id(), spec::kPodFile), "{"), IsOk());
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(EventsTest, AfterAFirstStartOnlyWhatChangesIsTold) {
  const PodPtr pod = Named(RunPod());
  const ContainerPtr ended = Named(Started(pod, "ended"));
  const ContainerPtr lost = Named(Started(pod, "lost"));
  Named(Started(pod, "running"));
  Exit(ended, {.code = 0, .signal = 0});
  EXPECT_THAT(base::RemoveTree(layout.run_dir() + "/told"), IsOk());
  pods.reset();
  manager.EmitExit(lost->unit, {.code = 1, .signal = 0});  // recorded by nobody yet
  BeginAgain();
  EXPECT_THAT(told, ElementsAre("stopped lost"));
}

TEST_F(EventsTest, ATornLineIsNoHarm) {
  const PodPtr pod = Named(RunPod());
  Named(Started(pod));
  auto file = base::OpenAt(AT_FDCWD, layout.run_dir() + "/told", O_WRONLY | O_APPEND);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(base::WriteAll(file->get(), "nonsense\nstopped\nstopped x y z\nstarted " + pod->id().str().substr(0, 60)),
              IsOk());
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(EventsTest, TheFileStaysSmall) {
  const PodPtr pod = Named(RunPod());
  for (int i = 0; i < 700; ++i) {
    EXPECT_THAT(Run(pods->RemoveContainer(Create(pod))), IsOk());
  }
  const auto text = base::ReadFile(layout.run_dir() + "/told");
  ASSERT_THAT(text, IsOk());
  EXPECT_LT(text->size(), 160'000U);
  BeginAgain();
  EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace rktlet::pods
