// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/declared_volumes.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::spec::Mount;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Places(const std::vector<std::string>& declared,
                                const std::vector<std::string>& mounted = {}) {
  std::vector<Mount> mounts(mounted.size());
  for (size_t i = 0; i < mounted.size(); ++i) {
    mounts[i].container_path = mounted[i];
  }
  std::vector<std::string> places;
  const auto volumes = DeclaredVolumes(declared, mounts, "/app");
  EXPECT_THAT(volumes, IsOk());
  for (const RuntimeMount& volume : *volumes) {
    places.push_back(volume.destination);
  }
  return places;
}

TEST(DeclaredVolumes, AreCleanPathsInsideTheContainer) {
  EXPECT_THAT(Places({"/var/lib/db/", "data", "/a/../../b//c", "/data"}), ElementsAre("/b/c", "/data", "/var/lib/db"));
}

TEST(DeclaredVolumes, GiveWayToMountsOfTheContainerAndToTheSystem) {
  EXPECT_THAT(Places({"/data", "/data/inner", "/database"}, {"/data/"}), ElementsAre("/database"));
  EXPECT_THAT(Places({"/data"}, {"/data/inner", "/x"}), ElementsAre("/data"));
  EXPECT_THAT(Places({"/proc/x", "/sys/fs/cgroup", "/dev", "/etc/hosts", "/processes"}), ElementsAre("/processes"));
}

TEST(DeclaredVolumes, LieInTheContainersDirectory) {
  ASSERT_OK_AND_ASSIGN(const auto volumes, DeclaredVolumes({"/b", "/a"}, {}, "/app"));
  EXPECT_EQ(volumes[1].destination, "/b");
  EXPECT_EQ(volumes[1].source, "/app/volumes/1");
  EXPECT_THAT(volumes[1].options, ElementsAre("rbind", "rprivate", "rw"));
}

TEST(DeclaredVolumes, OfAHostileImageAreRefused) {
  for (const char* path : {"", "/", "/..", "a/.."}) {
    EXPECT_THAT(DeclaredVolumes({path}, {}, "/app"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("declares")))
        << path;
  }
  EXPECT_THAT(DeclaredVolumes(std::vector<std::string>(129, "/a"), {}, "/app"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("129")));
}

TEST(DeclaredVolumes, HaveWhatTheImageHasThere) {
  if (geteuid() != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
    GTEST_SKIP() << "owners of files need root";
  }
  rktlet::base::TempDir temp;
  ASSERT_THAT(rktlet::base::MakeDirectories(temp.File("image/real")), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(temp.File("image/real/file"), "content"), IsOk());
  ASSERT_EQ(symlink("/real", temp.File("image/data").c_str()), 0);
  ASSERT_THAT(rktlet::base::MakeDirectories(temp.File("app")), IsOk());
  ASSERT_OK_AND_ASSIGN(const LayeredRoot image, LayeredRoot::Open({temp.File("image")}));
  ASSERT_OK_AND_ASSIGN(const auto app, rktlet::base::OpenDirectory(temp.File("app")));
  ASSERT_OK_AND_ASSIGN(auto volumes, DeclaredVolumes({"/data", "/new"}, {}, temp.File("app")));
  ASSERT_THAT(MakeDeclaredVolumes(app.get(), volumes, image), IsOk());
  EXPECT_THAT(rktlet::base::ReadFile(volumes[0].source + "/file"), IsOkAndHolds("content"));
  EXPECT_THAT(rktlet::base::ListDirectory(volumes[1].source), IsOkAndHolds(IsEmpty()));
  struct stat st = {};
  ASSERT_EQ(stat(volumes[1].source.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755U);

  ASSERT_THAT(rktlet::base::RemoveTree(temp.File("app/volumes")), IsOk());
  ASSERT_OK_AND_ASSIGN(volumes, DeclaredVolumes({"/data/file"}, {}, temp.File("app")));
  EXPECT_THAT(MakeDeclaredVolumes(app.get(), volumes, image),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("volume /data/file")));
}

}  // namespace
}  // namespace rkt::oci
