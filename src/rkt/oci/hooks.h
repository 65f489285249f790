// SPDX-License-Identifier: Apache-2.0
// The poststart hooks of a container. They are not the OCI runtime's to run, because nobody calls its `start` here: the
// gate opens. A unit is around them that bounds their time.
#pragma once

#include "base/status.h"
#include "spec/layout.h"

namespace rkt::oci {

// Runs them one after the other, in the container's directory; each reads the container's state on its stdin (OCI
// runtime specification, "State"). The first that fails is the end and the error.
absl::Status RunPoststartHooks(const rktlet::spec::Layout& layout, const rktlet::spec::PodId& pod,
                               const rktlet::spec::AppName& app);

}  // namespace rkt::oci
