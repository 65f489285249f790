// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/mounts.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::spec::Layout;
using rktlet::spec::Mount;
using rktlet::spec::Propagation;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class MountsTest : public testing::Test {
 protected:
  MountsTest() : layout_(temp_.File("lib"), temp_.File("run")) {
    pod_.id = *rktlet::spec::PodId::Parse(std::string(64, 'a'));
    EXPECT_THAT(rktlet::base::MakeDirectories(temp_.File("volume")), IsOk());
  }

  Mount Volume(const std::string& destination, Propagation propagation = Propagation::kPrivate) {
    Mount mount;
    mount.host_path = temp_.File("volume");
    mount.container_path = destination;
    mount.propagation = propagation;
    return mount;
  }
  absl::StatusOr<MountResult> Build(const std::string& mountinfo = "1 0 0:1 / / rw shared:1 - ext4 x rw\n") {
    const HostMounts host(mountinfo);
    return BuildMounts({layout_, pod_, container_, host, can_set_attributes_, cgroup_version_});
  }
  static const RuntimeMount* Find(const MountResult& result, const std::string& destination) {
    for (const RuntimeMount& mount : result.mounts) {
      if (mount.destination == destination) {
        return &mount;
      }
    }
    return nullptr;
  }

  rktlet::base::TempDir temp_;
  Layout layout_;
  rktlet::spec::PodSpec pod_;
  rktlet::spec::ContainerSpec container_;
  bool can_set_attributes_ = true;
  rktlet::unit::CgroupVersion cgroup_version_ = rktlet::unit::CgroupVersion::kV2;
};

TEST_F(MountsTest, APodWithAUserNamespaceHasItsOwnFilesMapped) {
  const std::vector<rktlet::spec::IdMapping> ids = {{.container_id = 0, .host_id = 200'000, .length = 65'536}};
  pod_.user_namespace = rktlet::spec::UserNamespace{ids, ids};
  ASSERT_THAT(rktlet::base::MakeDirectories(layout_.Pod(pod_.id)), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(layout_.PodFile(pod_.id, rktlet::spec::kHostsFile), "x"), IsOk());
  Mount own;
  own.kind = rktlet::spec::MountKind::kEmpty;
  own.name = "own";
  own.container_path = "/own";
  Mount mapped = Volume("/mapped");
  mapped.uid_mappings = mapped.gid_mappings = {{.container_id = 0, .host_id = 300'000, .length = 10}};
  container_.mounts = {own, mapped, Volume("/plain")};
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_EQ(Find(result, "/etc/hosts")->uid_mappings, ids);
  EXPECT_EQ(Find(result, "/own")->gid_mappings, ids);
  EXPECT_EQ(Find(result, "/mapped")->uid_mappings, mapped.uid_mappings);
  EXPECT_TRUE(Find(result, "/plain")->uid_mappings.empty());
  EXPECT_EQ(Find(result, "/sys")->source, layout_.PrivateMounts() + "/sys");

  // The kernel gives sysfs to the namespace that owns the network, and this one does not.
  pod_.network = rktlet::spec::NamespaceMode::kNode;
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(Find(result, "/sys")->source, "/sys");
  EXPECT_THAT(Find(result, "/sys")->options, Contains("ro"));
}

TEST_F(MountsTest, AUserNamespaceSendsNoMountsToTheNode) {
  const std::vector<rktlet::spec::IdMapping> ids = {{.container_id = 0, .host_id = 200'000, .length = 65'536}};
  container_.mounts = {Volume("/a", Propagation::kBidirectional)};
  container_.mounts[0].uid_mappings = container_.mounts[0].gid_mappings = ids;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Bidirectional")));
  container_.mounts[0].uid_mappings = container_.mounts[0].gid_mappings = {};
  EXPECT_THAT(Build(), IsOk());
  pod_.user_namespace = rktlet::spec::UserNamespace{ids, ids};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Bidirectional")));
}

TEST_F(MountsTest, EveryBindMountSaysHowItPropagates) {
  container_.mounts = {Volume("/a"), Volume("/b", Propagation::kHostToContainer),
                       Volume("/c", Propagation::kBidirectional)};
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_THAT(Find(result, "/a")->options, ElementsAre("rbind", "rprivate", "rw"));
  EXPECT_THAT(Find(result, "/b")->options, ElementsAre("rbind", "rslave", "rw"));
  EXPECT_THAT(Find(result, "/c")->options, ElementsAre("rbind", "rshared", "rw"));
  EXPECT_EQ(result.rootfs_propagation, "rshared");
  EXPECT_THAT(Find(result, "/dev/shm")->options, Contains("rprivate"));
}

TEST_F(MountsTest, TheRootIsSlaveForHostToContainerAndPrivateOtherwise) {
  container_.mounts = {Volume("/a")};
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_EQ(result.rootfs_propagation, "rprivate");
  container_.mounts = {Volume("/a", Propagation::kHostToContainer)};
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(result.rootfs_propagation, "rslave");
}

TEST_F(MountsTest, BidirectionalNeedsASharedMount) {
  container_.mounts = {Volume("/a", Propagation::kBidirectional)};
  EXPECT_THAT(Build("1 0 0:1 / / rw - ext4 x rw\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a shared mount")));
  container_.mounts = {Volume("/a", Propagation::kHostToContainer)};
  EXPECT_THAT(Build("1 0 0:1 / / rw master:3 - ext4 x rw\n"), IsOk());
  EXPECT_THAT(Build("1 0 0:1 / / rw - ext4 x rw\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("slave")));
}

TEST_F(MountsTest, AMissingSourceIsNamed) {
  container_.mounts = {Volume("/a")};
  container_.mounts[0].host_path = temp_.File("missing");
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
}

TEST_F(MountsTest, ALinkOnTheHostIsResolved) {
  ASSERT_EQ(symlink("volume", temp_.File("link").c_str()), 0);
  container_.mounts = {Volume("/a/../b//c/")};
  container_.mounts[0].host_path = temp_.File("link");
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  ASSERT_NE(Find(result, "/b/c"), nullptr);
  EXPECT_EQ(Find(result, "/b/c")->source, temp_.File("volume"));
}

TEST_F(MountsTest, AVolumeReplacesWhatWouldBeThere) {
  ASSERT_THAT(rktlet::base::MakeDirectories(layout_.Pod(pod_.id)), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(layout_.PodFile(pod_.id, "hosts"), ""), IsOk());
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_EQ(Find(result, "/etc/hosts")->source, layout_.PodFile(pod_.id, "hosts"));
  EXPECT_EQ(Find(result, "/etc/resolv.conf"), nullptr) << "the pod has none";
  container_.mounts = {Volume("/etc/hosts"), Volume("/dev/shm")};
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(Find(result, "/etc/hosts")->source, temp_.File("volume"));
  EXPECT_EQ(Find(result, "/dev/shm")->source, temp_.File("volume"));
}

TEST_F(MountsTest, ParentsAreMountedBeforeWhatIsInThem) {
  container_.mounts = {Volume("/a/b/c"), Volume("/a"), Volume("/a/b")};
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_LT(Find(result, "/a"), Find(result, "/a/b"));
  EXPECT_LT(Find(result, "/a/b"), Find(result, "/a/b/c"));
}

TEST_F(MountsTest, AVolumeDoesNotHideWhatThePodHasInIt) {
  ASSERT_THAT(rktlet::base::MakeDirectories(layout_.Pod(pod_.id)), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(layout_.PodFile(pod_.id, "hosts"), ""), IsOk());
  container_.mounts = {Volume("/etc"), Volume("/dev"), Volume("/etc/hosts.d")};
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_LT(Find(result, "/etc"), Find(result, "/etc/hosts"));
  EXPECT_LT(Find(result, "/dev"), Find(result, "/dev/shm"));
  EXPECT_LT(Find(result, "/dev/pts"), Find(result, "/dev")) << "a /dev of the node is whole";
}

TEST_F(MountsTest, APrivilegedContainerHasTheNodesOwnCgroupMount) {
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_EQ(Find(result, "/sys/fs/cgroup")->type, "cgroup");
  container_.security.privileged = true;
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(Find(result, "/sys/fs/cgroup")->type, "bind");
  EXPECT_THAT(Find(result, "/sys/fs/cgroup")->options, Contains("rw"));
  cgroup_version_ = rktlet::unit::CgroupVersion::kV1;
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_EQ(Find(result, "/sys/fs/cgroup")->type, "cgroup");
}

TEST_F(MountsTest, SysIsWritableForPrivilegedContainersOnly) {
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_THAT(Find(result, "/sys")->options, Contains("ro"));
  EXPECT_THAT(Find(result, "/sys/fs/cgroup")->options, Contains("ro"));
  container_.security.privileged = true;
  ASSERT_OK_AND_ASSIGN(result, Build());
  EXPECT_THAT(Find(result, "/sys")->options, Not(Contains("ro")));
}

TEST_F(MountsTest, RecursiveReadOnlyNeedsReadOnlyAndPrivate) {
  container_.mounts = {Volume("/a")};
  container_.mounts[0].recursive_read_only = true;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/a")));
  container_.mounts[0].read_only = true;
  ASSERT_OK_AND_ASSIGN(MountResult result, Build());
  EXPECT_THAT(Find(result, "/a")->options, Contains("rro"));
}

TEST_F(MountsTest, EmptyVolumesAreMadeOnceWithTheirMode) {
  Mount mount;
  mount.kind = rktlet::spec::MountKind::kEmpty;
  mount.name = "scratch";
  mount.container_path = "/scratch";
  mount.mode = 01777;
  container_.mounts = {mount};
  std::vector<std::string> made;
  EXPECT_THAT(MakeEmptyVolumes(layout_, pod_.id, container_, made), IsOk());
  EXPECT_THAT(made, ElementsAre(VolumeDirectory(layout_, pod_.id, "scratch")));
  struct stat st;
  ASSERT_EQ(stat(made[0].c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 01777U);
  made.clear();
  EXPECT_THAT(MakeEmptyVolumes(layout_, pod_.id, container_, made), IsOk());
  EXPECT_THAT(made, testing::IsEmpty());
  container_.mounts[0].name = "..";
  EXPECT_THAT(MakeEmptyVolumes(layout_, pod_.id, container_, made),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("..")));
}

TEST(HostMountsTest, FindsTheMountOnTopOfAPath) {
  const HostMounts mounts(
      "1 0 0:1 / / rw - ext4 x rw\n"
      "2 1 0:2 / /a\\040b rw shared:3 master:1 - tmpfs t rw\n"
      "3 1 0:3 / /c rw - tmpfs t rw\n"
      "4 1 0:4 / /c rw shared:9 - tmpfs t rw\n");
  EXPECT_EQ(mounts.Find("/a b/x")->point, "/a b");
  EXPECT_TRUE(mounts.Find("/a b")->shared);
  EXPECT_TRUE(mounts.Find("/a b")->slave);
  EXPECT_EQ(mounts.Find("/a bc")->point, "/");
  EXPECT_TRUE(mounts.Find("/c/d")->shared);
}

TEST_F(MountsTest, OptionsHoldForMountsBelowToo) {
  container_.mounts = {Volume("/a")};
  container_.mounts[0].options = {"noexec", "nodev", "nosuid"};
  ASSERT_OK_AND_ASSIGN(const MountResult result, Build());
  EXPECT_THAT(Find(result, "/a")->options, ElementsAre("rbind", "rprivate", "rnoexec", "rnodev", "rnosuid", "rw"));
}

TEST_F(MountsTest, WhatTheKernelCannotDoIsRefusedByItsName) {
  can_set_attributes_ = false;
  container_.mounts = {Volume("/a")};
  EXPECT_THAT(Build(), IsOk());
  container_.mounts[0].options = {"noexec"};
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("mount /a: noexec")));
  container_.mounts[0].options.clear();
  container_.mounts[0].read_only = container_.mounts[0].recursive_read_only = true;
  EXPECT_THAT(Build(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("mount /a: recursive_read_only")));
}

TEST_F(MountsTest, AVolumeFromAnImageIsMountedBelowThePrivateMounts) {
  container_.mounts = {Volume("/z"), Volume("/a")};
  container_.mounts[1] = {
      .kind = rktlet::spec::MountKind::kImage, .image = "data", .container_path = "/a", .read_only = true};
  ASSERT_OK_AND_ASSIGN(const MountResult result, Build());
  EXPECT_EQ(Find(result, "/a")->source, layout_.PrivateMounts() + "/volumes/1");
  EXPECT_THAT(Find(result, "/a")->options, ElementsAre("rbind", "rprivate", "ro"));
}

}  // namespace
}  // namespace rkt::oci
