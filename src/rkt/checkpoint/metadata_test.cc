// SPDX-License-Identifier: Apache-2.0
#include "rkt/checkpoint/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status_matchers.h"

namespace rkt::checkpoint {
namespace {

using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Metadata, ReadsWhatItWrites) {
  Metadata metadata;
  metadata.id = "id";
  metadata.name = "web";
  metadata.image = "nginx";
  metadata.image_id = "sha256:12";
  metadata.image_name = "docker.io/library/nginx:latest";
  metadata.runtime = "runc";
  metadata.checkpointed_at = 1'700'000'000'123'456'789;
  const std::string text = ToJson(metadata);
  EXPECT_THAT(text, HasSubstr("\"checkpointedTime\": \"2023-11-14T22:13:20.123456789Z\""));
  ASSERT_OK_AND_ASSIGN(const Metadata read, ParseMetadata(text));
  EXPECT_EQ(read.id, "id");
  EXPECT_EQ(read.name, "web");
  EXPECT_EQ(read.image_id, "sha256:12");
  EXPECT_EQ(read.image_name, metadata.image_name);
  EXPECT_EQ(read.runtime, "runc");
}

TEST(Metadata, FromOutsideIsNotTrusted) {
  for (const char* text : {"", "[]", "{", "{}", R"({"rootfsImageRef": 7})", R"({"rootfsImageRef": ["x"]})"}) {
    EXPECT_THAT(ParseMetadata(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("config.dump"))) << text;
  }
}

TEST(DumpedSpec, IsWhatARestoreHasToMatch) {
  ASSERT_OK_AND_ASSIGN(const DumpedSpec spec, ParseSpec(R"({
    "process": {"terminal": true},
    "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/data", "type": "bind", "source": "/x"}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network", "path": "/run/netns"}],
              "maskedPaths": ["/proc/kcore"], "readonlyPaths": null}})"));
  EXPECT_THAT(spec.namespaces,
              ElementsAre(DumpedSpec::Namespace{"network", true}, DumpedSpec::Namespace{"pid", false}));
  EXPECT_THAT(spec.mounts, ElementsAre("/proc", "/data"));
  EXPECT_THAT(spec.masked_paths, ElementsAre("/proc/kcore"));
  EXPECT_TRUE(spec.terminal);
}

TEST(DumpedSpec, FromOutsideIsNotTrusted) {
  for (const char* text : {"", "{}", R"({"linux": {}})", R"({"linux": {"namespaces": []}})",
                           R"({"linux": {"namespaces": [1]}, "mounts": []})",
                           R"({"linux": {"namespaces": []}, "mounts": [{"destination": "data"}]})",
                           R"({"linux": {"namespaces": [], "maskedPaths": "x"}, "mounts": []})",
                           R"({"linux": {"namespaces": [], "maskedPaths": ["x"]}, "mounts": []})"}) {
    EXPECT_THAT(ParseSpec(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("spec.dump"))) << text;
  }
}

}  // namespace
}  // namespace rkt::checkpoint
