// SPDX-License-Identifier: Apache-2.0
// Mounts that show the ids of a file system's files as others (mount_setattr(2), MOUNT_ATTR_IDMAP): no file is changed.
// The kernel maps only a mount that was never seen, so each is a copy that is attached nowhere yet.
#pragma once

#include <string>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rkt::pod {

// A copy of the mount of `path` from there on, with those below it if `recursive`.
absl::StatusOr<rktlet::base::UniqueFd> CopyMount(const std::string& path, bool recursive);

// Maps the ids of a copy by a user namespace. FailedPrecondition, with `what` as culprit, when the file system or the
// kernel cannot. Of the mounts below it those are mapped that can be, all or none; the others show their files as
// nobody's.
absl::Status MapIds(const rktlet::base::UniqueFd& mount, bool recursive, int user_namespace, const std::string& what);

// Whether MapIds() would do for `path`. Changes nothing.
absl::Status CheckMapsIds(const std::string& path, int user_namespace, const std::string& what);

// Whether this kernel maps the ids of a tmpfs, as Linux 6.3 and later do: then it can do all else that a pod with a
// user namespace needs (overlays of mapped layers came with 5.19).
absl::Status CheckTmpfsMapsIds(int user_namespace);

}  // namespace rkt::pod
