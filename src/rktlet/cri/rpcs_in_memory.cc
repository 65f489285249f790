// SPDX-License-Identifier: Apache-2.0
#include "rktlet/cri/rpcs_in_memory.h"

#include <arpa/inet.h>
#include <google/protobuf/text_format.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "base/strings.h"

namespace rktlet::cri {
namespace {

template <typename Response>
class Collector final : public Sink<Response> {
 public:
  void Begin() override {}
  engine::Awaitable<bool> Write(std::shared_ptr<const Response> message) override {
    text += message->DebugString();
    co_return true;
  }
  std::string text;
};

engine::Awaitable<absl::StatusOr<std::vector<stats::Usage>>> MeasureNothing(std::vector<std::string> directories) {
  co_return std::vector<stats::Usage>(directories.size());
}

std::string Text(const streaming::StdioRequest& request) {
  return base::StrCat(request.app.str(), " tty ", request.tty, " in ", request.input, " out ", request.output, " err ",
                      request.error);
}

struct RequestText {
  std::string operator()(const streaming::ExecRequest& request) const {
    std::string text = "exec " + Text(request);
    for (const std::string& word : request.command) {
      text += " " + word;
    }
    return text;
  }
  std::string operator()(const streaming::AttachRequest& request) const { return "attach " + Text(request); }
  std::string operator()(const streaming::PortForwardRequest& request) const {
    std::string text = "forward " + request.pod.str();
    for (const uint16_t port : request.ports) {
      text += base::StrCat(" ", port);
    }
    return text;
  }
};

// The heap and the descriptors of this process are nobody's answer.
void DropOwnResources(v1::StatusResponse& response) { response.mutable_info()->erase("resources"); }
template <typename Response>
void DropOwnResources(Response& /*response*/) {}

}  // namespace

RpcsInMemory::RpcsInMemory()
    : disk_(loop.get_executor(), clock, MeasureNothing),
      stats_(clock, cgroups, layout, disk_, directory.File("proc")),
      context_{loop,   config, layout, engine,     images_, puller_, network_,
               stats_, disk_,  *pods,  pods.get(), {},      nullptr, nullptr} {
  EXPECT_THAT(Run(pods->Recover()), base::IsOk());
  for (const char* name : {"docker.io/library/busybox:latest", "docker.io/library/other:latest"}) {
    EXPECT_THAT(Run(engine.FetchImage({.reference = name})), base::IsOk());
  }
  EXPECT_THAT(Run(images_.Refresh()), base::IsOk());
  engine.fake.fetches.clear();
  engine.fake.on_exec = [this](const engine::ExecRequest& request) {
    std::string text =
        base::StrCat(request.app.str(), " ", request.timeout.has_value() ? request.timeout->count() : -1);
    for (const std::string& word : request.command) {
      text += " " + word;
    }
    execs_.push_back(text);
    return engine::ExecResult();
  };
  const spec::PodId pod = MakePod('a', "web");
  MakeContainer(pod, 'b', "main", true, false);
  MakeContainer(pod, 'c', "shell", true, true);
  MakeContainer(pod, 'd', "later", false, false);
  const spec::PodId stopped = MakePod('e', "old");
  EXPECT_THAT(Run(pods->StopPod(*pods->GetPod(stopped.str()))), base::IsOk());
  manager.SetKillHandler([](const systemd::UnitName&, systemd::KillWho, int signal) { return signal == SIGKILL; });
}

RpcsInMemory::~RpcsInMemory() {
  if (streams_ != nullptr) {
    boost::asio::co_spawn(loop, streams_->Stop(std::chrono::nanoseconds(0)), boost::asio::detached);
    Settle();
  }
}

spec::PodId RpcsInMemory::MakePod(char digit, const std::string& name) {
  spec::PodSpec pod = PodSpecOf(name);
  pod.id = *spec::PodId::Parse(std::string(64, digit));
  pod.slice = base::StrCat("kubepods-", name, ".slice");
  pod.labels["app"] = name;
  pod.security.privileged = true;  // so that its containers may be
  pod.log_directory = "/var/log/pods/" + name;
  EXPECT_THAT(Run(pods->RunPod(pod)), base::IsOk());
  MakeControlGroup(base::StrCat("/kubepods.slice/kubepods-", name, ".slice"));
  return pod.id;
}

void RpcsInMemory::MakeContainer(const spec::PodId& pod, char digit, const std::string& name, bool start, bool tty) {
  spec::ContainerSpec spec = ContainerSpecOf(name);
  spec.id = *spec::ContainerId::Parse(std::string(64, digit));
  spec.app = *spec::AppName::Parse(spec.id.str());
  spec.labels["app"] = name;
  spec.tty = tty;
  spec.stdin_open = tty;
  EXPECT_THAT(Run(pods->CreateContainer(*pods->GetPod(pod.str()), spec)), base::IsOk());
  const pods::ContainerPtr container = *pods->GetContainer(spec.id.str());
  if (start) {
    EXPECT_THAT(Run(pods->StartContainer(container)), base::IsOk());
    MakeControlGroup("/kubepods.slice/kubepods-web.slice/" + container->unit.str());
  }
}

void RpcsInMemory::MakeControlGroup(const std::string& group) {
  const std::string path = directory.File("cgroup") + group;
  EXPECT_THAT(base::MakeDirectories(path), base::IsOk());
  const std::map<std::string, std::string> files = {
      {"cpu.stat", "usage_usec 7000000\nuser_usec 4000000\nsystem_usec 3000000\n"},
      {"memory.current", "4000\n"},
      {"memory.max", "10000\n"},
      {"memory.swap.current", "70\n"},
      {"memory.swap.max", "100\n"},
      {"memory.stat", "anon 300\nfile 900\ninactive_file 1000\npgfault 7\npgmajfault 2\n"},
      {"io.stat", ""},
      {"pids.current", "2\n"},
      {"pids.max", "max\n"}};
  for (const auto& [name, content] : files) {
    EXPECT_THAT(base::WriteFileAtomic(path + "/" + name, content), base::IsOk());
  }
}

template <typename T>
std::optional<absl::StatusOr<T>> RpcsInMemory::RunAsFarAsItGoes(engine::Awaitable<absl::StatusOr<T>> work) {
  auto result = std::make_shared<std::optional<absl::StatusOr<T>>>();
  boost::asio::co_spawn(loop, std::move(work), [result](std::exception_ptr exception, absl::StatusOr<T> value) {
    EXPECT_EQ(exception, nullptr);
    *result = std::move(value);
  });
  Settle();
  return *result;
}

template <auto rpc, typename Request>
Outcome RpcsInMemory::Unary(const google::protobuf::Message& message) {
  auto request = std::make_shared<Request>(static_cast<const Request&>(message));
  requests_.push_back(request);
  auto answer = RunAsFarAsItGoes(rpc(context_, engine::Cancellation(), *request));
  if (!answer.has_value()) {
    return {absl::OkStatus(), Stable("the call waits\n" + Effects())};
  }
  if (!answer->ok()) {
    return {answer->status(), Stable(Effects())};
  }
  auto& response = **answer;
  DropOwnResources(response);
  std::string text;
  if constexpr (requires { response.url(); }) {
    text = RequestBehind(response.url());
  } else {
    google::protobuf::TextFormat::PrintToString(response, &text);
  }
  return {absl::OkStatus(), Stable(text + Effects())};
}

template <auto rpc, typename Request, typename Response>
Outcome RpcsInMemory::Stream(const google::protobuf::Message& message) {
  auto request = std::make_shared<Request>(static_cast<const Request&>(message));
  requests_.push_back(request);
  Collector<Response> sink;
  const auto work = [](Context& context, const Request& asked,
                       Sink<Response>& where) -> engine::Awaitable<absl::StatusOr<bool>> {
    const absl::Status status = co_await rpc(context, engine::Cancellation(), asked, where);
    CO_RETURN_IF_ERROR(status);
    co_return true;
  };
  const auto end = RunAsFarAsItGoes(work(context_, *request, sink));
  EXPECT_TRUE(end.has_value()) << "a stream that is no list";
  return {end.has_value() ? end->status() : absl::OkStatus(), Stable(sink.text + Effects())};
}

const std::map<std::string, RpcsInMemory::Handler>& RpcsInMemory::Handlers() {
#define RKTLET_UNARY(name) {#name, &RpcsInMemory::Unary<&cri::name, v1::name##Request>},
#define RKTLET_STREAM(name, request, response) {#name, &RpcsInMemory::Stream<&cri::name, v1::request, v1::response>},
  static const std::map<std::string, Handler> handlers = {RKTLET_RUNTIME_RPCS(RKTLET_UNARY) RKTLET_IMAGE_RPCS(
      RKTLET_UNARY) RKTLET_RUNTIME_STREAMS(RKTLET_STREAM) RKTLET_IMAGE_STREAMS(RKTLET_STREAM)};
#undef RKTLET_UNARY
#undef RKTLET_STREAM
  return handlers;
}

std::vector<std::string> RpcsInMemory::Names() {
  std::vector<std::string> names;
  for (const auto& [name, handler] : Handlers()) {
    names.push_back(name);
  }
  return names;
}

Outcome RpcsInMemory::Ask(const std::string& rpc, const google::protobuf::Message& request) {
  if (std::set<std::string>{"Exec", "Attach", "PortForward"}.contains(rpc)) {
    StartStreams();
  }
  return (this->*Handlers().at(rpc))(request);
}

void RpcsInMemory::StartStreams() {
  streaming::Server::Options options;
  options.spdy = [this](streaming::SpdyUpgrade upgrade) -> streaming::Awaitable<void> {
    streams_asked_.push_back(std::visit(RequestText(), upgrade.request));
    co_return;
  };
  auto server = streaming::Server::Start(loop.get_executor(), backend_, limits_, std::move(options));
  EXPECT_THAT(server, base::IsOk());
  streams_ = *std::move(server);
  context_.streams = streams_.get();
}

std::string RpcsInMemory::RequestBehind(const std::string& url) {
  const std::string authority = url.substr(url.find("://") + 3);
  const size_t slash = authority.find('/');
  const size_t colon = authority.find(':');
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(authority.substr(colon + 1, slash - colon - 1), &port)) << url;
  base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string path = authority.substr(slash);
  const std::string protocol = path.starts_with("/portforward") ? "portforward.k8s.io" : "v4.channel.k8s.io";
  const std::string request =
      base::StrCat("POST ", path, " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n",
                   "X-Stream-Protocol-Version: ", protocol, "\r\n\r\n");
  EXPECT_EQ(::write(client.get(), request.data(), request.size()), static_cast<ssize_t>(request.size()));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (streams_asked_.empty() && std::chrono::steady_clock::now() < deadline) {
    loop.restart();
    loop.run_one_for(std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(streams_asked_.empty()) << "nobody was served at " << url;
  return streams_asked_.empty() ? "" : streams_asked_.back();
}

std::string RpcsInMemory::Effects() const {
  std::string text = base::StrCat("pod CIDR ", context_.node.pod_cidr, "\n");
  std::multiset<std::string> units;  // in an order that no new id decides
  for (const auto& [unit, state] : manager.units()) {
    units.insert(Stable(base::StrCat("unit ", unit.str(), " ", state.facts.active_state, "\n")));
  }
  for (const std::string& unit : units) {
    text += unit;
  }
  const std::vector<std::vector<std::string>> all_calls = {manager.calls(), engine.fake.calls, supervisors->calls,
                                                           execs_};
  for (const std::vector<std::string>& calls : all_calls) {
    for (const std::string& call : calls) {
      text += call + "\n";
    }
  }
  for (const engine::FetchRequest& fetch : engine.fake.fetches) {
    text += base::StrCat("fetch ", fetch.reference, " ", fetch.auth_json, "\n");
  }
  for (const pods::PodPtr& pod : pods->ListPods()) {
    text += spec::ToJson(pod->record) + "\n";
  }
  for (const pods::ContainerPtr& container : pods->ListContainers()) {
    text += spec::ToJson(container->record) + "\n";
  }
  return text;
}

std::string RpcsInMemory::Stable(std::string text) const {
  text = absl::StrReplaceAll(text, {{directory.path(), "<directory>"}});
  // Ids of this call, also of what it has taken away again; those of before are one digit many times, or an image's.
  static const std::regex kId("[0-9a-f]{64}|[0-9a-f]{12}(?=[.])");
  std::string stable;
  auto rest = text.cbegin();
  for (std::sregex_iterator match(text.cbegin(), text.cend(), kId), end; match != end; ++match) {
    const std::string id = match->str();
    stable.append(rest, (*match)[0].first);
    const bool old = id.find_first_not_of(id[0]) == std::string::npos || stable.ends_with("sha256:");
    stable += old ? id : "<new>";
    rest = (*match)[0].second;
  }
  return stable.append(rest, text.cend());
}

}  // namespace rktlet::cri
