// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "rktlet/config/load.h"
#include "rktlet/streaming/address.h"
#include "spec/runtime_handlers.h"

namespace rktlet::config {
namespace {

using base::StrCat;

constexpr size_t kMaxSocketPath = 107;  // sun_path of unix(7) less its NUL
constexpr uint64_t kMaxExecOutput = uint64_t{16} << 20;
constexpr uint64_t kMinAttachBuffer = uint64_t{64} << 10;
constexpr uint64_t kMinPullMemory = uint64_t{64} << 20;
constexpr std::chrono::seconds kMaxStreamingStop(10);

void CheckAbsolute(const std::string& key, const std::string& path, bool may_be_empty, std::vector<Problem>& problems) {
  if (path.empty() ? !may_be_empty : path.front() != '/') {
    problems.push_back({key, StrCat("\"", path, "\" is no absolute path")});
  }
}

bool IsSliceName(const std::string& name) {
  const std::string stem = name.ends_with(".slice") ? name.substr(0, name.size() - 6) : "";
  return !stem.empty() && stem.size() < 240 && !stem.starts_with('-') && !stem.ends_with('-') &&
         stem.find("--") == std::string::npos && std::all_of(stem.begin(), stem.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':' || c == '\\';
         });
}

void CheckStreaming(const Config& config, std::vector<Problem>& problems) {
  if (absl::Status address = streaming::ParseAddress(config.streaming_address).status(); !address.ok()) {
    problems.push_back({"streaming.address", std::string(address.message())});
  }
  const std::string& url = config.streaming_url;
  if (!url.empty() && (!(url.starts_with("http://") || url.starts_with("https://")) ||
                       url.find_first_of("?# \t") != std::string::npos)) {
    problems.push_back({"streaming.url", StrCat("\"", url, "\" is no http or https URL without a query")});
  }
  CheckAbsolute("streaming.tls_certificate", config.streaming_tls_certificate, true, problems);
  CheckAbsolute("streaming.tls_key", config.streaming_tls_key, true, problems);
  if (config.streaming_tls_certificate.empty() != config.streaming_tls_key.empty()) {
    problems.push_back({"streaming.tls_key", "a certificate and its key belong together"});
  }
  if (config.streaming_stop_timeout > kMaxStreamingStop) {
    problems.push_back({"streaming.stop_timeout", "more than 10s is longer than systemd waits for the whole stop"});
  }
  if (config.streaming_max_connections == 0) {
    problems.push_back({"streaming.max_connections", "at least 1 is needed"});
  }
  if (config.streaming_attach_buffer < kMinAttachBuffer) {
    problems.push_back({"streaming.attach_buffer", "at least 64KiB are needed"});
  }
  if (config.streaming_total_buffer < config.streaming_attach_buffer) {
    problems.push_back({"streaming.total_buffer", "less than what one client may use"});
  }
}

}  // namespace

std::vector<Problem> Validate(const Config& config) {
  std::vector<Problem> problems;
  CheckAbsolute("server.socket", config.socket, false, problems);
  if (config.socket.size() > kMaxSocketPath) {
    problems.push_back({"server.socket", StrCat("a socket's path has at most ", kMaxSocketPath, " bytes")});
  }
  CheckAbsolute("engine.rkt", config.rkt, true, problems);
  CheckAbsolute("engine.helper", config.helper, true, problems);
  CheckAbsolute("engine.dir", config.dir, false, problems);
  CheckAbsolute("engine.run_dir", config.run_dir, false, problems);
  CheckAbsolute("network.cni_conf_dir", config.cni_conf_dir, false, problems);
  if (config.cni_bin_dirs.empty()) {
    problems.push_back({"network.cni_bin_dirs", "at least one directory is needed"});
  }
  for (const std::string& directory : config.cni_bin_dirs) {
    CheckAbsolute("network.cni_bin_dirs", directory, false, problems);
  }
  CheckAbsolute("images.authfile", config.authfile, true, problems);
  for (const std::string& directory : config.cdi_spec_dirs) {
    CheckAbsolute("containers.cdi_spec_dirs", directory, false, problems);
  }
  if (!IsSliceName(config.default_slice)) {
    problems.push_back({"containers.default_slice", StrCat("\"", config.default_slice, "\" is no name of a slice")});
  }
  if (config.default_stop_timeout < std::chrono::milliseconds(1)) {
    problems.push_back({"containers.default_stop_timeout", "at least 1ms is needed"});
  }
  if (config.checkpoint_timeout < std::chrono::seconds(1)) {
    problems.push_back({"engine.checkpoint_timeout", "at least 1s is needed"});
  }
  if (config.start_timeout < std::chrono::seconds(1)) {
    problems.push_back({"containers.start_timeout", "at least 1s is needed"});
  }
  if (config.default_runtime_handler.empty()) {
    problems.push_back({"containers.default_runtime_handler", "a name is needed"});
  } else if (const auto known = spec::RuntimeHandlerName(config.default_runtime_handler); !known.ok()) {
    problems.push_back({"containers.default_runtime_handler", std::string(known.status().message())});
  }
  if (config.max_exec_output > kMaxExecOutput) {
    problems.push_back({"containers.max_exec_output", "more than 16MiB do not fit into an answer"});
  }
  if (config.pull_memory_limit != 0 && config.pull_memory_limit < kMinPullMemory) {
    problems.push_back({"images.pull_memory_limit", "a pull needs at least 64MiB"});
  }
  CheckStreaming(config, problems);
  return problems;
}

}  // namespace rktlet::config
