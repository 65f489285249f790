// SPDX-License-Identifier: Apache-2.0
#include "rkt/stage1/supervisor_harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/strings.h"
#include "base/subprocess.h"

namespace rkt::stage1 {
namespace {

namespace base = rktlet::base;
namespace supervisor = rktlet::spec::supervisor;

constexpr int kSocketInHelper = 5;
constexpr std::chrono::seconds kPatience(20);

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

base::UniqueFd ListenAt(const std::string& path) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const sockaddr_un address = AddressOf(path);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << path;
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  return fd;
}

std::string MakePacket(supervisor::Operation operation, const std::vector<std::string>& strings, uint32_t flags) {
  const supervisor::RequestHeader header{supervisor::kMagic, operation, flags, 0};
  std::string packet(reinterpret_cast<const char*>(&header), sizeof(header));
  for (const std::string& text : strings) {
    packet.append(text.c_str(), text.size() + 1);
  }
  return packet;
}

HarnessReply TakeReply(int fd) {
  std::array<char, 4096> data{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
  iovec part{data.data(), data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  HarnessReply reply;
  const ssize_t size = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  supervisor::ReplyHeader header{};
  if (size < static_cast<ssize_t>(sizeof(header))) {
    reply.error = -1;
    return reply;
  }
  std::memcpy(&header, data.data(), sizeof(header));
  EXPECT_EQ(header.magic, supervisor::kMagic);
  reply.error = header.error;
  reply.value = header.value;
  reply.text = data.data() + sizeof(header);
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
    const size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < count; ++index) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(item) + index * sizeof(int), sizeof(int));
      reply.fds.emplace_back(received);
    }
  }
  return reply;
}

}  // namespace

void SendTerminal(const std::string& console_socket, int master) {
  const base::UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = AddressOf(console_socket);
  ASSERT_EQ(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  char name[] = "pts";
  iovec part{name, sizeof(name)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &master, sizeof(int));
  ASSERT_GT(::sendmsg(connection.get(), &message, 0), 0);
}

std::string HelperPath() { return RKT_HELPER_UNDER_TEST; }

SupervisorHarness::SupervisorHarness(int patience) : socket_path_(dir_.File("supervisor")) {
  const base::UniqueFd socket = ListenAt(socket_path_);
  base::Command command;
  command.program = HelperPath();
  command.args = {"supervisor", std::to_string(kSocketInHelper), dir_.path(), ""};
  auto said = base::MakePipe();
  EXPECT_TRUE(said.ok());
  said_ = std::move(said->first);
  EXPECT_EQ(::fcntl(said_.get(), F_SETFL, O_NONBLOCK), 0);
  command.fds = {{socket.get(), kSocketInHelper}, {said->second.get(), STDERR_FILENO}};
  command.environment.emplace();
  command.environment->push_back("RKT_JOURNAL_SOCKET=" + journal_socket());
  command.environment->push_back("RKT_ATTACH_PATIENCE_MS=" + std::to_string(patience));
  auto process = base::Spawn(command);
  EXPECT_TRUE(process.ok()) << process.status();
  if (process.ok()) {
    process_ = *std::move(process);
  }
}

SupervisorHarness::~SupervisorHarness() {
  if (process_.valid()) {
    process_.SendSignal(SIGKILL).IgnoreError();
    process_.Reap(true).IgnoreError();
  }
}

std::string SupervisorHarness::MakeContainer(const std::string& name) {
  const std::string path = dir_.File(name);
  EXPECT_EQ(::mkdir(path.c_str(), 0700), 0) << path;
  return path;
}

std::string SupervisorHarness::Said() const {
  std::string text(65536, '\0');
  text.resize(static_cast<size_t>(std::max<ssize_t>(::read(said_.get(), text.data(), text.size()), 0)));
  return text;
}

HarnessReply SupervisorHarness::NextReply(const base::UniqueFd& connection) { return TakeReply(connection.get()); }

SupervisorHarness::Attachment SupervisorHarness::Exchange(const std::string& packet) {
  Attachment exchange;
  exchange.connection = base::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const int fd = exchange.connection.get();
  const sockaddr_un address = AddressOf(socket_path_);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL), static_cast<ssize_t>(packet.size()));
  exchange.reply = TakeReply(fd);
  return exchange;
}

HarnessReply SupervisorHarness::SendRaw(const std::string& packet) { return Exchange(packet).reply; }

SupervisorHarness::Attachment SupervisorHarness::Attach(const std::string& app, uint32_t flags) {
  return Exchange(MakePacket(supervisor::kAttach, {app}, flags));
}

HarnessReply SupervisorHarness::Call(supervisor::Operation operation, const std::vector<std::string>& strings,
                                     uint32_t flags) {
  return SendRaw(MakePacket(operation, strings, flags));
}

base::ExitStatus SupervisorHarness::Terminate() {
  EXPECT_TRUE(process_.SendSignal(SIGTERM).ok());
  const auto status = process_.Reap(true);
  process_ = base::PidFd();
  return status.ok() && status->has_value() ? **status : base::ExitStatus{-1, 0};
}

int RunHelper(const std::vector<std::string>& args, const std::map<std::string, std::string>& environment) {
  base::Command command;
  command.program = HelperPath();
  command.args = args;
  command.environment.emplace();
  for (const auto& [key, value] : environment) {
    command.environment->push_back(base::StrCat(key, "=", value));
  }
  base::RunOptions options;
  options.timeout = kPatience;
  const auto result = base::RunCommand(command, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->status.ShellCode() : -1;
}

std::string WaitForFile(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string text;
  do {
    text = base::ReadFile(path, size_t{64} << 20).value_or("");
    if (wanted(text)) {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  } while (std::chrono::steady_clock::now() < deadline);
  return text;
}

}  // namespace rkt::stage1
