// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/status_to_cri.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/cri/verbose_info.h"

namespace rktlet::cri {
namespace {

namespace v1 = ::runtime::v1;

class StatusToCri : public testing::Test {
 protected:
  StatusToCri() {
    spec::PodRecord record;
    record.spec.id = *spec::PodId::Parse(std::string(64, 'a'));
    record.spec.name = "web";
    record.spec.namespace_ = "default";
    record.spec.uid = "u";
    record.spec.attempt = 1;
    record.spec.labels = {{"app", "web"}, {"tier", "front"}};
    record.spec.annotations = {{"a", "b"}};
    record.spec.pid = spec::NamespaceMode::kContainer;
    record.spec.slice = "x.slice";
    record.created_at = 42;
    record.unit = "k8s-web.service";
    pod = std::make_shared<pods::Pod>(loop.get_executor(), record, *systemd::UnitName::Parse(record.unit));
    pod->network = spec::NetworkRecord{"up",
                                       {{"cbr0", "eth0", {"10.0.0.2", "fd00::2"}, "{}", R"({"cniVersion":"1.0.0"})"}},
                                       {},
                                       {"10.0.0.2", "fd00::2"}};

    spec::ContainerRecord of;
    of.spec.id = *spec::ContainerId::Parse(std::string(64, 'c'));
    of.spec.app = *spec::AppName::Parse(of.spec.id.str());
    of.spec.name = "main";
    of.spec.image = "sha256:1";
    of.spec.user_specified_image = "busybox:1";
    of.spec.labels = {{"app", "web"}};
    of.spec.mounts = {{.host_path = "/h", .container_path = "/c", .read_only = true, .options = {"noexec"}},
                      {.kind = spec::MountKind::kImage,
                       .image = "data:1",
                       .image_sub_path = "sub",
                       .container_path = "/i",
                       .read_only = true}};
    of.image_volumes = {{"/i", "sha256:2"}};
    of.spec.resources.memory_limit = 1000;
    of.created_at = 43;
    of.unit = "k8s-main.service";
    of.image_id = "sha256:1";
    of.image_ref = "docker.io/library/busybox@sha256:9";
    of.stop_signal = "SIGINT";
    of.uid = 7;
    of.gid = 8;
    of.supplemental_groups = {9};
    of.log_path = "/logs/0.log";
    container =
        std::make_shared<pods::Container>(loop.get_executor(), pod->id(), of, *systemd::UnitName::Parse(of.unit));
  }

  boost::asio::io_context loop;
  pods::PodPtr pod;
  pods::ContainerPtr container;
};

TEST_F(StatusToCri, ShowsAPod) {
  const v1::PodSandboxStatus status = PodStatusToCri(*pod);
  EXPECT_EQ(status.id(), std::string(64, 'a'));
  EXPECT_EQ(status.metadata().name(), "web");
  EXPECT_EQ(status.metadata().attempt(), 1);
  EXPECT_EQ(status.state(), v1::SANDBOX_READY);
  EXPECT_EQ(status.created_at(), 42);
  EXPECT_EQ(status.network().ip(), "10.0.0.2");
  ASSERT_EQ(status.network().additional_ips_size(), 1);
  EXPECT_EQ(status.network().additional_ips(0).ip(), "fd00::2");
  EXPECT_EQ(status.linux().namespaces().options().pid(), v1::CONTAINER);
  EXPECT_EQ(status.labels().at("tier"), "front");
  EXPECT_EQ(status.annotations().at("a"), "b");
  pod->stopped = true;
  EXPECT_EQ(PodToCri(*pod).state(), v1::SANDBOX_NOTREADY);
}

TEST_F(StatusToCri, ShowsAContainerThroughItsLife) {
  v1::ContainerStatus status = ContainerStatusToCri(*container);
  EXPECT_EQ(status.state(), v1::CONTAINER_CREATED);
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_EQ(status.image().image(), "busybox:1");
  EXPECT_EQ(status.image_ref(), "docker.io/library/busybox@sha256:9");
  EXPECT_EQ(status.image_id(), "sha256:1");
  EXPECT_EQ(status.log_path(), "/logs/0.log");
  EXPECT_EQ(status.stop_signal(), v1::SIGNAL_SIGINT);
  EXPECT_EQ(status.user().linux().uid(), 7);
  EXPECT_EQ(status.user().linux().gid(), 8);
  EXPECT_EQ(status.user().linux().supplemental_groups(0), 9);
  EXPECT_EQ(status.resources().linux().memory_limit_in_bytes(), 1000);
  ASSERT_EQ(status.mounts_size(), 2);
  EXPECT_TRUE(status.mounts(0).readonly());
  EXPECT_FALSE(status.mounts(0).has_image());
  EXPECT_THAT(status.mounts(0).mount_options(), testing::ElementsAre("noexec"));
  EXPECT_EQ(status.mounts(1).image().image(), "data:1");
  EXPECT_EQ(status.mounts(1).image().image_ref(), "sha256:2");
  EXPECT_EQ(status.mounts(1).image_sub_path(), "sub");

  container->started = spec::StartedRecord{100, "boot", 1};
  status = ContainerStatusToCri(*container);
  EXPECT_EQ(status.state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(status.started_at(), 100);
  EXPECT_EQ(status.finished_at(), 0);

  spec::ExitRecord exit;
  exit.code = 137;
  exit.signal = 9;
  exit.oom = true;
  exit.finished_at = 200;
  container->exit = exit;
  status = ContainerStatusToCri(*container);
  EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status.finished_at(), 200);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

TEST_F(StatusToCri, TellsTheUserNamespace) {
  EXPECT_EQ(PodStatusToCri(*pod).linux().namespaces().options().userns_options().mode(), v1::NODE);
  const std::vector<spec::IdMapping> ids = {{.container_id = 0, .host_id = 200'000, .length = 65'536}};
  pod->record.spec.user_namespace = spec::UserNamespace{ids, ids};
  const v1::UserNamespace user = PodStatusToCri(*pod).linux().namespaces().options().userns_options();
  EXPECT_EQ(user.mode(), v1::POD);
  ASSERT_EQ(user.uids_size(), 1);
  EXPECT_EQ(user.uids(0).host_id(), 200'000U);
  EXPECT_EQ(user.gids(0).length(), 65'536U);
}

TEST_F(StatusToCri, FiltersPods) {
  v1::PodSandboxFilter filter;
  EXPECT_TRUE(Matches(filter, *pod));
  filter.set_id("aaaa");
  EXPECT_TRUE(Matches(filter, *pod));
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_TRUE(Matches(filter, *pod));
  filter.mutable_state()->set_state(v1::SANDBOX_READY);
  EXPECT_TRUE(Matches(filter, *pod));
  filter.mutable_state()->set_state(v1::SANDBOX_NOTREADY);
  EXPECT_FALSE(Matches(filter, *pod));
  filter.clear_state();
  (*filter.mutable_label_selector())["tier"] = "back";
  EXPECT_FALSE(Matches(filter, *pod));
  filter.clear_label_selector();
  filter.set_id("b");
  EXPECT_FALSE(Matches(filter, *pod));
}

TEST_F(StatusToCri, FiltersContainers) {
  v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(std::string(64, 'a'));
  filter.set_id("cc");
  filter.mutable_state()->set_state(v1::CONTAINER_CREATED);
  (*filter.mutable_label_selector())["app"] = "web";
  EXPECT_TRUE(Matches(filter, *container));
  filter.mutable_state()->set_state(v1::CONTAINER_RUNNING);
  EXPECT_FALSE(Matches(filter, *container));
  filter.clear_state();
  filter.set_pod_sandbox_id("b");
  EXPECT_FALSE(Matches(filter, *container));
}

TEST_F(StatusToCri, TellsMoreWhenAsked) {
  const base::TempDir directory;
  const spec::Layout layout(directory.File("lib"), directory.File("run"));
  const std::string bundle = layout.App(pod->id(), container->app());
  ASSERT_THAT(base::MakeDirectories(bundle, 0700), base::IsOk());
  ASSERT_THAT(base::WriteFileAtomic(bundle + "/config.json", R"({"ociVersion":"1.0.2"})", 0600), base::IsOk());
  ASSERT_THAT(base::MakeDirectories(layout.RunPod(pod->id()), 0700), base::IsOk());
  ASSERT_THAT(base::WriteFileAtomic(layout.NetworkNamespace(pod->id()), "", 0600), base::IsOk());
  pod->supervisor_pid = 12;
  const auto pod_info = nlohmann::json::parse(PodInfoJson(layout, *pod));
  EXPECT_EQ(pod_info["pid"], 12);
  EXPECT_EQ(pod_info["unit"], "k8s-web.service");
  EXPECT_EQ(pod_info["cgroup"], "/x.slice/k8s-web.service");
  EXPECT_EQ(pod_info["config"]["name"], "web");
  EXPECT_EQ(pod_info["networkNamespace"], layout.NetworkNamespace(pod->id()));
  EXPECT_EQ(pod_info["network"]["networks"][0]["cniResult"]["cniVersion"], "1.0.0");
  container->pid = 13;
  const auto container_info = nlohmann::json::parse(ContainerInfoJson(layout, pod.get(), *container));
  EXPECT_EQ(container_info["pid"], 13);
  EXPECT_EQ(container_info["sandboxID"], std::string(64, 'a'));
  EXPECT_EQ(container_info["slice"], "x.slice");
  EXPECT_EQ(container_info["cgroup"], "/x.slice/k8s-main.service");
  EXPECT_EQ(container_info["config"]["name"], "main");
  EXPECT_EQ(container_info["runtimeSpec"]["ociVersion"], "1.0.2");
}

TEST_F(StatusToCri, TellsWhatIsThereWhenFilesAreGone) {
  const spec::Layout nowhere("/nonexistent/lib", "/nonexistent/run");
  EXPECT_FALSE(nlohmann::json::parse(PodInfoJson(nowhere, *pod)).contains("networkNamespace"));
  EXPECT_FALSE(nlohmann::json::parse(ContainerInfoJson(nowhere, nullptr, *container)).contains("runtimeSpec"));
}

}  // namespace
}  // namespace rktlet::cri
