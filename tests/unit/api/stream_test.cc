#include "api/stream.h"

#include <gtest/gtest.h>

#include "api/server.h"

namespace gantry::api {
namespace {

using Framing = StreamBody::Framing;

struct Pair {
  explicit Pair(Framing framing = Framing::Lines, Fields fields = Fields())
      : body(std::make_shared<StreamBody>(framing, std::move(fields), [this] { ++changes; })),
        stream(std::make_shared<ClientStream>(body)) {}
  std::string take(std::size_t size = 1 << 20) {
    std::string out(size, '\0');
    out.resize(body->take(out.data(), size));
    return out;
  }
  int changes = 0;
  std::shared_ptr<StreamBody> body;
  std::shared_ptr<ClientStream> stream;
};

TEST(Stream, Framing) {
  Pair lines, events(Framing::EventStream);
  for (Pair* p : {&lines, &events}) {
    p->stream->send({{"a", 1}});
    p->stream->send("two\nlines");
    p->body->open();
    p->stream->fail({Code::Internal, "broke"});
  }
  EXPECT_EQ(lines.take(),
            "{\"result\":{\"a\":1}}\n{\"result\":\"two\\nlines\"}\n"
            "{\"error\":{\"grpc_code\":13,\"http_code\":500,\"http_status\":\"Internal Server "
            "Error\",\"message\":\"broke\"}}\n");
  EXPECT_TRUE(events.take().starts_with(
      "data: {\"result\":{\"a\":1}}\n\ndata: {\"result\":\"two\\nlines\"}\n\ndata: {\"error\":"));
  EXPECT_TRUE(lines.body->finished());
}

TEST(Stream, FieldsCountFromTheEnvelope) {
  Pair p(Framing::Lines, Fields("result.type,result.object.metadata.name"));
  p.stream->send({{"type", "ADDED"},
                  {"object", {{"metadata", {{"name", "x"}, {"uid", "u"}}}, {"status", {}}}}});
  EXPECT_EQ(p.take(),
            "{\"result\":{\"object\":{\"metadata\":{\"name\":\"x\"}},\"type\":\"ADDED\"}}\n");
}

TEST(Stream, AnErrorBeforeAnythingElseIsTheAnswer) {
  Pair early, late, opened;
  early.stream->fail({Code::NotFound, "x"});
  EXPECT_TRUE(early.body->early_error());
  EXPECT_EQ(early.take(), "");
  late.stream->send(1);
  late.stream->fail({Code::NotFound, "x"});
  EXPECT_FALSE(late.body->early_error());
  opened.body->open();
  opened.stream->fail({Code::NotFound, "x"});
  EXPECT_FALSE(opened.body->early_error());
  EXPECT_NE(opened.take().find("\"grpc_code\":5"), std::string::npos);
}

TEST(Stream, TakesInPiecesAndTellsWhenItIsEmpty) {
  Pair p;
  int drained = 0;
  p.stream->on_drained = [&] {
    if (++drained == 1) p.stream->send("more");
  };
  std::string want;
  for (int i = 0; i < 1000; ++i) {
    p.stream->send(i);
    want += "{\"result\":" + std::to_string(i) + "}\n";
    if (i % 3 == 0) {  // the front of the buffer is given away while the back grows
      std::string piece = p.take(7);
      EXPECT_EQ(piece, want.substr(0, piece.size()));
      want.erase(0, piece.size());
    }
    ASSERT_EQ(p.stream->buffered(), want.size());
  }
  p.body->notify();
  EXPECT_EQ(drained, 0);
  EXPECT_EQ(p.take(), want);
  p.body->notify();
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(p.take(), "{\"result\":\"more\"}\n");
  p.body->notify();
  EXPECT_EQ(drained, 2);
  p.body->notify();
  EXPECT_EQ(drained, 2);
}

TEST(Stream, ABackendThatDoesNotWaitIsCutOff) {
  Pair p;
  bool closed = false;
  p.stream->on_closed = [&] { closed = true; };
  std::string line(1 << 20, 'x');
  for (int i = 0; i < 100 && !p.stream->closed(); ++i) p.stream->send(line);
  EXPECT_LE(p.stream->buffered(), kMaxBuffered + 2 * line.size());
  p.body->notify();
  EXPECT_TRUE(closed);
  std::string all;
  for (std::string piece; !(piece = p.take()).empty();) all += piece;
  EXPECT_NE(all.find("\"grpc_code\":8"), std::string::npos);
}

TEST(Stream, ClosingIsToldOnce) {
  for (int way = 0; way < 3; ++way) {
    Pair p;
    int closed = 0;
    auto keep = p.stream;  // as backends do: what on_closed captures holds the stream
    p.stream->on_closed = [&closed, keep] { ++closed; };
    keep.reset();
    std::weak_ptr<ClientStream> weak = p.stream;
    if (way == 0) p.stream->end();
    if (way == 1) p.body->close();
    if (way == 2) p.stream->fail({Code::Internal, ""});
    EXPECT_EQ(closed, 0) << "only `notify` calls back";
    EXPECT_TRUE(p.stream->closed());
    p.stream->send(1);
    p.stream->end();
    p.body->close();
    p.body->notify();
    p.body->notify();
    EXPECT_EQ(closed, 1) << way;
    p.stream.reset();
    EXPECT_TRUE(weak.expired()) << "the callbacks keep the stream alive";
  }
}

TEST(Stream, DroppingTheHandleEndsIt) {
  Pair p;
  p.stream->send(1);
  p.stream.reset();
  EXPECT_FALSE(p.body->finished());
  EXPECT_EQ(p.take(), "{\"result\":1}\n");
  EXPECT_TRUE(p.body->finished());
  p.body->notify();
}

TEST(Stream, KeepAliveOnlyInSilence) {
  Pair lines, events(Framing::EventStream);
  lines.body->keep_alive();
  EXPECT_EQ(lines.take(), "");
  events.body->keep_alive();
  EXPECT_EQ(events.take(), ":\n\n");
  events.stream->send(1);
  events.body->keep_alive();
  EXPECT_EQ(events.take(), "data: {\"result\":1}\n\n");
  events.stream->end();
  events.body->keep_alive();
  EXPECT_EQ(events.take(), "");
}

}  // namespace
}  // namespace gantry::api
