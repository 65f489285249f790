// SPDX-License-Identifier: Apache-2.0
// The part of Store that changes it: adding blobs, layers and images, removing, sweeping. Order of locks: fetch.lock,
// then lock. Order of writes: content, sync, rename into place, and only then images.json.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/image/sha256.h"
#include "rkt/image/store.h"
#include "spec/image_reference.h"

namespace rkt::image {
namespace {

using rktlet::base::ErrnoStatus;
using rktlet::base::FileLock;
using rktlet::base::StrCat;

constexpr char kLayerFile[] = "/layer.json";
constexpr char kNewLayers[] = "/layers/";  // in a work directory

absl::StatusOr<UnpackResult> ReadLayerFile(const std::string& layer) {
  ASSIGN_OR_RETURN(const std::string text, rktlet::base::ReadFile(layer + kLayerFile));
  try {
    const auto document = nlohmann::json::parse(text);
    return UnpackResult{.bytes = document.at("bytes").get<uint64_t>(),
                        .entries = document.at("entries").get<uint64_t>()};
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(StrCat(layer, kLayerFile, ": ", error.what()));
  }
}

absl::Status WriteLayerFile(const std::string& layer, const UnpackResult& result) {
  const nlohmann::json document = {{"bytes", result.bytes}, {"entries", result.entries}};
  return rktlet::base::WriteFileAtomic(layer + kLayerFile, document.dump() + "\n");
}

void AddSorted(std::vector<std::string>& names, const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

// A name means one image: it leaves the others.
void TakeNames(std::vector<ImageRecord>& records, const std::string& owner, const std::vector<std::string>& names) {
  for (ImageRecord& record : records) {
    if (record.id == owner) {
      continue;
    }
    for (auto* list : {&record.tags, &record.digests}) {
      std::erase_if(*list,
                    [&](const auto& name) { return std::find(names.begin(), names.end(), name) != names.end(); });
    }
  }
}

ImageRecord* FindById(std::vector<ImageRecord>& records, std::string_view id) {
  const auto found = std::find_if(records.begin(), records.end(), [&](const auto& record) { return record.id == id; });
  return found == records.end() ? nullptr : &*found;
}

uint64_t SizeOnDisk(const ImageRecord& record, uint64_t config_size) {
  uint64_t size = config_size;
  std::set<std::string> seen;
  for (const LayerRecord& layer : record.layers) {
    if (seen.insert(layer.diff_id).second) {
      size += layer.size + layer.unpacked_size;
    }
  }
  return size;
}

uint64_t FileSize(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

// Why a layer could not be unpacked: an archive that is what was published is itself at fault; one that is not was
// damaged here, and goes, so that it is fetched anew.
absl::Status Blame(const absl::Status& status, const std::string& digest, const std::string& path) {
  const absl::Status named = rktlet::base::Annotate(status, StrCat("layer ", digest));
  if (!absl::IsDataLoss(status)) {
    return named;
  }
  auto actual = DigestOfFile(path);
  if (actual.ok() && *actual == digest) {
    return absl::InvalidArgumentError(StrCat(named.message(), " (refused)"));
  }
  ::unlink(path.c_str());
  return named;
}

}  // namespace

absl::StatusOr<std::set<std::string>> Store::InUse() const {
  return options_.in_use != nullptr ? options_.in_use() : ReadImagesInUse(options_.dir + "/pods");
}

absl::Status Store::AddBlob(const std::string& digest, const std::string& data) {
  if (DigestOf(data) != digest) {
    return absl::InvalidArgumentError(StrCat("a document has the digest ", DigestOf(data), " instead of ", digest));
  }
  return rktlet::base::WriteFileAtomic(BlobPath(digest), data);
}

absl::StatusOr<LayerRecord> Store::AddLayer(const Descriptor& blob, const std::string& diff_id,
                                            const std::string& work_directory, int held_lock_fd) const {
  std::string layer = LayerPath(diff_id);
  const std::string blob_path = BlobPath(blob.digest);
  if (!rktlet::base::Exists(layer)) {
    layer = StrCat(work_directory, kNewLayers, HexOf(diff_id));
  }
  if (!rktlet::base::Exists(layer + kLayerFile)) {
    ASSIGN_OR_RETURN(const auto archive, rktlet::base::OpenAt(AT_FDCWD, blob_path, O_RDONLY));
    RETURN_IF_ERROR(rktlet::base::RemoveTree(layer));
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(layer + "/diff", 0755));
    ASSIGN_OR_RETURN(const auto directory, rktlet::base::OpenDirectory(layer + "/diff"));
    auto unpacked = options_.unpack(archive.get(), directory.get(), diff_id, held_lock_fd);
    if (!unpacked.ok()) {
      return Blame(unpacked.status(), blob.digest, blob_path);
    }
    RETURN_IF_ERROR(WriteLayerFile(layer, *unpacked));
  }
  ASSIGN_OR_RETURN(const UnpackResult result, ReadLayerFile(layer));
  return LayerRecord{.diff_id = diff_id,
                     .digest = blob.digest,
                     .media_type = blob.media_type,
                     .size = FileSize(blob_path),
                     .unpacked_size = result.bytes,
                     .entries = result.entries};
}

// Makes all content last, in one call for all layers and archives, and only then gives the new layers their names.
absl::Status Store::KeepContent(const std::string& work_directory) const {
  ASSIGN_OR_RETURN(const auto root, rktlet::base::OpenDirectory(root_));
  if (::syncfs(root.get()) != 0) {
    return ErrnoStatus(errno, StrCat("sync ", root_));
  }
  const std::string made = work_directory + kNewLayers;
  if (!rktlet::base::Exists(made)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(made));
  for (const std::string& name : names) {
    // Losing the race against another fetch of the same layer is as good as winning it.
    if (::rename(StrCat(made, name).c_str(), StrCat(root_, "/layers/", name).c_str()) != 0 && errno != EEXIST &&
        errno != ENOTEMPTY) {
      return ErrnoStatus(errno, StrCat("keep layer ", name));
    }
  }
  return rktlet::base::SyncDirectory(root_ + "/layers");
}

bool Store::IsComplete(const ImageRecord& record) const {
  return rktlet::base::Exists(BlobPath(record.id)) && rktlet::base::Exists(BlobPath(record.manifest_digest)) &&
         std::all_of(record.layers.begin(), record.layers.end(), [this](const LayerRecord& layer) {
           return rktlet::base::Exists(BlobPath(layer.digest)) && rktlet::base::Exists(LayerPath(layer.diff_id));
         });
}

absl::StatusOr<ImageRecord> Store::Commit(ImageRecord record, const std::string& work_directory) {
  record.import_time = options_.clock->RealtimeNanos();
  record.size = SizeOnDisk(record, FileSize(BlobPath(record.id)));
  RETURN_IF_ERROR(KeepContent(work_directory));
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
    TakeNames(records, record.id, record.tags);
    TakeNames(records, record.id, record.digests);
    if (ImageRecord* known = FindById(records, record.id); known != nullptr) {
      if (!known->removed) {
        record.import_time = known->import_time;
      }
      AddSorted(record.tags, known->tags);
      AddSorted(record.digests, known->digests);
      *known = record;
    } else {
      AddSorted(record.tags, {});
      AddSorted(record.digests, {});
      records.push_back(record);
    }
    RETURN_IF_ERROR(Write(records));
  }
  RETURN_IF_ERROR(Touch(record.id));
  return record;
}

absl::StatusOr<ImageRecord> Store::AddNames(std::string_view digest, const std::vector<std::string>& tags,
                                            const std::vector<std::string>& digests) {
  ImageRecord result;
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
    const auto has = [&](const ImageRecord& record) {
      return !record.removed && std::any_of(record.digests.begin(), record.digests.end(), [&](const auto& name) {
        return name.substr(name.find('@') + 1) == digest;
      });
    };
    const auto found = std::find_if(records.begin(), records.end(), has);
    if (found == records.end() || !IsComplete(*found)) {
      return absl::NotFoundError(StrCat("no image with the digest ", digest, " is in the store"));
    }
    TakeNames(records, found->id, tags);
    TakeNames(records, found->id, digests);
    AddSorted(found->tags, tags);
    AddSorted(found->digests, digests);
    result = *found;
    RETURN_IF_ERROR(Write(records));
  }
  RETURN_IF_ERROR(Touch(result.id));
  return result;
}

absl::StatusOr<ImageRecord> Store::Remove(std::string_view reference, const RemoveOptions& options) {
  ImageRecord removed;
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(removed, Find(reference));
    ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
    ImageRecord* record = FindById(records, removed.id);
    const auto parsed = rktlet::spec::ImageReference::Parse(reference);
    const std::string name = parsed.ok() ? parsed->Name() : std::string(reference);
    const bool by_tag = std::find(record->tags.begin(), record->tags.end(), name) != record->tags.end();
    if (by_tag && record->tags.size() > 1) {
      std::erase(record->tags, name);
      RETURN_IF_ERROR(Write(records));
      return removed;
    }
    ASSIGN_OR_RETURN(const std::set<std::string> in_use, InUse());
    if (in_use.contains(removed.id)) {
      if (!options.force) {
        return absl::FailedPreconditionError(StrCat("image ", removed.Name(), " is in use by a container"));
      }
      record->removed = true;
      record->tags.clear();
      record->digests.clear();
    } else {
      std::erase_if(records, [&](const auto& other) { return other.id == removed.id; });
    }
    RETURN_IF_ERROR(Write(records));
    AgeBlobs(removed);
  }
  RETURN_IF_ERROR(Sweep());
  return removed;
}

absl::StatusOr<GcResult> Store::Gc(int64_t grace_period_nanos) {
  GcResult result;
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
    ASSIGN_OR_RETURN(const std::set<std::string> in_use, InUse());
    const int64_t now = options_.clock->RealtimeNanos();
    std::erase_if(records, [&](ImageRecord& record) {
      ReadUse(record);
      const bool old = !in_use.contains(record.id) && now - record.last_used_time >= grace_period_nanos;
      if (old) {
        result.removed.push_back(record.id);
        AgeBlobs(record);
      }
      return old;
    });
    if (!result.removed.empty()) {
      RETURN_IF_ERROR(Write(records));
    }
  }
  RETURN_IF_ERROR(Sweep(std::min(std::chrono::nanoseconds(grace_period_nanos), kPartialAge)));
  return result;
}

bool Store::IsYoung(const std::string& path, std::chrono::nanoseconds age) const {
  struct stat info {};
  // At the age 0 not even what has a time in the future, of a clock that was set back, is young.
  return age.count() > 0 && ::stat(path.c_str(), &info) == 0 && info.st_mtim.tv_sec != 0 &&
         options_.clock->RealtimeNanos() - (info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec) <
             age.count();
}

// What an image had is no fetch's any more: the next sweep need not keep it for its youth. It is left to the sweep,
// because a fetch under way may have found it here and count on it.
void Store::AgeBlobs(const ImageRecord& gone) const {
  std::vector<std::string> blobs = {gone.id, gone.manifest_digest};
  for (const LayerRecord& layer : gone.layers) {
    blobs.push_back(layer.digest);
  }
  const timespec epoch[2] = {};
  for (const std::string& blob : blobs) {
    ::utimensat(AT_FDCWD, BlobPath(blob).c_str(), epoch, AT_SYMLINK_NOFOLLOW);
  }
}

// Everything in the store that no image names, work in progress aside.
absl::StatusOr<std::vector<std::string>> Store::Unnamed(const std::vector<ImageRecord>& records,
                                                        std::chrono::nanoseconds partial_age) const {
  std::set<std::string> blobs;
  std::set<std::string> layers;
  std::set<std::string> images;
  for (const ImageRecord& record : records) {
    images.emplace(HexOf(record.id));
    blobs.emplace(HexOf(record.id));
    blobs.emplace(HexOf(record.manifest_digest));
    for (const LayerRecord& layer : record.layers) {
      blobs.emplace(HexOf(layer.digest));
      layers.emplace(HexOf(layer.diff_id));
    }
  }
  std::vector<std::string> paths;
  ASSIGN_OR_RETURN(const auto links, rktlet::base::ListDirectory(root_ + "/l"));
  for (const std::string& link : links) {
    const auto layer = layers.lower_bound(link);
    if (layer == layers.end() || !layer->starts_with(link)) {
      paths.push_back(StrCat(root_, "/l/", link));
    }
  }
  const std::pair<const char*, const std::set<std::string>&> folders[] = {
      {"/layers/", layers}, {"/blobs/sha256/", blobs}, {"/used/", images}};
  for (const auto& [folder, wanted] : folders) {
    ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(root_ + folder));
    for (const std::string& name : names) {
      std::string path = StrCat(root_, folder, name);
      if (!wanted.contains(name) && (&wanted != &blobs || !IsYoung(path, partial_age))) {
        paths.push_back(std::move(path));
      }
    }
  }
  ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(root_));
  for (const std::string& name : names) {
    if (name.starts_with(".images.json.")) {  // of a write that was killed, when the lock is ours
      paths.push_back(StrCat(root_, "/", name));
    }
  }
  return paths;
}

// Takes what no image needs out of the store: small files at once, layers into `trash`, which can be emptied without
// the lock.
absl::Status Store::SweepLocked(const std::vector<ImageRecord>& records, std::chrono::nanoseconds partial_age,
                                std::string* trash) const {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, Unnamed(records, partial_age));
  const std::string layers = root_ + "/layers/";
  for (const std::string& path : paths) {
    if (!path.starts_with(layers)) {
      RETURN_IF_ERROR(rktlet::base::RemoveTree(path));
      continue;
    }
    if (trash->empty()) {
      ASSIGN_OR_RETURN(*trash, MakeWorkDirectory());
    }
    if (::rename(path.c_str(), StrCat(*trash, "/", path.substr(layers.size())).c_str()) != 0) {
      return ErrnoStatus(errno, StrCat("remove ", path));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Store::Orphans() const {
  ASSIGN_OR_RETURN(const auto alone, FileLock::TryExclusive(root_ + "/fetch.lock"));
  if (!alone.has_value()) {
    return std::vector<std::string>();
  }
  ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, Read());
  ASSIGN_OR_RETURN(std::vector<std::string> paths, Unnamed(records, std::chrono::nanoseconds(0)));
  ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(root_ + "/tmp"));
  for (const std::string& name : names) {
    paths.push_back(StrCat(root_, "/tmp/", name));
  }
  return paths;
}

absl::StatusOr<bool> Store::Discard(const std::string& image_id, const std::string& path) const {
  std::string trash;
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, Read());
    ASSIGN_OR_RETURN(const std::set<std::string> in_use, InUse());
    // Another image may share what is damaged.
    for (const ImageRecord& record : records) {
      const bool has = record.id == image_id ||
                       std::any_of(record.layers.begin(), record.layers.end(), [&](const LayerRecord& layer) {
                         return path == LayerPath(layer.diff_id) || path == BlobPath(layer.digest);
                       });
      if (has && in_use.contains(record.id)) {
        return false;
      }
    }
    ASSIGN_OR_RETURN(trash, MakeWorkDirectory());
    if (::rename(path.c_str(), (trash + "/damaged").c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, StrCat("remove ", path));
    }
  }
  RETURN_IF_ERROR(rktlet::base::RemoveTree(trash));
  return true;
}

absl::Status Store::Sweep(std::chrono::nanoseconds partial_age) {
  ASSIGN_OR_RETURN(const auto alone, FileLock::TryExclusive(root_ + "/fetch.lock"));
  if (!alone.has_value()) {
    return absl::OkStatus();
  }
  std::string trash;
  {
    ASSIGN_OR_RETURN(const FileLock lock, LockExclusive());
    ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Read());
    const bool any_removed = std::any_of(records.begin(), records.end(), [](const auto& r) { return r.removed; });
    if (any_removed) {
      ASSIGN_OR_RETURN(const std::set<std::string> in_use, InUse());
      if (std::erase_if(records, [&](const auto& r) { return r.removed && !in_use.contains(r.id); }) > 0) {
        RETURN_IF_ERROR(Write(records));
      }
    }
    RETURN_IF_ERROR(SweepLocked(records, partial_age, &trash));
  }
  ASSIGN_OR_RETURN(const auto names, rktlet::base::ListDirectory(root_ + "/tmp"));
  for (const std::string& name : names) {
    RETURN_IF_ERROR(rktlet::base::RemoveTree(StrCat(root_, "/tmp/", name)));
  }
  return absl::OkStatus();
}

}  // namespace rkt::image
