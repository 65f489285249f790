// SPDX-License-Identifier: Apache-2.0
// Against the real systemd of the machine it runs on: as root, in a box or a VM, not part of ctest. It makes transient
// units of its own, re-executes and reloads systemd, and restarts the message bus.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/status_matchers.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "systemd/bus_manager.h"
#include "systemd/test_loop.h"
#include "systemd/unit_watcher.h"

namespace rktlet::systemd {
namespace {

using base::IsOk;
using base::StatusCodeIs;
using base::StatusIs;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr milliseconds kLong = seconds(25);

std::string RunTool(const std::string& program, std::vector<std::string> args) {
  base::Command command;
  command.program = program;
  command.args = std::move(args);
  const auto result = base::RunCommand(command, {.stdin_data = {}, .timeout = seconds(60)});
  EXPECT_THAT(result, IsOk());
  return result.ok() ? result->stdout_data : std::string();
}

class Live : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(loop_.Await(manager_.WaitConnected(kLong)), IsOk()); }

  void TearDown() override {
    for (const UnitName& unit : units_) {
      watcher_.Unfollow(unit);
      EXPECT_THAT(loop_.Await(manager_.StopUnit(unit, kLong)), IsOk());
      EXPECT_THAT(loop_.Await(manager_.ResetFailedUnit(unit, kLong)), IsOk());
      EXPECT_THAT(loop_.Await(manager_.GetUnit(unit, kLong)), StatusCodeIs(absl::StatusCode::kNotFound));
    }
  }

  UnitName NewName() {
    static int counter = 0;
    UnitName name = *UnitName::Parse(base::StrCat("rktlet-live-test.a_b-", ::getpid(), "-", ++counter, ".service"));
    units_.push_back(name);
    return name;
  }

  TransientUnit Shell(const UnitName& name, const std::string& script) {
    TransientUnit unit(name);
    unit.Set("RemainAfterExit", true).ExecStart({.path = "/bin/sh", .argv = {"sh", "-c", script}});
    return unit;
  }

  void Follow(const UnitName& name) {
    watcher_.Follow(name, [this](const UnitEvent& event) {
      events_.push_back(event);
      texts_.push_back(ToText(event));
    });
  }

  absl::Status Start(TransientUnit unit) { return loop_.Await(manager_.StartTransientUnit(std::move(unit), kLong)); }

  UnitFacts Facts(const UnitName& name) {
    const auto facts = loop_.Await(manager_.GetUnit(name, kLong));
    EXPECT_THAT(facts, IsOk());
    return facts.ok() ? *facts : UnitFacts{.name = name};
  }

  TestLoop loop_;
  BusManager manager_{loop_.executor()};
  std::vector<UnitEvent> events_;
  std::vector<std::string> texts_;
  UnitWatcher watcher_{loop_.executor(), manager_};
  std::vector<UnitName> units_;
};

TEST_F(Live, KnowsTheVersion) {
  EXPECT_THAT(manager_.info().version, MatchesRegex("[0-9].*"));
  EXPECT_THAT(manager_.info().features, HasSubstr("SECCOMP"));
}

TEST_F(Live, ReportsEveryExitCodeAndSignal) {
  struct Case {
    const char* script;
    const char* ending;
  };
  for (const Case& expected : {Case{"exit 0", "code=0"}, Case{"exit 7", "code=7"}, Case{"kill -KILL $$", "signal=9"},
                               Case{"kill -TERM $$", "signal=15"}, Case{"sleep 0.1; exit 200", "code=200"}}) {
    const UnitName name = NewName();
    events_.clear();
    Follow(name);
    EXPECT_THAT(Start(Shell(name, expected.script)), IsOk());
    ASSERT_TRUE(loop_.RunUntil([&] { return !events_.empty() && events_.back().kind == UnitEvent::Kind::kExited; }));
    EXPECT_THAT(ToText(events_.back()), testing::EndsWith(expected.ending));
    EXPECT_GT(events_.back().exited_at_usec, uint64_t{1'600'000'000'000'000});
    EXPECT_GE(events_.back().exited_at_usec, events_.back().started_at_usec);
    EXPECT_LE(events_.size(), 2U);
  }
}

TEST_F(Live, ReportsEveryOneOfManyQuickExits) {
  std::vector<std::shared_ptr<std::optional<absl::Status>>> started;
  constexpr int kUnits = 60;
  for (int i = 0; i < kUnits; ++i) {
    const UnitName name = NewName();
    Follow(name);
    started.push_back(loop_.Spawn(manager_.StartTransientUnit(Shell(name, base::StrCat("exit ", i)), kLong)));
  }
  const auto exits = [this] {
    return std::count_if(events_.begin(), events_.end(),
                         [](const UnitEvent& event) { return event.kind == UnitEvent::Kind::kExited; });
  };
  ASSERT_TRUE(loop_.RunUntil([&] { return exits() == kUnits; }));
  for (const UnitEvent& event : events_) {
    if (event.kind == UnitEvent::Kind::kExited) {
      const auto found = std::find(units_.begin(), units_.end(), event.unit);
      EXPECT_EQ(event.exit.code, found - units_.begin());
    }
  }
  for (const auto& result : started) {
    ASSERT_TRUE(loop_.RunUntil([&] { return result->has_value(); }));
    EXPECT_THAT(**result, IsOk());
  }
}

TEST_F(Live, RefusesASecondUnitOfTheSameName) {
  const UnitName name = NewName();
  EXPECT_THAT(Start(Shell(name, "exec sleep 1000")), IsOk());
  EXPECT_THAT(Start(Shell(name, "exec sleep 1000")), StatusCodeIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(Live, TellsWhyAStartFailed) {
  const UnitName name = NewName();
  Follow(name);
  TransientUnit unit(name);
  unit.Set("Type", "forking").ExecStart({.path = "/bin/sh", .argv = {"sh", "-c", "exit 3"}});
  const absl::Status status = Start(std::move(unit));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal,
                               AllOf(HasSubstr("Result=exit-code"), HasSubstr("no main process"))));
  EXPECT_EQ(JobResultOf(status), "failed");
  ASSERT_TRUE(loop_.RunUntil([&] { return !texts_.empty(); }));
  EXPECT_THAT(texts_, ElementsAre(StartsWith("failed ")));
}

TEST_F(Live, TellsWhenAStartTimedOut) {
  const UnitName name = NewName();
  TransientUnit unit(name);
  unit.Set("Type", "notify")
      .Set("TimeoutStartUSec", uint64_t{200'000})
      .ExecStart({.path = "/bin/sleep", .argv = {"sleep", "1000"}});
  const absl::Status status = Start(std::move(unit));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInternal, HasSubstr("Result=timeout")));
}

TEST_F(Live, PassesOnWhatSystemdSaysOfAWrongValue) {
  const UnitName name = NewName();
  EXPECT_THAT(Start(Shell(name, "true").Set("KillMode", "nonsense")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("KillMode")));
}

TEST_F(Live, KillsTheMainProcessAndThenFindsNone) {
  const UnitName name = NewName();
  Follow(name);
  EXPECT_THAT(Start(Shell(name, "exec sleep 1000")), IsOk());
  EXPECT_THAT(loop_.Await(manager_.KillUnit(name, KillWho::kMain, SIGTERM, kLong)), IsOk());
  ASSERT_TRUE(loop_.RunUntil([&] { return !events_.empty() && events_.back().kind == UnitEvent::Kind::kExited; }));
  EXPECT_EQ(events_.back().exit.signal, SIGTERM);
  EXPECT_EQ(Facts(name).sub_state, "exited");
  EXPECT_THAT(loop_.Await(manager_.KillUnit(name, KillWho::kMain, SIGTERM, kLong)),
              StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(loop_.Await(manager_.KillUnit(*UnitName::Parse("rktlet-none.service"), KillWho::kAll, SIGTERM, kLong)),
              StatusCodeIs(absl::StatusCode::kNotFound));
}

TEST_F(Live, ReportsTheExitOfAStoppedUnitOnce) {
  const UnitName name = NewName();
  Follow(name);
  EXPECT_THAT(Start(Shell(name, "exec sleep 1000")), IsOk());
  EXPECT_THAT(loop_.Await(manager_.StopUnit(name, kLong)), IsOk());
  ASSERT_TRUE(loop_.RunUntil([&] { return texts_.size() >= 2; }));
  EXPECT_THAT(loop_.Await(manager_.GetUnit(name, kLong)), StatusCodeIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(texts_, ElementsAre(StartsWith("started"), testing::EndsWith("signal=15")));
}

TEST_F(Live, KeepsUnitsAndExitsOverReloadAndReexec) {
  const UnitName lives = NewName();
  const UnitName ends = NewName();
  Follow(lives);
  Follow(ends);
  EXPECT_THAT(Start(Shell(lives, "exec sleep 1000")), IsOk());
  EXPECT_THAT(Start(Shell(ends, "exec sleep 1000")), IsOk());
  const UnitFacts before = Facts(lives);
  ASSERT_TRUE(loop_.RunUntil([&] { return texts_.size() == 2; }));
  texts_.clear();
  for (const char* verb : {"daemon-reload", "daemon-reexec", "daemon-reload"}) {
    RunTool("systemctl", {verb});
    const UnitFacts after = Facts(lives);
    EXPECT_EQ(after.main_pid, before.main_pid) << verb;
    EXPECT_EQ(after.invocation_id, before.invocation_id) << verb;
    EXPECT_EQ(after.exec_main_start_timestamp_monotonic_usec, before.exec_main_start_timestamp_monotonic_usec) << verb;
    EXPECT_THAT(texts_, IsEmpty()) << verb;
  }
  // Ends while we are not listening, just before systemd changes its name on the bus.
  RunTool("systemctl", {"kill", "--signal=KILL", ends.str()});
  RunTool("systemctl", {"daemon-reexec"});
  ASSERT_TRUE(loop_.RunUntil([&] { return !texts_.empty(); }));
  EXPECT_THAT(texts_, ElementsAre(testing::EndsWith("signal=9")));
  EXPECT_THAT(loop_.Await(manager_.StopUnit(lives, kLong)), IsOk());
}

TEST_F(Live, StartsUnitsWhileSystemdReexecutes) {
  for (int i = 0; i < 5; ++i) {
    std::vector<std::shared_ptr<std::optional<absl::Status>>> results;
    RunTool("systemctl", {"--no-block", "daemon-reexec"});
    for (int j = 0; j < 5; ++j) {
      results.push_back(loop_.Spawn(manager_.StartTransientUnit(Shell(NewName(), "exec sleep 1000"), kLong)));
    }
    for (const auto& result : results) {
      ASSERT_TRUE(loop_.RunUntil([&] { return result->has_value(); }));
      EXPECT_THAT(**result, IsOk());
    }
  }
}

TEST_F(Live, ComesBackWhenTheBusRestarts) {
  const UnitName name = NewName();
  Follow(name);
  EXPECT_THAT(Start(Shell(name, "exec sleep 1000")), IsOk());
  ASSERT_TRUE(loop_.RunUntil([&] { return texts_.size() == 1; }));
  RunTool("systemctl", {"restart", "dbus.service"});
  RunTool("systemctl", {"kill", "--signal=KILL", name.str()});
  ASSERT_TRUE(loop_.RunUntil([&] { return texts_.size() == 2; }));
  EXPECT_THAT(texts_[1], testing::EndsWith("signal=9"));
  EXPECT_TRUE(manager_.connected());
}

// A value as `busctl get-property` prints it, without the type.
std::string Busctl(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return out + "\"";
}

// What must appear in busctl's text of the property for it to say what was asked for; dependency lists and device
// lists also hold what systemd adds.
std::vector<std::string> ExpectedTexts(const PropertyValue& value) {
  std::vector<std::string> texts;
  if (const auto* flag = std::get_if<bool>(&value)) {
    texts.push_back(*flag ? "b true" : "b false");
  } else if (const auto* small = std::get_if<int32_t>(&value)) {
    texts.push_back(base::StrCat("i ", *small));
  } else if (const auto* mode = std::get_if<uint32_t>(&value)) {
    texts.push_back(base::StrCat("u ", *mode));
  } else if (const auto* large = std::get_if<uint64_t>(&value)) {
    texts.push_back(base::StrCat("t ", *large));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    texts.push_back("s " + Busctl(*text));
  } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& item : *list) {
      texts.push_back(Busctl(item));
    }
  } else if (const auto* commands = std::get_if<std::vector<ExecCommand>>(&value)) {
    for (const ExecCommand& command : *commands) {
      std::string line = base::StrCat(Busctl(command.path), " ", command.argv.size());
      for (const std::string& argument : command.argv) {
        line += " " + Busctl(argument);
      }
      texts.push_back(base::StrCat(line, command.ignore_failure ? " true" : " false"));
    }
  } else if (const auto* pairs = std::get_if<StringPairs>(&value)) {
    for (const auto& [first, second] : *pairs) {
      texts.push_back(base::StrCat(Busctl(first), " ", Busctl(second)));
    }
  } else if (const auto* mask = std::get_if<Bytes>(&value)) {
    std::string line;
    for (const uint8_t byte : *mask) {
      line += base::StrCat(" ", static_cast<int>(byte));
    }
    texts.push_back(line);
  } else if (const auto* fields = std::get_if<ByteStrings>(&value)) {
    for (const Bytes& field : *fields) {
      std::string line = std::to_string(field.size());
      for (const uint8_t byte : field) {
        line += base::StrCat(" ", static_cast<int>(byte));
      }
      texts.push_back(line);
    }
  }
  return texts;
}

std::string ReadBack(const UnitName& unit, const std::string& property) {
  for (const char* interface : {"org.freedesktop.systemd1.Service", "org.freedesktop.systemd1.Unit"}) {
    const std::string text =
        RunTool("busctl", {"get-property", "org.freedesktop.systemd1", UnitObjectPath(unit), interface, property});
    if (!text.empty()) {
      return text;
    }
  }
  return "no such property";
}

TEST_F(Live, ReadsBackWhatTheBuilderSaid) {
  const UnitName name = NewName();
  TransientUnit unit(name);
  unit.Set("Description", "container \"web\" of pod a/b")
      .Set("Documentation", std::vector<std::string>{"man:rktlet(8)"})
      .Set("Slice", "rktlet-test.slice")
      .Set("Type", "simple")
      .Set("RemainAfterExit", true)
      .Set("Delegate", true)
      .Set("KillMode", "mixed")
      .Set("KillSignal", int32_t{SIGQUIT})
      .Set("TimeoutStopUSec", uint64_t{1000})
      .Set("TimeoutStartUSec", kInfinity)
      .Set("TasksMax", uint64_t{100})
      .Set("TasksAccounting", true)
      .Set("MemoryAccounting", true)
      .Set("MemoryMax", uint64_t{64} << 20)
      .Set("MemorySwapMax", uint64_t{0})
      .Set("CPUAccounting", true)
      .Set("CPUWeight", uint64_t{79})
      .Set("CPUQuotaPerSecUSec", uint64_t{10000})
      .Set("CPUQuotaPeriodUSec", uint64_t{100000})
      .Set("AllowedCPUs", *CpuSetBytes("0-1"))
      .Set("IOAccounting", true)
      .Set("OOMPolicy", "continue")
      .Set("OOMScoreAdjust", int32_t{500})
      .Set("LimitNOFILE", uint64_t{1048576})
      .Set("LimitCORE", kInfinity)
      .Set("KeyringMode", "private")
      .Set("UMask", uint32_t{0022})
      .Set("SendSIGHUP", false)
      .Set("DevicePolicy", "strict")
      .AllowDevice("/dev/null", "rwm")
      .AllowDevice("char-*", "m")
      .Add("After", "network-online.target")
      .Add("After", "dbus.socket")
      .Add("Environment", "A=b c")
      .Set("StandardOutput", "null")
      .Set("SyslogIdentifier", "live-test")
      .LogField("K8S_POD", "web")
      .ExecStart({.path = "/bin/sleep", .argv = {"sleep", "1000"}})
      .ExecStopPost({.path = "/bin/true", .argv = {"true", "a b", "\"c\""}, .ignore_failure = true});
  ASSERT_OK_AND_ASSIGN(const UnitDefinition definition, unit.TryBuild());
  const absl::Status status = Start(std::move(unit));
  // Without CAP_SYS_RESOURCE (a box) the limit cannot be raised above that of PID 1; the value is read back all the
  // same.
  EXPECT_THAT(status, IsOk());
  for (const char* verb : {"show", "daemon-reload", "daemon-reexec"}) {
    RunTool("systemctl", {verb});
    for (const Property& property : definition.properties) {
      const std::string text = ReadBack(name, property.name);
      for (const std::string& expected : ExpectedTexts(property.value)) {
        EXPECT_THAT(text, HasSubstr(expected)) << property.name << " after " << verb;
      }
    }
  }
  EXPECT_THAT(loop_.Await(manager_.SetUnitProperties(
                  name, {{"MemoryMax", uint64_t{32} << 20}, {"TasksMax", uint64_t{50}}}, kLong)),
              IsOk());
  RunTool("systemctl", {"daemon-reload"});
  EXPECT_EQ(ReadBack(name, "MemoryMax"), base::StrCat("t ", 32 << 20, "\n"));
  EXPECT_EQ(ReadBack(name, "TasksMax"), "t 50\n");
}

TEST_F(Live, PrintsWhatCallsCost) {
  const auto measure = [](const char* what, int times, const std::function<void()>& call) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) {
      call();
    }
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
    std::printf("%-28s %6.2f ms\n", what, spent.count() / times);
  };
  measure("StartTransientUnit", 20, [this] { EXPECT_THAT(Start(Shell(NewName(), "exec sleep 1000")), IsOk()); });
  const UnitName name = units_.front();
  measure("GetUnit", 100, [&] { Facts(name); });
  measure("ListUnits of a pattern", 100, [&] {
    std::vector<std::string> patterns = {"rktlet-live-test*"};
    EXPECT_THAT(loop_.Await(manager_.ListUnits(patterns, kLong)), IsOk());
  });
  measure("KillUnit", 100,
          [&] { EXPECT_THAT(loop_.Await(manager_.KillUnit(name, KillWho::kMain, SIGCONT, kLong)), IsOk()); });
  measure("SetUnitProperties", 100, [&] {
    std::vector<Property> properties = {{"TasksMax", uint64_t{100}}};
    EXPECT_THAT(loop_.Await(manager_.SetUnitProperties(name, properties, kLong)), IsOk());
  });
  measure("StopUnit", 10, [&] {
    EXPECT_THAT(loop_.Await(manager_.StopUnit(units_.back(), kLong)), IsOk());
    units_.pop_back();
  });
}

}  // namespace
}  // namespace rktlet::systemd
