// Every endpoint: what the backend is asked, and what the client gets.

#include "tests/unit/api/fixture.h"

namespace gantry::api {
namespace {

struct Case {
  const char* method;
  std::string target, body, headers;
  int status;
  std::string call;    ///< the backend's last call contains all of this; "" none was made
  std::string answer;  ///< the answer contains all of this
};

/// Whether `have` has everything that `want` has.
bool contains(const Json& have, const Json& want) {
  if (want.is_object() && have.is_object()) {
    for (const auto& [key, value] : want.items()) {
      if (!have.contains(key) || !contains(have[key], value)) return false;
    }
    return true;
  }
  if (want.is_array() && have.is_array() && want.size() == have.size()) {
    return std::equal(want.begin(), want.end(), have.begin(),
                      [](const Json& w, const Json& h) { return contains(h, w); });
  }
  return have == want;
}

class Routes : public testing::Test {
 protected:
  void run(const std::vector<Case>& cases) {
    for (const auto& c : cases) {
      SCOPED_TRACE(std::string(c.method) + " " + c.target + " " + c.body);
      harness.on_loop([&] { harness.backend.calls.clear(); });
      Response response = client.call(c.method, c.target, c.body, c.headers);
      EXPECT_EQ(response.status, c.status) << response.body;
      if (c.answer.starts_with('{')) {
        EXPECT_TRUE(contains(response.json(), Json::parse(c.answer)))
            << response.body << "\nwanted " << c.answer;
        EXPECT_NE(response.headers.find("application/json"), std::string::npos);
      } else {
        EXPECT_NE(response.body.find(c.answer), std::string::npos)
            << response.body << "\nwanted " << c.answer;
      }
      if (c.status != 200) {
        Json error = response.json();
        EXPECT_TRUE(error.contains("code") && error.contains("message")) << response.body;
      }
      Json call = harness.last_call();
      if (c.call.empty()) {
        EXPECT_TRUE(call.is_null()) << call;
      } else {
        EXPECT_TRUE(contains(call, Json::parse(c.call))) << call << "\nwanted " << c.call;
      }
    }
  }

  Harness harness;
  Client client{harness.socket()};
};

const char* kYaml = "Content-Type: application/yaml\r\n";

TEST_F(Routes, System) {
  run({
      {"GET", "/healthz", "", "", 200, "", "ok"},
      {"GET", "/api/v1/version?", "", "", 200, "", R"({"version":"v0"})"},
      {"GET", "/api/v1/info", "", "", 200, "",
       R"({"links":[],"columns":[],"modals":{},"managedNamespace":""})"},
      {"GET", "/api/v1/userinfo", "", "", 200, "", R"({"issuer":"unix"})"},
      {"POST", "/api/v1/tracking/event", R"({"name":"x"})", "", 200, "", "{}"},
      {"GET", "/nothing", "", "", 404, "", R"({"code":5})"},
      {"DELETE", "/healthz", "", "", 405, "", R"({"code":12})"},
      {"GET", "/api/v1/version?a=%zz", "", "", 400, "", R"({"code":3})"},
  });
  EXPECT_EQ(client.call("GET", "/api/v1/userinfo").json()["subject"],
            "uid:" + std::to_string(getuid()));
  EXPECT_NE(client.call("PUT", "/healthz").headers.find("Allow: GET"), std::string::npos);
}

TEST_F(Routes, Submit) {
  run({
      {"POST", "/api/v1/workflows/ns/submit",
       R"({"namespace":"ns","resourceKind":"WorkflowTemplate","resourceName":"t","submitOptions":
           {"parameters":["a=b"],"labels":"x=y","annotations":"n=o p","name":"n","generateName":"g-",
            "entryPoint":"e","serviceAccount":"s","priority":3,"dryRun":true,"artifacts":[],
            "ownerReference":null,"podPriorityClassName":"high"}})",
       "", 200,
       R"({"call":"submit","kind":0,"from":"t","ns":"ns","parameters":[["a","b"]],"labels":[["x","y"]],
           "annotations":[["n","o p"]],"name":"n","generateName":"g-","entrypoint":"e",
           "serviceAccount":"s","priority":3,"dryRun":true})",
       R"({"metadata":{"name":"hello"}})"},
      {"POST", "/api/v1/workflows/ns/submit", R"({"resourceKind":"cwftmpl","resourceName":"t"})",
       "", 200, R"({"kind":1,"from":"t","dryRun":false})", "{}"},
      {"POST", "/api/v1/workflows/ns/submit",
       R"({"resourceKind":"cronworkflows","resourceName":"t"})", "", 200, R"({"kind":2})", "{}"},
      {"POST", "/api/v1/workflows/ns/submit", R"({"resourceKind":"Wftmpl","resourceName":"t"})", "",
       400, "", "Resource kind 'Wftmpl' is not supported for submitting"},
      {"POST", "/api/v1/workflows/ns/submit", R"({"resourceKind":"wftmpl"})", "", 400, "",
       "resourceName is not specified"},
      {"POST", "/api/v1/workflows/ns/submit",
       R"({"resourceKind":"wftmpl","resourceName":"t","submitOptions":{"artifacts":["a=b"]}})", "",
       501, "", "not supported yet: submitOptions.artifacts"},
      {"POST", "/api/v1/workflows/ns/submit",
       R"({"resourceKind":"wftmpl","resourceName":"t","submitOptions":{"name":{"a":1}}})", "", 400,
       "", "is not a text"},
  });
}

TEST_F(Routes, Resources) {
  struct Family {
    const char* path;
    const char* field;
    int kind;
  };
  for (const Family& f : {Family{"workflow-templates/ns", "template", 0},
                          {"cluster-workflow-templates", "template", 1},
                          {"cron-workflows/ns", "cronWorkflow", 2},
                          {"workflow-event-bindings/ns", "workflowEventBinding", 3}}) {
    const std::string path = std::string("/api/v1/") + f.path;
    const std::string kind = R"({"kind":)" + std::to_string(f.kind);
    const std::string ns = f.kind == 1 ? R"(,"ns":"")" : R"(,"ns":"ns")";
    const std::string body = std::string(R"({")") + f.field + R"(":{"a":1}})";
    run({
        {"POST", path, body, "", 200,
         kind + ns + R"(,"call":"create","document":"{\"a\":1}","yaml":false,"dryRun":false})",
         R"({"metadata":{"name":"hello"}})"},
        {"POST", path + "?file=f.yaml&strict=true&createOptions.dryRun=All", "a: 1", kYaml, 200,
         kind +
             R"(,"call":"create","document":"a: 1","yaml":true,"file":"f.yaml","strict":true,"dryRun":true})",
         R"({"items":[{"metadata":{"name":"hello"}}]})"},
        {"POST", path + "/lint", body, "", 200, kind + ns + R"(,"call":"lint","name":""})", "{}"},
        {"GET", path + "?listOptions.labelSelector=a%3Db", "", "", 200,
         kind + ns + R"(,"call":"list","labels":[["a",0,["b"]]]})",
         R"({"items":[{"metadata":{"name":"hello"}}]})"},
        {"GET", path + "?namePattern=x", "", "", 200, R"({"filter":"x","match":0})", "{}"},
        {"GET", path + "/hello", "", "", 200, kind + ns + R"(,"call":"get","name":"hello"})", "{}"},
        {"PUT", path + "/hello", body, "", 200, kind + ns + R"(,"call":"update","name":"hello"})",
         "{}"},
        {"PUT", path, "a: 1", kYaml, 200, kind + R"(,"call":"update","name":"","yaml":true})",
         "{}"},
        {"DELETE", path + "/hello", "", "", 200, kind + ns + R"(,"call":"remove","name":"hello"})",
         "{}"},
        {"POST", path, "{}", "", 400, "", std::string(f.field) + " is not specified"},
        {"POST", path + "?createOptions.dryRun=Some", body, "", 400, "", "is not \\\"All\\\""},
        {"GET", path + "/UPPER", "", "", 404, "", R"({"code":5})"},
    });
  }
  run({
      {"GET", "/api/v1/workflow-templates?", "", "", 200, R"({"call":"list","ns":""})", "{}"},
      {"POST", "/api/v1/cron-workflows/", R"({"namespace":"other","cronWorkflow":{}})", "", 200,
       R"({"ns":"other"})", "{}"},
      {"PUT", "/api/v1/cron-workflows/ns/c/suspend", "", "", 200,
       R"({"call":"suspend cron","name":"c"})", "{}"},
      {"PUT", "/api/v1/cron-workflows/ns/c/resume", "{}", "", 200,
       R"({"call":"resume cron","name":"c"})", "{}"},
  });
}

TEST_F(Routes, Events) {
  run({
      {"POST", "/api/v1/events/ns/github", R"({"a":1})",
       "X-Github-Event: push\r\nAuthorization: Bearer secret\r\n", 200,
       R"({"call":"event","ns":"ns","discriminator":"github","payload":{"a":1},
           "metadata":{"x-github-event":["push"]}})",
       "{}"},
      {"POST", "/api/v1/events/ns/", "", "", 200, R"({"discriminator":"","payload":null})", "{}"},
      {"POST", "/api/v1/events/ns", "[1]", "", 200, R"({"payload":[1]})", "{}"},
      {"POST", "/api/v1/events/ns/x", "{", "", 400, "", "not valid JSON"},
  });
}

TEST_F(Routes, Create) {
  run({
      {"POST", "/api/v1/workflows/ns?", R"({"namespace":"other","workflow":{ "a":1}})", "", 200,
       R"({"call":"create","ns":"ns","document":"{ \"a\":1}","yaml":false,"dryRun":false,"strict":false,"priority":null,"file":""})",
       R"({"metadata":{"name":"hello"}})"},
      {"POST", "/api/v1/workflows/", R"({"namespace":"other","workflow":{}})", "", 200,
       R"({"ns":"other"})", "{}"},
      {"POST", "/api/v1/workflows/ns", R"({"workflow":{},"createOptions":{"dryRun":["All"]}})",
       "Content-Type: application/json; charset=utf-8\r\n", 200, R"({"dryRun":true})", "{}"},
      {"POST", "/api/v1/workflows/ns?serverDryRun=true&strict=1", R"({"workflow":{}})", "", 200,
       R"({"dryRun":true,"strict":true})", "{}"},
      {"POST", "/api/v1/workflows/ns/lint", R"({"workflow":{"b":2}})", "", 200,
       R"({"call":"lint","document":"{\"b\":2}"})", R"({"metadata":{"name":"hello"}})"},
      {"POST",
       "/api/v1/workflows/"
       "ns?submitOptions.parameters=a%3Db%3Dc&submitOptions.parameters=d=&submitOptions.name=n&"
       "submitOptions.generateName=g-&submitOptions.entryPoint=e&submitOptions.labels=x%3Dy,z%3D&"
       "submitOptions.priority=-7&"
       "createOptions.dryRun=All&file=my%20file.yaml&strict=true",
       "a: 1\n", kYaml, 200,
       R"({"yaml":true,"document":"a: 1\n","parameters":[["a","b=c"],["d",""]],"name":"n","generateName":"g-","entrypoint":"e",
           "labels":[["x","y"],["z",""]],"priority":-7,"dryRun":true,"file":"my file.yaml","strict":true})",
       R"({"items":[{"metadata":{"name":"hello"}}]})"},
      {"POST", "/api/v1/workflows/ns/lint", "a: 1", "Content-Type: Text/YAML; charset=utf-8\r\n",
       200, R"({"call":"lint","yaml":true})", R"({"items":[{"metadata":{"name":"hello"}}]})"},
      {"POST", "/api/v1/workflows/ns", "", "", 400, "", R"({"code":3})"},
      {"POST", "/api/v1/workflows/ns", "", kYaml, 400, "", "body is empty"},
      {"POST", "/api/v1/workflows/ns", "{\"workflow\":", "", 400, "", "not valid JSON"},
      {"POST", "/api/v1/workflows/ns", "{}", "", 400, "", "workflow is not specified"},
      {"POST", "/api/v1/workflows/NS", "{}", "", 400, "", "is not a namespace"},
      {"POST", "/api/v1/workflows/", R"({"namespace":"../x","workflow":{}})", "", 400, "",
       "is not a namespace"},
      {"POST", "/api/v1/workflows/ns?submitOptions.parameters=x", "a", kYaml, 400, "",
       "expected parameter of the form: NAME=VALUE. Received: x"},
      {"POST", "/api/v1/workflows/ns?submitOptions.labels=x", "a", kYaml, 400, "", "NAME=VALUE"},
      {"POST", "/api/v1/workflows/ns?submitOptions.priority=1.5", "a", kYaml, 400, "", "32-bit"},
      {"POST",
       "/api/v1/workflows/ns?submitOptions.serviceAccount=x&submitOptions.annotations=a%3Db%20c",
       "a", kYaml, 200, R"({"serviceAccount":"x","annotations":[["a","b c"]]})", "{}"},
      {"POST", "/api/v1/workflows/ns?submitOptions.artifacts=a%3Db", "a", kYaml, 501, "",
       "not supported yet: submitOptions.artifacts"},
      {"POST", "/api/v1/workflows/ns?createOptions.dryRun=Some", "a", kYaml, 400, "",
       "is not \\\"All\\\""},
      {"POST", "/api/v1/workflows/ns?strict=perhaps", "a", kYaml, 400, "", "strict"},
  });
  client.call("POST", "/api/v1/workflows/ns", R"({"workflow":{}})");
  EXPECT_EQ(harness.last_call()["uid"], getuid());
  EXPECT_EQ(harness.last_call()["pid"], getpid());
}

TEST_F(Routes, List) {
  run({
      {"GET", "/api/v1/workflows/?", "", "", 200,
       R"({"call":"list","ns":"","labels":[],"filter":"","match":2,"limit":0,"continue":"","nodes":true,"after":null,"before":null})",
       R"({"metadata":{"resourceVersion":""},"items":[{"metadata":{"name":"hello"},"status":{"phase":"Succeeded","nodes":{}}}]})"},
      {"GET", "/api/v1/workflows", "", "", 200, R"({"ns":""})", "{}"},
      {"GET",
       "/api/v1/workflows/"
       "ns?listOptions.labelSelector=a%3Db%2C%21c&listOptions.fieldSelector=metadata.name%3Dx&"
       "nameFilter=Prefix&"
       "listOptions.limit=5&listOptions.continue=tok&createdAfter=2024-01-02T03:04:05Z&"
       "finishedBefore=2024-01-02T03:04:06%2B01:00",
       "", "", 200,
       R"({"ns":"ns","labels":[["a",0,["b"]],["c",3,[]]],"filter":"x","match":1,"limit":5,"continue":"tok",
           "after":"2024-01-02T03:04:05Z","before":"2024-01-02T02:04:06Z"})",
       R"({"metadata":{"continue":"next","remainingItemCount":7}})"},
      {"GET", "/api/v1/workflows/ns?fields=items.metadata.name,metadata&nameFilter=Contains", "",
       "", 200, R"({"nodes":false,"match":0})",
       R"({"items":[{"metadata":{"name":"hello"}}],"metadata":{}})"},
      {"GET", "/api/v1/workflows/ns?fields=-items.status.nodes,items.spec", "", "", 200,
       R"({"nodes":false})",
       R"({"items":[{"metadata":{"name":"hello"},"status":{"phase":"Succeeded"}}]})"},
      {"GET", "/api/v1/workflows/ns?fields=metadata", "", "", 200, R"({"nodes":false})",
       R"({"items":[]})"},
      {"GET", "/api/v1/workflows/ns?listOptions.labelSelector=a+b", "", "", 400, "",
       R"({"code":3})"},
      {"GET", "/api/v1/workflows/ns?listOptions.fieldSelector=spec.x%3D1", "", "", 400, "",
       "field selector"},
      {"GET", "/api/v1/workflows/ns?nameFilter=Suffix", "", "", 400, "", "nameFilter"},
      {"GET", "/api/v1/workflows/ns?createdAfter=yesterday", "", "", 400, "", "createdAfter"},
      {"GET", "/api/v1/workflows/ns?listOptions.limit=-1", "", "", 400, "", "listOptions.limit"},
  });
}

TEST_F(Routes, OneWorkflow) {
  run({
      {"GET", "/api/v1/workflows/ns/hello?", "", "", 200,
       R"({"call":"get","ns":"ns","name":"hello"})", R"({"metadata":{"name":"hello"}})"},
      {"GET", "/api/v1/workflows/ns/hello?nodes.limit=10&nodes.continue=20", "", "", 200,
       R"({"call":"get","first":20,"limit":10})", "{}"},
      {"GET", "/api/v1/workflows/ns/hello?nodes.limit=all", "", "", 400, "", "nodes.limit"},
      {"GET", "/api/v1/workflows/ns/@latest?fields=status.phase", "", "", 200,
       R"({"name":"@latest"})", R"({"status":{"phase":"Succeeded"}})"},
      {"DELETE", "/api/v1/workflows/ns/hello?deleteOptions.propagationPolicy=x", "", "", 200,
       R"({"call":"remove"})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/stop", "", "", 200, R"({"call":"stop","name":"hello"})",
       "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/stop",
       R"({"name":"hello","namespace":"ns","nodeFieldSelector":"","message":null})", "", 200,
       R"({"call":"stop"})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/terminate", "{}", "", 200, R"({"call":"terminate"})",
       "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/stop", R"({"nodeFieldSelector":"x"})", "", 400, "",
       "can't understand 'x'"},
      {"PUT", "/api/v1/workflows/ns/hello/stop",
       R"({"nodeFieldSelector":"displayName=a\\,b,phase!=x","message":"m"})", "", 200,
       R"({"call":"stop","selector":"displayName=a\\,b,phase!=x","message":"m"})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/stop", R"({"message":7})", "", 400, "",
       "message is not a string"},
      {"PUT", "/api/v1/workflows/ns/hello/stop", "{", "", 400, "", "not valid JSON"},
      {"PUT", "/api/v1/workflows/ns/hello/retry",
       R"({"restartSuccessful":true,"nodeFieldSelector":"id=5","parameters":["a=b=c"]})", "", 200,
       R"({"call":"retry","restart":true,"selector":"id=5","parameters":[["a","b=c"]]})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/retry", R"({"parameters":["a"]})", "", 400, "",
       "expected parameter of the form: NAME=VALUE. Received: a"},
      {"PUT", "/api/v1/workflows/ns/hello/retry", R"({"restartSuccessful":"yes"})", "", 400, "",
       "restartSuccessful is not true or false"},
      {"PUT", "/api/v1/workflows/ns/hello/resubmit", R"({"memoized":true,"parameters":null})", "",
       200, R"({"call":"resubmit","memoized":true,"parameters":[]})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/suspend", "", "", 200, R"({"call":"suspend"})", "{}"},
      {"PUT", "/api/v1/workflows/ns/@latest/resume", "", "", 200,
       R"({"call":"resume","name":"@latest"})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/set",
       R"({"phase":"Succeeded","message":"m","outputParameters":"{\"k\":\"v\"}"})", "", 200,
       R"({"call":"set","phase":"Succeeded","message":"m","outputs":[["k","v"]]})", "{}"},
      {"PUT", "/api/v1/workflows/ns/hello/set", R"({"outputParameters":"k=v"})", "", 400, "",
       "is not a JSON object"},
      {"PUT", "/api/v1/workflows/ns/hello/set", R"({"outputParameters":"{\"k\":1}"})", "", 400, "",
       "k is not a string"},
  });
  EXPECT_EQ(client.call("GET", "/api/v1/workflows/ns/x?fields=status.phase").body,
            R"({"status":{"phase":"Succeeded"}})");
}

TEST_F(Routes, Artifacts) {
  const std::pair<const char*, const char*> cases[] = {
      {"/artifacts/ns/w/w-1/out", R"(["artifact","ns","w","","w-1","out",false])"},
      {"/artifacts-by-uid/u/w-1/out", R"(["artifact","","","u","w-1","out",false])"},
      {"/input-artifacts/ns/w/w-1/in", R"(["artifact","ns","w","","w-1","in",true])"},
      {"/input-artifacts-by-uid/u/w-1/in", R"(["artifact","","","u","w-1","in",true])"},
      {"/artifact-files/ns/workflows/w/w-1/outputs/main-logs", R"(["artifact","ns","w","","w-1","main-logs",false])"},
      {"/artifact-files/ns/archived-workflows/u/w-1/inputs/in", R"(["artifact","ns","","u","w-1","in",true])"},
  };
  for (const auto& [target, call] : cases) {
    const Response response = client.call("GET", target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.body, "the bytes");
    EXPECT_NE(response.headers.find("filename=\"a _b_.tgz\""), std::string::npos) << response.headers;
    EXPECT_NE(response.headers.find("application/gzip"), std::string::npos) << response.headers;
    EXPECT_EQ(harness.last_call(), Json::parse(call));
  }
  run({{"GET", "/artifact-files/ns/workflows/w/n/sideways/a", "", "", 404, "", R"({"code":5})"},
       {"POST", "/artifacts/ns/w/n/a", "", "", 405, "", ""}});
}

TEST_F(Routes, BackendErrors) {
  std::pair<Code, int> cases[] = {{Code::NotFound, 404},        {Code::AlreadyExists, 409},
                                  {Code::InvalidArgument, 400}, {Code::ResourceExhausted, 429},
                                  {Code::Unavailable, 503},     {Code::Internal, 500}};
  for (auto [code, status] : cases) {
    harness.on_loop([&, c = code] { harness.backend.error = Error{c, "it \"failed\"\nbadly"}; });
    for (auto [method, target] : {std::pair("GET", "/api/v1/workflows/n/w"),
                                  {"GET", "/api/v1/workflows/n"},
                                  {"DELETE", "/api/v1/workflows/n/w"},
                                  {"PUT", "/api/v1/workflows/n/w/stop"},
                                  {"GET", "/api/v1/secrets/n"},
                                  {"GET", "/api/v1/secrets/n/w"},
                                  {"DELETE", "/api/v1/configmaps/n/w"},
                                  {"GET", "/api/v1/images"},
                                  {"DELETE", "/api/v1/images/x"}}) {
      Response response = client.call(method, target);
      EXPECT_EQ(response.status, status) << target;
      EXPECT_EQ(response.json(),
                Json({{"code", static_cast<int>(code)}, {"message", "it \"failed\"\nbadly"}}));
    }
  }
}

TEST_F(Routes, Streams) {
  run({
      {"GET", "/api/v1/workflow-events/?", "", "", 200,
       R"({"call":"watch","ns":"","name":"","labels":[]})", ""},
      {"GET",
       "/api/v1/workflow-events/"
       "ns?listOptions.fieldSelector=metadata.name%3D%40latest&listOptions.labelSelector=a&"
       "listOptions.resourceVersion=0",
       "", "", 200, R"({"ns":"ns","name":"@latest","labels":[["a",2,[]]]})", ""},
      {"GET", "/api/v1/workflow-events/ns?listOptions.labelSelector=%2C", "", "", 400, "",
       R"({"code":3})"},
      {"GET", "/api/v1/workflows/ns/w/log", "", "", 200,
       R"({"call":"logs","ns":"ns","name":"w","pod":"","container":"","follow":false,"timestamps":false,"tail":null,"since":null,"grep":""})",
       ""},
      {"GET",
       "/api/v1/workflows/ns/w/"
       "log?podName=p-1&grep=a.*b&logOptions.container=main&logOptions.follow=true&logOptions."
       "timestamps=true&"
       "logOptions.tailLines=10&logOptions.sinceSeconds=60&logOptions.previous=false",
       "", "", 200,
       R"({"pod":"p-1","container":"main","follow":true,"timestamps":true,"tail":10,"since":"2024-05-01T11:59:00Z","grep":"a.*b"})",
       ""},
      {"GET", "/api/v1/workflows/ns/w/p-2/log?logOptions.sinceTime=2024-01-02T03:04:05Z", "", "",
       200, R"({"pod":"p-2","since":"2024-01-02T03:04:05Z"})", ""},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.sinceSeconds=18446744073709551615", "", "",
       200, R"({"since":null})", ""},
      {"GET", "/api/v1/workflows/ns/w/log?grep=%28", "", "", 400, "", "grep"},
      {"GET", "/api/v1/workflows/ns/w/log?podName=..%2Fx", "", "", 400, "", "podName"},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.container=a%2Fb", "", "", 400, "",
       "container"},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.tailLines=x", "", "", 400, "", "tailLines"},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.follow=x", "", "", 400, "", "follow"},
      {"GET",
       "/api/v1/workflows/ns/w/"
       "log?logOptions.sinceTime=2024-01-02T03:04:05Z&logOptions.sinceSeconds=1",
       "", "", 400, "", "at most one"},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.previous=true", "", "", 501, "",
       "not supported yet: logOptions.previous"},
      {"GET", "/api/v1/workflows/ns/w/log?logOptions.limitBytes=5", "", "", 501, "", "limitBytes"},
      {"GET", "/api/v1/workflows/ns/w/log?selector=a%3Db", "", "", 501, "", "selector"},
  });
}

TEST_F(Routes, Secrets) {
  run({
      {"POST", "/api/v1/secrets/ns",
       R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","labels":{"a":"b"}},"type":"Opaque","data":{"k":"AP8="},"stringData":{"t":"pass"}})",
       "", 200, R"({"call":"put","secret":true,"ns":"ns","name":"s","labels":{"a":"b"}})",
       R"({"kind":"Secret","metadata":{"name":"s","namespace":"ns","labels":{"a":"b"},"creationTimestamp":"2024-05-01T12:00:00Z"},
           "keys":[{"name":"k","size":2},{"name":"t","size":4}]})"},
      {"PUT", "/api/v1/secrets/ns/s", R"({"stringData":{"k":"new"},"data":{"k":"b2xk"}})", "", 200,
       R"({"call":"replace","name":"s","data":{"k":"new"}})",
       R"({"keys":[{"name":"k","size":3}]})"},
      {"POST", "/api/v1/secrets/", R"({"metadata":{"name":"s","namespace":"other"}})", "", 200,
       R"({"ns":"other","data":{}})", "{}"},
      {"DELETE", "/api/v1/secrets/ns/s", "", "", 200,
       R"({"call":"remove_object","ns":"ns","name":"s"})", "{}"},
      {"GET", "/api/v1/secrets/ns/s", "", "", 404, R"({"call":"objects"})",
       R"(secrets \"s\" not found)"},
      {"POST", "/api/v1/secrets/ns", "{}", "", 400, "", "metadata.name is missing"},
      {"POST", "/api/v1/secrets/ns", "nonsense", "", 400, "", "not valid JSON"},
      {"POST", "/api/v1/secrets/ns", R"({"kind":"ConfigMap","metadata":{"name":"s"}})", "", 400, "",
       "wanted"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"S"}})", "", 400, "", "is not a name"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":7}})", "", 400, "",
       "metadata.name is not a string"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":[]})", "", 400, "", "metadata is not"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s","namespace":"x"}})", "", 400, "",
       "the path says"},
      {"PUT", "/api/v1/secrets/ns/s", R"({"metadata":{"name":"t"}})", "", 400, "", "the path says"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"data":{"k":"***"}})", "", 400, "",
       "data[k]: not base64"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"stringData":{"../k":"x"}})", "",
       400, "", "a key has"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"stringData":{"..":"x"}})", "",
       400, "", "a key has"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"stringData":{"k":7}})", "", 400,
       "", "is not a string"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"stringData":["k"]})", "", 400, "",
       "is not an object"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s","labels":{"a":"b c"}}})", "", 400,
       "", "label value"},
      {"POST", "/api/v1/secrets/ns", R"({"metadata":{"name":"s"},"immutable":true})", "", 501, "",
       "immutable"},
      {"POST", "/api/v1/secrets/ns",
       R"({"metadata":{"name":"s"},"stringData":{"k":")" + std::string(1024 * 1024 + 1, 'x') +
           "\"}}",
       "", 400, "", "the limit is 1048576"},
  });
  harness.on_loop([this] {
    harness.backend.objects = {{"ns", "s", {{"password", "hunter2"}}, {}, {}},
                               {"ns", "t", {}, {}, {}}};
  });
  for (const char* target : {"/api/v1/secrets/ns", "/api/v1/secrets/ns/s"}) {
    std::string body = client.call("GET", target).body;
    EXPECT_NE(body.find("password"), std::string::npos);
    EXPECT_EQ(body.find("hunter2"), std::string::npos) << "a value leaves the daemon";
    EXPECT_EQ(body.find("aHVudGVyMg"), std::string::npos);
  }
  EXPECT_EQ(client.call("GET", "/api/v1/secrets/ns").json()["items"].size(), 2u);
}

TEST_F(Routes, ConfigMaps) {
  run({
      {"POST", "/api/v1/configmaps/ns",
       R"({"metadata":{"name":"c"},"data":{"k":"v"},"binaryData":{"b":"AP8="}})", "", 200,
       R"({"call":"put","secret":false,"name":"c"})",
       R"({"kind":"ConfigMap","data":{"k":"v"},"binaryData":{"b":"AP8="}})"},
      {"PUT", "/api/v1/configmaps/ns/c", R"({"data":null})", "", 200,
       R"({"call":"replace","data":{}})", R"({"data":{}})"},
      {"GET", "/api/v1/configmaps/ns/c", "", "", 404, R"({"call":"objects"})",
       R"(configmaps \"c\" not found)"},
      {"DELETE", "/api/v1/configmaps/ns/c", "", "", 200, R"({"call":"remove_object"})", "{}"},
      {"GET", "/api/v1/configmaps/ns", "", "", 200, R"({"call":"objects"})", R"({"items":[]})"},
  });
  harness.on_loop([this] { harness.backend.objects = {{"ns", "c", {{"k", "v"}}, {}, {}}}; });
  EXPECT_EQ(client.call("GET", "/api/v1/configmaps/ns/c").json()["data"], Json({{"k", "v"}}));
}

TEST_F(Routes, SyncLimits) {
  run({
      {"POST", "/api/v1/sync/ns", R"({"type":"DATABASE","key":"k","limit":3})", "", 200,
       R"({"call":"edit","ns":"ns","name":"sync-limits","data":{"k":"3"}})",
       R"({"type":"DATABASE","namespace":"ns","key":"k","limit":3})"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limit":3})", "", 200,
       R"({"call":"edit","name":"c","data":{"k":"3"}})", R"({"type":"CONFIG_MAP","cmName":"c","limit":3})"},
      {"POST", "/api/v1/sync/ns", R"({"type":"FILE","key":"k","limit":3})", "", 400, "", "wanted CONFIG_MAP or DATABASE"},
      {"POST", "/api/v1/sync/ns", R"({"key":"k","limit":3})", "", 400, "", "cmName is missing"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","limit":3})", "", 400, "", "key is missing"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k"})", "", 400, "", "limit is missing"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limit":0})", "", 400, "", "limit is 0"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limit":"3"})", "", 400, "", "wanted a whole number"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limits":3})", "", 400, "", "limits is 3, wanted a string"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limit":3,"size":"3"})", "", 400, "", R"(unknown field \"size\")"},
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","namespace":"m","limit":3})", "", 400, "", "the path says"},
      {"PUT", "/api/v1/sync/ns/k", R"({"cmName":"c","limit":3})", "", 404, "", "there is no limit"},
      {"GET", "/api/v1/sync/ns/k?cmName=c", "", "", 404, R"({"call":"objects"})", "there is no limit"},
      {"DELETE", "/api/v1/sync/ns/k?cmName=c", "", "", 404, "", "there is no limit"},
  });
  harness.on_loop([this] { harness.backend.objects = {{"ns", "c", {{"k", "2"}, {"bad", "two"}}, {}, {}}}; });
  run({
      {"POST", "/api/v1/sync/ns", R"({"cmName":"c","key":"k","limit":3})", "", 409, "", "already"},
      {"PUT", "/api/v1/sync/ns/k", R"({"cmName":"c","limit":3})", "", 200, R"({"call":"edit","data":{"bad":"two","k":"3"}})",
       R"({"key":"k","limit":3})"},
      {"GET", "/api/v1/sync/ns/k?cmName=c", "", "", 200, R"({"call":"objects"})",
       R"({"type":"CONFIG_MAP","cmName":"c","key":"k","limit":2})"},
      {"GET", "/api/v1/sync/ns/bad?cmName=c", "", "", 400, R"({"call":"objects"})", "is no limit"},
      {"DELETE", "/api/v1/sync/ns/k?cmName=c", "", "", 200, R"({"call":"edit","data":{"bad":"two"}})", "{}"},
  });
}

TEST_F(Routes, Images) {
  run({
      {"GET", "/api/v1/images", "", "", 200, R"({"call":"images"})", R"({"items":[{"name":"a"}]})"},
      {"POST", "/api/v1/images/pull?reference=docker.io%2Flibrary%2Falpine%3A3", "", "", 200,
       R"({"call":"pull","reference":"docker.io/library/alpine:3"})", ""},
      {"POST", "/api/v1/images/pull", "", "", 400, "", "reference is missing"},
      {"POST", "/api/v1/images/import", "tar bytes", "Content-Type: application/x-tar\r\n", 200,
       R"({"call":"import","size":9})", ""},
      {"POST", "/api/v1/images/import", "", "", 400, "", "body is empty"},
      {"DELETE", "/api/v1/images/docker.io/library/alpine:3", "", "", 200,
       R"({"call":"remove_image","name":"docker.io/library/alpine:3"})", "{}"},
      {"DELETE", "/api/v1/images/docker.io%2Flibrary%2Falpine%3A3", "", "", 200,
       R"({"name":"docker.io/library/alpine:3"})", "{}"},
      {"DELETE", "/api/v1/images", "", "", 400, "", "names no image"},
      {"DELETE", "/api/v1/images/", "", "", 400, "", "names no image"},
  });
}

}  // namespace
}  // namespace gantry::api
