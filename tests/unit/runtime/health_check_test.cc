#include "runtime/containerd/health_check.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/unique_fd.h"

namespace gantry::containerd {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const HealthTarget kHere{"127.0.0.1", ""};

/// A socket that listens on the loopback and answers one connection with `text`.
class Server {
 public:
  explicit Server(std::string text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 4), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, text = std::move(text)] {
      const UniqueFd peer(::accept(fd_.get(), nullptr, nullptr));
      char buffer[4096];
      while (request_.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::read(peer.get(), buffer, sizeof(buffer));
        if (got <= 0) return;
        request_.append(buffer, static_cast<std::size_t>(got));
      }
      EXPECT_EQ(::write(peer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    });
  }
  ~Server() { finish(); }
  const std::string& finish() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }
  [[nodiscard]] int port() const { return port_; }

 private:
  UniqueFd fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

/// A port that nothing listens on.
int closed_port() {
  Server server("");
  EXPECT_TRUE(check_tcp({server.port(), ""}, kHere, 5s));
  return server.port();
}

TEST(HealthCheck, Http) {
  Server good("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(check_http({.path = "/ok?x=1", .port = good.port(), .headers = {{"X-Mine", "yes"}}},
                         kHere, 5s));
  EXPECT_THAT(good.finish(), HasSubstr("GET /ok?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(good.finish(), HasSubstr("X-Mine: yes\r\n"));
  Server redirect("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(check_http({.port = redirect.port()}, kHere, 5s)) << "and is not followed";
  Server bad("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(check_http({.port = bad.port()}, kHere, 5s).error().message,
            "HTTP probe failed with statuscode: 500");
  EXPECT_FALSE(check_http({.port = closed_port()}, kHere, 5s));
}

TEST(HealthCheck, TcpSocket) {
  Server server("");
  EXPECT_TRUE(check_tcp({server.port(), ""}, kHere, 5s));
  EXPECT_THAT(check_tcp({closed_port(), ""}, kHere, 5s).error().message,
              HasSubstr("dial tcp 127.0.0.1:"));
  EXPECT_FALSE(check_tcp({80, "no such host"}, kHere, 5s));
}

TEST(HealthCheck, Grpc) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  // A server without services of its own starts only with a queue.
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  ASSERT_TRUE(server);
  server->GetHealthCheckService()->SetServingStatus("mine", true);
  EXPECT_TRUE(check_grpc({port, ""}, kHere, 5s));
  EXPECT_TRUE(check_grpc({port, "mine"}, kHere, 5s));
  EXPECT_FALSE(check_grpc({port, "other"}, kHere, 5s));
  server->GetHealthCheckService()->SetServingStatus("mine", false);
  EXPECT_THAT(check_grpc({port, "mine"}, kHere, 5s).error().message,
              HasSubstr("other than SERVING"));
  EXPECT_FALSE(check_grpc({closed_port(), ""}, kHere, 500ms));
  EXPECT_EQ(check_grpc({port, ""}, {"127.0.0.1", "/proc/self/ns/net"}, 5s).error().code,
            Code::Unimplemented);
  server->Shutdown();
  queue->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
  }
}

}  // namespace
}  // namespace gantry::containerd
