// SPDX-License-Identifier: Apache-2.0
// The manual page and the completions name every command and every flag that rkt shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "rkt/cli/reference/completion.h"
#include "rkt/cli/reference/manual.h"
#include "rkt/cli/reference/table.h"

namespace rkt::cli {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StrCat;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

const Registry& Commands() {
  static const Registry* const registry = [] {
    auto* made = new Registry;
    RegisterCommands(*made);
    return made;
  }();
  return *registry;
}

std::string Dashes(std::string text) {
  for (size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

// What bash would offer for the words, the last of which is unfinished.
std::vector<std::string> BashOffers(const std::vector<std::string>& words) {
  rktlet::base::TempDir directory;
  std::string script = StrCat(BashCompletion(Commands()), "\nCOMP_WORDS=(rkt");
  for (const std::string& word : words) {
    script += StrCat(" '", word, "'");
  }
  script += StrCat(")\nCOMP_CWORD=", words.size(), "\n_rkt\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  rktlet::base::WriteFileAtomic(directory.File("script"), script).IgnoreError();
  const std::string command =
      StrCat("bash -u ", directory.File("script"), " >", directory.File("out"), " 2>", directory.File("err"));
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(rktlet::base::ReadFile(directory.File("err")).value_or("?"), "");
  std::vector<std::string> offers;
  const std::string out = rktlet::base::ReadFile(directory.File("out")).value_or("");
  for (size_t begin = 0; begin < out.size();) {
    const size_t end = out.find('\n', begin);
    if (end > begin) {
      offers.push_back(out.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return offers;
}

TEST(Reference, NamesEveryCommandAndFlag) {
  const std::string manual = ManualCommands(Commands());
  const std::string bash = BashCompletion(Commands());
  const std::string zsh = ZshCompletion(Commands());
  const std::string fish = FishCompletion(Commands());
  for (const TableCommand& command : TableOf(Commands())) {
    EXPECT_THAT(manual, HasSubstr(StrCat(".SS \"rkt ", Dashes(command.path))));
    EXPECT_THAT(bash, HasSubstr(StrCat("['", command.path, "']=")));
    EXPECT_THAT(zsh, HasSubstr(StrCat("'", command.path, "' '")));
    EXPECT_THAT(fish, HasSubstr(StrCat("'", command.path, "'")));
    for (const TableFlag& flag : command.flags) {
      EXPECT_THAT(manual, HasSubstr(Dashes("--" + flag.name)));
      EXPECT_THAT(bash, HasSubstr("--" + flag.name));
      EXPECT_THAT(zsh, HasSubstr("--" + flag.name));
      EXPECT_THAT(fish, HasSubstr(StrCat("__rkt_at \"", command.path, "\"' -l ", flag.name, " ")));
    }
  }
  for (const TableFlag& flag : GlobalTableFlags()) {
    EXPECT_THAT(ManualGlobalFlags(), HasSubstr(Dashes("--" + flag.name)));
    EXPECT_THAT(fish, HasSubstr(StrCat("complete -c rkt -l ", flag.name, " ")));
  }
}

TEST(Reference, EveryFlagAndCommandHasItsSentence) {
  for (const TableCommand& command : TableOf(Commands())) {
    EXPECT_THAT(command.summary, testing::Not(IsEmpty())) << command.path;
    for (const TableFlag& flag : command.flags) {
      EXPECT_THAT(flag.help, testing::Not(IsEmpty())) << command.path << " --" << flag.name;
    }
  }
}

TEST(Bash, OffersCommandsFlagsAndValues) {
  EXPECT_THAT(BashOffers({"ap"}), ElementsAre("app"));
  EXPECT_THAT(BashOffers({"app", "st"}), UnorderedElementsAre("start", "status", "stop"));
  EXPECT_THAT(BashOffers({"--dir", "/x", "app", "network", ""}), UnorderedElementsAre("down", "status", "up"));
  EXPECT_THAT(BashOffers({"app", "add", "--cpu"}), UnorderedElementsAre("--cpu=", "--cpu-shares="));
  EXPECT_THAT(BashOffers({"list", "--format", "=", "js"}), UnorderedElementsAre("json", "json-pretty"));
  EXPECT_THAT(BashOffers({"list", "--format", "="}), IsSupersetOf({"json", "text"}));
  EXPECT_THAT(BashOffers({"image", "fetch", "--progress", "n"}), ElementsAre("none"));
  EXPECT_THAT(BashOffers({"run", "--insec"}), ElementsAre("--insecure-options="));
  EXPECT_THAT(BashOffers({"app", "exec", "POD", "--", "l"}), IsEmpty());
}

TEST(Shells, CanReadTheirScripts) {
  rktlet::base::TempDir directory;
  ASSERT_THAT(rktlet::base::WriteFileAtomic(directory.File("zsh"), ZshCompletion(Commands())), IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(directory.File("fish"), FishCompletion(Commands())), IsOk());
  for (const char* shell : {"zsh", "fish"}) {
    if (std::system(StrCat("command -v ", shell, " >/dev/null").c_str()) == 0) {
      EXPECT_EQ(std::system(StrCat(shell, " -n ", directory.File(shell)).c_str()), 0);
    }
  }
}

}  // namespace
}  // namespace rkt::cli
