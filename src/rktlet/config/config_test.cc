// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/config/load.h"
#include "rktlet/config/options.h"

namespace rktlet::config {
namespace {

using base::IsOk;
using base::IsOkAndHolds;
using base::StatusIs;
using base::StrCat;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;

class ConfigFiles : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(base::WriteFileAtomic(dir_.File(name), text), IsOk());
  }
  void WriteDropIn(const std::string& name, const std::string& text) {
    ASSERT_THAT(base::MakeDirectories(dir_.File("rktlet.yaml.d")), IsOk());
    Write("rktlet.yaml.d/" + name, text);
  }
  absl::StatusOr<Config> LoadAll() { return Load(dir_.File("rktlet.yaml"), true); }

  base::TempDir dir_;
};

TEST_F(ConfigFiles, AnAbsentFileMeansTheDefaultsUnlessItWasNamed) {
  EXPECT_THAT(Load(dir_.File("absent.yaml"), false), IsOkAndHolds(Eq(Config())));
  EXPECT_THAT(Load(dir_.File("absent.yaml"), true),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("absent.yaml")));
}

TEST_F(ConfigFiles, AnEmptySectionIsNoProblem) {
  Write("rktlet.yaml", "images:\n  # nothing\nserver:\n");
  EXPECT_THAT(LoadAll(), IsOkAndHolds(Eq(Config())));
}

TEST_F(ConfigFiles, ValuesOfEveryKindArrive) {
  Write("rktlet.yaml",
        "server:\n  log_level: debug\nnetwork:\n  cni_bin_dirs: [/a, /b]\nimages:\n  pull_timeout: 1h30m\n"
        "  pull_memory_limit: 512MiB\n  max_parallel_pulls: 3\n  pinned:\n    - busybox\n");
  ASSERT_OK_AND_ASSIGN(const Config config, LoadAll());
  EXPECT_EQ(config.log_level, base::journal::Priority::kDebug);
  EXPECT_THAT(config.cni_bin_dirs, ElementsAre("/a", "/b"));
  EXPECT_EQ(config.pull_timeout, minutes(90));
  EXPECT_EQ(config.pull_memory_limit, uint64_t{512} << 20);
  EXPECT_EQ(config.max_parallel_pulls, 3U);
  EXPECT_THAT(config.pinned_images, ElementsAre("busybox"));
}

TEST_F(ConfigFiles, EveryProblemIsReportedWithFileAndLine) {
  Write("rktlet.yaml",
        "server:\n  socket: run/x.sock\n  colour: red\nimages:\n  pull_timeout: soon\n  pinned: {a: b}\nfoo: 1\n");
  EXPECT_THAT(LoadAll(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  AllOf(HasSubstr("rktlet.yaml:3: server.colour: unknown key"),
                                        HasSubstr("rktlet.yaml:5: images.pull_timeout: \"soon\" is no duration"),
                                        HasSubstr("rktlet.yaml:6: images.pinned: "),
                                        HasSubstr("rktlet.yaml:7: foo: unknown key"))));
}

TEST_F(ConfigFiles, AValueThatCannotBeIsReportedWhereItStands) {
  Write("rktlet.yaml", "server:\n  log_level: info\n  socket: run/x.sock\n");
  WriteDropIn("a.yaml", "\ncontainers:\n  default_slice: nonsense\n");
  EXPECT_THAT(LoadAll(),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("rktlet.yaml:3: server.socket: "),
                                                                 HasSubstr("a.yaml:3: containers.default_slice: "))));
}

TEST_F(ConfigFiles, AStopIsOverBeforeSystemdLosesItsPatience) {
  Write("rktlet.yaml", "streaming:\n  stop_timeout: 10s\n");
  EXPECT_THAT(LoadAll(), IsOk());
  Write("rktlet.yaml", "streaming:\n  stop_timeout: 11s\n");
  EXPECT_THAT(LoadAll(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rktlet.yaml:2: streaming.stop_timeout: ")));
}

TEST_F(ConfigFiles, AKeyThatIsSetTwiceIsAProblem) {
  Write("rktlet.yaml", "server:\n  log_level: info\n  log_level: debug\n");
  EXPECT_THAT(LoadAll(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(":3: server.log_level: set twice")));
}

TEST_F(ConfigFiles, AValueIsText) {
  for (const char* value : {"\"/run\\0\"", "\"/a\\nb\"", "\"\\x7f\"", "/a\xf1r", "/a\xc3"}) {
    Write("rktlet.yaml", StrCat("server:\n  log_level: info\nnetwork:\n  cni_bin_dirs: [", value, "]\n"));
    EXPECT_THAT(LoadAll(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rktlet.yaml:4: network.cni_bin_dirs: ")))
        << value;
  }
  Write("rktlet.yaml", "network:\n  cni_bin_dirs: [/größe]\n");
  EXPECT_THAT(LoadAll(), IsOk());
}

TEST_F(ConfigFiles, BrokenYamlNamesItsLine) {
  Write("rktlet.yaml", "server:\n  log_level: [\n");
  EXPECT_THAT(LoadAll(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rktlet.yaml:")));
}

TEST_F(ConfigFiles, DropInsWinInTheOrderOfTheirNames) {
  Write("rktlet.yaml", "images:\n  pull_timeout: 1s\n  authfile: /keep\n");
  WriteDropIn("20-b.yaml", "images:\n  pull_timeout: 3s\n");
  WriteDropIn("10-a.yaml", "images:\n  pull_timeout: 2s\n");
  WriteDropIn("30.yaml.dpkg-old", "nonsense");
  ASSERT_OK_AND_ASSIGN(const Config config, LoadAll());
  EXPECT_EQ(config.pull_timeout, seconds(3));
  EXPECT_EQ(config.authfile, "/keep");
}

TEST_F(ConfigFiles, WhatIsDumpedMeansTheSameWhenRead) {
  Config config;
  config.cni_bin_dirs = {"/with \"quotes\"", "/b\\c"};
  config.pull_timeout = hours(1) + milliseconds(1);
  config.pull_memory_limit = 100'000'001;
  config.log_level = base::journal::Priority::kWarning;
  Write("rktlet.yaml", Dump(config));
  EXPECT_THAT(LoadAll(), IsOkAndHolds(Eq(config)));
}

TEST_F(ConfigFiles, TheInstalledFileIsTheTableOfOptions) {
  const std::string path = std::string(RKTLET_SOURCE_DIR) + "/config/rktlet.yaml";
  if (std::getenv("RKTLET_UPDATE_GOLDEN") != nullptr) {
    ASSERT_THAT(base::WriteFileAtomic(path, DefaultFile(), 0644), IsOk());
  }
  EXPECT_THAT(base::ReadFile(path), IsOkAndHolds(DefaultFile()));
  EXPECT_THAT(Load(path, true), IsOkAndHolds(Eq(Config())));
}

TEST(Options, DurationsAndSizesAreReadAndShownWithoutLoss) {
  for (const char* text : {"0", "90s", "5m", "1h30m", "500ms", "1h1ms", "1us1ns"}) {
    ASSERT_OK_AND_ASSIGN(const auto duration, ParseDuration(text));
    ASSERT_OK_AND_ASSIGN(const auto again, ParseDuration(DurationText(duration)));
    EXPECT_EQ(duration, again) << text;
  }
  for (const char* text : {"", "5", "m", "5x", "-5s", "5 s", "99999999999999h"}) {
    EXPECT_THAT(ParseDuration(text), Not(IsOk())) << text;
  }
  EXPECT_THAT(ParseSize("1GiB"), IsOkAndHolds(Eq(uint64_t{1} << 30)));
  EXPECT_THAT(ParseSize("4097"), IsOkAndHolds(Eq(4097U)));
  EXPECT_EQ(SizeText(4097), "4097");
  EXPECT_EQ(SizeText(uint64_t{3} << 20), "3MiB");
  for (const char* text : {"", "GiB", "1GB", "-1", "99999999TiB"}) {
    EXPECT_THAT(ParseSize(text), Not(IsOk())) << text;
  }
}

TEST(Options, EveryKeyHasAMeaningAndAppearsInHelpAndManual) {
  const std::string help = HelpText();
  const std::string manual = ManualText();
  for (const Option& option : Options()) {
    EXPECT_THAT(option.help, testing::EndsWith(".")) << option.key();
    EXPECT_THAT(help, HasSubstr(option.key()));
    EXPECT_THAT(manual, HasSubstr(option.name));
  }
}

TEST(Options, AReloadChangesWhatCanChangeAndNamesTheRest) {
  Config current;
  Config loaded;
  loaded.pull_timeout = seconds(7);
  loaded.dir = "/elsewhere";
  EXPECT_THAT(ApplyReload(loaded, current), ElementsAre("engine.dir"));
  EXPECT_EQ(current.pull_timeout, seconds(7));
  EXPECT_EQ(current.dir, Config().dir);
}

TEST(Options, WhatTakesARestartIsExactlyWhatAReloadKeeps) {
  for (const Option& option : Options()) {
    if (option.live) {
      continue;
    }
    Config loaded;
    Config current;
    ASSERT_THAT(option.set(RawValue{false, {"/changed"}}, loaded), IsOk());
    EXPECT_THAT(ApplyReload(loaded, current), ElementsAre(option.key()));
    EXPECT_EQ(current, Config());
  }
}

}  // namespace
}  // namespace rktlet::config
