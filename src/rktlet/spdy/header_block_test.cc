// SPDX-License-Identifier: Apache-2.0
#include "rktlet/spdy/header_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/spdy/dictionary.h"

namespace rktlet::spdy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using namespace std::string_view_literals;

TEST(SpdyDictionary, IsTheOneOfTheDraft) {
  const std::string& dictionary = HeaderDictionary();
  EXPECT_EQ(dictionary.size(), 1423);
  EXPECT_EQ(adler32(adler32(0, nullptr, 0), reinterpret_cast<const Bytef*>(dictionary.data()), dictionary.size()),
            0xe3c6a7c2);
}

TEST(SpdyHeaders, ComeBackAsTheyWere) {
  const Headers headers = {{"streamtype", "error"}, {"empty", ""}, {"several", std::string("a\0b", 3)}};
  const auto parsed = ParseHeaders(FormatHeaders(headers), 3);
  ASSERT_THAT(parsed, base::IsOk());
  EXPECT_EQ(*parsed, headers);
  EXPECT_EQ(FindHeader(*parsed, "streamtype"), "error");
  EXPECT_EQ(FindHeader(*parsed, "several"), "a");
  EXPECT_EQ(FindHeader(*parsed, "none"), "");
}

TEST(SpdyHeaders, MayBeNone) { EXPECT_THAT(*ParseHeaders("\0\0\0\0"sv, 0), IsEmpty()); }

TEST(SpdyHeaders, ThatTheDraftForbidsAreRefused) {
  const auto error = [](std::string_view block) { return ParseHeaders(block, 4).status(); };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(error(""), base::StatusIs(kInvalid, HasSubstr("no count")));
  EXPECT_THAT(error("\0\0\0"sv), base::StatusIs(kInvalid, HasSubstr("no count")));
  EXPECT_THAT(error("\0\0\0\5"sv), base::StatusIs(kInvalid, HasSubstr("5, more than 4")));
  EXPECT_THAT(error("\xff\xff\xff\xff"sv), base::StatusIs(kInvalid, HasSubstr("more than 4")));
  EXPECT_THAT(error("\0\0\0\1"sv), base::StatusIs(kInvalid, HasSubstr("cut within pair 1 of 1")));
  EXPECT_THAT(error("\0\0\0\1\0\0\0\2a"sv), base::StatusIs(kInvalid, HasSubstr("cut")));
  EXPECT_THAT(error("\0\0\0\1\0\0\0\1a\0\0"sv), base::StatusIs(kInvalid, HasSubstr("cut")));
  EXPECT_THAT(error("\0\0\0\1\0\0\0\1a\0\0\0\2b"sv), base::StatusIs(kInvalid, HasSubstr("cut")));
  EXPECT_THAT(error("\0\0\0\1\xff\xff\xff\xff"
                    "a"sv),
              base::StatusIs(kInvalid, HasSubstr("cut")));
  EXPECT_THAT(error("\0\0\0\0x"sv), base::StatusIs(kInvalid, HasSubstr("1 bytes behind")));
  EXPECT_THAT(error(FormatHeaders({{"", "v"}})), base::StatusIs(kInvalid, HasSubstr("name of pair 1")));
  EXPECT_THAT(error(FormatHeaders({{"a", "v"}, {"Upper", "v"}})),
              base::StatusIs(kInvalid, HasSubstr("name of pair 2")));
  EXPECT_THAT(error(FormatHeaders({{std::string("a\0", 2), "v"}})),
              base::StatusIs(kInvalid, HasSubstr("name of pair 1")));
  EXPECT_THAT(error(FormatHeaders({{"a", "v"}, {"a", "w"}})), base::StatusIs(kInvalid, HasSubstr("a is there twice")));
  for (const std::string_view value : {"\0"sv, "\0a"sv, "a\0"sv, "a\0\0b"sv}) {
    EXPECT_THAT(error(FormatHeaders({{"a", std::string(value)}})), base::StatusIs(kInvalid, HasSubstr("empty value")));
  }
}

TEST(SpdyHeaderCompression, KeepsItsStateAcrossBlocks) {
  HeaderCompressor compressor;
  HeaderDecompressor decompressor(4096);
  const std::string block = FormatHeaders({{"x-requestid", "a value that no dictionary holds 0123456789"}});
  const std::string first = compressor.Compress(block);
  const std::string second = compressor.Compress(block);
  EXPECT_LT(second.size(), first.size() / 2);
  EXPECT_EQ(*decompressor.Decompress(first), block);
  EXPECT_EQ(*decompressor.Decompress(second), block);
  // The second alone refers to what was never sent.
  HeaderDecompressor fresh(4096);
  EXPECT_THAT(fresh.Decompress(second), base::StatusCodeIs(absl::StatusCode::kInvalidArgument));
}

TEST(SpdyHeaderCompression, CarriesManyBlocksOfAllSizes) {
  HeaderCompressor compressor;
  HeaderDecompressor decompressor(64 << 10);
  std::string noise;
  uint32_t state = 1;
  for (size_t size : {0, 1, 3, 511, 512, 513, 1023, 1024, 1025, 2048, 5000, 20000, 65536, 7}) {
    while (noise.size() < size) {
      state = state * 1664525 + 1013904223;
      noise.push_back(static_cast<char>(state >> 24));
    }
    noise.resize(size);
    const std::string compressed = compressor.Compress(noise);
    const auto block = decompressor.Decompress(compressed);
    ASSERT_THAT(block, base::IsOk()) << size;
    EXPECT_TRUE(*block == noise) << size;
  }
}

TEST(SpdyHeaderCompression, ReadsWhatTheGoLibraryWrites) {
  HeaderDecompressor decompressor(4096);
  const auto first = decompressor.Decompress(
      "\x78\xf9\xe3\xc6\xa7\xc2\x62\x60\x60\x60\x04\xa7\xb3\x92\xa2\xd4\xc4\x5c\x68\x51\xc2\x9a\x0a\x0a\x68\x00\x00\x00"
      "\x00\xff\xff"sv);
  ASSERT_THAT(first, base::IsOk());
  EXPECT_THAT(*ParseHeaders(*first, 1), ElementsAre(Header{"streamtype", "error"}));
  const auto second = decompressor.Decompress("\xc2\x2e\x55\x5c\x92\x92\x99\x07\x00\x00\x00\xff\xff"sv);
  ASSERT_THAT(second, base::IsOk());
  EXPECT_THAT(*ParseHeaders(*second, 1), ElementsAre(Header{"streamtype", "stdin"}));
}

TEST(SpdyHeaderCompression, StopsABombAtTheLimit) {
  HeaderCompressor compressor;
  const std::string bomb = compressor.Compress(std::string(16 << 20, 'a'));
  EXPECT_LT(bomb.size(), 70000);
  HeaderDecompressor decompressor(64 << 10);
  EXPECT_THAT(decompressor.Decompress(bomb),
              base::StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more than 65536")));
}

TEST(SpdyHeaderCompression, RefusesWhatIsNotItsOwn) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(HeaderDecompressor(100).Decompress("not zlib"), base::StatusCodeIs(kInvalid));
  // zlib with another dictionary.
  EXPECT_THAT(HeaderDecompressor(100).Decompress("\x78\xf9\x01\x02\x03\x04\x62\x60"sv),
              base::StatusIs(kInvalid, HasSubstr("another dictionary")));
  // zlib that ends: an empty final block and its checksum.
  EXPECT_THAT(HeaderDecompressor(100).Decompress("\x78\x9c\x03\x00\x00\x00\x00\x01"sv),
              base::StatusIs(kInvalid, HasSubstr("has an end")));
  // A reserved block type within a good stream.
  EXPECT_THAT(HeaderDecompressor(100).Decompress("\x78\xf9\xe3\xc6\xa7\xc2\x07"sv), base::StatusCodeIs(kInvalid));
}

}  // namespace
}  // namespace rktlet::spdy
