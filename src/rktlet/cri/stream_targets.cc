// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/stream_targets.h"

#include "base/strings.h"

namespace rktlet::cri {

absl::StatusOr<streaming::StdioRequest> StdioOf(const pods::ContainerView& view, const StreamFlags& flags) {
  if (flags.tty && flags.error) {
    return absl::InvalidArgumentError("tty and stderr cannot both be true: a terminal has one output");
  }
  if (!flags.input && !flags.output && !flags.error) {
    return absl::InvalidArgumentError("one of stdin, stdout and stderr must be true");
  }
  if (!view.running) {
    return absl::FailedPreconditionError(base::StrCat("container ", view.container->spec.id.str(), " is not running"));
  }
  streaming::StdioRequest request;
  request.pod = view.pod->spec.id;
  request.app = view.container->spec.app;
  request.tty = flags.tty;
  request.input = flags.input;
  request.output = flags.output;
  request.error = flags.error;
  return request;
}

}  // namespace rktlet::cri
