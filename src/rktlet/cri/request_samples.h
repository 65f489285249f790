// SPDX-License-Identifier: Apache-2.0
// For the test of request fields: good requests of every rpc that takes any, and good values of fields that cannot hold
// just anything. RpcsInMemory says who aaa… and the others are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "rktlet/cri/request_fields.h"

namespace rktlet::cri {

// Has an archive for each container that the samples of RestorePod name.
inline const std::string& CheckpointDirectory() {
  static const base::TempDir directory;
  static const bool made = base::WriteFileAtomic(directory.File("c.tar"), "").ok();
  static const std::string none;
  return made ? directory.path() : none;
}

// Text in the form of protobuf's text format. Each field is tried in all the samples of its rpc: some mean something
// only beside others.
inline std::map<std::string, std::vector<std::string>> RequestSamples() {
  const std::string pod = R"(
    metadata { name: "p" namespace: "n" uid: "u" }
    hostname: "host" log_directory: "/var/log/pods/p"
    port_mappings { protocol: UDP container_port: 53 host_port: 5353 host_ip: "127.0.0.1" }
    linux {
      cgroup_parent: "/kubepods.slice/kubepods-p.slice"
      overhead { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600
        hugepage_limits { page_size: "1GB" limit: 1073741824 } }
      resources { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600
        hugepage_limits { page_size: "1GB" limit: 1073741824 } }
      security_context {
        run_as_user { value: 5 } run_as_group { value: 6 }
        seccomp { profile_type: Localhost localhost_ref: "a.json" }
        apparmor { profile_type: Localhost localhost_ref: "a" }
      }
    })";
  const std::string pod_with_users = R"(
    metadata { name: "p" namespace: "n" uid: "u" }
    linux { security_context { namespace_options { userns_options {
      mode: POD
      uids { host_id: 100000 container_id: 0 length: 65536 }
      gids { host_id: 100000 container_id: 0 length: 65536 } } } } })";
  const std::string container = R"(
    metadata { name: "c" } image { image: "busybox" } log_path: "c.log"
    envs { key: "A" value: "b" }
    mounts { host_path: "/srv" container_path: "/data" readonly: true }
    devices { host_path: "/dev/null" container_path: "/dev/zero" permissions: "r" }
    linux {
      resources { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600 }
      security_context {
        run_as_user { value: 5 } run_as_group { value: 6 }
        seccomp { profile_type: Localhost localhost_ref: "a.json" }
        apparmor { profile_type: Localhost localhost_ref: "a" }
      }
    })";
  const std::string named_user = R"(
    metadata { name: "c" } image { image: "busybox" } stdin: true
    linux { security_context { run_as_username: "nobody" namespace_options { pid: TARGET target_id: "bbbbbbbb" } } })";
  // The same in a pod that has no other container yet.
  const std::string other_user = R"(
    metadata { name: "c" } image { image: "busybox" } stdin: true
    linux { security_context { run_as_username: "nobody" } })";
  const std::string image_volume = R"(
    metadata { name: "c" } image { image: "busybox" }
    mounts { container_path: "/data" readonly: true image { image: "busybox" } image_sub_path: "bin" })";
  const std::string mapped_volume = R"(
    metadata { name: "c" } image { image: "busybox" }
    mounts { container_path: "/data" host_path: "/srv"
      uidMappings { host_id: 100000 container_id: 0 length: 65536 }
      gidMappings { host_id: 100000 container_id: 0 length: 65536 } })";
  const std::string bare_pod = R"(config { metadata { name: "p" namespace: "n" uid: "u" } })";
  const std::string bare_container = R"(metadata { name: "c" } image { image: "busybox" })";
  const std::string huge_pages = R"(
    metadata { name: "c" } image { image: "busybox" }
    linux { resources { hugepage_limits { page_size: "1GB" limit: 1073741824 } } })";
  const auto create = [](const std::string& config) { return R"(pod_sandbox_id: "aaaaaaaa" config {)" + config + "}"; };
  const auto restore = [](const std::string& pod_config, const std::string& config) {
    return base::StrCat("checkpoint_path: \"", CheckpointDirectory(), "\" config {", pod_config,
                        "} container_configs {", config, "}");
  };
  const std::string new_pod = R"(metadata { name: "p" namespace: "n" uid: "u" })";
  return {
      {"CheckpointContainer", {R"(container_id: "bbbbbbbb" location: "/var/c.tar")"}},
      {"CheckpointPod", {R"(pod_sandbox_id: "aaaaaaaa" output_path: "/var/p")"}},
      {"RestorePod",
       {restore(new_pod, bare_container), restore(pod, container), restore(pod_with_users, other_user),
        restore(new_pod, image_volume), restore(new_pod, mapped_volume), restore(new_pod, huge_pages)}},
      {"Version", {""}},
      {"Status", {""}},
      {"UpdateRuntimeConfig", {""}},
      {"RunPodSandbox", {bare_pod, "config {" + pod + "}", "config {" + pod_with_users + "}"}},
      {"StopPodSandbox", {R"(pod_sandbox_id: "aaaaaaaa")"}},
      {"RemovePodSandbox", {R"(pod_sandbox_id: "aaaaaaaa")"}},
      {"PodSandboxStatus", {R"(pod_sandbox_id: "aaaaaaaa")"}},
      {"ListPodSandbox", {""}},
      {"StreamPodSandboxes", {""}},
      {"UpdatePodSandboxResources",
       {R"(pod_sandbox_id: "aaaaaaaa")",
        R"(pod_sandbox_id: "aaaaaaaa"
           overhead { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600
             hugepage_limits { page_size: "1GB" limit: 1073741824 } }
           resources { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600
             hugepage_limits { page_size: "1GB" limit: 1073741824 } })"}},
      {"CreateContainer",
       {create(bare_container), create(container), create(named_user), create(image_volume), create(mapped_volume),
        create(huge_pages)}},
      {"StartContainer", {R"(container_id: "dddddddd")"}},
      {"StopContainer", {R"(container_id: "bbbbbbbb")"}},
      {"RemoveContainer", {R"(container_id: "dddddddd")"}},
      {"ContainerStatus", {R"(container_id: "bbbbbbbb")"}},
      {"ListContainers", {""}},
      {"StreamContainers", {""}},
      {"UpdateContainerResources",
       {R"(container_id: "bbbbbbbb")",
        R"(container_id: "bbbbbbbb" linux { cpu_period: 100000 cpu_quota: 1000 memory_limit_in_bytes: 104857600 })",
        R"(container_id: "bbbbbbbb" linux { hugepage_limits { page_size: "1GB" limit: 1073741824 } })"}},
      {"ReopenContainerLog", {R"(container_id: "bbbbbbbb")"}},
      {"ExecSync", {R"(container_id: "bbbbbbbb" cmd: "true")"}},
      {"Exec",
       {R"(container_id: "bbbbbbbb" cmd: "true" stdout: true)", R"(container_id: "cccccccc" cmd: "true" stdin: true)"}},
      {"Attach", {R"(container_id: "bbbbbbbb" stdout: true)", R"(container_id: "cccccccc" stdin: true tty: true)"}},
      {"PortForward", {R"(pod_sandbox_id: "aaaaaaaa")"}},
      {"ContainerStats", {R"(container_id: "bbbbbbbb")"}},
      {"ListContainerStats", {""}},
      {"StreamContainerStats", {""}},
      {"PodSandboxStats", {R"(pod_sandbox_id: "aaaaaaaa")"}},
      {"ListPodSandboxStats", {""}},
      {"StreamPodSandboxStats", {""}},
      {"ListImages", {""}},
      {"StreamImages", {""}},
      {"ImageStatus", {R"(image { image: "busybox" })"}},
      {"PullImage",
       {R"(image { image: "busybox" })", R"(image { image: "busybox" } auth { username: "u" password: "p" })",
        R"(image { image: "busybox" } auth { auth: "dTpw" })",
        R"(image { image: "busybox" } auth { identity_token: "t" })"}},
      {"RemoveImage", {R"(image { image: "busybox" })"}},
  };
}

inline Values RequestValues() {
  return {
      {"add_ambient_capabilities", {"NET_RAW"}},
      {"add_capabilities", {"NET_ADMIN"}},
      {"apparmor_profile", {"unconfined", "localhost/old"}},
      {"auth.auth", {"eDp5"}},
      {"cgroup_parent", {"/kubepods.slice/kubepods-other.slice"}},
      {"cmd", {"distinctive"}},
      {"container_id", {"cccccccc", "bbbbbbbb", "distinctive"}},
      {"container_path", {"/distinctive"}},
      {"cpu_period", {"50000"}},
      {"cpu_quota", {"2000"}},
      {"cpu_shares", {"512"}},
      {"cpuset_cpus", {"0"}},
      {"cpuset_mems", {"0"}},
      {"drop_capabilities", {"CHOWN"}},
      {"filter.id", {"aaaaaaaa", "bbbbbbbb"}},
      {"filter.image.image", {"other"}},
      {"host_id", {"200000"}},
      {"uids.container_id", {"1"}},
      {"gids.container_id", {"1"}},
      {"uidMappings.container_id", {"1"}},
      {"gidMappings.container_id", {"1"}},
      {"host_ip", {"::1"}},
      {"host_path", {"/dev/full", "/distinctive"}},
      {"hugepage_limits.limit", {"2147483648"}},
      {"image.image", {"other"}},
      {"image.runtime_handler", {"runc"}},
      {"label_selector", {"app=web", "app=main"}},
      {"length", {"65000"}},
      {"log_directory", {"/var/log/pods/other"}},
      {"log_path", {"distinctive.log"}},
      {"masked_paths", {"/proc/distinctive"}},
      {"memory_limit_in_bytes", {"134217728"}},
      {"memory_swap_limit_in_bytes", {"268435456"}},
      {"options", {"ndots:3"}},
      {"page_size", {"2MB"}},
      {"permissions", {"rw"}},
      {"pod_cidr", {"10.1.0.0/16"}},
      {"pod_sandbox_id", {"eeeeeeee", "aaaaaaaa", "distinctive"}},
      {"readonly_paths", {"/proc/distinctive"}},
      {"run_as_username", {"www-data"}},
      {"runtime_handler", {"runc"}},
      {"seccomp_profile_path", {"unconfined", "localhost/old.json"}},
      {"servers", {"10.0.0.11"}},
      {"sysctls", {"kernel.shm_rmid_forced=1"}},
      {"target_id", {"cccccccc"}},
      {"unified", {"memory.high=100000000"}},
      {"working_dir", {"/distinctive"}},
  };
}

}  // namespace rktlet::cri
