// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/header_block.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_set>

#include "base/strings.h"
#include "rktlet/spdy/dictionary.h"

namespace rktlet::spdy {
namespace {

void Append32(size_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

std::optional<uint32_t> Take32(std::string_view* bytes) {
  if (bytes->size() < 4) {
    return std::nullopt;
  }
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<uint8_t>((*bytes)[i]);
  }
  bytes->remove_prefix(4);
  return value;
}

std::optional<std::string_view> TakeText(std::string_view* bytes) {
  const std::optional<uint32_t> length = Take32(bytes);
  if (!length || *length > bytes->size()) {
    return std::nullopt;
  }
  const std::string_view text = bytes->substr(0, *length);
  bytes->remove_prefix(*length);
  return text;
}

bool IsName(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) { return c == '\0' || (c >= 'A' && c <= 'Z'); });
}

bool IsValue(std::string_view value) {
  return value.empty() || (value.front() != '\0' && value.back() != '\0' &&
                           value.find(std::string_view("\0\0", 2)) == std::string_view::npos);
}

const Bytef* ToBytes(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

// zlib's interface is not const, its behaviour is.
Bytef* ToInput(std::string_view text) { return const_cast<Bytef*>(ToBytes(text)); }

}  // namespace

std::string_view FindHeader(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name == name) {
      return std::string_view(header.value).substr(0, header.value.find('\0'));
    }
  }
  return {};
}

std::string FormatHeaders(const Headers& headers) {
  std::string block;
  Append32(headers.size(), &block);
  for (const Header& header : headers) {
    Append32(header.name.size(), &block);
    block.append(header.name);
    Append32(header.value.size(), &block);
    block.append(header.value);
  }
  return block;
}

absl::StatusOr<Headers> ParseHeaders(std::string_view block, size_t max_headers) {
  const std::optional<uint32_t> count = Take32(&block);
  if (!count) {
    return absl::InvalidArgumentError("headers: no count");
  }
  if (*count > max_headers) {
    return absl::InvalidArgumentError(base::StrCat("headers: ", *count, ", more than ", max_headers));
  }
  Headers headers;
  headers.reserve(*count);
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 0; i < *count; ++i) {
    const std::optional<std::string_view> name = TakeText(&block);
    const std::optional<std::string_view> value = name ? TakeText(&block) : std::nullopt;
    if (!value) {
      return absl::InvalidArgumentError(base::StrCat("headers: cut within pair ", i + 1, " of ", *count));
    }
    if (!IsName(*name)) {
      return absl::InvalidArgumentError(base::StrCat("headers: the name of pair ", i + 1, " is not allowed"));
    }
    if (!names.insert(*name).second) {
      return absl::InvalidArgumentError(base::StrCat("headers: ", *name, " is there twice"));
    }
    if (!IsValue(*value)) {
      return absl::InvalidArgumentError(base::StrCat("headers: ", *name, " has an empty value among several"));
    }
    headers.push_back({std::string(*name), std::string(*value)});
  }
  if (!block.empty()) {
    return absl::InvalidArgumentError(base::StrCat("headers: ", block.size(), " bytes behind the last pair"));
  }
  return headers;
}

struct HeaderCompressor::Stream {
  Stream() {
    // A window of 2 KiB holds the dictionary; with zlib's default a session would cost 256 KiB.
    constexpr int kWindowBits = 11;
    constexpr int kMemoryLevel = 1;
    good = deflateInit2(&zlib, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
    const std::string& dictionary = HeaderDictionary();
    good = good && deflateSetDictionary(&zlib, ToBytes(dictionary), dictionary.size()) == Z_OK;
  }
  ~Stream() { deflateEnd(&zlib); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  z_stream zlib = {};
  bool good = false;
};

HeaderCompressor::HeaderCompressor() = default;
HeaderCompressor::~HeaderCompressor() = default;

std::string HeaderCompressor::Compress(std::string_view block) {
  if (!stream_) {
    stream_ = std::make_unique<Stream>();
    if (!stream_->good) {
      throw std::bad_alloc();  // the one way in which it can fail
    }
  }
  z_stream& zlib = stream_->zlib;
  zlib.next_in = ToInput(block);
  zlib.avail_in = static_cast<uInt>(block.size());
  std::string compressed;
  char chunk[512];
  do {
    zlib.next_out = reinterpret_cast<Bytef*>(chunk);
    zlib.avail_out = sizeof(chunk);
    deflate(&zlib, Z_SYNC_FLUSH);
    compressed.append(chunk, sizeof(chunk) - zlib.avail_out);
  } while (zlib.avail_out == 0);
  return compressed;
}

struct HeaderDecompressor::Stream {
  Stream() { good = inflateInit(&zlib) == Z_OK; }
  ~Stream() { inflateEnd(&zlib); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  z_stream zlib = {};
  bool good = false;
};

HeaderDecompressor::HeaderDecompressor(size_t max_block) : max_block_(max_block) {}
HeaderDecompressor::~HeaderDecompressor() = default;

absl::StatusOr<std::string_view> HeaderDecompressor::Decompress(std::string_view compressed) {
  if (!stream_) {
    stream_ = std::make_unique<Stream>();
    if (!stream_->good) {
      throw std::bad_alloc();
    }
  }
  z_stream& zlib = stream_->zlib;
  zlib.next_in = ToInput(compressed);
  zlib.avail_in = static_cast<uInt>(compressed.size());
  block_.clear();
  char chunk[1024];
  while (true) {
    zlib.next_out = reinterpret_cast<Bytef*>(chunk);
    zlib.avail_out = sizeof(chunk);
    int result = inflate(&zlib, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT) {
      const std::string& dictionary = HeaderDictionary();
      if (inflateSetDictionary(&zlib, ToBytes(dictionary), dictionary.size()) != Z_OK) {
        return absl::InvalidArgumentError("headers: compressed with another dictionary");
      }
      result = inflate(&zlib, Z_SYNC_FLUSH);
    }
    const size_t made = sizeof(chunk) - zlib.avail_out;
    if (block_.size() + made > max_block_) {
      return absl::ResourceExhaustedError(base::StrCat("headers: more than ", max_block_, " bytes"));
    }
    block_.append(chunk, made);
    if (result == Z_BUF_ERROR || (result == Z_OK && zlib.avail_out > 0)) {
      break;  // all that came is inflated
    }
    if (result != Z_OK) {
      return absl::InvalidArgumentError(
          result == Z_STREAM_END ? "headers: the compressed data has an end"
                                 : base::StrCat("headers: ", zlib.msg != nullptr ? zlib.msg : "not compressed"));
    }
  }
  if (zlib.avail_in > 0) {
    return absl::InvalidArgumentError("headers: compressed data that leads nowhere");
  }
  return block_;
}

}  // namespace rktlet::spdy
