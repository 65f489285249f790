// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/pod/app_state.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr int kLookMillis = 500;  // between two looks whether the app still runs

// "<RFC3339Nano> stdout|stderr F|P text", taken apart.
struct LogLine {
  std::string_view time;
  bool is_stderr = false;
  bool partial = false;
  std::string_view text;
};

std::optional<LogLine> Parse(std::string_view line) {
  LogLine parsed;
  std::string_view words[3];
  for (std::string_view& word : words) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      return std::nullopt;
    }
    word = line.substr(0, space);
    line.remove_prefix(space + 1);
  }
  parsed.time = words[0];
  parsed.is_stderr = words[1] == "stderr";
  parsed.partial = words[2].starts_with('P');
  parsed.text = line;
  return parsed;
}

// Reads a log file from its begin to its end, and on while it grows; a rotated one to its end, then its successor.
class LogReader {
 public:
  explicit LogReader(std::string path) : path_(std::move(path)) {}

  absl::Status Open() {
    ASSIGN_OR_RETURN(fd_, rktlet::base::OpenAt(AT_FDCWD, path_, O_RDONLY));
    watch_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    inotify_add_watch(watch_.get(), path_.substr(0, path_.rfind('/')).c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    return absl::OkStatus();
  }

  // The next whole line; nullopt: there is none now.
  std::optional<std::string> Next() {
    while (true) {
      if (const size_t end = buffer_.find('\n', begin_); end != std::string::npos) {
        std::string line = buffer_.substr(begin_, end - begin_);
        begin_ = end + 1;
        return line;
      }
      buffer_.erase(0, std::exchange(begin_, 0));
      std::array<char, 65536> data{};
      const ssize_t count = read(fd_.get(), data.data(), data.size());
      if (count > 0) {
        buffer_.append(data.data(), static_cast<size_t>(count));
      } else if (!TakeSuccessor()) {
        return std::nullopt;
      }
    }
  }

  void AwaitChange() const {
    struct pollfd fd = {watch_.get(), POLLIN, 0};
    poll(&fd, 1, kLookMillis);
    std::array<char, 4096> events{};
    while (read(watch_.get(), events.data(), events.size()) > 0) {
    }
  }

 private:
  bool TakeSuccessor() {
    struct stat ours = {};
    struct stat there = {};
    if (fstat(fd_.get(), &ours) != 0 || stat(path_.c_str(), &there) != 0 || ours.st_ino == there.st_ino) {
      return false;
    }
    auto successor = rktlet::base::OpenAt(AT_FDCWD, path_, O_RDONLY);
    if (!successor.ok() || (successor_seen_ != there.st_ino)) {
      successor_seen_ = there.st_ino;  // once more around: the last lines of the old one may just have come
      return successor.ok();
    }
    fd_ = *std::move(successor);
    return true;
  }

  std::string path_;
  UniqueFd fd_;
  UniqueFd watch_;
  std::string buffer_;
  size_t begin_ = 0;
  ino_t successor_seen_ = 0;
};

class Logs final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.String("app", "NAME", &app_, "The app; needed when the pod has several")
        .Bool("follow", &follow_, "Go on as long as the app runs")
        .Int("tail", "N", &tail_, "Only the last N lines")
        .Duration("since", &since_, "Only lines that are younger")
        .Bool("timestamps", &timestamps_, "Print each line's time");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    if (tail_.has_value() && *tail_ < 0) {
      return UsageError("--tail: a number of lines is wanted");
    }
    const rktlet::spec::Layout layout = LayoutOf(context);
    std::string pod = positionals.args[0];
    if (const size_t slash = pod.find('/'); slash != std::string::npos && app_.empty()) {
      app_ = pod.substr(slash + 1);
      pod.resize(slash);
    }
    ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, pod, app_));
    ASSIGN_OR_RETURN(const rktlet::spec::ContainerState state,
                     rktlet::spec::ReadContainer(layout, target.pod, target.app));
    if (state.record.log_path.empty()) {
      return absl::FailedPreconditionError(
          StrCat("app ", target.app.str(), " has no log: its pod has no log directory"));
    }
    LogReader reader(state.record.log_path);
    RETURN_IF_ERROR(reader.Open());
    if (since_.has_value()) {
      not_before_ = AbsoluteRfc3339(*since_);
    }
    RETURN_IF_ERROR(PrintBacklog(reader));
    while (follow_) {
      ASSIGN_OR_RETURN(const bool running, IsRunning(layout, target));
      while (const std::optional<std::string> line = reader.Next()) {
        RETURN_IF_ERROR(Print(*line));
      }
      if (!running) {
        break;
      }
      reader.AwaitChange();
    }
    return 0;
  }

 private:
  static absl::StatusOr<bool> IsRunning(const rktlet::spec::Layout& layout, const AppTarget& target) {
    ASSIGN_OR_RETURN(const rktlet::spec::ContainerState state,
                     rktlet::spec::ReadContainer(layout, target.pod, target.app));
    ASSIGN_OR_RETURN(const std::string boot_id, rktlet::base::BootId());
    const std::string now = rkt::pod::ObserveApp(state, boot_id).state;
    return now == "running" || now == "created";
  }

  // The time so long ago as the log spells it: text compares as time does.
  static std::string AbsoluteRfc3339(std::chrono::nanoseconds ago) {
    const auto when = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::microseconds>(ago);
    const time_t seconds = std::chrono::system_clock::to_time_t(when);
    struct tm parts = {};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return text.data();
  }

  absl::Status PrintBacklog(LogReader& reader) {
    if (!tail_.has_value()) {
      while (const std::optional<std::string> line = reader.Next()) {
        RETURN_IF_ERROR(Print(*line));
      }
      return absl::OkStatus();
    }
    // Pieces belong to the line that they are of.
    std::deque<std::string> last;
    int64_t whole = 0;
    while (std::optional<std::string> line = reader.Next()) {
      const std::optional<LogLine> parsed = Parse(*line);
      whole += parsed.has_value() && parsed->partial ? 0 : 1;
      last.push_back(*std::move(line));
      while (whole > *tail_ && !last.empty()) {
        const std::optional<LogLine> front = Parse(last.front());
        whole -= front.has_value() && front->partial ? 0 : 1;
        last.pop_front();
      }
    }
    for (const std::string& line : last) {
      RETURN_IF_ERROR(Print(line));
    }
    return absl::OkStatus();
  }

  absl::Status Print(const std::string& line) {
    const std::optional<LogLine> parsed = Parse(line);
    if (!parsed.has_value() || parsed->time < not_before_) {
      return absl::OkStatus();
    }
    std::string text;
    bool& inside = parsed->is_stderr ? inside_stderr_ : inside_stdout_;
    if (timestamps_ && !inside) {
      text = StrCat(parsed->time, " ");
    }
    text += parsed->text;
    inside = parsed->partial;
    if (!parsed->partial) {
      text += '\n';
    }
    return rktlet::base::WriteAll(parsed->is_stderr ? STDERR_FILENO : STDOUT_FILENO, text);
  }

  std::string app_;
  bool follow_ = false;
  bool timestamps_ = false;
  std::optional<int64_t> tail_;
  std::optional<std::chrono::nanoseconds> since_;
  std::string not_before_;
  bool inside_stdout_ = false;  // of a line whose pieces are printed
  bool inside_stderr_ = false;
};

}  // namespace

void RegisterLogs(Registry& registry) {
  registry.Add<Logs>({.path = "logs",
                      .arguments = "POD[/APP] [--app=NAME]",
                      .summary = "Print what an app wrote",
                      .details = "What it wrote to stderr goes to stderr.",
                      .min_args = 1,
                      .max_args = 1});
}

}  // namespace rkt::cli
