// SPDX-License-Identifier: Apache-2.0
// Field lists of the pod document. Private to this folder.
#pragma once

#include "spec/common_fields.h"
#include "spec/pod_spec.h"

namespace rktlet::spec {

template <typename Visitor, FieldsOf<DnsConfig> T>
void Fields(Visitor& visit, T& dns) {
  visit("servers", dns.servers);
  visit("searches", dns.searches);
  visit("options", dns.options);
  visit("domain", dns.domain);
}

template <typename Visitor, FieldsOf<HostsEntry> T>
void Fields(Visitor& visit, T& entry) {
  visit("ip", entry.ip);
  visit("names", entry.names);
}

template <typename Visitor, FieldsOf<PortMapping> T>
void Fields(Visitor& visit, T& port) {
  visit("protocol", port.protocol);
  visit("container_port", port.container_port);
  visit("host_port", port.host_port);
  visit("host_ip", port.host_ip);
}

template <typename Visitor, FieldsOf<PodSecurity> T>
void Fields(Visitor& visit, T& security) {
  visit("privileged", security.privileged);
  visit("read_only_root", security.read_only_root);
  visit("run_as_user", security.run_as_user);
  visit("run_as_group", security.run_as_group);
  visit("supplemental_groups", security.supplemental_groups);
  visit("selinux", security.selinux);
  visit("seccomp", security.seccomp);
  visit("apparmor", security.apparmor);
}

template <typename Visitor, FieldsOf<PodSpec> T>
void Fields(Visitor& visit, T& spec) {
  visit("id", spec.id);
  visit("name", spec.name);
  visit("namespace", spec.namespace_);
  visit("uid", spec.uid);
  visit("attempt", spec.attempt);
  visit("managed", spec.managed);
  visit("hostname", spec.hostname);
  visit("log_directory", spec.log_directory);
  visit("dns", spec.dns);
  visit("hosts_entries", spec.hosts_entries);
  visit("ports", spec.ports);
  visit("labels", spec.labels);
  visit("annotations", spec.annotations);
  visit("rkt_annotations", spec.rkt_annotations);
  visit("slice", spec.slice);
  visit("unit", spec.unit);
  visit("sysctls", spec.sysctls);
  visit("network", spec.network);
  visit("pid", spec.pid);
  visit("ipc", spec.ipc);
  visit("user_namespace", spec.user_namespace);
  visit("networks", spec.networks);
  visit("runtime_handler", spec.runtime_handler);
  visit("security", spec.security);
  visit("overhead", spec.overhead);
  visit("resources", spec.resources);
}

}  // namespace rktlet::spec
