// SPDX-License-Identifier: Apache-2.0
// For tests of this folder: Pods on a fake manager, fake supervisors, a fake clock, and an engine that writes the same
// directories as the real one.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "rktlet/engine/fake_engine.h"
#include "rktlet/pods/fake_supervisors.h"
#include "rktlet/pods/pods.h"
#include "systemd/fake_manager.h"
#include "unit/unit_names.h"

namespace rktlet::pods {

inline constexpr char kBoot[] = "11111111111111111111111111111111";
inline constexpr char kOldBoot[] = "00000000000000000000000000000000";

// The fake engine, with directories.
class DiskEngine final : public engine::Engine {
 public:
  DiskEngine(boost::asio::any_io_executor executor, spec::Layout layout) : fake(executor), layout_(std::move(layout)) {}

  engine::FakeEngine fake;

  Awaitable<absl::StatusOr<spec::PodRecord>> PreparePod(spec::PodSpec pod) override {
    absl::StatusOr<spec::PodRecord> record = co_await fake.PreparePod(std::move(pod));
    CO_RETURN_IF_ERROR(record.status());
    record->boot_id = kBoot;
    record->unit = unit::PodUnitName(record->spec).str();
    CO_RETURN_IF_ERROR(Write(*record));
    co_return record;
  }
  Awaitable<absl::StatusOr<spec::NetworkRecord>> NetworkUp(spec::PodId pod) override {
    absl::StatusOr<spec::NetworkRecord> record = co_await fake.NetworkUp(pod);
    CO_RETURN_IF_ERROR(record.status());
    CO_RETURN_IF_ERROR(base::WriteFileAtomic(layout_.PodFile(pod, spec::kNetworkFile), spec::ToJson(*record)));
    co_return record;
  }
  Awaitable<absl::Status> NetworkDown(spec::PodId pod) override { return fake.NetworkDown(pod); }
  Awaitable<absl::Status> RemovePod(spec::PodId pod) override {
    const absl::Status status = co_await fake.RemovePod(pod);
    CO_RETURN_IF_ERROR(status);
    co_return base::RemoveTree(layout_.Pod(pod));
  }
  Awaitable<absl::StatusOr<spec::ContainerRecord>> AddContainer(spec::PodId pod, spec::ContainerSpec spec) override {
    const spec::PodSpec pod_spec = fake.pods[pod].spec;
    absl::StatusOr<spec::ContainerRecord> record = co_await fake.AddContainer(pod, std::move(spec));
    CO_RETURN_IF_ERROR(record.status());
    record->boot_id = kBoot;
    record->unit = unit::ContainerUnitName(pod_spec, record->spec).str();
    record->stop_signal = "SIGTERM";
    record->log_path = "/nowhere/0.log";
    CO_RETURN_IF_ERROR(Write(pod, *record));
    co_return record;
  }
  Awaitable<absl::Status> RemoveContainer(spec::PodId pod, spec::AppName app) override {
    const absl::Status status = co_await fake.RemoveContainer(pod, app);
    CO_RETURN_IF_ERROR(status);
    co_return base::RemoveTree(layout_.App(pod, app));
  }
  Awaitable<absl::StatusOr<spec::ContainerRecord>> UpdateContainer(spec::PodId pod, spec::AppName app,
                                                                   spec::Resources resources) override {
    absl::StatusOr<spec::ContainerRecord> record = co_await fake.UpdateContainer(pod, app, resources);
    CO_RETURN_IF_ERROR(record.status());
    absl::StatusOr<spec::ContainerState> state = spec::ReadContainer(layout_, pod, app);
    CO_RETURN_IF_ERROR(state.status());
    state->record.spec.resources = resources;
    CO_RETURN_IF_ERROR(Write(pod, state->record));
    co_return state->record;
  }
  Awaitable<absl::StatusOr<spec::PodRecord>> UpdatePod(spec::PodId pod, spec::PodResources resources) override {
    absl::StatusOr<spec::PodRecord> record = co_await fake.UpdatePod(pod, resources);
    CO_RETURN_IF_ERROR(record.status());
    absl::StatusOr<spec::PodState> state = spec::ReadPod(layout_, pod);
    CO_RETURN_IF_ERROR(state.status());
    state->record.spec.overhead = record->spec.overhead;
    state->record.spec.resources = record->spec.resources;
    CO_RETURN_IF_ERROR(Write(state->record));
    co_return state->record;
  }
  Awaitable<absl::StatusOr<engine::ExecResult>> Exec(engine::ExecRequest request) override {
    return fake.Exec(std::move(request));
  }
  Awaitable<absl::Status> Checkpoint(engine::CheckpointRequest request) override {
    return fake.Checkpoint(std::move(request));
  }
  Awaitable<absl::StatusOr<std::string>> FetchImage(engine::FetchRequest request) override {
    return fake.FetchImage(std::move(request));
  }
  Awaitable<absl::StatusOr<std::vector<engine::Image>>> ListImages() override { return fake.ListImages(); }
  Awaitable<absl::StatusOr<std::string>> ImageConfig(std::string id) override {
    return fake.ImageConfig(std::move(id));
  }
  Awaitable<absl::Status> RemoveImage(std::string id) override { return fake.RemoveImage(std::move(id)); }
  Awaitable<absl::StatusOr<engine::Features>> GetFeatures() override { return fake.GetFeatures(); }
  Awaitable<absl::StatusOr<engine::NetworkStatus>> GetNetworkStatus() override { return fake.GetNetworkStatus(); }

  absl::Status Write(const spec::PodRecord& record) {
    RETURN_IF_ERROR(base::MakeDirectories(layout_.Apps(record.spec.id)));
    return base::WriteFileAtomic(layout_.PodFile(record.spec.id, spec::kPodFile), spec::ToJson(record));
  }
  absl::Status Write(const spec::PodId& pod, const spec::ContainerRecord& record) {
    RETURN_IF_ERROR(base::MakeDirectories(layout_.App(pod, record.spec.app)));
    return base::WriteFileAtomic(layout_.AppFile(pod, record.spec.app, spec::kContainerFile), spec::ToJson(record));
  }

 private:
  spec::Layout layout_;
};

class PodsFixture : public testing::Test {
 protected:
  PodsFixture() : layout(directory.File("lib"), directory.File("run")), engine(loop.get_executor(), layout) {
    EXPECT_THAT(base::MakeDirectories(layout.Pods()), base::IsOk());
    programs = unit::Programs{"/usr/bin/rkt", "/usr/libexec/rkt/rkt-helper", layout};
    Restart();
  }

  // As after a crash of the daemon: the same directories and units, no memory.
  void Restart() {
    auto fake = std::make_unique<FakeSupervisors>(manager, programs, kBoot);
    supervisors = fake.get();
    pods.reset();
    pods = std::make_unique<Pods>(loop, manager, engine, config, programs, cgroups, clock, std::move(fake), kBoot);
  }

  template <typename T>
  T Run(Awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(loop, std::move(work), [&result](std::exception_ptr exception, T value) {
      EXPECT_EQ(exception, nullptr);
      result = std::move(value);
    });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!result.has_value() && std::chrono::steady_clock::now() < deadline) {
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(result.has_value()) << "the operation has not ended";
    return result.value_or(T(absl::DeadlineExceededError("the test")));
  }

  // Lets time pass until `happened`, but not for ever.
  template <typename Condition>
  bool Eventually(const Condition& happened) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!happened() && std::chrono::steady_clock::now() < deadline) {
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(100));
    }
    Settle();
    return happened();
  }

  // Lets everything happen that need not wait for time to pass.
  void Settle() {
    loop.restart();
    while (loop.poll() > 0) {
      loop.restart();
    }
  }

  spec::PodSpec PodSpecOf(const std::string& name) {
    spec::PodSpec spec;
    spec.id = spec::PodId::MakeHex();
    spec.managed = true;
    spec.name = name;
    spec.namespace_ = "default";
    spec.uid = "uid-" + name;
    spec.slice = "kubepods-x.slice";
    return spec;
  }
  spec::ContainerSpec ContainerSpecOf(const std::string& name) {
    spec::ContainerSpec spec;
    spec.id = spec::ContainerId::MakeHex();
    spec.app = *spec::AppName::Parse(spec.id.str());
    spec.name = name;
    spec.image = "busybox";
    return spec;
  }

  PodPtr RunPod(const std::string& name = "web") {
    const absl::StatusOr<spec::PodId> id = Run(pods->RunPod(PodSpecOf(name)));
    EXPECT_THAT(id, base::IsOk());
    return id.ok() ? *pods->GetPod(id->str()) : nullptr;
  }
  ContainerPtr Create(const PodPtr& pod, const std::string& name = "main") {
    const absl::StatusOr<spec::ContainerId> id = Run(pods->CreateContainer(pod, ContainerSpecOf(name)));
    EXPECT_THAT(id, base::IsOk());
    return id.ok() ? *pods->GetContainer(id->str()) : nullptr;
  }
  ContainerPtr Started(const PodPtr& pod, const std::string& name = "main") {
    ContainerPtr container = Create(pod, name);
    EXPECT_THAT(Run(pods->StartContainer(container)), base::IsOk());
    return container;
  }
  void Exit(const ContainerPtr& container, base::ExitStatus exit, const std::string& result = "") {
    manager.EmitExit(container->unit, exit, result);
    Settle();
  }
  size_t CountManagerCalls(const std::string& prefix) const {
    return static_cast<size_t>(std::count_if(manager.calls().begin(), manager.calls().end(),
                                             [&](const std::string& call) { return call.starts_with(prefix); }));
  }

  boost::asio::io_context loop;
  base::TempDir directory;
  spec::Layout layout;
  unit::Programs programs;
  systemd::FakeManager manager{loop.get_executor()};
  DiskEngine engine;
  config::Config config;
  base::FakeClock clock;
  unit::Cgroups cgroups{unit::CgroupVersion::kV2, directory.File("cgroup")};
  FakeSupervisors* supervisors = nullptr;
  std::unique_ptr<Pods> pods;
};

}  // namespace rktlet::pods
