// SPDX-License-Identifier: Apache-2.0
#include "rkt/image/fetch.h"

#include <optional>

#include "base/json_depth.h"
#include "base/strings.h"
#include "nlohmann/json.hpp"
#include "rkt/image/registry_token.h"
#include "rkt/image/sha256.h"
#include "rkt/image/signature_policy.h"
#include "rkt/image/source.h"

namespace rkt::image {
namespace {

using nlohmann::json;
using rktlet::base::Annotate;
using rktlet::base::StrCat;

constexpr int kAttempts = 2;  // the second after a damaged archive of an earlier time was thrown away

// What the registry has under the name.
struct Remote {
  std::string manifest;
  std::string digest;   // of the manifest, or of the list of manifests
  bool docker = false;  // of Docker's own formats, which skopeo converts on the way
};

absl::StatusOr<Remote> ReadRemote(const std::string& manifest) {
  RETURN_IF_ERROR(Annotate(rktlet::base::CheckJsonDepth(manifest), "its manifest"));
  Remote remote;
  remote.manifest = manifest;
  remote.digest = DigestOf(manifest);
  // An OCI index may hold manifests of Docker's too; asking once more than needed does no harm.
  remote.docker = manifest.find("application/vnd.docker.") != std::string::npos;
  try {
    if (json::parse(manifest).value("schemaVersion", 2) == 1) {
      return absl::FailedPreconditionError("its manifest has the outdated schema 1: push it again with a newer tool");
    }
  } catch (const json::exception& error) {
    return absl::DataLossError(StrCat("its manifest is no JSON: ", error.what()));
  }
  return remote;
}

// The manifest that `layout` names.
absl::StatusOr<std::string> ReadLayout(const Store& store, const std::string& layout) {
  ASSIGN_OR_RETURN(const std::string index, rktlet::base::ReadFile(layout + "/index.json"));
  std::string digest;
  try {
    digest = json::parse(index).at("manifests").at(0).at("digest").get<std::string>();
  } catch (const json::exception& error) {
    return absl::InternalError(StrCat("the copied image has no index: ", error.what()));
  }
  if (!rktlet::spec::IsSha256Digest(digest)) {
    return absl::InternalError(StrCat("the copied image has the digest \"", digest, "\""));
  }
  ASSIGN_OR_RETURN(std::string manifest, rktlet::base::ReadFile(store.BlobPath(digest)));
  if (DigestOf(manifest) != digest) {
    return absl::DataLossError(StrCat("the manifest ", digest, " is damaged"));
  }
  return manifest;
}

// The manifest with another configuration. skopeo writes a configuration anew when it converts Docker's format; the
// image's id is the digest of the one that was pushed.
absl::StatusOr<std::string> WithConfig(const std::string& manifest, const std::string& config) {
  try {
    json document = json::parse(manifest);
    document.at("config")["digest"] = DigestOf(config);
    document.at("config")["size"] = config.size();
    return document.dump();
  } catch (const json::exception& error) {
    return absl::DataLossError(StrCat("its manifest: ", error.what()));
  }
}

// The digest of the manifest for this machine in a list of them; empty when there is none, or it is no list.
std::string PlatformManifest(const json& list) {
  static constexpr std::string_view kArchitecture =
#if defined(__x86_64__)
      "amd64";
#elif defined(__aarch64__)
      "arm64";
#else
      "";
#endif
  for (const json& entry : list.value("manifests", json::array())) {
    const json platform = entry.value("platform", json::object());
    if (platform.value("os", "") == "linux" && platform.value("architecture", "") == kArchitecture) {
      return entry.value("digest", "");
    }
  }
  return "";
}

absl::Status CheckImage(const ImageManifest& manifest, const ImageConfig& config) {
  if (!config.os.empty() && config.os != "linux") {
    return absl::FailedPreconditionError(StrCat("it is for ", config.os, ", not for linux"));
  }
  if (config.diff_ids.empty() && !manifest.layers.empty()) {
    return absl::FailedPreconditionError("it is not the image of a container");
  }
  if (config.diff_ids.size() != manifest.layers.size()) {
    return absl::DataLossError(
        StrCat("it has ", manifest.layers.size(), " layers, and its configuration names ", config.diff_ids.size()));
  }
  if (manifest.layers.size() > kMaxLayers) {
    return absl::FailedPreconditionError(
        StrCat("it has ", manifest.layers.size(), " layers, more than the ", kMaxLayers, " that can be mounted"));
  }
  return absl::OkStatus();
}

// Whether the signature policy may reject an image, also one that is in the store: under this name, or by now.
bool MayBeRejected(const FetchOptions& options) {
  if (!options.skopeo.verify_image) {
    return false;
  }
  const auto policy = rktlet::base::ReadFile(SignaturePolicyPath());
  return !policy.ok() || !AcceptsAnything(*policy);
}

class Fetcher {
 public:
  Fetcher(Store& store, const Source& source, const FetchOptions& options, std::string work, int lock_fd)
      : store_(store),
        source_(source),
        options_(options),
        work_(std::move(work)),
        lock_fd_(lock_fd),
        may_be_rejected_(MayBeRejected(options)),
        skopeo_(Prepare(lock_fd)) {}

  absl::StatusOr<ImageRecord> Run() {
    options_.on_progress({.phase = "resolve"});
    ASSIGN_OR_RETURN(const std::string remote_manifest, skopeo_.RawManifest(source_.skopeo_name));
    ASSIGN_OR_RETURN(remote_, ReadRemote(remote_manifest));
    RETURN_IF_ERROR(CollectNames());
    if (source_.reference.has_value()) {
      const std::string& wanted = source_.reference->digest();
      if (!wanted.empty() && wanted != remote_.digest) {
        return absl::DataLossError(StrCat("the registry answers with the digest ", remote_.digest));
      }
      if (!may_be_rejected_) {
        auto known = store_.AddNames(remote_.digest, tags_, digests_);
        if (known.ok() || !absl::IsNotFound(known.status())) {
          return known;
        }
      }
    }
    absl::StatusOr<ImageRecord> record;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      record = CopyAndUnpack();
      if (!absl::IsDataLoss(record.status())) {
        break;
      }
    }
    return record;
  }

 private:
  SkopeoOptions Prepare(int lock_fd) const {
    SkopeoOptions prepared = options_.skopeo;
    prepared.temporary_directory = work_;
    prepared.held_lock_fd = lock_fd;
    return prepared;
  }

  absl::Status CollectNames() {
    tags_ = source_.tags;
    for (const std::string& name : options_.names) {
      ASSIGN_OR_RETURN(const auto reference, rktlet::spec::ImageReference::Parse(name));
      tags_.push_back(reference.Name());
    }
    if (source_.reference.has_value()) {
      digests_.push_back(source_.reference->WithDigest(remote_.digest));
    }
    if (source_.docker_archive && tags_.empty()) {
      // An archive without names, or with odd ones, is stored under its id alone.
      for (const std::string& name : skopeo_.ArchiveTags(source_.skopeo_name).value_or(std::vector<std::string>())) {
        if (const auto reference = rktlet::spec::ImageReference::Parse(name); reference.ok()) {
          tags_.push_back(reference->Name());
        }
      }
    }
    return absl::OkStatus();
  }

  // The size of the layers that the store lacks; 0 when that is not known. Only for show: nothing fails for it.
  uint64_t BytesToFetch() const {
    uint64_t total = 0;
    try {
      json manifest = json::parse(remote_.manifest);
      if (const std::string digest = PlatformManifest(manifest);
          options_.want_total && !digest.empty() && source_.reference.has_value()) {
        const std::string text = skopeo_.RawManifest(source_.Pinned(digest)).value_or("{}");
        manifest = rktlet::base::CheckJsonDepth(text).ok() ? json::parse(text) : json::object();
      }
      for (const json& layer : manifest.value("layers", json::array())) {
        const std::string digest = layer.value("digest", "");
        if (!rktlet::spec::IsSha256Digest(digest) || !rktlet::base::Exists(store_.BlobPath(digest))) {
          total += layer.value("size", uint64_t{0});
        }
      }
    } catch (const json::exception&) {
      return 0;
    }
    return total;
  }

  // The manifest of the copied image. A policy may have rules for a tag, and compares it with that of a signature, so
  // it is asked about the name that the user gave. What the tag means may change meanwhile, so what is taken is asked
  // for by digest, of which nothing has to be fetched any more.
  absl::StatusOr<std::string> Copy(const Skopeo::OnProgress& on_bytes) const {
    const std::string pinned = source_.Pinned(remote_.digest);
    if (!may_be_rejected_ || pinned == source_.skopeo_name) {
      return CopyTo("layout", skopeo_, pinned, on_bytes);
    }
    ASSIGN_OR_RETURN(const std::string allowed, CopyTo("allowed", skopeo_, source_.skopeo_name, on_bytes));
    SkopeoOptions trusting = Prepare(lock_fd_);
    trusting.verify_image = false;
    ASSIGN_OR_RETURN(std::string taken, CopyTo("layout", Skopeo(trusting), pinned, on_bytes));
    if (taken != allowed) {
      return absl::UnavailableError("the tag was given to another image while this one was fetched");
    }
    return taken;
  }

  absl::StatusOr<std::string> CopyTo(const std::string& name, const Skopeo& skopeo, const std::string& image,
                                     const Skopeo::OnProgress& on_bytes) const {
    const std::string layout = StrCat(work_, "/", name);
    RETURN_IF_ERROR(rktlet::base::RemoveTree(layout));
    RETURN_IF_ERROR(rktlet::base::MakeDirectories(layout, 0700));
    RETURN_IF_ERROR(skopeo.Copy(image, layout, store_.BlobDirectory(), on_bytes));
    return ReadLayout(store_, layout);
  }

  absl::StatusOr<ImageRecord> CopyAndUnpack() {
    const std::string image = source_.Pinned(remote_.digest);
    const uint64_t total = BytesToFetch();
    options_.on_progress({.phase = "fetch", .bytes = 0, .total = total});
    const auto on_bytes = [&](uint64_t bytes) {
      options_.on_progress({.phase = "fetch", .bytes = bytes, .total = total});
    };
    ASSIGN_OR_RETURN(std::string manifest_text, Copy(on_bytes));
    ASSIGN_OR_RETURN(ImageManifest manifest, ParseImageManifest(manifest_text));
    std::string config_text;
    if (remote_.docker) {
      ASSIGN_OR_RETURN(config_text, skopeo_.RawConfig(image));
      ASSIGN_OR_RETURN(manifest_text, WithConfig(manifest_text, config_text));
      RETURN_IF_ERROR(store_.AddBlob(DigestOf(config_text), config_text));
      RETURN_IF_ERROR(store_.AddBlob(DigestOf(manifest_text), manifest_text));
    } else {
      ASSIGN_OR_RETURN(config_text, rktlet::base::ReadFile(store_.BlobPath(manifest.config.digest)));
      if (DigestOf(config_text) != manifest.config.digest) {
        return absl::DataLossError(StrCat("the configuration ", manifest.config.digest, " is damaged"));
      }
    }
    return Enter(manifest, DigestOf(manifest_text), config_text);
  }

  absl::StatusOr<ImageRecord> Enter(const ImageManifest& manifest, const std::string& manifest_digest,
                                    const std::string& config_text) {
    ASSIGN_OR_RETURN(const ImageConfig config, ParseImageConfig(config_text));
    RETURN_IF_ERROR(CheckImage(manifest, config));
    ImageRecord record;
    record.id = DigestOf(config_text);
    record.manifest_digest = manifest_digest;
    record.tags = tags_;
    record.digests = digests_;
    record.user = config.user;
    record.labels = config.labels;
    record.architecture = config.architecture;
    record.os = config.os;
    for (size_t i = 0; i < manifest.layers.size(); ++i) {
      options_.on_progress({.phase = "unpack", .layer = i + 1, .layers = manifest.layers.size()});
      ASSIGN_OR_RETURN(LayerRecord layer, store_.AddLayer(manifest.layers[i], config.diff_ids[i], work_, lock_fd_));
      record.layers.push_back(std::move(layer));
    }
    return store_.Commit(std::move(record), work_);
  }

  Store& store_;
  const Source& source_;
  const FetchOptions& options_;
  std::string work_;
  int lock_fd_;
  const bool may_be_rejected_;
  Skopeo skopeo_;
  Remote remote_;
  std::vector<std::string> tags_;
  std::vector<std::string> digests_;
};

// The options with the token that the credentials have for the image's registry.
absl::StatusOr<FetchOptions> WithToken(const Source& source, FetchOptions options) {
  SkopeoOptions& skopeo = options.skopeo;
  if (!source.reference.has_value() || (skopeo.auth_fd < 0 && skopeo.authfile.empty())) {
    return options;
  }
  const std::string file = skopeo.auth_fd >= 0 ? StrCat("/proc/self/fd/", skopeo.auth_fd) : skopeo.authfile;
  if (const auto text = rktlet::base::ReadFile(file); text.ok()) {  // what is wrong with a file skopeo says
    ASSIGN_OR_RETURN(skopeo.registry_token, FindRegistryToken(*text, source.reference->domain()));
  }
  return options;
}

absl::StatusOr<ImageRecord> FetchWithLock(Store& store, const Source& source, const FetchOptions& options) {
  ASSIGN_OR_RETURN(const rktlet::base::FileLock lock, store.LockForFetch());
  ASSIGN_OR_RETURN(const std::string work, store.MakeWorkDirectory());
  auto record = Fetcher(store, source, options, work, lock.fd()).Run();
  const absl::Status removed = rktlet::base::RemoveTree(work);
  if (record.ok() && !removed.ok()) {
    return removed;
  }
  return record;
}

}  // namespace

absl::StatusOr<ImageRecord> Fetch(Store& store, std::string_view source_text, const FetchOptions& options) {
  ASSIGN_OR_RETURN(const Source source, ParseSource(source_text));
  const bool immutable = source.reference.has_value() && !source.reference->digest().empty();
  if (source.reference.has_value() && options.names.empty() && (options.policy != PullPolicy::kUpdate || immutable)) {
    auto known = store.Find(source.reference->Name());
    // An image that has lost a part (image verify --repair) is fetched as if it were not there.
    const bool asked_again = options.policy == PullPolicy::kUpdate && MayBeRejected(options);
    if (known.ok() && !asked_again && (options.policy == PullPolicy::kNever || store.IsComplete(*known))) {
      RETURN_IF_ERROR(store.Touch(known->id));
      return known;
    }
    if (!known.ok() && !absl::IsNotFound(known.status())) {
      return known;
    }
  }
  if (options.policy == PullPolicy::kNever) {
    return absl::NotFoundError(StrCat("image \"", source_text, "\" is not in the store"));
  }
  ASSIGN_OR_RETURN(const FetchOptions complete, WithToken(source, options));
  auto record = FetchWithLock(store, source, complete);
  // What a failure left, and what others removed while this fetch kept the store from being swept. Archives that
  // arrived whole are kept for the next try, unless that would be refused as well.
  const bool hopeless = absl::IsInvalidArgument(record.status()) || absl::IsFailedPrecondition(record.status());
  const absl::Status swept = hopeless ? store.Sweep(std::chrono::nanoseconds(0)) : store.Sweep();
  if (!record.ok()) {
    return Annotate(record.status(), source_text);
  }
  RETURN_IF_ERROR(swept);
  options.on_progress({.phase = "done"});
  return record;
}

}  // namespace rkt::image
