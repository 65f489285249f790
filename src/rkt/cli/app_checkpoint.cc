// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/checkpoint/archive_files.h"
#include "rkt/cli/app_common.h"
#include "rkt/cli/bus.h"
#include "rkt/cli/commands.h"
#include "rkt/cli/pod_flags.h"
#include "rkt/oci/checkpoint_container.h"
#include "rkt/oci/thaw_guard.h"
#include "rkt/pod/pod_lock.h"
#include "unit/cgroup.h"
#include "unit/freeze.h"

namespace rkt::cli {
namespace {

using rkt::checkpoint::Deadline;
using rkt::oci::ContainerCheckpoint;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::spec::AppName;
using rktlet::spec::ContainerRecord;
using rktlet::spec::Layout;
using rktlet::spec::PodId;
using rktlet::spec::PodRecord;
using rktlet::unit::Cgroups;

constexpr std::chrono::nanoseconds kDefaultTimeout = std::chrono::minutes(10);

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// What would fail at the end, found before anything is stopped.
absl::Status CheckOutput(const std::string& output, bool directory) {
  struct stat info = {};
  const std::string parent = ParentOf(output);
  if (output.empty() || output.back() == '/') {
    return UsageError("--output names no file");
  }
  if (stat(parent.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return absl::NotFoundError(StrCat("there is no directory ", parent));
  }
  if (lstat(output.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, output);
  }
  if (!directory) {
    return S_ISREG(info.st_mode) ? absl::OkStatus()
                                 : absl::FailedPreconditionError(StrCat(output, " is there and is no plain file"));
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(StrCat(output, " is there and is no directory"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, rktlet::base::ListDirectory(output));
  return names.empty() ? absl::OkStatus() : absl::FailedPreconditionError(StrCat(output, " is not empty"));
}

// A directory beside the one to come, gone again unless it got its name.
class NewDirectory {
 public:
  explicit NewDirectory(const std::string& output) : path_(StrCat(ParentOf(output), "/.checkpoint-XXXXXX")) {}
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  ~NewDirectory() {
    if (made_) {
      rktlet::base::RemoveTree(path_).IgnoreError();
    }
  }

  const std::string& path() const { return path_; }

  absl::Status Make() {
    made_ = mkdtemp(path_.data()) != nullptr;
    return made_ ? absl::OkStatus() : ErrnoStatus(errno, path_);
  }

  absl::Status Commit(const std::string& output) {
    if (rename(path_.c_str(), output.c_str()) != 0) {
      return ErrnoStatus(errno, output);
    }
    made_ = false;
    return rktlet::base::SyncDirectory(ParentOf(output));
  }

 private:
  std::string path_;
  bool made_ = false;
};

class AppCheckpoint final : public Command {
 public:
  void DefineFlags(FlagSet& flags) override {
    flags.List("app", "NAME", &apps_, "The app; with --pod one of those to save, repeatable")
        .Bool("pod", &whole_pod_, "All running apps, or those of --app, as of one moment, into a directory")
        .String("output", "PATH", &output_, "The archive to write, or with --pod the directory")
        .Duration("timeout", &timeout_, "Give up after this time (10 minutes)");
  }

  absl::StatusOr<int> Run(Context& context, const Positionals& positionals) override {
    if (output_.empty()) {
      return UsageError("--output is needed");
    }
    const Deadline deadline = std::chrono::steady_clock::now() + timeout_.value_or(kDefaultTimeout);
    const Layout layout = LayoutOf(context);
    ASSIGN_OR_RETURN(const std::vector<AppName> apps, Apps(layout, positionals.args[0]));
    ASSIGN_OR_RETURN(const rktlet::spec::PodState pod, rktlet::spec::ReadPod(layout, pod_));
    RETURN_IF_ERROR(CheckOutput(output_, whole_pod_));
    ASSIGN_OR_RETURN(const Cgroups cgroups, Cgroups::Detect());
    std::vector<ContainerCheckpoint> checkpoints;
    for (const AppName& app : apps) {
      ASSIGN_OR_RETURN(ContainerCheckpoint one, ContainerCheckpoint::Prepare(layout, pod.record, app, cgroups));
      checkpoints.push_back(std::move(one));
    }
    RETURN_IF_ERROR(SaveAll(pod.record, cgroups, checkpoints, deadline));
    RETURN_IF_ERROR(whole_pod_ ? WriteDirectory(pod.record, checkpoints, deadline)
                               : checkpoints.front().Write(output_, deadline));
    return 0;
  }

 private:
  absl::StatusOr<std::vector<AppName>> Apps(const Layout& layout, const std::string& name) {
    std::vector<AppName> apps;
    if (!whole_pod_) {
      if (apps_.size() > 1) {
        return UsageError("several apps are saved with --pod");
      }
      ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, name, apps_.empty() ? "" : apps_.front()));
      pod_ = target.pod;
      return std::vector<AppName>{target.app};
    }
    ASSIGN_OR_RETURN(pod_, rkt::pod::FindPod(layout, name));
    for (const std::string& wanted : std::set<std::string>(apps_.begin(), apps_.end())) {
      ASSIGN_OR_RETURN(const AppTarget target, FindApp(layout, name, wanted));
      apps.push_back(target.app);
    }
    if (apps_.empty()) {
      ASSIGN_OR_RETURN(const std::vector<AppName> all, rktlet::spec::ListApps(layout, pod_));
      for (const AppName& app : all) {
        ASSIGN_OR_RETURN(const auto state, rktlet::spec::ReadContainer(layout, pod_, app));
        if (state.started.has_value() && !state.exit.has_value()) {
          apps.push_back(app);
        }
      }
    }
    if (apps.empty()) {
      return absl::FailedPreconditionError("no app of the pod runs: there is nothing to save");
    }
    return apps;
  }

  // Freezes, saves and thaws: the containers run when this returns, whatever it returns.
  static absl::Status SaveAll(const PodRecord& pod, const Cgroups& cgroups,
                              std::vector<ContainerCheckpoint>& checkpoints, Deadline deadline) {
    std::vector<ContainerRecord> records;
    std::vector<std::string> directories;
    for (const ContainerCheckpoint& one : checkpoints) {
      records.push_back(one.record());
      directories.push_back(rktlet::unit::FreezerDirectory(cgroups, pod, one.record()));
    }
    ASSIGN_OR_RETURN(const auto guard, rkt::oci::ThawGuard::Start(directories));
    ASSIGN_OR_RETURN(const auto left, rkt::checkpoint::TimeLeft(deadline));
    const auto patience = std::chrono::ceil<std::chrono::milliseconds>(left);
    absl::Status status = RunFreezing([&](rktlet::systemd::Freezer& freezer) -> boost::asio::awaitable<absl::Status> {
      return rktlet::unit::FreezeContainers(freezer, cgroups, pod, records, patience);
    });
    for (ContainerCheckpoint& one : checkpoints) {
      if (status.ok()) {
        status = one.Save(deadline, guard.lifeline_fd());
      }
    }
    const absl::Status thawed =
        RunFreezing([&](rktlet::systemd::Freezer& freezer) -> boost::asio::awaitable<absl::Status> {
          return rktlet::unit::ThawContainers(freezer, cgroups, pod, records);
        });
    status.Update(thawed);
    return status;
  }

  // The name that CRI gave it, where that is one for a file: what a restore finds it by.
  static std::string FileName(const ContainerRecord& record, const std::set<std::string>& taken) {
    const std::string& name = record.spec.name;
    const bool fits = !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
                      name.size() <= 200 && !taken.contains(name + ".tar");
    return (fits ? name : record.spec.app.str()) + ".tar";
  }

  absl::Status WriteDirectory(const PodRecord& pod, const std::vector<ContainerCheckpoint>& checkpoints,
                              Deadline deadline) const {
    NewDirectory directory(output_);
    RETURN_IF_ERROR(directory.Make());
    std::set<std::string> taken;
    nlohmann::json containers = nlohmann::json::array();
    for (const ContainerCheckpoint& one : checkpoints) {
      const std::string file = FileName(one.record(), taken);
      taken.insert(file);
      RETURN_IF_ERROR(one.Write(StrCat(directory.path(), "/", file), deadline));
      containers.push_back({{"name", one.record().spec.name}, {"id", one.record().spec.id.str()}, {"archive", file}});
    }
    const nlohmann::json document = {{"version", 1},
                                     {"id", pod.spec.id.str()},
                                     {"name", pod.spec.name},
                                     {"namespace", pod.spec.namespace_},
                                     {"uid", pod.spec.uid},
                                     {"runtime_handler", pod.spec.runtime_handler},
                                     {"containers", containers}};
    RETURN_IF_ERROR(rktlet::base::WriteFileAtomic(
        StrCat(directory.path(), "/", rkt::checkpoint::kPodDumpFile),
        document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", 0600, rktlet::base::Sync::kYes));
    return directory.Commit(output_);
  }

  std::vector<std::string> apps_;
  bool whole_pod_ = false;
  std::string output_;
  std::optional<std::chrono::nanoseconds> timeout_;
  PodId pod_;
};

}  // namespace

void RegisterAppCheckpoint(Registry& registry) {
  registry.Add<AppCheckpoint>(
      {.path = "app checkpoint",
       .arguments = "POD [--app=NAME] --output=PATH",
       .summary = "Save the processes of an app, which go on running",
       .details = "Needs the runtime handler runc, and criu. The archive is added as an image: app add POD PATH.",
       .min_args = 1,
       .max_args = 1});
}

}  // namespace rkt::cli
