// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/skopeo.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/image/hidden_argument.h"
#include "rkt/image/signature_policy.h"

namespace rkt::image {
namespace {

using rktlet::base::StrCat;
using std::chrono::steady_clock;

constexpr int kAuthFd = 10;  // in skopeo
constexpr int kLockFd = 11;
constexpr size_t kLongestAnswer = size_t{16} << 20;
constexpr auto kTick = std::chrono::milliseconds(200);

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The msg="…" of skopeo's last line that has one, unescaped; the whole text when there is none.
std::string LastMessage(const std::string& text) {
  static constexpr std::string_view kKey = "msg=\"";
  const size_t at = text.rfind(kKey);
  if (at == std::string::npos) {
    return text.substr(0, text.find_last_not_of('\n') + 1);
  }
  std::string message;
  for (size_t i = at + kKey.size(); i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      message += text[i] == 'n' ? ' ' : text[i];
    } else {
      message += text[i];
    }
  }
  return message;
}

// Bytes below the layout being written and in the directory of blobs: grows as long as anything arrives.
uint64_t BytesBelow(const std::string& directory) {
  uint64_t bytes = 0;
  for (const std::string& name : rktlet::base::ListDirectory(directory).value_or(std::vector<std::string>())) {
    struct stat info {};
    if (::lstat(StrCat(directory, "/", name).c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      bytes += static_cast<uint64_t>(info.st_size);
    }
  }
  return bytes;
}

absl::StatusOr<rktlet::base::UniqueFd> MakeBuffer() {
  rktlet::base::UniqueFd memory(::memfd_create("skopeo", MFD_CLOEXEC));
  if (!memory.valid()) {
    return rktlet::base::ErrnoStatus(errno, "make a buffer");
  }
  return memory;
}

std::string ReadBack(int fd) {
  ::lseek(fd, 0, SEEK_SET);
  return rktlet::base::ReadAll(fd, size_t{1} << 20).value_or("");
}

rktlet::base::Command MakeCommand(std::vector<std::string> arguments, const SkopeoOptions& options) {
  rktlet::base::Command command;
  // setpriv(1): the kernel kills skopeo when its caller dies, however that happens.
  command.program = "setpriv";
  command.args = {"--pdeathsig", "KILL", "--", "skopeo"};
  command.args.insert(command.args.end(), arguments.begin(), arguments.end());
  if (options.auth_fd >= 0) {
    command.fds.emplace_back(options.auth_fd, kAuthFd);
  }
  if (options.held_lock_fd >= 0) {
    command.fds.emplace_back(options.held_lock_fd, kLockFd);
  }
  return command;
}

}  // namespace

absl::Status SkopeoFailure(const std::string& stderr_text) {
  const std::string message = LastMessage(stderr_text);
  absl::StatusCode code = absl::StatusCode::kInternal;
  if (Contains(message, "manifest unknown") || Contains(message, "name unknown") ||
      Contains(message, "StatusCode: 404") || Contains(message, "status code 404") ||
      Contains(message, "no such file or directory") || Contains(message, "no image found")) {
    code = absl::StatusCode::kNotFound;
  } else if (Contains(message, "unauthorized") || Contains(message, "authentication required") ||
             Contains(message, "invalid username/password")) {
    code = absl::StatusCode::kUnauthenticated;
  } else if (Contains(message, "rejected by policy") || Contains(message, "signature was required")) {
    // The kubelet knows the first word.
    return absl::PermissionDeniedError(StrCat(
        "SignatureValidationFailed: the signature policy (containers-policy.json(5)) does not allow it: ", message));
  } else if (Contains(message, "denied")) {
    code = absl::StatusCode::kPermissionDenied;
  } else if (Contains(message, "no space left")) {
    code = absl::StatusCode::kResourceExhausted;
  } else if (Contains(message, "connection refused") || Contains(message, "no such host") ||
             Contains(message, "network is unreachable") || Contains(message, "i/o timeout") ||
             Contains(message, "connection reset") || Contains(message, "EOF") ||
             Contains(message, "server misbehaving") || Contains(message, "toomanyrequests")) {
    code = absl::StatusCode::kUnavailable;
  } else if (Contains(message, "Digest did not match") || Contains(message, "doesn't match")) {
    code = absl::StatusCode::kDataLoss;
  }
  return {code, message};
}

std::vector<std::string> Skopeo::Arguments(const std::vector<std::string>& verb, bool copying) const {
  std::vector<std::string> arguments;
  if (!options_.verify_image) {
    arguments.emplace_back("--insecure-policy");
  } else if (copying) {
    arguments.push_back("--policy=" + SignaturePolicyPath());
  }
  if (!options_.registries_conf.empty()) {
    arguments.push_back("--registries-conf=" + options_.registries_conf);
  }
  if (!options_.temporary_directory.empty()) {
    arguments.push_back("--tmpdir=" + options_.temporary_directory);
  }
  arguments.insert(arguments.end(), verb.begin(), verb.end());
  if (!options_.verify_tls) {
    arguments.emplace_back(copying ? "--src-tls-verify=false" : "--tls-verify=false");
  }
  if (!options_.registry_token.empty()) {
    arguments.emplace_back(kHiddenArgument);
  } else if (options_.auth_fd >= 0) {
    arguments.push_back(StrCat("--authfile=/proc/self/fd/", kAuthFd));
  } else if (!options_.authfile.empty()) {
    arguments.push_back("--authfile=" + options_.authfile);
  }
  return arguments;
}

absl::StatusOr<rktlet::base::PidFd> Skopeo::Start(rktlet::base::Command command, bool copying) const {
  if (options_.registry_token.empty()) {
    return rktlet::base::Spawn(command);
  }
  const char* flag = copying ? "--src-registry-token=" : "--registry-token=";
  return SpawnWithHiddenArgument(std::move(command), flag + options_.registry_token);
}

absl::StatusOr<std::string> Skopeo::Run(const std::vector<std::string>& verb, const std::string& image) const {
  std::vector<std::string> arguments = Arguments(verb, false);
  arguments.push_back(image);
  ASSIGN_OR_RETURN(const rktlet::base::UniqueFd answer, MakeBuffer());
  ASSIGN_OR_RETURN(const rktlet::base::UniqueFd messages, MakeBuffer());
  rktlet::base::Command command = MakeCommand(std::move(arguments), options_);
  command.fds.insert(command.fds.end(), {{answer.get(), 1}, {messages.get(), 2}});
  command.new_session = true;
  ASSIGN_OR_RETURN(const rktlet::base::PidFd child, Start(std::move(command), false));
  pollfd polled = {child.fd(), POLLIN, 0};
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(options_.stall_timeout).count();
  const bool ended = ::poll(&polled, 1, timeout == 0 ? -1 : static_cast<int>(std::min<int64_t>(timeout, INT_MAX))) != 0;
  if (!ended) {
    ::kill(-child.pid(), SIGKILL);  // the group of an unreaped leader: the number is still its own
  }
  ASSIGN_OR_RETURN(const auto status, child.Reap(true));
  if (!ended) {
    return absl::DeadlineExceededError("the registry does not answer");
  }
  if (!status->Success()) {
    return SkopeoFailure(ReadBack(messages.get()));
  }
  ::lseek(answer.get(), 0, SEEK_SET);
  auto text = rktlet::base::ReadAll(answer.get(), kLongestAnswer);
  return text.ok() ? text : absl::DataLossError("the registry's answer is too large");
}

absl::StatusOr<std::string> Skopeo::RawManifest(const std::string& image) const {
  return Run({"inspect", "--raw"}, image);
}

absl::StatusOr<std::string> Skopeo::RawConfig(const std::string& image) const {
  return Run({"inspect", "--raw", "--config"}, image);
}

absl::StatusOr<std::vector<std::string>> Skopeo::ArchiveTags(const std::string& image) const {
  ASSIGN_OR_RETURN(const std::string text, Run({"list-tags"}, image));
  try {
    return nlohmann::json::parse(text).at("Tags").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& error) {
    return absl::InternalError(StrCat("skopeo list-tags: ", error.what()));
  }
}

absl::Status Skopeo::Copy(const std::string& image, const std::string& layout, const std::string& blobs,
                          const OnProgress& on_progress) const {
  std::vector<std::string> arguments =
      Arguments({"copy", "--quiet", "--remove-signatures", "--dest-oci-accept-uncompressed-layers",
                 "--dest-shared-blob-dir=" + blobs},
                true);
  arguments.push_back(image);
  arguments.push_back(StrCat("oci:", layout, ":image"));
  ASSIGN_OR_RETURN(const rktlet::base::UniqueFd messages, MakeBuffer());
  rktlet::base::Command command = MakeCommand(std::move(arguments), options_);
  command.fds.emplace_back(messages.get(), 2);
  command.new_session = true;
  ASSIGN_OR_RETURN(const rktlet::base::PidFd child, Start(std::move(command), true));

  const uint64_t before = BytesBelow(blobs + "/sha256");
  uint64_t seen = 0;
  bool stalled = false;
  auto last_change = steady_clock::now();
  while (!child.Ended()) {
    pollfd polled = {child.fd(), POLLIN, 0};
    ::poll(&polled, 1, static_cast<int>(kTick.count()));
    const uint64_t there = BytesBelow(layout) + BytesBelow(blobs + "/sha256");
    const uint64_t bytes = there > before ? there - before : 0;
    if (bytes != seen) {
      seen = bytes;
      last_change = steady_clock::now();
      on_progress(bytes);
    } else if (!stalled && options_.stall_timeout.count() > 0 &&
               steady_clock::now() - last_change > options_.stall_timeout) {
      stalled = true;
      ::kill(-child.pid(), SIGKILL);  // the group of an unreaped leader: the number is still its own
    }
  }
  ASSIGN_OR_RETURN(const auto status, child.Reap(true));
  if (stalled) {
    return absl::DeadlineExceededError(
        StrCat("nothing arrived for ", std::chrono::duration_cast<std::chrono::seconds>(options_.stall_timeout).count(),
               " s"));
  }
  if (!status->Success()) {
    const std::string text = ReadBack(messages.get());
    return text.empty() ? absl::InternalError(StrCat("skopeo ended with code ", status->ShellCode()))
                        : SkopeoFailure(text);
  }
  return absl::OkStatus();
}

}  // namespace rkt::image
