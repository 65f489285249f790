// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>

#include "base/strings.h"
#include "rkt/image/sha256.h"
#include "rkt/image/tree_compare.h"

namespace rkt::image {
namespace {

using rktlet::base::StrCat;

constexpr size_t kDifferences = 10;  // of a layer, at most: more would say nothing new

class Verifier {
 public:
  Verifier(const Store& store, const VerifyOptions& options, std::string work, int lock_fd)
      : store_(store), options_(options), work_(std::move(work)), lock_fd_(lock_fd) {}

  absl::StatusOr<ImageReport> Check(const ImageRecord& image) {
    ImageReport report{.image = image, .damage = {}};
    const bool manifest_whole = CheckBlob("manifest", image.manifest_digest, report);
    const bool config_whole = CheckBlob("configuration", image.id, report);
    if (manifest_whole && config_whole) {
      CheckDocuments(image, report);
    }
    for (const LayerRecord& layer : image.layers) {
      const bool archive_whole = CheckBlob("archive", layer.digest, report);
      ASSIGN_OR_RETURN(const std::vector<std::string>* const wrong, CheckLayer(layer, archive_whole));
      for (const std::string& what : *wrong) {
        report.damage.push_back({"layer", layer.diff_id, store_.LayerPath(layer.diff_id), what});
      }
    }
    return report;
  }

 private:
  bool CheckBlob(const char* part, const std::string& digest, ImageReport& report) {
    auto known = blobs_.find(digest);
    if (known == blobs_.end()) {
      std::string what;
      if (const auto actual = DigestOfFile(store_.BlobPath(digest)); !actual.ok()) {
        what = absl::IsNotFound(actual.status()) ? "is missing" : std::string(actual.status().message());
      } else if (*actual != digest) {
        what = StrCat("has the digest ", *actual);
      }
      known = blobs_.emplace(digest, what).first;
    }
    if (!known->second.empty()) {
      report.damage.push_back({part, digest, store_.BlobPath(digest), known->second});
    }
    return known->second.empty();
  }

  // Whether the documents name what the record says. They are what their digests say, so images.json is wrong if not.
  void CheckDocuments(const ImageRecord& image, ImageReport& report) const {
    const auto say = [&](std::string_view what) {
      report.damage.push_back(
          {"manifest", image.manifest_digest, store_.BlobPath(image.manifest_digest), std::string(what)});
    };
    const auto manifest_text = store_.Manifest(image.id);
    const auto manifest = manifest_text.ok() ? ParseImageManifest(*manifest_text) : manifest_text.status();
    const auto config = store_.Config(image.id);
    if (!manifest.ok() || !config.ok()) {
      say(std::string((manifest.ok() ? config.status() : manifest.status()).message()));
      return;
    }
    bool same = manifest->config.digest == image.id && manifest->layers.size() == image.layers.size() &&
                config->diff_ids.size() == image.layers.size();
    for (size_t i = 0; same && i < image.layers.size(); ++i) {
      same = manifest->layers[i].digest == image.layers[i].digest && config->diff_ids[i] == image.layers[i].diff_id;
    }
    if (!same) {
      say("names other layers than images.json");
    }
  }

  absl::StatusOr<const std::vector<std::string>*> CheckLayer(const LayerRecord& layer, bool archive_whole) {
    if (const auto known = layers_.find(layer.diff_id); known != layers_.end()) {
      return &known->second;
    }
    options_.on_layer(layer.diff_id);
    std::vector<std::string> wrong;
    const std::string path = store_.LayerPath(layer.diff_id);
    const auto actual = rktlet::base::OpenDirectory(path + "/diff");
    if (!actual.ok()) {
      wrong.push_back(absl::IsNotFound(actual.status()) ? "is missing" : std::string(actual.status().message()));
    } else {
      if (!rktlet::base::Exists(path + "/layer.json")) {
        wrong.emplace_back("layer.json is missing");
      }
      if (archive_whole) {
        ASSIGN_OR_RETURN(const auto differences, CompareWithArchive(layer, actual->get()));
        wrong.insert(wrong.end(), differences.begin(), differences.end());
      } else {
        wrong.emplace_back("cannot be compared: its archive is damaged");
      }
    }
    return &layers_.emplace(layer.diff_id, std::move(wrong)).first->second;
  }

  absl::StatusOr<std::vector<std::string>> CompareWithArchive(const LayerRecord& layer, int actual) const {
    const std::string fresh = work_ + "/layer";
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(fresh, 0755));
    ASSIGN_OR_RETURN(const auto directory, rktlet::base::OpenDirectory(fresh));
    ASSIGN_OR_RETURN(const auto archive, rktlet::base::OpenAt(AT_FDCWD, store_.BlobPath(layer.digest), O_RDONLY));
    const auto unpacked = store_.Unpack(archive.get(), directory.get(), layer.diff_id, lock_fd_);
    RETURN_IF_ERROR(rktlet::base::Annotate(unpacked.status(), StrCat("layer ", layer.diff_id)));
    ASSIGN_OR_RETURN(auto differences, CompareTrees(directory.get(), actual, kDifferences));
    RETURN_IF_ERROR(rktlet::base::RemoveTree(fresh));
    return differences;
  }

  const Store& store_;
  const VerifyOptions& options_;
  std::string work_;
  int lock_fd_;
  std::map<std::string, std::string> blobs_;                // digest → what is wrong
  std::map<std::string, std::vector<std::string>> layers_;  // diff id → what is wrong
};

absl::StatusOr<std::vector<ImageRecord>> Chosen(const Store& store, const std::vector<std::string>& references) {
  if (references.empty()) {
    return store.ListAll();
  }
  std::vector<ImageRecord> images;
  for (const std::string& reference : references) {
    ASSIGN_OR_RETURN(ImageRecord image, store.Find(reference));
    images.push_back(std::move(image));
  }
  return images;
}

absl::StatusOr<std::vector<ImageReport>> CheckAll(Store& store, const std::vector<ImageRecord>& images,
                                                  const VerifyOptions& options) {
  ASSIGN_OR_RETURN(const auto lock, store.LockForFetch());  // nothing is swept meanwhile
  ASSIGN_OR_RETURN(const std::string work, store.MakeWorkDirectory());
  Verifier verifier(store, options, work, lock.fd());
  std::vector<ImageReport> reports;
  absl::Status status;
  for (const ImageRecord& image : images) {
    auto report = verifier.Check(image);
    if (!report.ok()) {
      status = report.status();
      break;
    }
    // Removed while it was looked at: what is missing is no damage.
    if (!report->damage.empty() && absl::IsNotFound(store.Get(image.id).status())) {
      continue;
    }
    reports.push_back(*std::move(report));
  }
  const absl::Status removed = rktlet::base::RemoveTree(work);
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(removed);
  return reports;
}

}  // namespace

absl::StatusOr<VerifyReport> Verify(Store& store, const std::vector<std::string>& references,
                                    const VerifyOptions& options) {
  VerifyReport report;
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> images, Chosen(store, references));
  if (references.empty()) {
    ASSIGN_OR_RETURN(report.orphans, store.Orphans());
  }
  ASSIGN_OR_RETURN(report.images, CheckAll(store, images, options));
  if (!options.repair) {
    return report;
  }
  for (const ImageReport& image : report.images) {
    for (const Damage& damage : image.damage) {
      ASSIGN_OR_RETURN(const bool gone, store.Discard(image.image.id, damage.path));
      if (gone) {
        report.removed.push_back(damage.path);
      }
    }
  }
  RETURN_IF_ERROR(store.Sweep(std::chrono::nanoseconds(0)));
  for (const std::string& orphan : report.orphans) {
    if (!rktlet::base::Exists(orphan)) {
      report.removed.push_back(orphan);
    }
  }
  return report;
}

}  // namespace rkt::image
