// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/add_container.h"

#include <gmock/gmock.h>
#include <sys/file.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rkt/oci/rootfs.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(SweepApps, RemovesWhatNobodyWorksOnAndKeepsTheRest) {
  rktlet::base::TempDir temp;
  const rktlet::spec::Layout layout(temp.path(), temp.File("run"));
  const auto pod = *rktlet::spec::PodId::Parse(std::string(64, 'a'));
  for (const char* name : {"/.new-x-1", "/.new-y-2", "/.old-z-3", "/web"}) {
    ASSERT_THAT(rktlet::base::MakeDirectories(layout.Apps(pod) + name + "/upper"), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(rktlet::base::UniqueFd held, rktlet::base::OpenDirectory(layout.Apps(pod) + "/.new-y-2"));
  ASSERT_EQ(flock(held.get(), LOCK_EX), 0);
  SweepApps(layout, pod);
  EXPECT_THAT(rktlet::base::ListDirectory(layout.Apps(pod)), IsOkAndHolds(ElementsAre(".new-y-2", "web")));
}

TEST(Layers, AreReadAsTheyWereWritten) {
  rktlet::base::TempDir temp;
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("layers"), "/images/l\nAB\nCD\n"), IsOk());
  ASSERT_OK_AND_ASSIGN(OverlayLayers layers, ReadLayers(temp.File("layers")));
  EXPECT_EQ(layers.base_path, "/images/l");
  EXPECT_THAT(layers.names, ElementsAre("AB", "CD"));
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("layers"), "/images/l\n"), IsOk());
  EXPECT_THAT(ReadLayers(temp.File("layers")), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layers")));
}

TEST(WorkingDirectoryInRoot, IsMadeInsideTheRootWhateverLinksSay) {
  rktlet::base::TempDir temp;
  ASSERT_THAT(rktlet::base::MakeDirectories(temp.File("root/real")), IsOk());
  ASSERT_EQ(symlink("/real", temp.File("root/link").c_str()), 0);
  EXPECT_THAT(EnsureDirectoryInRoot(temp.File("root"), "/link/a/b"), IsOk());
  EXPECT_TRUE(rktlet::base::Exists(temp.File("root/real/a/b")));
  EXPECT_THAT(EnsureDirectoryInRoot(temp.File("root"), "/"), IsOk());
}

}  // namespace
}  // namespace rkt::oci
