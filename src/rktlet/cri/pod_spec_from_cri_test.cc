// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "rktlet/cri/default_sysctls.h"
#include "rktlet/cri/from_cri_samples.h"

namespace rktlet::cri {
namespace {

using base::IsOk;
using base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(PodSpecFromCri, TakesOverEveryField) {
  v1::RunPodSandboxRequest request = PodRequest();
  v1::PodSandboxConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_attempt(3);
  config.mutable_dns_config()->add_servers("10.0.0.10");
  config.mutable_dns_config()->add_searches("svc.local");
  config.mutable_dns_config()->add_options("ndots:5");
  v1::PortMapping& port = *config.add_port_mappings();
  port.set_protocol(v1::UDP);
  port.set_container_port(53);
  port.set_host_port(5353);
  port.set_host_ip("::1");
  config.add_port_mappings()->set_container_port(80);
  (*config.mutable_labels())["app"] = "web";
  (*config.mutable_annotations())["note"] = "x";
  v1::LinuxPodSandboxConfig& linux_config = *config.mutable_linux();
  linux_config.set_cgroup_parent("/kubepods.slice/kubepods-podu1.slice");
  (*linux_config.mutable_sysctls())["kernel.shm_rmid_forced"] = "1";
  linux_config.mutable_overhead()->set_cpu_quota(1000);
  linux_config.mutable_resources()->set_memory_limit_in_bytes(1 << 20);
  v1::LinuxSandboxSecurityContext& security = *linux_config.mutable_security_context();
  security.mutable_namespace_options()->set_network(v1::NODE);
  security.mutable_namespace_options()->set_pid(v1::CONTAINER);
  security.mutable_namespace_options()->set_ipc(v1::NODE);
  security.mutable_namespace_options()->mutable_userns_options()->set_mode(v1::NODE);
  security.mutable_selinux_options()->set_level("s0");
  security.mutable_run_as_user()->set_value(7);
  security.mutable_run_as_group()->set_value(8);
  security.add_supplemental_groups(9);
  security.set_privileged(true);
  security.set_readonly_rootfs(true);
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);

  const absl::StatusOr<spec::PodSpec> pod = PodSpecFromCri(request, "rktlet.slice");
  ASSERT_THAT(pod, IsOk());
  EXPECT_EQ(pod->id.str().size(), 64);
  EXPECT_TRUE(pod->managed);
  EXPECT_EQ(pod->name, "web");
  EXPECT_EQ(pod->namespace_, "default");
  EXPECT_EQ(pod->uid, "u1");
  EXPECT_EQ(pod->attempt, 3);
  EXPECT_EQ(pod->hostname, "web-0");
  EXPECT_EQ(pod->log_directory, "/var/log/pods/x");
  EXPECT_THAT(pod->dns.servers, ElementsAre("10.0.0.10"));
  EXPECT_THAT(pod->dns.searches, ElementsAre("svc.local"));
  EXPECT_THAT(pod->dns.options, ElementsAre("ndots:5"));
  ASSERT_EQ(pod->ports.size(), 1) << "a port without a host port asks for nothing";
  EXPECT_EQ(pod->ports[0], (spec::PortMapping{"udp", 53, 5353, "::1"}));
  EXPECT_THAT(pod->labels, ElementsAre(Pair("app", "web")));
  EXPECT_THAT(pod->annotations, ElementsAre(Pair("note", "x")));
  EXPECT_EQ(pod->slice, "kubepods-podu1.slice");
  EXPECT_THAT(pod->sysctls, ElementsAre(Pair("kernel.shm_rmid_forced", "1")));
  EXPECT_EQ(pod->overhead->cpu_quota, 1000);
  EXPECT_EQ(pod->resources->memory_limit, 1 << 20);
  EXPECT_EQ(pod->network, spec::NamespaceMode::kNode);
  EXPECT_EQ(pod->pid, spec::NamespaceMode::kContainer);
  EXPECT_EQ(pod->ipc, spec::NamespaceMode::kNode);
  EXPECT_TRUE(pod->security.privileged);
  EXPECT_TRUE(pod->security.read_only_root);
  EXPECT_EQ(pod->security.selinux.level, "s0");
  EXPECT_EQ(pod->security.run_as_user, 7);
  EXPECT_EQ(pod->security.run_as_group, 8);
  EXPECT_THAT(pod->security.supplemental_groups, ElementsAre(9));
  EXPECT_EQ(pod->security.seccomp->type, spec::ProfileType::kRuntimeDefault);
}

TEST(PodSpecFromCri, SharesTheNamespacesOfThePodByDefault) {
  const spec::PodSpec pod = Pod();
  EXPECT_EQ(pod.network, spec::NamespaceMode::kPod);
  EXPECT_EQ(pod.pid, spec::NamespaceMode::kPod);
  EXPECT_EQ(pod.ipc, spec::NamespaceMode::kPod);
  EXPECT_EQ(pod.slice, "rktlet.slice");
}

struct PodRefusal {
  const char* field;
  absl::StatusCode code;
  std::function<void(v1::RunPodSandboxRequest&)> change;
};

TEST(PodSpecFromCri, RefusesByTheNameOfTheField) {
  const auto options = [](v1::RunPodSandboxRequest& request) {
    return request.mutable_config()->mutable_linux()->mutable_security_context()->mutable_namespace_options();
  };
  const auto security = [](v1::RunPodSandboxRequest& request) {
    return request.mutable_config()->mutable_linux()->mutable_security_context();
  };
  const std::vector<PodRefusal> refusals = {
      {"config", kInvalid, [](auto& r) { r.clear_config(); }},
      {"config.metadata", kInvalid, [](auto& r) { r.mutable_config()->clear_metadata(); }},
      {"config.metadata.name", kInvalid, [](auto& r) { r.mutable_config()->mutable_metadata()->clear_name(); }},
      {"config.metadata.namespace", kInvalid,
       [](auto& r) { r.mutable_config()->mutable_metadata()->clear_namespace_(); }},
      {"config.metadata.uid", kInvalid, [](auto& r) { r.mutable_config()->mutable_metadata()->clear_uid(); }},
      {"runtime_handler", kInvalid, [](auto& r) { r.set_runtime_handler("kata"); }},
      {"config.windows", kUnbuilt, [](auto& r) { r.mutable_config()->mutable_windows(); }},
      {"log_directory", kInvalid, [](auto& r) { r.mutable_config()->set_log_directory("relative"); }},
      {"config.port_mappings[0].protocol", kInvalid,
       [](auto& r) { r.mutable_config()->add_port_mappings()->set_protocol(static_cast<v1::Protocol>(9)); }},
      {"config.port_mappings[0]", kInvalid,
       [](auto& r) { r.mutable_config()->add_port_mappings()->set_host_port(70000); }},
      {"host_ip", kInvalid,
       [](auto& r) {
         v1::PortMapping& port = *r.mutable_config()->add_port_mappings();
         port.set_host_port(80);
         port.set_container_port(80);
         port.set_host_ip("here");
       }},
      {"cgroup", kInvalid, [](auto& r) { r.mutable_config()->mutable_linux()->set_cgroup_parent("/kubepods/pod1"); }},
      {"namespace_options.network", kInvalid, [&](auto& r) { options(r)->set_network(v1::CONTAINER); }},
      {"namespace_options.ipc", kInvalid, [&](auto& r) { options(r)->set_ipc(v1::TARGET); }},
      {"namespace_options.pid", kInvalid, [&](auto& r) { options(r)->set_pid(static_cast<v1::NamespaceMode>(17)); }},
      {"target_id", kInvalid, [&](auto& r) { options(r)->set_pid(v1::TARGET); }},
      {"user_namespace.uids", kInvalid, [&](auto& r) { options(r)->mutable_userns_options()->set_mode(v1::POD); }},
      {"user_namespace.gids", kInvalid,
       [&](auto& r) { AddMapping(*options(r)->mutable_userns_options()->mutable_uids()); }},
      {"uids and gids differ", kInvalid,
       [&](auto& r) {
         v1::UserNamespace& user = *options(r)->mutable_userns_options();
         AddMapping(*user.mutable_uids());
         AddMapping(*user.mutable_gids(), 300'000);
       }},
      {"ipc", kInvalid,
       [&](auto& r) {
         SetUserNamespace(*options(r)->mutable_userns_options());
         options(r)->set_ipc(v1::NODE);
       }},
      {"userns_options.mode", kInvalid,
       [&](auto& r) { options(r)->mutable_userns_options()->set_mode(v1::CONTAINER); }},
      {"userns_options", kInvalid,
       [&](auto& r) {
         options(r)->mutable_userns_options()->set_mode(v1::NODE);
         options(r)->mutable_userns_options()->add_uids();
       }},
      {"run_as_group", kInvalid, [&](auto& r) { security(r)->mutable_run_as_group()->set_value(1); }},
      {"run_as_user", kInvalid, [&](auto& r) { security(r)->mutable_run_as_user()->set_value(-1); }},
      {"supplemental_groups", kInvalid, [&](auto& r) { security(r)->add_supplemental_groups(int64_t{1} << 32); }},
      {"seccomp_profile_path", kInvalid, [&](auto& r) { security(r)->set_seccomp_profile_path("strict"); }},
      {"seccomp.localhost_ref", kInvalid,
       [&](auto& r) { security(r)->mutable_seccomp()->set_profile_type(v1::SecurityProfile::Localhost); }},
  };
  for (const PodRefusal& refusal : refusals) {
    v1::RunPodSandboxRequest request = PodRequest();
    refusal.change(request);
    EXPECT_THAT(PodSpecFromCri(request, "rktlet.slice"), StatusIs(refusal.code, HasSubstr(refusal.field)))
        << refusal.field;
  }
}

TEST(DefaultSysctls, AreForPodsWithANetworkOfTheirOwnAndYieldToThePods) {
  config::Config config;
  spec::PodSpec pod;
  pod.sysctls = {{"net/ipv4/ping_group_range", "5 5"}};
  AddDefaultSysctls(config, pod);
  EXPECT_THAT(pod.sysctls,
              ElementsAre(Pair("net.ipv4.ip_unprivileged_port_start", "0"), Pair("net/ipv4/ping_group_range", "5 5")));
  pod.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "80"}};
  AddDefaultSysctls(config, pod);
  EXPECT_THAT(pod.sysctls, ElementsAre(Pair("net.ipv4.ip_unprivileged_port_start", "80"),
                                       Pair("net.ipv4.ping_group_range", "0 2147483647")));
  pod.sysctls.clear();
  config.unprivileged_ports = config.unprivileged_ping = false;
  AddDefaultSysctls(config, pod);
  EXPECT_TRUE(pod.sysctls.empty());
  pod.network = spec::NamespaceMode::kNode;
  AddDefaultSysctls(config::Config(), pod);
  EXPECT_TRUE(pod.sysctls.empty());
}

}  // namespace
}  // namespace rktlet::cri
