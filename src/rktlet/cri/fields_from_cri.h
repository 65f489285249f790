// SPDX-License-Identifier: Apache-2.0
// The parts that pod and container requests share, from CRI to the project's own terms. InvalidArgument names the field
// that is wrong, Unimplemented the one that is right but not built. `where` is the field's path in the request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "spec/resources.h"
#include "spec/security.h"

namespace rktlet::cri {

absl::Status WrongField(const std::string& field, const std::string& what);
absl::Status UnbuiltField(const std::string& field, const std::string& what);

// CRI's 0 is "not asked for", but of hugepage limits, which name their page size, and of oom_score_adj.
absl::StatusOr<spec::Resources> ResourcesFromCri(const std::string& where,
                                                 const runtime::v1::LinuxContainerResources& resources);

// The profile of the typed field, else that of the older string field ("runtime/default", "docker/default",
// "unconfined", "localhost/<profile>"); nullopt when neither is set.
absl::StatusOr<std::optional<spec::SecurityProfile>> ProfileFromCri(const std::string& where,
                                                                    const runtime::v1::SecurityProfile* profile,
                                                                    const std::string& old_where,
                                                                    const std::string& old_profile);

spec::SelinuxOptions SelinuxFromCri(const runtime::v1::SELinuxOption& options);

absl::StatusOr<spec::NamespaceMode> NamespaceModeFromCri(const std::string& where, runtime::v1::NamespaceMode mode);

// The user namespace that is asked for; nullopt: the node's. What it must look like is for spec::Validate() to say.
absl::StatusOr<std::optional<spec::UserNamespace>> UserNamespaceFromCri(const std::string& where,
                                                                        const runtime::v1::NamespaceOption& options);

std::vector<spec::IdMapping> IdMappingsFromCri(
    const google::protobuf::RepeatedPtrField<runtime::v1::IDMapping>& mappings);

// A user or group id: 0 … 2^32-2.
absl::Status CheckId(const std::string& where, int64_t id);

// Refuses every runtime handler but the one there is.
absl::Status CheckRuntimeHandler(const std::string& where, const std::string& handler);

// "SIGTERM", "SIGRTMIN+3"; "" for SIGNAL_RUNTIME_DEFAULT.
absl::StatusOr<std::string> SignalFromCri(const std::string& where, runtime::v1::Signal signal);
// The reverse; SIGNAL_RUNTIME_DEFAULT for what CRI has no name for.
runtime::v1::Signal SignalToCri(const std::string& name);

}  // namespace rktlet::cri
