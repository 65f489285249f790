// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "base/status_matchers.h"
#include "rktlet/cri/container_spec_from_cri.h"
#include "rktlet/cri/fields_from_cri.h"
#include "rktlet/cri/from_cri_samples.h"

namespace rktlet::cri {
namespace {

using base::IsOk;
using base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

TEST(ContainerSpecFromCri, TakesOverEveryField) {
  v1::CreateContainerRequest request = ContainerRequest();
  v1::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_attempt(2);
  config.mutable_image()->set_image("sha256:abc");
  config.mutable_image()->set_user_specified_image("busybox:1");
  config.add_command("/bin/sh");
  config.add_args("-c");
  config.add_args("");
  config.set_working_dir("/tmp");
  v1::KeyValue& variable = *config.add_envs();
  variable.set_key("A");
  variable.set_value("b\nc\\");
  v1::Mount& mount = *config.add_mounts();
  mount.set_container_path("/data");
  mount.set_host_path("/srv");
  mount.set_readonly(true);
  mount.set_recursive_read_only(true);
  mount.set_selinux_relabel(true);
  mount.add_mount_options("noexec");
  mount.add_mount_options("nosuid");
  v1::Mount& content = *config.add_mounts();
  content.set_container_path("/content");
  content.mutable_image()->set_image("data:1");
  content.set_image_sub_path("a/b");
  content.set_readonly(true);
  v1::Mount& shared = *config.add_mounts();
  shared.set_container_path("/shared");
  shared.set_host_path("/srv");
  shared.set_propagation(v1::PROPAGATION_BIDIRECTIONAL);
  config.add_devices()->set_host_path("/dev/fuse");
  (*config.mutable_labels())["l"] = "1";
  (*config.mutable_annotations())["io.kubernetes.pod.terminationGracePeriod"] = "45";
  config.set_log_path("main/0.log");
  config.set_stdin(true);
  config.set_stdin_once(true);
  config.set_tty(true);
  config.set_stop_signal(v1::SIGNAL_SIGRTMINPLUS3);
  v1::LinuxContainerResources& resources = *config.mutable_linux()->mutable_resources();
  resources.set_cpu_period(100000);
  resources.set_cpu_quota(1000);
  resources.set_cpu_shares(2);
  resources.set_memory_limit_in_bytes(1 << 24);
  resources.set_memory_swap_limit_in_bytes(1 << 25);
  resources.set_oom_score_adj(-997);
  resources.set_cpuset_cpus("0-1");
  resources.set_cpuset_mems("0");
  (*resources.mutable_unified())["memory.oom.group"] = "1";
  resources.add_hugepage_limits()->set_page_size("2MB");
  v1::LinuxContainerSecurityContext& security = *config.mutable_linux()->mutable_security_context();
  security.mutable_capabilities()->add_add_capabilities("NET_ADMIN");
  security.mutable_capabilities()->add_drop_capabilities("ALL");
  security.mutable_capabilities()->add_add_ambient_capabilities("NET_RAW");
  security.mutable_run_as_user()->set_value(1000);
  security.mutable_run_as_group()->set_value(1001);
  security.add_supplemental_groups(1002);
  security.set_supplemental_groups_policy(v1::Strict);
  security.set_readonly_rootfs(true);
  security.set_no_new_privs(true);
  security.mutable_selinux_options()->set_type("t");
  security.add_masked_paths("/proc/kcore");
  security.add_readonly_paths("/proc/sys");
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::Localhost);
  security.mutable_seccomp()->set_localhost_ref("localhost/profiles/a.json");
  security.set_seccomp_profile_path("unconfined");
  security.set_apparmor_profile("localhost/mine");

  const absl::StatusOr<spec::ContainerSpec> container = ContainerSpecFromCri(request, Pod());
  ASSERT_THAT(container, IsOk());
  EXPECT_EQ(container->app.str(), container->id.str());
  EXPECT_EQ(container->name, "main");
  EXPECT_EQ(container->attempt, 2);
  EXPECT_EQ(container->image, "sha256:abc");
  EXPECT_EQ(container->user_specified_image, "busybox:1");
  EXPECT_THAT(container->command, ElementsAre("/bin/sh"));
  EXPECT_THAT(container->args, ElementsAre("-c", ""));
  EXPECT_EQ(container->working_directory, "/tmp");
  EXPECT_THAT(container->environment, ElementsAre(spec::EnvironmentVariable{"A", "b\nc\\"}));
  ASSERT_EQ(container->mounts.size(), 3);
  EXPECT_TRUE(container->mounts[0].read_only);
  EXPECT_TRUE(container->mounts[0].recursive_read_only);
  EXPECT_TRUE(container->mounts[0].selinux_relabel);
  EXPECT_THAT(container->mounts[0].options, ElementsAre("noexec", "nosuid"));
  EXPECT_EQ(container->mounts[1].kind, spec::MountKind::kImage);
  EXPECT_EQ(container->mounts[1].image, "data:1");
  EXPECT_EQ(container->mounts[1].image_sub_path, "a/b");
  EXPECT_TRUE(container->mounts[1].read_only);
  EXPECT_EQ(container->mounts[2].propagation, spec::Propagation::kBidirectional);
  EXPECT_THAT(container->devices, ElementsAre(spec::Device{"/dev/fuse", "/dev/fuse", "rwm"}));
  EXPECT_THAT(container->labels, ElementsAre(Pair("l", "1")));
  EXPECT_EQ(container->stop_timeout_usec, 45'000'000);
  EXPECT_EQ(container->log_path, "main/0.log");
  EXPECT_TRUE(container->stdin_open);
  EXPECT_TRUE(container->stdin_once);
  EXPECT_TRUE(container->tty);
  EXPECT_EQ(container->stop_signal, "SIGRTMIN+3");
  EXPECT_EQ(container->resources.cpu_period, 100000);
  EXPECT_EQ(container->resources.cpu_quota, 1000);
  EXPECT_EQ(container->resources.cpu_shares, 2);
  EXPECT_EQ(container->resources.memory_limit, 1 << 24);
  EXPECT_EQ(container->resources.memory_swap_limit, 1 << 25);
  EXPECT_EQ(container->resources.oom_score_adj, -997);
  EXPECT_EQ(container->resources.cpuset_cpus, "0-1");
  EXPECT_EQ(container->resources.cpuset_mems, "0");
  EXPECT_THAT(container->resources.unified, ElementsAre(Pair("memory.oom.group", "1")));
  EXPECT_THAT(container->security.capabilities.add, ElementsAre("NET_ADMIN"));
  EXPECT_THAT(container->security.capabilities.drop, ElementsAre("ALL"));
  EXPECT_THAT(container->security.capabilities.add_ambient, ElementsAre("NET_RAW"));
  EXPECT_EQ(container->security.run_as_user, 1000);
  EXPECT_EQ(container->security.run_as_group, 1001);
  EXPECT_THAT(container->security.supplemental_groups, ElementsAre(1002));
  EXPECT_EQ(container->security.supplemental_groups_policy, spec::SupplementalGroupsPolicy::kStrict);
  EXPECT_TRUE(container->security.read_only_root);
  EXPECT_TRUE(container->security.no_new_privileges);
  EXPECT_EQ(container->security.selinux.type, "t");
  EXPECT_THAT(container->security.masked_paths, Optional(ElementsAre("/proc/kcore")));
  EXPECT_THAT(container->security.readonly_paths, Optional(ElementsAre("/proc/sys")));
  EXPECT_EQ(container->security.seccomp, (spec::SecurityProfile{spec::ProfileType::kLocalhost, "profiles/a.json"}));
  EXPECT_EQ(container->security.apparmor, (spec::SecurityProfile{spec::ProfileType::kLocalhost, "mine"}));
  EXPECT_EQ(container->security.pid, spec::NamespaceMode::kPod);
}

TEST(ContainerSpecFromCri, HidesOnlyWhatItIsToldTo) {
  const auto container = ContainerSpecFromCri(ContainerRequest(), Pod());
  ASSERT_THAT(container, IsOk());
  EXPECT_THAT(container->security.masked_paths, Optional(IsEmpty()));
  EXPECT_THAT(container->security.readonly_paths, Optional(IsEmpty()));
}

TEST(ContainerSpecFromCri, ConfinesByApparmorUnlessToldOtherwise) {
  const auto profile = [](auto&& edit) {
    v1::CreateContainerRequest request = ContainerRequest();
    edit(*request.mutable_config()->mutable_linux()->mutable_security_context());
    return ContainerSpecFromCri(request, Pod())->security.apparmor.type;
  };
  using Security = v1::LinuxContainerSecurityContext;
  EXPECT_EQ(profile([](Security&) {}), spec::ProfileType::kRuntimeDefault);
  EXPECT_EQ(profile([](Security& security) { security.mutable_apparmor(); }), spec::ProfileType::kRuntimeDefault);
  EXPECT_EQ(profile([](Security& security) { security.set_apparmor_profile("runtime/default"); }),
            spec::ProfileType::kRuntimeDefault);
  EXPECT_EQ(profile([](Security& security) { security.set_apparmor_profile("unconfined"); }),
            spec::ProfileType::kUnconfined);
  EXPECT_EQ(profile([](Security& security) {
              security.mutable_apparmor()->set_profile_type(v1::SecurityProfile::Unconfined);
            }),
            spec::ProfileType::kUnconfined);
}

TEST(ContainerSpecFromCri, SpeaksTheOldSeccompField) {
  const auto profile = [](const char* text) {
    v1::CreateContainerRequest request = ContainerRequest();
    request.mutable_config()->mutable_linux()->mutable_security_context()->set_seccomp_profile_path(text);
    return ContainerSpecFromCri(request, Pod())->security.seccomp;
  };
  EXPECT_EQ(profile("").type, spec::ProfileType::kUnconfined);
  EXPECT_EQ(profile("unconfined").type, spec::ProfileType::kUnconfined);
  EXPECT_EQ(profile("runtime/default").type, spec::ProfileType::kRuntimeDefault);
  EXPECT_EQ(profile("docker/default").type, spec::ProfileType::kRuntimeDefault);
  EXPECT_EQ(profile("localhost//etc/p.json"), (spec::SecurityProfile{spec::ProfileType::kLocalhost, "/etc/p.json"}));
}

TEST(ContainerSpecFromCri, SharesTheUserNamespaceOfThePod) {
  v1::RunPodSandboxRequest pod_request = PodRequest();
  SetUserNamespace(*pod_request.mutable_config()
                        ->mutable_linux()
                        ->mutable_security_context()
                        ->mutable_namespace_options()
                        ->mutable_userns_options());
  ASSERT_OK_AND_ASSIGN(const spec::PodSpec pod, PodSpecFromCri(pod_request, "rktlet.slice"));
  const std::vector<spec::IdMapping> ids = {{.container_id = 0, .host_id = 200'000, .length = 65'536}};
  ASSERT_TRUE(pod.user_namespace.has_value());
  EXPECT_EQ(pod.user_namespace->uids, ids);
  EXPECT_EQ(pod.user_namespace->gids, ids);

  v1::CreateContainerRequest request = ContainerRequest();
  EXPECT_THAT(ContainerSpecFromCri(request, pod), IsOk());  // says nothing
  v1::Mount& mount = *request.mutable_config()->add_mounts();
  mount.set_host_path("/srv");
  mount.set_container_path("/data");
  AddMapping(*mount.mutable_uidmappings());
  AddMapping(*mount.mutable_gidmappings());
  v1::NamespaceOption& options =
      *request.mutable_config()->mutable_linux()->mutable_security_context()->mutable_namespace_options();
  SetUserNamespace(*options.mutable_userns_options());
  ASSERT_OK_AND_ASSIGN(const spec::ContainerSpec container, ContainerSpecFromCri(request, pod));
  EXPECT_EQ(container.mounts.front().uid_mappings, ids);
  EXPECT_EQ(container.mounts.front().gid_mappings, ids);

  options.mutable_userns_options()->mutable_uids(0)->set_host_id(300'000);
  EXPECT_THAT(ContainerSpecFromCri(request, pod), StatusIs(kInvalid, HasSubstr("userns_options")));
  options.clear_userns_options();
  options.set_pid(v1::NODE);
  EXPECT_THAT(ContainerSpecFromCri(request, pod), StatusIs(kInvalid, HasSubstr("pid")));
}

TEST(ContainerSpecFromCri, GivesEachContainerAPidNamespaceWhereThePodSharesNone) {
  spec::PodSpec pod = Pod();
  pod.pid = spec::NamespaceMode::kContainer;
  EXPECT_EQ(ContainerSpecFromCri(ContainerRequest(), pod)->security.pid, spec::NamespaceMode::kContainer);
  pod.pid = spec::NamespaceMode::kNode;
  EXPECT_EQ(ContainerSpecFromCri(ContainerRequest(), pod)->security.pid, spec::NamespaceMode::kNode);
}

TEST(ContainerSpecFromCri, LiftsConfinementOfAPrivilegedContainer) {
  v1::CreateContainerRequest request = ContainerRequest();
  v1::LinuxContainerSecurityContext& security = *request.mutable_config()->mutable_linux()->mutable_security_context();
  security.set_privileged(true);
  security.add_masked_paths("/proc/kcore");
  security.add_readonly_paths("/proc/sys");
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  EXPECT_THAT(ContainerSpecFromCri(request, Pod()), StatusIs(kInvalid, HasSubstr("privileged")));
  spec::PodSpec pod = Pod();
  pod.security.privileged = true;
  const absl::StatusOr<spec::ContainerSpec> container = ContainerSpecFromCri(request, pod);
  ASSERT_THAT(container, IsOk());
  EXPECT_THAT(container->security.masked_paths, Optional(IsEmpty()));
  EXPECT_THAT(container->security.readonly_paths, Optional(IsEmpty()));
  EXPECT_EQ(container->security.seccomp.type, spec::ProfileType::kUnconfined);
}

TEST(ContainerSpecFromCri, AGracePeriodIsAnyNumberThatTheApiTakes) {
  const auto usec = [](const char* seconds) {
    v1::CreateContainerRequest request = ContainerRequest();
    (*request.mutable_config()->mutable_annotations())["io.kubernetes.pod.terminationGracePeriod"] = seconds;
    return ContainerSpecFromCri(request, Pod())->stop_timeout_usec;
  };
  EXPECT_EQ(usec("0"), 1000);
  EXPECT_EQ(usec("-1"), 1'000'000);
  EXPECT_EQ(usec("9223372036854775807"), 9'223'372'036'854'000'000);
}

TEST(ContainerSpecFromCri, HasThePodsSelinuxOptionsUnlessItHasItsOwn) {
  spec::PodSpec pod = Pod();
  pod.security.selinux = {"u", "r", "t", "s0:c1"};
  v1::CreateContainerRequest request = ContainerRequest();
  EXPECT_EQ(ContainerSpecFromCri(request, pod)->security.selinux, pod.security.selinux);
  request.mutable_config()->mutable_linux()->mutable_security_context()->mutable_selinux_options()->set_type("other");
  EXPECT_EQ(ContainerSpecFromCri(request, pod)->security.selinux, (spec::SelinuxOptions{"", "", "other", ""}));
}

struct ContainerRefusal {
  const char* field;
  absl::StatusCode code;
  std::function<void(v1::ContainerConfig&)> change;
};

TEST(ContainerSpecFromCri, RefusesByTheNameOfTheField) {
  const auto mount = [](v1::ContainerConfig& config) {
    v1::Mount* added = config.add_mounts();
    added->set_container_path("/c");
    added->set_host_path("/h");
    return added;
  };
  const auto image_mount = [](v1::ContainerConfig& config) {
    v1::Mount* added = config.add_mounts();
    added->set_container_path("/c");
    added->mutable_image()->set_image("x");
    added->set_readonly(true);
    return added;
  };
  const auto security = [](v1::ContainerConfig& config) { return config.mutable_linux()->mutable_security_context(); };
  const auto resources = [](v1::ContainerConfig& config) { return config.mutable_linux()->mutable_resources(); };
  const std::vector<ContainerRefusal> refusals = {
      {"config.metadata", kInvalid, [](auto& c) { c.clear_metadata(); }},
      {"config.metadata.name", kInvalid, [](auto& c) { c.mutable_metadata()->clear_name(); }},
      {"config.image.image", kInvalid, [](auto& c) { c.clear_image(); }},
      {"config.image.runtime_handler", kInvalid, [](auto& c) { c.mutable_image()->set_runtime_handler("kata"); }},
      {"config.windows", kUnbuilt, [](auto& c) { c.mutable_windows(); }},
      {"config.CDI_devices[1].name", kInvalid,
       [](auto& c) {
         c.add_cdi_devices()->set_name("v.com/gpu=0");
         c.add_cdi_devices()->set_name("/dev/gpu");
       }},
      {"config.annotations[cdi.k8s.io/plugin]", kInvalid,
       [](auto& c) { (*c.mutable_annotations())["cdi.k8s.io/plugin"] = "v.com/gpu=0,gpu"; }},
      {"config.envs[0].key", kInvalid, [](auto& c) { c.add_envs()->set_value("x"); }},
      {"environment", kInvalid, [](auto& c) { c.add_envs()->set_key("a=b"); }},
      {"config.mounts[0].container_path", kInvalid, [&](auto& c) { mount(c)->clear_container_path(); }},
      {"config.mounts[0].host_path", kInvalid, [&](auto& c) { mount(c)->clear_host_path(); }},
      {"mounts[0].host_path", kInvalid, [&](auto& c) { mount(c)->set_host_path("relative"); }},
      {"config.mounts[0].host_path", kInvalid, [&](auto& c) { mount(c)->mutable_image()->set_image("x"); }},
      {"config.mounts[0].image.image", kInvalid, [&](auto& c) { mount(c)->mutable_image(); }},
      {"config.mounts[0].image.runtime_handler", kInvalid,
       [&](auto& c) { image_mount(c)->mutable_image()->set_runtime_handler("kata"); }},
      {"config.mounts[0].image_sub_path", kInvalid, [&](auto& c) { mount(c)->set_image_sub_path("x"); }},
      {"mounts[0].image_sub_path", kInvalid, [&](auto& c) { image_mount(c)->set_image_sub_path("a/../../b"); }},
      {"mounts[0].image_sub_path", kInvalid, [&](auto& c) { image_mount(c)->set_image_sub_path("/etc"); }},
      {"config.mounts[0].readonly", kInvalid, [&](auto& c) { image_mount(c)->set_readonly(false); }},
      {"mounts[0].propagation", kInvalid,
       [&](auto& c) { image_mount(c)->set_propagation(v1::PROPAGATION_BIDIRECTIONAL); }},
      {"config.mounts[0].mount_options: \"exec\"", kInvalid, [&](auto& c) { mount(c)->add_mount_options("exec"); }},
      {"config.mounts[0].mount_options: \"rw\" is what the field readonly", kInvalid,
       [&](auto& c) { mount(c)->add_mount_options("rw"); }},
      {"config.mounts[0].mount_options: \"\"", kInvalid, [&](auto& c) { mount(c)->add_mount_options(""); }},
      {"config.mounts[0].gidMappings", kInvalid, [&](auto& c) { mount(c)->add_uidmappings(); }},
      {"mounts[0].uid_mappings[0].length", kInvalid,
       [&](auto& c) {
         v1::Mount* added = mount(c);
         added->add_uidmappings();
         added->add_gidmappings();
       }},
      {"config.mounts[0].propagation", kInvalid,
       [&](auto& c) { mount(c)->set_propagation(static_cast<v1::MountPropagation>(8)); }},
      {"config.mounts[0].recursive_read_only", kInvalid, [&](auto& c) { mount(c)->set_recursive_read_only(true); }},
      {"config.devices[0].host_path", kInvalid, [](auto& c) { c.add_devices()->set_permissions("r"); }},
      {"devices[0].permissions", kInvalid,
       [](auto& c) {
         v1::Device& device = *c.add_devices();
         device.set_host_path("/dev/null");
         device.set_permissions("x");
       }},
      {"log_path", kInvalid, [](auto& c) { c.set_log_path("../../etc/passwd"); }},
      {"config.stop_signal", kInvalid, [](auto& c) { c.set_stop_signal(static_cast<v1::Signal>(99)); }},
      {"terminationGracePeriod", kInvalid,
       [](auto& c) { (*c.mutable_annotations())["io.kubernetes.pod.terminationGracePeriod"] = "soon"; }},
      {"oom_score_adj", kInvalid, [&](auto& c) { resources(c)->set_oom_score_adj(2000); }},
      {"memory_limit", kInvalid, [&](auto& c) { resources(c)->set_memory_limit_in_bytes(-5); }},
      {"hugepage_limits", absl::StatusCode::kInvalidArgument,
       [&](auto& c) { resources(c)->add_hugepage_limits()->set_limit(1); }},
      {"run_as_group", kInvalid, [&](auto& c) { security(c)->mutable_run_as_group()->set_value(5); }},
      {"run_as_username", kInvalid,
       [&](auto& c) {
         security(c)->mutable_run_as_user()->set_value(5);
         security(c)->set_run_as_username("nobody");
       }},
      {"supplemental_groups_policy", kInvalid,
       [&](auto& c) { security(c)->set_supplemental_groups_policy(static_cast<v1::SupplementalGroupsPolicy>(5)); }},
      {"namespace_options.network", kInvalid,
       [&](auto& c) { security(c)->mutable_namespace_options()->set_network(v1::NODE); }},
      {"namespace_options.ipc", kInvalid,
       [&](auto& c) { security(c)->mutable_namespace_options()->set_ipc(v1::NODE); }},
      {"target_id", kInvalid, [&](auto& c) { security(c)->mutable_namespace_options()->set_pid(v1::TARGET); }},
      {"target_id", kInvalid, [&](auto& c) { security(c)->mutable_namespace_options()->set_target_id("x"); }},
      {"userns_options", kInvalid,
       [&](auto& c) { SetUserNamespace(*security(c)->mutable_namespace_options()->mutable_userns_options()); }},
      {"apparmor_profile", kInvalid, [&](auto& c) { security(c)->set_apparmor_profile("mine"); }},
      {"masked", kInvalid, [&](auto& c) { security(c)->add_masked_paths("proc"); }},
  };
  for (const ContainerRefusal& refusal : refusals) {
    v1::CreateContainerRequest request = ContainerRequest();
    refusal.change(*request.mutable_config());
    EXPECT_THAT(ContainerSpecFromCri(request, Pod()), StatusIs(refusal.code, HasSubstr(refusal.field)))
        << refusal.field;
  }
}

TEST(ContainerSpecFromCri, TakesCdiDevicesFromTheirFieldAndFromAnnotations) {
  v1::CreateContainerRequest request = ContainerRequest();
  v1::ContainerConfig& config = *request.mutable_config();
  config.add_cdi_devices()->set_name("v.com/gpu=1");
  config.add_cdi_devices()->set_name("v.com/gpu=0");
  (*config.mutable_annotations())["cdi.k8s.io/b"] = "v.com/nic=x";
  (*config.mutable_annotations())["cdi.k8s.io/a"] = "v.com/gpu=1,v.com/gpu=2";
  (*config.mutable_annotations())["cdi.k8s.iox/a"] = "something else";
  const absl::StatusOr<spec::ContainerSpec> container = ContainerSpecFromCri(request, Pod());
  ASSERT_THAT(container, IsOk());
  EXPECT_THAT(container->cdi_devices, testing::ElementsAre("v.com/gpu=1", "v.com/gpu=0", "v.com/gpu=2", "v.com/nic=x"));
  EXPECT_EQ(container->annotations.size(), 3U);
}

TEST(SignalFromCri, GoesBothWaysForEverySignal) {
  for (int value = v1::Signal_MIN + 1; value <= v1::Signal_MAX; ++value) {
    const auto signal = static_cast<v1::Signal>(value);
    const absl::StatusOr<std::string> name = SignalFromCri("x", signal);
    ASSERT_THAT(name, IsOk());
    const absl::StatusOr<int> number = spec::SignalNumber(*name);
    ASSERT_THAT(number, IsOk()) << *name;
    // Some have two names; the number is what counts.
    const absl::StatusOr<std::string> back = SignalFromCri("x", SignalToCri(*name));
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(*spec::SignalNumber(*back), *number) << *name;
  }
  EXPECT_EQ(SignalToCri("SIGTERM"), v1::SIGNAL_SIGTERM);
  EXPECT_EQ(SignalToCri("nonsense"), v1::SIGNAL_RUNTIME_DEFAULT);
}

}  // namespace
}  // namespace rktlet::cri
