// SPDX-License-Identifier: Apache-2.0
// A buffer for reads that is as large as the traffic: it doubles when a read fills it and shrinks when reads are small,
// so that an idle stream keeps little memory and a busy one makes few system calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace rktlet::streaming {

// By how much all buffers that share it may be larger than the smallest.
struct BufferBudget {
  const size_t& limit;
  size_t& used;
};

class GrowingBuffer {
 public:
  static constexpr size_t kMin = 2 * 1024;
  static constexpr size_t kMax = 64 * 1024;

  GrowingBuffer() = default;
  explicit GrowingBuffer(BufferBudget budget) : budget_(budget) {}
  ~GrowingBuffer() { Resize(kMin); }
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;

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
    const bool affordable = next <= size_ || !budget_.has_value() || budget_->used + next - size_ <= budget_->limit;
    if (next != size_ && affordable) {
      Resize(next);
    }
  }

 private:
  void Resize(size_t next) {
    if (budget_.has_value()) {
      budget_->used += next - size_;  // modulo 2^64
    }
    size_ = next;
    data_.reset();
  }

  std::optional<BufferBudget> budget_;
  size_t size_ = kMin;
  std::unique_ptr<char[]> data_;
};

}  // namespace rktlet::streaming
