// SPDX-License-Identifier: Apache-2.0
#include "rktlet/engine/fake_engine.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/strings.h"

namespace rktlet::engine {

using base::StrCat;

namespace {

// An id that is the same for the same name.
std::string IdOf(const std::string& reference) {
  const size_t hash = std::hash<std::string>()(reference);
  std::string id = "sha256:";
  for (size_t i = 0; i < 64; ++i) {
    id += "0123456789abcdef"[(hash >> (4 * (i % 16))) & 15];
  }
  return id;
}

}  // namespace

size_t FakeEngine::CountCalls(const std::string& prefix) const {
  return static_cast<size_t>(
      std::count_if(calls.begin(), calls.end(), [&](const std::string& call) { return call.starts_with(prefix); }));
}

void FakeEngine::Release(const std::string& method) {
  held_.erase(method);
  gate_.cancel();
}

Awaitable<absl::Status> FakeEngine::Enter(std::string method, std::string argument) {
  calls.push_back(argument.empty() ? method : StrCat(method, " ", argument));
  while (held_.contains(method)) {
    boost::system::error_code ignored;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await gate_.async_wait(token);
  }
  std::vector<absl::Status>& failures = failures_[method];
  if (!failures.empty()) {
    absl::Status status = failures.front();
    failures.erase(failures.begin());
    co_return status;
  }
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<spec::PodRecord>> FakeEngine::PreparePod(spec::PodSpec pod) {
  absl::Status status = co_await Enter("PreparePod", pod.id.str());
  CO_RETURN_IF_ERROR(status);
  if (const auto found = pods.find(pod.id); found != pods.end()) {
    if (found->second.spec != pod) {
      co_return absl::AlreadyExistsError(StrCat("pod ", pod.id.str(), " exists with another document"));
    }
    co_return found->second;
  }
  spec::PodRecord record;
  record.created_at = now++;
  record.boot_id = "fake-boot";
  record.unit = pod.unit.empty() ? StrCat("k8s-", pod.id.ShortForm(), ".service") : pod.unit;
  record.spec = std::move(pod);
  pods[record.spec.id] = record;
  co_return record;
}

Awaitable<absl::StatusOr<spec::NetworkRecord>> FakeEngine::NetworkUp(spec::PodId pod) {
  absl::Status status = co_await Enter("NetworkUp", pod.str());
  CO_RETURN_IF_ERROR(status);
  networks_up.insert(pod);
  spec::NetworkRecord record;
  record.state = "up";
  record.ips = pod_ips;
  co_return record;
}

Awaitable<absl::Status> FakeEngine::NetworkDown(spec::PodId pod) {
  absl::Status status = co_await Enter("NetworkDown", pod.str());
  CO_RETURN_IF_ERROR(status);
  networks_up.erase(pod);
  co_return absl::OkStatus();
}

Awaitable<absl::Status> FakeEngine::RemovePod(spec::PodId pod) {
  absl::Status status = co_await Enter("RemovePod", pod.str());
  CO_RETURN_IF_ERROR(status);
  pods.erase(pod);
  containers.erase(pod);
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<spec::ContainerRecord>> FakeEngine::AddContainer(spec::PodId pod, spec::ContainerSpec spec) {
  absl::Status status = co_await Enter("AddContainer", StrCat(pod.str(), " ", spec.app.str()));
  CO_RETURN_IF_ERROR(status);
  spec::ContainerRecord record;
  record.created_at = now++;
  record.boot_id = "fake-boot";
  record.unit = StrCat("k8s-", spec.id.ShortForm(), ".service");
  record.image_id = image_of_new_containers;
  record.image_ref = image_of_new_containers;
  record.stop_signal = spec.stop_signal.empty() ? "SIGTERM" : spec.stop_signal;
  record.argv = spec.command;
  record.spec = std::move(spec);
  containers[pod][record.spec.app] = record;
  co_return record;
}

Awaitable<absl::Status> FakeEngine::RemoveContainer(spec::PodId pod, spec::AppName app) {
  absl::Status status = co_await Enter("RemoveContainer", StrCat(pod.str(), " ", app.str()));
  CO_RETURN_IF_ERROR(status);
  containers[pod].erase(app);
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<spec::ContainerRecord>> FakeEngine::UpdateContainer(spec::PodId pod, spec::AppName app,
                                                                             spec::Resources resources) {
  absl::Status status = co_await Enter("UpdateContainer", StrCat(pod.str(), " ", app.str()));
  CO_RETURN_IF_ERROR(status);
  const auto found = containers[pod].find(app);
  if (found == containers[pod].end()) {
    co_return absl::NotFoundError(StrCat("pod ", pod.str(), " has no app ", app.str()));
  }
  found->second.spec.resources = std::move(resources);
  co_return found->second;
}

Awaitable<absl::StatusOr<spec::PodRecord>> FakeEngine::UpdatePod(spec::PodId pod, spec::PodResources resources) {
  absl::Status status = co_await Enter("UpdatePod", pod.str());
  CO_RETURN_IF_ERROR(status);
  const auto found = pods.find(pod);
  if (found == pods.end()) {
    co_return absl::NotFoundError(StrCat("no pod ", pod.str()));
  }
  spec::PodSpec& spec = found->second.spec;
  const spec::PodResources merged = spec::Merge({spec.overhead, spec.resources}, resources);
  spec.overhead = merged.overhead;
  spec.resources = merged.resources;
  co_return found->second;
}

Awaitable<absl::StatusOr<ExecResult>> FakeEngine::Exec(ExecRequest request) {
  absl::Status status = co_await Enter("Exec", StrCat(request.pod.str(), " ", request.app.str()));
  CO_RETURN_IF_ERROR(status);
  if (on_exec) {
    co_return on_exec(request);
  }
  ExecResult result;
  for (const std::string& word : request.command) {
    result.stdout_data += result.stdout_data.empty() ? word : " " + word;
  }
  co_return result;
}

Awaitable<absl::Status> FakeEngine::Checkpoint(CheckpointRequest request) {
  std::string words = request.pod.str();
  for (const spec::AppName& app : request.apps) {
    words += " " + app.str();
  }
  absl::Status status =
      co_await Enter("Checkpoint", StrCat(words, request.whole_pod ? " pod " : " ", request.output, " ",
                                          std::chrono::duration_cast<std::chrono::seconds>(request.timeout).count()));
  co_return status;
}

Awaitable<absl::StatusOr<std::string>> FakeEngine::FetchImage(FetchRequest request) {
  fetches.push_back(request);
  absl::Status status = co_await Enter("FetchImage", request.reference);
  CO_RETURN_IF_ERROR(status);
  if (on_fetch) {
    co_return on_fetch(request);
  }
  Image image;
  image.id = IdOf(request.reference);
  image.tags = {request.reference};
  image.size = 1000;
  std::erase_if(images, [&](const Image& known) { return known.id == image.id; });
  images.push_back(image);
  co_return image.id;
}

Awaitable<absl::StatusOr<std::vector<Image>>> FakeEngine::ListImages() {
  absl::Status status = co_await Enter("ListImages", "");
  CO_RETURN_IF_ERROR(status);
  co_return images;
}

Awaitable<absl::StatusOr<std::string>> FakeEngine::ImageConfig(std::string id) {
  absl::Status status = co_await Enter("ImageConfig", id);
  CO_RETURN_IF_ERROR(status);
  co_return R"({"architecture": "amd64", "config": {"Cmd": ["sh"]}})";
}

Awaitable<absl::Status> FakeEngine::RemoveImage(std::string id) {
  absl::Status status = co_await Enter("RemoveImage", id);
  CO_RETURN_IF_ERROR(status);
  std::erase_if(images, [&](const Image& image) { return image.id == id; });
  co_return absl::OkStatus();
}

Awaitable<absl::StatusOr<Features>> FakeEngine::GetFeatures() {
  absl::Status status = co_await Enter("GetFeatures", "");
  CO_RETURN_IF_ERROR(status);
  co_return features;
}

Awaitable<absl::StatusOr<NetworkStatus>> FakeEngine::GetNetworkStatus() {
  absl::Status status = co_await Enter("GetNetworkStatus", "");
  CO_RETURN_IF_ERROR(status);
  co_return network;
}

}  // namespace rktlet::engine
