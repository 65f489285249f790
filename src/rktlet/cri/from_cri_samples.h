// SPDX-License-Identifier: Apache-2.0
// Requests and a pod for the tests of the translation from CRI.
#pragma once

#include <string>

#include "rktlet/cri/pod_spec_from_cri.h"

namespace rktlet::cri {

namespace v1 = ::runtime::v1;

inline constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
inline constexpr absl::StatusCode kUnbuilt = absl::StatusCode::kUnimplemented;

inline v1::RunPodSandboxRequest PodRequest() {
  v1::RunPodSandboxRequest request;
  v1::PodSandboxConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name("web");
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("u1");
  config.set_hostname("web-0");
  config.set_log_directory("/var/log/pods/x");
  return request;
}

inline v1::CreateContainerRequest ContainerRequest() {
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id("p");
  request.mutable_config()->mutable_metadata()->set_name("main");
  request.mutable_config()->mutable_image()->set_image("busybox");
  return request;
}

inline void AddMapping(google::protobuf::RepeatedPtrField<v1::IDMapping>& mappings, uint32_t host_id = 200'000) {
  v1::IDMapping& mapping = *mappings.Add();
  mapping.set_host_id(host_id);
  mapping.set_length(65'536);
}

inline void SetUserNamespace(v1::UserNamespace& user) {
  user.set_mode(v1::POD);
  AddMapping(*user.mutable_uids());
  AddMapping(*user.mutable_gids());
}

inline spec::PodSpec Pod() {
  spec::PodSpec pod = *PodSpecFromCri(PodRequest(), "rktlet.slice");
  return pod;
}

}  // namespace rktlet::cri
