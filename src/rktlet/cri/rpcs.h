// SPDX-License-Identifier: Apache-2.0
// Every RPC that we answer, as a coroutine on the loop, each in a file of its own named for it. The request lives as
// long as the coroutine does, even when the caller has gone. The lists below are the one place that says which RPCs
// exist: the service and the declarations come from them.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/status.h"
#include "cri/v1/api.pb.h"
#include "rktlet/cri/context.h"
#include "rktlet/cri/sink.h"

// clang-format off
#define RKTLET_RUNTIME_RPCS(X) \
  X(Version)                   \
  X(Status)                    \
  X(RuntimeConfig)             \
  X(UpdateRuntimeConfig)       \
  X(RunPodSandbox)             \
  X(StopPodSandbox)            \
  X(RemovePodSandbox)          \
  X(PodSandboxStatus)          \
  X(ListPodSandbox)            \
  X(CreateContainer)           \
  X(StartContainer)            \
  X(StopContainer)             \
  X(RemoveContainer)           \
  X(ListContainers)            \
  X(ContainerStatus)           \
  X(UpdateContainerResources)  \
  X(UpdatePodSandboxResources) \
  X(ReopenContainerLog)        \
  X(CheckpointContainer)       \
  X(CheckpointPod)             \
  X(RestorePod)                \
  X(ExecSync)                  \
  X(Exec)                      \
  X(Attach)                    \
  X(PortForward)               \
  X(ContainerStats)            \
  X(ListContainerStats)        \
  X(PodSandboxStats)           \
  X(ListPodSandboxStats)       \
  X(ListMetricDescriptors)     \
  X(ListPodSandboxMetrics)

#define RKTLET_IMAGE_RPCS(X) \
  X(PullImage)               \
  X(ListImages)              \
  X(ImageStatus)             \
  X(RemoveImage)             \
  X(ImageFsInfo)

// Server streams, with the names of their messages.
#define RKTLET_RUNTIME_STREAMS(X)                                                   \
  X(StreamPodSandboxes, StreamPodSandboxesRequest, StreamPodSandboxesResponse)       \
  X(StreamContainers, StreamContainersRequest, StreamContainersResponse)             \
  X(StreamContainerStats, StreamContainerStatsRequest, StreamContainerStatsResponse) \
  X(StreamPodSandboxStats, StreamPodSandboxStatsRequest, StreamPodSandboxStatsResponse) \
  X(StreamPodSandboxMetrics, StreamPodSandboxMetricsRequest, StreamPodSandboxMetricsResponse) \
  X(GetContainerEvents, GetEventsRequest, ContainerEventResponse)

#define RKTLET_IMAGE_STREAMS(X) X(StreamImages, StreamImagesRequest, StreamImagesResponse)
// clang-format on

namespace rktlet::cri {

namespace v1 = ::runtime::v1;

template <typename T>
using Reply = boost::asio::awaitable<absl::StatusOr<T>>;

#define RKTLET_DECLARE_RPC(name) \
  Reply<v1::name##Response> name(Context& context, engine::Cancellation cancelled, const v1::name##Request& request);
RKTLET_RUNTIME_RPCS(RKTLET_DECLARE_RPC)
RKTLET_IMAGE_RPCS(RKTLET_DECLARE_RPC)
#undef RKTLET_DECLARE_RPC

#define RKTLET_DECLARE_STREAM(name, request_type, response_type)                                    \
  StreamEnd name(Context& context, engine::Cancellation cancelled, const v1::request_type& request, \
                 Sink<v1::response_type>& sink);
RKTLET_RUNTIME_STREAMS(RKTLET_DECLARE_STREAM)
RKTLET_IMAGE_STREAMS(RKTLET_DECLARE_STREAM)
#undef RKTLET_DECLARE_STREAM

}  // namespace rktlet::cri
