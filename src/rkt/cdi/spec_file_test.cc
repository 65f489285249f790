// SPDX-License-Identifier: Apache-2.0
#include "rkt/cdi/spec_file.h"

#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "base/strings.h"

namespace rkt::cdi {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusCodeIs;
using rktlet::base::StatusIs;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kEverything[] = R"({
  "cdiVersion": "1.1.0",
  "kind": "vendor.com/net.card",
  "annotations": {"whose": "vendor"},
  "containerEdits": {"env": ["ALL=1"]},
  "devices": [{
    "name": "0",
    "annotations": {"slot": "2"},
    "containerEdits": {
      "env": ["ONE=a=b", "TWO="],
      "deviceNodes": [
        {"path": "/dev/card0"},
        {"path": "/dev/inside", "hostPath": "/dev/outside", "type": "c", "major": 1, "minor": 3, "fileMode": 432,
         "permissions": "rw", "uid": 7, "gid": 8}],
      "mounts": [
        {"hostPath": "/lib/a.so", "containerPath": "/lib/b.so", "options": ["ro", "nosuid"]},
        {"hostPath": "tmpfs", "containerPath": "/scratch", "type": "tmpfs", "options": ["size=1m"]}],
      "hooks": [
        {"hookName": "createContainer", "path": "/bin/h", "args": ["h", "x"], "env": ["A=b"], "timeout": 5},
        {"hookName": "poststop", "path": "/bin/p"}],
      "additionalGids": [5, 0]}}]})";

SpecFile Json(const std::string& text) { return ParseSpecFile(text, Format::kJson); }

// A file whose one device has these edits.
SpecFile WithEdits(const std::string& edits, const std::string& version = "1.1.0") {
  return Json(R"({"cdiVersion": ")" + version + R"(", "kind": "vendor.com/class", "devices": [{"name": "d",
      "containerEdits": )" +
              edits + "}]}");
}

TEST(SpecFile, IsReadInFull) {
  const SpecFile file = Json(kEverything);
  ASSERT_THAT(file.problem, IsOk());
  EXPECT_EQ(file.kind, "vendor.com/net.card");
  EXPECT_THAT(file.edits.env, ElementsAre("ALL=1"));
  ASSERT_THAT(file.devices, SizeIs(1));
  const Edits& edits = file.devices[0].edits;
  EXPECT_EQ(file.devices[0].name, "0");
  EXPECT_EQ(edits.where, "devices[0].containerEdits");
  EXPECT_THAT(edits.env, ElementsAre("ONE=a=b", "TWO="));
  ASSERT_THAT(edits.device_nodes, SizeIs(2));
  EXPECT_EQ(edits.device_nodes[0].file_mode, std::nullopt);
  const DeviceNode& node = edits.device_nodes[1];
  EXPECT_EQ(node.host_path, "/dev/outside");
  EXPECT_EQ(node.type, "c");
  EXPECT_EQ(node.major, 1);
  EXPECT_EQ(node.minor, 3);
  EXPECT_THAT(node.file_mode, Optional(Eq(0660U)));
  EXPECT_EQ(node.permissions, "rw");
  EXPECT_THAT(node.uid, Optional(Eq(7U)));
  EXPECT_THAT(node.gid, Optional(Eq(8U)));
  ASSERT_THAT(edits.mounts, SizeIs(2));
  EXPECT_THAT(edits.mounts[0].options, ElementsAre("ro", "nosuid"));
  EXPECT_EQ(edits.mounts[1].type, "tmpfs");
  ASSERT_THAT(edits.hooks, SizeIs(2));
  EXPECT_EQ(edits.hooks[0].stage, HookStage::kCreateContainer);
  EXPECT_THAT(edits.hooks[0].hook.args, ElementsAre("h", "x"));
  EXPECT_THAT(edits.hooks[0].hook.timeout, Optional(Eq(5)));
  EXPECT_EQ(edits.hooks[1].stage, HookStage::kPoststop);
  EXPECT_THAT(edits.additional_gids, ElementsAre(5, 0));
}

TEST(SpecFile, OfYamlHasNamesAndModesAsPeopleWriteThem) {
  const SpecFile file = ParseSpecFile(R"(---
cdiVersion: 0.5.0
kind: vendor.com/class
devices:
- name: 0
  containerEdits:
    deviceNodes:
    - {path: /dev/card0, fileMode: 0640, major: 195, type: c}
)",
                                      Format::kYaml);
  ASSERT_THAT(file.problem, IsOk());
  EXPECT_EQ(file.devices[0].name, "0");
  EXPECT_THAT(file.devices[0].edits.device_nodes[0].file_mode, Optional(Eq(0640U)));
}

TEST(SpecFile, NamesTheFieldThatIsWrong) {
  const struct {
    const char* edits;
    const char* field;
  } cases[] = {
      {R"({"env": ["=x"]})", "devices[0].containerEdits.env[0]: is not of the form NAME=VALUE"},
      {R"({"env": "A=b"})", "devices[0].containerEdits.env: must be a list"},
      {R"({"env": [1]})", "devices[0].containerEdits.env[0]: must be text"},
      {R"({"env": ["A=\u0000"]})", "devices[0].containerEdits.env[0]: has a NUL"},
      {R"({"deviceNodes": [{}]})", "deviceNodes[0].path: missing"},
      {R"({"deviceNodes": [{"path": "dev/x"}]})", "deviceNodes[0].path: must be an absolute path"},
      {R"({"deviceNodes": [{"path": "/d", "hostPath": "d"}]})", "deviceNodes[0].hostPath: must be an absolute path"},
      {R"({"deviceNodes": [{"path": "/d", "type": "x"}]})", "deviceNodes[0].type: must be b, c, u or p"},
      {R"({"deviceNodes": [{"path": "/d", "permissions": "rx"}]})", "deviceNodes[0].permissions"},
      {R"({"deviceNodes": [{"path": "/d", "major": -1}]})", "deviceNodes[0].major: is no number of a device"},
      {R"({"deviceNodes": [{"path": "/d", "minor": 1048576}]})", "deviceNodes[0].minor"},
      {R"({"deviceNodes": [{"path": "/d", "uid": 4294967296}]})", "deviceNodes[0].uid: must be a whole number"},
      {R"({"deviceNodes": [{"path": "/d", "fileMode": "0644"}]})", "deviceNodes[0].fileMode: must be a whole number"},
      {R"({"mounts": [{"hostPath": "/x"}]})", "mounts[0].containerPath: missing"},
      {R"({"mounts": [{"containerPath": "/x"}]})", "mounts[0].hostPath: missing"},
      {R"({"mounts": [{"hostPath": "/x", "containerPath": "/x", "readonly": true}]})", "mounts[0].readonly: unknown"},
      {R"({"hooks": [{"hookName": "start", "path": "/x"}]})", "hooks[0].hookName: must be prestart"},
      {R"({"hooks": [{"hookName": "poststop"}]})", "hooks[0].path: missing"},
      {R"({"hooks": [{"hookName": "poststop", "path": "x"}]})", "hooks[0].path: must be an absolute path"},
      {R"({"hooks": [{"hookName": "poststop", "path": "/x", "timeout": 0}]})", "hooks[0].timeout: must be greater"},
      {R"({"additionalGids": [-1]})", "additionalGids[0]: is no number of a group"},
      {R"({"intelRdt": {"other": 1}})", "intelRdt.other: unknown field"},
      {R"({"netDevices": [{"name": "eth0"}]})", "netDevices[0].hostInterfaceName: missing"},
      {R"({"unheard": 1})", "devices[0].containerEdits.unheard: unknown field"},
      {R"([])", "devices[0].containerEdits: must be an object"},
      {R"({})", "devices[0].containerEdits: asks for nothing"},
  };
  for (const auto& [edits, field] : cases) {
    EXPECT_THAT(WithEdits(edits).problem, StatusIs(kInvalid, HasSubstr(field))) << edits;
  }
}

TEST(SpecFile, NeverShowsTheValueOfAVariable) {
  EXPECT_THAT(std::string(WithEdits(R"({"env": ["secret"]})").problem.message()), testing::Not(HasSubstr("secret")));
}

TEST(SpecFile, HasAKindAndDevicesWithNames) {
  const auto problem = [](const std::string& kind, const std::string& devices) {
    return Json(R"({"cdiVersion": "1.0.0", "kind": ")" + kind + R"(", "devices": )" + devices + "}").problem;
  };
  const std::string device = R"({"name": "d", "containerEdits": {"env": ["A=b"]}})";
  EXPECT_THAT(problem("vendor.com/class", "[" + device + "]"), IsOk());
  for (const char* kind :
       {"vendor", "vendor/", "/class", "vendor/a/b", "1vendor/class", "vendor/class-", "ven dor/c"}) {
    EXPECT_THAT(problem(kind, "[" + device + "]"), StatusIs(kInvalid, HasSubstr("kind: "))) << kind;
  }
  EXPECT_THAT(problem("v/c", "[]"), StatusIs(kInvalid, HasSubstr("devices: there is none")));
  EXPECT_THAT(problem("v/c", "null"), StatusIs(kInvalid, HasSubstr("devices: there is none")));
  EXPECT_THAT(problem("v/c", "[" + device + "," + device + "]"),
              StatusIs(kInvalid, HasSubstr("devices[1].name: \"d\" stands in the file twice")));
  EXPECT_THAT(problem("v/c", R"([{"name": "a b", "containerEdits": {"env": ["A=b"]}}])"),
              StatusIs(kInvalid, HasSubstr("devices[0].name")));
}

TEST(SpecFile, OfAVersionThatIsNotKnownSaysThatAndNotWhichFieldIsStrange) {
  EXPECT_THAT(WithEdits(R"({"teleport": true})", "1.2.0").problem,
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("cdiVersion"), HasSubstr("1.1.0"))));
  for (const char* known : {"0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0", "v1.0.0"}) {
    EXPECT_THAT(WithEdits(R"({"env": ["A=b"]})", known).problem, IsOk()) << known;
  }
}

TEST(SpecFile, DoesNotUseFieldsOfALaterVersion) {
  const struct {
    const char* edits;
    const char* before;
    const char* since;
  } cases[] = {
      {R"({"mounts": [{"hostPath": "/x", "containerPath": "/x", "type": "bind"}]})", "0.3.0", "0.4.0"},
      {R"({"deviceNodes": [{"path": "/d", "hostPath": "/d"}]})", "0.4.0", "0.5.0"},
      {R"({"additionalGids": [5]})", "0.6.0", "0.7.0"},
      {R"({"intelRdt": {}})", "0.6.0", "0.7.0"},
      {R"({"intelRdt": {"schemata": ["x"]}})", "1.0.0", "1.1.0"},
      {R"({"netDevices": [{"hostInterfaceName": "a", "name": "b"}]})", "1.0.0", "1.1.0"},
  };
  for (const auto& [edits, before, since] : cases) {
    EXPECT_THAT(WithEdits(edits, before).problem,
                StatusIs(kInvalid, HasSubstr(rktlet::base::StrCat("needs cdiVersion ", since))))
        << edits;
    EXPECT_THAT(WithEdits(edits, since).problem, IsOk()) << edits;
  }
}

TEST(SpecFile, ThatIsBrokenStillTellsWhichDevicesThatConcerns) {
  const SpecFile file = Json(R"({"cdiVersion": "1.0.0", "kind": "v.com/c", "devices": [
      {"name": "a", "containerEdits": {"env": ["A=b"]}}, {"name": "b", "containerEdits": 5}, {"name": "-"}]})");
  EXPECT_THAT(file.problem, StatusCodeIs(kInvalid));
  EXPECT_EQ(file.kind, "v.com/c");
  ASSERT_THAT(file.devices, SizeIs(2));
  EXPECT_EQ(file.devices[1].name, "b");
  EXPECT_TRUE(file.devices[0].edits.empty());
  EXPECT_THAT(Json("{").devices, IsEmpty());
  EXPECT_THAT(Json("[1]").problem, StatusIs(kInvalid, HasSubstr("must be an object")));
}

}  // namespace
}  // namespace rkt::cdi
