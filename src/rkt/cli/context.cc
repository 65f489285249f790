// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/context.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr std::array<std::string_view, 11> kInsecureOptions = {
    "none", "image", "tls", "http", "ondisk", "capabilities", "paths", "seccomp", "all-fetch", "all-run", "all"};

absl::Status ParseInsecureOptions(const std::string& list, std::set<std::string>* options) {
  size_t start = 0;
  while (start <= list.size()) {
    const size_t comma = std::min(list.find(',', start), list.size());
    const std::string option = list.substr(start, comma - start);
    if (std::find(kInsecureOptions.begin(), kInsecureOptions.end(), option) == kInsecureOptions.end()) {
      return absl::InvalidArgumentError(StrCat("unknown option \"", option, "\""));
    }
    options->insert(option);
    start = comma + 1;
  }
  return absl::OkStatus();
}

}  // namespace

void GlobalFlags::Define(FlagSet& set) {
  set.Bool("debug", &debug, "Say on stderr what is done");
  set.String("dir", "DIR", &dir, "Durable state: images, pods (/var/lib/rkt)");
  set.String("run-dir", "DIR", &run_dir, "State of this boot: namespaces, sockets (/run/rkt)");
  set.String("system-config", "DIR", &system_config, "No meaning any more: there is no configuration of its own");
  set.String("local-config", "DIR", &local_config, "No meaning any more");
  set.String("user-config", "DIR", &user_config, "No meaning any more");
  set.Custom({.name = "insecure-options",
              .placeholder = "LIST",
              .help = "Checks to leave out: none, image, tls, http, ondisk, capabilities, paths, seccomp, all-fetch, "
                      "all-run, all",
              .set = [this](const std::string& list) { return ParseInsecureOptions(list, &insecure_options); }});
  set.Bool("announce", &announce, "Tell rktlet about changes (true)").Hidden();
}

absl::Status Context::Flush() {
  absl::Status status = rktlet::base::WriteAll(STDOUT_FILENO, out_);
  out_.clear();
  return rktlet::base::Annotate(status, "standard output");
}

void Context::Note(std::string_view message) const {
  const std::string line = StrCat(command_, ": ", message, "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Context::Debug(std::string_view message) const {
  if (flags_.debug) {
    Note(message);
  }
}

bool Context::Insecure(std::string_view option) const {
  static const std::set<std::string_view> kFetch = {"image", "tls", "http"};
  static const std::set<std::string_view> kRun = {"ondisk", "capabilities", "paths", "seccomp"};
  const auto given = [this](std::string_view name) { return flags_.insecure_options.contains(std::string(name)); };
  return given(option) || given("all") || (given("all-fetch") && kFetch.contains(option)) ||
         (given("all-run") && kRun.contains(option));
}

void Context::Announce() const {
  if (!flags_.announce) {
    return;
  }
  absl::Status status = rktlet::base::MakeDirectories(flags_.run_dir);
  if (status.ok()) {
    const std::string line = StrCat(rktlet::base::SystemClock().RealtimeNanos(), " ", ::getpid(), "\n");
    status = rktlet::base::WriteFileAtomic(flags_.run_dir + "/generation", line, 0644);
  }
  if (!status.ok()) {
    Debug(StrCat("cannot announce the change: ", status.message()));
  }
}

}  // namespace rkt::cli
