// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/unpack/unpack.h"

#include <locale.h>

#include "base/strings.h"
#include "rkt/image/any_digest.h"
#include "rkt/image/unpack/layer_writer.h"
#include "rkt/image/unpack/tar_reader.h"

namespace rkt::image {
namespace {

// libarchive converts the names of pax headers, which are UTF-8, to the thread's character set.
class Utf8Scope {
 public:
  Utf8Scope() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(::uselocale(locale_)) {}
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;
  ~Utf8Scope() {
    ::uselocale(before_);
    if (locale_ != nullptr) {
      ::freelocale(locale_);
    }
  }

 private:
  locale_t locale_;
  locale_t before_;
};

}  // namespace

absl::StatusOr<UnpackResult> UnpackLayer(int archive_fd, int directory_fd, const std::string& diff_id,
                                         const UnpackLimits& limits) {
  const Utf8Scope utf8;
  TarReader reader(archive_fd, limits);
  LayerWriter writer(directory_fd);
  LayerEntry entry;
  const auto copy = [&reader](int fd) { return reader.CopyContent(fd); };
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(&entry));
    if (!more) {
      break;
    }
    RETURN_IF_ERROR(writer.Add(entry, copy));
  }
  ASSIGN_OR_RETURN(const std::string digest, reader.Finish());
  if (diff_id != kAnyDigest && digest != diff_id) {
    return absl::DataLossError(rktlet::base::StrCat("the content has the digest ", digest, " instead of ", diff_id));
  }
  RETURN_IF_ERROR(writer.Finish());
  return reader.result();
}

}  // namespace rkt::image
