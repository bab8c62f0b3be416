#!/usr/bin/env python3
"""gantryd from the outside: real containers through a private containerd, over the socket and the command line.

  daemon_e2e_test.py DIRECTORY-OF-GANTRY-AND-GANTRYD [TEST…]

Needs root. Every test has workflows of its own; the daemon is shared, and some tests kill it.
"""
import calendar, http.server, json, os, random, re, shutil, signal, socket, subprocess, sys, tempfile
import threading, time, unittest, urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gantryd import Gantryd, Refused, claim, nodes, processes_of, sh

BIN = os.path.abspath(sys.argv.pop(1))
D = Gantryd(BIN, config="""
capacity:
  pids: 100000
  resources:
    example.com/board:
    - {devices: ["/dev/full:/dev/board"], env: {BOARD: full}}
    - {devices: ["/dev/zero:/dev/board:rw"], env: {BOARD: zero}}
    example.com/unplugged: [{devices: [/dev/there-is-no-such]}]
""")


def seconds_of(timestamp):
    return calendar.timegm(time.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ"))


class Registry:
    """Debian's docker-registry, for one user."""
    USER, PASSWORD = "somebody", "pass:word"
    # Both for htpasswd: crypt(3) with $2b$; the registry knows no other kind.
    PASSWORDS = "somebody:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n"

    def __init__(self):
        self.work = tempfile.mkdtemp(prefix="gantry-e2e-registry.", dir="/tmp")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(self.work + "/passwords", "w") as file:
            file.write(self.PASSWORDS)
        with open(self.work + "/registry.yml", "w") as file:
            json.dump({"version": "0.1", "log": {"level": "error"},
                       "storage": {"filesystem": {"rootdirectory": self.work + "/images"}},
                       "http": {"addr": f"127.0.0.1:{self.port}"},
                       "auth": {"htpasswd": {"realm": "e2e", "path": self.work + "/passwords"}}}, file)
        self.log = open(self.work + "/log", "w")
        self.process = subprocess.Popen(["docker-registry", "serve", self.work + "/registry.yml"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        D.await_(self.answers, 30, "the registry to answer")

    def answers(self):
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0

    def push(self, image, name):
        """An image of the daemon's containerd, under another name, which that containerd then does not have."""
        def ctr(*arguments):
            subprocess.run(["ctr", "--address", D.work + "/state/containerd/containerd.sock", "--namespace", "gantry",
                            "images", *arguments], check=True, stdout=subprocess.DEVNULL)
        ctr("tag", image, name)
        ctr("push", "--plain-http", "--user", f"{self.USER}:{self.PASSWORD}", name)
        ctr("rm", name)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.work)


def setUpModule():
    D.start()
    D.import_busybox()


def tearDownModule():
    D.stop()
    D.clear_away()


class EndToEnd(unittest.TestCase):
    maxDiff = None

    def assertPhase(self, workflow, phase):
        self.assertEqual(workflow["status"]["phase"], phase, json.dumps(workflow["status"], indent=1))

    # ---- what a workflow can do ----

    def test_hello(self):
        output = D.cli("run", "-", input=json.dumps({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "hello-"},
            "spec": {"entrypoint": "main", "templates": [sh("echo hello, world")]}}))
        self.assertIn("hello, world", output)

    def test_steps(self):
        step = lambda name, message: {"name": name, "template": "say",
                                      "arguments": {"parameters": [{"name": "m", "value": message}]}}
        workflow = D.run({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[step("one", "1")], [step("two-a", "a"), step("two-b", "b")]]},
            sh("echo {{inputs.parameters.m}}", "say", inputs={"parameters": [{"name": "m"}]})]})
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(workflow["status"]["progress"], "3/3")
        self.assertEqual(sorted(D.logs(workflow["metadata"]["name"])), ["1", "a", "b"])
        tree = nodes(workflow)
        self.assertEqual(tree["[0]"]["type"], "StepGroup")
        self.assertEqual(tree["one"]["children"], [tree["[1]"]["id"]])

    def test_dag_with_depends_and_when(self):
        workflow = D.run({"entrypoint": "main", "templates": [
            {"name": "main", "dag": {"tasks": [
                {"name": "a", "template": "fail"},
                {"name": "b", "template": "ok", "depends": "a.Failed"},
                {"name": "c", "template": "ok", "depends": "a.Succeeded"},
                {"name": "d", "template": "ok", "depends": "b && c.Omitted", "when": "1 == 2"},
                {"name": "e", "template": "ok", "depends": "d"}]}},
            sh("exit 3", "fail"), sh("true", "ok")]})
        self.assertEqual({k: v["phase"] for k, v in nodes(workflow).items() if len(k) == 1},
                         {"a": "Failed", "b": "Succeeded", "c": "Omitted", "d": "Skipped", "e": "Succeeded"})
        self.assertEqual(nodes(workflow)["a"]["message"], "main: Error (exit code 3)")
        self.assertEqual(nodes(workflow)["a"]["outputs"]["exitCode"], "3")

    def test_retry(self):
        workflow = D.run({"entrypoint": "main", "volumeClaimTemplates": [claim("work")], "templates": [
            sh("echo x >> /work/tries; [ $(wc -l < /work/tries) -ge 3 ]", retryStrategy={"limit": "5"},
               volumeMounts=[{"name": "work", "mountPath": "/work"}])]})
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual([n["phase"] for k, n in sorted(nodes(workflow).items()) if k.endswith(")")],
                         ["Failed", "Failed", "Succeeded"])

    def retried(self):
        """Steps whose second one fails until the file `good` is in the claim, which outlives the failure."""
        return {"entrypoint": "main", "volumeClaimTemplates": [claim("work")], "templates": [
            {"name": "main", "steps": [[{"name": "first", "template": "first"}], [{"name": "second", "template": "second"}]]},
            sh("echo once >> /work/count", "first", volumeMounts=[{"name": "work", "mountPath": "/work"}]),
            sh("echo try $(wc -l < /work/count); echo x >> /work/tries; [ $(wc -l < /work/tries) -ge 2 ]", "second",
               volumeMounts=[{"name": "work", "mountPath": "/work"}])]}

    def test_gantry_retry(self):
        workflow = D.run(self.retried())
        self.assertPhase(workflow, "Failed")
        name = workflow["metadata"]["name"]
        before = nodes(workflow)
        self.assertIn("Running", D.cli("retry", name))
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        after = nodes(workflow)
        self.assertEqual(after["first"], {**before["first"], "children": after["first"]["children"]})
        self.assertEqual(after["second"]["id"], before["second"]["id"])
        self.assertEqual(D.logs(name), ["try 1"], "neither the old log, nor a first step that ran twice")
        with self.assertRaisesRegex(Refused, "400: .*To retry a succeeded workflow"):
            D.call("PUT", f"/api/v1/workflows/default/{name}/retry", {})
        D.cli("retry", name, "--restart-successful", "--node-field-selector", "displayName=second")
        # The claim went with the success, so this is the first try again.
        self.assertPhase(D.wait(name), "Failed")

    def test_gantry_retry_across_lives(self):
        workflow = D.run(self.retried())
        self.assertPhase(workflow, "Failed")
        name = workflow["metadata"]["name"]
        D.stop(signal.SIGKILL)
        D.start()
        D.cli("retry", name)
        D.stop(signal.SIGKILL)
        D.start()
        self.assertPhase(D.wait(name), "Succeeded")
        self.assertEqual(D.logs(name), ["try 1"])

    def test_memoized_resubmission(self):
        workflow = D.run({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "first", "template": "first"}],
                                       [{"name": "second", "template": "second", "arguments": {"parameters": [
                                           {"name": "r", "value": "{{steps.first.outputs.result}}"}]}}]]},
            sh("cat /proc/sys/kernel/random/uuid", "first"),
            sh("echo {{inputs.parameters.r}}; exit 1", "second", inputs={"parameters": [{"name": "r"}]})]})
        self.assertPhase(workflow, "Failed")
        again = json.loads(D.cli("resubmit", "--memoized", workflow["metadata"]["name"], "-o", "json"))["metadata"]["name"]
        workflow = D.wait(again)
        first = nodes(workflow)["first"]
        self.assertEqual((first["type"], first["phase"]), ("Skipped", "Skipped"))
        self.assertEqual(D.logs(again), [first["outputs"]["result"]])

    def test_container_set_of_one_tries_again(self):
        workflow = D.run({"entrypoint": "main", "templates": [{"name": "main", "containerSet": {
            "retryStrategy": {"retries": 2, "duration": "10ms"},
            "containers": [{"name": "a", "image": "busybox", "command": ["sh", "-c"],
                            "args": ["[ -f there ] || { touch there; exit 1; }"]}]}}]})
        self.assertPhase(workflow, "Succeeded")

    def test_labels_and_patches(self):
        workflow = D.run({"entrypoint": "main", "podSpecPatch": '{"containers":[{"name":"main","env":[{"name":"A","value":"b"}]}]}',
                          "workflowMetadata": {"labelsFrom": {"who": {"expression": "workflow.name"}}},
                          "templates": [sh("echo $A")]})
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(workflow["metadata"]["labels"]["who"], workflow["metadata"]["name"])
        self.assertEqual(D.logs(workflow["metadata"]["name"]), ["b"])

    def test_script_and_outputs(self):
        workflow = D.run({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [
                [{"name": "make", "template": "make"}],
                [{"name": "use", "template": "use", "arguments": {"parameters": [
                    {"name": "r", "value": "{{steps.make.outputs.result}}"},
                    {"name": "f", "value": "{{steps.make.outputs.parameters.f}}"}]}}]]},
            {"name": "make", "script": {"image": "busybox", "command": ["sh"],
                                        "source": "echo -n from-file > /tmp/f\necho from-stdout\n"},
             "outputs": {"parameters": [{"name": "f", "valueFrom": {"path": "/tmp/f"}}]}},
            sh("echo {{inputs.parameters.r}} {{inputs.parameters.f}}", "use",
               inputs={"parameters": [{"name": "r"}, {"name": "f"}]})]})
        self.assertPhase(workflow, "Succeeded")
        self.assertIn("from-stdout from-file", D.logs(workflow["metadata"]["name"]))

    def test_secrets_and_volumes(self):
        D.cli("secret", "create", "s", "--from-literal", "user=me", "--from-literal", "pass=two words")
        D.cli("configmap", "create", "c", "--from-literal", "region=eu")
        with open(D.work + "/allowed/file", "w") as file:
            file.write("of the host\n")
        workflow = D.run({"entrypoint": "main", "volumes": [
            {"name": "s", "secret": {"secretName": "s"}}, {"name": "e", "emptyDir": {}},
            {"name": "h", "hostPath": {"path": D.work + "/allowed"}}],
            "templates": [sh("echo $REGION $PASS; cat /s/user; echo; touch /e/x && cat /h/file; stat -c %a /s/user",
                             env=[{"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "region"}}},
                                  {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pass"}}}],
                             volumeMounts=[{"name": n, "mountPath": "/" + n} for n in "seh"])]})
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(workflow["metadata"]["name"]), ["eu two words", "me", "of the host", "644"])
        self.assertNotIn("two words", json.dumps(workflow))

    def test_what_the_daemon_forbids(self):
        for fields, message in (
                ({"securityContext": {"privileged": True}}, "allow_privileged"),
                ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]},
                 'secret "none" not found')):
            workflow = D.run({"entrypoint": "main", "templates": [sh("true", **fields)]})
            self.assertPhase(workflow, "Error")
            self.assertIn(message, workflow["status"]["message"])
        workflow = D.run({"entrypoint": "main", "volumes": [{"name": "h", "hostPath": {"path": "/etc"}}],
                          "templates": [sh("true", volumeMounts=[{"name": "h", "mountPath": "/h"}])]})
        self.assertPhase(workflow, "Error")
        self.assertIn("host_path_allow", workflow["status"]["message"])

    def test_exit_handler(self):
        workflow = D.run({"entrypoint": "main", "onExit": "bye", "templates": [
            sh("exit 1"), sh("echo it {{workflow.status}}", "bye")]})
        self.assertPhase(workflow, "Failed")
        self.assertEqual(D.logs(workflow["metadata"]["name"]), ["it Failed"])
        self.assertEqual(workflow["status"]["progress"], "1/2")

    def test_deadline(self):
        begun = time.monotonic()
        workflow = D.run({"entrypoint": "main", "activeDeadlineSeconds": 1, "templates": [sh("sleep 60")]})
        self.assertPhase(workflow, "Failed")
        self.assertLess(time.monotonic() - begun, 15)

    def test_parallelism(self):
        workflow = D.run({"entrypoint": "main", "parallelism": 1, "volumeClaimTemplates": [claim("work")], "templates": [
            {"name": "main", "steps": [[{"name": f"s{i}", "template": "one"} for i in range(4)]]},
            sh("mkdir /work/lock && sleep 0.1 && rmdir /work/lock", "one",
               volumeMounts=[{"name": "work", "mountPath": "/work"}])]})
        self.assertPhase(workflow, "Succeeded")

    def test_artifacts(self):
        workflow = D.run({"entrypoint": "main", "archiveLogs": True,
            "arguments": {"artifacts": [{"name": "text", "raw": {"data": "from the file"}}]},
            "templates": [
            {"name": "main", "inputs": {"artifacts": [{"name": "text"}]}, "steps": [
                [{"name": "make", "template": "make"}],
                [{"name": "take", "template": "take", "arguments": {"artifacts": [
                    {"name": "tree", "from": "{{steps.make.outputs.artifacts.tree}}"},
                    {"name": "part", "from": "{{steps.make.outputs.artifacts.tree}}", "subPath": "below"},
                    {"name": "text", "from": "{{inputs.artifacts.text}}"}]}}],
                [{"name": "again", "template": "again", "arguments": {"artifacts": [
                    {"name": "tree", "from": "{{steps.take.outputs.artifacts.changed}}"}]}}]]},
            sh("mkdir -p /work/tree/below && echo deep > /work/tree/below/f && ln -s below/f /work/tree/l && "
               "echo '#!/bin/sh' > /work/tree/run && chmod 750 /work/tree/run", "make",
               outputs={"artifacts": [{"name": "tree", "path": "/work/tree"},
                                      {"name": "maybe", "path": "/nothing", "optional": True}]}),
            sh("cat /in/below/f /in/l /part/f /text; stat -c %a /in/run /text; echo new > /in/new; rm /in/run", "take",
               inputs={"artifacts": [{"name": "tree", "path": "/in"}, {"name": "part", "path": "/part"},
                                     {"name": "text", "path": "/text", "mode": 0o640},
                                     {"name": "never", "path": "/never", "optional": True}]},
               outputs={"artifacts": [{"name": "changed", "path": "/in", "archive": {"none": {}}}]}),
            sh("cd /in && find . | sort", "again", inputs={"artifacts": [{"name": "tree", "path": "/in"}]})]})
        self.assertPhase(workflow, "Succeeded")
        name = workflow["metadata"]["name"]
        self.assertEqual(D.logs(name), ["deep", "deep", "deep", "from the file750", "640",
                                        ".", "./below", "./below/f", "./l", "./new"])
        made = nodes(workflow)["make"]["outputs"]["artifacts"]
        self.assertEqual([a["name"] for a in made], ["tree", "main-logs"])
        self.assertEqual(made[0]["s3"]["key"].split("/")[0::2], [name, "tree.tgz"])

        target = D.work + "/copied"
        D.cli("cp", name, target, "--artifact-name", "tree", "--path", "{artifactName}")
        listing = subprocess.run(["tar", "tzf", target + "/tree/tree.tgz"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(sorted(listing.stdout.split()), ["tree/", "tree/below/", "tree/below/f", "tree/l", "tree/run"])
        D.cli("cp", name, target, "--artifact-name", "main-logs", "--path", "{nodeId}")
        logs = [open(os.path.join(at, f)).read() for at, _, files in os.walk(target) for f in files if f == "main.log"]
        self.assertEqual(len(logs), 3)
        self.assertIn("./new\n", "".join(logs))

        # The bytes go with the workflow.
        contents = lambda: [f for _, _, files in os.walk(D.work + "/state/artifacts/local/objects") for f in files]
        self.assertTrue(contents())
        D.call("DELETE", f"/api/v1/workflows/default/{name}")
        D.await_(lambda: not os.path.isdir(D.work + f"/state/artifacts/local/keys/{name}")
                 or not os.listdir(D.work + f"/state/artifacts/local/keys/{name}"), 20, "the keys to go")
        self.assertEqual(os.listdir(D.work + "/state/artifacts/pods"), [])

    def test_artifacts_that_cannot_be(self):
        missing = D.run({"entrypoint": "main", "templates": [
            sh("true", outputs={"artifacts": [{"name": "gone", "path": "/gone"}]})]})
        self.assertPhase(missing, "Error")
        self.assertIn("wait: Error (exit code 64): artifact gone at /gone", missing["status"]["message"])
        unloadable = D.run({"entrypoint": "main", "templates": [
            sh("true", inputs={"artifacts": [{"name": "in", "path": "/in", "s3": {"key": "no/such"}}]})]})
        self.assertPhase(unloadable, "Error")
        self.assertIn("init: Error (exit code 64): artifact in failed to load", unloadable["status"]["message"])

    def test_http(self):
        kept, asked = {}, []

        class Server(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(dict(self.headers))
                body = kept.get(self.path, b"from the server")
                self.send_response(404 if self.path == "/none" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self):
                kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}"
        D.cli("secret", "create", "token", "--from-literal", "t=tell nobody")
        workflow = D.run({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [
                [{"name": "ask", "template": "ask"}],
                [{"name": "use", "template": "use",
                  "arguments": {"parameters": [{"name": "r", "value": "{{steps.ask.outputs.result}}"}],
                                "artifacts": [{"name": "in", "http": {"url": url + "/in"}}]}}],
                [{"name": "none", "template": "none", "continueOn": {"failed": True}}]]},
            {"name": "ask", "http": {"url": url + "/ask", "headers": [
                {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": "token", "key": "t"}}}],
                "successCondition": "response.statusCode == 200 && response.body contains 'server'"}},
            {"name": "none", "http": {"url": url + "/none"}},
            sh("echo {{inputs.parameters.r}}; cat /in; echo sent > /out", "use",
               inputs={"parameters": [{"name": "r"}], "artifacts": [{"name": "in", "path": "/in"}]},
               outputs={"artifacts": [{"name": "out", "path": "/out", "archive": {"none": {}},
                                       "http": {"url": url + "/out"}}]})]})
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(workflow["metadata"]["name"]), ["from the server", "from the server"])
        self.assertEqual(kept, {"/out": b"sent\n"})
        self.assertEqual(asked[0]["Authorization"], "tell nobody")
        tree = nodes(workflow)
        self.assertEqual((tree["ask"]["type"], tree["none"]["message"]), ("HTTP", "received non-2xx response code: 404"))
        self.assertNotIn("tell nobody", json.dumps(workflow))

    # ---- commands ----

    def test_stop_runs_the_exit_handler_and_terminate_does_not(self):
        for verb, handlers in (("stop", 1), ("terminate", 0)):
            name = D.submit({"entrypoint": "main", "onExit": "bye", "templates": [sh("sleep 60"), sh("echo bye", "bye")]})
            D.await_node(name, name)
            D.call("PUT", f"/api/v1/workflows/default/{name}/{verb}", {"name": name, "namespace": "default"})
            workflow = D.wait(name)
            self.assertPhase(workflow, "Failed")
            self.assertEqual(len([n for n in nodes(workflow) if "onExit" in n]), handlers, verb)

    def test_delete_while_it_runs(self):
        name = D.submit({"entrypoint": "main", "templates": [sh("sleep 600.25")]})
        D.await_node(name, name)
        self.assertTrue(processes_of("sleep 600.25"))
        D.call("DELETE", f"/api/v1/workflows/default/{name}")
        with self.assertRaises(Refused) as refused:
            D.get(name)
        self.assertEqual(refused.exception.status, 404)
        D.await_(lambda: not [p for p in processes_of("sleep 600.25") if "gantry" not in p[1]], 20, "the step to die")

    def test_bad_documents_are_refused_and_the_daemon_goes_on(self):
        for document, message in (
                ("a: [", "f.yaml:1:"),
                ("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: x}\nspec: {entrypont: y}\n", "f.yaml:4:"),
                ("&a [*a]", "f.yaml:1:"), ("\0", "f.yaml:1"), ("[" * 100000, "f.yaml:1:")):
            with self.assertRaises(Refused) as refused:
                D.call("POST", "/api/v1/workflows/default?file=f.yaml", document, "application/yaml")
            self.assertEqual(refused.exception.status, 400, document[:20])
            self.assertIn(message, refused.exception.message)
        self.assertTrue(D.answers())

    def test_a_name_is_taken_once(self):
        name = D.submit({"entrypoint": "main", "templates": [sh("true")]}, name="only-once")
        with self.assertRaises(Refused) as refused:
            D.submit({"entrypoint": "main", "templates": [sh("true")]}, name=name)
        self.assertEqual((refused.exception.status, refused.exception.message),
                         (409, 'workflows.argoproj.io "only-once" already exists'))

    def test_follow_logs(self):
        name = D.submit({"entrypoint": "main", "templates": [sh("for i in 1 2 3; do echo line $i; sleep 0.2; done; echo -n end")]})
        self.assertEqual(D.logs(name, **{"logOptions.follow": "true"}), ["line 1", "line 2", "line 3", "end"])
        self.assertEqual(D.logs(name, **{"logOptions.tailLines": "2"}), ["line 3", "end"])

    # ---- what may go wrong ----

    def test_artifacts_outlive_the_daemon(self):
        name = D.submit({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "make", "template": "make"}], [{"name": "take", "template": "take",
                "arguments": {"artifacts": [{"name": "in", "from": "{{steps.make.outputs.artifacts.out}}"}]}}]]},
            sh("mkdir /out && echo kept > /out/f", "make", outputs={"artifacts": [{"name": "out", "path": "/out"}]}),
            sh("sleep 2; cat /in/f; echo more > /in/g", "take", inputs={"artifacts": [{"name": "in", "path": "/in"}]},
               outputs={"artifacts": [{"name": "both", "path": "/in"}]})]})
        D.await_node(name, "take")
        D.stop(signal.SIGKILL)
        D.start()
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(name), ["kept"])
        D.cli("cp", name, D.work + "/both", "--artifact-name", "both", "--path", ".")
        listing = subprocess.run(["tar", "tzf", D.work + "/both/both.tgz"], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(sorted(listing.stdout.split()), ["in/", "in/f", "in/g"])

    def test_a_killed_daemon_takes_over_its_steps(self):
        name = D.submit({"entrypoint": "main", "volumeClaimTemplates": [claim("work")], "templates": [
            {"name": "main", "steps": [[{"name": "long", "template": "long"}, {"name": "short", "template": "short"}],
                                       [{"name": "after", "template": "after"}]]},
            sh("echo begun >> /work/x; sleep 4", "long", volumeMounts=[{"name": "work", "mountPath": "/work"}]),
            sh("sleep 1; exit 0", "short"),
            sh("wc -l < /work/x", "after", volumeMounts=[{"name": "work", "mountPath": "/work"}])]})
        D.await_node(name, "long")
        D.await_node(name, "short")
        D.stop(signal.SIGKILL)
        time.sleep(1.5)  # `short` ends while nobody looks
        D.start()
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(name), ["1"], "the step ran once")

    def test_named_resources(self):
        """Two boards for three steps: each step has one of its own, over a kill of the daemon too."""
        board = lambda count: {"limits": {"example.com/board": count}}
        work = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
        # Only one of the devices can be written to; both are at the same place.
        use = ("echo begin $BOARD >> /work/log; stat -c %t:%T /dev/board >> /work/$BOARD; "
               "if dd if=/dev/zero of=/dev/board bs=1 count=1 2> /dev/null; then found=zero; else found=full; fi; [ $found = $BOARD ] || exit 9; "
               "sleep {{inputs.parameters.s}}; echo end $BOARD >> /work/log")
        name = D.submit({"entrypoint": "main", "volumeClaimTemplates": [claim("work")], "templates": [
            {"name": "main", "steps": [
                [{"name": f"use-{i}", "template": "use", "arguments": {"parameters": [{"name": "s", "value": str(s)}]}}
                 for i, s in enumerate((4, 7, 1))],
                [{"name": "show", "template": "show"}]]},
            sh(use, "use", inputs={"parameters": [{"name": "s"}]}, resources=board(1), **work),
            sh("cat /work/log; sort -u /work/full; sort -u /work/zero", "show", **work)]})
        D.await_(lambda: sum(n["phase"] == "Running" and n["type"] == "Pod" for n in nodes(D.get(name)).values()) == 2, 30, "two to run")
        labels = lambda: sorted(json.loads("\n".join(D.ctr("containers", "info", id)))["Labels"]["gantry.io/units"]
                                for id in D.ctr("containers", "list", "-q", 'labels."gantry.io/units"'))
        held = ["example.com/board=0", "example.com/board=1"]
        self.assertEqual(labels(), held)
        D.stop(signal.SIGKILL)
        D.start()
        time.sleep(0.5)
        self.assertEqual(labels(), held)
        self.assertEqual(sum(n["phase"] == "Running" and n["type"] == "Pod" for n in nodes(D.get(name)).values()), 2)
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        log = D.logs(name)
        self.assertEqual(log[-2:], ["1:7", "1:5"], "the devices of the units")
        self.assertEqual(len(log), 8)
        busy = set()
        for what, which in (line.split() for line in log[:-2]):
            if what == "begin":
                self.assertNotIn(which, busy, log)
                busy.add(which)
            else:
                busy.remove(which)

        with self.assertRaisesRegex(Refused, "template main can never start: it requests 3 of example.com/board, this host offers 2"):
            D.submit({"entrypoint": "main", "templates": [sh("true", resources=board(3))]})
        workflow = D.run({"entrypoint": "main", "templates": [sh("true", resources={"limits": {"example.com/unplugged": 1}})]})
        self.assertPhase(workflow, "Error")
        self.assertEqual(nodes(workflow)[workflow["metadata"]["name"]]["message"],
                         'container "main": device /dev/there-is-no-such is not on this host')
        workflow = D.run({"entrypoint": "main", "templates": [
            sh("echo $BOARD; ls /dev/board", resources=board(1), env=[{"name": "BOARD", "value": "mine"}])]})
        self.assertEqual(D.logs(workflow["metadata"]["name"]), ["mine", "/dev/board"])
        workflow = D.run({"entrypoint": "main", "templates": [sh("ls /dev/board")]})
        self.assertPhase(workflow, "Failed")

    def test_a_deadline_goes_on_over_a_kill(self):
        name = D.submit({"entrypoint": "main", "templates": [sh("sleep 60", activeDeadlineSeconds=6)]})
        D.await_node(name, name)
        time.sleep(3)  # of the six
        D.stop(signal.SIGKILL)
        D.start()
        workflow = D.wait(name)
        self.assertPhase(workflow, "Failed")
        node = nodes(workflow)[name]
        self.assertEqual(node["message"], "Pod was active on the node longer than the specified deadline")
        # Counted anew it would be nine seconds at least.
        lived = seconds_of(node["finishedAt"]) - seconds_of(node["startedAt"])
        self.assertIn(lived, (5, 6, 7, 8), workflow["status"])

    def test_kills_at_random_moments_run_nothing_twice(self):
        seed = int(os.environ.get("GANTRY_SEED", time.time_ns() % 1000000))
        chance = random.Random(seed)
        steps = 12
        name = D.submit({"entrypoint": "main", "volumeClaimTemplates": [claim("work")], "templates": [
            {"name": "main", "steps": [[{"name": f"s{g}-{i}", "template": "one", "arguments": {"parameters": [
                {"name": "id", "value": f"{g}-{i}"}]}} for i in range(2)] for g in range(steps // 2)] + [
                [{"name": "count", "template": "count"}]]},
            sh("echo {{inputs.parameters.id}} >> /work/x; sleep 0.2", "one", inputs={"parameters": [{"name": "id"}]},
               volumeMounts=[{"name": "work", "mountPath": "/work"}]),
            sh("sort /work/x", "count", volumeMounts=[{"name": "work", "mountPath": "/work"}])]})
        for _ in range(int(os.environ.get("GANTRY_KILLS", 5))):
            time.sleep(chance.uniform(0, 0.8))
            D.stop(signal.SIGKILL)
            D.start()
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(name), sorted(f"{g}-{i}" for g in range(steps // 2) for i in range(2)), f"seed {seed}")

    def test_a_stopped_daemon_leaves_its_steps_running(self):
        name = D.submit({"entrypoint": "main", "templates": [sh("sleep 3; echo done")]})
        D.await_node(name, name)
        D.stop()
        self.assertEqual(D.process.returncode, 0)
        D.start()
        self.assertPhase(D.wait(name), "Succeeded")
        self.assertEqual(D.logs(name), ["done"])

    def test_a_killed_containerd_takes_no_step_with_it(self):
        name = D.submit({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "one", "template": "one"}], [{"name": "two", "template": "one"}]]},
            sh("sleep 3; echo done", "one")]})
        D.await_node(name, "one")
        with open(D.work + "/state/containerd/containerd.pid") as file:
            pid = int(file.read().split()[0])
        os.kill(pid, signal.SIGKILL)
        workflow = D.wait(name)
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(D.logs(name), ["done", "done"])

    # ---- images of others ----

    def test_a_registry_that_asks_for_a_password(self):
        server = Registry()
        self.addCleanup(server.stop)
        image = f"localhost:{server.port}/team/private:1"
        server.push("docker.io/library/busybox:latest", image)
        spec = {"entrypoint": "main", "templates": [sh("echo came")]}
        spec["templates"][0]["container"]["image"] = image
        refused = D.run(spec)
        self.assertPhase(refused, "Error")
        self.assertRegex(refused["status"]["message"], "failed to pull image .*authoriz")

        def login(secret, password):
            config = {"auths": {f"localhost:{server.port}": {"username": server.USER, "password": password}}}
            D.cli("secret", "create", secret, "--from-literal", ".dockerconfigjson=" + json.dumps(config))
            return D.run({**spec, "imagePullSecrets": [{"name": secret}]})
        self.assertPhase(login("e2e-wrong", "pass"), "Error")
        let_in = login("e2e-right", server.PASSWORD)
        self.assertPhase(let_in, "Succeeded")
        self.assertEqual(D.logs(let_in["metadata"]["name"]), ["came"])
        for name in ("e2e-wrong", "e2e-right"):
            D.cli("secret", "delete", name)

    # ---- the objects around workflows ----

    def test_a_cron_workflow_runs_by_the_clock_and_over_a_kill(self):
        cron = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "e2e-tick"},
                "spec": {"schedules": ["@every 2s"], "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 100,
                         "workflowSpec": {"entrypoint": "main", "templates": [sh("echo tick")]}}}
        created = D.cli("cron", "create", "-", input=json.dumps(cron))
        self.assertIn("Schedules:                     @every 2s", created)
        def children(phase=None):
            query = urllib.parse.urlencode({"listOptions.labelSelector": "workflows.argoproj.io/cron-workflow=e2e-tick"})
            items = D.call("GET", f"/api/v1/workflows/default?{query}")["items"]
            return {i["metadata"]["name"]: i for i in items if phase in (None, i["status"]["phase"])}
        D.await_(lambda: len(children("Succeeded")) >= 2, 60, "two runs")
        D.stop(signal.SIGKILL)
        before = time.time()
        D.start()
        D.await_(lambda: any(int(n.rsplit("-", 1)[1]) >= before for n in children("Succeeded")), 60, "a run after the kill")
        D.cli("cron", "suspend", "e2e-tick")
        D.await_(lambda: not D.call("GET", "/api/v1/cron-workflows/default/e2e-tick")["status"]["active"], 60, "the last end")
        runs, status = children(), D.call("GET", "/api/v1/cron-workflows/default/e2e-tick")["status"]
        times = sorted(int(name.rsplit("-", 1)[1]) for name in runs)
        self.assertEqual({t % 2 for t in times}, {times[0] % 2}, "the beat is kept")
        self.assertEqual(len(times), len(set(times)))
        self.assertEqual(status["succeeded"], len(children("Succeeded")))
        for name, run in runs.items():
            self.assertEqual(D.logs(name), ["tick"])
            scheduled = run["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"]
            self.assertEqual(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(name.rsplit("-", 1)[1]))), scheduled)
        self.assertIn("true", D.cli("cron", "list").splitlines()[1])
        by_hand = D.cli("submit", "--from", "cronwf/e2e-tick", "-w", "-o", "name").strip()
        self.assertIn(by_hand, children("Succeeded"))
        self.assertIn("CronWorkflow 'e2e-tick' deleted", D.cli("cron", "delete", "e2e-tick"))
        D.await_(lambda: not children(), 30, "its workflows to go with it")

    def test_templates_are_kept(self):
        template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "e2e-kept"},
                    "spec": {"entrypoint": "main", "templates": [sh("echo hi")]}}
        D.cli("template", "create", "-", input=json.dumps(template))
        with self.assertRaises(Refused) as refused:
            D.call("POST", "/api/v1/workflow-templates/default", {"template": template})
        self.assertEqual(refused.exception.status, 409)
        D.stop(signal.SIGKILL)
        D.start()
        self.assertEqual(D.call("GET", "/api/v1/workflow-templates/default/e2e-kept")["spec"], template["spec"])
        D.cli("template", "delete", "e2e-kept")
        self.assertNotIn("e2e-kept", D.cli("template", "list"))

    # ---- looking after the daemon ----

    def waits_for(self, name):
        """A workflow that runs until the file of its name is in the allowed directory."""
        return D.submit({"entrypoint": "main", "volumes": [{"name": "allowed", "hostPath": {"path": D.allowed}}],
                         "templates": [sh(f"until [ -e /allowed/{name} ]; do sleep 0.1; done",
                                          volumeMounts=[{"name": "allowed", "mountPath": "/allowed"}])]}, name=name)

    def let_go(self, name):
        open(f"{D.allowed}/{name}", "w").close()

    def test_backup_and_check(self):
        self.waits_for("backed-up")
        D.await_node("backed-up", "backed-up")
        copy = D.work + "/backup.db"
        self.assertIn("It holds Secrets", D.cli("admin", "backup", copy))
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)
        with open(copy, "rb") as file:
            content = file.read()
        self.assertIn("is there already", D.cli("admin", "backup", copy, check=False))
        with open(copy, "rb") as file:
            self.assertEqual(file.read(), content, "a backup was overwritten")
        self.assertEqual([name for name in os.listdir(D.state + "/spool") if name.startswith("backup")], [])
        self.assertRegex(D.cli("admin", "check", copy), r": sound \([0-9]+ workflows, [0-9]+ nodes\)")
        self.assertIn("the store is sound", D.cli("admin", "check"))
        damaged = D.work + "/damaged.db"
        with open(damaged, "wb") as file:  # all but its first page
            file.write(content[:4096] + bytes(byte ^ 0x55 for byte in content[4096:]))
        done = subprocess.run([BIN + "/gantry", "admin", "check", damaged], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.let_go("backed-up")
        self.assertPhase(D.wait("backed-up"), "Succeeded")

        # The backup is a store: a daemon that is given it takes up what ran when it was made. Whether that step has
        # ended since it cannot know, so it is not run again.
        D.stop()
        with open(D.state + "/gantry.db", "rb") as file:
            now = file.read()
        self.assertFalse(os.path.exists(D.state + "/gantry.db-wal"), "a daemon that ends leaves one file")
        shutil.copy(copy, D.state + "/gantry.db")
        D.start()
        restored = D.wait("backed-up")
        self.assertPhase(restored, "Error")
        self.assertIn("TaskLost: ", nodes(restored)["backed-up"]["message"])
        D.stop()
        with open(D.state + "/gantry.db", "wb") as file:
            file.write(now)
        D.start()

    def test_a_damaged_store_is_refused_or_set_aside(self):
        before = set(os.listdir(D.state))
        name = D.run({"entrypoint": "main", "templates": [sh("echo kept")]})["metadata"]["name"]
        D.stop()
        with open(D.state + "/gantry.db", "rb") as file:
            sound = file.read()
        broken = sound[:4096] + bytes(len(sound) - 4096)
        with open(D.state + "/gantry.db", "wb") as file:
            file.write(broken)
        D.spawn()
        self.assertEqual(D.process.wait(60), 1)
        self.assertIn("gantry.db is damaged", D.log_text())
        with open(D.state + "/gantry.db", "rb") as file:
            self.assertEqual(file.read(), broken)

        with open(D.work + "/gantry.yaml") as file:
            config = file.read()
        try:
            with open(D.work + "/gantry.yaml", "a") as file:
                file.write("store: {on_corruption: set-aside}\n")
            D.start()
            self.assertEqual(D.call("GET", "/api/v1/workflows/default")["items"] or [], [])
            new = set(os.listdir(D.state)) - before
            aside = [entry for entry in new if re.fullmatch(r"gantry\.db\.corrupt-\d{8}T\d{6}Z", entry)]
            self.assertEqual(len(aside), 1, new)
            with open(f"{D.state}/{aside[0]}", "rb") as file:
                self.assertEqual(file.read(), broken)
        finally:
            D.stop()
            with open(D.work + "/gantry.yaml", "w") as file:
                file.write(config)
        # With the store back its workflows have what they left.
        with open(D.state + "/gantry.db", "wb") as file:
            file.write(sound)
        for place in ("logs", "volumes/claims"):
            kept = [entry for entry in os.listdir(os.path.dirname(f"{D.state}/{place}"))
                    if entry.startswith(os.path.basename(place) + ".before-")]
            for entry in kept:
                shutil.rmtree(f"{D.state}/{place}", ignore_errors=True)
                os.rename(os.path.join(os.path.dirname(f"{D.state}/{place}"), entry), f"{D.state}/{place}")
        D.start()
        self.assertPhase(D.get(name), "Succeeded")
        self.assertEqual(D.logs(name), ["kept"])

    def test_drain_events_and_the_audit_log(self):
        self.waits_for("drained")
        D.await_node("drained", "drained")
        self.assertEqual(json.loads(D.cli("admin", "status", "-o", "json"))["accepting"], True)
        D.cli("admin", "drain", "--no-wait")
        try:
            with self.assertRaisesRegex(Refused, "503: .*it is being drained \\(by uid:0\\)"):
                D.submit({"entrypoint": "main", "templates": [sh("true")]}, name="too-late")
            done = subprocess.run([BIN + "/gantry", "admin", "drain", "--timeout", "0s"], env=D.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("still run", done.stdout)
            self.let_go("drained")
            self.assertIn("drained: nothing runs any more", D.cli("admin", "drain", "--timeout", "60s"))
            self.assertPhase(D.get("drained"), "Succeeded")
        finally:
            D.cli("admin", "drain", "--resume")
        self.waits_for("drained-too")
        D.await_node("drained-too", "drained-too")
        try:
            D.cli("admin", "drain", "--terminate", "--timeout", "60s")
        finally:
            D.cli("admin", "drain", "--resume")
        self.assertPhase(D.wait("drained-too"), "Failed")
        events = D.cli("get", "drained-too", "--events")
        self.assertRegex(events, r"Submitted +by uid:0")
        self.assertRegex(events, r"Terminated +by uid:0, who drains gantryd")

        D.cli("secret", "create", "audited", "--from-literal", "key=hunter2")
        D.cli("secret", "delete", "audited")
        lines = [json.loads(line) for line in D.cli("admin", "audit", "-o", "json", "--lines", "1000").splitlines()]
        def told(**wanted):
            return any(all(line.get(key) == value for key, value in wanted.items()) for line in lines)
        self.assertTrue(told(method="POST", path="/api/v1/workflows/default", status=503, uid=0))
        self.assertTrue(told(method="POST", path="/api/v1/workflows/default", status=200, object="default/drained", pid=os.getpid()))
        self.assertTrue(told(method="POST", path="/api/v1/secrets/default", object="default/audited", status=200))
        self.assertTrue(told(method="DELETE", path="/api/v1/secrets/default/audited", status=200))
        with open(D.state + "/audit.log") as file:
            self.assertNotIn("hunter2", file.read())

    def test_only_one_daemon_for_a_state_directory(self):
        second = subprocess.run([BIN + "/gantryd", "--state-dir", D.work + "/state", "--socket", D.work + "/other"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another gantryd runs on the state directory", second.stdout)
        for arguments, status in ((["--nonsense"], 2), (["--config", "/nonexistent"], 2), (["--version"], 0)):
            self.assertEqual(subprocess.run([BIN + "/gantryd", *arguments], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL).returncode, status, arguments)

    def test_under_systemd_and_beside_another_daemon(self):
        """Readiness, watchdog and an inherited socket; a second daemon on one containerd leaves the first one's steps."""
        name = D.submit({"entrypoint": "main", "templates": [sh("sleep 4")]})
        D.await_node(name, name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, socket.socket(socket.AF_UNIX) as listener:
            notify.bind(D.work + "/notify")
            notify.settimeout(30)
            listener.bind(D.work + "/second.sock")
            listener.listen()
            command = [BIN + "/gantryd", "--config", D.work + "/gantry.yaml", "--state-dir", D.work + "/second",
                       "--containerd", D.work + "/state/containerd/containerd.sock"]
            second = subprocess.Popen(
                ["sh", "-c", f'export LISTEN_PID=$$; exec "$@" 3<&{listener.fileno()}', "sh", *command],
                pass_fds=[listener.fileno()], stdout=D.log, stderr=D.log,
                env={**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": D.work + "/notify", "WATCHDOG_USEC": "300000"})
            seen = []
            def told(what):
                while not any(what in message for message in seen):
                    seen.append(notify.recv(4096).decode())
            try:
                told("READY=1")
                self.assertEqual(D.call("GET", "/api/v1/workflows/default", socket_path=D.work + "/second.sock")["items"] or [], [])
                told("WATCHDOG=1")
            finally:
                second.terminate()
            told("STOPPING=1")
            self.assertEqual(second.wait(30), 0)
            self.assertTrue(os.path.exists(D.work + "/second.sock"), "it is systemd's")
        self.assertPhase(D.wait(name), "Succeeded")

    # ---- last: what is left, and figures ----

    def test_zz_nothing_is_left(self):
        ctr = ["ctr", "-a", D.work + "/state/containerd/containerd.sock", "-n", "gantry"]
        def empty():
            return not any(subprocess.run([*ctr, *what, "list", "-q"], text=True, stdout=subprocess.PIPE).stdout
                           for what in (["containers"], ["tasks"]))
        D.await_(empty, 30, "the last containers to go")
        self.assertFalse(processes_of("containerd-shim-runc-v2 -namespace gantry -id e2e"))
        D.await_(lambda: not os.listdir(D.work + "/state/volumes/pods"), 10, "the last pod's files to go")

    def test_zz_figures(self):
        def timed(spec):
            begun = time.monotonic()
            self.assertPhase(D.run(spec, 120), "Succeeded")
            return time.monotonic() - begun
        echo = {"entrypoint": "main", "templates": [sh("echo hi")]}
        many = lambda groups: {"entrypoint": "main", "templates": [{"name": "main", "steps": [
            [{"name": f"s{g}-{i}", "template": "one"} for i in range(n)] for g, n in enumerate(groups)]}, sh("true", "one")]}
        singles = sorted(timed(echo) for _ in range(5))
        print(f"\nfigures: one echo {singles[2] * 1000:.0f} ms (median of 5), 14 in sequence "
              f"{timed(many([1] * 14)) * 1000:.0f} ms, 50 in parallel {timed(many([50])) * 1000:.0f} ms")


if __name__ == "__main__":
    unittest.main(warnings="ignore", argv=[sys.argv[0], *(f"EndToEnd.{t}" if t.startswith("test") else t for t in sys.argv[1:])])
