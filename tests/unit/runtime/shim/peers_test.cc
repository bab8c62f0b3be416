// The two ends of ttrpc: the server against clients of all kinds, the publisher against a containerd that comes and goes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>
#include <filesystem>
#include <thread>

#include "github.com/containerd/containerd/api/events/task.pb.h"
#include "github.com/containerd/containerd/api/services/ttrpc/events/v1/events.pb.h"
#include "runtime/shim/publisher.h"
#include "runtime/shim/server.h"
#include "runtime/shim/socket.h"
#include "ttrpc.pb.h"

namespace gantry::shim {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

class PeersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-shim-XXXXXX";
    directory = ::mkdtemp(pattern);
    path = directory + "/s";
    loop.after(20s, [] { FAIL() << "nothing more happens"; });
    loop.after(20s, [this] { loop.stop(); });
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  /// A client's socket, which blocks.
  UniqueFd client() const {
    auto fd = connect_to(path);
    EXPECT_TRUE(fd);
    ::fcntl(fd->get(), F_SETFL, 0);
    return std::move(*fd);
  }
  static void send(int fd, const std::string& bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  static std::string request(std::uint32_t stream, const std::string& method, const std::string& payload) {
    ttrpc::Request message;
    message.set_service("test");
    message.set_method(method);
    message.set_payload(payload);
    message.set_timeout_nano(1'500'000'000);
    return encode_frame(stream, kRequest, message.SerializeAsString());
  }
  /// Waits for a frame.
  static Frame receive(int fd, FrameReader& reader) {
    for (;;) {
      if (auto frame = reader.next()) return *frame;
      char buffer[4096];
      const auto got = ::recv(fd, buffer, sizeof(buffer), 0);
      if (got <= 0) return {};
      reader.feed({buffer, static_cast<std::size_t>(got)});
    }
  }
  static std::string answer(int fd, FrameReader& reader) {
    const Frame frame = receive(fd, reader);
    ttrpc::Response response;
    EXPECT_TRUE(response.ParseFromString(frame.message));
    return std::to_string(frame.stream) + " " + std::to_string(response.status().code()) + " " + response.payload();
  }

  std::string directory, path;
  Loop loop;
};

TEST_F(PeersTest, AnswersInAnyOrderAndSurvivesGarbage) {
  Reply held, of_nobody;
  Server server(loop, std::move(*listen_at(path)), [&](Request asked, Reply reply) {
    EXPECT_EQ(asked.limit, 1500ms);
    if (asked.method == "hold") {
      held = std::move(reply);
    } else if (asked.method == "hold for nobody") {
      of_nobody = std::move(reply);
    } else if (asked.method == "let go") {
      reply("gone");
      held("held");
      if (of_nobody) of_nobody("late");
    } else {
      reply(asked.method == "fail" ? Result<std::string>(fail(Code::NotFound, "no")) : Result<std::string>(asked.message));
    }
  });
  std::vector<std::string> answers;
  std::thread user([&] {
    {
      const UniqueFd leaves = client();
      send(leaves.get(), request(1, "echo", "x").substr(0, 9));  // half a header
    }
    {
      const UniqueFd noise = client();
      send(noise.get(), encode_frame(1, kRequest, "\xff\xff no protobuf") + encode_frame(2, kRequest, "") +
                            encode_frame(9, 77, "unknown type") + request(4, "echo", "even"));
      FrameReader reader;
      for (int i = 0; i < 3; ++i) answers.push_back(answer(noise.get(), reader));
      std::string oversized = encode_frame(11, kRequest, std::string(kMaxMessage + 1, 'x'));
      send(noise.get(), oversized);
      answers.push_back(answer(noise.get(), reader));
      send(noise.get(), request(13, "hold for nobody", ""));
    }
    const UniqueFd fd = client();
    FrameReader reader;
    send(fd.get(), request(1, "hold", "") + request(3, "fail", "") + request(5, "echo", std::string(1 << 20, 'y')) +
                       request(7, "let go", ""));
    answers.push_back(answer(fd.get(), reader));
    EXPECT_EQ(answer(fd.get(), reader).size(), 4u + (1 << 20));
    answers.push_back(answer(fd.get(), reader));
    answers.push_back(answer(fd.get(), reader));
    loop.post([this] { loop.stop(); });
  });
  loop.run();
  user.join();
  EXPECT_THAT(answers, ElementsAre("1 3 ", "2 3 ", "4 3 ", "11 8 ", "3 5 ", "7 0 gone", "1 0 held"));
}

TEST_F(PeersTest, EventsOutliveAnOutage) {
  const auto event = [](int number) {
    ::containerd::events::TaskExit exit;
    exit.set_exit_status(static_cast<std::uint32_t>(number));
    return exit;
  };
  Publisher publisher(loop, path, "ns");
  for (int i = 0; i < 3; ++i) publisher.publish("/tasks/exit", event(i));  // nobody listens
  std::vector<std::string> heard;
  std::thread containerd([&] {
    // Three lives: one that dies with a request unanswered, one that refuses once, one that takes all.
    for (int life = 0; life < 3; ++life) {
      ::unlink(path.c_str());
      const UniqueFd listener = std::move(*listen_at(path));
      ::fcntl(listener.get(), F_SETFL, 0);
      const UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
      FrameReader reader;
      for (int refusals = 0; heard.size() < (life < 2 ? 1 : 4);) {
        const Frame frame = receive(fd.get(), reader);
        if (life == 0) break;
        ttrpc::Request request;
        ::containerd::services::events::ttrpc::v1::ForwardRequest forward;
        ::containerd::events::TaskExit exit;
        ASSERT_TRUE(request.ParseFromString(frame.message));
        ASSERT_TRUE(forward.ParseFromString(request.payload()));
        ASSERT_TRUE(exit.ParseFromString(forward.envelope().event().value()));
        ttrpc::Response response;
        if (refusals++ == 0) {
          response.mutable_status()->set_code(14);
        } else {
          heard.push_back(forward.envelope().namespace_() + forward.envelope().topic() + " " +
                          forward.envelope().event().type_url() + " " + std::to_string(exit.exit_status()));
        }
        send(fd.get(), encode_frame(frame.stream, kResponse, response.SerializeAsString()));
      }
    }
  });
  loop.after(50ms, [&] {
    publisher.publish("/tasks/exit", event(3));
    publisher.flush(15s, [&] { loop.stop(); });
  });
  loop.run();
  containerd.join();
  EXPECT_THAT(heard, ElementsAre("ns/tasks/exit containerd.events.TaskExit 0", "ns/tasks/exit containerd.events.TaskExit 1",
                                 "ns/tasks/exit containerd.events.TaskExit 2", "ns/tasks/exit containerd.events.TaskExit 3"));
}

TEST_F(PeersTest, AFlushEndsWithoutContainerd) {
  Publisher publisher(loop, path, "ns");
  publisher.publish("/tasks/exit", ::containerd::events::TaskExit());
  publisher.flush(30ms, [&] { loop.stop(); });
  loop.run();
}

}  // namespace
}  // namespace gantry::shim
