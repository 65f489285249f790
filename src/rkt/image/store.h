// SPDX-License-Identifier: Apache-2.0
// The image store below <dir>/images: content-addressed archives and unpacked layers, and images.json that names them.
// What images.json names is complete and synced; all else is work in progress or garbage that Sweep() removes. Any
// number of processes may use it at once: `lock` guards images.json for moments, `fetch.lock` is shared by fetches and
// taken alone by Sweep(). Every process may be killed at any time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "rkt/image/image_record.h"
#include "rkt/image/unpack_layer.h"

namespace rkt::image {

// The ids of images that containers use. Asked with the store locked, so that no container is being added meanwhile.
using ImagesInUse = std::function<absl::StatusOr<std::set<std::string>>()>;

// The lower directories of an image's overlay: short names, topmost first, relative to `base`. Mount from there
// (fchdir), so that 127 of them fit into the page that mount options may take.
struct LowerDirs {
  rktlet::base::UniqueFd base;
  std::string base_path;
  std::vector<std::string> names;
};

struct StoreOptions {
  std::string dir;       // the engine's, such as /var/lib/rkt
  ImagesInUse in_use;    // absent: <dir>/pods is read
  LayerUnpacker unpack;  // absent: the program rkt-unpack
  const rktlet::base::Clock* clock = nullptr;
};

// How long the archives of a fetch that failed are kept for the next try.
inline constexpr std::chrono::nanoseconds kPartialAge = std::chrono::hours(1);

struct RemoveOptions {
  bool force = false;  // in use too: it disappears from lists now, from the disk with its last container
};

struct GcResult {
  std::vector<std::string> removed;  // ids
};

class Store {
 public:
  // Opens the store and makes it when absent.
  static absl::StatusOr<Store> Open(std::string dir);
  static absl::StatusOr<Store> Open(StoreOptions options);

  // Held while a container that uses an image is being added: nothing is removed meanwhile.
  absl::StatusOr<rktlet::base::FileLock> LockShared() const;

  // All images, by import time.
  absl::StatusOr<std::vector<ImageRecord>> List() const;
  // The same with those that were removed by force and are kept for their containers.
  absl::StatusOr<std::vector<ImageRecord>> ListAll() const;
  // By name (normalised), repository digest, id, or a prefix of an id (four digits or more) that only one image has.
  // NotFound `image "X" is not in the store`; FailedPrecondition when a prefix is ambiguous.
  absl::StatusOr<ImageRecord> Find(std::string_view reference) const;
  // By full id, images removed by force too: for containers that use them.
  absl::StatusOr<ImageRecord> Get(const std::string& id) const;
  // The OCI manifest and the configuration, as stored.
  absl::StatusOr<std::string> Manifest(const std::string& id) const;
  absl::StatusOr<std::string> RawConfig(const std::string& id) const;
  absl::StatusOr<ImageConfig> Config(const std::string& id) const;
  absl::StatusOr<image::LowerDirs> LowerDirs(const std::string& id) const;
  // Records that the image was used just now.
  absl::Status Touch(const std::string& id) const;

  // Takes a name away when the image has other tags, and the image with its last one; by id the image with all names.
  // FailedPrecondition when a container uses the image.
  absl::StatusOr<ImageRecord> Remove(std::string_view reference, const RemoveOptions& options = {});
  // Removes images that no container uses and that were not used for `grace_period_nanos`, then sweeps.
  absl::StatusOr<GcResult> Gc(int64_t grace_period_nanos);
  // Removes what images.json does not name, but for archives that are younger than `partial_age`: a fetch that did not
  // come to its end left them, and the next try needs them. Does nothing while a fetch is under way: its end sweeps.
  absl::Status Sweep(std::chrono::nanoseconds partial_age = kPartialAge);

  // For Verify(): see verify.h. What stands in the store and no image names; nothing while a fetch is under way, whose
  // work that may be.
  absl::StatusOr<std::vector<std::string>> Orphans() const;
  // Takes a damaged blob or layer out of the store, unless a container uses the image, or is being added: then false.
  absl::StatusOr<bool> Discard(const std::string& image_id, const std::string& path) const;
  std::string LayerPath(std::string_view diff_id) const;
  absl::StatusOr<UnpackResult> Unpack(int archive_fd, int directory_fd, const std::string& diff_id,
                                      int held_lock_fd) const {
    return options_.unpack(archive_fd, directory_fd, diff_id, held_lock_fd);
  }

  // Whether all of it is there. (Whether it is whole is Verify()'s question.)
  bool IsComplete(const ImageRecord& record) const;

  // For Fetch(): see fetch.h.
  absl::StatusOr<rktlet::base::FileLock> LockForFetch();
  absl::StatusOr<std::string> MakeWorkDirectory() const;
  std::string BlobDirectory() const { return root_ + "/blobs"; }
  std::string BlobPath(std::string_view digest) const;
  // A document whose digest is checked, put where it belongs; it lasts once Commit() is done. InvalidArgument when the
  // digest differs.
  absl::Status AddBlob(const std::string& digest, const std::string& data);
  // Unpacks one layer into the work directory unless the store has it. DataLoss, and the archive removed, when the
  // archive is damaged; InvalidArgument, naming layer, entry and reason, when its content is refused.
  // `held_lock_fd`: the fetch's lock, which outlives us while the layer is being unpacked.
  absl::StatusOr<LayerRecord> AddLayer(const Descriptor& blob, const std::string& diff_id,
                                       const std::string& work_directory, int held_lock_fd = -1) const;
  // Syncs everything, moves the new layers into the store and enters the image; its tags leave the images that had
  // them.
  absl::StatusOr<ImageRecord> Commit(ImageRecord record, const std::string& work_directory);
  // Adds names to the image that has the repository digest ("sha256:…"); NotFound when none has, or parts are missing.
  absl::StatusOr<ImageRecord> AddNames(std::string_view digest, const std::vector<std::string>& tags,
                                       const std::vector<std::string>& digests);

 private:
  explicit Store(StoreOptions options);

  absl::StatusOr<std::vector<ImageRecord>> Read() const;
  absl::Status Write(const std::vector<ImageRecord>& records) const;
  absl::StatusOr<rktlet::base::FileLock> LockExclusive() const;
  absl::StatusOr<std::set<std::string>> InUse() const;
  absl::StatusOr<std::vector<std::string>> Unnamed(const std::vector<ImageRecord>& records,
                                                   std::chrono::nanoseconds partial_age) const;
  absl::Status SweepLocked(const std::vector<ImageRecord>& records, std::chrono::nanoseconds partial_age,
                           std::string* trash) const;
  bool IsYoung(const std::string& path, std::chrono::nanoseconds age) const;
  void AgeBlobs(const ImageRecord& gone) const;
  absl::StatusOr<std::string> LinkName(std::string_view diff_id) const;
  absl::Status KeepContent(const std::string& work_directory) const;
  void ReadUse(ImageRecord& record) const;

  StoreOptions options_;
  std::string root_;  // <dir>/images
  std::shared_ptr<rktlet::base::Clock> own_clock_;
};

// The ids of images that the app.json files below `pods` name, those being written included. A file that cannot be
// parsed still counts with the ids in its text: better an image kept than one pulled from under a container.
absl::StatusOr<std::set<std::string>> ReadImagesInUse(const std::string& pods);

}  // namespace rkt::image
