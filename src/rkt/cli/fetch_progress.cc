// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/fetch_progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/cli/output.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;

constexpr size_t kBarWidth = 24;
constexpr char kClearLine[] = "\r\033[K";

void PrintLine(const nlohmann::json& document) {
  const std::string line = ToJson(document, Format::kJson);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

size_t Columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string ProgressLine(const std::string& reference, const image::FetchProgress& progress,
                         std::chrono::nanoseconds elapsed, size_t columns) {
  std::string state;
  if (progress.phase == "resolve") {
    state = "asking the registry";
  } else if (progress.phase == "unpack") {
    state = StrCat("unpacking layer ", progress.layer, " of ", progress.layers);
  } else if (progress.phase == "done") {
    state = "done";
  } else {
    if (progress.total != 0) {
      const uint64_t bytes = std::min(progress.bytes, progress.total);
      const size_t filled = static_cast<size_t>(bytes * kBarWidth / progress.total);
      std::string bar(filled, '=');
      bar.resize(kBarWidth, ' ');
      if (filled < kBarWidth) {
        bar[filled] = '>';
      }
      state = StrCat("[", bar, "] ", bytes * 100 / progress.total, "%  ", HumanSize(bytes), " of ",
                     HumanSize(progress.total));
    } else {
      state = StrCat(HumanSize(progress.bytes), " fetched");
    }
    if (const double seconds = std::chrono::duration<double>(elapsed).count(); seconds >= 1) {
      state += StrCat("  ", HumanSize(static_cast<uint64_t>(static_cast<double>(progress.bytes) / seconds)), "/s");
    }
  }
  // The state is worth more than the front of a long name.
  std::string name = reference;
  const size_t room = columns > state.size() + 3 ? columns - state.size() - 3 : 0;
  if (name.size() > room) {
    name.erase(0, name.size() - room);
  }
  return StrCat(name, name.empty() ? "" : "  ", state).substr(0, columns);
}

void DefinePullPolicy(FlagSet& flags, image::PullPolicy* policy) {
  flags.Custom({.name = "pull-policy",
                .placeholder = "new|never|update",
                .help = "Fetch what the store has not (new), nothing (never), or what changed (update)",
                .set = [policy](const std::string& value) -> absl::Status {
                  if (value != "new" && value != "never" && value != "update") {
                    return absl::InvalidArgumentError("not one of new, never, update");
                  }
                  *policy = value == "new"     ? image::PullPolicy::kNew
                            : value == "never" ? image::PullPolicy::kNever
                                               : image::PullPolicy::kUpdate;
                  return absl::OkStatus();
                }});
}

void FetchProgressView::Define(FlagSet& flags) {
  flags.Custom({.name = "progress",
                .placeholder = "text|json|none",
                .help = "How to show progress on stderr: text (a bar on a terminal), json or none",
                .set = [this](const std::string& value) -> absl::Status {
                  if (value != "text" && value != "json" && value != "none") {
                    return absl::InvalidArgumentError("not one of text, json, none");
                  }
                  mode_ = value;
                  return absl::OkStatus();
                }});
}

bool FetchProgressView::IsBar() const { return mode_ == "text" && ::isatty(STDERR_FILENO) != 0; }

void FetchProgressView::Show(const Context& context, const std::string& reference,
                             const image::FetchProgress& progress) {
  if (mode_ == "json") {
    nlohmann::json line = {{"image", reference}, {"phase", std::string(progress.phase)}};
    if (progress.phase == "fetch") {
      line["bytes"] = progress.bytes;
      if (progress.total != 0) {
        line["total"] = progress.total;
      }
    } else if (progress.phase == "unpack") {
      line["layer"] = progress.layer;
      line["layers"] = progress.layers;
    }
    PrintLine(line);
  } else if (IsBar()) {
    Bar(reference, progress);
  } else if (mode_ == "text" && progress.phase == "fetch") {
    // Once for each doubling: a log is no place for a progress bar.
    if (progress.bytes >= next_note_) {
      context.Note(StrCat(reference, ": ", HumanSize(progress.bytes), " fetched"));
      next_note_ = progress.bytes * 2;
    }
  } else if (mode_ == "text" && progress.phase == "unpack") {
    context.Note(StrCat(reference, ": unpacking layer ", progress.layer, " of ", progress.layers));
  }
}

void FetchProgressView::Bar(const std::string& reference, const image::FetchProgress& progress) {
  if (progress.phase == "resolve") {
    begin_ = std::chrono::steady_clock::now();
  }
  const auto elapsed = std::chrono::steady_clock::now() - begin_;
  const std::string line = StrCat(kClearLine, ProgressLine(reference, progress, elapsed, Columns() - 1));
  std::fwrite(line.data(), 1, line.size(), stderr);
  bar_drawn_ = true;
  if (progress.phase == "done") {
    End();
  }
}

void FetchProgressView::ShowFailure(const std::string& reference, const absl::Status& status) {
  End();
  if (mode_ == "json") {
    PrintLine({{"image", reference},
               {"phase", "failed"},
               {"code", absl::StatusCodeToString(status.code())},
               {"message", std::string(status.message())}});
  }
}

void FetchProgressView::End() {
  if (bar_drawn_) {
    std::fputc('\n', stderr);
    bar_drawn_ = false;
  }
}

}  // namespace rkt::cli
