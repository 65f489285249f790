// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/rkt_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "base/strings.h"

namespace rktlet::engine {
namespace {

using base::StrCat;

constexpr std::string_view kStatusPrefix = "rkt-status: ";
constexpr size_t kMessageTail = 2048;
constexpr size_t kMaxReport = 4096;

// sd_notify, watchdog and socket activation are between systemd and this process.
constexpr std::array<std::string_view, 6> kOwnVariables = {
    "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "LISTEN_PID="};

std::vector<std::string> Environment(const std::string& helper) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool own = std::any_of(kOwnVariables.begin(), kOwnVariables.end(),
                                 [text](std::string_view name) { return text.starts_with(name); });
    if (!own && !text.starts_with("RKT_HELPER=")) {
      environment.emplace_back(text);
    }
  }
  environment.emplace_back("RKT_STATUS_LINE=1");
  if (!helper.empty()) {
    environment.push_back("RKT_HELPER=" + helper);
  }
  return environment;
}

std::string_view TrimEnd(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  return text;
}

// Takes the line that tells the kind of error off the end of `text`.
absl::StatusCode TakeCode(std::string_view& text) {
  text = TrimEnd(text);
  const size_t at = text.rfind(kStatusPrefix);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] != '\n')) {
    return absl::StatusCode::kInternal;
  }
  const std::string_view digits = text.substr(at + kStatusPrefix.size());
  int code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
  if (error != std::errc() || end != digits.data() + digits.size() || code <= 0 || code > 16) {
    return absl::StatusCode::kInternal;
  }
  text = TrimEnd(text.substr(0, at));
  return static_cast<absl::StatusCode>(code);
}

// `text` without the progress that --progress=json writes, a JSON object a line.
std::string WithoutProgress(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with('{')) {
      kept += StrCat(kept.empty() ? "" : "\n", line);
    }
  }
  return kept;
}

}  // namespace

base::Command RktCommand(const std::string& program, const std::string& helper, const spec::Layout& layout,
                         const std::vector<std::string>& args) {
  base::Command command;
  command.program = program;
  command.args = {"--dir=" + layout.dir(), "--run-dir=" + layout.run_dir(), "--announce=false"};
  command.args.insert(command.args.end(), args.begin(), args.end());
  command.environment = Environment(helper);
  return command;
}

absl::Status StatusOfRkt(const ProcessResult& result, std::string_view what) {
  const base::CommandResult& command = result.command;
  if (result.cancelled) {
    return absl::CancelledError(StrCat(what, ": nobody waits for it any more"));
  }
  if (!command.timed_out && command.status.Success()) {
    return absl::OkStatus();
  }
  const std::string written = WithoutProgress(command.stderr_data);
  std::string_view text = written;
  const absl::StatusCode code = TakeCode(text);
  text.remove_prefix(text.size() - std::min(text.size(), kMessageTail));
  const std::string said = text.empty() ? "" : StrCat(": ", text);
  if (command.timed_out) {
    return absl::DeadlineExceededError(StrCat(what, ": took too long and was stopped", said));
  }
  if (command.status.signal != 0) {
    return absl::InternalError(StrCat(what, ": ended by signal ", command.status.signal, said));
  }
  if (text.empty()) {
    return absl::Status(code, StrCat(what, ": exit code ", command.status.code));
  }
  return absl::Status(code, StrCat(what, said));
}

absl::StatusOr<std::pair<base::UniqueFd, base::UniqueFd>> MakeReportPipe() {
  ASSIGN_OR_RETURN(auto pipe, base::MakePipe());
  if (::fcntl(pipe.first.get(), F_SETFL, O_NONBLOCK) != 0) {
    return base::ErrnoStatus(errno, "make a descriptor non-blocking");
  }
  return pipe;
}

// "CODE reason"
absl::Status StatusOfReport(const base::UniqueFd& report) {
  std::array<char, kMaxReport> data{};
  const ssize_t size = ::read(report.get(), data.data(), data.size());
  if (size <= 0) {
    return absl::OkStatus();
  }
  const std::string_view text = TrimEnd({data.data(), static_cast<size_t>(size)});
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  std::string_view reason = text.substr(static_cast<size_t>(end - text.data()));
  reason.remove_prefix(std::min(reason.find_first_not_of(' '), reason.size()));
  const std::string message = StrCat("exec: ", reason);
  switch (code) {
    case 126:
      return absl::PermissionDeniedError(message);
    case 127:
      return absl::NotFoundError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace rktlet::engine
