// SPDX-License-Identifier: Apache-2.0
#include "rkt/pod/etc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_join.h"
#include "base/files.h"
#include "base/strings.h"
#include "spec/layout.h"

namespace rkt::pod {
namespace {

using rktlet::base::StrCat;
using rktlet::spec::NamespaceMode;

constexpr char kLocalHosts[] =
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "ff00::0\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n";
constexpr char kResolvedStub[] = "127.0.0.53";
constexpr char kResolvedServers[] = "/run/systemd/resolve/resolv.conf";

std::string ReadOr(const std::string& path, const std::string& otherwise) {
  auto text = rktlet::base::ReadFile(path);
  return text.ok() ? *std::move(text) : otherwise;
}

std::string MachineHostname() {
  char name[65] = "localhost";
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

// The machine's servers as a pod can reach them: systemd-resolved's stub listens on the machine's loopback.
std::string MachineResolvConf(const rktlet::spec::PodSpec& pod) {
  const std::string text = ReadOr("/etc/resolv.conf", "");
  if (pod.network == NamespaceMode::kPod && text.find(kResolvedStub) != std::string::npos) {
    return ReadOr(kResolvedServers, text);
  }
  return text;
}

}  // namespace

std::string HostnameOf(const rktlet::spec::PodSpec& pod) {
  if (!pod.hostname.empty()) {
    return pod.hostname;
  }
  return pod.network == NamespaceMode::kNode ? MachineHostname() : StrCat("rkt-", pod.id.str()).substr(0, 63);
}

std::string HostsText(const rktlet::spec::PodSpec& pod, const std::vector<std::string>& ips) {
  std::string text = pod.network == NamespaceMode::kNode ? ReadOr("/etc/hosts", kLocalHosts) : kLocalHosts;
  if (!text.empty() && text.back() != '\n') {
    text += '\n';
  }
  for (const std::string& ip : ips) {
    text += StrCat(ip, "\t", HostnameOf(pod), "\n");
  }
  for (const rktlet::spec::HostsEntry& entry : pod.hosts_entries) {
    text += StrCat(entry.ip, "\t", absl::StrJoin(entry.names, " "), "\n");
  }
  return text;
}

std::string ResolvConfText(const rktlet::spec::PodSpec& pod) {
  if (pod.dns.empty()) {
    return MachineResolvConf(pod);
  }
  std::string text;
  if (!pod.dns.domain.empty()) {
    text += StrCat("domain ", pod.dns.domain, "\n");
  }
  if (!pod.dns.searches.empty()) {
    text += StrCat("search ", absl::StrJoin(pod.dns.searches, " "), "\n");
  }
  for (const std::string& server : pod.dns.servers) {
    text += StrCat("nameserver ", server, "\n");
  }
  if (!pod.dns.options.empty()) {
    text += StrCat("options ", absl::StrJoin(pod.dns.options, " "), "\n");
  }
  return text;
}

absl::Status WriteEtcFiles(const std::string& pod_directory, const rktlet::spec::PodSpec& pod) {
  const auto write = [&pod_directory](const char* name, const std::string& text) {
    return rktlet::base::WriteFileAtomic(StrCat(pod_directory, "/", name), text, 0644);
  };
  RETURN_IF_ERROR(write(rktlet::spec::kHostnameFile, HostnameOf(pod) + "\n"));
  RETURN_IF_ERROR(write(rktlet::spec::kHostsFile, HostsText(pod, {})));
  return write(rktlet::spec::kResolvConfFile, ResolvConfText(pod));
}

absl::Status RewriteHosts(const std::string& pod_directory, const rktlet::spec::PodSpec& pod,
                          const std::vector<std::string>& ips) {
  const std::string path = StrCat(pod_directory, "/", rktlet::spec::kHostsFile);
  ASSIGN_OR_RETURN(const rktlet::base::UniqueFd fd,
                   rktlet::base::OpenAt(AT_FDCWD, path, O_WRONLY | O_TRUNC | O_NOFOLLOW));
  return rktlet::base::Annotate(rktlet::base::WriteAll(fd.get(), HostsText(pod, ips)), path);
}

}  // namespace rkt::pod
