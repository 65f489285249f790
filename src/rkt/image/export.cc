// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/image/sha256.h"

namespace rkt::image {
namespace {

using nlohmann::json;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

constexpr size_t kBlock = 512;
constexpr uint64_t kOctalLimit = uint64_t{1} << 33;  // eleven octal digits

// A header of the ustar format (pax(1)); a size beyond its digits in the base-256 form that every reader knows.
std::array<char, kBlock> Header(const std::string& name, uint64_t size, bool directory) {
  std::array<char, kBlock> block{};
  char* const begin = block.data();
  std::ranges::copy(name, begin);  // all our names are shorter than the field's 100 bytes
  std::snprintf(begin + 100, 8, "%07o", directory ? 0755U : 0644U);
  std::snprintf(begin + 108, 8, "%07o", 0U);
  std::snprintf(begin + 116, 8, "%07o", 0U);
  if (size < kOctalLimit) {
    std::snprintf(begin + 124, 12, "%011llo", static_cast<unsigned long long>(size));
  } else {
    begin[124] = '\x80';
    for (int i = 0; i < 8; ++i) {
      begin[135 - i] = static_cast<char>(size >> (8 * i));
    }
  }
  std::snprintf(begin + 136, 12, "%011o", 0U);
  begin[156] = directory ? '5' : '0';
  std::ranges::copy(std::string_view("ustar\00000", 8), begin + 257);
  std::memset(begin + 148, ' ', 8);
  unsigned sum = 0;
  for (const char byte : block) {
    sum += static_cast<unsigned char>(byte);
  }
  std::snprintf(begin + 148, 8, "%06o", sum);
  return block;
}

class TarStream {
 public:
  explicit TarStream(int fd) : fd_(fd) {}

  absl::Status Directory(const std::string& name) { return Write(Header(name + "/", 0, true)); }

  absl::Status Text(const std::string& name, const std::string& text) {
    RETURN_IF_ERROR(Write(Header(name, text.size(), false)));
    RETURN_IF_ERROR(rktlet::base::WriteAll(fd_, text));
    return Pad(text.size());
  }

  // A blob, whose digest is checked on the way.
  absl::Status Blob(const Store& store, const std::string& digest) {
    ASSIGN_OR_RETURN(const auto file, rktlet::base::OpenAt(AT_FDCWD, store.BlobPath(digest), O_RDONLY));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) {
      return ErrnoStatus(errno, digest);
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    RETURN_IF_ERROR(Write(Header(StrCat("blobs/sha256/", HexOf(digest)), size, false)));
    std::vector<char> buffer(size_t{1} << 17);
    Sha256 hash;
    uint64_t left = size;
    while (left > 0) {
      const ssize_t got = ::read(file.get(), buffer.data(), std::min<uint64_t>(buffer.size(), left));
      if (got <= 0) {
        return got == 0 ? absl::DataLossError(StrCat(digest, " became shorter")) : ErrnoStatus(errno, digest);
      }
      hash.Update(buffer.data(), static_cast<size_t>(got));
      RETURN_IF_ERROR(rktlet::base::WriteAll(fd_, std::string_view(buffer.data(), static_cast<size_t>(got))));
      left -= static_cast<uint64_t>(got);
    }
    if (const std::string actual = hash.Digest(); actual != digest) {
      return absl::DataLossError(StrCat("the stored ", digest, " is damaged: it has the digest ", actual));
    }
    return Pad(size);
  }

  absl::Status Finish() {
    const std::array<char, 2 * kBlock> end{};
    return rktlet::base::WriteAll(fd_, std::string_view(end.data(), end.size()));
  }

 private:
  absl::Status Write(const std::array<char, kBlock>& block) {
    return rktlet::base::WriteAll(fd_, std::string_view(block.data(), block.size()));
  }
  absl::Status Pad(uint64_t size) {
    const std::string zeros((kBlock - size % kBlock) % kBlock, '\0');
    return rktlet::base::WriteAll(fd_, zeros);
  }

  int fd_;
};

json Index(const ImageRecord& image, const std::string& name, size_t manifest_size) {
  json entry = {{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                {"digest", image.manifest_digest},
                {"size", manifest_size}};
  if (!name.empty()) {
    entry["annotations"] = {{"org.opencontainers.image.ref.name", name}, {"io.containerd.image.name", name}};
  }
  return {{"schemaVersion", 2},
          {"mediaType", "application/vnd.oci.image.index.v1+json"},
          {"manifests", json::array({entry})}};
}

}  // namespace

absl::Status ExportImage(const Store& store, const std::string& id, const std::string& name, int fd) {
  ASSIGN_OR_RETURN(const ImageRecord image, store.Get(id));
  ASSIGN_OR_RETURN(const std::string manifest, store.Manifest(id));
  TarStream tar(fd);
  RETURN_IF_ERROR(tar.Text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  RETURN_IF_ERROR(tar.Text("index.json", Index(image, name, manifest.size()).dump()));
  RETURN_IF_ERROR(tar.Directory("blobs"));
  RETURN_IF_ERROR(tar.Directory("blobs/sha256"));
  std::vector<std::string> blobs = {image.manifest_digest, image.id};
  for (const LayerRecord& layer : image.layers) {
    blobs.push_back(layer.digest);
  }
  std::set<std::string> written;
  for (const std::string& blob : blobs) {
    if (written.insert(blob).second) {
      RETURN_IF_ERROR(tar.Blob(store, blob));
    }
  }
  return tar.Finish();
}

}  // namespace rkt::image
