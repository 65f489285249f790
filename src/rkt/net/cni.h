// SPDX-License-Identifier: Apache-2.0
// The verbs of CNI over a chain of plugins. The caller serialises the calls for one attachment (it holds the pod's
// lock). Every error names the network and the plugin.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "rkt/net/network_config.h"
#include "rkt/net/result.h"

namespace rkt::net {

// One interface of one container on one network.
struct Attachment {
  std::string container_id;
  std::string netns;                                       // path; "" when the namespace is gone, which only DEL takes
  std::string interface;                                   // eth0, …
  std::vector<std::pair<std::string, std::string>> args;   // CNI_ARGS
  nlohmann::json capabilities = nlohmann::json::object();  // capability → value; a plugin gets those that it asks for
};

class Client {
 public:
  struct Options {
    std::vector<std::string> bin_dirs;
    std::chrono::seconds plugin_timeout{60};  // then the plugin is killed
    // Plugins inherit this descriptor (-1: none). With the caller's lock behind it the lock outlives a caller that is
    // killed for as long as its plugin goes on.
    int inherited_fd = -1;
  };

  explicit Client(Options options) : options_(std::move(options)) {}

  // Runs ADD of each plugin, each with the result of the one before. After a failure the caller runs Del(), which
  // undoes what the first plugins did.
  absl::StatusOr<Result> Add(const NetworkConfig& network, const Attachment& attachment) const;

  // Runs DEL of each plugin in reverse order; `previous` is the cached result of ADD ("" when there is none). All are
  // run, the first error is returned.
  absl::Status Del(const NetworkConfig& network, const Attachment& attachment, const std::string& previous) const;

  // FailedPrecondition when the attachment is not what `previous` says. OK where the version has no CHECK (before
  // 0.4.0) or the list forbids it.
  absl::Status Check(const NetworkConfig& network, const Attachment& attachment, const std::string& previous) const;

  // Whether the network can take pods: plugins are there, and say so themselves from 1.1.0 on.
  absl::Status Status(const NetworkConfig& network) const;

  // Tells the plugins which attachments exist, so that they drop all others. OK before 1.1.0.
  absl::Status Gc(const NetworkConfig& network,
                  const std::vector<std::pair<std::string, std::string>>& container_and_interface) const;

 private:
  absl::StatusOr<std::string> Run(const NetworkConfig& network, const PluginConfig& plugin, const std::string& verb,
                                  const Attachment& attachment, const nlohmann::json& previous,
                                  const nlohmann::json& extra) const;

  Options options_;
};

}  // namespace rkt::net
