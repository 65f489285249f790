// SPDX-License-Identifier: Apache-2.0
#include "base/fd_passing.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/status_matchers.h"

namespace rktlet::base {
namespace {

using testing::_;
using testing::HasSubstr;

std::pair<UniqueFd, UniqueFd> Connected() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

TEST(FdPassingTest, TheOtherSideGetsTheSameFile) {
  const auto [here, there] = Connected();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  ASSERT_THAT(SendFd(here.get(), write_end.get()), IsOk());
  const absl::StatusOr<UniqueFd> received = ReceiveFd(there.get());
  ASSERT_THAT(received, IsOk());
  EXPECT_EQ(::fcntl(received->get(), F_GETFD), FD_CLOEXEC);
  ASSERT_EQ(::write(received->get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST(FdPassingTest, NothingYetAndNothingMoreAreUnavailable) {
  auto [here, there] = Connected();
  EXPECT_THAT(ReceiveFd(there.get()), StatusIs(absl::StatusCode::kUnavailable, _));
  here.Reset();
  EXPECT_THAT(ReceiveFd(there.get()), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(FdPassingTest, AMessageWithoutADescriptorIsNone) {
  const auto [here, there] = Connected();
  ASSERT_EQ(::send(here.get(), "text", 4, 0), 4);
  EXPECT_THAT(ReceiveFd(there.get()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("brings none")));
}

}  // namespace
}  // namespace rktlet::base
