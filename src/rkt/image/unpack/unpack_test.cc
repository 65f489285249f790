// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/unpack/unpack.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "rkt/image/sha256.h"
#include "rkt/image/unpack/test_archive.h"

namespace rkt::image {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::HasSubstr;

using Entry = TestEntry;

class UnpackTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      ASSERT_EQ(std::getenv("CI"), nullptr) << "needs root";
      GTEST_SKIP() << "owners and devices need root";
    }
    ASSERT_THAT(rktlet::base::MakeDirectories(root()), IsOk());
  }

  std::string root() const { return directory_.File("root"); }
  std::string At(const std::string& path) const { return root() + "/" + path; }

  absl::StatusOr<UnpackResult> Unpack(const std::string& archive, const std::string& diff_id,
                                      const UnpackLimits& limits = {}) {
    const std::string file = directory_.File("archive");
    EXPECT_THAT(rktlet::base::WriteFileAtomic(file, archive), IsOk());
    const rktlet::base::UniqueFd archive_fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const rktlet::base::UniqueFd root_fd(::open(root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return UnpackLayer(archive_fd.get(), root_fd.get(), diff_id, limits);
  }
  absl::StatusOr<UnpackResult> Unpack(const std::vector<Entry>& entries, const UnpackLimits& limits = {}) {
    const std::string tar = MakeTar(entries);
    return Unpack(tar, DigestOf(tar), limits);
  }

  struct stat Stat(const std::string& path) const {
    struct stat info {};
    EXPECT_EQ(::lstat(At(path).c_str(), &info), 0) << path;
    return info;
  }
  std::string Content(const std::string& path) const { return rktlet::base::ReadFile(At(path)).value_or("(none)"); }
  std::string Xattr(const std::string& path, const char* name) const {
    char value[256];
    const ssize_t size = ::lgetxattr(At(path).c_str(), name, value, sizeof(value));
    return size < 0 ? "(none)" : std::string(value, static_cast<size_t>(size));
  }
  bool Exists(const std::string& path) const { return rktlet::base::Exists(At(path)); }
  bool IsWhiteout(const std::string& path) const {
    const struct stat info = Stat(path);
    return S_ISCHR(info.st_mode) && info.st_rdev == 0;
  }

  rktlet::base::TempDir directory_;
};

TEST_F(UnpackTest, KeepsOwnersModesTimesAndContent) {
  ASSERT_OK_AND_ASSIGN(
      const UnpackResult result,
      Unpack({{.path = "./", .mode = S_IFDIR | 0711, .uid = 3, .mtime = 77},
              {.path = "etc/", .mode = S_IFDIR | 01755, .gid = 5, .mtime = 1234},
              {.path = "etc/file", .mode = S_IFREG | 04750, .content = "hello", .uid = 100000, .gid = 7, .mtime = 4321},
              {.path = "etc/link", .mode = S_IFLNK | 0777, .symlink = "../../file", .uid = 9}}));
  EXPECT_EQ(result.bytes, 5u);
  EXPECT_EQ(result.entries, 4u);
  EXPECT_EQ(Stat(".").st_mode, static_cast<mode_t>(S_IFDIR | 0711));
  EXPECT_EQ(Stat(".").st_uid, 3u);
  EXPECT_EQ(Stat(".").st_mtime, 77);
  EXPECT_EQ(Stat("etc").st_mode, static_cast<mode_t>(S_IFDIR | 01755));
  EXPECT_EQ(Stat("etc").st_gid, 5u);
  EXPECT_EQ(Stat("etc").st_mtime, 1234);
  EXPECT_EQ(Stat("etc/file").st_mode, static_cast<mode_t>(S_IFREG | 04750));
  EXPECT_EQ(Stat("etc/file").st_uid, 100000u);
  EXPECT_EQ(Stat("etc/file").st_mtime, 4321);
  EXPECT_EQ(Content("etc/file"), "hello");
  EXPECT_EQ(Stat("etc/link").st_uid, 9u);
  char target[64] = {};
  ASSERT_GT(::readlink(At("etc/link").c_str(), target, sizeof(target) - 1), 0);
  EXPECT_STREQ(target, "../../file");
}

TEST_F(UnpackTest, MakesHardLinksDevicesFifosAndCapabilities) {
  const std::string capability("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  ASSERT_THAT(
      Unpack(
          {{.path = "bin/a",
            .content = "x",
            .xattrs = {{"security.capability", capability}, {"user.note", "n"}, {"trusted.overlay.redirect", "/etc"}}},
           {.path = "bin/b", .hardlink = "bin/a"},
           {.path = "bin/c", .hardlink = "/bin/a"},
           {.path = "null", .mode = S_IFCHR | 0666, .device = makedev(1, 3)},
           {.path = "disk", .mode = S_IFBLK | 0600, .device = makedev(8, 0)},
           {.path = "pipe", .mode = S_IFIFO | 0622}}),
      IsOk());
  EXPECT_EQ(Stat("bin/a").st_ino, Stat("bin/b").st_ino);
  EXPECT_EQ(Stat("bin/a").st_nlink, 3u);
  EXPECT_EQ(Xattr("bin/b", "security.capability"), capability);
  EXPECT_EQ(Xattr("bin/a", "user.note"), "n");
  EXPECT_EQ(Xattr("bin/a", "trusted.overlay.redirect"), "(none)");
  EXPECT_EQ(Stat("null").st_rdev, makedev(1, 3));
  EXPECT_EQ(Stat("null").st_mode, static_cast<mode_t>(S_IFCHR | 0666));
  EXPECT_EQ(Stat("disk").st_mode, static_cast<mode_t>(S_IFBLK | 0600));
  EXPECT_EQ(Stat("pipe").st_mode, static_cast<mode_t>(S_IFIFO | 0622));
}

TEST_F(UnpackTest, TurnsWhiteoutsIntoThoseOfOverlay) {
  ASSERT_THAT(Unpack({{.path = "a/.wh.gone"},
                      {.path = "b/.wh..wh..opq"},
                      {.path = "b/kept", .content = "k"},
                      {.path = ".wh..wh.plnk/x"},
                      {.path = ".wh..wh.aufs"}}),
              IsOk());
  EXPECT_TRUE(IsWhiteout("a/gone"));
  EXPECT_EQ(Xattr("b", "trusted.overlay.opaque"), "y");
  EXPECT_EQ(Content("b/kept"), "k");
  EXPECT_FALSE(Exists(".wh..wh.plnk"));
  EXPECT_FALSE(Exists("a/.wh.gone"));
}

TEST_F(UnpackTest, WhiteoutsHideOnlyWhatLowerLayersHave) {
  ASSERT_THAT(Unpack({{.path = "file", .content = "mine"},
                      {.path = ".wh.file"},
                      {.path = "dir/inner", .content = "mine"},
                      {.path = ".wh.dir"},
                      {.path = ".wh.later"},
                      {.path = "later", .mode = S_IFDIR | 0755},
                      {.path = ".wh.again"},
                      {.path = "again", .content = "file"}}),
              IsOk());
  EXPECT_EQ(Content("file"), "mine");
  EXPECT_EQ(Content("dir/inner"), "mine");
  EXPECT_EQ(Xattr("dir", "trusted.overlay.opaque"), "y");
  EXPECT_EQ(Xattr("later", "trusted.overlay.opaque"), "y");
  EXPECT_EQ(Content("again"), "file");
}

TEST_F(UnpackTest, LaterEntriesReplaceEarlierOnes) {
  ASSERT_THAT(Unpack({{.path = "a", .mode = S_IFDIR | 0755},
                      {.path = "a/x", .content = "1"},
                      {.path = "a", .content = "now a file"},
                      {.path = "b", .content = "file"},
                      {.path = "b", .mode = S_IFDIR | 0755},
                      {.path = "b/y", .content = "2"},
                      {.path = "c", .mode = S_IFLNK | 0777, .symlink = "b"},
                      {.path = "c/via", .content = "3"},
                      {.path = "c", .mode = S_IFDIR | 0755},
                      {.path = "c/own", .content = "4"}}),
              IsOk());
  EXPECT_EQ(Content("a"), "now a file");
  EXPECT_EQ(Content("b/y"), "2");
  EXPECT_EQ(Content("b/via"), "3");
  EXPECT_EQ(Content("c/own"), "4");
  EXPECT_FALSE(Exists("b/own"));
}

TEST_F(UnpackTest, KeepsNamesThatAreNotAscii) {
  ASSERT_THAT(Unpack({{.path = "Größe/日本", .content = "x"}, {.path = std::string(180, 'n') + "/ü", .content = "y"}}),
              IsOk());
  EXPECT_EQ(Content("Größe/日本"), "x");
  EXPECT_EQ(Content(std::string(180, 'n') + "/ü"), "y");
}

TEST_F(UnpackTest, ReadsGzipZstdPlainAndEmptyArchives) {
  const std::string tar = MakeTar({{.path = "f", .content = std::string(100000, 'x')}});
  EXPECT_THAT(Unpack(Compress(tar, ::archive_write_add_filter_gzip), DigestOf(tar)), IsOk());
  EXPECT_EQ(Content("f").size(), 100000u);
  EXPECT_THAT(Unpack(Compress(tar, ::archive_write_add_filter_zstd), DigestOf(tar)), IsOk());
  EXPECT_THAT(Unpack(tar, DigestOf(tar)), IsOk());
  const std::string nothing(1024, '\0');
  EXPECT_THAT(Unpack(nothing, DigestOf(nothing)), IsOk());
  EXPECT_THAT(Unpack("", DigestOf("")), IsOk());
}

TEST_F(UnpackTest, HashesBytesAfterTheEndOfTheArchiveToo) {
  const std::string tar = MakeTar({{.path = "f"}}) + std::string(50000, '\0') + "trailer";
  EXPECT_THAT(Unpack(Compress(tar, ::archive_write_add_filter_gzip), DigestOf(tar)), IsOk());
}

TEST_F(UnpackTest, TakesArchivesWhoseEndIsNotPadded) {
  std::string tar = MakeTar({{.path = "f", .content = std::string(1000, 'x')}});
  tar.resize(512 + 1000);
  EXPECT_THAT(Unpack(tar, DigestOf(tar)), IsOk());
  EXPECT_EQ(Content("f"), std::string(1000, 'x'));
}

TEST_F(UnpackTest, RefusesWrongDigestsTruncationAndNoise) {
  const std::string tar = MakeTar({{.path = "f", .content = std::string(300000, 'x')}});
  const std::string gzip = Compress(tar, ::archive_write_add_filter_gzip);
  const std::string zstd = Compress(tar, ::archive_write_add_filter_zstd);
  EXPECT_THAT(Unpack(tar, DigestOf("other")), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest")));
  EXPECT_THAT(Unpack(tar.substr(0, tar.size() / 2), DigestOf(tar)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  EXPECT_THAT(Unpack(gzip.substr(0, gzip.size() / 2), DigestOf(tar)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  EXPECT_THAT(Unpack(zstd.substr(0, zstd.size() / 2), DigestOf(tar)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  EXPECT_THAT(Unpack("this is no archive at all", DigestOf(tar)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
}

struct Hostile {
  std::string name;
  std::vector<Entry> entries;
  std::string reason;
};

class HostileArchives : public UnpackTest, public testing::WithParamInterface<Hostile> {};

TEST_P(HostileArchives, AreRefusedAndTouchNothingOutside) {
  const std::string victim = directory_.File("victim");
  ASSERT_THAT(rktlet::base::WriteFileAtomic(victim, "untouched"), IsOk());
  EXPECT_THAT(Unpack(GetParam().entries), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(GetParam().reason)));
  EXPECT_EQ(rktlet::base::ReadFile(victim).value_or(""), "untouched");
  EXPECT_THAT(rktlet::base::ListDirectory(directory_.path()),
              rktlet::base::IsOkAndHolds(testing::ElementsAre("archive", "root", "victim")));
}

const std::string kDeep = [] {
  std::string path;
  for (int i = 0; i < 300; ++i) {
    path += "d/";
  }
  return path + "f";
}();

INSTANTIATE_TEST_SUITE_P(
    Each, HostileArchives,
    testing::Values(
        Hostile{"AbsolutePath", {{.path = "/victim", .content = "x"}}, "absolute"},
        Hostile{"DotDot", {{.path = "../victim", .content = "x"}}, "\"..\""},
        Hostile{"DotDotInside", {{.path = "a/../../victim", .content = "x"}}, "\"..\""},
        Hostile{"ThroughALinkUp",
                {{.path = "up", .mode = S_IFLNK | 0777, .symlink = ".."}, {.path = "up/victim", .content = "x"}},
                "up/victim"},
        Hostile{"ThroughAnAbsoluteLink",
                {{.path = "abs", .mode = S_IFLNK | 0777, .symlink = "/tmp"}, {.path = "abs/victim", .content = "x"}},
                "leads out"},
        Hostile{"ThroughADanglingLink",
                {{.path = "no", .mode = S_IFLNK | 0777, .symlink = "nowhere"}, {.path = "no/x", .content = "x"}},
                "no/x"},
        Hostile{"WhiteoutThroughALink",
                {{.path = "up", .mode = S_IFLNK | 0777, .symlink = ".."}, {.path = "up/.wh.victim"}},
                "up/.wh.victim"},
        Hostile{"WhiteoutOfDotDot", {{.path = "a/.wh..."}}, "whiteout"},
        Hostile{"WhiteoutOfDot", {{.path = "a/.wh.."}}, "whiteout"},
        Hostile{"WhiteoutOfNothing", {{.path = "a/.wh."}}, "whiteout"},
        Hostile{"BelowAWhiteout", {{.path = ".wh.a/b"}}, "below a whiteout"},
        Hostile{"HardLinkUp", {{.path = "h", .hardlink = "../victim"}}, "../victim"},
        Hostile{"HardLinkThroughALink",
                {{.path = "up", .mode = S_IFLNK | 0777, .symlink = ".."}, {.path = "h", .hardlink = "up/victim"}},
                "up/victim"},
        Hostile{"HardLinkToNothing", {{.path = "h", .hardlink = "/etc/passwd"}}, "etc/passwd"},
        Hostile{
            "HardLinkToADirectory", {{.path = "d", .mode = S_IFDIR | 0755}, {.path = "h", .hardlink = "d"}}, "no file"},
        Hostile{"BelowAFile", {{.path = "f", .content = "x"}, {.path = "f/g", .content = "y"}}, "f/g"},
        Hostile{"TooDeep", {{.path = kDeep}}, "deep"},
        Hostile{"NameTooLong", {{.path = std::string(300, 'n')}}, "too long"},
        Hostile{"OwnerOutOfRange", {{.path = "f", .uid = 0xffffffff}}, "owner"},
        Hostile{"RootAsAFile", {{.path = ".", .content = "x"}}, "root"}),
    [](const auto& info) { return info.param.name; });

TEST_F(UnpackTest, TakesASlashForTheRoot) {
  ASSERT_THAT(Unpack({{.path = "/", .mode = S_IFDIR | 0750}}), IsOk());
  EXPECT_EQ(Stat(".").st_mode, static_cast<mode_t>(S_IFDIR | 0750));
}

TEST_F(UnpackTest, FollowsLinksThatStayInTheLayer) {
  ASSERT_THAT(Unpack({{.path = "usr/lib", .mode = S_IFDIR | 0755},
                      {.path = "lib", .mode = S_IFLNK | 0777, .symlink = "usr/lib"},
                      {.path = "lib/x.so", .content = "elf"}}),
              IsOk());
  EXPECT_EQ(Content("usr/lib/x.so"), "elf");
  EXPECT_TRUE(S_ISLNK(Stat("lib").st_mode));
}

TEST_F(UnpackTest, StopsAtTheLimits) {
  EXPECT_THAT(Unpack({{.path = "1"}, {.path = "2"}, {.path = "3"}, {.path = "4"}}, {.max_entries = 3}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("more than 3 entries")));
  const std::vector<Entry> big = {{.path = "f", .content = std::string(1 << 20, '\0')}};
  EXPECT_THAT(Unpack(big, {.max_bytes = 1 << 19}), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("more than")));
  const std::string tar = MakeTar(big);
  const std::string bomb = Compress(tar, ::archive_write_add_filter_gzip);
  EXPECT_THAT(Unpack(bomb, DigestOf(tar), {.max_ratio = 20, .ratio_from = 1 << 16}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("20 times")));
  EXPECT_THAT(Unpack(bomb, DigestOf(tar), {.max_ratio = 20, .ratio_from = 1 << 22}), IsOk());
}

TEST(Sha256Test, AgreesWithTheStandard) {
  EXPECT_EQ(DigestOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace rkt::image
