// SPDX-License-Identifier: Apache-2.0
#include "spec/runtime_handlers.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "base/status_matchers.h"

namespace rktlet::spec {
namespace {

TEST(RuntimeHandlers, NoneIsCrun) { EXPECT_EQ(RuntimeHandlerName("").value(), "crun"); }

TEST(RuntimeHandlers, AnUnknownOneIsRefusedByName) {
  const absl::Status status = RuntimeHandlerName("kata").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_NE(status.message().find("\"kata\""), std::string::npos) << status;
  EXPECT_TRUE(absl::IsInvalidArgument(RuntimeHandlerName("../crun").status()));
}

TEST(RuntimeHandlers, EachHasARootAGateAndALogOfItsOwn) {
  const Layout layout("/d", "/r");
  const std::string name(64, 'a');
  ASSERT_OK_AND_ASSIGN(const ContainerId id, ContainerId::Parse(name));
  EXPECT_EQ(RuntimeGate(layout, "", id), "/r/crun/" + name + "/exec.fifo");
  EXPECT_EQ(RuntimeGate(layout, "runc", id), "/r/runc/" + name + "/exec.fifo");
  EXPECT_EQ(RuntimeLogFile(""), "crun.log");
  EXPECT_EQ(RuntimeLogFile("runc"), "runc.log");
  EXPECT_FALSE(WritesToGate(""));
  EXPECT_TRUE(WritesToGate("runc"));
}

TEST(RuntimeHandlers, OneThatIsNotInstalledIsNotFound) {
  setenv("RKT_RUNC", "/nonexistent/runc", 1);
  EXPECT_TRUE(absl::IsNotFound(FindRuntimeProgram("runc").status()));
  setenv("RKT_RUNC", "/bin/sh", 1);
  EXPECT_EQ(FindRuntimeProgram("runc").value(), "/bin/sh");
  unsetenv("RKT_RUNC");
}

}  // namespace
}  // namespace rktlet::spec
