// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/files.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "nlohmann/json.hpp"
#include "rkt/checkpoint/archive_files.h"
#include "rkt/image/any_digest.h"
#include "rkt/image/unpack_layer.h"

namespace rkt::checkpoint {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using rktlet::base::Annotate;
using rktlet::base::ErrnoStatus;
using rktlet::base::StrCat;
using rktlet::base::UniqueFd;

constexpr size_t kMaxDocument = size_t{4} << 20;

// CRIU opens its images by name, as root: nothing of them may be a link to somewhere else.
absl::Status CheckPlain(const std::string& directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const fs::file_status status = entry->symlink_status(error);
    if (!error && !fs::is_regular_file(status) && !fs::is_directory(status)) {
      return absl::DataLossError(StrCat("the checkpoint's ", entry->path().lexically_relative(directory).string(),
                                        " is neither a plain file nor a directory"));
    }
  }
  return error ? ErrnoStatus(error.value(), directory) : absl::OkStatus();
}

absl::StatusOr<std::string> Document(const std::string& directory, const char* name) {
  absl::StatusOr<std::string> text = rktlet::base::ReadFile(StrCat(directory, "/", name), kMaxDocument);
  if (absl::IsNotFound(text.status())) {
    return absl::DataLossError(StrCat("not the archive of a checkpoint: it has no ", name));
  }
  return text;
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const UniqueFd in, rktlet::base::OpenAt(AT_FDCWD, from, O_RDONLY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const UniqueFd out, rktlet::base::OpenAt(AT_FDCWD, to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  while (true) {
    const ssize_t sent = sendfile(out.get(), in.get(), nullptr, size_t{1} << 30);
    if (sent == 0) {
      return absl::OkStatus();
    }
    if (sent < 0 && errno != EINTR) {
      return ErrnoStatus(errno, to);
    }
  }
}

absl::Status CopyTree(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, rktlet::base::ListDirectory(from));
  for (const std::string& name : names) {
    const std::string source = from + "/" + name;
    const std::string target = to + "/" + name;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(source, error);
    if (fs::is_directory(status)) {
      if (mkdir(target.c_str(), 0700) != 0) {
        return ErrnoStatus(errno, target);
      }
      RETURN_IF_ERROR(CopyTree(source, target));
    } else if (fs::is_regular_file(status)) {
      RETURN_IF_ERROR(CopyFile(source, target));
    } else {
      return absl::DataLossError(StrCat("the image's ", name, " is neither a plain file nor a directory"));
    }
  }
  return absl::OkStatus();
}

// A file beside the one to come, gone again unless it got its name.
class NewFile {
 public:
  static absl::StatusOr<NewFile> Make(const std::string& path) {
    const size_t slash = path.rfind('/');
    NewFile file;
    file.path_ = StrCat(path.substr(0, slash + 1), ".", path.substr(slash + 1), ".XXXXXX");
    file.fd_ = UniqueFd(mkostemp(file.path_.data(), O_CLOEXEC));
    if (!file.fd_.valid()) {
      const absl::Status status = ErrnoStatus(errno, path);
      file.path_.clear();
      return status;
    }
    return file;
  }
  NewFile(NewFile&& other) noexcept : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!path_.empty()) {
      unlink(path_.c_str());
    }
  }

  int fd() const { return fd_.get(); }

  absl::Status Commit(const std::string& path) {
    if (fsync(fd_.get()) != 0 || rename(path_.c_str(), path.c_str()) != 0) {
      return ErrnoStatus(errno, path);
    }
    path_.clear();
    return rktlet::base::SyncDirectory(path.substr(0, path.rfind('/') + 1));
  }

 private:
  NewFile() = default;
  std::string path_;
  UniqueFd fd_;
};

}  // namespace

absl::Status WriteArchive(const std::string& directory, const std::string& output, Deadline deadline) {
  struct stat info = {};
  if (lstat(output.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(StrCat(output, " is there already and is no plain file"));
  }
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().lexically_relative(directory).string());
  }
  if (error) {
    return ErrnoStatus(error.value(), directory);
  }
  ASSIGN_OR_RETURN(NewFile file, NewFile::Make(output));
  RETURN_IF_ERROR(Annotate(WriteTar(directory, names, file.fd(), deadline), output));
  return file.Commit(output);
}

absl::Status UnpackArchive(const std::string& path, const std::string& directory) {
  ASSIGN_OR_RETURN(const UniqueFd archive, rktlet::base::OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  struct stat info = {};
  if (fstat(archive.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(StrCat(path, " is no plain file"));
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, rktlet::base::OpenDirectory(directory));
  RETURN_IF_ERROR(
      Annotate(rkt::image::RunUnpackProgram(archive.get(), fd.get(), rkt::image::kAnyDigest, -1).status(), path));
  return Annotate(CheckPlain(directory), path);
}

absl::Status CopyFromLayers(const std::vector<std::string>& layers, const std::string& directory) {
  for (const std::string& layer : layers) {
    if (rktlet::base::Exists(StrCat(layer, "/", kImagesDirectory))) {
      return CopyTree(layer, directory);
    }
  }
  return absl::DataLossError("the image says that it holds a checkpoint, and none of its layers does");
}

bool IsCheckpointImage(const std::string& manifest) {
  const json document = json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("annotations") || !document["annotations"].is_object()) {
    return false;
  }
  const json& annotations = document["annotations"];
  return annotations.contains(kImageAnnotation) || annotations.contains(kOtherImageAnnotation);
}

absl::StatusOr<Imported> ReadImported(const std::string& directory) {
  Imported imported;
  ASSIGN_OR_RETURN(const std::string config, Document(directory, kConfigDumpFile));
  ASSIGN_OR_RETURN(imported.metadata, ParseMetadata(config));
  ASSIGN_OR_RETURN(const std::string spec, Document(directory, kSpecDumpFile));
  ASSIGN_OR_RETURN(imported.spec, ParseSpec(spec));
  if (!rktlet::base::Exists(StrCat(directory, "/", kImagesDirectory, "/", kInventoryFile))) {
    return absl::DataLossError(
        StrCat("not the archive of a checkpoint: it has no ", kImagesDirectory, "/", kInventoryFile));
  }
  return imported;
}

}  // namespace rkt::checkpoint
