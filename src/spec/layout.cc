// SPDX-License-Identifier: Apache-2.0
#include "spec/layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"

namespace rktlet::spec {
namespace {

// What is wrong with a file that was written whole can only be damage.
absl::Status AsDataLoss(const absl::Status& status, const std::string& path) {
  if (status.ok() || status.code() != absl::StatusCode::kInvalidArgument) {
    return status;
  }
  return absl::DataLossError(base::StrCat(path, ": ", std::string(status.message())));
}

template <typename T>
absl::StatusOr<T> ReadRecord(const std::string& path, absl::StatusOr<T> (*parse)(const std::string&)) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  absl::StatusOr<T> record = parse(text);
  if (!record.ok()) {
    return AsDataLoss(record.status(), path);
  }
  return record;
}

template <typename T>
absl::StatusOr<std::optional<T>> ReadOptional(const std::string& path, absl::StatusOr<T> (*parse)(const std::string&)) {
  absl::StatusOr<T> record = ReadRecord(path, parse);
  if (absl::IsNotFound(record.status())) {
    return std::optional<T>();
  }
  RETURN_IF_ERROR(record.status());
  return std::optional<T>(*std::move(record));
}

template <typename T>
absl::StatusOr<std::vector<T>> ListNames(const std::string& directory) {
  auto names = base::ListDirectory(directory);
  if (absl::IsNotFound(names.status())) {
    return std::vector<T>();
  }
  RETURN_IF_ERROR(names.status());
  std::vector<T> parsed_names;
  for (const std::string& name : *names) {
    if (auto parsed = T::Parse(name); parsed.ok()) {
      parsed_names.push_back(*std::move(parsed));
    }
  }
  return parsed_names;
}

}  // namespace

absl::StatusOr<ContainerState> ReadContainer(const Layout& layout, const PodId& pod, const AppName& app) {
  ContainerState state;
  ASSIGN_OR_RETURN(state.record, ReadRecord(layout.AppFile(pod, app, kContainerFile), &ParseContainerRecord));
  ASSIGN_OR_RETURN(state.started, ReadOptional(layout.AppFile(pod, app, kStartedFile), &ParseStartedRecord));
  ASSIGN_OR_RETURN(state.exit, ReadOptional(layout.AppFile(pod, app, kExitFile), &ParseExitRecord));
  auto start_error = base::ReadFile(layout.AppFile(pod, app, kStartErrorFile));
  if (start_error.ok()) {
    state.start_error = *std::move(start_error);
  } else if (!absl::IsNotFound(start_error.status())) {
    return start_error.status();
  }
  return state;
}

absl::StatusOr<PodState> ReadPod(const Layout& layout, const PodId& pod) {
  PodState state;
  ASSIGN_OR_RETURN(state.record, ReadRecord(layout.PodFile(pod, kPodFile), &ParsePodRecord));
  ASSIGN_OR_RETURN(state.network, ReadOptional(layout.PodFile(pod, kNetworkFile), &ParseNetworkRecord));
  ASSIGN_OR_RETURN(state.exit, ReadOptional(layout.PodFile(pod, kPodExitFile), &ParseExitRecord));
  state.stopped = base::Exists(layout.PodFile(pod, kStoppedFile));
  return state;
}

absl::StatusOr<std::vector<PodId>> ListPods(const Layout& layout) { return ListNames<PodId>(layout.Pods()); }

absl::StatusOr<std::vector<AppName>> ListApps(const Layout& layout, const PodId& pod) {
  return ListNames<AppName>(layout.Apps(pod));
}

absl::Status RecordExit(const Layout& layout, const PodId& pod, const AppName& app, const ExitRecord& record) {
  return base::WriteFileOnceAt(AT_FDCWD, layout.AppFile(pod, app, kExitFile), ToJson(record));
}

absl::Status BumpGeneration(const Layout& layout) {
  RETURN_IF_ERROR(base::MakeDirectories(layout.run_dir()));
  const std::string now = base::StrCat(base::SystemClock().RealtimeNanos(), "\n");
  ASSIGN_OR_RETURN(const base::UniqueFd fd, base::OpenAt(AT_FDCWD, layout.Generation(), O_WRONLY | O_CREAT, 0644));
  return base::WriteAll(fd.get(), now);
}

}  // namespace rktlet::spec
