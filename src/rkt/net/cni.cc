// SPDX-License-Identifier: Apache-2.0
#include "rkt/net/cni.h"

#include <unistd.h>

#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace rkt::net {
namespace {

using nlohmann::json;
using rktlet::base::Annotate;
using rktlet::base::StrCat;

constexpr size_t kMaxAnswer = size_t{1} << 20;
constexpr int kInheritedFd = 3;              // its number in the plugin
constexpr char kFirstWithCheck[] = "0.4.0";  // and with prevResult for DEL
constexpr char kFirstWithStatusAndGc[] = "1.1.0";

std::string Where(const NetworkConfig& network, const PluginConfig& plugin, const std::string& verb) {
  return StrCat("network ", network.name, ": CNI plugin ", plugin.type, ": ", verb);
}

bool Supports(const NetworkConfig& network, const char* version) {
  return CompareVersions(network.cni_version, version) >= 0;
}

std::string Tail(const std::string& text) {
  constexpr size_t kTail = 2048;
  std::string tail = text.size() > kTail ? text.substr(text.size() - kTail) : text;
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' ')) {
    tail.pop_back();
  }
  return tail;
}

// The caller's environment, of which plugins want PATH and proxies, without what is ours or systemd's to the unit.
std::vector<std::string> Environment(const std::string& verb, const Attachment& attachment,
                                     const std::vector<std::string>& bin_dirs) {
  std::vector<std::string> environment;
  bool has_path = false;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.substr(0, 4) != "CNI_" && text.substr(0, 14) != "NOTIFY_SOCKET=") {
      environment.emplace_back(text);
      has_path = has_path || text.substr(0, 5) == "PATH=";
    }
  }
  if (!has_path) {
    environment.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  }
  environment.push_back("CNI_COMMAND=" + verb);
  environment.push_back("CNI_PATH=" + absl::StrJoin(bin_dirs, ":"));
  if (attachment.container_id.empty()) {  // STATUS and GC concern no container
    return environment;
  }
  std::vector<std::string> args;
  for (const auto& [key, value] : attachment.args) {
    args.push_back(StrCat(key, "=", value));
  }
  environment.push_back("CNI_CONTAINERID=" + attachment.container_id);
  environment.push_back("CNI_NETNS=" + attachment.netns);
  environment.push_back("CNI_IFNAME=" + attachment.interface);
  environment.push_back("CNI_ARGS=" + absl::StrJoin(args, ";"));
  return environment;
}

json PluginInput(const NetworkConfig& network, const PluginConfig& plugin, const Attachment& attachment,
                 const json& previous, const json& extra) {
  json input = plugin.json;
  input.erase("capabilities");
  input["name"] = network.name;
  input["cniVersion"] = network.cni_version;
  json runtime_config = json::object();
  for (const std::string& capability : plugin.capabilities) {
    if (const auto value = attachment.capabilities.find(capability); value != attachment.capabilities.end()) {
      runtime_config[capability] = *value;
    }
  }
  if (!runtime_config.empty()) {
    input["runtimeConfig"] = runtime_config;
  }
  if (!previous.is_null()) {
    input["prevResult"] = previous;
  }
  input.update(extra);
  return input;
}

absl::Status Failure(const rktlet::base::CommandResult& result, std::chrono::seconds timeout) {
  if (result.timed_out) {
    return absl::DeadlineExceededError(StrCat("did not end within ", timeout.count(), " s and was killed"));
  }
  if (result.status.Success()) {
    return absl::OkStatus();
  }
  if (const auto error = ParseError(result.stdout_data); error.has_value()) {
    return absl::InternalError(*error);
  }
  const std::string text = Tail(result.stderr_data.empty() ? result.stdout_data : result.stderr_data);
  const std::string how = result.status.signal != 0 ? StrCat("was killed by signal ", result.status.signal)
                                                    : StrCat("exited with ", result.status.code);
  return absl::InternalError(text.empty() ? how : StrCat(how, ": ", text));
}

// A cached result that cannot be parsed is left out: DEL has to go on without it.
json ParsePrevious(const std::string& previous) {
  json parsed = json::parse(previous, nullptr, /*allow_exceptions=*/false);
  return parsed.is_object() ? parsed : json();
}

void KeepFirst(absl::Status& first, const absl::Status& status) {
  if (first.ok()) {
    first = status;
  }
}

}  // namespace

absl::StatusOr<std::string> Client::Run(const NetworkConfig& network, const PluginConfig& plugin,
                                        const std::string& verb, const Attachment& attachment, const json& previous,
                                        const json& extra) const {
  const std::string where = Where(network, plugin, verb);
  const auto program = FindPlugin(options_.bin_dirs, plugin.type);
  if (!program.ok()) {
    return absl::NotFoundError(StrCat("network ", network.name, ": ", std::string(program.status().message())));
  }
  rktlet::base::Command command;
  command.program = *program;
  command.environment = Environment(verb, attachment, options_.bin_dirs);
  if (options_.inherited_fd >= 0) {
    command.fds.emplace_back(options_.inherited_fd, kInheritedFd);
  }
  rktlet::base::RunOptions options;
  options.stdin_data =
      PluginInput(network, plugin, attachment, previous, extra).dump(-1, ' ', false, json::error_handler_t::replace);
  options.stdout_limit = kMaxAnswer;
  options.timeout = options_.plugin_timeout;
  const auto result = rktlet::base::RunCommand(command, options);
  if (!result.ok()) {
    return Annotate(result.status(), where);
  }
  if (absl::Status failure = Failure(*result, options_.plugin_timeout); !failure.ok()) {
    return Annotate(failure, where);
  }
  return result->stdout_data;
}

absl::StatusOr<Result> Client::Add(const NetworkConfig& network, const Attachment& attachment) const {
  Result result;
  json previous;
  for (const PluginConfig& plugin : network.plugins) {
    ASSIGN_OR_RETURN(const std::string answer, Run(network, plugin, "ADD", attachment, previous, json::object()));
    auto parsed = ParseResult(answer);
    if (!parsed.ok()) {
      return absl::InternalError(StrCat(Where(network, plugin, "ADD"),
                                        " answered what is no result: ", std::string(parsed.status().message())));
    }
    result = *std::move(parsed);
    previous = json::parse(result.text);
  }
  return result;
}

absl::Status Client::Del(const NetworkConfig& network, const Attachment& attachment,
                         const std::string& previous) const {
  const json previous_result = Supports(network, kFirstWithCheck) ? ParsePrevious(previous) : json();
  absl::Status first;
  for (auto plugin = network.plugins.rbegin(); plugin != network.plugins.rend(); ++plugin) {
    KeepFirst(first, Run(network, *plugin, "DEL", attachment, previous_result, json::object()).status());
  }
  return first;
}

absl::Status Client::Check(const NetworkConfig& network, const Attachment& attachment,
                           const std::string& previous) const {
  if (!Supports(network, kFirstWithCheck) || network.disable_check) {
    return absl::OkStatus();
  }
  for (const PluginConfig& plugin : network.plugins) {
    const auto answer = Run(network, plugin, "CHECK", attachment, ParsePrevious(previous), json::object());
    if (!answer.ok()) {
      return absl::FailedPreconditionError(std::string(answer.status().message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Client::Status(const NetworkConfig& network) const {
  for (const PluginConfig& plugin : network.plugins) {
    if (Supports(network, kFirstWithStatusAndGc)) {
      RETURN_IF_ERROR(Run(network, plugin, "STATUS", Attachment(), json(), json::object()).status());
    } else if (const auto found = FindPlugin(options_.bin_dirs, plugin.type); !found.ok()) {
      return absl::NotFoundError(StrCat("network ", network.name, ": ", std::string(found.status().message())));
    }
  }
  return absl::OkStatus();
}

absl::Status Client::Gc(const NetworkConfig& network,
                        const std::vector<std::pair<std::string, std::string>>& container_and_interface) const {
  if (!Supports(network, kFirstWithStatusAndGc) || network.disable_gc) {
    return absl::OkStatus();
  }
  json valid = json::array();
  for (const auto& [container, interface] : container_and_interface) {
    valid.push_back({{"containerID", container}, {"ifname", interface}});
  }
  absl::Status first;
  for (const PluginConfig& plugin : network.plugins) {
    const json extra{{"cni.dev/valid-attachments", valid}};
    KeepFirst(first, Run(network, plugin, "GC", Attachment(), json(), extra).status());
  }
  return first;
}

}  // namespace rkt::net
