// SPDX-License-Identifier: Apache-2.0
// usage: webserver PORT TITLE [PIDFILE]
//
// Answers 200 to every HTTP request on PORT, over IPv4 and IPv6. It shows TITLE as its command line, as nginx and httpd
// do with theirs, prints it as its first line of output, and writes its pid, as seen inside its namespace, to PIDFILE.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char kAnswer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

static void Fail(const char* what) {
  perror(what);
  exit(1);
}

static void Stop(int signal) {
  (void)signal;
  _exit(0);
}

// An IPv6 socket that takes IPv4 as well, or an IPv4 one where the kernel has no IPv6.
static int Listen(unsigned short port) {
  const int on = 1, off = 0;
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr*)&any, sizeof any) == 0 && listen(fd, 64) == 0) return fd;
    close(fd);
  }
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&any, sizeof any) != 0 || listen(fd, 64) != 0) Fail("listen");
  return fd;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: webserver PORT TITLE [PIDFILE]\n");
    return 2;
  }
  // The command line of a process is what it was started with: start once more under the title.
  if (strcmp(argv[0], argv[2]) != 0) {
    char* program = argv[0];
    argv[0] = argv[2];
    execv(program, argv);
    Fail("execv");
  }

  // PID 1 of a namespace ignores the signals that it does not handle.
  struct sigaction stop = {.sa_handler = Stop};
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGQUIT, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGWINCH, &stop, NULL);
  signal(SIGPIPE, SIG_IGN);

  const int server = Listen((unsigned short)atoi(argv[1]));
  if (argc > 3) {
    FILE* file = fopen(argv[3], "w");
    if (file == NULL || fprintf(file, "%d\n", getpid()) < 0 || fclose(file) != 0) Fail(argv[3]);
  }
  printf("%s\n", argv[2]);
  fflush(stdout);

  for (;;) {
    const int client = accept(server, NULL, NULL);
    if (client < 0) continue;
    // One read is enough for the requests of tests; a client that sends nothing holds the server for a second at most.
    char request[4096];
    const struct timeval patience = {.tv_sec = 1};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (read(client, request, sizeof request) > 0 && write(client, kAnswer, sizeof kAnswer - 1) > 0) {
      shutdown(client, SHUT_WR);
      while (read(client, request, sizeof request) > 0) continue;
    }
    close(client);
  }
}
