// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/text.h"

#include <string.h>

namespace rkt::stage1 {

Text& Text::Add(const char* text) { return Add(text, strlen(text)); }

Text& Text::Add(const char* text, size_t size) {
  const size_t room = capacity_ - 1 - size_;
  if (size > room) {
    size = room;
    cut_ = true;
  }
  memcpy(buffer_ + size_, text, size);
  size_ += size;
  buffer_[size_] = '\0';
  return *this;
}

Text& Text::AddNumber(int64_t number) {
  char digits[24];
  size_t position = sizeof(digits);
  const bool negative = number < 0;
  uint64_t rest = negative ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  do {
    digits[--position] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (negative) {
    digits[--position] = '-';
  }
  return Add(digits + position, sizeof(digits) - position);
}

Text& Text::AddPadded(unsigned number, unsigned digits) {
  char text[16];
  if (digits > sizeof(text)) {
    digits = sizeof(text);
  }
  for (unsigned position = digits; position > 0; --position) {
    text[position - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return Add(text, digits);
}

Text& Text::AddJson(const char* text) {
  static const char kHex[] = "0123456789abcdef";
  Add('"');
  for (; *text != '\0'; ++text) {
    const unsigned char byte = static_cast<unsigned char>(*text);
    if (byte == '"' || byte == '\\') {
      Add('\\').Add(*text);
    } else if (byte < 0x20 ||
               byte >= 0x7f) {  // bytes that may be no UTF-8 become Latin-1 code points: always valid JSON
      Add("\\u00").Add(kHex[byte >> 4]).Add(kHex[byte & 15]);
    } else {
      Add(*text);
    }
  }
  return Add('"');
}

bool ParseNumber(const char* text, int64_t* number) {
  const bool negative = *text == '-';
  const char* digit = negative ? text + 1 : text;
  if (*digit == '\0') {
    return false;
  }
  int64_t value = 0;
  for (; *digit != '\0'; ++digit) {
    if (*digit < '0' || *digit > '9' || value > INT64_MAX / 10 - 1) {
      return false;
    }
    value = value * 10 + (*digit - '0');
  }
  *number = negative ? -value : value;
  return true;
}

bool Equal(const char* a, const char* b) { return strcmp(a, b) == 0; }

bool StartsWith(const char* text, const char* prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

}  // namespace rkt::stage1
