// SPDX-License-Identifier: Apache-2.0
// What <new> would declare: the helper is built without libstdc++ and its headers.
#pragma once

#include <stddef.h>

inline void* operator new(size_t, void* place) noexcept { return place; }
