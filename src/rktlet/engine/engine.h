// SPDX-License-Identifier: Apache-2.0
// What the daemon asks of the pod engine, typed: each method is one run of the `rkt` command. The seam between the
// daemon's policy and everything that touches a pod's insides; a fake stands beside it (fake_engine.h). Loop thread
// only.
//
// Every call goes to its end even when nobody waits for it any more; `rkt` itself continues or cleans up after a crash.
// Errors carry a code (NotFound, AlreadyExists, InvalidArgument, FailedPrecondition, …), and in their message the
// command and what it said.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "spec/container_spec.h"
#include "spec/ids.h"
#include "spec/pod_spec.h"
#include "spec/records.h"
#include "spec/resource_documents.h"

namespace rktlet::engine {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Lets the caller of a long operation end it early: Cancel() ends the command that runs for it (its children included)
// and the operation returns Cancelled. Copies share one state.
class Cancellation {
 public:
  Cancellation() : state_(std::make_shared<State>()) {}

  void Cancel() {
    if (!std::exchange(state_->cancelled, true) && state_->action) {
      std::exchange(state_->action, nullptr)();
    }
  }
  bool cancelled() const { return state_->cancelled; }
  // Whether nothing runs that could be ended.
  bool idle() const { return !state_->action; }

  // `action` runs at Cancel(), at once when that has been; nullptr takes it back.
  void SetAction(std::function<void()> action) {
    state_->action = std::move(action);
    if (state_->cancelled && state_->action) {
      std::exchange(state_->action, nullptr)();
    }
  }

 private:
  struct State {
    bool cancelled = false;
    std::function<void()> action;
  };
  std::shared_ptr<State> state_;
};

struct ExecRequest {
  spec::PodId pod;
  spec::AppName app;
  std::vector<std::string> command;
  std::optional<std::chrono::nanoseconds> timeout;  // past it the command is killed; absent: none
  size_t output_limit = size_t{16} << 20;           // of stdout and stderr together; more is read and dropped
  Cancellation cancellation;
};

struct ExecResult {
  int exit_code = 0;  // 128+n for a signal
  std::string stdout_data;
  std::string stderr_data;
  bool truncated = false;
};

// How far a fetch is.
struct FetchProgress {
  std::string phase;   // "resolve", "fetch", "unpack", "done"
  uint64_t bytes = 0;  // fetched
  uint64_t total = 0;  // to be fetched; 0: not known
  uint64_t layer = 0;  // being unpacked, from 1
  uint64_t layers = 0;
};

struct CheckpointRequest {
  spec::PodId pod;
  std::vector<spec::AppName> apps;
  bool whole_pod = false;               // all of them as of one moment, into a directory
  std::string output;                   // an archive, or that directory
  std::chrono::nanoseconds timeout{0};  // past it the checkpoint is given up
};

struct FetchRequest {
  std::string reference;  // as the user wrote it, "busybox", "host/repo:tag", "host/repo@sha256:…"
  std::string auth_json;  // a registry authentication file (containers-auth.json(5)); a secret; empty: the default one
  std::chrono::nanoseconds timeout{0};           // of all of it; 0: none
  std::chrono::nanoseconds progress_timeout{0};  // without anything from the registry; 0: none
  std::function<void(const FetchProgress&)> on_progress = [](const FetchProgress&) {};
};

// An image of the store. `id` is what CRI calls the image's id.
struct Image {
  std::string id;                    // sha256:…, the digest of its configuration
  std::vector<std::string> tags;     // "docker.io/library/busybox:latest"
  std::vector<std::string> digests;  // "docker.io/library/busybox@sha256:…"
  uint64_t size = 0;                 // bytes of its layers, unpacked
  std::string user;                  // of its configuration: "", "1000", "nobody", "1000:1000"
  std::map<std::string, std::string> labels;
  std::vector<std::string> layers;  // digests of its layers: shared ones count once in the store
  int64_t import_time = 0;          // ns since the epoch
  int64_t last_used_time = 0;
};

struct NetworkStatus {
  bool ready = false;
  std::string reason = {};   // a word: "NoNetworkConfiguration"
  std::string message = {};  // a sentence that names the file or the plugin
  std::vector<std::string> networks = {};
  std::string json = {};  // all that the engine told
};

// What the runtime handlers here can do, each by its name.
struct Features {
  std::map<std::string, bool> user_namespaces = {};
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Pods. PreparePod: AlreadyExists when the id exists with another document; repeating it with the same one is OK.
  virtual Awaitable<absl::StatusOr<spec::PodRecord>> PreparePod(spec::PodSpec pod) = 0;
  // CNI ADD of the pod's networks. An error names plugin and network, and nothing of the attempt is left.
  virtual Awaitable<absl::StatusOr<spec::NetworkRecord>> NetworkUp(spec::PodId pod) = 0;
  // CNI DEL. Idempotent; a pod whose network is down or that is unknown is OK.
  virtual Awaitable<absl::Status> NetworkDown(spec::PodId pod) = 0;
  // Directory, pinned namespaces and all of a pod whose units have ended. Idempotent.
  virtual Awaitable<absl::Status> RemovePod(spec::PodId pod) = 0;

  // Containers. AddContainer writes the container's directory; no process, no mount.
  virtual Awaitable<absl::StatusOr<spec::ContainerRecord>> AddContainer(spec::PodId pod, spec::ContainerSpec spec) = 0;
  // Directory, crun's state and all of a container whose unit has ended. Idempotent.
  virtual Awaitable<absl::Status> RemoveContainer(spec::PodId pod, spec::AppName app) = 0;
  // Runs a command in a running container. One that cannot be executed ends with 126, one that there is not with 127,
  // and stderr says why. DeadlineExceeded after its timeout (the command is dead then), Internal when it could not be
  // started.
  virtual Awaitable<absl::StatusOr<ExecResult>> Exec(ExecRequest request) = 0;

  // Saves running containers, which go on. Complete or absent. FailedPrecondition where that is not possible.
  virtual Awaitable<absl::Status> Checkpoint(CheckpointRequest request) = 0;

  // Images. FetchImage returns the id. NotFound (no such image), PermissionDenied (registry refuses the credentials),
  // DeadlineExceeded, ResourceExhausted (disk full), Unavailable (registry out of reach).
  virtual Awaitable<absl::StatusOr<std::string>> FetchImage(FetchRequest request) = 0;
  virtual Awaitable<absl::StatusOr<std::vector<Image>>> ListImages() = 0;
  // The image's configuration as JSON, as its registry has it (OCI image-spec, config.md). NotFound.
  virtual Awaitable<absl::StatusOr<std::string>> ImageConfig(std::string id) = 0;
  // Removes the image with all its names. FailedPrecondition when a container uses it; an unknown image is OK.
  virtual Awaitable<absl::Status> RemoveImage(std::string id) = 0;

  // What this machine can do, tried once: the same answer, from memory, from then on.
  virtual Awaitable<absl::StatusOr<Features>> GetFeatures() = 0;

  // Whether a pod could get a network now.
  virtual Awaitable<absl::StatusOr<NetworkStatus>> GetNetworkStatus() = 0;

  // Writes other resources into the records; what runs is not touched. Those of a container are replaced as a whole,
  // of a pod's two parts what is there. NotFound, or FailedPrecondition when it has ended.
  virtual Awaitable<absl::StatusOr<spec::ContainerRecord>> UpdateContainer(spec::PodId pod, spec::AppName app,
                                                                           spec::Resources resources) = 0;
  virtual Awaitable<absl::StatusOr<spec::PodRecord>> UpdatePod(spec::PodId pod, spec::PodResources resources) = 0;
};

}  // namespace rktlet::engine
