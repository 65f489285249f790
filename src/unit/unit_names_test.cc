// SPDX-License-Identifier: Apache-2.0
#include "unit/unit_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rktlet::unit {
namespace {

using base::IsOkAndHolds;
using base::StatusIs;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

spec::PodSpec Pod() {
  spec::PodSpec pod;
  pod.id = spec::PodId::Parse("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").value();
  pod.managed = true;
  pod.namespace_ = "shop";
  pod.name = "web-0.eu";
  return pod;
}

spec::ContainerSpec Container() {
  spec::ContainerSpec container;
  container.id = spec::ContainerId::Parse("fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210").value();
  container.name = "nginx";
  return container;
}

TEST(UnitNames, SayNamespacePodAndContainer) {
  EXPECT_EQ(PodUnitName(Pod()).str(), "k8s-shop-web-0.eu-0123456789ab.service");
  EXPECT_EQ(ContainerUnitName(Pod(), Container()).str(), "k8s-shop-web-0.eu-nginx-fedcba987654.service");
}

TEST(UnitNames, EscapeOnlyWhatSystemdCannotTake) {
  spec::PodSpec pod = Pod();
  pod.name = "a b/ü";
  EXPECT_EQ(PodUnitName(pod).str(), "k8s-shop-a\\x20b\\x2f\\xc3\\xbc-0123456789ab.service");
}

TEST(UnitNames, StayWithinSystemdsLimitAndKeepTheId) {
  spec::PodSpec pod = Pod();
  pod.namespace_ = std::string(200, 'n');
  pod.name = std::string(250, '\xff');
  const std::string name = PodUnitName(pod).str();
  EXPECT_LE(name.size(), 255U);
  EXPECT_THAT(name, EndsWith("-0123456789ab.service"));
}

// A request holds megabytes: work that grows with the square of them would stop the daemon for minutes.
TEST(UnitNames, OfVeryLongTextsAreThoseOfTheirBeginnings) {
  spec::PodSpec pod = Pod();
  pod.namespace_ = std::string(300, 'n');
  pod.name = std::string(300, '/');
  const systemd::UnitName name = PodUnitName(pod);
  pod.namespace_ = std::string(1 << 20, 'n');
  pod.name = std::string(1 << 20, '/');
  EXPECT_EQ(PodUnitName(pod), name);
}

TEST(UnitNames, OfAPodMadeByHandSayRkt) {
  spec::PodSpec pod = Pod();
  pod.managed = false;
  pod.name = "";
  EXPECT_THAT(PodUnitName(pod).str(), StartsWith("rkt-pod-"));
  pod.unit = "mine.service";
  EXPECT_EQ(PodUnitName(pod).str(), "mine.service");
}

TEST(Slices, AreTheLastComponentOfTheCgroupParent) {
  EXPECT_THAT(SliceOfCgroupParent(""), IsOkAndHolds("rktlet.slice"));
  EXPECT_THAT(SliceOfCgroupParent("kubepods-besteffort.slice"), IsOkAndHolds("kubepods-besteffort.slice"));
  EXPECT_THAT(SliceOfCgroupParent("/kubepods.slice/kubepods-pod1.slice/"), IsOkAndHolds("kubepods-pod1.slice"));
}

TEST(Slices, AParentThatIsNoneIsRefusedWithAWordAboutTheDriver) {
  for (const char* parent : {"/kubepods/burstable/pod1", "x.service", "/", ".slice"}) {
    EXPECT_THAT(SliceOfCgroupParent(parent),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("systemd cgroup driver")))
        << parent;
  }
}

}  // namespace
}  // namespace rktlet::unit
