// SPDX-License-Identifier: Apache-2.0
// How errors travel: absl::Status and StatusOr, whose codes are gRPC's. Macros to pass them up, and the two ways to
// make one: from an errno and by adding context to another.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RKTLET_CONCAT_INNER(a, b) a##b
#define RKTLET_CONCAT(a, b) RKTLET_CONCAT_INNER(a, b)

// Returns the status of `expr` from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expr)                             \
  do {                                                    \
    if (::absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                     \
    }                                                     \
  } while (false)

// Assigns the value of the StatusOr `expr` to `lhs` (which may declare a variable), or returns its status.
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL(RKTLET_CONCAT(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                          \
  if (!statusor.ok()) {                            \
    return std::move(statusor).status();           \
  }                                                \
  lhs = *std::move(statusor)

// The same inside a coroutine. `expr` may hold a co_await, whose arguments must not be temporaries with destructors
// (GCC 12 destroys them twice): name them first.
#define CO_RETURN_IF_ERROR(expr)     \
  do {                               \
    ::absl::Status status_ = (expr); \
    if (!status_.ok()) {             \
      co_return status_;             \
    }                                \
  } while (false)

#define CO_ASSIGN_OR_RETURN(lhs, expr) CO_ASSIGN_OR_RETURN_IMPL(RKTLET_CONCAT(status_or_, __LINE__), lhs, expr)
#define CO_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expr) \
  auto statusor = (expr);                             \
  if (!statusor.ok()) {                               \
    co_return std::move(statusor).status();           \
  }                                                   \
  lhs = *std::move(statusor)

namespace rktlet::base {

// The status for errno `error`, with the message "<what>: <strerror>". Codes: ENOENT/ENOTDIR NotFound, EEXIST
// AlreadyExists, EACCES/EPERM PermissionDenied, ENOSPC/EDQUOT/ENOMEM/EMFILE ResourceExhausted, ETIMEDOUT
// DeadlineExceeded, EINVAL/ENAMETOOLONG/ELOOP InvalidArgument, EBUSY FailedPrecondition, else Internal.
absl::Status ErrnoStatus(int error, std::string_view what);

// `status` with "<context>: " before its message; the code stays, and OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

}  // namespace rktlet::base
