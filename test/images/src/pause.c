// SPDX-License-Identifier: Apache-2.0
// Waits for a signal to end and reaps orphans, as Kubernetes' pause does.
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
  // The kernel reaps the children of a process that does not want to hear of them.
  struct sigaction reap = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
  sigaction(SIGCHLD, &reap, NULL);
  for (;;) pause();
}
