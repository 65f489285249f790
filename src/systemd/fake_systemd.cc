// SPDX-License-Identifier: Apache-2.0
#include "systemd/fake_systemd.h"

#include <gtest/gtest.h>

#include <csignal>
#include <utility>

#include "base/strings.h"
#include "base/subprocess.h"
#include "systemd/bus_connection.h"
#include "systemd/bus_pump.h"
#include "systemd/sdbus.h"
#include "systemd/unit_name.h"

namespace rktlet::systemd {
namespace {

constexpr char kUnitInterface[] = "org.freedesktop.systemd1.Unit";
constexpr char kServiceInterface[] = "org.freedesktop.systemd1.Service";

std::string JobPath(uint32_t job) { return base::StrCat("/org/freedesktop/systemd1/job/", job); }
std::string PathOf(const std::string& unit) { return UnitObjectPath(*UnitName::Parse(unit)); }

std::string Configuration(const std::string& address) {
  return base::StrCat(
      "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
      "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
      "<busconfig><type>session</type><listen>",
      address,
      "</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
      "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n");
}

}  // namespace

PrivateBus::PrivateBus() : address_("unix:path=" + directory_.File("bus")) {
  EXPECT_TRUE(base::WriteFileAtomic(directory_.File("bus.conf"), Configuration(address_)).ok());
  Start();
}

PrivateBus::~PrivateBus() { Stop(); }

void PrivateBus::Start() {
  // The daemon prints its address once it listens; its end of the pipe is closed by then or it has failed.
  auto pipe = base::MakePipe();
  ASSERT_TRUE(pipe.ok()) << pipe.status();
  base::Command command;
  command.program = "dbus-daemon";
  command.args = {"--nofork", "--nopidfile", "--print-address=3", "--config-file=" + directory_.File("bus.conf")};
  command.fds = {{pipe->second.get(), 3}};
  auto daemon = base::Spawn(command);
  ASSERT_TRUE(daemon.ok()) << daemon.status() << ": the tests need the package dbus-daemon";
  daemon_ = *std::move(daemon);
  pipe->second.Reset();
  const auto printed = base::ReadAll(pipe->first.get());
  ASSERT_TRUE(printed.ok() && !printed->empty()) << "dbus-daemon did not start";
}

void PrivateBus::Stop() {
  if (daemon_.valid()) {
    EXPECT_TRUE(daemon_.SendSignal(SIGKILL).ok());
    EXPECT_TRUE(daemon_.Reap(/*wait=*/true).ok());
    daemon_ = base::PidFd();
  }
}

class FakeSystemd::Service {
 public:
  Service(FakeSystemd& systemd, const std::string& address, bool with_name)
      : systemd_(systemd), connection_(sdbus::createSessionBusConnectionWithAddress(address)) {
    manager_ = sdbus::createObject(*connection_, sdbus::ObjectPath(kManagerPath));
    RegisterManager();
    for (const auto& [name, unit] : systemd_.units) {
      AddUnit(name);
    }
    pump_ = std::make_shared<BusPump>(
        systemd_.executor_, *connection_, [] {}, [](const absl::Status&) {});
    EXPECT_TRUE(pump_->Start().ok());
    if (with_name) {
      connection_->requestName(bus::ServiceName(kSystemdService));
    }
    pump_->Rearm();
  }
  ~Service() { pump_->Stop(); }

  void AddUnit(const std::string& name) {
    if (objects_.contains(name)) {
      return;
    }
    std::unique_ptr<sdbus::IObject>& object = objects_[name];
    object = sdbus::createObject(*connection_, sdbus::ObjectPath(PathOf(name)));
    bus::Members members;
    const auto property = [&](const char* interface, const char* member, auto getter) {
      members.AddProperty(interface, member, [this, name, getter] { return getter(systemd_.units[name]); });
    };
    property(kUnitInterface, "LoadState", [](const Unit&) { return std::string("loaded"); });
    property(kUnitInterface, "ActiveState", [](const Unit& unit) { return unit.active_state; });
    property(kUnitInterface, "SubState", [](const Unit& unit) { return unit.sub_state; });
    property(kUnitInterface, "Job", [](const Unit& unit) {
      return sdbus::Struct<uint32_t, sdbus::ObjectPath>(unit.job,
                                                        sdbus::ObjectPath(unit.job != 0 ? JobPath(unit.job) : "/"));
    });
    property(kUnitInterface, "InvocationID", [](const Unit&) { return Bytes(16, 0xab); });
    property(kServiceInterface, "Unrelated", [](const Unit&) {
      return std::map<std::string, std::vector<std::string>>{{"a", {"b"}}};
    });
    property(kServiceInterface, "MainPID", [](const Unit& unit) { return unit.main_pid; });
    property(kServiceInterface, "ExecMainPID", [](const Unit& unit) { return unit.exec_main_pid; });
    property(kServiceInterface, "ExecMainCode", [](const Unit& unit) { return unit.exec_main_code; });
    property(kServiceInterface, "ExecMainStatus", [](const Unit& unit) { return unit.exec_main_status; });
    property(kServiceInterface, "ExecMainStartTimestampMonotonic",
             [](const Unit& unit) { return unit.exec_main_start; });
    property(kServiceInterface, "ExecMainExitTimestamp", [](const Unit& unit) { return unit.exec_main_exit; });
    property(kServiceInterface, "Result", [](const Unit& unit) { return unit.result; });
    property(kServiceInterface, "StatusText", [](const Unit& unit) { return unit.status_text; });
    std::move(members).Register(*object);
  }

  void RemoveUnit(const std::string& name) {
    objects_.erase(name);
    auto signal = Signal(*manager_, kManagerInterface, "UnitRemoved");
    signal << name << sdbus::ObjectPath(PathOf(name));
    Emit(*manager_, signal);
  }

  void AnnounceUnit(const std::string& name) {
    const Unit& unit = systemd_.units[name];
    using sdbus::Variant;
    std::map<std::string, Variant> service{
        {"MainPID", Variant(unit.main_pid)},
        {"ExecMainPID", Variant(unit.exec_main_pid)},
        {"ExecMainCode", Variant(unit.exec_main_code)},
        {"ExecMainStatus", Variant(unit.exec_main_status)},
        {"ExecMainStartTimestampMonotonic", Variant(unit.exec_main_start)},
        {"ExecMainExitTimestamp", Variant(unit.exec_main_exit)},
        {"Result", Variant(unit.result)},
    };
    std::map<std::string, Variant> state{
        {"ActiveState", Variant(unit.active_state)},
        {"SubState", Variant(unit.sub_state)},
    };
    AnnounceProperties(name, kServiceInterface, service);
    AnnounceProperties(name, kUnitInterface, state);
  }

  void AnnounceJob(uint32_t job, const std::string& unit, const std::string& result) {
    auto signal = Signal(*manager_, kManagerInterface, "JobRemoved");
    signal << job << sdbus::ObjectPath(JobPath(job)) << unit << result;
    Emit(*manager_, signal);
  }

  void AnnounceReloading(bool begins) {
    auto signal = Signal(*manager_, kManagerInterface, "Reloading");
    signal << begins;
    Emit(*manager_, signal);
  }

 private:
  void AnnounceProperties(const std::string& name, const char* interface,
                          const std::map<std::string, sdbus::Variant>& properties) {
    auto signal = Signal(*objects_.at(name), kPropertiesInterface, "PropertiesChanged");
    signal << std::string(interface) << properties << std::vector<std::string>{"ExecStart"};
    Emit(*objects_.at(name), signal);
  }

  static sdbus::Signal Signal(sdbus::IObject& object, const char* interface, const char* name) {
    return object.createSignal(bus::InterfaceName(interface), bus::MemberName(name));
  }

  void Emit(sdbus::IObject& object, sdbus::Signal& signal) {
    if (!systemd_.victim_.empty()) {
      signal.setDestination(systemd_.victim_);
    }
    object.emitSignal(signal);
    pump_->Rearm();
  }

  static void Reply(const sdbus::MethodCall& call) { call.createReply().send(); }
  static void ReplyJob(const sdbus::MethodCall& call, uint32_t job) {
    auto reply = call.createReply();
    reply << sdbus::ObjectPath(JobPath(job));
    reply.send();
  }
  void Require(const std::string& unit) const {
    if (!systemd_.units.contains(unit)) {
      throw sdbus::Error(bus::ErrorName("org.freedesktop.systemd1.NoSuchUnit"), "Unit " + unit + " not loaded.");
    }
  }

  void RegisterManager() {
    bus::Members members;
    const auto method = [&members](const char* name, const char* input, const char* output,
                                   bus::MethodHandler handler) {
      members.AddMethod(kManagerInterface, name, input, output, std::move(handler));
    };
    method("Subscribe", "", "", [this](sdbus::MethodCall& call) {
      systemd_.calls.emplace_back("Subscribe");
      Reply(call);
    });
    method("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", [this](sdbus::MethodCall& call) { Start(call); });
    method("StopUnit", "ss", "o", [this](sdbus::MethodCall& call) { Stop(call); });
    method("KillUnit", "ssi", "", [this](sdbus::MethodCall& call) {
      std::string unit;
      std::string who;
      int32_t signal = 0;
      call >> unit >> who >> signal;
      systemd_.calls.push_back(base::StrCat("KillUnit ", unit, " ", who, " ", signal));
      Require(unit);
      Reply(call);
    });
    for (const char* name : {"FreezeUnit", "ThawUnit"}) {
      method(name, "s", "", [this, name](sdbus::MethodCall& call) {
        std::string unit;
        call >> unit;
        systemd_.calls.push_back(base::StrCat(name, " ", unit));
        Require(unit);
        Reply(call);
      });
    }
    method("SetUnitProperties", "sba(sv)", "", [this](sdbus::MethodCall& call) {
      std::string unit;
      bool runtime = false;
      call >> unit >> runtime;
      systemd_.calls.push_back(
          base::StrCat("SetUnitProperties ", unit, runtime ? " runtime" : "", ReadProperties(call)));
      Require(unit);
      Reply(call);
    });
    method("ResetFailedUnit", "s", "", [this](sdbus::MethodCall& call) {
      std::string unit;
      call >> unit;
      systemd_.calls.push_back("ResetFailedUnit " + unit);
      Require(unit);
      Reply(call);
    });
    method("ListUnitsByPatterns", "asas", "a(ssssssouso)", [this](sdbus::MethodCall& call) { List(call); });
    members.AddProperty(kManagerInterface, "Version", [] { return std::string("252"); });
    members.AddProperty(kManagerInterface, "Features", [] { return std::string("+PAM"); });
    std::move(members).Register(*manager_);
  }

  static std::string ReadProperties(sdbus::MethodCall& call) {
    std::vector<sdbus::Struct<std::string, sdbus::Variant>> properties;
    call >> properties;
    std::string text;
    for (const auto& property : properties) {
      text += base::StrCat(" ", std::get<0>(property), "=", std::get<1>(property).peekValueType());
    }
    return text;
  }

  void Start(sdbus::MethodCall& call) {
    std::string name;
    std::string mode;
    call >> name >> mode;
    systemd_.client = call.getSender();
    systemd_.calls.push_back(base::StrCat("StartTransientUnit ", name, " ", mode, ReadProperties(call)));
    if (systemd_.units.contains(name)) {
      throw sdbus::Error(bus::ErrorName("org.freedesktop.systemd1.UnitExists"),
                         "Unit " + name + " was already loaded.");
    }
    const uint32_t job = systemd_.next_job_++;
    Unit& unit = systemd_.units[name];
    unit.active_state = "activating";
    unit.sub_state = "start";
    unit.job = job;
    AddUnit(name);
    const Jobs jobs = systemd_.jobs;
    if (jobs == Jobs::kNeverReply) {
      return;
    }
    if (jobs == Jobs::kSignalBeforeReply) {
      systemd_.FinishJob(name, "done");
    }
    ReplyJob(call, job);
    if (jobs == Jobs::kSignalAfterReply || jobs == Jobs::kFail) {
      systemd_.FinishJob(name, jobs == Jobs::kFail ? "failed" : "done");
    } else if (jobs == Jobs::kSignalLost) {
      systemd_.FinishJob(name, "done", /*announce=*/false);
    }
  }

  void Stop(sdbus::MethodCall& call) {
    std::string name;
    std::string mode;
    call >> name >> mode;
    systemd_.calls.push_back(base::StrCat("StopUnit ", name, " ", mode));
    Require(name);
    const uint32_t job = systemd_.next_job_++;
    ReplyJob(call, job);
    if (systemd_.jobs != Jobs::kNeverEnd) {
      systemd_.Unload(name);
      AnnounceJob(job, name, "done");
    }
  }

  void List(sdbus::MethodCall& call) {
    systemd_.calls.emplace_back("ListUnitsByPatterns");
    using Line = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                               sdbus::ObjectPath, uint32_t, std::string, sdbus::ObjectPath>;
    std::vector<Line> lines;
    for (const auto& [name, unit] : systemd_.units) {
      lines.emplace_back(name, "a unit", "loaded", unit.active_state, unit.sub_state, "",
                         sdbus::ObjectPath(PathOf(name)), unit.job, "", sdbus::ObjectPath("/"));
    }
    auto reply = call.createReply();
    reply << lines;
    reply.send();
  }

  FakeSystemd& systemd_;
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> manager_;
  std::map<std::string, std::unique_ptr<sdbus::IObject>> objects_;
  std::shared_ptr<BusPump> pump_;
};

FakeSystemd::FakeSystemd(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
FakeSystemd::~FakeSystemd() = default;

void FakeSystemd::Join(const std::string& address, bool with_name) {
  service_ = std::make_unique<Service>(*this, address, with_name);
}
void FakeSystemd::Leave() { service_.reset(); }

void FakeSystemd::FinishJob(const std::string& name, const std::string& result, bool announce) {
  Unit& unit = units[name];
  const uint32_t job = std::exchange(unit.job, 0);
  const bool done = result == "done";
  unit.active_state = done ? "active" : "failed";
  unit.sub_state = done ? "running" : "failed";
  if (done) {
    unit.main_pid = unit.exec_main_pid = next_pid_++;
    unit.exec_main_start = unit.main_pid * 1000;
  } else {
    unit.result = "exit-code";
    unit.status_text = "no such image";
  }
  if (announce && service_ != nullptr) {
    service_->AnnounceUnit(name);
    service_->AnnounceJob(job, name, result);
  }
}

void FakeSystemd::Exit(const std::string& name, int code) {
  Unit& unit = units[name];
  unit.main_pid = 0;
  unit.exec_main_code = 1;
  unit.exec_main_status = code;
  unit.exec_main_exit = unit.exec_main_start + 1;
  unit.sub_state = code == 0 ? "exited" : "failed";
  unit.active_state = code == 0 ? "active" : "failed";
  Announce(name);
}

void FakeSystemd::Announce(const std::string& unit) {
  if (service_ != nullptr) {
    service_->AnnounceUnit(unit);
  }
}

void FakeSystemd::Unload(const std::string& unit) {
  units.erase(unit);
  if (service_ != nullptr) {
    service_->RemoveUnit(unit);
  }
}

void FakeSystemd::Reloading(bool begins) {
  if (service_ != nullptr) {
    service_->AnnounceReloading(begins);
  }
}

}  // namespace rktlet::systemd
