// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/restore_source.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/strings.h"
#include "rkt/checkpoint/archive_files.h"
#include "rkt/checkpoint/root_difference.h"
#include "rkt/oci/add_container.h"
#include "spec/checkpoint_files.h"

namespace rkt::oci {
namespace {

namespace checkpoint = rkt::checkpoint;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;

constexpr char kImportDirectory[] = "import";  // of the container's, while it is being made

std::string Lines(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

bool Contains(const std::vector<std::string>& paths, const std::string& path) {
  return std::ranges::find(paths, path) != paths.end();
}

absl::Status MatchMounts(const checkpoint::DumpedSpec& dumped, const RuntimeSpec& spec) {
  std::vector<std::string> wanted;
  for (const RuntimeMount& mount : spec.mounts) {
    wanted.push_back(mount.destination);
  }
  std::vector<std::string> missing;
  std::ranges::copy_if(dumped.mounts, std::back_inserter(missing),
                       [&](const std::string& path) { return !Contains(wanted, path); });
  std::vector<std::string> added;
  std::ranges::copy_if(wanted, std::back_inserter(added),
                       [&](const std::string& path) { return !Contains(dumped.mounts, path); });
  if (!missing.empty()) {
    return absl::InvalidArgumentError(
        StrCat("the checkpoint's processes have mounts that were not asked for: ", Lines(missing)));
  }
  if (!added.empty()) {
    return absl::InvalidArgumentError(
        StrCat("the checkpoint's processes do not have the mounts that were asked for: ", Lines(added)));
  }
  return absl::OkStatus();
}

absl::Status MatchNamespaces(const checkpoint::DumpedSpec& dumped, const RuntimeSpec& spec) {
  std::vector<checkpoint::DumpedSpec::Namespace> wanted;
  for (const LinuxNamespace& one : spec.namespaces) {
    wanted.push_back({one.type, !one.path.empty()});
  }
  std::ranges::sort(wanted, {}, &checkpoint::DumpedSpec::Namespace::type);
  if (wanted == dumped.namespaces) {
    return absl::OkStatus();
  }
  const auto text = [](const std::vector<checkpoint::DumpedSpec::Namespace>& list) {
    std::vector<std::string> words;
    for (const checkpoint::DumpedSpec::Namespace& one : list) {
      words.push_back(one.type + (one.joined ? " (the pod's)" : ""));
    }
    return Lines(words);
  };
  return absl::InvalidArgumentError(StrCat("the checkpoint's processes have the namespaces ", text(dumped.namespaces),
                                           "; asked for are ", text(wanted)));
}

// Masks and the like are mounts that came with the processes: none can be added.
absl::Status MatchPaths(const char* kind, const std::vector<std::string>& dumped, std::vector<std::string>& wanted) {
  for (const std::string& path : wanted) {
    if (!Contains(dumped, path)) {
      return absl::InvalidArgumentError(StrCat("the checkpoint's processes see ", path, ", which is to be ", kind));
    }
  }
  wanted = dumped;
  return absl::OkStatus();
}

// The log goes on where the old one was when the container was saved: the start puts it there.
absl::Status KeepLog(const std::string& import, const std::string& directory) {
  for (const char* name : {checkpoint::kLogFile, checkpoint::kContainerdLogFile}) {
    const std::string log = StrCat(import, "/", name);
    if (rktlet::base::Exists(log)) {
      const std::string kept = StrCat(directory, "/", rktlet::spec::kEarlierLogFile);
      return rename(log.c_str(), kept.c_str()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, kept);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<RestoreSource>> FindRestoreSource(const rkt::image::Store& store, const std::string& image,
                                                               bool images_too) {
  if (image.starts_with('/')) {
    return RestoreSource{.archive = image, .layers = {}};
  }
  const absl::StatusOr<rkt::image::ImageRecord> record = store.Find(image);
  if (!record.ok()) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::string manifest, store.Manifest(record->id));
  if (!checkpoint::IsCheckpointImage(manifest)) {
    return std::nullopt;
  }
  if (!images_too) {
    return absl::PermissionDeniedError(
        StrCat("image \"", image,
               "\" holds a checkpoint, and containers are not restored from images here: who makes "
               "such an image decides what its processes may do (containers.restore_images of rktlet.yaml)"));
  }
  ASSIGN_OR_RETURN(const rkt::image::LowerDirs lower, store.LowerDirs(record->id));
  RestoreSource source;
  for (const std::string& name : lower.names) {
    source.layers.push_back(lower.base_path + "/" + name);
  }
  return source;
}

absl::StatusOr<checkpoint::Imported> Import(const RestoreSource& source, const std::string& directory) {
  const std::string import = StrCat(directory, "/", kImportDirectory);
  if (mkdir(import.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, import);
  }
  RETURN_IF_ERROR(source.archive.empty() ? checkpoint::CopyFromLayers(source.layers, import)
                                         : checkpoint::UnpackArchive(source.archive, import));
  ASSIGN_OR_RETURN(checkpoint::Imported imported, checkpoint::ReadImported(import));
  const std::string images = StrCat(directory, "/", rktlet::spec::kCheckpointDirectory);
  if (rename(StrCat(import, "/", checkpoint::kImagesDirectory).c_str(), images.c_str()) != 0) {
    return ErrnoStatus(errno, images);
  }
  return imported;
}

absl::StatusOr<std::string> FindRootImage(const rkt::image::Store& store, const checkpoint::Metadata& metadata) {
  // The id first: under a name there may be another image today. Other runtimes write ids without their algorithm.
  std::vector<std::string> ids = {metadata.image_id};
  if (metadata.image_id.find(':') == std::string::npos) {
    ids.push_back("sha256:" + metadata.image_id);
  }
  for (const std::string& id : ids) {
    if (const absl::StatusOr<rkt::image::ImageRecord> record = store.Find(id); !id.empty() && record.ok()) {
      return record->id;
    }
  }
  const std::string& name = metadata.image_name.empty() ? metadata.image : metadata.image_name;
  if (metadata.image_id.empty()) {
    if (const absl::StatusOr<rkt::image::ImageRecord> record = store.Find(name); record.ok()) {
      return record->id;
    }
  }
  return absl::NotFoundError(StrCat("the checkpoint is of a container of image \"", name, "\" (", metadata.image_id,
                                    "), which is not in the store"));
}

absl::Status MatchSpecs(const checkpoint::DumpedSpec& dumped, RuntimeSpec& spec) {
  RETURN_IF_ERROR(MatchNamespaces(dumped, spec));
  RETURN_IF_ERROR(MatchMounts(dumped, spec));
  if (dumped.terminal != spec.process.terminal) {
    return absl::InvalidArgumentError(StrCat("the checkpoint's processes ", dumped.terminal ? "have a" : "have no",
                                             " terminal, and ", dumped.terminal ? "none" : "one", " was asked for"));
  }
  RETURN_IF_ERROR(MatchPaths("masked", dumped.masked_paths, spec.masked_paths));
  return MatchPaths("read-only", dumped.readonly_paths, spec.readonly_paths);
}

absl::Status ApplyImported(const std::string& directory) {
  const std::string import = StrCat(directory, "/", kImportDirectory);
  RETURN_IF_ERROR(checkpoint::ApplyRootDifference(import, StrCat(directory, "/", kUpperDir)));
  RETURN_IF_ERROR(KeepLog(import, directory));
  return rktlet::base::RemoveTree(import);
}

}  // namespace rkt::oci
