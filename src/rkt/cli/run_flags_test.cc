// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/run_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rkt::cli {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::spec::ContainerSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const Context& AnyContext() {
  static const Context context({}, "run");
  return context;
}

// As the program reads a command line: its own flags, then everything from the first image on.
absl::Status ParseInto(RunFlags& flags, const std::vector<std::string>& args) {
  FlagSet set;
  flags.Define(set);
  ASSIGN_OR_RETURN(const Positionals positionals, set.Parse(args, true));
  return flags.ParseApps(positionals);
}

absl::StatusOr<std::vector<ContainerSpec>> Parse(const std::vector<std::string>& args) {
  RunFlags flags;
  RETURN_IF_ERROR(ParseInto(flags, args));
  return flags.ContainerSpecs(AnyContext());
}

TEST(RunFlags, GiveEachImageItsOwnFlagsAndArguments) {
  ASSERT_OK_AND_ASSIGN(const auto apps, Parse({"--environment=ALL=1", "first", "--name=one", "--", "a", "--b", "---",
                                               "second", "--exec=/x", "--environment=ONE=2"}));
  ASSERT_THAT(apps, SizeIs(2));
  EXPECT_EQ(apps[0].app.str(), "one");
  EXPECT_THAT(apps[0].args, ElementsAre("a", "--b"));
  EXPECT_THAT(apps[0].environment, SizeIs(1));
  EXPECT_EQ(apps[1].app.str(), "second");
  EXPECT_THAT(apps[1].command, ElementsAre("/x"));
  EXPECT_EQ(apps[1].environment.at(1).name, "ONE");
}

TEST(RunFlags, TakeArgumentsDirectlyBehindTheImage) {
  ASSERT_OK_AND_ASSIGN(const auto apps, Parse({"image", "--", "-c", "echo", "--"}));
  EXPECT_THAT(apps.at(0).args, ElementsAre("-c", "echo", "--"));
}

TEST(RunFlags, MountVolumesInOneAppOrInAll) {
  ASSERT_OK_AND_ASSIGN(const auto apps, Parse({"--volume=data,kind=host,source=/srv",
                                               "--volume=tmp,kind=empty,mode=1777", "--mount=volume=data,target=/data",
                                               "a", "--mount=volume=tmp,target=/t,readOnly=true", "b"}));
  ASSERT_THAT(apps[0].mounts, SizeIs(2));
  EXPECT_EQ(apps[0].mounts[0].host_path, "/srv");
  EXPECT_EQ(apps[0].mounts[1].name, "tmp");
  EXPECT_TRUE(apps[0].mounts[1].read_only);
  ASSERT_THAT(apps[1].mounts, SizeIs(1));
  EXPECT_EQ(apps[1].mounts[0].container_path, "/data");
}

TEST(RunFlags, RefuseWhatCannotBeMeant) {
  const auto refused = [](const char* why) { return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)); };
  EXPECT_THAT(Parse({"a", "a"}), refused("two apps are called a"));
  EXPECT_THAT(Parse({"a", "--net=host"}), refused("before the first image"));
  EXPECT_THAT(Parse({"a", "--nosuch"}), refused("unknown flag --nosuch"));
  EXPECT_THAT(Parse({"--volume=v,kind=empty", "a"}), refused("mounted nowhere"));
  EXPECT_THAT(Parse({"--mount=volume=v,target=/t", "a"}), refused("no --volume=v"));
  EXPECT_THAT(Parse({"a", "---"}), refused("without --"));
  EXPECT_THAT(Parse({"--config=-", "a"}), refused("--config"));
}

TEST(RunFlags, TakePortsAsTheOriginalDid) {
  EXPECT_EQ(ExpandPort("80-tcp:8080"), "80-tcp:tcp:80:8080");
  EXPECT_EQ(ExpandPort("53/udp:127.0.0.1:5353"), "53/udp:udp:53:127.0.0.1:5353");
  EXPECT_EQ(ExpandPort("http:tcp:80:8080"), "http:tcp:80:8080");
  RunFlags flags;
  ASSERT_THAT(ParseInto(flags, {"--port=80-tcp:8080", "--port=dns:udp:53:[::1]:5353", "a"}), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto pod, flags.PodSpecOf(AnyContext()));
  EXPECT_EQ(pod.ports.at(0).container_port, 80);
  EXPECT_EQ(pod.ports.at(0).host_port, 8080);
  EXPECT_EQ(pod.ports.at(1).host_ip, "::1");
}

}  // namespace
}  // namespace rkt::cli
