// SPDX-License-Identifier: Apache-2.0
// The program skopeo, which knows registries: authentication, TLS, mirrors, signatures, archives. Each call is one run
// of it; it dies with its caller, and credentials reach it by descriptor or file, never in its arguments.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/subprocess.h"

namespace rkt::image {

struct SkopeoOptions {
  std::string authfile;         // empty: skopeo's own places
  int auth_fd = -1;             // borrowed; instead of authfile, a file that can be opened again through /proc
  std::string registry_token;   // instead of both: what the registry itself takes (Authorization: Bearer)
  bool verify_tls = true;       // false also permits plain http
  bool verify_image = true;     // false: policy.json is not asked
  std::string registries_conf;  // empty: the system's
  std::string temporary_directory;
  int held_lock_fd = -1;  // borrowed; a lock that lasts as long as skopeo does
  // A run that fetches nothing for so long is ended; 0: none is.
  std::chrono::nanoseconds stall_timeout = std::chrono::minutes(5);
};

class Skopeo {
 public:
  explicit Skopeo(SkopeoOptions options) : options_(std::move(options)) {}

  // Errors: NotFound for an unknown image, Unauthenticated and PermissionDenied when the registry says so, Unavailable
  // when it cannot be reached, DeadlineExceeded when it answers no more; else Internal.

  // The manifest, byte for byte: of several platforms, the list.
  absl::StatusOr<std::string> RawManifest(const std::string& image) const;
  // The configuration of this machine's platform, byte for byte.
  absl::StatusOr<std::string> RawConfig(const std::string& image) const;
  // The names in a docker-archive.
  absl::StatusOr<std::vector<std::string>> ArchiveTags(const std::string& image) const;

  // Called a few times a second during Copy with the number of bytes fetched so far.
  using OnProgress = std::function<void(uint64_t bytes)>;
  // Copies the image of this machine's platform into a fresh OCI layout at `layout`, its blobs to `blobs`. Blobs that
  // are there are not fetched again.
  absl::Status Copy(const std::string& image, const std::string& layout, const std::string& blobs,
                    const OnProgress& on_progress) const;

 private:
  std::vector<std::string> Arguments(const std::vector<std::string>& verb, bool copying) const;
  // Starts skopeo, with the token where it reads one and nobody else does.
  absl::StatusOr<rktlet::base::PidFd> Start(rktlet::base::Command command, bool copying) const;
  absl::StatusOr<std::string> Run(const std::vector<std::string>& verb, const std::string& image) const;

  SkopeoOptions options_;
};

// The status for what skopeo said when it failed.
absl::Status SkopeoFailure(const std::string& stderr_text);

}  // namespace rkt::image
