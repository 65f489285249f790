// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/log_journal.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "spec/log_journal.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;

class LogJournal : public testing::Test {
 protected:
  LogJournal() {
    pod_.id = *rktlet::spec::PodId::Parse(std::string(64, 'a'));
    container_.id = *rktlet::spec::ContainerId::Parse(std::string(64, 'b'));
    container_.name = "web";
  }

  rktlet::spec::PodSpec pod_;
  rktlet::spec::ContainerSpec container_;
};

TEST_F(LogJournal, IsOffUnlessAskedFor) { EXPECT_THAT(JournalDescription(pod_, container_), IsOkAndHolds("")); }

TEST_F(LogJournal, HasTheLimitAndTheFields) {
  container_.rkt_annotations[rktlet::spec::kLogJournalAnnotation] = "1000 30000";
  EXPECT_THAT(JournalDescription(pod_, container_),
              IsOkAndHolds("1000 30000\nSYSLOG_IDENTIFIER=web\nK8S_CONTAINER=web\nCONTAINER_ID=" +
                           std::string(64, 'b') + "\nPOD_ID=" + std::string(64, 'a') + "\n"));
}

TEST_F(LogJournal, AWrongLimitIsRefused) {
  for (const char* wrong : {"", "1", "1 ", "-1 5", "1 2 3", "a b", "1000\n5"}) {
    container_.rkt_annotations[rktlet::spec::kLogJournalAnnotation] = wrong;
    EXPECT_THAT(JournalDescription(pod_, container_),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("io.rktlet.log-journal")))
        << wrong;
  }
}

}  // namespace
}  // namespace rkt::oci
