// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/resolve.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "spec/cdi_names.h"

namespace rkt::cdi {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::base::StrCat;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ResolveTest : public testing::Test {
 protected:
  ResolveTest() {
    for (const std::string& directory : directories_) {
      EXPECT_THAT(rktlet::base::MakeDirectories(directory), IsOk());
    }
  }

  void Write(const std::string& name, const std::string& text) {
    EXPECT_THAT(rktlet::base::WriteFileAtomic(temp_.File(name), text), IsOk());
  }
  // A file with one device that sets WHO, and an edit for all that sets FILE.
  void WriteDevice(const std::string& name, const std::string& device, const std::string& who) {
    Write(name,
          StrCat(R"({"cdiVersion": "1.0.0", "kind": "v.com/c", "containerEdits": {"env": ["FILE=)", name,
                 R"("]}, "devices": [{"name": ")", device, R"(", "containerEdits": {"env": ["WHO=)", who, R"("]}}]})"));
  }
  // The variables, in order, or the error.
  absl::StatusOr<std::vector<std::string>> Variables(const std::vector<std::string>& names) {
    ASSIGN_OR_RETURN(const std::vector<DeviceEdits> edits, ResolveDevices(directories_, names));
    std::vector<std::string> variables;
    for (const DeviceEdits& edit : edits) {
      variables.insert(variables.end(), edit.edits.env.begin(), edit.edits.env.end());
    }
    return variables;
  }

  rktlet::base::TempDir temp_;
  std::vector<std::string> directories_ = {temp_.File("etc"), temp_.File("run")};
};

TEST_F(ResolveTest, AFilesOwnEditsComeOnceAndBeforeThoseOfItsDevices) {
  Write("etc/a.yaml", R"(
cdiVersion: "0.6.0"
kind: v.com/c
containerEdits: {env: [ALL=1]}
devices:
- name: one
  containerEdits: {env: [N=one]}
- name: two
  containerEdits: {env: [N=two]}
)");
  WriteDevice("etc/b.json", "three", "three");
  EXPECT_THAT(Variables({"v.com/c=two", "v.com/c=three", "v.com/c=one", "v.com/c=two"}),
              rktlet::base::IsOkAndHolds(ElementsAre("ALL=1", "N=two", "FILE=etc/b.json", "WHO=three", "N=one")));
}

TEST_F(ResolveTest, TheLaterDirectoryWins) {
  WriteDevice("etc/a.json", "d", "etc");
  WriteDevice("run/z.json", "d", "run");
  EXPECT_THAT(Variables({"v.com/c=d"}), rktlet::base::IsOkAndHolds(ElementsAre("FILE=run/z.json", "WHO=run")));
}

TEST_F(ResolveTest, TwoFilesOfOneDirectoryThatDefineADeviceAreAnErrorForThatDeviceOnly) {
  WriteDevice("etc/a.json", "d", "a");
  WriteDevice("etc/b.json", "d", "b");
  WriteDevice("etc/c.json", "other", "c");
  EXPECT_THAT(Variables({"v.com/c=d"}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("CDI device v.com/c=d"), HasSubstr("etc/a.json"), HasSubstr("etc/b.json"))));
  EXPECT_THAT(Variables({"v.com/c=other"}), IsOk());
  WriteDevice("run/d.json", "d", "run");
  EXPECT_THAT(Variables({"v.com/c=d"}), IsOk());
}

TEST_F(ResolveTest, ADirectoryUnderTwoNamesIsOne) {
  WriteDevice("run/a.json", "d", "run");
  ASSERT_EQ(symlink(temp_.File("run").c_str(), temp_.File("link").c_str()), 0);
  directories_.push_back(temp_.File("link"));
  directories_.push_back(temp_.File("missing"));
  EXPECT_THAT(Variables({"v.com/c=d"}), IsOk());
}

TEST_F(ResolveTest, AnUnknownDeviceIsNamedWithWhatThereIsInstead) {
  WriteDevice("etc/a.json", "gpu0", "x");
  Write("etc/torn.json", "{");
  Write("etc/notes.txt", "no specification");
  EXPECT_THAT(Variables({"v.com/c=gpu1"}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("CDI device v.com/c=gpu1: no specification in"), HasSubstr(directories_[1]),
                             HasSubstr("of its kind there are gpu0"), HasSubstr("etc/torn.json: is not JSON"),
                             Not(HasSubstr("notes.txt")))));
}

TEST_F(ResolveTest, ABrokenFileHarmsItsOwnDevicesOnly) {
  WriteDevice("etc/good.json", "good", "x");
  Write("run/bad.json", R"({"cdiVersion": "1.0.0", "kind": "v.com/c",
                           "devices": [{"name": "bad", "containerEdits": {"mounts": [{"hostPath": 5}]}}]})");
  Write("run/torn.yaml", "a: [");
  EXPECT_THAT(Variables({"v.com/c=good"}), IsOk());
  EXPECT_THAT(Variables({"v.com/c=good", "v.com/c=bad"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("CDI device v.com/c=bad"), HasSubstr("run/bad.json"),
                             HasSubstr("devices[0].containerEdits.mounts[0].hostPath: must be text"))));
}

TEST_F(ResolveTest, WhatIsNoRegularFileIsNotWaitedFor) {
  ASSERT_EQ(mkfifo(temp_.File("etc/pipe.json").c_str(), 0600), 0);
  ASSERT_EQ(mkdir(temp_.File("etc/directory.json").c_str(), 0700), 0);
  ASSERT_EQ(symlink("/nowhere", temp_.File("etc/dangling.json").c_str()), 0);
  WriteDevice("etc/a.json", "d", "x");
  EXPECT_THAT(Variables({"v.com/c=d"}), IsOk());
  EXPECT_THAT(Variables({"v.com/c=e"}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("pipe.json: is no regular")));
}

TEST_F(ResolveTest, WithoutNamesNothingIsRead) {
  directories_ = {"/proc/self/mem"};
  EXPECT_THAT(Variables({}), rktlet::base::IsOkAndHolds(IsEmpty()));
}

TEST(CdiNames, AreAVendorAClassAndADevice) {
  using rktlet::spec::CheckCdiDeviceName;
  for (const char* name : {"vendor.com/class=device", "v/c=0", "nvidia.com/gpu=GPU-1:0", "a-b_c/d.e=F"}) {
    EXPECT_THAT(CheckCdiDeviceName(name), IsOk()) << name;
  }
  for (const char* name : {"", "/dev/null", "vendor.com/class", "=d", "vendor.com=d", "vendor.com/class=", "v/c=d e",
                           "v/c=-d", "v/c=d:", "v/c=d=e", "v/c\n=d", "0v/c=d", "v/0c=d"}) {
    EXPECT_THAT(CheckCdiDeviceName(name), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\""))) << name;
  }
}

}  // namespace
}  // namespace rkt::cdi
