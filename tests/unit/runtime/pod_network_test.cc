// What of a pod's network is text: subnets, routes, name files, the answers of CNI plugins.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/containerd/cni.h"
#include "runtime/containerd/name_resolution.h"
#include "runtime/containerd/subnet.h"

namespace gantry::containerd {
namespace {

using ::testing::HasSubstr;

constexpr char kRoutes[] =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "gantry0\t0000580A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    "vpn\t0002580A\t00000000\t0001\t0\t0\t0\t00FEFFFF\t0\t0\t0\n"
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

TEST(Subnet, Parses) {
  EXPECT_EQ(parse_subnet("10.88.3.0/24")->text(), "10.88.3.0/24");
  for (const char* bad : {"", "10.88.3.0", "10.88.3.1/24", "10.88.3.0/31", "10.0.0.0/7",
                          "10.88.3/24", "x/24", "10.88.3.0/24x", "fd00::/64"}) {
    EXPECT_EQ(parse_subnet(bad).error().code, Code::InvalidArgument) << bad;
  }
}

TEST(Subnet, StaysClearOfTheHostsRoutes) {
  // Its own bridge's route is no obstacle.
  EXPECT_EQ(choose_subnet(kRoutes, "gantry0")->text(), "10.88.0.0/24");
  EXPECT_EQ(choose_subnet(kRoutes, "other")->text(), "10.88.1.0/24");
  EXPECT_EQ(colliding_route(*parse_subnet("10.88.0.0/16"), kRoutes, "gantry0"),
            "10.88.2.0/23 (vpn)");
  EXPECT_EQ(colliding_route(*parse_subnet("192.0.2.128/25"), kRoutes, "gantry0"),
            "192.0.2.0/24 (eth0)");
  EXPECT_FALSE(colliding_route(*parse_subnet("172.16.0.0/12"), kRoutes, "gantry0"));
  EXPECT_EQ(default_interface(kRoutes), "eth0");
  EXPECT_EQ(choose_subnet("x\nvpn 0000580A 0 0 0 0 0 0000FFFF\n", "gantry0").error().code,
            Code::ResourceExhausted);
}

TEST(NameFiles, HostsOfEachNetwork) {
  runtime::PodSpec pod;
  pod.hostname = "me";
  pod.host_aliases = {{"192.0.2.7", {"a", "b"}}};
  EXPECT_EQ(hosts_text(pod, "", "10.0.0.1 build"),
            "10.0.0.1 build\n127.0.0.1\tme\n192.0.2.7\ta b\n");
  pod.network = runtime::Network::Bridge;
  EXPECT_EQ(hosts_text(pod, "10.88.0.5", "10.0.0.1 build"),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
            "ip6-loopback\n10.88.0.5\tme\n192.0.2.7\ta b\n");
  pod.network = runtime::Network::None;
  EXPECT_THAT(hosts_text(pod, "", ""), HasSubstr("127.0.0.1\tme\n"));
}

TEST(NameFiles, ResolverOfTheHostAndOfThePod) {
  const char* host =
      "# comment\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch old\nsearch "
      "example.test\noptions ndots:2 rotate\n";
  runtime::PodSpec pod;
  EXPECT_FALSE(needs_resolv_conf(pod));
  pod.dns.nameservers = {"1.1.1.1", "9.9.9.9"};
  pod.dns.options = {{"ndots", "5"}, {"edns0", std::nullopt}};
  EXPECT_TRUE(needs_resolv_conf(pod));
  EXPECT_EQ(resolv_conf_text(pod, host),
            "nameserver 127.0.0.53\nnameserver 9.9.9.9\nnameserver 1.1.1.1\nsearch example.test\n"
            "options ndots:5 rotate edns0\n");
  pod.network = runtime::Network::Bridge;
  EXPECT_THAT(resolv_conf_text(pod, host),
              ::testing::StartsWith("nameserver 9.9.9.9\nnameserver 1.1.1.1\n"));
  pod.dns.from_host = false;
  EXPECT_EQ(resolv_conf_text(pod, host),
            "nameserver 1.1.1.1\nnameserver 9.9.9.9\noptions ndots:5 edns0\n");
  EXPECT_TRUE(has_reachable_server(host));
  EXPECT_FALSE(has_reachable_server("nameserver 127.0.0.53\n"));
}

TEST(CniPlugin, Answers) {
  EXPECT_EQ(address_in("warning\n{\"ips\": [{\"address\": \"10.88.0.9/24\"}]}").value(),
            "10.88.0.9");
  for (const char* bad :
       {"", "{}", "{\"ips\": []}", "{\"ips\": [{\"address\": 5}]}", "not json {"}) {
    EXPECT_EQ(address_in(bad).error().code, Code::DataLoss) << bad;
  }
  const auto missing = call_plugin("/nowhere", "bridge", "{}", {"ADD", "id", "", "eth0"});
  EXPECT_EQ(missing.error().code, Code::NotFound);
}

}  // namespace
}  // namespace gantry::containerd
