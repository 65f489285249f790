// SPDX-License-Identifier: Apache-2.0
// For tests: a private dbus-daemon, and something on it that answers to systemd's name the way systemd does, or the way
// it does on a bad day.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/pid_fd.h"

namespace rktlet::systemd {

// A message bus of one test, at an address that stays the same when it is stopped and started again.
class PrivateBus {
 public:
  PrivateBus();
  ~PrivateBus();

  void Start();
  void Stop();
  const std::string& address() const { return address_; }
  const base::PidFd& process() const { return daemon_; }

 private:
  base::TempDir directory_;
  std::string address_;
  base::PidFd daemon_;
};

class FakeSystemd {
 public:
  struct Unit {
    std::string active_state = "active";
    std::string sub_state = "running";
    std::string result = "success";
    std::string status_text;
    uint32_t main_pid = 0;
    uint32_t exec_main_pid = 0;
    int32_t exec_main_code = 0;
    int32_t exec_main_status = 0;
    uint64_t exec_main_start = 0;
    uint64_t exec_main_exit = 0;
    uint32_t job = 0;
  };

  enum class Jobs {
    kSignalAfterReply,
    kSignalBeforeReply,
    kFail,        // with Result=exit-code and a status text
    kSignalLost,  // the job ends, nobody is told
    kNeverEnd,
    kNeverReply,
  };

  explicit FakeSystemd(boost::asio::any_io_executor executor);
  ~FakeSystemd();

  // Joins the bus with systemd's name, and leaves it. Units stay, as over a daemon-reexec.
  void Join(const std::string& address) { Join(address, /*with_name=*/true); }
  // Joins as somebody who is not systemd, and sends all signals straight to `victim`, past its matches.
  void JoinAsLiar(const std::string& address, std::string victim) {
    victim_ = std::move(victim);
    Join(address, /*with_name=*/false);
  }
  void Leave();

  Jobs jobs = Jobs::kSignalAfterReply;
  std::map<std::string, Unit> units;
  std::string client;              // unique name of the last caller of StartTransientUnit
  std::vector<std::string> calls;  // "StartTransientUnit a.service fail Description=s …"

  // Ends the job of a unit that was started with kNeverEnd.
  void FinishJob(const std::string& unit, const std::string& result, bool announce = true);
  void Exit(const std::string& unit, int code);
  // What systemd sends after any change of a unit.
  void Announce(const std::string& unit);
  void Unload(const std::string& unit);
  void Reloading(bool begins);

 private:
  class Service;

  void Join(const std::string& address, bool with_name);

  boost::asio::any_io_executor executor_;
  std::unique_ptr<Service> service_;
  std::string victim_;
  uint32_t next_job_ = 1;
  uint32_t next_pid_ = 100;
};

}  // namespace rktlet::systemd
