// SPDX-License-Identifier: Apache-2.0
// Sysctls, the files of /etc, and what CNI plugins are told.
#include <gmock/gmock.h>

#include "base/status_matchers.h"
#include "rkt/pod/cni_arguments.h"
#include "rkt/pod/etc_files.h"
#include "rkt/pod/sysctls.h"

namespace rkt::pod {
namespace {

using rktlet::base::IsOk;
using rktlet::base::StatusIs;
using rktlet::spec::NamespaceMode;
using rktlet::spec::PodSpec;
using testing::AllOf;
using testing::HasSubstr;

PodSpec MakePod() {
  PodSpec pod;
  pod.id = rktlet::spec::PodId::Parse("11111111-2222-4333-8444-555555555555").value();
  pod.hostname = "web";
  return pod;
}

TEST(Sysctls, KnowWhoseTheyAre) {
  EXPECT_EQ(ScopeOfSysctl("net.core.somaxconn"), SysctlScope::kNetwork);
  EXPECT_EQ(ScopeOfSysctl("net/ipv4/ip_forward"), SysctlScope::kNetwork);
  EXPECT_EQ(ScopeOfSysctl("kernel.shmmax"), SysctlScope::kIpc);
  EXPECT_EQ(ScopeOfSysctl("kernel.shm_rmid_forced"), SysctlScope::kIpc);
  EXPECT_EQ(ScopeOfSysctl("fs.mqueue.msg_max"), SysctlScope::kIpc);
  EXPECT_EQ(ScopeOfSysctl("kernel.domainname"), SysctlScope::kUts);
  EXPECT_EQ(ScopeOfSysctl("vm.swappiness"), SysctlScope::kMachine);
  EXPECT_EQ(ScopeOfSysctl("kernel.panic"), SysctlScope::kMachine);
  EXPECT_EQ(ScopeOfSysctl("network"), SysctlScope::kMachine);
}

TEST(Sysctls, HaveAPathInEitherSpelling) {
  EXPECT_EQ(SysctlPath("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
  EXPECT_EQ(SysctlPath("net/ipv4/conf/eth0.100/forwarding"), "/proc/sys/net/ipv4/conf/eth0.100/forwarding");
  EXPECT_EQ(SysctlPath("net.ipv4.conf.eth0/100.forwarding"), "/proc/sys/net/ipv4/conf/eth0.100/forwarding");
}

TEST(Sysctls, AreRefusedWhenTheyWouldChangeTheMachine) {
  PodSpec pod = MakePod();
  pod.sysctls = {{"net.core.somaxconn", "1"}, {"kernel.shmmax", "1"}};
  EXPECT_THAT(CheckSysctls(pod), IsOk());
  pod.sysctls["vm.swappiness"] = "1";
  EXPECT_THAT(CheckSysctls(pod), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("vm.swappiness")));
  pod.sysctls.erase("vm.swappiness");
  pod.network = NamespaceMode::kNode;
  pod.ipc = NamespaceMode::kNode;
  EXPECT_THAT(CheckSysctls(pod), StatusIs(absl::StatusCode::kInvalidArgument,
                                          AllOf(HasSubstr("net.core.somaxconn"), HasSubstr("kernel.shmmax"))));
}

TEST(EtcFiles, HoldThePodsNameAndAddresses) {
  PodSpec pod = MakePod();
  pod.hosts_entries = {{"10.9.9.9", {"db", "db.example"}}};
  EXPECT_THAT(HostsText(pod, {"10.1.2.3", "fd00::3"}),
              AllOf(HasSubstr("127.0.0.1\tlocalhost\n"), HasSubstr("10.1.2.3\tweb\n"), HasSubstr("fd00::3\tweb\n"),
                    HasSubstr("10.9.9.9\tdb db.example\n")));
}

TEST(EtcFiles, NameAPodMadeByHandByItsId) {
  PodSpec pod = MakePod();
  pod.hostname.clear();
  EXPECT_EQ(HostnameOf(pod), "rkt-11111111-2222-4333-8444-555555555555");
}

TEST(EtcFiles, WriteTheResolverConfigurationAsAsked) {
  PodSpec pod = MakePod();
  pod.dns.servers = {"10.0.0.53", "10.0.0.54"};
  pod.dns.searches = {"a.example", "b.example"};
  pod.dns.options = {"ndots:5"};
  EXPECT_EQ(ResolvConfText(pod),
            "search a.example b.example\nnameserver 10.0.0.53\nnameserver 10.0.0.54\noptions ndots:5\n");
}

TEST(CniArguments, TellThePodsIdentity) {
  PodSpec pod = MakePod();
  pod.name = "web";
  pod.namespace_ = "default";
  pod.uid = "a;b";  // cannot be said
  const auto arguments = CniArguments(pod);
  EXPECT_THAT(arguments,
              testing::ElementsAre(testing::Pair("IgnoreUnknown", "1"), testing::Pair("K8S_POD_NAMESPACE", "default"),
                                   testing::Pair("K8S_POD_NAME", "web"),
                                   testing::Pair("K8S_POD_INFRA_CONTAINER_ID", pod.id.str())));
}

TEST(CniArguments, MapOnlyPortsOfTheMachine) {
  PodSpec pod = MakePod();
  pod.ports = {{"tcp", 80, 8080, ""}, {"udp", 53, 0, ""}};
  const auto mappings = CniCapabilities(pod)["portMappings"];
  ASSERT_EQ(mappings.size(), 1U);
  EXPECT_EQ(mappings[0]["hostPort"], 8080);
  EXPECT_EQ(mappings[0]["containerPort"], 80);
}

TEST(CniArguments, TakeTheBandwidthFromTheAnnotations) {
  PodSpec pod = MakePod();
  EXPECT_FALSE(CniCapabilities(pod).contains("bandwidth"));
  pod.annotations["kubernetes.io/ingress-bandwidth"] = "10M";
  EXPECT_THAT(CheckCniAnnotations(pod), IsOk());
  const auto bandwidth = CniCapabilities(pod)["bandwidth"];
  EXPECT_EQ(bandwidth["ingressRate"], 10'000'000);
  EXPECT_FALSE(bandwidth.contains("egressRate"));
  for (const char* wrong : {"", "fast", "0", "999", "2P", "-1M"}) {
    pod.annotations["kubernetes.io/egress-bandwidth"] = wrong;
    EXPECT_THAT(CheckCniAnnotations(pod), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("egress-bandwidth")));
  }
}

TEST(CniArguments, TellPluginsThatAskForThemTheAnnotations) {
  PodSpec pod = MakePod();
  pod.annotations = {{"a", "1"}};
  EXPECT_EQ(CniCapabilities(pod)["io.kubernetes.cri.pod-annotations"]["a"], "1");
}

TEST(Quantity, IsAKubernetesNumber) {
  EXPECT_EQ(ParseQuantity("1Gi"), 1073741824U);
  EXPECT_EQ(ParseQuantity("500k"), 500000U);
  EXPECT_EQ(ParseQuantity("1.5M"), 1500000U);
  EXPECT_EQ(ParseQuantity("1e3"), 1000U);
  EXPECT_EQ(ParseQuantity("12"), 12U);
  EXPECT_EQ(ParseQuantity("1Pi"), uint64_t{1} << 50);
  EXPECT_EQ(ParseQuantity("2000000000n"), 2U);
  for (const char* wrong : {"", "x", "1X", "-1", "nan", "1e40"}) {
    EXPECT_EQ(ParseQuantity(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace rkt::pod
