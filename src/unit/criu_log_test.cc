// SPDX-License-Identifier: Apache-2.0
#include "unit/criu_log.h"

#include <gtest/gtest.h>

namespace rktlet::unit {
namespace {

TEST(CriuErrors, AreTheFirstOnesInCriusOwnWords) {
  EXPECT_EQ(
      CriuErrors("(00.000001) Version: 4.1.1\n"
                 "(00.000950) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Not permitted\n"
                 "(00.020000) Warn  (criu/sk-unix.c:10): sk unix: odd\n"
                 "(00.021000)      7: Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using it\n"
                 "(00.022000) Error (criu/cr-dump.c:1781): Dump files (pid: 7) failed with -1\n"),
      "inet: Connected TCP socket, consider using it; Dump files (pid: 7) failed with -1");
}

TEST(CriuErrors, OfALogWithoutAnyAreNone) {
  EXPECT_EQ(CriuErrors(""), "");
  EXPECT_EQ(CriuErrors("(00.000001) Dumping finished successfully\nError (without an end"), "");
}

TEST(CriuErrors, AreThreeAtMost) {
  EXPECT_EQ(CriuErrors("Error (a.c:1): one\nError (a.c:2): two\nError (a.c:3): three\nError (a.c:4): four\n"),
            "one; two; three");
}

}  // namespace
}  // namespace rktlet::unit
