// SPDX-License-Identifier: Apache-2.0
// The checkpoint of a running container: its processes as CRIU's images, what it changed in its root, its log and its
// specification, as one archive. In four steps, so that several containers can be saved as of one moment: look, freeze
// (the caller does), save, and after the thaw the archive.
#pragma once

#include <string>

#include "base/status.h"
#include "base/unique_fd.h"
#include "rkt/checkpoint/tar.h"
#include "rkt/oci/oci_runtime.h"
#include "spec/layout.h"
#include "unit/cgroup.h"

namespace rkt::oci {

class ContainerCheckpoint {
 public:
  // Makes a directory for the work, which goes with the object (or, when we are killed, with the next command that
  // looks after the pod). FailedPrecondition, with a sentence, when the container does not run or cannot be saved here.
  static absl::StatusOr<ContainerCheckpoint> Prepare(const rktlet::spec::Layout& layout,
                                                     const rktlet::spec::PodRecord& pod,
                                                     const rktlet::spec::AppName& app,
                                                     const rktlet::unit::Cgroups& cgroups);
  ContainerCheckpoint(ContainerCheckpoint&& other) noexcept = default;
  ContainerCheckpoint& operator=(ContainerCheckpoint&&) = delete;
  ~ContainerCheckpoint();

  const rktlet::spec::ContainerRecord& record() const { return state_.record; }

  // Of a frozen container, which is as it was afterwards. `lifeline_fd` is inherited by all that work on it: as long as
  // somebody has it, the container must not be thawed. When the time is over they are told to give up, and that takes
  // as long as it takes: CRIU, killed while it is inside a process, would take the process along.
  absl::Status Save(rkt::checkpoint::Deadline deadline, int lifeline_fd);

  // The archive of what was saved, complete or absent.
  absl::Status Write(const std::string& output, rkt::checkpoint::Deadline deadline) const;

 private:
  ContainerCheckpoint(rktlet::spec::Layout layout, rktlet::spec::PodRecord pod, rktlet::spec::ContainerState state,
                      rktlet::unit::Cgroups cgroups, OciRuntime runtime)
      : layout_(std::move(layout)),
        pod_(std::move(pod)),
        state_(std::move(state)),
        cgroups_(std::move(cgroups)),
        runtime_(std::move(runtime)) {}

  absl::Status MakeWorkDirectory();
  absl::Status DumpProcesses(rkt::checkpoint::Deadline deadline, int lifeline_fd) const;
  absl::Status DumpRoot(rkt::checkpoint::Deadline deadline) const;
  absl::Status DumpDocuments() const;
  absl::Status DumpLog() const;

  rktlet::spec::Layout layout_;
  rktlet::spec::PodRecord pod_;
  rktlet::spec::ContainerState state_;
  rktlet::unit::Cgroups cgroups_;
  OciRuntime runtime_;
  std::string work_;  // "" when there is none
  rktlet::base::UniqueFd work_fd_;
};

}  // namespace rkt::oci
