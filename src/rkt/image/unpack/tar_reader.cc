// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/unpack/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"
#include "rkt/image/sha256.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

constexpr size_t kBlockSize = size_t{128} << 10;
constexpr size_t kTarBlock = 512;

struct ReadFree {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};
using ArchivePtr = std::unique_ptr<archive, ReadFree>;

std::string ErrorOf(archive* reader) {
  const char* text = ::archive_error_string(reader);
  return text != nullptr ? text : "damaged";
}

std::string TextOf(const char* text) { return text != nullptr ? text : ""; }

void FillEntry(archive_entry* from, LayerEntry* to) {
  to->path = TextOf(::archive_entry_pathname(from));
  to->type = ::archive_entry_filetype(from);
  to->mode = ::archive_entry_perm(from);
  to->uid = ::archive_entry_uid(from);
  to->gid = ::archive_entry_gid(from);
  to->mtime = {.tv_sec = ::archive_entry_mtime(from), .tv_nsec = ::archive_entry_mtime_nsec(from)};
  to->device = ::archive_entry_rdev(from);
  to->symlink = TextOf(::archive_entry_symlink(from));
  to->hardlink = TextOf(::archive_entry_hardlink(from));
  to->xattrs.clear();
  ::archive_entry_xattr_reset(from);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (::archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
    to->xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
}

}  // namespace

// Two readers in a row: `stream` undoes the compression, `tar` reads what comes out of it.
struct TarReader::State {
  explicit State(const UnpackLimits& given) : limits(given) {}

  UnpackLimits limits;
  ArchivePtr stream;
  ArchivePtr tar;
  bool stream_ended = false;
  bool padded = false;
  Sha256 hash;
  uint64_t stream_bytes = 0;
  UnpackResult result;
  absl::Status failure;  // of the stream, or of opening

  void Open(int archive_fd);
  la_ssize_t ReadStream(const void** block);
  la_ssize_t ReadPadded(const void** block);
  absl::Status FailureOf(archive* reader) const;
};

void TarReader::State::Open(int archive_fd) {
  stream.reset(::archive_read_new());
  tar.reset(::archive_read_new());
  for (archive* reader : {stream.get(), tar.get()}) {
    ::archive_read_support_format_empty(reader);
  }
  ::archive_read_support_format_raw(stream.get());
  ::archive_read_support_filter_gzip(stream.get());
  ::archive_read_support_filter_zstd(stream.get());
  ::archive_read_support_format_tar(tar.get());
  if (::archive_read_open_fd(stream.get(), archive_fd, kBlockSize) != ARCHIVE_OK) {
    failure = absl::DataLossError(ErrorOf(stream.get()));
    return;
  }
  archive_entry* whole = nullptr;
  const int header = ::archive_read_next_header(stream.get(), &whole);
  if (header == ARCHIVE_EOF) {
    stream_ended = true;
  } else if (header != ARCHIVE_OK) {
    failure = absl::DataLossError(ErrorOf(stream.get()));
    return;
  }
  const auto read = [](archive*, void* self, const void** block) {
    return static_cast<State*>(self)->ReadPadded(block);
  };
  if (::archive_read_open(tar.get(), this, nullptr, read, nullptr) != ARCHIVE_OK) {
    failure = FailureOf(tar.get());
  }
}

// What the tar reader sees: the stream, and after its end the zeros that some writers (umoci) leave out: the padding of
// the last block and the mark of the end. The digest tells whether the stream itself is whole.
la_ssize_t TarReader::State::ReadPadded(const void** block) {
  static constexpr std::array<char, 3 * kTarBlock> kZeros = {};
  const la_ssize_t count = ReadStream(block);
  if (count != 0 || padded || stream_bytes == 0) {
    return count;
  }
  padded = true;
  *block = kZeros.data();
  return static_cast<la_ssize_t>(kZeros.size() - stream_bytes % kTarBlock);
}

// The next uncompressed block, hashed and counted; 0 at the end, -1 with `failure` set.
la_ssize_t TarReader::State::ReadStream(const void** block) {
  if (stream_ended || !failure.ok()) {
    return failure.ok() ? 0 : -1;
  }
  size_t size = 0;
  la_int64_t offset = 0;
  const int status = ::archive_read_data_block(stream.get(), block, &size, &offset);
  if (status == ARCHIVE_EOF) {
    stream_ended = true;
    return 0;
  }
  if (status != ARCHIVE_OK) {
    failure = absl::DataLossError(ErrorOf(stream.get()));
    return -1;
  }
  hash.Update(*block, size);
  stream_bytes += size;
  const auto compressed = static_cast<uint64_t>(::archive_filter_bytes(stream.get(), -1));
  if (stream_bytes > limits.max_bytes) {
    failure = absl::DataLossError(StrCat("the layer unpacks to more than ", limits.max_bytes, " bytes"));
  } else if (stream_bytes > limits.ratio_from && stream_bytes / limits.max_ratio > compressed) {
    failure = absl::DataLossError(StrCat("the layer unpacks to more than ", limits.max_ratio, " times its size"));
  }
  return failure.ok() ? static_cast<la_ssize_t>(size) : -1;
}

absl::Status TarReader::State::FailureOf(archive* reader) const {
  return failure.ok() ? absl::DataLossError(ErrorOf(reader)) : failure;
}

TarReader::TarReader(int archive_fd, const UnpackLimits& limits) : state_(std::make_unique<State>(limits)) {
  state_->Open(archive_fd);
}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader& TarReader::operator=(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

const UnpackResult& TarReader::result() const { return state_->result; }

absl::StatusOr<bool> TarReader::Next(LayerEntry* entry) {
  RETURN_IF_ERROR(state_->failure);
  archive_entry* header = nullptr;
  const int status = ::archive_read_next_header(state_->tar.get(), &header);
  if (status == ARCHIVE_EOF) {
    RETURN_IF_ERROR(state_->failure);
    return false;
  }
  // A warning is a name that does not convert or a header that was guessed: no image needs either.
  if (status != ARCHIVE_OK) {
    return state_->FailureOf(state_->tar.get());
  }
  FillEntry(header, entry);
  if (++state_->result.entries > state_->limits.max_entries) {
    return absl::DataLossError(StrCat("the layer has more than ", state_->limits.max_entries, " entries"));
  }
  const la_int64_t size = ::archive_entry_size(header);
  if (size < 0 || static_cast<uint64_t>(size) > state_->limits.max_bytes - state_->result.bytes) {
    return absl::DataLossError(
        StrCat(entry->path, ": the layer unpacks to more than ", state_->limits.max_bytes, " bytes"));
  }
  if (entry->type == S_IFREG && entry->hardlink.empty()) {
    state_->result.bytes += static_cast<uint64_t>(size);
  }
  return true;
}

absl::Status TarReader::CopyContent(int fd) {
  const void* block = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  while (true) {
    const int status = ::archive_read_data_block(state_->tar.get(), &block, &size, &offset);
    if (status == ARCHIVE_EOF) {
      break;
    }
    if (status != ARCHIVE_OK) {
      return state_->FailureOf(state_->tar.get());
    }
    for (size_t done = 0; done < size;) {
      const ssize_t count =
          ::pwrite(fd, static_cast<const char*>(block) + done, size - done, offset + static_cast<la_int64_t>(done));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        return ErrnoStatus(errno, "write");
      }
      done += static_cast<size_t>(count);
    }
  }
  // A hole at the end of a sparse file is no block; `offset` is where the content ends.
  if (::ftruncate(fd, offset + static_cast<la_int64_t>(size)) != 0) {
    return ErrnoStatus(errno, "write");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TarReader::Finish() {
  const void* block = nullptr;
  la_ssize_t count = 0;
  do {
    count = state_->ReadStream(&block);
  } while (count > 0);
  RETURN_IF_ERROR(state_->failure);
  return state_->hash.Digest();
}

}  // namespace rkt::image
