// SPDX-License-Identifier: Apache-2.0
// From frames to bytes, appended to `*out`. Blocks of headers are given compressed; what is written was checked by
// whoever asks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rktlet/spdy/frames.h"

namespace rktlet::spdy {

void WriteSynStream(const SynStreamFrame& frame, std::string* out);
void WriteSynReply(const SynReplyFrame& frame, std::string* out);
void WriteHeaders(const HeadersFrame& frame, std::string* out);
void WriteRstStream(StreamId stream, ResetStatus status, std::string* out);
void WriteSettings(const std::vector<Setting>& settings, std::string* out);
void WritePing(uint32_t id, std::string* out);
void WriteGoAway(StreamId last_good_stream, GoAwayStatus status, std::string* out);
void WriteWindowUpdate(StreamId stream, uint32_t delta, std::string* out);

// `data` is at most kMaxFrameLength.
void WriteData(StreamId stream, std::string_view data, bool fin, std::string* out);

}  // namespace rktlet::spdy
