// SPDX-License-Identifier: Apache-2.0
// Precompiled for this folder: the generated headers have 61,000 lines, which nobody should read once a file.
#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cri/v1/api.grpc.pb.h"
