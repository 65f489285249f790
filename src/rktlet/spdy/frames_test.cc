// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"
#include "base/strings.h"
#include "rktlet/spdy/frame_reader.h"
#include "rktlet/spdy/frame_writer.h"
#include "rktlet/spdy/test_peer.h"

namespace rktlet::spdy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Bytes(std::initializer_list<int> values) { return {values.begin(), values.end()}; }

absl::Status ReadError(std::string_view bytes, size_t max_control_payload = 1024) {
  FrameReader reader(max_control_payload);
  while (true) {
    const absl::StatusOr<std::optional<Frame>> frame = reader.Next(&bytes);
    if (!frame.ok()) {
      return frame.status();
    }
    if (!*frame) {
      return absl::OkStatus();
    }
  }
}

TEST(SpdyFrames, AreWrittenAsTheDraftDrawsThem) {
  std::string out;
  WriteSynStream({.stream = 0x01020304, .associated = 5, .priority = 6, .fin = true, .block = "b"}, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 1, 1, 0, 0, 11, 1, 2, 3, 4, 0, 0, 0, 5, 0xc0, 0, 'b'}));
  out.clear();
  WriteSynReply({.stream = 3, .block = "xy"}, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0, 3, 'x', 'y'}));
  out.clear();
  WriteRstStream(3, ResetStatus::kCancel, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, 5}));
  out.clear();
  WriteSettings({{.flags = 1, .id = 7, .value = 256}}, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 4, 0, 0, 0, 12, 0, 0, 0, 1, 1, 0, 0, 7, 0, 0, 1, 0}));
  out.clear();
  WritePing(9, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 9}));
  out.clear();
  WriteGoAway(7, GoAwayStatus::kProtocolError, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 1}));
  out.clear();
  WriteHeaders({.stream = 1, .fin = true, .block = "h"}, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 8, 1, 0, 0, 5, 0, 0, 0, 1, 'h'}));
  out.clear();
  WriteWindowUpdate(1, 0x7fffffff, &out);
  EXPECT_EQ(out, Bytes({0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff}));
  out.clear();
  WriteData(1, "ab", true, &out);
  EXPECT_EQ(out, Bytes({0, 0, 0, 1, 1, 0, 0, 2, 'a', 'b'}));
}

TEST(SpdyFrames, AreReadAlikeHoweverTheyAreCut) {
  std::string bytes;
  WriteSynStream({.stream = 1, .priority = 3, .unidirectional = true, .block = "block"}, &bytes);
  WriteData(1, "some data", false, &bytes);
  WriteSettings({{.id = 7, .value = 1}, {.id = 4, .value = 2}}, &bytes);
  WriteData(1, "", true, &bytes);
  WriteGoAway(1, GoAwayStatus::kOk, &bytes);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (const size_t step : {size_t{1}, bytes.size()}) {
      FrameReader reader(1024);
      std::string data;
      std::string log;
      for (size_t at = 0; at < bytes.size();) {
        const size_t size = std::min(at == 0 && first > 0 ? first : step, bytes.size() - at);
        // A buffer of its own for each piece, so that a sanitizer sees views that are kept too long.
        const std::string piece = bytes.substr(at, size);
        std::string_view input = piece;
        at += size;
        while (true) {
          const auto frame = reader.Next(&input);
          ASSERT_THAT(frame, base::IsOk());
          if (!*frame) {
            break;
          }
          if (const auto* syn = std::get_if<SynStreamFrame>(&**frame)) {
            log += base::StrCat("syn ", syn->stream, " ", int{syn->priority}, " ", syn->unidirectional, " ", syn->block,
                                "\n");
          } else if (const auto* settings = std::get_if<SettingsFrame>(&**frame)) {
            log += base::StrCat("settings ", settings->settings.size(), " ", settings->settings[1].value, "\n");
          } else if (const auto* part = std::get_if<DataFrame>(&**frame)) {
            data += part->data;
            log += part->begin ? "begin\n" : "";
            log += part->fin ? "fin\n" : "";
          } else if (const auto* goaway = std::get_if<GoAwayFrame>(&**frame)) {
            log += base::StrCat("goaway ", goaway->last_good_stream, "\n");
          }
        }
        EXPECT_TRUE(input.empty());
      }
      EXPECT_EQ(data, "some data");
      EXPECT_EQ(log, "syn 1 3 1 block\nbegin\nsettings 2 2\nbegin\nfin\ngoaway 1\n");
    }
  }
}

TEST(SpdyFrames, OfUnknownTypesAreSkipped) {
  const std::string bytes = Peer::Control(3, 5, 0xff, "noop") + Peer::Control(3, 10, 0, "credential") +
                            Peer::Control(3, 4711, 1, std::string(100000, 'x')) + Peer::Ping(1);
  std::vector<std::string> storage;
  EXPECT_THAT(ReadFrames(bytes, &storage), ElementsAre(::testing::VariantWith<PingFrame>(::testing::_)));
}

TEST(SpdyFrames, TheirFirstBitOfAStreamIsNoPartOfIt) {
  std::vector<std::string> storage;
  const std::vector<Frame> frames = ReadFrames(Peer::Control(3, 9, 0, Bytes({0x80, 0, 0, 1, 0x80, 0, 0, 2})), &storage);
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(std::get<WindowUpdateFrame>(frames[0]).stream, 1);
  EXPECT_EQ(std::get<WindowUpdateFrame>(frames[0]).delta, 2);
}

TEST(SpdyFrames, OfWrongLengthAreErrors) {
  const std::string nine(9, '\1');
  for (const int type : {3, 7, 9}) {
    EXPECT_THAT(ReadError(Peer::Control(3, type, 0, nine)),
                base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("length 9")));
    EXPECT_THAT(ReadError(Peer::Control(3, type, 0, nine.substr(2))),
                base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("length 7")));
  }
  EXPECT_THAT(ReadError(Peer::Control(3, 6, 0, nine)),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("PING: length 9")));
  EXPECT_THAT(ReadError(Peer::Control(3, 6, 0, "")),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("PING: length 0")));
  EXPECT_THAT(ReadError(Peer::Control(3, 1, 0, nine)),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SYN_STREAM: length 9")));
  EXPECT_THAT(ReadError(Peer::Control(3, 2, 0, "abc")),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SYN_REPLY: length 3")));
  EXPECT_THAT(ReadError(Peer::Control(3, 8, 0, "abc")),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HEADERS: length 3")));
  EXPECT_THAT(ReadError(Peer::Control(3, 4, 0, "abc")),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("SETTINGS: length 3")));
  for (const int count : {1, 3, 0xffff}) {
    EXPECT_THAT(ReadError(Peer::Control(3, 4, 0, Bytes({0, 0, count >> 8, count & 0xff}) + std::string(16, '\0'))),
                base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("do not fit 20 bytes")));
  }
  // 0x20000002 entries of eight bytes overflow 32 bits to the right length.
  EXPECT_THAT(ReadError(Peer::Control(3, 4, 0, Bytes({0x20, 0, 0, 2}) + std::string(16, '\0'))),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("do not fit")));
}

TEST(SpdyFrames, WithUnknownFlagsAreErrors) {
  for (const int type : {1, 2, 3, 4, 6, 7, 8, 9}) {
    const std::string payload(type == 6 ? 4 : type == 4 ? 4 : type == 1 ? 10 : 8, '\0');
    EXPECT_THAT(ReadError(Peer::Control(3, type, 0x80, payload)),
                base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown flags 128")))
        << type;
  }
  EXPECT_THAT(ReadError(Bytes({0, 0, 0, 1, 2, 0, 0, 0})),
              base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown flags 2")));
}

TEST(SpdyFrames, OfStreamZeroCarryNoData) {
  EXPECT_THAT(ReadError(Peer::Data(0, "x")), base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("stream 0")));
}

TEST(SpdyFrames, OfAnotherVersionAreErrors) {
  for (const int type : {1, 2, 3, 4, 6, 7, 8, 9, 4711}) {
    const std::string payload(type == 6 || type == 4 ? 4 : type == 1 ? 10 : 8, '\0');
    EXPECT_THAT(ReadError(Peer::Control(2, type, 0, payload)),
                base::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version 2")))
        << type;
  }
}

TEST(SpdyFrames, LargerThanTheLimitAreErrorsBeforeTheyAreGathered) {
  const std::string header = Peer::Control(3, 8, 0, std::string(1025, 'x')).substr(0, kFrameHeaderSize);
  EXPECT_THAT(ReadError(header),
              base::StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("HEADERS: 1025 bytes, more than 1024")));
}

}  // namespace
}  // namespace rktlet::spdy
