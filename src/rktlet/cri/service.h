// SPDX-License-Identifier: Apache-2.0
// The two services of the CRI as gRPC calls them: every RPC of the lists in rpcs.h posted to the loop.
#pragma once

#include "cri/v1/api.grpc.pb.h"
#include "rktlet/cri/call.h"
#include "rktlet/cri/stream.h"

namespace rktlet::cri {

#define RKTLET_SERVE_RPC(name)                                                                                    \
  grpc::ServerUnaryReactor* name(grpc::CallbackServerContext*, const v1::name##Request* request,                  \
                                 v1::name##Response* response) override {                                         \
    return UnaryCall<v1::name##Request, v1::name##Response>::Start(context_, calls_, #name, &::rktlet::cri::name, \
                                                                   *request, response);                           \
  }
#define RKTLET_SERVE_STREAM(name, request_type, response_type)                                                         \
  grpc::ServerWriteReactor<v1::response_type>* name(grpc::CallbackServerContext* call,                                 \
                                                    const v1::request_type* request) override {                        \
    return StreamCall<v1::request_type, v1::response_type>::Start(call, context_, calls_, #name, &::rktlet::cri::name, \
                                                                  *request);                                           \
  }

class RuntimeService final : public v1::RuntimeService::CallbackService {
 public:
  RuntimeService(Context& context, Calls& calls) : context_(context), calls_(calls) {}

  RKTLET_RUNTIME_RPCS(RKTLET_SERVE_RPC)
  RKTLET_RUNTIME_STREAMS(RKTLET_SERVE_STREAM)

 private:
  Context& context_;
  Calls& calls_;
};

class ImageService final : public v1::ImageService::CallbackService {
 public:
  ImageService(Context& context, Calls& calls) : context_(context), calls_(calls) {}

  RKTLET_IMAGE_RPCS(RKTLET_SERVE_RPC)
  RKTLET_IMAGE_STREAMS(RKTLET_SERVE_STREAM)

 private:
  Context& context_;
  Calls& calls_;
};

#undef RKTLET_SERVE_RPC
#undef RKTLET_SERVE_STREAM

}  // namespace rktlet::cri
