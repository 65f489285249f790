// SPDX-License-Identifier: Apache-2.0
#include "spec/resource_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rktlet::spec {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Resources Some() {
  Resources resources;
  resources.cpu_period = 100'000;
  resources.cpu_quota = 50'000;
  resources.memory_limit = 1 << 20;
  resources.cpuset_cpus = "0-1";
  resources.hugepage_limits = {{"2MB", 4 << 20}};
  resources.unified = {{"memory.high", "1000"}, {"misc.max", "a 1"}};
  return resources;
}

TEST(Merge, TakesWhatIsAskedForAndLeavesTheRest) {
  Resources update;
  update.memory_limit = 2 << 20;
  update.hugepage_limits = {{"2MB", 0}, {"1GB", 1 << 30}};
  update.unified = {{"memory.high", "max"}};
  const Resources merged = Merge(Some(), update);
  EXPECT_EQ(merged.cpu_quota, 50'000);
  EXPECT_EQ(merged.memory_limit, 2 << 20);
  EXPECT_EQ(merged.cpuset_cpus, "0-1");
  EXPECT_THAT(merged.hugepage_limits, ElementsAre(HugepageLimit{"2MB", 0}, HugepageLimit{"1GB", 1 << 30}));
  EXPECT_THAT(merged.unified, ElementsAre(std::pair<const std::string, std::string>{"memory.high", "max"},
                                          std::pair<const std::string, std::string>{"misc.max", "a 1"}));
  EXPECT_EQ(Merge(Some(), Resources()), Some());
}

TEST(Merge, OfAPodReplacesEachOfItsTwoParts) {
  PodResources pod;
  pod.overhead = Some();
  PodResources update;
  update.resources.emplace().cpu_shares = 10;
  const PodResources merged = Merge(pod, update);
  EXPECT_EQ(merged.overhead, Some());
  EXPECT_EQ(merged.resources->cpu_shares, 10);
}

TEST(ResourcesDocument, IsReadAsItWasWritten) {
  EXPECT_THAT(ParseResources(ToJson(Some())), IsOkAndHolds(Some()));
  PodResources pod;
  pod.resources = Some();
  EXPECT_THAT(ParsePodResources(ToJson(pod)), IsOkAndHolds(pod));
  EXPECT_THAT(ParseResources(R"({"version": 1, "memory": 3})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("memory")));
}

TEST(ResourcesDocument, RefusesPageSizesAndAttributesThatCannotBe) {
  for (const char* size : {"", "2", "MB", "2Mi", "2MB/../x", "99999999MB"}) {
    Resources resources;
    resources.hugepage_limits = {{size, 1}};
    EXPECT_THAT(Validate(resources), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("page size"))) << size;
  }
  for (const char* attribute : {"", "memory", "../memory.max", "memory..max", "memory.max\n", ".max", "memory."}) {
    Resources resources;
    resources.unified = {{attribute, "1"}};
    EXPECT_THAT(Validate(resources), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unified"))) << attribute;
  }
  Resources resources;
  resources.unified = {{"cgroup.freeze", "1"}};
  EXPECT_THAT(Validate(resources),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("cgroup.freeze"), HasSubstr("systemd"))));
  resources.unified = {{"memory.high", ""}};
  EXPECT_THAT(Validate(resources), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("memory.high")));
  EXPECT_THAT(Validate(Some()), IsOk());
}

}  // namespace
}  // namespace rktlet::spec
