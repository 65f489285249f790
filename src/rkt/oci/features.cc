// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/features.h"

#include "base/files.h"
#include "base/strings.h"
#include "rkt/pod/id_mapped_mount.h"
#include "rkt/pod/user_namespace.h"
#include "spec/runtime_handlers.h"

namespace rkt::oci {
namespace {

absl::Status ProbeUserNamespaces(const rktlet::spec::Layout& layout) {
  // Any range does: nobody is ever in it.
  const std::vector<rktlet::spec::IdMapping> ids = {{.container_id = 0, .host_id = 1U << 20, .length = 1U << 16}};
  ASSIGN_OR_RETURN(const rktlet::base::UniqueFd user_namespace, rkt::pod::MakeUserNamespace(ids, ids));
  RETURN_IF_ERROR(rkt::pod::CheckTmpfsMapsIds(user_namespace.get()));
  RETURN_IF_ERROR(rktlet::base::MakeDirectories(layout.Images(), 0700));
  return rkt::pod::CheckMapsIds(layout.Images(), user_namespace.get(), layout.Images());
}

}  // namespace

std::vector<HandlerFeatures> ProbeFeatures(const rktlet::spec::Layout& layout) {
  const absl::Status machine = ProbeUserNamespaces(layout);
  std::vector<HandlerFeatures> handlers;
  for (const char* name : rktlet::spec::kRuntimeHandlers) {
    if (!rktlet::spec::FindRuntimeProgram(name).ok()) {
      continue;
    }
    handlers.push_back({name, rktlet::spec::KnowsUserNamespaces(name)
                                  ? machine
                                  : absl::UnimplementedError(rktlet::base::StrCat(name, " is not used for them"))});
  }
  return handlers;
}

}  // namespace rkt::oci
