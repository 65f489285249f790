// SPDX-License-Identifier: Apache-2.0
// A block of SPDY headers is hard to hit by chance. Here a session's bytes are taken for frames whose blocks are not
// compressed yet.
#pragma once

#include <string>
#include <string_view>

#include "rktlet/spdy/frame_reader.h"
#include "rktlet/spdy/frame_writer.h"
#include "rktlet/spdy/header_block.h"

namespace rktlet::fuzz {

// The same frames, up to the first that is none, with every block compressed.
inline std::string WithCompressedBlocks(std::string_view bytes) {
  namespace spdy = rktlet::spdy;
  spdy::FrameReader reader(64 << 10);
  spdy::HeaderCompressor compressor;
  std::string out;
  while (true) {
    const auto frame = reader.Next(&bytes);
    if (!frame.ok() || !frame->has_value()) {
      return out;
    }
    if (const auto* syn = std::get_if<spdy::SynStreamFrame>(&**frame)) {
      const std::string block = compressor.Compress(syn->block);
      spdy::SynStreamFrame copy = *syn;
      copy.block = block;
      spdy::WriteSynStream(copy, &out);
    } else if (const auto* headers = std::get_if<spdy::HeadersFrame>(&**frame)) {
      const std::string block = compressor.Compress(headers->block);
      spdy::WriteHeaders({headers->stream, headers->fin, block}, &out);
    } else if (const auto* data = std::get_if<spdy::DataFrame>(&**frame)) {
      spdy::WriteData(data->stream, data->data, data->fin, &out);
    } else if (const auto* update = std::get_if<spdy::WindowUpdateFrame>(&**frame)) {
      spdy::WriteWindowUpdate(update->stream, update->delta, &out);
    } else if (const auto* reset = std::get_if<spdy::RstStreamFrame>(&**frame)) {
      spdy::WriteRstStream(reset->stream, static_cast<spdy::ResetStatus>(reset->status), &out);
    } else if (const auto* settings = std::get_if<spdy::SettingsFrame>(&**frame)) {
      spdy::WriteSettings(settings->settings, &out);
    }
  }
}

}  // namespace rktlet::fuzz
