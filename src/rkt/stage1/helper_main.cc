// SPDX-License-Identifier: Apache-2.0
// rkt-helper: the tiny static program that stands in units where `rkt` would be too heavy.
#include "rkt/stage1/files.h"
#include "rkt/stage1/supervisor.h"
#include "rkt/stage1/text.h"
#include "rkt/stage1/unit_end.h"

int main(int argc, char** argv) {
  using rkt::stage1::Equal;
  const char* job = argc > 1 ? argv[1] : "";
  if (Equal(job, "supervisor")) {
    return rkt::stage1::SupervisorMain(argc - 2, argv + 2);
  }
  if (Equal(job, "record-exit")) {
    return rkt::stage1::RecordExitMain(argc - 2, argv + 2);
  }
  if (Equal(job, "pod-stopped")) {
    return rkt::stage1::PodStoppedMain(argc - 2, argv + 2);
  }
  rkt::stage1::Report("usage: rkt-helper supervisor|record-exit|pod-stopped ...", "", 0);
  return 2;
}
