// SPDX-License-Identifier: Apache-2.0
// Waits for a signal to end, as Kubernetes' pause does.
#include <signal.h>
#include <unistd.h>

static void Stop(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  struct sigaction stop = {.sa_handler = Stop};
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  for (;;) pause();
}
