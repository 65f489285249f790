// SPDX-License-Identifier: Apache-2.0
#include "unit/mount_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rktlet::unit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MountUnits, AreNamedAsSystemdEscapesPaths) {
  EXPECT_EQ(MountUnitName("/var/lib/x"), "var-lib-x.mount");
  EXPECT_EQ(MountUnitName("/srv/a-b c"), "srv-a\\x2db\\x20c.mount");
  EXPECT_EQ(MountUnitName("/.hidden"), "\\x2ehidden.mount");
}

TEST(MountUnits, OfPathsAreThoseOfTheLongestMountPoint) {
  const base::TempDir dir;
  ASSERT_THAT(base::WriteFileAtomic(dir.File("mountinfo"),
                                    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                    "2 1 8:2 / /srv rw - ext4 /dev/sdb1 rw\n"
                                    "3 2 8:3 / /srv/my\\040data rw - ext4 /dev/sdc1 rw\n"),
              base::IsOk());
  const std::string table = dir.File("mountinfo");
  EXPECT_THAT(MountUnitsOf({"/srv/my data/x", "/srv/other", "/srv"}, table),
              ElementsAre("srv-my\\x20data.mount", "srv.mount"));
  EXPECT_THAT(MountUnitsOf({"/srvx", "/etc"}, table), IsEmpty());
  EXPECT_THAT(MountUnitsOf({"/srv"}, dir.File("missing")), IsEmpty());
}

}  // namespace
}  // namespace rktlet::unit
