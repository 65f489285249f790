// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/process.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"

namespace rkt::oci {
namespace {

using rktlet::base::IsOkAndHolds;
using rktlet::base::StatusIs;
using rktlet::spec::ContainerSpec;
using testing::ElementsAre;
using testing::HasSubstr;

ImageProcess Image() {
  ImageProcess image;
  image.entrypoint = {"/entry", "-e"};
  image.cmd = {"cmd", "arg"};
  return image;
}

TEST(Argv, IsTheImagesUnlessSomethingIsGiven) {
  ContainerSpec spec;
  EXPECT_THAT(BuildArgv(spec, Image()), IsOkAndHolds(ElementsAre("/entry", "-e", "cmd", "arg")));
  spec.args = {"other", ""};
  EXPECT_THAT(BuildArgv(spec, Image()), IsOkAndHolds(ElementsAre("/entry", "-e", "other", "")));
  spec.command = {"run"};
  EXPECT_THAT(BuildArgv(spec, Image()), IsOkAndHolds(ElementsAre("run", "other", "")));
  spec.args.clear();
  EXPECT_THAT(BuildArgv(spec, Image()), IsOkAndHolds(ElementsAre("run")));
  spec.command.clear();
  ImageProcess reset = Image();
  reset.entrypoint = {""};
  EXPECT_THAT(BuildArgv(spec, reset), IsOkAndHolds(ElementsAre("cmd", "arg"))) << "ENTRYPOINT [\"\"]";
}

TEST(Argv, NothingToRunIsAnError) {
  ContainerSpec spec;
  spec.name = "c1";
  EXPECT_THAT(BuildArgv(spec, {}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("c1")));
  spec.command = {""};
  EXPECT_THAT(BuildArgv(spec, {}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty word")));
}

TEST(Environment, TheLaterWinsAndKeepsThePlaceOfTheEarlier) {
  ImageProcess image;
  image.env = {"PATH=/image", "A=1", "B=2", "not a variable"};
  ContainerSpec spec;
  spec.tty = true;
  spec.environment = {{"A", "line\nbreak\\"}, {"C", "a=b"}, {"HOSTNAME", "own"}};
  EXPECT_THAT(BuildEnvironment(spec, image, "pod"),
              ElementsAre("PATH=/image", "HOSTNAME=own", "TERM=xterm", "A=line\nbreak\\", "B=2", "C=a=b"));
}

TEST(Environment, HasAPathAlways) {
  EXPECT_THAT(BuildEnvironment({}, {}, ""), ElementsAre(std::string("PATH=") + kDefaultPath));
}

TEST(WorkingDirectory, IsTheGivenElseTheImagesElseTheRoot) {
  ContainerSpec spec;
  ImageProcess image;
  EXPECT_THAT(BuildWorkingDirectory(spec, image), IsOkAndHolds("/"));
  image.working_directory = "/srv";
  EXPECT_THAT(BuildWorkingDirectory(spec, image), IsOkAndHolds("/srv"));
  spec.working_directory = "here";
  EXPECT_THAT(BuildWorkingDirectory(spec, image), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("here")));
}

TEST(StopSignal, IsNamedTheSameWhoeverSaidIt) {
  ContainerSpec spec;
  ImageProcess image;
  EXPECT_THAT(BuildStopSignal(spec, image), IsOkAndHolds("SIGTERM"));
  image.stop_signal = "3";
  EXPECT_THAT(BuildStopSignal(spec, image), IsOkAndHolds("SIGQUIT"));
  spec.stop_signal = "USR1";
  EXPECT_THAT(BuildStopSignal(spec, image), IsOkAndHolds("SIGUSR1"));
  spec.stop_signal = "SIGNONE";
  EXPECT_THAT(BuildStopSignal(spec, image), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SIGNONE")));
}

}  // namespace
}  // namespace rkt::oci
