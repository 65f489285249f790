// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/app_add_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/status_matchers.h"

namespace rkt::cli {
namespace {

using rktlet::base::IsOk;
using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::spec::ContainerSpec;
using rktlet::spec::ProfileType;
using rktlet::spec::SecurityProfile;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<ContainerSpec> Parse(const std::vector<std::string>& args,
                                    const std::vector<std::string>& arguments = {},
                                    const std::set<std::string>& insecure = {}) {
  AppAddFlags flags;
  FlagSet set;
  flags.Define(set);
  RETURN_IF_ERROR(set.Parse(args, false).status());
  GlobalFlags globals;
  globals.insecure_options = insecure;
  return flags.ToSpec(Context(globals, "app add"), "registry.example/Team/My_App:1", arguments);
}

testing::Matcher<const absl::StatusOr<ContainerSpec>&> Refused(const std::string& why) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
}

TEST(AppAddFlags, NameCdiDevices) {
  ASSERT_OK_AND_ASSIGN(const ContainerSpec spec, Parse({"--cdi-device=v.com/c=0", "--cdi-device=v.com/c=1"}));
  EXPECT_THAT(spec.cdi_devices, ElementsAre("v.com/c=0", "v.com/c=1"));
  EXPECT_THAT(Parse({"--cdi-device=/dev/null"}), Refused("--cdi-device: \"/dev/null\""));
}

TEST(AppAddFlags, ConfineByDefault) {
  ASSERT_OK_AND_ASSIGN(const ContainerSpec spec, Parse({}));
  EXPECT_EQ(spec.security.seccomp.type, ProfileType::kRuntimeDefault);
  EXPECT_EQ(spec.security.apparmor.type, ProfileType::kRuntimeDefault);
  ASSERT_OK_AND_ASSIGN(const ContainerSpec bare, Parse({}, {}, {"seccomp", "paths"}));
  EXPECT_EQ(bare.security.seccomp.type, ProfileType::kUnconfined);
  EXPECT_EQ(bare.security.apparmor.type, ProfileType::kUnconfined);
}

TEST(AppAddFlags, DescribeAnApp) {
  ASSERT_OK_AND_ASSIGN(
      const ContainerSpec spec,
      Parse({"--exec=/bin/x", "--working-dir=/w", "--readonly-rootfs", "--user=7", "--group=staff",
             "--supplementary-gids=1,2", "--environment=A=b=c\nd\\", "--user-label=l=1", "--user-annotation=a=2",
             "--annotation=coreos.com/rkt/experiment/kubernetes-log-path=x.log", "--memory=64Mi", "--cpu=250m",
             "--cpu-shares=5", "--oom-score-adj=-7", "--stdin=stream", "--stdout=log"},
            {"", "---", "a\nb"}));
  EXPECT_EQ(spec.app.str(), "my-app");
  EXPECT_THAT(spec.command, ElementsAre("/bin/x"));
  EXPECT_THAT(spec.args, ElementsAre("", "---", "a\nb"));
  EXPECT_EQ(spec.working_directory, "/w");
  EXPECT_TRUE(spec.security.read_only_root);
  EXPECT_EQ(spec.security.run_as_user, 7);
  EXPECT_EQ(spec.security.run_as_group_name, "staff");
  EXPECT_THAT(spec.security.supplemental_groups, ElementsAre(1, 2));
  EXPECT_EQ(spec.environment.at(0).value, "b=c\nd\\");
  EXPECT_EQ(spec.labels.at("l"), "1");
  EXPECT_EQ(spec.annotations.at("a"), "2");
  EXPECT_EQ(spec.log_path, "x.log");
  EXPECT_EQ(spec.resources.memory_limit, 64 << 20);
  EXPECT_EQ(spec.resources.cpu_quota, 25'000);
  EXPECT_EQ(spec.resources.cpu_shares, 5);
  EXPECT_EQ(spec.resources.oom_score_adj, -7);
  EXPECT_TRUE(spec.stdin_open);
  EXPECT_FALSE(spec.tty);
}

TEST(AppAddFlags, RefuseWhatTheyCannotSay) {
  EXPECT_THAT(Parse({"--caps-retain=CAP_CHOWN", "--caps-remove=CAP_KILL"}), Refused("exclude each other"));
  EXPECT_THAT(Parse({"--supplementary-gids=staff"}), Refused("\"staff\""));
  EXPECT_THAT(Parse({"--stdout=null"}), Refused("--stdout=null is not supported"));
  EXPECT_THAT(Parse({"--environment=SECRET"}), Refused("NAME=VALUE"));
  EXPECT_THAT(Parse({"--memory=much"}), Refused("no amount of memory"));
  EXPECT_THAT(Parse({"--cpu=0"}), Refused("no amount of CPU"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=host,source=/s"}), Refused("no target"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=host,source=/s,target=/t,recursive=false"}), Refused("recursive=false"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=empty,target=/t,mode=9"}), Refused("octal"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=empty,target=/t,uid=-1"}), Refused("uid=-1"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=tmpfs,target=/t"}), Refused("kind=tmpfs"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=image,target=/t"}), Refused("no source"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=image,source=x,target=/t,readOnly=false"}), Refused("read-only"));
  EXPECT_THAT(Parse({"--mnt-volume=name=d,kind=host,source=/s,target=/t,subPath=x"}), Refused("subPath"));
  EXPECT_THAT(Parse({"--name=Bad_Name"}), Refused("Bad_Name"));
}

TEST(AppAddFlags, GiveAVolumeItsModeAndOwner) {
  ASSERT_OK_AND_ASSIGN(const auto mount,
                       ParseVolume("name=d,kind=empty,target=/t,readOnly=true,mode=0750,uid=5,gid=6"));
  EXPECT_EQ(mount.kind, rktlet::spec::MountKind::kEmpty);
  EXPECT_EQ(mount.mode, 0750U);
  EXPECT_EQ(mount.uid, 5U);
  EXPECT_EQ(mount.gid, 6U);
  EXPECT_TRUE(mount.read_only);
}

TEST(AppAddFlags, TakeAnImageAsAVolume) {
  ASSERT_OK_AND_ASSIGN(const auto mount,
                       ParseVolume("name=d,kind=image,source=data:1,subPath=a/b,target=/t,noexec=true,nodev=false"));
  EXPECT_EQ(mount.kind, rktlet::spec::MountKind::kImage);
  EXPECT_EQ(mount.image, "data:1");
  EXPECT_EQ(mount.image_sub_path, "a/b");
  EXPECT_EQ(mount.host_path, "");
  EXPECT_TRUE(mount.read_only);
  EXPECT_THAT(mount.options, ElementsAre("noexec"));
}

TEST(AppAddFlags, KnowTheFiltersOfTheOriginalThatMakeSense) {
  const SecurityProfile standard{ProfileType::kRuntimeDefault, ""};
  const SecurityProfile none{ProfileType::kUnconfined, ""};
  for (const char* text : {"", "mode=retain,@docker/default-whitelist", "mode=remove,@rkt/default-blacklist"}) {
    EXPECT_THAT(ParseSeccomp(text), IsOkAndHolds(standard)) << text;
  }
  for (const char* text : {"mode=retain,@appc.io/all", "mode=remove,@appc.io/empty", "@appc.io/all"}) {
    EXPECT_THAT(ParseSeccomp(text), IsOkAndHolds(none)) << text;
  }
  EXPECT_THAT(ParseSeccomp("/p.json"), IsOkAndHolds(SecurityProfile{ProfileType::kLocalhost, "/p.json"}));
  for (const char* text :
       {"mode=retain,@appc.io/empty", "mode=remove,@appc.io/all", "mode=remove,@rkt/default-whitelist",
        "mode=retain,errno=EPERM,read", "mode=keep,@appc.io/all", "mode=retain,/p.json", "@my/set"}) {
    EXPECT_THAT(ParseSeccomp(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--seccomp"))) << text;
  }
}

}  // namespace
}  // namespace rkt::cli
