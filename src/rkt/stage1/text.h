// SPDX-License-Identifier: Apache-2.0
// Text in a caller's buffer, without stdio or allocation: messages, file names and the JSON of records.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rkt::stage1 {

// Appends to a buffer of fixed size; what does not fit is cut and remembered. Always NUL-terminated.
class Text {
 public:
  Text(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) { buffer_[0] = '\0'; }

  Text& Add(const char* text);
  Text& Add(const char* text, size_t size);
  Text& Add(char character) { return Add(&character, 1); }
  Text& AddNumber(int64_t number);
  Text& AddPadded(unsigned number, unsigned digits);  // with leading zeros
  Text& AddJson(const char* text);                    // as a JSON string with its quotes

  const char* data() const { return buffer_; }
  size_t size() const { return size_; }
  bool cut() const { return cut_; }

 private:
  char* buffer_;
  size_t capacity_;
  size_t size_ = 0;
  bool cut_ = false;
};

// A Text with its buffer.
template <size_t kCapacity>
class Line : public Text {
 public:
  Line() : Text(storage_, kCapacity) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

 private:
  char storage_[kCapacity];
};

// A decimal number that is the whole of `text`; false for anything else.
bool ParseNumber(const char* text, int64_t* number);

bool Equal(const char* a, const char* b);
bool StartsWith(const char* text, const char* prefix);

}  // namespace rkt::stage1
