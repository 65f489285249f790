// SPDX-License-Identifier: Apache-2.0
// Unix sockets that carry descriptors (unix(7)).
#pragma once

#include <stddef.h>
#include <sys/types.h>

namespace rkt::stage1 {

inline constexpr int kMaxDescriptors = 4;

// Whether the other end is root, or the user we run as.
bool PeerIsAllowed(int fd);

// Sends one packet of two pieces of data with descriptors, without waiting. 0 or an errno.
int SendPacket(int fd, const void* head, size_t head_size, const void* body, size_t body_size, const int* descriptors,
               int count);

// Receives data of no interest with at most one descriptor, *descriptor, -1 for none. recvmsg's result.
ssize_t ReceiveDescriptor(int fd, int* descriptor);

}  // namespace rkt::stage1
