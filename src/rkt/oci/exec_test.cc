// SPDX-License-Identifier: Apache-2.0
#include "rkt/oci/exec.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/fd_passing.h"
#include "base/files.h"
#include "base/status_matchers.h"
#include "base/subprocess.h"
#include "nlohmann/json.hpp"
#include "rkt/oci/exec_console.h"

namespace rkt::oci {
namespace {

using nlohmann::json;
using rktlet::base::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kConfig[] = R"({"ociVersion": "1.0.2", "process": {
  "terminal": true, "user": {"uid": 5, "gid": 6, "additionalGids": [6, 7]}, "args": ["sleep"],
  "env": ["PATH=/bin", "A=1"], "cwd": "/srv", "capabilities": {"bounding": ["CAP_CHOWN"]},
  "noNewPrivileges": true, "oomScoreAdj": 900}})";

TEST(ExecProcess, IsTheContainersWithAnotherCommand) {
  ExecOptions options;
  options.command = {"sh", "-c", ""};
  options.environment = {"A=2", "B=x=y"};
  ASSERT_OK_AND_ASSIGN(std::string text, BuildExecProcess(kConfig, options, "/"));
  const json process = json::parse(text);
  EXPECT_EQ(process["args"], json({"sh", "-c", ""}));
  EXPECT_EQ(process["env"], json({"PATH=/bin", "A=2", "B=x=y"}));
  EXPECT_EQ(process["terminal"], false);
  EXPECT_EQ(process["cwd"], "/srv");
  EXPECT_EQ(process["user"]["uid"], 5);
  EXPECT_EQ(process["noNewPrivileges"], true);
  EXPECT_EQ(process["capabilities"]["bounding"], json({"CAP_CHOWN"}));
}

TEST(ExecProcess, ATerminalThatIsHandedOverHasTheGivenSizeFromItsStart) {
  ExecOptions options;
  options.command = {"sh"};
  options.tty = true;
  options.console_fd = 4;
  ASSERT_OK_AND_ASSIGN(std::string unknown, BuildExecProcess(kConfig, options, "/"));
  EXPECT_FALSE(json::parse(unknown).contains("consoleSize"));
  options.columns = 77;
  options.rows = 33;
  ASSERT_OK_AND_ASSIGN(std::string known, BuildExecProcess(kConfig, options, "/"));
  EXPECT_EQ(json::parse(known)["consoleSize"], json({{"width", 77}, {"height", 33}}));
}

TEST(ExecProcess, AUserIsLookedUpInTheContainersOwnFiles) {
  rktlet::base::TempDir root;
  ASSERT_THAT(rktlet::base::MakeDirectories(root.File("etc")), rktlet::base::IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(root.File("etc/passwd"), "web:x:33:34::/:/bin/sh\n"), rktlet::base::IsOk());
  ASSERT_THAT(rktlet::base::WriteFileAtomic(root.File("etc/group"), "log:x:4:web\n"), rktlet::base::IsOk());
  ExecOptions options;
  options.command = {"id"};
  options.user = "web";
  options.working_directory = "/tmp";
  options.tty = true;
  ASSERT_OK_AND_ASSIGN(std::string text, BuildExecProcess(kConfig, options, root.path()));
  const json process = json::parse(text);
  EXPECT_EQ(process["user"], json({{"uid", 33}, {"gid", 34}, {"additionalGids", {34, 4}}}));
  EXPECT_EQ(process["cwd"], "/tmp");
  EXPECT_EQ(process["env"].back(), "TERM=xterm");
  options.user = "nobody";
  EXPECT_THAT(BuildExecProcess(kConfig, options, root.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nobody")));
}

TEST(ExecConsole, TakesTheMasterThatTheRuntimeSendsAndPassesItOn) {
  const rktlet::base::TempDir directory;
  auto console = ConsoleSocket::Listen(directory.path());
  ASSERT_THAT(console, rktlet::base::IsOk());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(console->path().size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, console->path().c_str(), console->path().size() + 1);
  const rktlet::base::UniqueFd runtime(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(runtime.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_OK_AND_ASSIGN(auto pipe, rktlet::base::MakePipe());
  EXPECT_THAT(rktlet::base::SendFd(runtime.get(), pipe.second.get()), rktlet::base::IsOk());
  ASSERT_OK_AND_ASSIGN(const rktlet::base::UniqueFd received, console->Receive());
  EXPECT_EQ(::write(received.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), 1);
  EXPECT_THAT(console->Receive(), testing::Not(rktlet::base::IsOk())) << "nobody has sent another";
  EXPECT_THAT(rktlet::base::ListDirectory(directory.path()), rktlet::base::IsOkAndHolds(testing::IsEmpty()));
}

TEST(ExecProcess, ADamagedDocumentAndABadVariableAreRefused) {
  ExecOptions options;
  EXPECT_THAT(BuildExecProcess("{", options, "/"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("config.json")));
  options.environment = {"=x"};
  EXPECT_THAT(BuildExecProcess(kConfig, options, "/"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("=x")));
}

}  // namespace
}  // namespace rkt::oci
