// SPDX-License-Identifier: Apache-2.0
// A buffer for reads that is as large as the traffic: it doubles when a read fills it and shrinks when reads are small,
// so that an idle stream keeps little memory and a busy one makes few system calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace rktlet::streaming {

class GrowingBuffer {
 public:
  static constexpr size_t kMin = 2 * 1024;
  static constexpr size_t kMax = 64 * 1024;

  // Valid until Used().
  std::span<char> span() {
    if (data_ == nullptr) {
      data_ = std::make_unique_for_overwrite<char[]>(size_);
    }
    return {data_.get(), size_};
  }

  // What the last read put into it, which is not needed any more.
  void Used(size_t size) {
    const size_t wanted = size == size_ ? size_ * 2 : size < size_ / 8 ? size_ / 2 : size_;
    const size_t next = std::clamp(wanted, kMin, kMax);
    if (next != size_) {
      size_ = next;
      data_.reset();
    }
  }

 private:
  size_t size_ = kMin;
  std::unique_ptr<char[]> data_;
};

}  // namespace rktlet::streaming
