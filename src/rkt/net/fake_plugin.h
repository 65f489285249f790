// SPDX-License-Identifier: Apache-2.0
// CNI plugins as shell scripts in a temporary directory. For tests.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"

namespace rkt::net {

// A directory of plugins. Each call of one appends "TYPE VERB" to a log, and leaves its input in TYPE.VERB.json.
class FakePlugins {
 public:
  // A plugin that answers ADD with this result (that of the plugin before when empty) and all else with nothing.
  void Add(const std::string& type, const std::string& result = "");
  // A plugin whose reaction to `verb` is this shell code; otherwise as Add().
  void AddWith(const std::string& type, const std::string& verb, const std::string& code);

  const std::string& directory() const { return dir_.path(); }
  std::vector<std::string> Calls() const;
  // What the plugin was told the last time.
  std::string InputOf(const std::string& type, const std::string& verb) const;
  std::string EnvironmentOf(const std::string& type, const std::string& verb) const;

 private:
  void Write(const std::string& type, const std::string& special_verb, const std::string& code,
             const std::string& result);

  rktlet::base::TempDir dir_;
};

}  // namespace rkt::net
