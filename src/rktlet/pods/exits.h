// SPDX-License-Identifier: Apache-2.0
// How the end of a container becomes known: from the unit watcher's event to a record on disk, then to memory and to
// whoever waits. The record comes first; the first one written is the truth.
#pragma once

#include <string>

#include "rktlet/pods/environment.h"

namespace rktlet::pods {

class Exits {
 public:
  explicit Exits(Environment& environment) : env_(environment) {}

  // From now on the container's end is noticed. Before its start with kNew, so that nothing is missed.
  void Follow(const ContainerPtr& container, systemd::UnitWatcher::Expect expect);

  // The container is seen as ended in the way that its directory tells, or else as `otherwise` tells, which is then
  // recorded. What still runs of it is killed. Nothing happens when its end is known already.
  Awaitable<void> Conclude(ContainerPtr container, spec::ExitRecord otherwise);

  // The container has ended as its directory tells already.
  void Adopt(const ContainerPtr& container, spec::ExitRecord exit);

  // What the watcher tells about the container's unit.
  void OnEvent(const ContainerPtr& container, const systemd::UnitEvent& event);

  // A record for a container whose end nobody saw.
  spec::ExitRecord Unknown(const Container& container, const std::string& cause) const;

 private:
  Awaitable<void> ConcludeExit(ContainerPtr container, systemd::UnitEvent event);
  Awaitable<bool> KilledByOom(ContainerPtr container, spec::ExitRecord exit, bool systemd_says_so);
  Awaitable<void> KillLeftovers(ContainerPtr container);
  void Spawn(Awaitable<void> work);

  Environment& env_;
};

}  // namespace rktlet::pods
