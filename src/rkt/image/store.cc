// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/strings.h"
#include "rkt/image/sha256.h"
#include "spec/image_reference.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::FileLock;
using rktlet::base::StrCat;

constexpr size_t kRecordsLimit = size_t{256} << 20;
constexpr size_t kShortestLink = 12;
constexpr size_t kShortestPrefix = 4;  // less is more likely a name that is not there than an id

absl::Status NotStored(std::string_view reference) {
  return absl::NotFoundError(StrCat("image \"", reference, "\" is not in the store"));
}

std::string LinkTarget(std::string_view diff_id) { return StrCat("../layers/", HexOf(diff_id), "/diff"); }

}  // namespace

absl::StatusOr<Store> Store::Open(std::string dir) {
  StoreOptions options;
  options.dir = std::move(dir);
  return Open(std::move(options));
}

Store::Store(StoreOptions options)
    : options_(std::move(options)),
      root_(options_.dir + "/images"),
      own_clock_(std::make_shared<rktlet::base::SystemClock>()) {
  if (options_.clock == nullptr) {
    options_.clock = own_clock_.get();
  }
  if (options_.unpack == nullptr) {
    options_.unpack = RunUnpackProgram;
  }
}

absl::StatusOr<Store> Store::Open(StoreOptions options) {
  Store store(std::move(options));
  // The last one made says that the others are there.
  if (!rktlet::base::Exists(store.root_ + "/tmp")) {
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(store.root_, 0700));
    for (const char* name : {"/blobs/sha256", "/layers", "/l", "/used", "/tmp"}) {
      RETURN_IF_ERROR(rktlet::base::MakeDirectories(store.root_ + name, 0700));
    }
  }
  return store;
}

absl::StatusOr<FileLock> Store::LockShared() const { return FileLock::Shared(root_ + "/lock"); }
absl::StatusOr<FileLock> Store::LockExclusive() const { return FileLock::Exclusive(root_ + "/lock"); }

absl::StatusOr<FileLock> Store::LockForFetch() {
  // Nobody else fetches when the lock can be had alone: what is in tmp was left by the killed.
  {
    ASSIGN_OR_RETURN(const auto alone, FileLock::TryExclusive(root_ + "/fetch.lock"));
    if (alone.has_value()) {
      ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(root_ + "/tmp"));
      for (const std::string& name : names) {
        RETURN_IF_ERROR(rktlet::base::RemoveTree(StrCat(root_, "/tmp/", name)));
      }
    }
  }
  return FileLock::Shared(root_ + "/fetch.lock");
}

absl::StatusOr<std::string> Store::MakeWorkDirectory() const {
  std::string path = root_ + "/tmp/work-XXXXXX";
  return ::mkdtemp(path.data()) != nullptr ? absl::StatusOr<std::string>(path)
                                           : ErrnoStatus(errno, StrCat("make ", path));
}

absl::StatusOr<std::vector<ImageRecord>> Store::Read() const {
  const std::string path = root_ + "/images.json";
  auto text = rktlet::base::ReadFile(path, kRecordsLimit);
  if (absl::IsNotFound(text.status())) {
    return std::vector<ImageRecord>();
  }
  RETURN_IF_ERROR(text.status());
  auto records = ParseRecords(*text);
  if (!records.ok()) {
    return rktlet::base::Annotate(records.status(), path);
  }
  return records;
}

absl::Status Store::Write(const std::vector<ImageRecord>& records) const {
  return rktlet::base::WriteFileAtomic(root_ + "/images.json", SerializeRecords(records), 0600,
                                       rktlet::base::Sync::kYes);
}

void Store::ReadUse(ImageRecord& record) const {
  struct stat info {};
  record.last_used_time = record.import_time;
  if (::stat(StrCat(root_, "/used/", HexOf(record.id)).c_str(), &info) == 0) {
    record.last_used_time = info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
  }
}

absl::Status Store::Touch(const std::string& id) const {
  if (!rktlet::spec::IsSha256Digest(id)) {
    return absl::InvalidArgumentError(StrCat("\"", id, "\" is not an image id"));
  }
  const int64_t now = options_.clock->RealtimeNanos();
  ASSIGN_OR_RETURN(const auto file, rktlet::base::OpenAt(AT_FDCWD, StrCat(root_, "/used/", HexOf(id)),
                                                         O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  const timespec at = {.tv_sec = now / 1'000'000'000, .tv_nsec = now % 1'000'000'000};
  const timespec times[2] = {at, at};
  return ::futimens(file.get(), times) == 0 ? absl::OkStatus() : ErrnoStatus(errno, "record the use of an image");
}

absl::StatusOr<std::vector<ImageRecord>> Store::List() const {
  ASSIGN_OR_RETURN(std::vector<ImageRecord> records, ListAll());
  std::erase_if(records, [](const ImageRecord& record) { return record.removed; });
  return records;
}

absl::StatusOr<std::vector<ImageRecord>> Store::ListAll() const {
  ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
  for (ImageRecord& record : records) {
    ReadUse(record);
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const ImageRecord& a, const ImageRecord& b) { return a.import_time < b.import_time; });
  return records;
}

absl::StatusOr<ImageRecord> Store::Get(const std::string& id) const {
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, Read());
  for (const ImageRecord& record : records) {
    if (record.id == id) {
      ImageRecord found = record;
      ReadUse(found);
      return found;
    }
  }
  return NotStored(id);
}

absl::StatusOr<ImageRecord> Store::Find(std::string_view reference) const {
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, List());
  if (reference.starts_with("docker://")) {
    reference.remove_prefix(9);
  }
  if (const auto parsed = rktlet::spec::ImageReference::Parse(reference); parsed.ok()) {
    const std::string name = parsed->Name();
    for (const ImageRecord& record : records) {
      for (const auto* names : {&record.tags, &record.digests}) {
        if (std::find(names->begin(), names->end(), name) != names->end()) {
          return record;
        }
      }
    }
  } else if (!rktlet::spec::IsImageIdPrefix(reference)) {
    // Names that are not references: oci:DIR:NAME keeps what the layout says.
    for (const ImageRecord& record : records) {
      if (std::find(record.tags.begin(), record.tags.end(), reference) != record.tags.end()) {
        return record;
      }
    }
    return parsed.status();
  }
  if (!rktlet::spec::IsImageIdPrefix(reference) || reference.size() < kShortestPrefix) {
    return NotStored(reference);
  }
  const std::string prefix = StrCat("sha256:", HexOf(reference));
  const ImageRecord* found = nullptr;
  for (const ImageRecord& record : records) {
    if (record.id.starts_with(prefix)) {
      if (found != nullptr) {
        return absl::FailedPreconditionError(StrCat("ambiguous image id \"", reference, "\""));
      }
      found = &record;
    }
  }
  return found != nullptr ? absl::StatusOr<ImageRecord>(*found) : NotStored(reference);
}

std::string Store::BlobPath(std::string_view digest) const { return StrCat(root_, "/blobs/sha256/", HexOf(digest)); }
std::string Store::LayerPath(std::string_view diff_id) const { return StrCat(root_, "/layers/", HexOf(diff_id)); }

absl::StatusOr<std::string> Store::Manifest(const std::string& id) const {
  ASSIGN_OR_RETURN(const ImageRecord record, Get(id));
  return rktlet::base::ReadFile(BlobPath(record.manifest_digest));
}

absl::StatusOr<std::string> Store::RawConfig(const std::string& id) const {
  if (!rktlet::spec::IsSha256Digest(id)) {
    return absl::InvalidArgumentError(StrCat("\"", id, "\" is not an image id"));
  }
  auto text = rktlet::base::ReadFile(BlobPath(id));
  return absl::IsNotFound(text.status()) ? NotStored(id) : text;
}

absl::StatusOr<ImageConfig> Store::Config(const std::string& id) const {
  ASSIGN_OR_RETURN(const std::string text, RawConfig(id));
  return ParseImageConfig(text);
}

// Makes the short name of a layer: as many digits as tell it from the others.
absl::StatusOr<std::string> Store::LinkName(std::string_view diff_id) const {
  const std::string target = LinkTarget(diff_id);
  const std::string_view hex = HexOf(diff_id);
  for (size_t size = kShortestLink; size <= hex.size(); size += 4) {
    const std::string name(hex.substr(0, size));
    const std::string path = StrCat(root_, "/l/", name);
    if (::symlink(target.c_str(), path.c_str()) == 0) {
      return name;
    }
    if (errno != EEXIST) {
      return ErrnoStatus(errno, StrCat("link ", path));
    }
    std::array<char, PATH_MAX> buffer{};
    const ssize_t length = ::readlink(path.c_str(), buffer.data(), buffer.size());
    if (length > 0 && std::string_view(buffer.data(), static_cast<size_t>(length)) == target) {
      return name;
    }
  }
  return absl::InternalError(StrCat("layer ", diff_id, ": no short name"));
}

absl::StatusOr<image::LowerDirs> Store::LowerDirs(const std::string& id) const {
  ASSIGN_OR_RETURN(const ImageRecord record, Get(id));
  image::LowerDirs result;
  result.base_path = root_ + "/l";
  ASSIGN_OR_RETURN(result.base, rktlet::base::OpenDirectory(result.base_path));
  std::set<std::string> seen;
  for (auto layer = record.layers.rbegin(); layer != record.layers.rend(); ++layer) {
    // Overlay refuses the same directory twice; the upper one hides all that the lower one would show.
    if (!seen.insert(layer->diff_id).second) {
      continue;
    }
    if (!rktlet::base::Exists(LayerPath(layer->diff_id) + "/diff")) {
      return absl::DataLossError(StrCat("image ", id, ": layer ", layer->diff_id, " is missing: fetch it again"));
    }
    ASSIGN_OR_RETURN(std::string name, LinkName(layer->diff_id));
    result.names.push_back(std::move(name));
  }
  return result;
}

}  // namespace rkt::image
