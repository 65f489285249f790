// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/categories.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace rkt::selinux {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;

uint32_t Zero(uint32_t) { return 0; }

TEST(Categories, ArePairsThatNobodyHas) {
  EXPECT_THAT(ChooseLevel({}, Zero), IsOkAndHolds("s0:c0,c1"));
  EXPECT_THAT(ChooseLevel({"s0:c0,c1", "s0:c0,c2"}, Zero), IsOkAndHolds("s0:c0,c3"));
  EXPECT_THAT(ChooseLevel({}, [](uint32_t below) { return below - 1; }), IsOkAndHolds("s0:c1022,c1023"));
  EXPECT_THAT(ChooseLevel({"s0:c1022,c1023"}, [](uint32_t below) { return below - 1; }), IsOkAndHolds("s0:c0,c1"));
}

TEST(Categories, TheLastFreePairIsFoundAndThenNone) {
  std::set<std::string> taken;
  for (int low = 0; low < 1024; ++low) {
    for (int high = low + 1; high < 1024; ++high) {
      taken.insert("s0:c" + std::to_string(low) + ",c" + std::to_string(high));
    }
  }
  for (const char* last : {"s0:c0,c1", "s0:c7,c99", "s0:c1022,c1023"}) {
    taken.erase(last);
    EXPECT_THAT(ChooseLevel(taken, [](uint32_t below) { return below / 2; }), IsOkAndHolds(last));
    taken.insert(last);
  }
  EXPECT_THAT(ChooseLevel(taken, Zero), StatusIs(absl::StatusCode::kResourceExhausted, testing::HasSubstr("pod")));
}

TEST(Categories, AreReservedUntilThePodIsSeen) {
  rktlet::base::TempDir temp;
  const rktlet::spec::Layout layout(temp.path(), temp.File("run"));
  // Pods that are being made have directories of another name; what is torn keeps nothing.
  ASSERT_THAT(rktlet::base::MakeDirectories(layout.Pods() + "/.prepare-a"), IsOk());
  ASSERT_THAT(rktlet::base::MakeDirectories(layout.Pods() + "/b"), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(layout.Pods() + "/.prepare-a/pod.json", R"({"selinux_level":"s0:c1,c2"})"),
              IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(layout.Pods() + "/b/pod.json", R"({"selinux_level":)"), IsOk());
  ASSERT_OK_AND_ASSIGN(const ReservedLevel reserved, ReserveLevel(layout));
  EXPECT_THAT(reserved.level, testing::MatchesRegex("s0:c[0-9]+,c[0-9]+"));
  EXPECT_NE(reserved.level, "s0:c1,c2");
  ASSERT_OK_AND_ASSIGN(const auto other, rktlet::base::FileLock::TryExclusive(layout.dir() + "/selinux.lock"));
  EXPECT_FALSE(other.has_value()) << "another pod may choose meanwhile";
}

TEST(PodLabels, AreThePodsOwnUnlessALevelIsAskedFor) {
  rktlet::base::TempDir temp;
  const rktlet::spec::Layout layout(temp.path(), temp.File("run"));
  Policy policy;
  policy.check = [](const std::string& context) {
    return context.ends_with("s0,c1") ? absl::InvalidArgumentError(context) : absl::OkStatus();
  };
  rktlet::spec::PodSecurity security;
  ASSERT_OK_AND_ASSIGN(PodLabels labels, LabelPod(policy, layout, security));
  EXPECT_EQ(labels.level, "") << "without SELinux";
  policy.enabled = true;
  ASSERT_OK_AND_ASSIGN(labels, LabelPod(policy, layout, security));
  EXPECT_TRUE(labels.reserved.has_value());
  EXPECT_EQ(labels.files, "system_u:object_r:container_file_t:" + labels.level);
  labels.reserved.reset();
  security.selinux.level = "s0:c1,c2";
  ASSERT_OK_AND_ASSIGN(labels, LabelPod(policy, layout, security));
  EXPECT_FALSE(labels.reserved.has_value());
  EXPECT_EQ(labels.files, "system_u:object_r:container_file_t:s0:c1,c2");
  security.selinux.level = "s0,c1";
  EXPECT_THAT(LabelPod(policy, layout, security), StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("")));
}

}  // namespace
}  // namespace rkt::selinux
