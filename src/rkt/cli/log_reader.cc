// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/strings.h"

namespace rkt::cli {
namespace {

using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr int kLookMillis = 500;  // a log that cannot be watched is looked at so often

}  // namespace

std::optional<LogLine> ParseLogLine(std::string_view line) {
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

absl::Status LogReader::Open() {
  ASSIGN_OR_RETURN(fd_, rktlet::base::OpenAt(AT_FDCWD, path_, O_RDONLY));
  watch_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  inotify_add_watch(watch_.get(), path_.substr(0, path_.rfind('/')).c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  return absl::OkStatus();
}

std::optional<std::string> LogReader::Next() {
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

void LogReader::AwaitChange() const {
  struct pollfd fd = {watch_.get(), POLLIN, 0};
  poll(&fd, 1, kLookMillis);
  Settle();
}

void LogReader::Settle() const {
  std::array<char, 4096> events{};
  while (read(watch_.get(), events.data(), events.size()) > 0) {
  }
}

bool LogReader::TakeSuccessor() {
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

absl::Status LogPrinter::Print(const std::string& line) {
  const std::optional<LogLine> parsed = ParseLogLine(line);
  if (!parsed.has_value() || parsed->time < not_before) {
    return absl::OkStatus();
  }
  std::string text;
  bool& inside = parsed->is_stderr ? inside_stderr_ : inside_stdout_;
  if (!inside) {
    text = timestamps ? StrCat(prefix, parsed->time, " ") : prefix;
  }
  text += parsed->text;
  inside = parsed->partial;
  if (!parsed->partial) {
    text += '\n';
  }
  return rktlet::base::WriteAll(parsed->is_stderr ? STDERR_FILENO : STDOUT_FILENO, text);
}

}  // namespace rkt::cli
