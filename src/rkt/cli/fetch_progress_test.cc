// SPDX-License-Identifier: Apache-2.0
#include "rkt/cli/fetch_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rkt::cli {
namespace {

using std::chrono::seconds;

TEST(ProgressLine, ShowsHowMuchOfHowMuch) {
  EXPECT_EQ(ProgressLine("busybox", {.phase = "fetch", .bytes = 512, .total = 1024}, seconds(0), 80),
            "busybox  [============>           ] 50%  512B of 1.0KiB");
  EXPECT_EQ(ProgressLine("busybox", {.phase = "fetch", .bytes = 2048, .total = 1024}, seconds(2), 80),
            "busybox  [========================] 100%  1.0KiB of 1.0KiB  1.0KiB/s");
}

TEST(ProgressLine, KnowsNoTotalOfImagesThatDoNotTell) {
  EXPECT_EQ(ProgressLine("busybox", {.phase = "fetch", .bytes = 2048}, seconds(2), 80),
            "busybox  2.0KiB fetched  1.0KiB/s");
}

TEST(ProgressLine, SaysWhatElseIsDone) {
  EXPECT_EQ(ProgressLine("a", {.phase = "resolve"}, seconds(0), 80), "a  asking the registry");
  EXPECT_EQ(ProgressLine("a", {.phase = "unpack", .layer = 2, .layers = 3}, seconds(0), 80),
            "a  unpacking layer 2 of 3");
}

TEST(ProgressLine, KeepsToTheTerminalsWidth) {
  const std::string line =
      ProgressLine("registry.example/a/very/long/name:1", {.phase = "unpack", .layer = 2, .layers = 3}, seconds(0), 40);
  EXPECT_EQ(line.size(), 40U - 1);
  EXPECT_TRUE(line.ends_with("name:1  unpacking layer 2 of 3")) << line;
}

}  // namespace
}  // namespace rkt::cli
