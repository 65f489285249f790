// SPDX-License-Identifier: Apache-2.0
// The few things the helper does with files: whole small files in and out, relative to a directory descriptor.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rkt::stage1 {

// Reads at most capacity-1 bytes and terminates them. The number read, or -errno.
int ReadSmallFile(int dir_fd, const char* path, char* buffer, size_t capacity);

// Afterwards `name` holds `data`, whole: temporary name and rename. 0 or an errno.
int WriteFileAtomic(int dir_fd, const char* name, const char* data, size_t size);

// The same, but the first writer wins: EEXIST when `name` is there already.
int WriteFileOnce(int dir_fd, const char* name, const char* data, size_t size);

// One write(2) to an existing file; 0 or an errno.
int WriteExisting(int dir_fd, const char* path, const char* data, size_t size);

bool FileExists(int dir_fd, const char* path);

// Time since the epoch in ns.
int64_t RealtimeNanos();
// CLOCK_MONOTONIC in ms.
int64_t MonotonicMillis();

// The id of this boot without dashes, 32 hex digits; "" when it cannot be read.
void ReadBootId(char (*boot_id)[64]);

// "rkt-helper: <what>: <errno's text>\n" on stderr, which is the unit's journal. error 0: without the text.
void Report(const char* what, const char* about, int error);

}  // namespace rkt::stage1
