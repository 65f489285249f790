// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/fake_plugin.h"

#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "base/strings.h"

namespace rkt::net {

using rktlet::base::StrCat;

void FakePlugins::Add(const std::string& type, const std::string& result) { Write(type, "NONE", "", result); }

void FakePlugins::AddWith(const std::string& type, const std::string& verb, const std::string& code) {
  Write(type, verb, code, "");
}

void FakePlugins::Write(const std::string& type, const std::string& special_verb, const std::string& code,
                        const std::string& result) {
  const std::string answer = result.empty() ? "cat last" : StrCat("printf '%s' '", result, "' | tee last");
  const std::string script = StrCat(
      "#!/bin/sh\n"
      "cd \"",
      dir_.path(), "\"\ninput=$(cat)\nprintf '%s' \"$input\" > ", type, ".$CNI_COMMAND.json\nenv > ", type,
      ".$CNI_COMMAND.env\necho \"", type, " $CNI_COMMAND\" >> calls\ncase $CNI_COMMAND in\n", special_verb, ")\n", code,
      "\n;;\nADD)\n", answer, "\n;;\nesac\n");
  const absl::Status status = rktlet::base::WriteFileAtomic(dir_.File(type), script, 0755);
  ASSERT_TRUE(status.ok()) << status;
}

std::vector<std::string> FakePlugins::Calls() const {
  return absl::StrSplit(rktlet::base::ReadFile(dir_.File("calls")).value_or(""), '\n', absl::SkipEmpty());
}

std::string FakePlugins::InputOf(const std::string& type, const std::string& verb) const {
  return rktlet::base::ReadFile(dir_.File(StrCat(type, ".", verb, ".json"))).value_or("");
}

std::string FakePlugins::EnvironmentOf(const std::string& type, const std::string& verb) const {
  return rktlet::base::ReadFile(dir_.File(StrCat(type, ".", verb, ".env"))).value_or("");
}

}  // namespace rkt::net
