// SPDX-License-Identifier: Apache-2.0
// Who a container's process is: user, group and supplementary groups, by number or by the names in the image's own
// /etc/passwd and /etc/group.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "rkt/oci/runtime_spec.h"
#include "spec/security.h"

namespace rkt::oci {

// Reads a file of the root file system; NotFound when it has none.
using FileReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;

// `image_user`: the image's "user[:group]". What `security` says wins over it, each part by itself as in CRI: a user
// given there replaces the image's user and group. A number needs no entry in passwd; its group is then 0.
// InvalidArgument for a name that is not in the image's files.
absl::StatusOr<ProcessUser> ResolveUser(const rktlet::spec::ContainerSecurity& security, const std::string& image_user,
                                        const FileReader& read);

// The same for "user[:group]" as given to `app exec --user=`, with the groups that the files give the user.
absl::StatusOr<ProcessUser> ResolveUserText(const std::string& text, const FileReader& read);

}  // namespace rkt::oci
