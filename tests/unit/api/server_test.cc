// The server under clients that are slow, wrong, many or gone.

#include <curl/curl.h>

#include "tests/unit/api/fixture.h"

namespace gantry::api {
namespace {

const char* kEvents = "Accept: text/event-stream\r\n";

TEST(ServerTest, KeepAliveAndPipelining) {
  Harness harness;
  Client client(harness.socket());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.call("GET", "/healthz").body, "ok");
  std::string one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(one + one + one);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.response().body, "ok");
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.response().body, "ok");
  EXPECT_TRUE(client.at_end());
}

TEST(ServerTest, LateAnswersWakeTheConnection) {
  Harness harness;
  harness.on_loop([&] { harness.backend.hold = true; });
  Client a(harness.socket()), b(harness.socket());
  a.request("GET", "/api/v1/workflows/n/a");
  harness.await([&] { return harness.backend.held.size() == 1; });
  b.request("POST", "/api/v1/workflows/n", R"({"workflow":{}})");
  harness.await([&] { return harness.backend.held.size() == 2; });
  int wakes = harness.wakes;
  harness.on_loop([&] { harness.backend.release(); });
  EXPECT_EQ(a.response().status, 200);
  EXPECT_EQ(b.response().status, 200);
  EXPECT_GE(harness.wakes, wakes + 2);
  harness.on_loop([&] { harness.backend.hold = false; });
  EXPECT_EQ(a.call("GET", "/api/v1/workflows/n/a").status, 200) << "the connection goes on";
}

TEST(ServerTest, AForgottenReplyIsAnErrorNotAHang) {
  Harness harness;
  harness.on_loop([&] { harness.backend.drop = true; });
  Response response = Client(harness.socket()).call("GET", "/api/v1/workflows/n/a");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.json()["code"], 13);
  // The same, later.
  harness.on_loop([&] {
    harness.backend.drop = false;
    harness.backend.hold = true;
  });
  Client client(harness.socket());
  client.request("GET", "/api/v1/workflows/n/a");
  harness.await([&] { return harness.backend.held.size() == 1; });
  harness.on_loop([&] { harness.backend.held.clear(); });
  EXPECT_EQ(client.response().status, 500);
}

TEST(ServerTest, ASecondReplyIsIgnored) {
  Harness harness;
  harness.on_loop([&] { harness.backend.hold = true; });
  Client client(harness.socket());
  client.request("GET", "/api/v1/workflows/n/a");
  harness.await([&] { return harness.backend.held.size() == 1; });
  harness.on_loop([&] {
    harness.backend.held.front()();
    harness.backend.held.front()();
    harness.backend.held.front()();
    harness.backend.held.clear();
  });
  EXPECT_EQ(client.response().status, 200);
  EXPECT_EQ(client.call("GET", "/healthz").body, "ok");
}

TEST(ServerTest, ClientsThatVanish) {
  Harness harness;
  harness.on_loop([&] { harness.backend.hold = true; });
  std::string whole =
      "POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"workflow\":{}}";
  // At every point of the request, in the middle of which the client goes.
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Client client(harness.socket());
    client.send(whole.substr(0, cut));
  }
  // And while the answer is outstanding: noticed at once, before the reply comes.
  {
    Client client(harness.socket());
    client.send(whole);
    harness.await([&] { return harness.backend.held.size() == 1; });
    EXPECT_EQ(harness.on_loop([&] { return harness.server->connections(); }), 1u);
  }
  harness.await([&] { return harness.server->connections() == 0; });
  harness.on_loop([&] { harness.backend.release(); });
  EXPECT_EQ(Client(harness.socket()).call("GET", "/healthz").body, "ok");
}

TEST(ServerTest, AClientThatOnlyStopsSendingGetsItsAnswer) {
  Harness harness;
  harness.on_loop([&] { harness.backend.hold = true; });
  Client client(harness.socket());
  client.request("GET", "/api/v1/workflows/n/a");
  harness.await([&] { return harness.backend.held.size() == 1; });
  shutdown(client.fd(), SHUT_WR);
  for (int i = 0; i < 3; ++i) harness.on_loop([] {});
  harness.on_loop([&] { harness.backend.release(); });
  EXPECT_EQ(client.response().status, 200);
}

TEST(ServerTest, AStreamsClientThatVanishes) {
  for (bool quiet : {true, false}) {
    Harness harness;
    StreamPtr stream;
    bool closed = false;
    harness.on_loop([&] {
      harness.backend.on_stream = [&](StreamPtr s) {
        stream = std::move(s);
        stream->on_closed = [&] { closed = true; };
        if (!quiet) stream->send("x");
      };
    });
    {
      Client client(harness.socket());
      client.request("GET", "/api/v1/workflow-events/n");
      if (quiet) {
        harness.await([&] { return stream != nullptr; });
      } else {
        client.head();
        EXPECT_EQ(client.chunk(), "{\"result\":\"x\"}\n");
      }
    }
    harness.await([&] { return closed; });
    EXPECT_TRUE(harness.on_loop([&] { return stream->closed(); }));
    harness.await([&] { return harness.server->connections() == 0; });
    harness.on_loop([&] {
      stream->send("too late");
      stream->end();
      stream.reset();
    });
  }
}

TEST(ServerTest, TheServerGoesBeforeItsClients) {
  std::vector<std::function<void()>> late;
  StreamPtr stream;
  bool closed = false;
  TemporaryDirectory keep;
  std::unique_ptr<Client> a, b, c;
  {
    Harness harness;
    harness.on_loop([&] {
      harness.backend.hold = true;
      harness.backend.on_stream = [&](StreamPtr s) {
        stream = std::move(s);
        stream->on_closed = [&] { closed = true; };
      };
    });
    a = std::make_unique<Client>(harness.socket());
    b = std::make_unique<Client>(harness.socket());
    c = std::make_unique<Client>(harness.socket());
    a->request("GET", "/api/v1/workflows/n/a");
    b->request("GET", "/api/v1/workflow-events/n");
    c->send("POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    harness.await([&] {
      return harness.backend.held.size() == 1 && stream != nullptr &&
             harness.server->connections() == 3;
    });
    harness.on_loop([&] { late.swap(harness.backend.held); });
  }
  EXPECT_TRUE(closed);
  EXPECT_TRUE(a->at_end());
  EXPECT_TRUE(b->at_end());
  EXPECT_TRUE(c->at_end());
  for (auto& call : late) call();
  stream->send("x");
  stream.reset();
}

// Whoever waits, a turn is due only when something happened: a loop that spins would take many
// between two tasks.
TEST(ServerTest, WaitingCostsNoTurns) {
  Harness harness;
  std::vector<StreamPtr> streams;
  harness.on_loop([&] {
    harness.backend.hold = true;
    harness.backend.on_stream = [&](StreamPtr s) { streams.push_back(std::move(s)); };
  });
  Client idle(harness.socket()), waits(harness.socket()), watches(harness.socket()),
      slow(harness.socket());
  EXPECT_EQ(idle.call("GET", "/healthz").status, 200);
  waits.request("GET", "/api/v1/workflows/n/a");
  watches.request("GET", "/api/v1/workflow-events/n", "", kEvents);
  harness.await([&] { return streams.size() == 1 && harness.backend.held.size() == 1; });
  slow.request("GET", "/api/v1/workflow-events/n", "", kEvents);
  harness.await([&] { return streams.size() == 2; });
  harness.on_loop([&] { streams[1]->send(std::string(4 << 20, 'x')); });
  harness.advance(kHeaderGrace);
  watches.head();
  shutdown(waits.fd(), SHUT_WR);  // no reason to turn either
  for (int i = 0; i < 10; ++i) harness.on_loop([] {});
  int before = harness.turns;
  for (int i = 0; i < 200; ++i) harness.on_loop([] {});
  EXPECT_LE(harness.turns - before, 300);
  harness.on_loop([&] {
    harness.backend.release();
    streams.clear();
  });
}

TEST(ServerTest, Quiesce) {
  Harness harness;
  StreamPtr stream;
  harness.on_loop([&] {
    harness.backend.hold = true;
    harness.backend.on_stream = [&](StreamPtr s) { stream = std::move(s); };
  });
  Client a(harness.socket()), b(harness.socket());
  a.request("GET", "/api/v1/workflows/n/a");
  b.request("GET", "/api/v1/workflow-events/n");
  harness.await([&] { return harness.backend.held.size() == 1 && stream != nullptr; });
  harness.on_loop([&] { harness.server->quiesce(); });
  EXPECT_EQ(b.response().status, 200);
  EXPECT_TRUE(stream->closed());
  Client late(harness.socket());  // waits in the backlog, is not served
  late.request("GET", "/healthz");
  harness.on_loop([&] { harness.backend.release(); });
  EXPECT_EQ(a.response().status, 200) << "answers under way still come";
  harness.await([&] { return harness.server->connections() == 0; });
  harness.on_loop([&] { harness.server->quiesce(); });
}

TEST(Bodies, TooLarge) {
  Harness harness;
  std::string fits(kMaxBody, ' '), large(kMaxBody + 1, ' ');
  Client client(harness.socket());
  EXPECT_EQ(client.call("POST", "/api/v1/workflows/n", fits).status, 400);  // empty, but read
  Response response = client.call("POST", "/api/v1/workflows/n", large);
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.json()["code"], 8);
  EXPECT_NE(
      response.json()["message"].get<std::string>().find("8388609 bytes, the limit is 8388608"),
      std::string::npos);
  EXPECT_EQ(client.call("GET", "/healthz").status, 200) << "the rest of the body was read";

  // Without an announced length.
  Client chunked(harness.socket());
  std::string text =
      "POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 9; ++i) text += "100000\r\n" + std::string(1 << 20, ' ') + "\r\n";
  chunked.send(text + "0\r\n\r\n");
  EXPECT_EQ(chunked.response().status, 413);

  // Asked first: nothing of the body is sent.
  Client polite(harness.socket());
  polite.send(
      "POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
      "9000000\r\n\r\n");
  EXPECT_EQ(polite.response().status, 413);
  // More than anybody wants to throw away.
  Client huge(harness.socket());
  huge.send("POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000000\r\n\r\n");
  EXPECT_EQ(huge.response().status, 413);
  EXPECT_TRUE(harness.last_call().is_null());
}

TEST(Bodies, Headers) {
  Harness harness;
  Client client(harness.socket());
  auto header = [](std::size_t size) { return "X-Large: " + std::string(size, 'x') + "\r\n"; };
  EXPECT_EQ(client.call("GET", "/healthz", "", header(kMaxHeader - 200)).status, 200);
  EXPECT_EQ(client.call("GET", "/healthz", "", header(kMaxHeader)).status, 431);
  EXPECT_EQ(Client(harness.socket()).call("GET", "/healthz", "", header(200000)).status, 431);
  // Parameters travel in the request line, which has room of its own.
  Client line(harness.socket());
  std::string target = "/api/v1/workflows/n?submitOptions.parameters=a=" + std::string(30000, 'x');
  EXPECT_EQ(line.call("POST", target, "y", "Content-Type: application/yaml\r\n").status, 200);
  EXPECT_EQ(harness.last_call()["parameters"][0][1].get<std::string>().size(), 30000u);
}

TEST(Bodies, Garbage) {
  Harness harness;
  for (const char* garbage :
       {"\r\n\r\n", "nonsense\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /healthz HTTP/1.1\r\nbroken\r\n\r\n",
        "POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\nzz\r\n"}) {
    Client client(harness.socket());
    client.send(garbage);
    client.close();
    EXPECT_EQ(Client(harness.socket()).call("GET", "/healthz").body, "ok") << garbage;
    harness.await([&] { return harness.server->connections() == 0; });
  }
  EXPECT_TRUE(harness.last_call().is_null());
}

TEST(Bodies, ByteByByte) {
  Harness harness;
  Client client(harness.socket());
  for (char c : std::string_view("POST /api/v1/workflows/n HTTP/1.1\r\nHost: x\r\nContent-Length: "
                                 "15\r\n\r\n{\"workflow\":{}}")) {
    ASSERT_TRUE(client.send({&c, 1}));
    harness.on_loop([] {});
  }
  EXPECT_EQ(client.response().status, 200);
  EXPECT_EQ(harness.last_call()["document"], "{}");
}

std::size_t files_in(const std::string& directory) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("upload-")) ++count;
  }
  return count;
}

struct Upload {
  const std::string& data;
  std::size_t at = 0;
  static std::size_t read(char* out, std::size_t size, std::size_t count, void* self) {
    auto& upload = *static_cast<Upload*>(self);
    std::size_t take = std::min(size * count, upload.data.size() - upload.at);
    std::memcpy(out, upload.data.data() + upload.at, take);
    upload.at += take;
    return take;
  }
};

TEST(Bodies, SpooledUploads) {
  std::string archive;
  for (int i = 0; archive.size() < (6u << 20); ++i) archive += std::to_string(i) + ",";
  for (bool workers : {false, true}) {
    for (bool chunked : {false, true}) {
      SCOPED_TRACE(workers);
      SCOPED_TRACE(chunked);
      Harness harness(workers);
      harness.on_loop([&] {
        harness.backend.on_stream = [](const StreamPtr& s) {
          s->send({{"status", "done"}});
          s->end();
        };
      });
      // The client most people have: libcurl, with its Expect: 100-continue.
      Upload upload{archive};
      std::string answer;
      CURL* curl = curl_easy_init();
      curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, harness.socket().c_str());
      curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/api/v1/images/import");
      curl_easy_setopt(curl, CURLOPT_POST, 1L);
      curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
      curl_easy_setopt(curl, CURLOPT_READFUNCTION, &Upload::read);
      curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                       chunked ? curl_off_t{-1} : static_cast<curl_off_t>(archive.size()));
      curl_slist* headers =
          chunked ? curl_slist_append(nullptr, "Transfer-Encoding: chunked") : nullptr;
      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
      curl_easy_setopt(
          curl, CURLOPT_WRITEFUNCTION,
          +[](char* data, std::size_t size, std::size_t count, std::string* out) {
            out->append(data, size * count);
            return size * count;
          });
      EXPECT_EQ(curl_easy_perform(curl), CURLE_OK);
      curl_slist_free_all(headers);
      curl_easy_cleanup(curl);
      EXPECT_EQ(answer, "{\"result\":{\"status\":\"done\"}}\n");
      EXPECT_TRUE(harness.on_loop([&] { return harness.backend.imported == archive; }));
      EXPECT_EQ(files_in(harness.directory.path()), 0u);
      EXPECT_EQ(harness.offloaded > 5, workers);
    }
  }
}

TEST(Bodies, AnUploadThatStopsHalfWay) {
  for (bool workers : {false, true}) {
    Harness harness(workers);
    {
      Client client(harness.socket());
      client.send(
          "POST /api/v1/images/import HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" +
          std::string(3000000, 'x'));
      harness.await([&] { return files_in(harness.directory.path()) == 1; });
    }
    harness.await([&] { return harness.server->connections() == 0; });
    harness.await([&] { return files_in(harness.directory.path()) == 0; });
    EXPECT_TRUE(harness.last_call().is_null());
  }
}

TEST(Bodies, NowhereToSpool) {
  Harness harness;
  harness.on_loop([&] { harness.backend.spool = "/no/such/directory"; });
  Client client(harness.socket());
  Response response = client.call("POST", "/api/v1/images/import", "tar");
  EXPECT_NE(response.status, 200);
  EXPECT_NE(response.json()["message"].get<std::string>().find("/no/such/directory"),
            std::string::npos);
}

class Streaming : public testing::Test {
 protected:
  /// Opens a stream at the backend and gives it to the test.
  void open(const char* target, const char* headers = "") {
    harness.on_loop(
        [&] { harness.backend.on_stream = [this](StreamPtr s) { stream = std::move(s); }; });
    client.request("GET", target, "", headers);
    harness.await([&] { return stream != nullptr; });
  }
  void on_stream(std::function<void(Stream&)> task) {
    harness.on_loop([&] { task(*stream); });
  }
  void TearDown() override {
    harness.on_loop([&] { stream.reset(); });
  }
  StreamPtr stream;
  Harness harness;
  Client client{harness.socket()};
};

TEST_F(Streaming, EventStream) {
  open("/api/v1/workflow-events/n?fields=result.type,result.object.metadata.name", kEvents);
  on_stream([](Stream& s) {
    s.send({{"type", "ADDED"}, {"object", {{"metadata", {{"name", "w"}}}, {"spec", 1}}}});
  });
  Response head = client.head();
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.headers.find("Content-Type: text/event-stream\r\n"), std::string::npos)
      << head.headers;
  EXPECT_EQ(
      client.chunk(),
      "data: {\"result\":{\"object\":{\"metadata\":{\"name\":\"w\"}},\"type\":\"ADDED\"}}\n\n");
  on_stream([](Stream& s) { s.fail({Code::NotFound, "gone"}); });
  EXPECT_EQ(client.chunk(),
            "data: {\"error\":{\"grpc_code\":5,\"http_code\":404,\"http_status\":\"Not "
            "Found\",\"message\":\"gone\"}}\n\n");
  EXPECT_EQ(client.chunk(), "");
  EXPECT_EQ(client.call("GET", "/healthz").body, "ok")
      << "a stream that has ended leaves the connection usable";
}

TEST_F(Streaming, Lines) {
  // Anything but exactly text/event-stream.
  open("/api/v1/workflows/n/w/log", "Accept: text/event-stream, */*\r\n");
  on_stream([](Stream& s) { s.send({{"content", "hello \xff"}, {"podName", "p"}}); });
  Response head = client.head();
  EXPECT_NE(head.headers.find("Content-Type: application/json\r\n"), std::string::npos)
      << head.headers;
  EXPECT_EQ(client.chunk(),
            "{\"result\":{\"content\":\"hello \xef\xbf\xbd\",\"podName\":\"p\"}}\n");
  on_stream([](Stream& s) { s.end(); });
  EXPECT_EQ(client.chunk(), "");
}

TEST_F(Streaming, AnErrorThatComesSoonIsTheAnswer) {
  open("/api/v1/workflows/n/w/log", kEvents);
  harness.advance(kHeaderGrace - 1ms);
  on_stream([](Stream& s) { s.fail({Code::NotFound, "workflows.argoproj.io \"w\" not found"}); });
  Response response = client.response();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.json(),
            Json({{"code", 5}, {"message", "workflows.argoproj.io \"w\" not found"}}));
  EXPECT_TRUE(harness.on_loop([&] { return stream->closed(); }));
}

TEST_F(Streaming, HeadersOfAnEmptyStream) {
  open("/api/v1/workflow-events/n", kEvents);
  auto timeout = harness.on_loop([&] { return harness.server->timeout(); });
  ASSERT_TRUE(timeout);
  EXPECT_LE(*timeout, kHeaderGrace);
  harness.advance(kHeaderGrace);
  EXPECT_EQ(client.head().status, 200);
  on_stream([](Stream& s) { s.fail({Code::NotFound, "x"}); });
  EXPECT_NE(client.chunk().find("\"grpc_code\":5"), std::string::npos);
}

TEST_F(Streaming, KeepAliveComments) {
  open("/api/v1/workflow-events/n", kEvents);
  harness.advance(kHeaderGrace);
  client.head();
  for (int i = 0; i < 3; ++i) {
    harness.advance(kKeepAlive - 1ms);
    auto timeout = harness.on_loop([&] { return harness.server->timeout(); });
    ASSERT_TRUE(timeout);
    EXPECT_LE(*timeout, 1ms);
    EXPECT_EQ(harness.on_loop([&] { return stream->buffered(); }), 0u);
    harness.advance(1ms);
    EXPECT_EQ(client.chunk(), ":\n\n");
  }
  on_stream([](Stream& s) { s.send(1); });
  EXPECT_EQ(client.chunk(), "data: {\"result\":1}\n\n");
}

TEST_F(Streaming, LinesHaveNoComments) {
  open("/api/v1/workflow-events/n");
  harness.advance(kHeaderGrace);
  client.head();
  harness.advance(10 * kKeepAlive);
  on_stream([](Stream& s) { s.send(1); });
  EXPECT_EQ(client.chunk(), "{\"result\":1}\n");
}

TEST_F(Streaming, BackPressure) {
  open("/api/v1/workflows/n/w/log");
  // A backend that waits for on_drained sends 16 MiB to a client that reads late, and never has
  // more than a line or two in memory.
  std::size_t most = 0;
  int sent = 0, wanted = 256;
  std::string line(64 * 1024, 'x');
  std::function<void()> pump = [&] {
    while (sent < wanted && stream->buffered() == 0) {
      stream->send(line);
      ++sent;
      most = std::max(most, stream->buffered());
    }
    if (sent == wanted) stream->end();
  };
  on_stream([&](Stream& s) {
    s.on_drained = pump;
    pump();
  });
  harness.await([&] { return stream->buffered() > 0; });
  EXPECT_LT(harness.on_loop([&] { return sent; }), 32)
      << "the kernel's buffers, then ours, then it waits";
  std::size_t received = client.response().body.size();
  EXPECT_EQ(received, wanted * (line.size() + std::strlen("{\"result\":\"\"}\n")));
  EXPECT_LT(most, 2 * line.size());
  harness.on_loop([&] { stream->on_drained = nullptr; });
}

TEST_F(Streaming, ABackendThatDoesNotWait) {
  open("/api/v1/workflows/n/w/log");
  bool closed = false;
  on_stream([&](Stream& s) {
    s.on_closed = [&] { closed = true; };
    std::string line(1 << 20, 'x');
    for (int i = 0; i < 64 && !s.closed(); ++i) s.send(line);
  });
  harness.await([&] { return closed; });
  std::string body = client.response().body;
  EXPECT_LT(body.size(), 20u << 20);
  EXPECT_NE(body.find("reads too slowly"), std::string::npos);
}

TEST_F(Streaming, ASlowReaderHoldsNobodyUp) {
  open("/api/v1/workflows/n/w/log");
  on_stream(
      [](Stream& s) { s.send(std::string(8 << 20, 'x')); });  // far more than the socket takes
  harness.await([&] { return stream->buffered() > 0; });
  Client other(harness.socket());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(other.call("GET", "/healthz").body, "ok");
  on_stream([](Stream& s) { s.end(); });
  EXPECT_GT(client.response().body.size(), 8u << 20);
}

TEST_F(Streaming, AnImportStreamsItsProgress) {
  harness.on_loop(
      [&] { harness.backend.on_stream = [this](StreamPtr s) { stream = std::move(s); }; });
  client.request("POST", "/api/v1/images/pull?reference=x", "", kEvents);
  harness.await([&] { return stream != nullptr; });
  for (const char* text : {"resolving", "layer 1/2", "layer 2/2"}) {
    on_stream([&](Stream& s) { s.send({{"status", text}}); });
    if (std::string_view(text) == "resolving") client.head();
    EXPECT_EQ(client.chunk(), "data: {\"result\":{\"status\":\"" + std::string(text) + "\"}}\n\n");
  }
}

TEST(Load, ManyClientsAtOnce) {
  Harness harness;
  constexpr int kClients = 100, kRequests = 50;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      Client client(harness.socket());
      for (int k = 0; k < kRequests; ++k) {
        std::string ns = std::to_string(i);
        ns += '-';
        ns += std::to_string(k);
        auto response = client.call("POST", "/api/v1/workflows/" + ns, R"({"workflow":{}})");
        if (response.status == 200 && response.json()["metadata"]["name"] == "hello") ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, kClients * kRequests);
  EXPECT_EQ(harness.on_loop([&] { return harness.backend.calls.size(); }),
            std::size_t{kClients * kRequests});
}

TEST(Load, MoreConnectionsThanTheLimit) {
  Harness harness;
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned i = 0; i < kMaxConnections + 50; ++i) {
    clients.push_back(std::make_unique<Client>(harness.socket()));
    clients.back()->request("GET", "/healthz");
  }
  // Those within the limit are served; the others wait until a place is free.
  for (auto& client : clients) {
    EXPECT_EQ(client->response().body, "ok");
    client->close();
  }
}

TEST(Load, AllConnectionsEndAtOnceWhileOthersWait) {
  Harness harness;
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned i = 0; i < kMaxConnections; ++i) {
    clients.push_back(std::make_unique<Client>(harness.socket()));
    EXPECT_EQ(clients.back()->call("GET", "/healthz").body, "ok");
  }
  Client waiting(harness.socket());
  waiting.request("GET", "/healthz");
  clients.front()->call("GET", "/healthz");  // a turn in which it is full
  // While the loop does this, it turns no more: they hang up in one turn.
  harness.on_loop([&] {
    for (auto& client : clients) client->close();
    return 0;
  });
  EXPECT_EQ(waiting.response().body, "ok");
}

}  // namespace
}  // namespace gantry::api
