// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/records.h"

#include <signal.h>

namespace rkt::stage1 {
namespace {

struct SignalEntry {
  const char* name;
  int number;
};

// As systemd prints them (signal_to_string).
constexpr SignalEntry kSignals[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL}, {"USR1", SIGUSR1},
    {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"SYS", SIGSYS},
};

// systemd counts from glibc's SIGRTMIN, which is 34; musl's is 35.
constexpr int kGlibcRealtimeMin = 34;
constexpr int kRealtimeMax = 64;

bool ParseSignal(const char* name, int* number) {
  if (StartsWith(name, "SIG")) {
    name += 3;
  }
  int64_t offset = 0;
  if (ParseNumber(name, &offset) && offset > 0 && offset <= kRealtimeMax) {
    *number = static_cast<int>(offset);
    return true;
  }
  for (const SignalEntry& entry : kSignals) {
    if (Equal(name, entry.name)) {
      *number = entry.number;
      return true;
    }
  }
  if (Equal(name, "RTMIN") || Equal(name, "RTMAX")) {
    *number = Equal(name, "RTMIN") ? kGlibcRealtimeMin : kRealtimeMax;
    return true;
  }
  if (StartsWith(name, "RTMIN+") && ParseNumber(name + 6, &offset) && kGlibcRealtimeMin + offset <= kRealtimeMax) {
    *number = static_cast<int>(kGlibcRealtimeMin + offset);
    return true;
  }
  if (StartsWith(name, "RTMAX-") && ParseNumber(name + 6, &offset) && kRealtimeMax - offset >= kGlibcRealtimeMin) {
    *number = static_cast<int>(kRealtimeMax - offset);
    return true;
  }
  return false;
}

}  // namespace

void AddStartedRecord(Text* text, int64_t started_at, const char* boot_id, int64_t pid) {
  text->Add("{\"version\":1,\"started_at\":").AddNumber(started_at);
  text->Add(",\"boot_id\":").AddJson(boot_id);
  text->Add(",\"pid\":").AddNumber(pid).Add("}\n");
}

void AddExitRecord(Text* text, const Ending& ending, int64_t finished_at, bool oom, const char* reason,
                   const char* message) {
  text->Add("{\"version\":1,\"code\":").AddNumber(ending.code);
  text->Add(",\"signal\":").AddNumber(ending.signal);
  text->Add(",\"finished_at\":").AddNumber(finished_at);
  text->Add(",\"oom\":").Add(oom ? "true" : "false");
  text->Add(",\"reason\":").AddJson(reason);
  text->Add(",\"message\":").AddJson(message);
  text->Add(",\"recorded_by\":\"helper\"}\n");
}

bool ParseEnding(const char* exit_code, const char* exit_status, Ending* ending) {
  if (exit_code == nullptr || exit_status == nullptr) {
    return false;
  }
  if (Equal(exit_code, "exited")) {
    int64_t code = 0;
    if (!ParseNumber(exit_status, &code)) {
      return false;
    }
    *ending = Ending{static_cast<int>(code), 0};
    return true;
  }
  int signal = 0;
  if (!ParseSignal(exit_status, &signal)) {
    return false;
  }
  *ending = Ending{128 + signal, signal};
  return true;
}

}  // namespace rkt::stage1
