// SPDX-License-Identifier: Apache-2.0
// Names of files in the directory of a container that goes on from a checkpoint, and in one that is being saved.
#pragma once

namespace rktlet::spec {

inline constexpr char kCheckpointDirectory[] = "checkpoint";  // CRIU's images: the container is not begun but goes on
inline constexpr char kEarlierLogFile[] = "log";              // what it had printed before
inline constexpr char kRestoreDirectory[] = "restore";        // where CRIU's work and its log go
inline constexpr char kRestoreLogFile[] = "restore.log";      // there
inline constexpr char kCriuConfigFile[] = "criu.conf";        // what the OCI runtime tells CRIU to read

}  // namespace rktlet::spec
