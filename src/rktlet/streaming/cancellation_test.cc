// SPDX-License-Identifier: Apache-2.0
// Clients whose process or socket is not there yet, as a terminal may take a minute to come: neither they nor a stop
// wait for it.
#include "rktlet/streaming/cancellation.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "rktlet/streaming/streaming_fixture.h"

namespace rktlet::streaming {
namespace {

namespace asio = boost::asio;
using base::IsOkAndHolds;
using base::StatusCodeIs;
using testing::IsEmpty;

constexpr char kV4[] = "v4.channel.k8s.io";

class CancellationTest : public StreamingTest, public testing::WithParamInterface<const char*> {
 protected:
  Request TheRequest() const {
    const std::string kind = GetParam();
    if (kind == "portforward") {
      return PortForwardRequest{*spec::PodId::Parse(std::string(64, 'a')), {80}};
    }
    return kind == "exec" ? Exec(true, true, false) : Attach(true, true, false);
  }
  std::unique_ptr<TestClient> OpenAndHang() {
    limits_.drain_time = std::chrono::milliseconds(20);
    backend_.hangs = true;
    auto client = Client();
    EXPECT_EQ(client->Connect(Url(TheRequest()), kV4), 101);
    EXPECT_TRUE(Eventually([&] { return backend_.hanging == 1; }));
    return client;
  }
};

INSTANTIATE_TEST_SUITE_P(All, CancellationTest, testing::Values("exec", "attach", "portforward"));

TEST_P(CancellationTest, AStopDoesNotWaitForWhatTheClientWaitsFor) {
  auto client = OpenAndHang();
  StopServer(std::chrono::milliseconds(20));
  EXPECT_EQ(server_->clients(), 0U);
  EXPECT_EQ(backend_.hanging, 0U);
}

TEST_P(CancellationTest, AClientThatGoesIsNotKept) {
  auto client = OpenAndHang();
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return server_->clients() == 0; }));
  EXPECT_EQ(backend_.hanging, 0U);
}

Awaitable<absl::StatusOr<std::string>> Later(std::chrono::nanoseconds time, int& turns) {
  for (int i = 0; i < 3; ++i) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(time);
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await timer.async_wait(token);
    ++turns;
  }
  co_return "late";
}

class CancelledCall : public StreamingTest {
 protected:
  Awaitable<absl::StatusOr<std::string>> Run(std::chrono::nanoseconds time) {
    Awaitable<absl::StatusOr<std::string>> call = Later(time, turns_);
    co_return co_await cancellation_.Run(std::move(call));
  }

  Cancellation cancellation_;
  int turns_ = 0;
};

TEST_F(CancelledCall, GivesWhatItGivesIfNobodyCancelsIt) {
  EXPECT_THAT(loop_.Await(Run(std::chrono::milliseconds(1))), IsOkAndHolds("late"));
  EXPECT_EQ(turns_, 3);
}

TEST_F(CancelledCall, EndsAtItsNextWait) {
  asio::steady_timer timer(loop_.context());
  timer.expires_after(std::chrono::milliseconds(5));
  timer.async_wait([this](boost::system::error_code) { cancellation_.Cancel(); });
  EXPECT_THAT(loop_.Await(Run(std::chrono::hours(1))), StatusCodeIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(turns_, 1);
  // None begins any more.
  EXPECT_THAT(loop_.Await(Run(std::chrono::hours(1))), StatusCodeIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(turns_, 1);
}

}  // namespace
}  // namespace rktlet::streaming
