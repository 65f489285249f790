// SPDX-License-Identifier: Apache-2.0
// The names and values of a frame: their uncompressed form, and zlib around it, one state a direction for the whole
// session.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace rktlet::spdy {

struct Header {
  std::string name;   // lower case
  std::string value;  // several values stand apart by a zero byte
  bool operator==(const Header&) const = default;
};

using Headers = std::vector<Header>;

// The (first) value of `name`; empty when there is none.
std::string_view FindHeader(const Headers& headers, std::string_view name);

std::string FormatHeaders(const Headers& headers);

// InvalidArgument for what the draft does not allow: a block that is cut or too long, more than `max_headers`, a name
// that is empty, not in lower case or there twice, a value with an empty part.
absl::StatusOr<Headers> ParseHeaders(std::string_view block, size_t max_headers);

// The sender's half. Nothing secret goes through it (replies have no headers), so what was sent before may show in
// lengths.
class HeaderCompressor {
 public:
  HeaderCompressor();
  ~HeaderCompressor();

  // The block as it goes into the next frame; blocks must be sent in the order in which they were made.
  std::string Compress(std::string_view block);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// The receiver's half.
class HeaderDecompressor {
 public:
  explicit HeaderDecompressor(size_t max_block);
  ~HeaderDecompressor();

  // The block, valid until the next call. InvalidArgument for what is not zlib with SPDY's dictionary,
  // ResourceExhausted for more than `max_block` bytes: both leave no state to go on with.
  absl::StatusOr<std::string_view> Decompress(std::string_view compressed);

 private:
  struct Stream;
  const size_t max_block_;
  std::unique_ptr<Stream> stream_;
  std::string block_;
};

}  // namespace rktlet::spdy
