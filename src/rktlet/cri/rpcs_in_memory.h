// SPDX-License-Identifier: Apache-2.0
// For tests: all rpcs that take something, on pods, an engine, a systemd and a clock that are fakes, always in the same
// state. What a request did can be compared with what another one did.
#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rktlet/cri/no_stream_backend.h"
#include "rktlet/cri/rpcs.h"
#include "rktlet/pods/pods_fixture.h"
#include "rktlet/streaming/server.h"

namespace rktlet::cri {

struct Outcome {
  absl::Status status;
  std::string effect;  // the answer, that there is none yet, and all that engine, systemd and disk were told, as text
};

// One call has one of it. There are: the ready pod aaa… with the containers bbb… (running), ccc… (running, with a
// terminal) and ddd… (created); the stopped pod eee…; the images "busybox" and "other". Ids may be shortened to 8
// digits.
class RpcsInMemory : public pods::PodsFixture {
 public:
  RpcsInMemory();
  ~RpcsInMemory() override;

  // `rpc` is one of Names().
  Outcome Ask(const std::string& rpc, const google::protobuf::Message& request);

  // Those that are served; any other is refused whatever the request says.
  static std::vector<std::string> Names();

 private:
  using Handler = Outcome (RpcsInMemory::*)(const google::protobuf::Message&);
  static const std::map<std::string, Handler>& Handlers();

  using Message = google::protobuf::Message;

  void TestBody() override {}  // it is no test
  spec::PodId MakePod(char digit, const std::string& name);
  void MakeContainer(const spec::PodId& pod, char digit, const std::string& name, bool start, bool tty);
  void MakeControlGroup(const std::string& group);

  template <auto rpc, typename Request>
  Outcome Unary(const google::protobuf::Message& request);
  template <auto rpc, typename Request, typename Response>
  Outcome Stream(const google::protobuf::Message& request);
  // nullopt: it waits for time to pass.
  template <typename T>
  std::optional<absl::StatusOr<T>> RunAsFarAsItGoes(engine::Awaitable<absl::StatusOr<T>> work);

  void StartStreams();
  // What the streaming server would do for who comes with this URL.
  std::string RequestBehind(const std::string& url);
  std::string Effects() const;
  // Without what differs each time: new ids, the temporary directory.
  std::string Stable(std::string text) const;

  std::vector<std::shared_ptr<Message>> requests_;  // for calls that go on
  std::vector<std::string> execs_;
  engine::ImageCache images_{engine};
  engine::Puller puller_{loop.get_executor(), engine, images_, config};
  engine::NetworkMonitor network_{loop.get_executor(), engine, config};
  stats::DiskUsage disk_;
  stats::Collector stats_;
  Context context_;
  NoStreamBackend backend_;
  streaming::Limits limits_;
  std::vector<std::string> streams_asked_;
  std::unique_ptr<streaming::Server> streams_;
};

}  // namespace rktlet::cri
