// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "rktlet/pods/pods_fixture.h"

namespace rktlet::pods {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using systemd::UnitName;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// Directories and units as a daemon left them that is no more.
class RecoveryTest : public PodsFixture {
 protected:
  enum class Unit { kNone, kRunning, kExited, kFailed };

  spec::PodRecord PodOnDisk(const std::string& name, Unit unit, const std::string& network = "up",
                            const std::string& boot = kBoot) {
    spec::PodRecord record;
    record.spec = PodSpecOf(name);
    record.created_at = 1;
    record.boot_id = boot;
    record.unit = unit::PodUnitName(record.spec).str();
    EXPECT_THAT(engine.Write(record), IsOk());
    engine.fake.pods[record.spec.id] = record;
    if (!network.empty()) {
      spec::NetworkRecord its_network;
      its_network.state = network;
      its_network.ips = {"10.88.0.9"};
      EXPECT_THAT(base::WriteFileAtomic(layout.PodFile(record.spec.id, spec::kNetworkFile), spec::ToJson(its_network)),
                  IsOk());
      engine.fake.networks_up.insert(record.spec.id);
    }
    MakeUnit(record.unit, unit);
    return record;
  }

  spec::ContainerRecord ContainerOnDisk(const spec::PodRecord& pod, const std::string& name, bool started, Unit unit,
                                        const std::string& boot = kBoot) {
    spec::ContainerRecord record;
    record.spec = ContainerSpecOf(name);
    record.created_at = 1;
    record.boot_id = boot;
    record.unit = unit::ContainerUnitName(pod.spec, record.spec).str();
    record.stop_signal = "SIGTERM";
    EXPECT_THAT(engine.Write(pod.spec.id, record), IsOk());
    if (started) {
      spec::StartedRecord its_start;
      its_start.started_at = 5;
      its_start.boot_id = boot;
      EXPECT_THAT(base::WriteFileAtomic(layout.AppFile(pod.spec.id, record.spec.app, spec::kStartedFile),
                                        spec::ToJson(its_start)),
                  IsOk());
    }
    MakeUnit(record.unit, unit);
    return record;
  }

  void MakeUnit(const std::string& name, Unit unit) {
    if (unit == Unit::kNone) {
      return;
    }
    const UnitName parsed = *UnitName::Parse(name);
    manager.AddUnit(parsed, {{"RemainAfterExit", true}});
    if (unit == Unit::kExited) {
      manager.EmitExit(parsed, {.code = 0, .signal = 0});
    } else if (unit == Unit::kFailed) {
      manager.EmitExit(parsed, {.code = 4, .signal = 0});
    }
  }

  void RecordExit(const spec::PodRecord& pod, const spec::ContainerRecord& container, int code) {
    spec::ExitRecord exit;
    exit.code = code;
    exit.recorded_by = "helper";
    EXPECT_THAT(spec::RecordExit(layout, pod.spec.id, container.spec.app, exit), IsOk());
  }

  PodPtr Find(const spec::PodRecord& pod) {
    const absl::StatusOr<PodPtr> found = pods->GetPod(pod.spec.id.str());
    return found.ok() ? *found : nullptr;
  }
  ContainerPtr Find(const spec::ContainerRecord& container) {
    const absl::StatusOr<ContainerPtr> found = pods->GetContainer(container.spec.id.str());
    return found.ok() ? *found : nullptr;
  }

  void Recover() {
    EXPECT_THAT(Run(pods->Recover()), IsOk());
    Settle();
  }
};

TEST_F(RecoveryTest, NothingIsAnsweredBeforeIt) {
  EXPECT_THAT(pods->Recovered(), StatusCodeIs(absl::StatusCode::kUnavailable));
  Recover();
  EXPECT_THAT(pods->Recovered(), IsOk());
  EXPECT_THAT(pods->Problems(), IsEmpty());
}

TEST_F(RecoveryTest, ARunningPodIsReadyAndItsContainersAreFollowed) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto container = ContainerOnDisk(pod, "main", true, Unit::kRunning);
  const auto created = ContainerOnDisk(pod, "next", false, Unit::kNone);
  Recover();
  ASSERT_NE(Find(pod), nullptr);
  EXPECT_EQ(Find(pod)->State(), PodState::kReady);
  EXPECT_THAT(Find(pod)->Ips(), ElementsAre("10.88.0.9"));
  EXPECT_EQ(Find(container)->State(), ContainerState::kRunning);
  EXPECT_EQ(Find(container)->started->started_at, 5);
  EXPECT_EQ(Find(created)->State(), ContainerState::kCreated);
  Exit(Find(container), {.code = 9, .signal = 0});
  EXPECT_EQ(Find(container)->exit->code, 9);
  EXPECT_THAT(Run(pods->StartContainer(Find(created))), IsOk());
}

TEST_F(RecoveryTest, AnExitThatHappenedMeanwhileIsKnownWhenItIsDone) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto clean = ContainerOnDisk(pod, "clean", true, Unit::kExited);
  const auto failed = ContainerOnDisk(pod, "failed", true, Unit::kFailed);
  const auto recorded = ContainerOnDisk(pod, "recorded", true, Unit::kNone);
  RecordExit(pod, recorded, 11);
  EXPECT_THAT(Run(pods->Recover()), IsOk());
  ASSERT_EQ(Find(clean)->State(), ContainerState::kExited);
  EXPECT_EQ(Find(clean)->exit->code, 0);
  ASSERT_EQ(Find(failed)->State(), ContainerState::kExited);
  EXPECT_EQ(Find(failed)->exit->code, 4);
  EXPECT_EQ(Find(recorded)->exit->code, 11);
  EXPECT_TRUE(base::Exists(layout.AppFile(pod.spec.id, failed.spec.app, spec::kExitFile)));
}

TEST_F(RecoveryTest, AnEndThatNobodySawIs255WithAReason) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto container = ContainerOnDisk(pod, "main", true, Unit::kNone);
  Recover();
  EXPECT_EQ(Find(container)->exit->code, 255);
  EXPECT_EQ(ExitReason(*Find(container)->exit), "Unknown");
  EXPECT_THAT(Find(container)->exit->message, HasSubstr("its unit is gone"));
}

TEST_F(RecoveryTest, AfterARebootPodsAreNotReadyAndExitsAsRecordedOr255) {
  const auto pod = PodOnDisk("web", Unit::kNone, "up", kOldBoot);
  const auto recorded = ContainerOnDisk(pod, "recorded", true, Unit::kNone, kOldBoot);
  RecordExit(pod, recorded, 143);
  const auto lost = ContainerOnDisk(pod, "lost", true, Unit::kNone, kOldBoot);
  Recover();
  ASSERT_NE(Find(pod), nullptr);
  EXPECT_EQ(Find(pod)->State(), PodState::kNotReady);
  EXPECT_THAT(Find(pod)->Ips(), IsEmpty());
  EXPECT_EQ(Find(recorded)->exit->code, 143);
  EXPECT_EQ(Find(lost)->exit->code, 255);
  EXPECT_THAT(Find(lost)->exit->message, HasSubstr("restarted"));
  EXPECT_THAT(Run(pods->RemovePod(Find(pod))), IsOk());
  EXPECT_EQ(engine.fake.CountCalls("NetworkDown"), 1);
}

TEST_F(RecoveryTest, AGateThatWasNeverOpenedStaysShut) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto container = ContainerOnDisk(pod, "main", false, Unit::kRunning);
  Recover();
  ASSERT_EQ(Find(container)->State(), ContainerState::kExited);
  EXPECT_EQ(ExitReason(*Find(container)->exit), "StartError");
  EXPECT_EQ(Find(container)->exit->code, 128);
  EXPECT_EQ(manager.Find(*UnitName::Parse(container.unit)), nullptr);
}

TEST_F(RecoveryTest, AFailedStartThatNobodySawHasItsText) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto container = ContainerOnDisk(pod, "main", false, Unit::kNone);
  ASSERT_THAT(base::WriteFileAtomic(layout.AppFile(pod.spec.id, container.spec.app, spec::kStartErrorFile),
                                    "executable file `x` not found in $PATH"),
              IsOk());
  Recover();
  EXPECT_EQ(Find(container)->exit->code, 127);
  EXPECT_THAT(Find(container)->exit->message, HasSubstr("`x` not found"));
}

TEST_F(RecoveryTest, AHalfMadePodIsRemoved) {
  const auto prepared = PodOnDisk("prepared", Unit::kNone, "");
  const auto no_network = PodOnDisk("no-network", Unit::kRunning, "");
  const auto half_network = PodOnDisk("half-network", Unit::kRunning, "adding");
  const auto no_unit = PodOnDisk("no-unit", Unit::kNone, "up");
  Recover();
  EXPECT_THAT(pods->ListPods(), IsEmpty());
  EXPECT_THAT(manager.units(), IsEmpty());
  EXPECT_THAT(engine.fake.networks_up, IsEmpty());
  EXPECT_THAT(pods->Problems(), IsEmpty());
  for (const auto* pod : {&prepared, &no_network, &half_network, &no_unit}) {
    EXPECT_FALSE(base::Exists(layout.Pod(pod->spec.id))) << pod->spec.name;
  }
}

TEST_F(RecoveryTest, ADeadOrStoppedPodIsNotReady) {
  const auto dead = PodOnDisk("dead", Unit::kNone);
  ASSERT_THAT(base::WriteFileAtomic(layout.PodFile(dead.spec.id, spec::kPodExitFile), spec::ToJson(spec::ExitRecord())),
              IsOk());
  const auto with_container = PodOnDisk("with-container", Unit::kFailed);
  ContainerOnDisk(with_container, "main", false, Unit::kNone);
  const auto stopped = PodOnDisk("stopped", Unit::kNone, "down");
  ASSERT_THAT(base::WriteFileAtomic(layout.PodFile(stopped.spec.id, spec::kStoppedFile), ""), IsOk());
  Recover();
  for (const auto* pod : {&dead, &with_container, &stopped}) {
    ASSERT_NE(Find(*pod), nullptr) << pod->spec.name;
    EXPECT_EQ(Find(*pod)->State(), PodState::kNotReady) << pod->spec.name;
  }
  EXPECT_TRUE(Find(stopped)->torn_down);
}

TEST_F(RecoveryTest, AStopThatWasInterruptedGoesOn) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  const auto container = ContainerOnDisk(pod, "main", true, Unit::kRunning);
  ASSERT_THAT(base::WriteFileAtomic(layout.PodFile(pod.spec.id, spec::kStoppedFile), ""), IsOk());
  Recover();
  EXPECT_EQ(Find(container)->State(), ContainerState::kExited);
  EXPECT_EQ(manager.Find(*UnitName::Parse(pod.unit)), nullptr);
  EXPECT_THAT(engine.fake.networks_up, IsEmpty());
}

TEST_F(RecoveryTest, ADamagedRecordIsReportedAndTheOthersWork) {
  const auto good = PodOnDisk("good", Unit::kRunning);
  const auto bad = PodOnDisk("bad", Unit::kRunning);
  ASSERT_THAT(base::WriteFileAtomic(layout.PodFile(bad.spec.id, spec::kPodFile), "{\"version\":1,"), IsOk());
  const auto bad_container = ContainerOnDisk(good, "bad", true, Unit::kRunning);
  ASSERT_THAT(base::WriteFileAtomic(layout.AppFile(good.spec.id, bad_container.spec.app, spec::kContainerFile), ""),
              IsOk());
  const auto good_container = ContainerOnDisk(good, "good", true, Unit::kRunning);
  Recover();
  EXPECT_EQ(Find(good)->State(), PodState::kReady);
  EXPECT_EQ(Find(good_container)->State(), ContainerState::kRunning);
  EXPECT_EQ(Find(bad), nullptr);
  EXPECT_THAT(pods->Problems(), Contains(HasSubstr(bad.spec.id.str())));
  EXPECT_THAT(pods->Problems(), Contains(HasSubstr(bad_container.spec.id.str())));
  EXPECT_NE(manager.Find(*UnitName::Parse(bad.unit)), nullptr);
}

TEST_F(RecoveryTest, APodMadeByHandIsNotShown) {
  auto pod = PodOnDisk("hand", Unit::kRunning);
  pod.spec.managed = false;
  ASSERT_THAT(engine.Write(pod), IsOk());
  Recover();
  EXPECT_THAT(pods->ListPods(), IsEmpty());
}

TEST_F(RecoveryTest, FailsWhenSystemdDoesNotAnswerAndCanBeRepeated) {
  const auto pod = PodOnDisk("web", Unit::kRunning);
  manager.FailCall("ListUnits", absl::UnavailableError("no bus"));
  EXPECT_THAT(Run(pods->Recover()), StatusCodeIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(pods->Recovered(), StatusCodeIs(absl::StatusCode::kUnavailable));
  Recover();
  EXPECT_NE(Find(pod), nullptr);
}

TEST_F(RecoveryTest, ARestartInTheMiddleOfLifeChangesNothing) {
  Recover();
  const PodPtr pod = RunPod();
  const ContainerPtr container = Started(pod);
  const std::string pod_id = pod->id().str();
  const std::string container_id = container->id().str();
  Restart();
  Recover();
  ASSERT_THAT(pods->GetPod(pod_id), IsOk());
  EXPECT_EQ((*pods->GetPod(pod_id))->State(), PodState::kReady);
  EXPECT_EQ((*pods->GetContainer(container_id))->State(), ContainerState::kRunning);
  EXPECT_THAT(Run(pods->StopContainer(*pods->GetContainer(container_id), std::chrono::hours(1))), IsOk());
  EXPECT_THAT(Run(pods->RemovePod(*pods->GetPod(pod_id))), IsOk());
  EXPECT_THAT(manager.units(), IsEmpty());
}

TEST_F(RecoveryTest, ARescanSeesWhatWasDoneByHand) {
  Recover();
  const PodPtr pod = RunPod();
  const ContainerPtr kept = Started(pod, "kept");
  const ContainerPtr removed = Create(pod, "removed");
  ASSERT_THAT(base::RemoveTree(layout.App(pod->id(), removed->app())), IsOk());
  const auto added = ContainerOnDisk(pod->record, "added", false, Unit::kNone);
  const auto new_pod = PodOnDisk("new", Unit::kRunning);
  pods->Rescan();
  pods->Rescan();
  EXPECT_TRUE(Eventually([&] { return Find(new_pod) != nullptr; }));
  EXPECT_NE(Find(added), nullptr);
  EXPECT_THAT(pods->GetContainer(removed->id().str()), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(kept->State(), ContainerState::kRunning);
}

TEST_F(RecoveryTest, TwoHundredAndFiftyPodsAreReadInASecond) {
  for (int i = 0; i < 250; ++i) {
    const auto pod = PodOnDisk("p" + std::to_string(i), Unit::kRunning);
    ContainerOnDisk(pod, "a", true, Unit::kRunning);
    ContainerOnDisk(pod, "b", true, Unit::kExited);
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Run(pods->Recover()), IsOk());
  const auto taken = std::chrono::steady_clock::now() - begin;
  EXPECT_THAT(pods->ListPods(), SizeIs(250));
  EXPECT_THAT(pods->ListContainers(), SizeIs(500));
  // Generous: a debug build with sanitizers on a busy machine has to pass as well.
  EXPECT_LT(taken, std::chrono::seconds(10));
  RecordProperty("milliseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()));
}

}  // namespace
}  // namespace rktlet::pods
