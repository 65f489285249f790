// SPDX-License-Identifier: Apache-2.0
#include "rkt/selinux/relabel.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"

namespace rkt::selinux {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class RelabelTest : public testing::Test {
 protected:
  RelabelTest() {
    access_.get = [this](int dir_fd, const std::string& name) -> absl::StatusOr<std::string> {
      const std::string path = PathOf(dir_fd, name);
      if (path == without_labels_) {
        return absl::UnimplementedError(path);
      }
      return labels_[path];
    };
    access_.set = [this](int dir_fd, const std::string& name, const std::string& label) {
      const std::string path = PathOf(dir_fd, name);
      if (path == fails_) {
        return absl::PermissionDeniedError(path);
      }
      ++writes_;
      labels_[path] = label;
      return absl::OkStatus();
    };
    EXPECT_THAT(rktlet::base::MakeDirectories(temp_.File("volume/a/b")), IsOk());
    EXPECT_THAT(rktlet::base::WriteFileAtomic(temp_.File("volume/a/file"), ""), IsOk());
    EXPECT_THAT(rktlet::base::MakeDirectories(temp_.File("outside")), IsOk());
    EXPECT_THAT(rktlet::base::WriteFileAtomic(temp_.File("outside/secret"), ""), IsOk());
    EXPECT_EQ(symlink("../../outside", temp_.File("volume/a/link").c_str()), 0);
  }

  // Relative to the temporary directory.
  std::string PathOf(int dir_fd, const std::string& name) const {
    const std::string directory = std::filesystem::read_symlink(StrCat("/proc/self/fd/", dir_fd));
    return std::filesystem::path(directory + "/" + name).lexically_relative(std::filesystem::canonical(temp_.path()));
  }

  rktlet::base::TempDir temp_;
  LabelAccess access_;
  std::map<std::string, std::string> labels_;
  std::string without_labels_;
  std::string fails_;
  int writes_ = 0;
};

TEST_F(RelabelTest, ReachesAllInAVolumeAndNothingOutside) {
  EXPECT_THAT(Relabel(temp_.File("volume"), "l", access_), IsOkAndHolds(Relabelled::kYes));
  EXPECT_THAT(labels_, ElementsAre(Pair("volume", "l"), Pair("volume/a", "l"), Pair("volume/a/b", "l"),
                                   Pair("volume/a/file", "l"), Pair("volume/a/link", "l")));
  EXPECT_EQ(writes_, 5);
  EXPECT_THAT(Relabel(temp_.File("volume"), "l", access_), IsOk());
  EXPECT_EQ(writes_, 5) << "what has the label already is left alone";
}

TEST_F(RelabelTest, AFileIsAVolumeToo) {
  EXPECT_THAT(Relabel(temp_.File("volume/a/file"), "l", access_), IsOkAndHolds(Relabelled::kYes));
  EXPECT_THAT(labels_, ElementsAre(Pair("volume/a/file", "l")));
  EXPECT_THAT(SetLabel(temp_.File("volume/a"), "m", access_), IsOk());
  EXPECT_THAT(labels_, ElementsAre(Pair("volume/a", "m"), Pair("volume/a/file", "l")));
}

TEST_F(RelabelTest, AFileSystemWithoutLabelsIsTold) {
  without_labels_ = "volume/a/b";
  EXPECT_THAT(Relabel(temp_.File("volume"), "l", access_), IsOkAndHolds(Relabelled::kNoLabelsThere));
  EXPECT_EQ(labels_["volume/a/file"], "l");
}

TEST_F(RelabelTest, AFailureNamesThePlace) {
  fails_ = "volume/a/file";
  EXPECT_THAT(Relabel(temp_.File("volume"), "l", access_),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("a: volume/a/file")));
  EXPECT_THAT(Relabel(temp_.File("none"), "l", access_), IsOk()) << "it vanished: then it needs no label";
}

TEST(CheckRelabel, SparesWhatTheMachineNeeds) {
  for (const char* path :
       {"/", "/etc", "/usr", "/home", "/root", "/var", "/var/lib", "/tmp", "/run", "/proc", "/sys"}) {
    EXPECT_THAT(CheckRelabel(path), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(path))) << path;
  }
  for (const char* path : {"/home/user", "/var/lib/kubelet/pods", "/srv/data", "/etc/app"}) {
    EXPECT_THAT(CheckRelabel(path), IsOk()) << path;
  }
}

// The kernel's own labels, wherever the kernel lets us set them: without SELinux the attribute is stored as it is.
TEST(KernelLabels, AreSetAndReadBack) {
  rktlet::base::TempDir temp;
  if (geteuid() != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
    GTEST_SKIP() << "attributes of security need root";
  }
  ASSERT_THAT(SetLabel(temp.path(), "system_u:object_r:container_file_t:s0"), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto parent, rktlet::base::OpenDirectory(temp.path() + "/.."));
  const std::string name = temp.path().substr(temp.path().rfind('/') + 1);
  EXPECT_THAT(KernelLabels().get(parent.get(), name), IsOkAndHolds("system_u:object_r:container_file_t:s0"));
}

}  // namespace
}  // namespace rkt::selinux
