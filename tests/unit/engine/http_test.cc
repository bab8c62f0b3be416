// Templates whose work is an HTTP request.

#include "tests/unit/engine/engine_fixture.h"

namespace gantry::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HttpTest : public EngineTest {
 protected:
  HttpTest() : EngineTest(with_server()) {}
  static World::Options with_server() {
    World::Options options = EngineTest::options();
    options.server = [](const SendRequest& request) -> Result<Engine::HttpAnswer> {
      if (request.url.ends_with("/down")) return fail(Code::Unavailable, "nobody there");
      const long status = request.url.ends_with("/gone") ? 404 : 201;
      return Engine::HttpAnswer{status, {{"content-type", "text/plain"}, {"x-a", "1"}}, "answer to " + request.method};
    };
    return options;
  }
  void request(const std::string& http) {
    run("  entrypoint: main\n  arguments: {parameters: [{name: p, value: v}]}\n  templates:\n  - name: main\n    http: {" + http + "}");
  }
};

TEST_F(HttpTest, OneRequest) {
  request(R"(url: "http://x/{{workflow.parameters.p}}", method: PUT, body: "b {{workflow.name}}", timeoutSeconds: 5,
      headers: [{name: a, value: "{{workflow.parameters.p}}"}, {name: s, valueFrom: {secretKeyRef: {name: s, key: k}}}])");
  EXPECT_THAT(story(), ElementsAre("wf HTTP Succeeded"));
  EXPECT_EQ(node("wf").outputs->result, "answer to PUT");
  ASSERT_THAT(world_.requests, SizeIs(1));
  const SendRequest& sent = world_.requests.front();
  EXPECT_EQ(sent.url, "http://x/v");
  EXPECT_EQ(sent.body, "b wf");
  EXPECT_EQ(sent.timeout, std::chrono::seconds(5));
  ASSERT_THAT(sent.headers, SizeIs(2));
  EXPECT_EQ(sent.headers[0].value, "v");
  EXPECT_EQ(sent.headers[1].secret + "/" + sent.headers[1].key, "s/k");
}

TEST_F(HttpTest, WhatCountsAsSuccess) {
  const std::pair<const char*, const char*> cases[] = {
      {"url: 'http://x/gone'", "Failed | received non-2xx response code: 404"},
      {"url: 'http://x/down'", "Error | nobody there"},
      {"url: 'http://x/gone', successCondition: 'response.statusCode == 404'", "Succeeded"},
      {"url: 'http://x/', successCondition: 'response.body contains \"GET\" && request.url == \"http://x/\"'", "Succeeded"},
      {"url: 'http://x/', successCondition: 'response.headers[\"Content-Type\"][0] == \"text/plain\"'", "Succeeded"},
      {"url: 'http://x/', successCondition: 'response.body == \"{{workflow.name}}\"'",
       "Failed | successCondition 'response.body == \"wf\"' evaluated false"},
  };
  for (const auto& [http, wanted] : cases) {
    world_.forget("wf");
    world_.run_to_rest();
    request(http);
    EXPECT_EQ(end(), wanted) << http;
  }
}

TEST_F(HttpTest, TheAnswerGoesOn) {
  run(R"(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: ask, template: ask}
    - - {name: say, template: say, arguments: {parameters: [{name: x, value: "{{steps.ask.outputs.result}}"}]}}
  - name: ask
    http: {url: "http://x/", method: POST}
  - name: say
    inputs: {parameters: [{name: x}]}
    container: {image: busybox, command: [print, "{{inputs.parameters.x}}"]})");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[1].say").inputs.parameters.front().value, "answer to POST");
}

class DataTest : public EngineTest {
 protected:
  DataTest() : EngineTest(with_keys()) {}
  static World::Options with_keys() {
    World::Options options = EngineTest::options();
    options.keys = {"a/main.log", "a/x", "b/main.log"};
    return options;
  }
};

TEST_F(DataTest, KeysAreListedAndChanged) {
  run(R"yaml(
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: list, template: list}
    - - name: each
        template: each
        arguments: {artifacts: [{name: f, s3: {key: "{{item}}"}}]}
        withParam: "{{steps.list.outputs.result}}"
  - name: list
    data:
      source: {artifactPaths: {name: all, s3: {bucket: b}}}
      transformation:
      - expression: "filter(data, {# endsWith 'main.log'})"
      - expression: "map(data, {'p/' + #})"
  - name: each
    inputs: {artifacts: [{name: f, path: /f}]}
    container: {image: busybox, command: [exit, "0"]})yaml");
  EXPECT_EQ(end(), "Succeeded");
  EXPECT_EQ(node("wf[0].list").outputs->result, R"(["p/a/main.log","p/b/main.log"])");
  EXPECT_EQ(node("wf[1].each(1:p/b/main.log)").inputs.artifacts.front().location, R"({"s3":{"key":"p/b/main.log"}})");
}

TEST_F(DataTest, AnExpressionThatFails) {
  run("  entrypoint: main\n  templates:\n  - name: main\n    data:\n      source: {artifactPaths: {name: a, s3: {key: k}}}\n"
      "      transformation: [{expression: 'data.x.y'}]\n");
  EXPECT_THAT(end(), ::testing::HasSubstr("Error | unable to process data transformation: error processing data step 0: "));
}

class SilentServerTest : public EngineTest {};

TEST_F(SilentServerTest, StoppingCancelsIt) {
  submit("  entrypoint: main\n  templates:\n  - name: main\n    http: {url: 'http://x/'}");
  world_.run_to_rest();
  ASSERT_THAT(world_.requests, SizeIs(1));
  world_.shut_down("wf", Shutdown::Terminate);
  world_.run_to_rest();
  EXPECT_THAT(world_.requests, IsEmpty());
  EXPECT_THAT(story(), ElementsAre("wf HTTP Failed | workflow shutdown with strategy:  Terminate"));
}

TEST_F(SilentServerTest, TheNextLifeAsksAgain) {
  submit("  entrypoint: main\n  templates:\n  - name: main\n    http: {url: 'http://x/'}");
  world_.run_to_rest();
  world_.crash();
  world_.run_to_rest();
  EXPECT_THAT(world_.requests, SizeIs(2));
  EXPECT_THAT(story(), ElementsAre("wf HTTP Running"));
}

}  // namespace
}  // namespace gantry::engine
