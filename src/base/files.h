// SPDX-License-Identifier: Apache-2.0
// Files and directories: whole-file reads with a limit, atomic writes, first-writer-wins records, tree removal that
// never follows a link, advisory locks. `dir_fd` may be AT_FDCWD.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace rktlet::base {

inline constexpr size_t kMaxFileSize = size_t{16} << 20;

// The content of a file of at most `limit` bytes. NotFound; ResourceExhausted when it is larger.
absl::StatusOr<std::string> ReadFileAt(int dir_fd, const std::string& path, size_t limit = kMaxFileSize);
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit = kMaxFileSize);
// All that can be read from `fd` until its end, at most `limit` bytes.
absl::StatusOr<std::string> ReadAll(int fd, size_t limit = kMaxFileSize);
absl::Status WriteAll(int fd, std::string_view data);

enum class Sync { kNo, kYes };

// Afterwards `path` holds `data`, whole: written to a temporary name beside it and renamed. With Sync::kYes file and
// directory survive a power loss. A failure leaves the old content and no temporary file.
absl::Status WriteFileAtomicAt(int dir_fd, const std::string& path, std::string_view data, mode_t mode = 0600,
                               Sync sync = Sync::kNo);
absl::Status WriteFileAtomic(const std::string& path, std::string_view data, mode_t mode = 0600, Sync sync = Sync::kNo);

// Writes a record of which only the first counts: AlreadyExists, and nothing changed, when `path` exists.
absl::Status WriteFileOnceAt(int dir_fd, const std::string& path, std::string_view data, mode_t mode = 0600);

// Writes to an existing file that is not ours to replace (a sysctl, a cgroup attribute): one write(2), no creation.
absl::Status WriteExistingFile(const std::string& path, std::string_view data);

// Opens with O_CLOEXEC added.
absl::StatusOr<UniqueFd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode = 0);
absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path);

// openat2(2) with the given RESOLVE_* flags; for anything inside an image or a container use RESOLVE_IN_ROOT or
// RESOLVE_BENEATH.
absl::StatusOr<UniqueFd> OpenResolved(int dir_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve);

bool Exists(const std::string& path);

// Afterwards the directory and its parents exist. `mode` is that of directories it made.
absl::Status MakeDirectories(const std::string& path, mode_t mode = 0755);

// Names in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);

// Removes a file or a whole tree, following no link and crossing no mount (a mount inside is FailedPrecondition);
// absent is OK.
absl::Status RemoveTreeAt(int dir_fd, const std::string& path);
absl::Status RemoveTree(const std::string& path);

absl::Status SyncDirectory(const std::string& path);

// An flock(2) held until destruction. The lock file is created when absent.
class FileLock {
 public:
  // Blocks until the lock is had.
  static absl::StatusOr<FileLock> Exclusive(const std::string& path);
  static absl::StatusOr<FileLock> Shared(const std::string& path);
  // nullopt when somebody else holds it.
  static absl::StatusOr<std::optional<FileLock>> TryExclusive(const std::string& path);

  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// A fresh directory below $TMPDIR (or /tmp), removed with all it holds at destruction.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace rktlet::base
