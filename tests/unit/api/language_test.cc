// The small languages of a request: query, selectors, fields, bodies, routes.

#include <gtest/gtest.h>

#include "api/body.h"
#include "api/errors.h"
#include "api/fields.h"
#include "api/query.h"
#include "api/router.h"
#include "api/selector.h"
#include "base/json_text.h"

namespace gantry::api {
namespace {

TEST(Query, PercentDecoding) {
  struct Case {
    const char* text;
    bool form;
    std::optional<std::string> want;
  } cases[] = {{"abc", false, "abc"}, {"a%20b", false, "a b"}, {"a+b", false, "a+b"},
               {"a+b", true, "a b"},  {"%41%6a", false, "Aj"}, {"%2F", false, "/"},
               {"%", false, {}},      {"%4", false, {}},       {"%zz", false, {}},
               {"a%00b", false, {}},  {"", true, ""},          {"x%e2%9c%94", true, "x✔"}};
  for (const auto& c : cases) EXPECT_EQ(percent_decode(c.text, c.form), c.want) << c.text;
}

TEST(Query, Parsing) {
  auto query = Query::parse("a=1&b=&c&a=2&&d=x%3Dy&e=p+q");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->text("a"), "2");
  EXPECT_EQ(query->all("a"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(query->text("d"), "x=y");
  EXPECT_EQ(query->text("e"), "p q");
  EXPECT_TRUE(query->has("c"));
  EXPECT_FALSE(query->has("z"));
  EXPECT_EQ(query->text("z"), "");
  EXPECT_TRUE(Query::parse("")->pairs().empty());
  EXPECT_EQ(Query::parse("a=%zz").error().code, Code::InvalidArgument);
}

TEST(Query, TypedValues) {
  auto query = *Query::parse(
      "t=true&f=F&bad=yes&n=18446744073709551615&neg=-1&big=99999999999999999999&w=2024-01-02T03:"
      "04:05Z&nt=now");
  EXPECT_TRUE(*query.boolean("t"));
  EXPECT_FALSE(*query.boolean("f"));
  EXPECT_FALSE(*query.boolean("absent"));
  EXPECT_NE(query.boolean("bad").error().message.find("bad"), std::string::npos);
  EXPECT_EQ(*query.number("n"), 18446744073709551615u);
  EXPECT_FALSE(query.number("absent")->has_value());
  for (const char* name : {"neg", "big", "t"}) EXPECT_FALSE(query.number(name)) << name;
  EXPECT_EQ(rfc3339(**query.time("w")), "2024-01-02T03:04:05Z");
  EXPECT_FALSE(query.time("nt"));
}

std::string print(const std::vector<LabelTerm>& terms) {
  std::string out;
  for (const auto& term : terms) {
    constexpr const char* kOps[] = {"in", "notin", "exists", "!exists"};
    out += term.key + " " + kOps[static_cast<int>(term.op)] + "[";
    for (const auto& value : term.values) out += value + "|";
    out += "] ";
  }
  return out;
}

TEST(Selector, Grammar) {
  std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"  ", ""},
      {"a=b", "a in[b|] "},
      {"a==b", "a in[b|] "},
      {"a!=b", "a notin[b|] "},
      {"a", "a exists[] "},
      {"!a", "a !exists[] "},
      {" ! a , b = c ", "a !exists[] b in[c|] "},
      {"a in (b,c)", "a in[b|c|] "},
      {"a notin(b)", "a notin[b|] "},
      {"a in (,b)", "a in[|b|] "},
      {"a in (b,)", "a in[b||] "},
      {"a=,b", "a in[|] b exists[] "},
      {"a=", "a in[|] "},
      {"workflows.argoproj.io/phase=Succeeded,x/y in (Z)",
       "workflows.argoproj.io/phase in[Succeeded|] x/y in[Z|] "},
      {"in in (in),notin", "in in[in|] notin exists[] "},
  };
  for (const auto& [text, want] : cases) {
    auto terms = parse_label_selector(text);
    ASSERT_TRUE(terms) << text << ": " << terms.error().message;
    EXPECT_EQ(print(*terms), want) << text;
  }
  for (const char* bad : {",",     "a,",     "a=b,,c",  "a in", "a in ()", "a in (b",    "a in b",
                          "a b",   "a>1",    "=b",      "!",    "!a=b",    "a=b c",      "-a=b",
                          "a=b/c", "A_/b=c", "a/b/c=d", "a=-",  "(",       "a in (b c)", "a=(b)"}) {
    auto terms = parse_label_selector(bad);
    ASSERT_FALSE(terms) << bad << " gave " << print(*terms);
    EXPECT_EQ(terms.error().code, Code::InvalidArgument);
  }
}

TEST(Selector, Matching) {
  std::map<std::string, std::string> labels = {{"a", "1"}, {"b", ""}};
  std::pair<const char*, bool> cases[] = {{"", true},
                                          {"a=1", true},
                                          {"a=2", false},
                                          {"a!=2", true},
                                          {"c!=2", true},
                                          {"a", true},
                                          {"!a", false},
                                          {"!c", true},
                                          {"a in (1,2)", true},
                                          {"a notin (1)", false},
                                          {"c notin (1)", true},
                                          {"b=", true},
                                          {"c=", false},
                                          {"a=1,!b", false},
                                          {"a=1,b", true}};
  for (const auto& [text, want] : cases)
    EXPECT_EQ(matches(*parse_label_selector(text), labels), want) << text;
}

TEST(Selector, NamesAndLabels) {
  EXPECT_EQ(*parse_name_selector("metadata.name=x"), "x");
  EXPECT_EQ(*parse_name_selector(" metadata.name == @latest "), "@latest");
  EXPECT_EQ(*parse_name_selector(""), "");
  for (const char* bad :
       {"x", "metadata.uid=1", "metadata.name!=x", "metadata.name=x,metadata.namespace=y"}) {
    EXPECT_FALSE(parse_name_selector(bad)) << bad;
  }
  EXPECT_EQ(parse_labels("a=b, c/d=")->size(), 2u);
  EXPECT_TRUE(parse_labels("")->empty());
  for (const char* bad : {"a", "=b", "a=b c", "a=b,,c=d"}) EXPECT_FALSE(parse_labels(bad)) << bad;
  EXPECT_TRUE(is_dns_subdomain("a.b-c.1"));
  for (const char* bad : {"", "A", "a..b", ".a", "a.", "-a", "a-", "a/b", "..", "a_b"})
    EXPECT_FALSE(is_dns_subdomain(bad)) << bad;
  EXPECT_FALSE(is_dns_subdomain(std::string(254, 'a')));
  EXPECT_TRUE(is_dns_label(std::string(63, 'a')));
  EXPECT_FALSE(is_dns_label(std::string(64, 'a')));
  EXPECT_FALSE(is_dns_label("a.b"));
}

TEST(Fields, Filter) {
  const Json list = Json::parse(R"({"metadata":{"r":"1"},"items":[
      {"metadata":{"name":"a","uid":"u"},"status":{"phase":"P","nodes":{"n":{"id":1}}}},
      {"metadata":{"name":"b"},"spec":{}}]})");
  struct Case {
    const char* fields;
    const char* want;
  } cases[] = {
      {"items.metadata.name", R"({"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})"},
      {"metadata,items.status.nodes",
       R"({"metadata":{"r":"1"},"items":[{"status":{"nodes":{"n":{"id":1}}}},{}]})"},
      {"items.meta", R"({"items":[{},{}]})"},
      {"-items", R"({"metadata":{"r":"1"}})"},
      {"-items.status.nodes,items.metadata,metadata",
       R"({"items":[{"status":{"phase":"P"}},{"spec":{}}]})"},
      {"-items.status,-items.metadata.uid,-items.spec,-metadata",
       R"({"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})"},
      {"nothing", "{}"},
  };
  for (const auto& c : cases) {
    Json json = list;
    Fields(c.fields).apply(json);
    EXPECT_EQ(json, Json::parse(c.want)) << c.fields;
  }
  Json same = list;
  Fields("").apply(same);
  EXPECT_EQ(same, list);
}

TEST(Fields, WhatNeedNotBeMade) {
  std::pair<const char*, bool> cases[] = {{"", false},
                                          {"items.status", false},
                                          {"items.status.nodes", false},
                                          {"items.status.nodes.id", false},
                                          {"items.status.phase", true},
                                          {"-items.status.nodes", true},
                                          {"-items.status", true},
                                          {"-items.status.nodes.id", false},
                                          {"-items.spec", false}};
  for (const auto& [fields, want] : cases)
    EXPECT_EQ(Fields(fields).excludes("items.status.nodes"), want) << fields;
}

TEST(Body, Create) {
  std::string text =
      "{\n \"namespace\": \"ns\",\n \"workflow\": {\"a\": [1, {\"b\": \"}\\u00e9\"}],\n   \"c\": "
      "{}},\n"
      " \"createOptions\": {\"fieldManager\": \"x\", \"dryRun\": [\"All\"]}, \"instanceID\": null}";
  auto body = parse_create_body(text, "workflow");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->name_space, "ns");
  EXPECT_EQ(body->object, "{\"a\": [1, {\"b\": \"}\\u00e9\"}],\n   \"c\": {}}");
  EXPECT_TRUE(body->dry_run);

  std::pair<const char*, bool> dry[] = {
      {R"({"workflow":{}})", false},
      {R"({"serverDryRun":true,"workflow":{}})", true},
      {R"({"workflow":{},"createOptions":{"dryRun":[]}})", false},
      {R"({"workflow":{},"createOptions":null})", false},
      {R"({"workflow":{},"createOptions":{}, "serverDryRun":false})", false}};
  for (const auto& [json, want] : dry) {
    std::string copy = json;
    auto parsed = parse_create_body(copy, "workflow");
    ASSERT_TRUE(parsed) << json << parsed.error().message;
    EXPECT_EQ(parsed->dry_run, want) << json;
    EXPECT_EQ(parsed->object, "{}");
  }
}

TEST(Body, CreateErrors) {
  std::pair<const char*, const char*> cases[] = {
      {"", "body is empty"},
      {"  \n", "body is empty"},
      {"{}", "workflow is not specified"},
      {R"({"workflow":null})", "workflow is not specified"},
      {R"({"workflow":)", "not valid JSON"},
      {R"({"workflow":{})", "not valid JSON"},
      {R"({"workflow":{}} x)", "not valid JSON"},
      {R"({"workflow":{}}{})", "not valid JSON"},
      {R"({"workflow":[]})", "not valid JSON"},
      {R"({"workflow":"text"})", "not valid JSON"},
      {R"({"workflow":{},"namespace":7})", "not valid JSON"},
      {"[]", "not valid JSON"},
      {"nonsense", "not valid JSON"},
      {"{\"a\":\"\xff\"}", "not valid JSON"},
      {R"({"workflow":{},"createOptions":{"dryRun":["Some"]}})", "\"Some\" is not \"All\""}};
  for (const auto& [json, want] : cases) {
    std::string copy = json;
    auto body = parse_create_body(copy, "workflow");
    ASSERT_FALSE(body) << json;
    EXPECT_EQ(body.error().code, Code::InvalidArgument);
    EXPECT_NE(body.error().message.find(want), std::string::npos)
        << json << ": " << body.error().message;
  }
  std::string deep = "{\"workflow\":" + std::string(100000, '[');
  EXPECT_FALSE(parse_create_body(deep, "workflow"));
}

TEST(Body, Objects) {
  EXPECT_EQ(*parse_object(""), Json::object());
  EXPECT_EQ(*parse_object(R"({"a":1})"), Json({{"a", 1}}));
  EXPECT_NE(parse_object("{\n\"a\":}").error().message.find("line 2"), std::string::npos);
  EXPECT_FALSE(parse_object("[]"));
}

TEST(Body, Base64) {
  std::pair<const char*, std::string> cases[] = {
      {"", ""},        {"Zg==", "f"},        {"Zm8=", "fo"},
      {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"AP/+", std::string("\0\xff\xfe", 3)}};
  for (const auto& [text, bytes] : cases) {
    EXPECT_EQ(*base64_decode(text), bytes) << text;
    EXPECT_EQ(base64_encode(bytes), text);
  }
  EXPECT_EQ(*base64_decode("Zm9v\nYg==\n"), "foob");
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Z===", "=Zg=", "Zg==Zg==", "Zm9*", "Zm9v="})
    EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Router, Matches) {
  struct Case {
    const char *method, *path, *pattern;
    std::vector<std::pair<std::string_view, std::string>> params;
  } cases[] = {
      {"GET", "/healthz", "/healthz", {}},
      {"GET", "/api/v1/workflows/", "/api/v1/workflows/{namespace}", {{"namespace", ""}}},
      {"GET", "/api/v1/workflows", "/api/v1/workflows", {}},
      {"GET",
       "/api/v1/workflows/ns/a.b",
       "/api/v1/workflows/{namespace}/{name}",
       {{"namespace", "ns"}, {"name", "a.b"}}},
      {"GET",
       "/api/v1/workflows/ns/%40latest",
       "/api/v1/workflows/{namespace}/{name}",
       {{"namespace", "ns"}, {"name", "@latest"}}},
      {"PUT",
       "/api/v1/workflows//w/stop",
       "/api/v1/workflows/{namespace}/{name}/stop",
       {{"namespace", ""}, {"name", "w"}}},
      {"GET",
       "/api/v1/workflows/n/w/p/log",
       "/api/v1/workflows/{namespace}/{name}/{podName}/log",
       {{"namespace", "n"}, {"name", "w"}, {"podName", "p"}}},
      {"POST",
       "/api/v1/workflows/n/submit",
       "/api/v1/workflows/{namespace}/submit",
       {{"namespace", "n"}}},
      {"GET",
       "/api/v1/workflows/n/submit",
       "/api/v1/workflows/{namespace}/{name}",
       {{"namespace", "n"}, {"name", "submit"}}},
      {"DELETE",
       "/api/v1/images/docker.io/library/a%3A1",
       "/api/v1/images/{image...}",
       {{"image", "docker.io/library/a:1"}}},
      {"POST",
       "/api/v1/cron-workflows/ns/lint",
       "/api/v1/cron-workflows/{namespace}/lint",
       {{"namespace", "ns"}}},
      {"GET",
       "/api/v1/cluster-workflow-templates",
       "/api/v1/cluster-workflow-templates",
       {}},
  };
  for (const auto& c : cases) {
    auto match = all_routes().match(c.method, c.path);
    ASSERT_TRUE(match) << c.path << ": " << match.error().error.message;
    EXPECT_EQ(match->route->pattern, c.pattern) << c.path;
    EXPECT_EQ(match->params, c.params) << c.path;
  }
}

TEST(Router, Refusals) {
  struct Case {
    const char *method, *path;
    unsigned status;
  } cases[] = {{"GET", "/", 404},
               {"GET", "", 404},
               {"GET", "/api/v1/nothing", 404},
               {"GET", "/api/v1/workflows/n/", 404},
               {"GET", "/api/v1/workflows/n/a/b/c/d", 404},
               {"GET", "/api/v1/workflows/n/NOT_A_NAME", 404},
               {"GET", "/api/v1/workflows/n/..", 404},
               {"GET", "/api/v1/workflows/n/a%2f..", 404},
               {"GET", "/api/v1/workflows/../x", 400},
               {"GET", "/api/v1/workflows/a%2Fb", 400},
               {"GET", "/api/v1/workflows/n/%zz", 400},
               {"GET", "/api/v1/workflows/n/a%00", 400},
               {"PATCH", "/api/v1/workflows/n", 405},
               {"POST", "/healthz", 405}};
  for (const auto& c : cases) {
    auto match = all_routes().match(c.method, c.path);
    ASSERT_FALSE(match) << c.path;
    EXPECT_EQ(match.error().status, c.status) << c.path;
  }
  EXPECT_EQ(all_routes().match("PATCH", "/api/v1/workflows/n").error().allow, "POST, GET");
}

TEST(Errors, Shapes) {
  std::pair<Code, unsigned> cases[] = {
      {Code::InvalidArgument, 400},  {Code::NotFound, 404},        {Code::AlreadyExists, 409},
      {Code::PermissionDenied, 403}, {Code::Unauthenticated, 401}, {Code::ResourceExhausted, 429},
      {Code::Unimplemented, 501},    {Code::Internal, 500},        {Code::Unavailable, 503}};
  for (auto [code, status] : cases) EXPECT_EQ(http_status(code), status);
  EXPECT_EQ(error_body({Code::NotFound, "x"}), Json({{"code", 5}, {"message", "x"}}));
  EXPECT_EQ(
      error_in_stream({Code::NotFound, "x"}),
      Json::parse(
          R"({"error":{"grpc_code":5,"http_code":404,"message":"x","http_status":"Not Found"}})"));
  EXPECT_EQ(json_text(Json("\xff")), "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace gantry::api
