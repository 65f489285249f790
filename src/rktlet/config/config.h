// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration as plain structs with their defaults. options.h says what each key means, how it is
// spelled and whether it can change while the daemon runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/journal.h"

namespace rktlet::config {

struct Config {
  // Server.
  std::string socket = "/run/rktlet/rktlet.sock";  // used when no socket unit hands one over
  base::journal::Priority log_level = base::journal::Priority::kInfo;

  // Engine.
  std::string rkt = "";     // absolute path; empty: the installed one
  std::string helper = "";  // the same for rkt-helper
  std::string dir = "/var/lib/rkt";
  std::string run_dir = "/run/rkt";
  std::chrono::nanoseconds command_timeout = std::chrono::minutes(2);  // of a short engine command (prepare, add, rm)
  std::chrono::nanoseconds checkpoint_timeout = std::chrono::minutes(10);  // of a checkpoint for which none is told

  // Network.
  std::string cni_conf_dir = "/etc/cni/net.d";
  std::vector<std::string> cni_bin_dirs = {"/opt/cni/bin", "/usr/lib/cni"};
  std::chrono::nanoseconds network_timeout = std::chrono::minutes(2);

  // Containers.
  std::string default_slice = "rktlet.slice";                                // of pods without a cgroup_parent
  std::chrono::nanoseconds default_stop_timeout = std::chrono::seconds(30);  // of containers without a grace period
  std::chrono::nanoseconds start_timeout = std::chrono::minutes(2);          // of a pod's or a container's unit
  std::string default_runtime_handler = "crun";                              // of pods that name none
  std::vector<std::string> cdi_spec_dirs = {"/etc/cdi", "/var/run/cdi"};     // the later wins; empty: CDI is off
  bool unprivileged_ports = true;                                            // in pods with a network of their own
  bool unprivileged_ping = true;                                             // the same
  bool device_ownership_from_security_context = false;
  bool privileged_without_host_devices = false;
  uint64_t max_exec_output = 16777216 - 65536;  // bytes; clients take messages of 16 MiB, framing included
  bool restore_images = false;                  // containers from images that hold a checkpoint
  bool log_to_journal = false;                  // a copy of what containers print
  uint64_t log_rate_burst = 10000;              // lines of a container in log_rate_interval; 0: no limit
  std::chrono::nanoseconds log_rate_interval = std::chrono::seconds(30);

  // Images.
  std::string authfile = "";  // for pulls that bring no credentials; empty: the engine's default
  std::vector<std::string> pinned_images;
  std::chrono::nanoseconds pull_timeout{0};  // 0: none
  std::chrono::nanoseconds pull_progress_timeout = std::chrono::minutes(5);
  uint64_t pull_memory_limit = uint64_t{1} << 30;  // bytes, of one pull; 0: none
  uint64_t max_parallel_pulls = 5;

  // Streaming.
  std::string streaming_address = "127.0.0.1:0";  // or the path of a unix socket
  std::string streaming_url = "";                 // how clients reach it; empty: by its address
  std::string streaming_tls_certificate = "";     // PEM; with the key, or neither
  std::string streaming_tls_key = "";
  std::chrono::nanoseconds streaming_idle_timeout = std::chrono::hours(4);  // 0: none
  std::chrono::nanoseconds streaming_stop_timeout = std::chrono::seconds(5);
  uint64_t streaming_max_connections = 1000;
  uint64_t streaming_attach_buffer = uint64_t{8} << 20;   // bytes, of one client
  uint64_t streaming_total_buffer = uint64_t{256} << 20;  // bytes, of all attached clients

  bool operator==(const Config&) const = default;
};

}  // namespace rktlet::config
