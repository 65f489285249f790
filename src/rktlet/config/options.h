// SPDX-License-Identifier: Apache-2.0
// The table of options: every key of rktlet.yaml once, with its meaning, how it is read and shown, and whether a reload
// can change it. Parser, --dump-config, --help, the manual page and the file of defaults all come from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rktlet/config/config.h"

namespace rktlet::config {

// A value as it stands in the file: one text, or a list of them.
struct RawValue {
  bool is_list = false;
  std::vector<std::string> items;  // exactly one unless is_list
};

struct Option {
  std::string section;      // "images"
  std::string name;         // "pull_timeout"
  std::string placeholder;  // what the value looks like: "DURATION", "PATH", "LIST", …
  std::string help;         // sentences
  bool live = false;        // a reload changes it; else it needs a restart
  std::function<absl::Status(const RawValue&, Config&)> set;
  std::function<std::string(const Config&)> show;  // YAML

  std::string key() const { return section + "." + name; }
};

const std::vector<Option>& Options();
const Option* FindOption(const std::string& section, const std::string& name);
bool IsSection(const std::string& section);

// The whole configuration as a file that means the same.
std::string Dump(const Config& config);
// /etc/rktlet/rktlet.yaml as it is installed: every key with its meaning, its default commented out.
std::string DefaultFile();
// For --help: one paragraph a key.
std::string HelpText();
// The OPTIONS section of rktlet.yaml(5), as troff.
std::string ManualText();

// Makes of `current` what `loaded` says, as far as that can change while the daemon runs. The keys that could not.
std::vector<std::string> ApplyReload(const Config& loaded, Config& current);

// Texts of values.
absl::StatusOr<std::chrono::nanoseconds> ParseDuration(const std::string& text);  // "90s", "5m", "1h30m", "500ms", "0"
std::string DurationText(std::chrono::nanoseconds duration);
absl::StatusOr<uint64_t> ParseSize(const std::string& text);  // "1GiB", "512MiB", "4096", "0"
std::string SizeText(uint64_t bytes);

}  // namespace rktlet::config
