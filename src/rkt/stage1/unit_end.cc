// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/unit_end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rkt/stage1/ask_supervisor.h"
#include "rkt/stage1/files.h"
#include "rkt/stage1/records.h"
#include "rkt/stage1/text.h"

namespace rkt::stage1 {
namespace {

constexpr size_t kMaxNetworkFile = 256 * 1024;

char* network_file = nullptr;

bool ServiceResultIs(const char* result) {
  const char* actual = getenv("SERVICE_RESULT");
  return actual != nullptr && Equal(actual, result);
}

int OpenDirectory(const char* path) {
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    Report("open", path, errno);
  }
  return fd;
}

// Whether the container was started in this boot: only then is an end of its unit an end of the container. One whose
// gate was never opened is a start error, which its starter, or the next one to look, records.
bool StartedInThisBoot(int directory, const char* boot_id) {
  char record[512];
  if (ReadSmallFile(directory, "started", record, sizeof(record)) <= 0) {
    return false;
  }
  Line<80> wanted;
  wanted.Add("\"boot_id\":\"");
  for (const char* character = boot_id; *character != '\0'; ++character) {
    if (*character != '-') {
      wanted.Add(*character);
    }
  }
  wanted.Add('"');
  return strstr(record, wanted.data()) != nullptr;
}

// 0 also when somebody else was first.
int WriteExit(int directory, const Ending& ending, bool oom, const char* message) {
  Line<1024> record;
  AddExitRecord(&record, ending, RealtimeNanos(), oom, "", message);
  const int error = WriteFileOnce(directory, "exit", record.data(), record.size());
  if (error != 0 && error != EEXIST) {
    Report("write the exit record", "", error);
    return 1;
  }
  return 0;
}

// Whether the pod's network has still to be torn down, by the state in its network.json. The file may be large, so that
// it is searched, not parsed: JSON text inside of it has its quotes escaped.
bool NetworkIsUp(int directory) {
  network_file = static_cast<char*>(malloc(kMaxNetworkFile));
  if (network_file == nullptr || ReadSmallFile(directory, "network.json", network_file, kMaxNetworkFile) <= 0) {
    return false;
  }
  return strstr(network_file, "\"state\":\"up\"") != nullptr || strstr(network_file, "\"state\":\"adding\"") != nullptr;
}

int BecomeNetworkDown(char* rkt, const char* dir, const char* run_dir, char* pod) {
  static Line<4096> dir_flag;
  static Line<4096> run_dir_flag;
  dir_flag.Add("--dir=").Add(dir);
  run_dir_flag.Add("--run-dir=").Add(run_dir);
  char app[] = "app";
  char network[] = "network";
  char down[] = "down";
  char* const argv[] = {
      rkt,    const_cast<char*>(dir_flag.data()), const_cast<char*>(run_dir_flag.data()), app, network, down, pod,
      nullptr};  // execve(2) does not write there
  execv(rkt, argv);
  Report("run", rkt, errno);
  return 1;
}

}  // namespace

int RecordExitMain(int argc, char** argv) {
  if (argc != 4) {
    Report("usage: rkt-helper record-exit CONTAINER-DIRECTORY SUPERVISOR-SOCKET APP BOOT-ID", "", 0);
    return 2;
  }
  const int directory = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    if (errno != ENOENT) {  // absent: the container was removed meanwhile
      Report("open", argv[0], errno);
      return 1;
    }
    return 0;
  }
  if (FileExists(directory, "exit") || !StartedInThisBoot(directory, argv[3])) {
    return 0;
  }
  Ending ending;
  const char* message = "";
  if (!ParseEnding(getenv("EXIT_CODE"), getenv("EXIT_STATUS"), &ending)) {
    ending = Ending{255, 0};
    message = "systemd did not tell how the container's process ended";
  }
  bool oom = false;
  if (ending.signal == SIGKILL || ending.code == 128 + SIGKILL) {
    oom = ServiceResultIs("oom-kill") || FileExists(directory, "oom") || SupervisorSawOom(argv[1], argv[2]);
  }
  const int result = WriteExit(directory, ending, oom, message);
  DrainSupervisor(argv[1], argv[2]);  // nobody else tells it: who does, writes the record first
  return result;
}

int PodStoppedMain(int argc, char** argv) {
  if (argc != 6) {
    Report("usage: rkt-helper pod-stopped POD-DIRECTORY POD-RUN-DIRECTORY RKT DIR RUN-DIR POD", "", 0);
    return 2;
  }
  const int directory = OpenDirectory(argv[0]);
  if (directory < 0) {
    return errno == ENOENT ? 0 : 1;
  }
  Ending ending;
  const char* message = "";
  if (!ParseEnding(getenv("EXIT_CODE"), getenv("EXIT_STATUS"), &ending)) {
    ending = Ending{255, 0};
    message = "systemd did not tell how the pod's supervisor ended";
  }
  const int result = WriteExit(directory, ending, false, message);
  const int run_directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (run_directory >= 0) {
    unlinkat(run_directory, "supervisor", 0);
    unlinkat(run_directory, "pid", 0);
  }
  // Whoever wrote `stopped` tears the network down outside of the unit, where no quota of the pod slows it.
  if (!FileExists(directory, "stopped") && NetworkIsUp(directory)) {
    return BecomeNetworkDown(argv[2], argv[3], argv[4], argv[5]);
  }
  return result;
}

}  // namespace rkt::stage1
