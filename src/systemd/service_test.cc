// SPDX-License-Identifier: Apache-2.0
#include "systemd/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/files.h"

namespace rktlet::systemd {
namespace {

using testing::MatchesRegex;

// Plays systemd's end of $NOTIFY_SOCKET.
class Notifications : public testing::Test {
 protected:
  Notifications() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = directory_.File("notify");
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~Notifications() override { ::unsetenv("NOTIFY_SOCKET"); }

  std::string Received() {
    char buffer[1024];
    const ssize_t length = ::recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    return length < 0 ? "nothing" : std::string(buffer, length);
  }

 private:
  base::TempDir directory_;
  base::UniqueFd socket_;
};

TEST_F(Notifications, SayReadyWithAStatusLine) {
  NotifyReady();
  EXPECT_EQ(Received(), "READY=1");
  NotifyReady("3 pods\nSTOPPING=1");
  EXPECT_EQ(Received(), "READY=1\nSTATUS=3 pods");
}

TEST_F(Notifications, SayReloadingWithItsTime) {
  NotifyReloading();
  EXPECT_THAT(Received(), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
}

TEST_F(Notifications, SayStoppingStatusAndWatchdog) {
  NotifyStopping("draining");
  EXPECT_EQ(Received(), "STOPPING=1\nSTATUS=draining");
  NotifyStatus("idle");
  EXPECT_EQ(Received(), "STATUS=idle");
  NotifyWatchdog();
  EXPECT_EQ(Received(), "WATCHDOG=1");
}

TEST(Watchdog, IsFedTwiceInItsTime) {
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(WatchdogInterval(), std::chrono::microseconds(1500000));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(WatchdogInterval(), std::nullopt);
}

TEST(ListenFds, AreNoneWhenNobodyPassedAny) { EXPECT_THAT(ListenFds(), testing::IsEmpty()); }

}  // namespace
}  // namespace rktlet::systemd
