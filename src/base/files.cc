// SPDX-License-Identifier: Apache-2.0
#include "base/files.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/strings.h"

namespace rktlet::base {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A name beside `path` that no other thread or process uses.
std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const size_t slash = path.rfind('/');
  const size_t base = slash == std::string::npos ? 0 : slash + 1;
  return StrCat(path.substr(0, base), ".", path.substr(base), ".", ::getpid(), "-", counter++, ".tmp");
}

absl::Status WriteNew(int dir_fd, const std::string& path, std::string_view data, mode_t mode, Sync sync) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, mode));
  RETURN_IF_ERROR(Annotate(WriteAll(fd.get(), data), path));
  if (::fchmod(fd.get(), mode) != 0) {
    return ErrnoStatus(errno, StrCat("chmod ", path));
  }
  if (sync == Sync::kYes && ::fsync(fd.get()) != 0) {
    return ErrnoStatus(errno, StrCat("sync ", path));
  }
  return absl::OkStatus();
}

absl::Status RemoveChildren(int dir_fd, const std::string& path, dev_t device);

absl::Status RemoveEntry(int dir_fd, const std::string& name, const std::string& shown, dev_t device) {
  if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) {
    return absl::OkStatus();
  }
  if (errno != EISDIR && errno != EPERM && errno != EBUSY) {
    return ErrnoStatus(errno, StrCat("remove ", shown));
  }
  auto child = OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!child.ok()) {
    return absl::IsNotFound(child.status()) && errno == ENOENT ? absl::OkStatus() : Annotate(child.status(), "remove");
  }
  RETURN_IF_ERROR(RemoveChildren(child->get(), shown, device));
  if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, StrCat("remove ", shown));
  }
  return absl::OkStatus();
}

absl::Status RemoveChildren(int dir_fd, const std::string& path, dev_t device) {
  struct stat info {};
  if (::fstat(dir_fd, &info) != 0) {
    return ErrnoStatus(errno, StrCat("stat ", path));
  }
  if (info.st_dev != device) {
    return absl::FailedPreconditionError(StrCat("remove ", path, ": another file system is mounted there"));
  }
  ASSIGN_OR_RETURN(UniqueFd reader, OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(reader.get()), &::closedir);
  if (dir == nullptr) {
    return ErrnoStatus(errno, StrCat("read ", path));
  }
  static_cast<void>(reader.Release());
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      RETURN_IF_ERROR(RemoveEntry(dir_fd, name, StrCat(path, "/", name), device));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenLockFile(const std::string& path) {
  return OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

int Lock(int fd, int operation) {
  int result = 0;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace

absl::StatusOr<UniqueFd> OpenAt(int dir_fd, const std::string& path, int flags, mode_t mode) {
  const int fd = ::openat(dir_fd, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) {
    return ErrnoStatus(errno, StrCat("open ", path));
  }
  return UniqueFd(fd);
}

absl::StatusOr<UniqueFd> OpenDirectory(const std::string& path) {
  return OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

absl::StatusOr<UniqueFd> OpenResolved(int dir_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  long fd = 0;
  do {  // EAGAIN: a rename raced with the resolution (openat2(2))
    fd = ::syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof(how));
  } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
  if (fd < 0) {
    return ErrnoStatus(errno, StrCat("open ", path));
  }
  return UniqueFd(static_cast<int>(fd));
}

absl::StatusOr<std::string> ReadAll(int fd, size_t limit) {
  std::string data;
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return ErrnoStatus(errno, "read");
    }
    if (count == 0) {
      return data;
    }
    if (data.size() + static_cast<size_t>(count) > limit) {
      return absl::ResourceExhaustedError(StrCat("larger than ", limit, " bytes"));
    }
    data.append(buffer, static_cast<size_t>(count));
  }
}

absl::StatusOr<std::string> ReadFileAt(int dir_fd, const std::string& path, size_t limit) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(dir_fd, path, O_RDONLY));
  auto data = ReadAll(fd.get(), limit);
  if (!data.ok()) {
    return Annotate(data.status(), path);
  }
  return data;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  return ReadFileAt(AT_FDCWD, path, limit);
}

absl::Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return ErrnoStatus(errno, "write");
    }
    data.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomicAt(int dir_fd, const std::string& path, std::string_view data, mode_t mode, Sync sync) {
  const std::string temporary = TemporaryName(path);
  absl::Status status = WriteNew(dir_fd, temporary, data, mode, sync);
  if (status.ok() && ::renameat(dir_fd, temporary.c_str(), dir_fd, path.c_str()) != 0) {
    status = ErrnoStatus(errno, StrCat("rename to ", path));
  }
  if (!status.ok()) {
    ::unlinkat(dir_fd, temporary.c_str(), 0);
    return status;
  }
  if (sync == Sync::kYes) {
    ASSIGN_OR_RETURN(UniqueFd parent, OpenAt(dir_fd, ParentOf(path), O_RDONLY | O_DIRECTORY));
    if (::fsync(parent.get()) != 0) {
      return ErrnoStatus(errno, StrCat("sync ", ParentOf(path)));
    }
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view data, mode_t mode, Sync sync) {
  return WriteFileAtomicAt(AT_FDCWD, path, data, mode, sync);
}

absl::Status WriteFileOnceAt(int dir_fd, const std::string& path, std::string_view data, mode_t mode) {
  const std::string temporary = TemporaryName(path);
  absl::Status status = WriteNew(dir_fd, temporary, data, mode, Sync::kNo);
  if (status.ok() && ::linkat(dir_fd, temporary.c_str(), dir_fd, path.c_str(), 0) != 0) {
    status = ErrnoStatus(errno, StrCat("record ", path));
  }
  ::unlinkat(dir_fd, temporary.c_str(), 0);
  return status;
}

absl::Status WriteExistingFile(const std::string& path, std::string_view data) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenAt(AT_FDCWD, path, O_WRONLY));
  if (::write(fd.get(), data.data(), data.size()) < 0) {
    return ErrnoStatus(errno, StrCat("write ", path));
  }
  return absl::OkStatus();
}

bool Exists(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  if (errno != ENOENT) {
    return ErrnoStatus(errno, StrCat("make directory ", path));
  }
  RETURN_IF_ERROR(MakeDirectories(ParentOf(path), mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, StrCat("make directory ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), &::closedir);
  if (dir == nullptr) {
    return ErrnoStatus(errno, StrCat("read ", path));
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveTreeAt(int dir_fd, const std::string& path) {
  struct stat info {};
  if (::fstatat(dir_fd, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, StrCat("remove ", path));
  }
  return RemoveEntry(dir_fd, path, path, info.st_dev);
}

absl::Status RemoveTree(const std::string& path) { return RemoveTreeAt(AT_FDCWD, path); }

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenDirectory(path));
  return ::fsync(fd.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, StrCat("sync ", path));
}

absl::StatusOr<FileLock> FileLock::Exclusive(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenLockFile(path));
  if (const int error = Lock(fd.get(), LOCK_EX); error != 0) {
    return ErrnoStatus(error, StrCat("lock ", path));
  }
  return FileLock(std::move(fd));
}

absl::StatusOr<FileLock> FileLock::Shared(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenLockFile(path));
  if (const int error = Lock(fd.get(), LOCK_SH); error != 0) {
    return ErrnoStatus(error, StrCat("lock ", path));
  }
  return FileLock(std::move(fd));
}

absl::StatusOr<std::optional<FileLock>> FileLock::TryExclusive(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenLockFile(path));
  const int error = Lock(fd.get(), LOCK_EX | LOCK_NB);
  if (error == EWOULDBLOCK) {
    return std::optional<FileLock>();
  }
  if (error != 0) {
    return ErrnoStatus(error, StrCat("lock ", path));
  }
  return std::optional<FileLock>(FileLock(std::move(fd)));
}

TempDir::TempDir() {
  const char* parent = std::getenv("TMPDIR");
  path_ = StrCat(parent != nullptr ? parent : "/tmp", "/rktlet-XXXXXX");
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror(path_.c_str());
    std::abort();
  }
}

TempDir::~TempDir() { RemoveTree(path_).IgnoreError(); }

}  // namespace rktlet::base
