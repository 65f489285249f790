// SPDX-License-Identifier: Apache-2.0
// What every command is given: the global flags, where its result goes, and how it says that something changed.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/status.h"
#include "rkt/cli/flags.h"

namespace rkt::cli {

struct GlobalFlags {
  bool debug = false;
  std::string dir = "/var/lib/rkt";
  std::string run_dir = "/run/rkt";
  // Taken and without meaning: credentials, registries and networks are configured where all tools look.
  std::string system_config;
  std::string local_config;
  std::string user_config;
  std::set<std::string> insecure_options;
  bool announce = true;  // false: the caller of a mutation knows of it already

  void Define(FlagSet& flags);
};

class Context {
 public:
  Context(GlobalFlags flags, std::string command) : flags_(std::move(flags)), command_(std::move(command)) {}

  const GlobalFlags& flags() const { return flags_; }
  // The command's path, as in "app add".
  const std::string& command() const { return command_; }

  // The result. It reaches stdout when the command succeeded (or calls Flush), so that a failure prints no half of it.
  std::string& out() { return out_; }
  absl::Status Flush();

  // Diagnostics: `COMMAND: message` on stderr.
  void Note(std::string_view message) const;
  // The same under --debug only.
  void Debug(std::string_view message) const;

  // True when --insecure-options names `option` or a group that holds it ("all", "all-fetch", "all-run").
  bool Insecure(std::string_view option) const;

  // Says that pods, apps or images changed: rewrites <run dir>/generation, which rktlet watches. Nothing with
  // --announce=false. Failing to say so fails no command.
  void Announce() const;

 private:
  GlobalFlags flags_;
  std::string command_;
  std::string out_;
};

}  // namespace rkt::cli
