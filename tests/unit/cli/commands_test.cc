// The commands, run as processes against a scripted daemon.

#include "cli/commands/object.h"
#include "commands_fixture.h"
#include "sample.h"

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Commands, DaemonNotRunning) {
  std::string socket = directory_ + "/none.sock";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"list"},
                                                {"get", "x"},
                                                {"watch", "x"},
                                                {"wait", "x"},
                                                {"logs", "x"},
                                                {"stop", "x"},
                                                {"delete", "x"},
                                                {"image", "list"},
                                                {"secret", "list"},
                                                {"version"}}) {
    Outcome outcome = run(words, {.environment = {{"GANTRY_HOST", "unix://" + socket}}});
    EXPECT_EQ(outcome.status, 1) << words[0];
    EXPECT_EQ(outcome.err, "Error: gantryd is not running (nothing listens on " + socket +
                               "). Start it with: systemctl start gantry, or: gantryd --socket " +
                               socket + "\n")
        << words[0];
  }
  Outcome other = run({"list"}, {.environment = {{"GANTRY_HOST", "tcp://host:1"}}});
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.err, HasSubstr("only unix:///PATH is known"));
}

TEST_F(Commands, Usage) {
  EXPECT_EQ(run({"--help"}).status, 0);
  EXPECT_EQ(run({}).status, 1);
  EXPECT_EQ(run({"fly"}).status, 1);
  EXPECT_EQ(run({"get"}).status, 1);
  EXPECT_EQ(run({"list", "-o", "xml"}).status, 1);
  EXPECT_EQ(run({"version", "--short"}).status, 0);
}

TEST_F(Commands, List) {
  auto body =
      items({sample_workflow("done", "Succeeded", {}, 3), sample_workflow("busy", "Running", {})});
  Outcome outcome = against(
      200, body, {"list", "-n", "ci", "--completed", "--status", "Failed,Error", "-l", "a=b"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("NAME   STATUS      AGE"));
  EXPECT_LT(outcome.out.find("\nbusy "), outcome.out.find("\ndone "));
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/ci"));
  EXPECT_EQ(
      last_.one("listOptions.labelSelector"),
      "a=b,workflows.argoproj.io/phase in (Failed,Error),workflows.argoproj.io/completed=true");

  EXPECT_EQ(against(200, body, {"list", "-o", "name"}).out, "busy\ndone\n");
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/default"));
  EXPECT_EQ(against(200, body, {"list", "-o", "name", "--prefix", "do"}).out, "done\n");
  EXPECT_EQ(against(200, body, {"list", "-o", "name", "--since", "10m"}).out,
            "No workflows found\n");
  EXPECT_EQ(against(200, body, {"list", "-o", "name", "--older", "10m"}).out, "done\n");
  EXPECT_THAT(against(200, body, {"list", "-A", "--no-headers"}).out,
              StartsWith("default   busy   Running"));
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/"));
  EXPECT_EQ(Json::parse(against(200, body, {"list", "-o", "json"}).out).size(), 2u);
  EXPECT_THAT(against(200, body, {"list", "-o", "yaml"}).out, StartsWith("- metadata:\n"));

  for (const char* empty : {R"({"items":null})", R"({"items":[]})", "{}"}) {
    EXPECT_EQ(against(200, empty, {"list"}).out, "No workflows found\n");
    EXPECT_EQ(against(200, empty, {"list", "-o", "json"}).out, "[]\n");
  }
  EXPECT_EQ(against(200, body, {"list", "--since", "soon"}).status, 1);
  EXPECT_EQ(against(200, body, {"list", "--running", "--completed"}).status, 1);
  EXPECT_EQ(against(500, R"({"code":13,"message":"broken"})", {"list"}).err, "Error: broken\n");
}

TEST_F(Commands, ListFollowsPages) {
  FakeDaemon daemon([&](const Asked& asked, Answer& answer) {
    bool second = asked.one("listOptions.continue") == "next";
    Json page{{"metadata", {{"continue", second ? "" : "next"}}},
              {"items", {sample_workflow(second ? "b" : "a", "Running", {})}}};
    answer.json(200, page.dump());
  });
  EXPECT_EQ(run({"--socket", daemon.socket(), "list", "-o", "name"}).out, "a\nb\n");
}

TEST_F(Commands, NamespaceFromTheEnvironment) {
  against(200, "{}", {"list"}, {.environment = {{"GANTRY_NAMESPACE", "team"}}});
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/team"));
}

TEST_F(Commands, Get) {
  Json workflow = sample_workflow("w", "Running", {{"w", "Pod", "Running", "", "main", 0}});
  Outcome outcome = against(200, workflow.dump(), {"get", "@latest"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflows/default/@latest"));
  EXPECT_THAT(outcome.out, StartsWith("Name:                w\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n ● w  main      w "));
  EXPECT_THAT(against(200, workflow.dump(), {"get", "w", "--no-utf8"}).out,
              HasSubstr("\n Running w  main"));
  EXPECT_EQ(Json::parse(against(200, workflow.dump(), {"get", "w", "-o", "json"}).out), workflow);
  EXPECT_EQ(against(200, workflow.dump(), {"get", "w", "-o", "name"}).out, "w\n");
  Outcome missing =
      against(404, R"({"code":5,"message":"workflows \"w\" not found"})", {"get", "w"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.err, "Error: workflows \"w\" not found\n");
}

TEST_F(Commands, SubmitSendsTheFileAsItIs) {
  std::string text = "# a comment\nkind: Workflow\r\n\ttabs\n";
  std::string path = file("hello.yaml", text), parameters = file("p.yaml", "a: from file\nb: 2\n");
  Outcome outcome =
      against(200, items({sample_workflow("hello-x", "", {})}),
              {"submit", path, "-p", "a=1", "-p", "c=x=y", "-f", parameters, "--name", "n",
               "--generate-name", "g-", "--entrypoint", "e", "-l", "k=v", "--priority", "5"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("Name:                hello-x\n"));
  EXPECT_EQ(last_.body, text);
  EXPECT_EQ(last_.headers["content-type"], "application/yaml");
  EXPECT_EQ(last_.one("file"), path);
  std::vector<std::string> sent;
  auto [begin, end] = last_.query.equal_range("submitOptions.parameters");
  for (auto it = begin; it != end; ++it) sent.push_back(it->second);
  EXPECT_THAT(sent, ElementsAre("a=1", "b=2", "c=x=y"));
  EXPECT_EQ(last_.one("submitOptions.name"), "n");
  EXPECT_EQ(last_.one("submitOptions.generateName"), "g-");
  EXPECT_EQ(last_.one("submitOptions.entryPoint"), "e");
  EXPECT_EQ(last_.one("submitOptions.labels"), "k=v");
  EXPECT_EQ(last_.one("submitOptions.priority"), "5");
  EXPECT_EQ(last_.one("createOptions.dryRun"), "");
}

TEST_F(Commands, SubmitVariants) {
  std::string answer = items({sample_workflow("a", "", {}), sample_workflow("b", "", {})});
  std::string path = file("d/1.yaml", "x"), second = file("d/sub/2.yml", "y");
  file("d/readme.md", "z");
  EXPECT_EQ(against(200, answer, {"submit", directory_ + "/d", "-o", "name"}).out, "a\nb\na\nb\n");
  EXPECT_EQ(asked_.size(), 2u);
  EXPECT_EQ(against(200, answer, {"submit", "-", "-o", "name"}, {.input = "from stdin"}).status, 0);
  EXPECT_EQ(last_.body, "from stdin");
  EXPECT_EQ(last_.one("file"), "stdin");
  EXPECT_THAT(against(200, answer, {"submit", path, "--dry-run"}).out, StartsWith("metadata:\n"));
  EXPECT_EQ(last_.one("createOptions.dryRun"), "All");
  struct Case {
    std::vector<std::string> words;
    const char* message;
  } const cases[] = {
      {{"submit", path, "--wait", "--watch"}, "--wait cannot be combined with --watch"},
      {{"submit", path, "-p", "novalue"}, "expected parameter of the form: NAME=VALUE"},
      {{"submit", directory_ + "/none.yaml"}, "No such file or directory"},
      {{"submit", path, "-f", directory_ + "/none"}, "No such file or directory"},
      {{"submit", "https://host/x.yaml"}, "curl https://host/x.yaml | gantry submit -"},
      {{"submit", path, "--watch"}, "cannot watch more than one workflow"}};
  for (const Case& c : cases) {
    Outcome outcome = against(200, answer, c.words);
    EXPECT_EQ(outcome.status, 1) << c.message;
    EXPECT_THAT(outcome.err, HasSubstr(c.message));
  }
}

TEST_F(Commands, SubmitErrorsKeepTheirLines) {
  std::string path = file("bad.yaml", "kind: Workflow\nspec:\n  foo: 1\n");
  std::string message = path + ":3:3: unknown field \"foo\"\n" + path + ":1:1: no entrypoint";
  std::string body = Json{{"code", 3}, {"message", message}}.dump();
  Outcome piped = against(400, body, {"submit", path});
  EXPECT_EQ(piped.status, 1);
  EXPECT_EQ(piped.err, "Error: " + path + ":3:3: unknown field \"foo\"\n       " + path +
                           ":1:1: no entrypoint\n");
  Outcome shown = against(400, body, {"submit", path}, {.terminal = true});
  EXPECT_THAT(shown.out, HasSubstr("  foo: 1\r\n"));
  EXPECT_THAT(shown.out, HasSubstr("  \x1b[31m^\x1b[0m\r\n"));
}

TEST_F(Commands, Lint) {
  constexpr std::string_view kHead = "apiVersion: argoproj.io/v1alpha1\nkind: ";
  const std::string good = std::string(kHead) +
                           "Workflow\nmetadata: {name: w}\nspec:\n  entrypoint: main\n"
                           "  templates: [{name: main, container: {image: busybox}}]\n";
  std::string path = file("w.yaml", good);
  Outcome fine = run({"lint", "--offline", path});
  EXPECT_EQ(fine.status, 0);
  EXPECT_EQ(fine.out, "✔ no linting errors found!\n");
  EXPECT_EQ(run({"lint", "--offline", path, "-o", "simple"}).out, "no linting errors found!\n");

  path = file("w.yaml", good + "  entrypoints: a\n  onExit: b\n");
  const std::string at = path + ":7:3: in \"w\" (Workflow): unknown field \"entrypoints\" in spec, did you mean "
                         "\"entrypoint\"?";
  const std::string exit = path + ":8:11: in \"w\" (Workflow): spec.onExit template name 'b' undefined";
  Outcome pretty = run({"lint", "--offline", path});
  EXPECT_EQ(pretty.status, 1);
  EXPECT_EQ(pretty.out, path + ":\n   ✖ " + at + "\n   ✖ " + exit + "\n\n✖ 2 linting errors found!\n");
  EXPECT_EQ(run({"lint", "--offline", path, "-o", "simple"}).out, at + "\n" + exit + "\n");

  path = file("w.yaml", good + "  entrypoints: a\n  nodeSelector: {a: b}\n");
  Outcome loose = run({"lint", "--offline", "--strict=false", "-o", "simple", path});
  EXPECT_EQ(loose.status, 0);
  EXPECT_EQ(loose.out, path + ":7:3: note: in \"w\" (Workflow): unknown field \"entrypoints\" in spec, did you mean "
                       "\"entrypoint\"?\n" + path +
                       ":8:3: note: in \"w\" (Workflow): spec.nodeSelector has no effect on a single host: there is one "
                       "host\nno linting errors found!\n");

  EXPECT_EQ(run({"lint", "--offline", "--kinds", "cronworkflows", path}).out,
            "✖ found nothing to lint in the specified paths, failing...\n");
  EXPECT_EQ(run({"lint", "--offline", "--kinds", "pods", path}).err, "Error: unknown kind: pods\n");
  EXPECT_EQ(run({"lint", "--offline", path + ".not"}).status, 1);
}

TEST_F(Commands, LintAsksForTemplates) {
  const std::string head = "apiVersion: argoproj.io/v1alpha1\nkind: ";
  const std::string calls = head +
                            "Workflow\nmetadata: {generateName: w-}\nspec:\n  entrypoint: main\n"
                            "  templates: [{name: main, steps: [[{name: a, templateRef: {name: t, template: say}}]]}]\n";
  const std::string path = file("w.yaml", calls);
  const Json stored{{"kind", "WorkflowTemplate"},
                    {"metadata", {{"name", "t"}}},
                    {"spec", {{"templates", {{{"name", "say"}, {"container", {{"image", "busybox"}}}}}}}}};
  EXPECT_EQ(against(200, stored.dump(), {"lint", path}).status, 0);
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/workflow-templates/default/t"));
  Outcome missing = against(404, R"({"code":5,"message":"none"})", {"lint", path, "-o", "simple"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.out, path + ":6:67: in \"w-\" (Workflow): templates.main.steps[0].a template reference t.say not "
                         "found: workflowtemplates.argoproj.io \"t\" not found\n");
  EXPECT_EQ(against(500, R"({"code":13,"message":"broken"})", {"lint", path}).err, "Error: broken\n");

  // In another of the given files, in a directory.
  file("tree/t.yaml", head +
                          "WorkflowTemplate\nmetadata: {name: t}\nspec:\n"
                          "  templates: [{name: say, container: {image: busybox}}]\n");
  file("tree/w.json", "{\"kind\": \"ConfigMap\"}");
  Outcome both = run({"lint", "--offline", path, std::filesystem::path(path).parent_path() / "tree", "-o", "simple"});
  EXPECT_EQ(both.status, 0) << both.out;
  EXPECT_THAT(both.out, HasSubstr("note: passed over: a ConfigMap is not checked\n"));
}

TEST_F(Commands, StopAndTerminate) {
  std::string answer = sample_workflow("w", "Running", {}).dump();
  EXPECT_EQ(against(200, answer, {"stop", "w", "w", "--message", "enough"}).out,
            "workflow w stopped\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflows/default/w/stop"));
  EXPECT_EQ(Json::parse(last_.body)["message"], "enough");
  EXPECT_EQ(against(200, answer, {"terminate", "@latest"}).out, "workflow w terminated\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/workflows/default/@latest/terminate"));
  EXPECT_EQ(
      against(200, items({sample_workflow("s", "Running", {})}), {"stop", "-l", "a=b", "--dry-run"})
          .out,
      "workflow s stopped (dry-run)\n");
  EXPECT_EQ(against(200, answer, {"stop"}).err, "Error: requires either selector or workflow\n");
}

TEST_F(Commands, GetCollectsTheNodes) {
  FakeDaemon daemon([](const Asked& asked, Answer& answer) {
    const std::string first = asked.one("nodes.continue");
    Json page = Json::parse(R"({"metadata":{"name":"w"},"status":{"phase":"Running","nodes":{}}})");
    page["status"]["nodes"]["n" + first] = {{"id", "n" + first}};
    if (first.empty() || first == "1") {
      page["metadata"]["continue"] = first.empty() ? "1" : "2";
      page["metadata"]["remainingItemCount"] = 1;
    }
    answer.json(200, page.dump());
  });
  const Json shown = Json::parse(run({"--socket", daemon.socket(), "get", "w", "-o", "json"}).out);
  EXPECT_EQ(shown["metadata"], Json({{"name", "w"}}));
  EXPECT_EQ(shown["status"]["nodes"].size(), 3u);
  EXPECT_TRUE(shown["status"]["nodes"].contains("n2"));
  EXPECT_NE(daemon.last().one("nodes.limit"), "");
}

TEST_F(Commands, Delete) {
  FakeDaemon daemon([](const Asked& asked, Answer& answer) {
    if (asked.method == "GET")
      return answer.json(200, items({sample_workflow("listed", "Failed", {}, 2)}));
    if (asked.path.ends_with("/gone"))
      return answer.json(404, R"({"code":5,"message":"not found"})");
    answer.json(200, "{}");
  });
  EXPECT_EQ(run({"--socket", daemon.socket(), "delete", "w", "gone"}).out,
            "Workflow 'w' deleted\nWorkflow 'gone' not found\n");
  EXPECT_EQ(run({"--socket", daemon.socket(), "delete", "--all"}).out,
            "Workflow 'listed' deleted\n");
  EXPECT_EQ(daemon.asked().back(), "DELETE /api/v1/workflows/default/listed");
  EXPECT_EQ(run({"--socket", daemon.socket(), "delete", "--completed", "--dry-run"}).out,
            "Workflow 'listed' deleted (dry-run)\n");
  EXPECT_EQ(run({"--socket", daemon.socket(), "delete", "--prefix", "zz"}).out,
            "No resources found\n");
  EXPECT_EQ(run({"--socket", daemon.socket(), "delete"}).status, 1);
}

TEST_F(Commands, Images) {
  std::string list =
      R"({"items":[{"name":"docker.io/library/alpine:3.20","digest":"sha256:0123456789abcdef0",
    "size":3400000,"createdAt":"2024-01-01T00:00:00Z"}]})";
  EXPECT_THAT(against(200, list, {"image", "list"}).out,
              HasSubstr("docker.io/library/alpine:3.20   0123456789ab   3.4MB   "));
  EXPECT_EQ(against(200, "{}", {"image", "list"}).out, "No images found\n");
  EXPECT_EQ(against(200, "{}", {"image", "rm", "a/b:1"}).out, "image \"a/b:1\" deleted\n");
  EXPECT_THAT(asked_, ElementsAre("DELETE /api/v1/images/a/b:1"));

  auto answer_with = [](const std::vector<std::string>& lines) {
    return [lines](const Asked&, Answer& answer) {
      answer.begin_stream();
      for (const std::string& line : lines) answer.line(line);
      answer.end();
    };
  };
  FakeDaemon good(
      answer_with({R"({"result":{"status":"unpacking"}})",
                   R"({"result":{"image":{"name":"x:1","digest":"sha256:ab","size":12}}})"}));
  std::string archive = file("x.tar", "tar bytes");
  Outcome imported = run({"--socket", good.socket(), "image", "import", archive});
  EXPECT_EQ(imported.status, 0) << imported.err;
  EXPECT_EQ(imported.out, "unpacking\nImported x:1  ab  12B\n");
  EXPECT_EQ(good.last().body, "tar bytes");
  EXPECT_EQ(good.last().headers["content-type"], "application/x-tar");
  EXPECT_EQ(run({"--socket", good.socket(), "image", "import", "-"}, {.input = "piped"}).status, 0);
  EXPECT_EQ(good.last().body, "piped");
  EXPECT_EQ(run({"--socket", good.socket(), "image", "pull", "x:1"}).out,
            "unpacking\nPulled x:1  ab  12B\n");
  EXPECT_EQ(good.last().one("reference"), "x:1");

  FakeDaemon bad(answer_with({R"({"error":{"grpc_code":3,"message":"not an image"}})"}));
  Outcome refused = run({"--socket", bad.socket(), "image", "import", archive});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.err, "Error: not an image\n");
  EXPECT_EQ(run({"--socket", bad.socket(), "image", "import", directory_ + "/none"}).status, 1);
  EXPECT_THAT(run({"--socket", bad.socket(), "image", "import", directory_}).err,
              HasSubstr("is a directory"));
}

TEST_F(Commands, SecretsAndConfigMaps) {
  std::string key = file("key.pem", std::string("\xff\x00 raw", 6));
  EXPECT_EQ(against(200, "{}",
                    {"secret", "create", "s", "--from-literal", "user=me=you", "--from-file", key,
                     "--from-file", "other=" + key})
                .out,
            "secret/s created\n");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/secrets/default"));
  Json sent = Json::parse(last_.body);
  EXPECT_EQ(sent["kind"], "Secret");
  EXPECT_EQ(sent["metadata"]["name"], "s");
  EXPECT_EQ(sent["data"]["user"], base64("me=you"));
  EXPECT_EQ(sent["data"]["key.pem"], base64(std::string("\xff\x00 raw", 6)));
  EXPECT_EQ(sent["data"]["other"], sent["data"]["key.pem"]);

  EXPECT_EQ(against(200, "{}",
                    {"configmap", "create", "c", "--from-literal", "k=v", "--from-file", key,
                     "--replace", "-n", "ci"})
                .out,
            "configmap/c replaced\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/configmaps/ci/c"));
  sent = Json::parse(last_.body);
  EXPECT_EQ(sent["data"], Json({{"k", "v"}}));
  EXPECT_EQ(sent["binaryData"]["key.pem"], base64(std::string("\xff\x00 raw", 6)));

  EXPECT_THAT(against(409, R"({"code":6,"message":"exists"})", {"secret", "create", "s"}).err,
              HasSubstr("--replace"));
  EXPECT_EQ(against(200, "{}", {"secret", "create", "s", "--from-literal", "a/b=1"}).status, 1);
  EXPECT_EQ(against(200, "{}",
                    {"secret", "create", "s", "--from-literal", "a=1", "--from-literal", "a=2"})
                .status,
            1);
  EXPECT_THAT(
      against(
          200,
          R"({"items":[{"metadata":{"name":"s"},"keys":[{"name":"a","size":1},{"name":"b","size":1}]}]})",
          {"secret", "list"})
          .out,
      StartsWith("NAME   DATA   AGE\ns      2      "));
  EXPECT_EQ(against(200, "{}", {"configmap", "list"}).out, "No configmaps found\n");
  EXPECT_EQ(against(200, "{}", {"secret", "delete", "s"}).out, "secret \"s\" deleted\n");
  EXPECT_EQ(against(200, R"({"data":{"k":"v"}})", {"configmap", "get", "c"}).out,
            "data:\n  k: v\n");
  EXPECT_EQ(run({"secret", "get", "s"}).status, 1) << "secrets do not come out again";
}

TEST_F(Commands, SyncLimits) {
  const std::string answer = R"({"type":"CONFIG_MAP","cmName":"c","namespace":"ci","key":"k","limit":2})";
  EXPECT_EQ(against(200, answer, {"sync", "create", "k", "--cm-name", "c", "--limit", "2", "-n", "ci"}).out,
            "Key: k\nType: CONFIG_MAP\nConfigMap Name: c\nNamespace: ci\nLimit: 2\n");
  EXPECT_THAT(asked_, ElementsAre("POST /api/v1/sync/ci"));
  EXPECT_EQ(Json::parse(last_.body), Json({{"type", "CONFIG_MAP"}, {"cmName", "c"}, {"key", "k"}, {"limit", 2}}));
  EXPECT_EQ(against(200, R"({"type":"DATABASE","namespace":"default","key":"a/b","limit":3})",
                    {"sync", "update", "a/b", "--type", "database", "--limit", "3"})
                .out,
            "Key: a/b\nType: DATABASE\nNamespace: default\nLimit: 3\n");
  EXPECT_THAT(asked_, ElementsAre("PUT /api/v1/sync/default/a/b"));
  EXPECT_EQ(against(200, answer, {"sync", "get", "k", "--cm-name", "c"}).status, 0);
  EXPECT_THAT(asked_, ElementsAre("GET /api/v1/sync/default/k"));
  EXPECT_EQ(last_.one("type"), "CONFIG_MAP");
  EXPECT_EQ(last_.one("cmName"), "c");
  EXPECT_EQ(against(200, "{}", {"sync", "delete", "k", "--cm-name", "c"}).out, "Sync limit \"k\" deleted\n");
  EXPECT_EQ(against(200, answer, {"sync", "create", "k", "--cm-name", "c"}).err, "Error: --limit is required\n");
}

TEST_F(Commands, Base64) {
  struct Case {
    const char *bytes, *text;
  } const cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const Case& c : cases) EXPECT_EQ(base64(c.bytes), c.text);
}

TEST_F(Commands, Version) {
  Outcome outcome =
      against(200, R"({"version":"v0.1.0","containerd":{"version":"1.6.20"}})", {"version"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("gantryd: v0.1.0\n  containerd: 1.6.20\n"));
}

TEST_F(Commands, Logs) {
  Json workflow = sample_workflow(
      "w", "Succeeded",
      {{"w", "DAG", "Succeeded", "", "main"},
       {"w.build", "Pod", "Succeeded", "w", "t"},
       {"w.flaky", "Retry", "Succeeded", "w", "t", 0, 3, {"w.flaky(0)", "w.flaky(1)"}},
       {"w.flaky(0)", "Pod", "Failed", "w", "t"},
       {"w.flaky(1)", "Pod", "Succeeded", "w", "t"}},
      3);
  FakeDaemon daemon([&](const Asked& asked, Answer& answer) {
    if (!asked.path.ends_with("/log")) return answer.json(200, workflow.dump());
    answer.begin_stream();
    answer.line(R"({"result":{"podName":"p","content":"\u001b[2Jhello"}})");
    answer.end();
  });
  EXPECT_EQ(run({"--socket", daemon.socket(), "logs", "w"}).out, "p: \x1b[2Jhello\n");
  EXPECT_EQ(daemon.last().one("logOptions.container"), "main");
  Outcome terminal = run({"--socket", daemon.socket(), "logs", "w"}, {.terminal = true});
  EXPECT_EQ(terminal.out, "\x1b[36mp: hello\x1b[0m\r\n");
  run({"--socket", daemon.socket(), "logs", "@latest", "build", "-c", "side", "--tail", "5",
       "--since", "2m", "--timestamps", "--grep", "a.*b"});
  Asked asked = daemon.last();
  EXPECT_EQ(asked.path, "/api/v1/workflows/default/@latest/log");
  EXPECT_EQ(asked.one("podName"), "w-t-" + std::to_string(fnv32a("w.build")))
      << "the step's name stands for its pod";
  EXPECT_EQ(asked.one("logOptions.container"), "side");
  EXPECT_EQ(asked.one("logOptions.tailLines"), "5");
  EXPECT_EQ(asked.one("logOptions.sinceSeconds"), "120");
  EXPECT_EQ(asked.one("logOptions.timestamps"), "true");
  EXPECT_EQ(asked.one("grep"), "a.*b");
  EXPECT_EQ(run({"--socket", daemon.socket(), "logs", "w", "--since", "x"}).status, 1);
  run({"--socket", daemon.socket(), "logs", "w", "flaky"});
  EXPECT_EQ(daemon.last().one("podName"), "w-t-" + std::to_string(fnv32a("w.flaky(1)")));
  EXPECT_EQ(run({"--socket", daemon.socket(), "logs", "w", "nope"}).err,
            "Error: workflow w has no pod or step 'nope'\n");
}

}  // namespace
}  // namespace gantry::cli
