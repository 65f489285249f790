// SPDX-License-Identifier: Apache-2.0
#include "rktlet/config/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/strings.h"

namespace rktlet::config {
namespace {

using base::StrCat;
using base::journal::Priority;

constexpr bool kLive = true;
constexpr bool kRestart = false;

constexpr std::array<std::pair<std::string_view, Priority>, 5> kLevels = {{{"error", Priority::kError},
                                                                           {"warning", Priority::kWarning},
                                                                           {"notice", Priority::kNotice},
                                                                           {"info", Priority::kInfo},
                                                                           {"debug", Priority::kDebug}}};

absl::StatusOr<std::string> One(const RawValue& value) {
  if (value.is_list) {
    return absl::InvalidArgumentError("one value is expected, not a list");
  }
  return value.items.front();
}

// Text in double quotes as YAML and JSON have it.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + "\"";
}

Option Text(std::string section, std::string name, std::string placeholder, bool live, std::string Config::*member,
            std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = std::move(placeholder),
          .help = std::move(help),
          .live = live,
          .set = [member](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(config.*member, One(value));
            return absl::OkStatus();
          },
          .show = [member](const Config& config) { return Quoted(config.*member); }};
}

Option List(std::string section, std::string name, bool live, std::vector<std::string> Config::*member,
            std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = "LIST",
          .help = std::move(help),
          .live = live,
          .set =
              [member](const RawValue& value, Config& config) {
                config.*member = value.items;
                return absl::OkStatus();
              },
          .show =
              [member](const Config& config) {
                std::string text;
                for (const std::string& item : config.*member) {
                  text += StrCat(text.empty() ? "" : ", ", Quoted(item));
                }
                return StrCat("[", text, "]");
              }};
}

Option Duration(std::string section, std::string name, bool live, std::chrono::nanoseconds Config::*member,
                std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = "DURATION",
          .help = std::move(help),
          .live = live,
          .set = [member](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(const std::string text, One(value));
            ASSIGN_OR_RETURN(config.*member, ParseDuration(text));
            return absl::OkStatus();
          },
          .show = [member](const Config& config) { return DurationText(config.*member); }};
}

Option Size(std::string section, std::string name, bool live, uint64_t Config::*member, std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = "SIZE",
          .help = std::move(help),
          .live = live,
          .set = [member](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(const std::string text, One(value));
            ASSIGN_OR_RETURN(config.*member, ParseSize(text));
            return absl::OkStatus();
          },
          .show = [member](const Config& config) { return SizeText(config.*member); }};
}

Option Number(std::string section, std::string name, bool live, uint64_t Config::*member, std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = "NUMBER",
          .help = std::move(help),
          .live = live,
          .set = [member](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(const std::string text, One(value));
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), config.*member);
            if (error != std::errc() || end != text.data() + text.size()) {
              return absl::InvalidArgumentError(StrCat("\"", text, "\" is no number"));
            }
            return absl::OkStatus();
          },
          .show = [member](const Config& config) { return std::to_string(config.*member); }};
}

Option Flag(std::string section, std::string name, bool live, bool Config::*member, std::string help) {
  return {.section = std::move(section),
          .name = std::move(name),
          .placeholder = "BOOLEAN",
          .help = std::move(help),
          .live = live,
          .set = [member](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(const std::string text, One(value));
            if (text != "true" && text != "false") {
              return absl::InvalidArgumentError(StrCat("\"", text, "\" is neither true nor false"));
            }
            config.*member = text == "true";
            return absl::OkStatus();
          },
          .show = [member](const Config& config) { return std::string(config.*member ? "true" : "false"); }};
}

Option LogLevel() {
  return {.section = "server",
          .name = "log_level",
          .placeholder = "LEVEL",
          .help =
              "What goes to the journal: error, warning, notice, info or debug, each with all before it. debug "
              "logs every request and answer, without secrets.",
          .live = kLive,
          .set = [](const RawValue& value, Config& config) -> absl::Status {
            ASSIGN_OR_RETURN(const std::string text, One(value));
            for (const auto& [name, level] : kLevels) {
              if (text == name) {
                config.log_level = level;
                return absl::OkStatus();
              }
            }
            return absl::InvalidArgumentError(
                StrCat("\"", text, "\" is no log level: error, warning, notice, info or debug"));
          },
          .show =
              [](const Config& config) {
                for (const auto& [name, level] : kLevels) {
                  if (config.log_level == level) {
                    return std::string(name);
                  }
                }
                return std::string("info");
              }};
}

void AddServer(std::vector<Option>& options) {
  options.push_back(Text("server", "socket", "PATH", kRestart, &Config::socket,
                         "The socket of the CRI when rktlet is started by hand. With rktlet.socket it is that unit's "
                         "ListenStream= which counts."));
  options.push_back(LogLevel());
}

void AddEngine(std::vector<Option>& options) {
  options.push_back(Text("engine", "rkt", "PATH", kRestart, &Config::rkt,
                         "The rkt command. Empty means the one that was installed with rktlet."));
  options.push_back(Text("engine", "helper", "PATH", kRestart, &Config::helper,
                         "The helper program of rkt that runs inside units. Empty means the installed one."));
  options.push_back(Text("engine", "dir", "PATH", kRestart, &Config::dir,
                         "Where images and pods are kept. Needs a file system on which overlayfs works."));
  options.push_back(Text("engine", "run_dir", "PATH", kRestart, &Config::run_dir,
                         "Where sockets, namespaces and the like are, which do not outlive a reboot."));
  options.push_back(Duration("engine", "command_timeout", kLive, &Config::command_timeout,
                             "How long one command of the engine may take (not pulls, not exec); then it is stopped "
                             "and the request fails. 0 means forever."));
  options.push_back(Duration("engine", "checkpoint_timeout", kLive, &Config::checkpoint_timeout,
                             "How long a checkpoint may take for which the kubelet tells no time, and the unpacking of "
                             "one."));
}

void AddNetwork(std::vector<Option>& options) {
  options.push_back(Text("network", "cni_conf_dir", "PATH", kLive, &Config::cni_conf_dir,
                         "Directory of CNI network configurations; the first by name is the default network."));
  options.push_back(List("network", "cni_bin_dirs", kLive, &Config::cni_bin_dirs,
                         "Directories of CNI plugins, in the order in which they are searched."));
  options.push_back(Duration("network", "timeout", kLive, &Config::network_timeout,
                             "How long the plugins may take to set up or tear down the network of a pod: all of them "
                             "together, and none of them more than a minute."));
}

void AddContainers(std::vector<Option>& options) {
  options.push_back(Text("containers", "default_slice", "SLICE", kLive, &Config::default_slice,
                         "The systemd slice of pods that come without a cgroup parent."));
  options.push_back(Duration("containers", "default_stop_timeout", kLive, &Config::default_stop_timeout,
                             "How long systemctl stop and a shutdown wait for a container of which the kubelet told "
                             "no grace period, before they kill it."));
  options.push_back(Duration("containers", "start_timeout", kLive, &Config::start_timeout,
                             "How long systemd lets a pod or a container take to start, before it ends what has "
                             "begun."));
  options.push_back(Text("containers", "default_runtime_handler", "NAME", kLive, &Config::default_runtime_handler,
                         "The OCI runtime of pods whose runtime class names none: crun or runc, which cannot start "
                         "containers in user namespaces here."));
  options.push_back(List("containers", "cdi_spec_dirs", kLive, &Config::cdi_spec_dirs,
                         "Directories of device specifications of the Container Device Interface; of a device that "
                         "several define the last one's counts. [] refuses such devices."));
  options.push_back(
      Flag("containers", "unprivileged_ports", kLive, &Config::unprivileged_ports,
           "Lets any process of a new pod with a network of its own listen on ports below 1024 (the sysctl "
           "net.ipv4.ip_unprivileged_port_start=0), unless the pod sets it."));
  options.push_back(Flag("containers", "unprivileged_ping", kLive, &Config::unprivileged_ping,
                         "Lets any process of a new pod with a network of its own send pings (the sysctl "
                         "net.ipv4.ping_group_range), unless the pod sets it."));
  options.push_back(Flag(
      "containers", "device_ownership_from_security_context", kLive, &Config::device_ownership_from_security_context,
      "Devices that a container asks for belong to its user and group inside, not to those that they "
      "have on the node. CDI devices do unless their specification says otherwise."));
  options.push_back(Flag("containers", "privileged_without_host_devices", kLive,
                         &Config::privileged_without_host_devices,
                         "A privileged container has the devices that it asks for, as any other one, instead of all "
                         "of the node."));
  options.push_back(Size("containers", "max_exec_output", kLive, &Config::max_exec_output,
                         "How much output of a command ExecSync returns, stdout and stderr together; more is read and "
                         "dropped. Clients take answers of 16MiB in all."));
  options.push_back(Flag("containers", "restore_images", kLive, &Config::restore_images,
                         "Containers may be restored from images that hold a checkpoint. Who makes such an image "
                         "decides what its processes may do, whatever their pod says."));
  options.push_back(Flag("containers", "log_to_journal", kLive, &Config::log_to_journal,
                         "Copies what containers print to the journal, beside their log files. The annotation "
                         "io.rktlet.log-to-journal of a pod, true or false, decides for that pod."));
  options.push_back(Number("containers", "log_rate_burst", kLive, &Config::log_rate_burst,
                           "How many lines of a container are copied in log_rate_interval. 0 means all. The log file "
                           "has every line."));
  options.push_back(Duration("containers", "log_rate_interval", kLive, &Config::log_rate_interval,
                             "The time for log_rate_burst. 0 means no limit."));
}

void AddImages(std::vector<Option>& options) {
  options.push_back(Text("images", "authfile", "PATH", kLive, &Config::authfile,
                         "Registry credentials (containers-auth.json(5)) of pulls for which the kubelet brings none. "
                         "Empty means the engine's default."));
  options.push_back(List("images", "pinned", kLive, &Config::pinned_images,
                         "Names of images that the kubelet's garbage collection must leave alone. A * at the end of a "
                         "name stands for anything."));
  options.push_back(Duration("images", "pull_timeout", kLive, &Config::pull_timeout,
                             "How long a pull may take. 0 means as long as it needs."));
  options.push_back(Duration("images", "pull_progress_timeout", kLive, &Config::pull_progress_timeout,
                             "A pull that gets nothing from its registry for this long is given up. 0 means never."));
  options.push_back(Size("images", "pull_memory_limit", kLive, &Config::pull_memory_limit,
                         "Memory of all pulls together, page cache included. They run in a control group of their "
                         "own below that of rktlet.service. 0 means no limit."));
  options.push_back(Number("images", "max_parallel_pulls", kLive, &Config::max_parallel_pulls,
                           "How many images are pulled at a time; further ones wait. 0 means any number."));
}

void AddStreaming(std::vector<Option>& options) {
  options.push_back(
      Text("streaming", "address", "ADDRESS", kRestart, &Config::streaming_address,
           "Where exec, attach and port-forward are served: an IP address and a port (127.0.0.1:0, "
           "[::1]:10010), where port 0 is any free one, or the absolute path of a unix socket. The kubelet "
           "connects to it from this machine."));
  options.push_back(Text("streaming", "url", "URL", kRestart, &Config::streaming_url,
                         "How clients reach that address, when it is through a proxy: the beginning of the URLs that "
                         "the kubelet is given. Empty means the address itself."));
  options.push_back(Text("streaming", "tls_certificate", "PATH", kRestart, &Config::streaming_tls_certificate,
                         "Certificate with its chain (PEM), with which streams are served over TLS. The file is read "
                         "again when it changes. Empty means no TLS, which is for loopback and unix sockets."));
  options.push_back(Text("streaming", "tls_key", "PATH", kRestart, &Config::streaming_tls_key,
                         "The private key of that certificate (PEM, without a passphrase), read again with it."));
  options.push_back(Duration("streaming", "idle_timeout", kLive, &Config::streaming_idle_timeout,
                             "A stream on which no byte has moved for this long is closed. 0 means never."));
  options.push_back(
      Duration("streaming", "stop_timeout", kLive, &Config::streaming_stop_timeout,
               "How long running streams may go on when rktlet stops, before they are ended: at most 10s."));
  options.push_back(Number("streaming", "max_connections", kLive, &Config::streaming_max_connections,
                           "How many connections with streams there may be at a time; further ones are refused."));
  options.push_back(Size("streaming", "attach_buffer", kLive, &Config::streaming_attach_buffer,
                         "How much output of a container is kept in memory for an attached client that takes it too "
                         "slowly. A client with that much left that takes nothing is detached."));
  options.push_back(Size("streaming", "total_buffer", kLive, &Config::streaming_total_buffer,
                         "The same for all attached clients together."));
}

}  // namespace

const std::vector<Option>& Options() {
  static const std::vector<Option> options = [] {
    std::vector<Option> all;
    AddServer(all);
    AddEngine(all);
    AddNetwork(all);
    AddContainers(all);
    AddImages(all);
    AddStreaming(all);
    return all;
  }();
  return options;
}

const Option* FindOption(const std::string& section, const std::string& name) {
  const auto found = std::find_if(Options().begin(), Options().end(), [&](const Option& option) {
    return option.section == section && option.name == name;
  });
  return found == Options().end() ? nullptr : &*found;
}

bool IsSection(const std::string& section) {
  return std::any_of(Options().begin(), Options().end(),
                     [&](const Option& option) { return option.section == section; });
}

std::vector<std::string> ApplyReload(const Config& loaded, Config& current) {
  std::vector<std::string> refused;
  Config applied = loaded;
  for (const Option& option : Options()) {
    if (option.live || option.show(loaded) == option.show(current)) {
      continue;
    }
    refused.push_back(option.key());
  }
  applied.socket = current.socket;
  applied.rkt = current.rkt;
  applied.helper = current.helper;
  applied.dir = current.dir;
  applied.run_dir = current.run_dir;
  applied.streaming_address = current.streaming_address;
  applied.streaming_url = current.streaming_url;
  applied.streaming_tls_certificate = current.streaming_tls_certificate;
  applied.streaming_tls_key = current.streaming_tls_key;
  current = applied;
  return refused;
}

}  // namespace rktlet::config
