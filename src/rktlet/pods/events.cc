// SPDX-License-Identifier: Apache-2.0
#include "rktlet/pods/events.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/journal.h"
#include "base/strings.h"

namespace rktlet::pods {
namespace {

constexpr char kHeader[] = "rktlet-told 1";
constexpr std::array<const char*, 4> kWords = {"created", "started", "stopped", "deleted"};
constexpr size_t kSlack = 1000;  // superseded lines that the file may have before it is written anew

std::string LineText(ChangeKind kind, const spec::PodId& pod, const std::optional<spec::ContainerId>& container) {
  const char* word = kWords[static_cast<size_t>(kind)];
  return container.has_value() ? base::StrCat(word, " ", pod.str(), " ", container->str(), "\n")
                               : base::StrCat(word, " ", pod.str(), "\n");
}

}  // namespace

Events::Events(const base::Clock& clock, spec::Layout layout)
    : clock_(clock), layout_(std::move(layout)), path_(layout_.run_dir() + "/told") {
  ReadRecord();
  RewriteRecord();
}

Events::Level Events::LevelOf(const Pod& pod) { return pod.ended.empty() ? Level::kStarted : Level::kStopped; }

Events::Level Events::LevelOf(const Container& container) {
  switch (container.State()) {
    case ContainerState::kCreated:
      return Level::kCreated;
    case ContainerState::kRunning:
      return Level::kStarted;
    case ContainerState::kExited:
      return Level::kStopped;
  }
  return Level::kNone;
}

void Events::Update(const PodPtr& pod) {
  if (!open_ || pod == nullptr || pod->removed) {
    return;
  }
  const Level now = LevelOf(*pod);
  const Level before = told_[pod->id()].level;
  if (before < Level::kCreated) {
    Tell(ChangeKind::kCreated, pod, pod->id(), std::nullopt);
  }
  if (before < Level::kStarted && now == Level::kStarted) {
    Tell(ChangeKind::kStarted, pod, pod->id(), std::nullopt);
  }
  if (before < Level::kStopped && now == Level::kStopped) {
    Tell(ChangeKind::kStopped, pod, pod->id(), std::nullopt);
  }
}

void Events::Update(const PodPtr& pod, const Container& container) {
  if (!open_ || pod == nullptr || container.removed) {
    return;
  }
  const Level now = LevelOf(container);
  const Level before = told_[pod->id()].containers[container.id()];
  if (before < Level::kCreated) {
    Tell(ChangeKind::kCreated, pod, pod->id(), container.id());
  }
  // A start and an end that are seen together are still two events.
  if (before < Level::kStarted && now >= Level::kStarted && container.started.has_value()) {
    Tell(ChangeKind::kStarted, pod, pod->id(), container.id());
  }
  if (before < Level::kStopped && now == Level::kStopped) {
    Tell(ChangeKind::kStopped, pod, pod->id(), container.id());
  }
}

void Events::Deleted(const PodPtr& pod) {
  if (open_ && told_.contains(pod->id())) {
    Tell(ChangeKind::kDeleted, pod, pod->id(), std::nullopt);
  }
}

void Events::Deleted(const PodPtr& pod, const spec::ContainerId& container) {
  if (!open_ || pod == nullptr) {
    return;
  }
  if (const auto told = told_.find(pod->id()); told != told_.end() && told->second.containers.contains(container)) {
    Tell(ChangeKind::kDeleted, pod, pod->id(), container);
  }
}

void Events::Recall(const Pod& pod) {
  if (!has_memory_) {
    const bool stopped = LevelOf(pod) == Level::kStopped;
    const Line line{sequence_, stopped ? ChangeKind::kStopped : ChangeKind::kStarted, pod.id(), std::nullopt};
    Apply(told_, line);
    Note(line);
  }
}

void Events::Recall(const Container& container, bool ended) {
  if (!has_memory_) {
    const ChangeKind kind = ended                           ? ChangeKind::kStopped
                            : container.started.has_value() ? ChangeKind::kStarted
                                                            : ChangeKind::kCreated;
    const Line line{sequence_, kind, container.pod, container.id()};
    Apply(told_, line);
    Note(line);
  }
}

void Events::Reconcile(const Store& store) {
  open_ = true;
  has_memory_ = true;
  for (const auto& [id, pod] : store.pods()) {
    if (told_[id].level == Level::kNone) {
      Update(pod);
    }
    for (const auto& [container_id, container] : pod->containers) {
      Update(pod, *container);
    }
    Update(pod);
  }
  std::vector<Line> gone;
  for (const auto& [id, told] : told_) {
    const PodPtr pod = store.Find(id);
    for (const auto& [container, level] : told.containers) {
      const auto app = spec::AppName::Parse(container.str());
      if (store.Find(container) == nullptr && !(app.ok() && base::Exists(layout_.App(id, *app)))) {
        gone.push_back({0, ChangeKind::kDeleted, id, container});
      }
    }
    if (pod == nullptr && !base::Exists(layout_.Pod(id))) {
      gone.push_back({0, ChangeKind::kDeleted, id, std::nullopt});
    }
  }
  for (const Line& line : gone) {
    Tell(line.kind, store.Find(line.pod), line.pod, line.container);
  }
}

void Events::Apply(Record& record, const Line& line) {
  const auto level = static_cast<Level>(static_cast<uint8_t>(line.kind) + 1);
  if (line.kind != ChangeKind::kDeleted) {
    Told& told = record[line.pod];
    (line.container.has_value() ? told.containers[*line.container] : told.level) = level;
  } else if (!line.container.has_value()) {
    record.erase(line.pod);
  } else if (const auto told = record.find(line.pod); told != record.end()) {
    told->second.containers.erase(*line.container);
  }
}

void Events::Tell(ChangeKind kind, const PodPtr& pod, const spec::PodId& pod_id,
                  std::optional<spec::ContainerId> container) {
  Change change{.sequence = ++sequence_,
                .kind = kind,
                .at = std::max(clock_.RealtimeNanos(), last_at_ + 1),
                .pod_id = pod_id,
                .container = std::move(container),
                .pod = pod};
  last_at_ = change.at;
  const Line line{change.sequence, kind, pod_id, change.container};
  Apply(told_, line);
  if (listener_) {
    outstanding_.push_back(line);
    listener_(change);
  } else {
    Note(line);
  }
}

void Events::Acknowledge(uint64_t sequence) {
  while (!outstanding_.empty() && outstanding_.front().sequence <= sequence) {
    const Line line = std::move(outstanding_.front());
    outstanding_.pop_front();
    Note(line);
  }
}

void Events::Note(const Line& line) {
  Apply(acknowledged_, line);
  const std::string text = LineText(line.kind, line.pod, line.container);
  // A file that cannot be written costs events told twice or not at all after a restart, never more.
  if (file_.valid()) {
    (void)base::WriteAll(file_.get(), text);
  }
  size_t needed = acknowledged_.size();
  for (const auto& [id, told] : acknowledged_) {
    needed += told.containers.size();
  }
  if (++lines_ > needed + kSlack) {
    RewriteRecord();
  }
}

void Events::ReadRecord() {
  const absl::StatusOr<std::string> text = base::ReadFile(path_, size_t{256} << 20);
  if (!text.ok()) {
    if (!absl::IsNotFound(text.status())) {
      base::journal::Warning("What was told of pods before cannot be read", {{"ERROR", text.status()}});
    }
    return;
  }
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  if (lines.front() != kHeader) {
    base::journal::Warning("What was told of pods before is not understood", {{"FILE", path_}});
    return;
  }
  has_memory_ = true;
  for (const std::string& text_of_line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(text_of_line, ' ');
    const auto* const word = std::find(kWords.begin(), kWords.end(), fields[0]);
    if (word == kWords.end() || fields.size() < 2 || fields.size() > 3) {
      continue;  // the header, the end, or a line that a crash has torn
    }
    const auto pod = spec::PodId::Parse(fields[1]);
    std::optional<spec::ContainerId> container;
    if (fields.size() == 3) {
      const auto id = spec::ContainerId::Parse(fields[2]);
      container = id.ok() ? std::optional(*id) : std::nullopt;
    }
    if (pod.ok() && container.has_value() == (fields.size() == 3)) {
      Apply(acknowledged_, {0, static_cast<ChangeKind>(word - kWords.begin()), *pod, container});
    }
  }
  told_ = acknowledged_;
}

void Events::RewriteRecord() {
  std::string text = base::StrCat(kHeader, "\n");
  lines_ = 1;
  const auto add = [&](Level level, const spec::PodId& pod, std::optional<spec::ContainerId> container) {
    if (level != Level::kNone) {
      text += LineText(static_cast<ChangeKind>(static_cast<uint8_t>(level) - 1), pod, container);
      ++lines_;
    }
  };
  for (const auto& [id, told] : acknowledged_) {
    add(told.level, id, std::nullopt);
    for (const auto& [container, level] : told.containers) {
      add(level, id, container);
    }
  }
  file_.Reset();
  absl::Status status = base::MakeDirectories(layout_.run_dir(), 0700);
  if (status.ok()) {
    status = base::WriteFileAtomic(path_, text);
  }
  if (status.ok()) {
    auto file = base::OpenAt(AT_FDCWD, path_, O_WRONLY | O_APPEND);
    status = file.status();
    if (file.ok()) {
      file_ = *std::move(file);
    }
  }
  if (!status.ok()) {
    base::journal::Warning("What is told of pods is not kept: events are lost at a restart", {{"ERROR", status}});
  }
}

}  // namespace rktlet::pods
