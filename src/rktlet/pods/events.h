// SPDX-License-Identifier: Apache-2.0
// What happens to pods and containers, told once each, in order, to one listener. Nobody reports an event: whoever
// changes a pod or a container says "look again", and what is new compared with what was told is an event. What was
// told is kept on disk too, so that the first look after a restart of the daemon tells what happened meanwhile.
// Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "rktlet/pods/store.h"
#include "spec/layout.h"

namespace rktlet::pods {

enum class ChangeKind : uint8_t { kCreated, kStarted, kStopped, kDeleted };

struct Change {
  uint64_t sequence = 0;
  ChangeKind kind = ChangeKind::kCreated;
  int64_t at = 0;  // ns since the epoch; later changes have later times
  spec::PodId pod_id;
  std::optional<spec::ContainerId> container;  // absent: the pod itself
  PodPtr pod;  // as it is after the change; of a deleted pod the last that was known, nullptr when nothing is
};

//  kNone ──► kCreated ──► kStarted ──► kStopped ──► (deleted)
//               └──────── start failed ───┘
class Events {
 public:
  // Reads what was told before, from a file below the run directory that is kept up to date from then on. Tells nothing
  // before the first Reconcile(): half a pod is no status.
  Events(const base::Clock& clock, spec::Layout layout);

  using Listener = std::function<void(const Change&)>;
  // Without a listener everything counts as told; with one, only what it acknowledges is told for ever.
  void SetListener(Listener listener) { listener_ = std::move(listener); }

  // Changes up to this one need not be told again after a restart.
  void Acknowledge(uint64_t sequence);

  // Tells what is new about the pod itself; about the container, which is one of the pod's.
  void Update(const PodPtr& pod);
  void Update(const PodPtr& pod, const Container& container);
  // To be called when they are out of the store.
  void Deleted(const PodPtr& pod);
  void Deleted(const PodPtr& pod, const spec::ContainerId& container);

  // At the first look without a memory of what was told (a new boot, a first start): what was found is no news.
  void Recall(const Pod& pod);
  void Recall(const Container& container, bool ended);

  // Tells what is new about everything, and what was told once and is neither in the store nor on disk any more.
  void Reconcile(const Store& store);

 private:
  enum class Level : uint8_t { kNone, kCreated, kStarted, kStopped };
  struct Told {
    Level level = Level::kNone;
    std::map<spec::ContainerId, Level> containers;
  };
  using Record = std::map<spec::PodId, Told>;
  struct Line {
    uint64_t sequence;
    ChangeKind kind;
    spec::PodId pod;
    std::optional<spec::ContainerId> container;
  };

  static Level LevelOf(const Pod& pod);
  static Level LevelOf(const Container& container);
  static void Apply(Record& record, const Line& line);
  void Tell(ChangeKind kind, const PodPtr& pod, const spec::PodId& pod_id, std::optional<spec::ContainerId> container);
  void Note(const Line& line);
  void ReadRecord();
  void RewriteRecord();

  const base::Clock& clock_;
  const spec::Layout layout_;
  const std::string path_;
  Listener listener_;
  bool has_memory_ = false;
  bool open_ = false;  // after the first Reconcile()
  Record told_;
  Record acknowledged_;           // what the file says
  std::deque<Line> outstanding_;  // told and not acknowledged
  uint64_t sequence_ = 0;
  int64_t last_at_ = 0;
  base::UniqueFd file_;
  size_t lines_ = 0;  // in the file
};

}  // namespace rktlet::pods
