// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include "base/files.h"
#include "base/status_matchers.h"

namespace rkt::cli {
namespace {

using rktlet::base::IsOk;
using testing::Optional;

TEST(LogReader, ReadsOnInTheSuccessorOfARotatedLog) {
  rktlet::base::TempDir directory;
  const std::string path = directory.File("log");
  ASSERT_THAT(rktlet::base::WriteFileAtomic(path, "one\ntw"), IsOk());
  LogReader reader(path);
  ASSERT_THAT(reader.Open(), IsOk());
  EXPECT_THAT(reader.Next(), Optional(std::string("one")));
  EXPECT_EQ(reader.Next(), std::nullopt);
  ASSERT_EQ(::rename(path.c_str(), directory.File("log.1").c_str()), 0);
  ASSERT_THAT(rktlet::base::WriteFileAtomic(path, "three\n"), IsOk());
  FILE* const old = ::fopen(directory.File("log.1").c_str(), "a");
  ::fputs("o\n", old);
  ::fclose(old);
  EXPECT_THAT(reader.Next(), Optional(std::string("two")));
  EXPECT_THAT(reader.Next(), Optional(std::string("three")));
  EXPECT_EQ(reader.Next(), std::nullopt);
}

TEST(LogPrinter, JoinsPiecesAndKeepsTheStreamsApart) {
  LogPrinter printer;
  printer.prefix = "app: ";
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_THAT(printer.Print("2026-01-01T00:00:00Z stdout P hel"), IsOk());
  EXPECT_THAT(printer.Print("2026-01-01T00:00:00Z stderr F oops"), IsOk());
  EXPECT_THAT(printer.Print("2026-01-01T00:00:00Z stdout F lo"), IsOk());
  EXPECT_THAT(printer.Print("torn"), IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "app: hello\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "app: oops\n");
}

TEST(LogPrinter, LeavesOutWhatIsOlder) {
  LogPrinter printer;
  printer.not_before = "2026-01-01T00:00:01";
  printer.timestamps = true;
  testing::internal::CaptureStdout();
  EXPECT_THAT(printer.Print("2026-01-01T00:00:00.9Z stdout F old"), IsOk());
  EXPECT_THAT(printer.Print("2026-01-01T00:00:01.1Z stdout F new"), IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "2026-01-01T00:00:01.1Z new\n");
}

}  // namespace
}  // namespace rkt::cli
