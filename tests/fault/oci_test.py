#!/usr/bin/env python3
"""The OCI runtime misbehaves: it fails, says nonsense, is slow, or hangs. Meant is one pod; others go on."""
import os, shutil, time, unittest

from harness import LONG, FaultTest, main, processes_of, runtime_id, sh

SLOW = 10 if LONG else 3

# Finds the command and the container; what the test wrote for that command is carried out before it.
WRAPPER = """#!/bin/sh
for word; do
  [ "$previous" = --bundle ] && bundle=$word
  [ "$previous" = --log ] && log=$word
  case $word in create | start | kill | delete | state) [ -n "$verb" ] || verb=$word ;; esac
  previous=$word
done
id=$previous
[ -z "$verb" ] || [ ! -e {faults}/$verb ] || . {faults}/$verb
exec {runc} "$@"
"""


class Oci(FaultTest):
    def daemon(self):
        d = super().daemon()
        self.faults = d.work + "/faults"
        os.mkdir(self.faults)
        with open(d.work + "/runc", "w") as file:
            file.write(WRAPPER.format(faults=self.faults, runc=shutil.which("runc")))
        os.chmod(d.work + "/runc", 0o755)
        d.configure(f"runtime: {d.work}/runc\n")
        return d

    def fault(self, verb, script, meant="true"):
        """From here on `script` runs before runc's `verb`, if the shell command `meant` succeeds."""
        with open(self.faults + "/new", "w") as file:
            file.write(f"if {meant}; then {script}\nfi\n")
        os.rename(self.faults + "/new", f"{self.faults}/{verb}")

    def mend(self):
        for name in os.listdir(self.faults):
            os.unlink(f"{self.faults}/{name}")

    MEANT = 'grep -q unlucky "$bundle/config.json"'  # of create: it names its bundle

    def one(self, script="true", **more):
        return {"entrypoint": "main", "templates": [sh(script, **more)]}

    def others(self, seconds):
        """Runs of others go on at their pace; how long each took."""
        took, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            self.assertPhase(self.d.run(self.one()), "Succeeded")
            took.append(time.monotonic() - begun)
        return took

    def test_create_fails(self):
        for what, script, text in (
                ("with words", 'echo \'{"level":"error","msg":"no such luck"}\' > "$log"; exit 1', "no such luck"),
                ("with nonsense", 'echo "{{{ \\000 nonsense" > "$log"; echo aside >&2; exit 1', "create"),
                ("without a word", "exit 1", "create"),
                ("half way", "exit 0", "create")):
            with self.subTest(what):
                self.fault("create", script, self.MEANT)
                workflow = self.d.run(self.one("echo unlucky"))
                self.assertPhase(workflow, "Error")
                self.assertIn(text, workflow["status"]["message"])
                self.assertPhase(self.d.run(self.one()), "Succeeded")
                self.mend()
                self.assertPhase(self.d.run(self.one("echo unlucky")), "Succeeded")

    def test_start_fails(self):
        name = self.d.submit(self.one("echo unlucky; exit 3"), name="unlucky")
        self.assertPhase(self.d.wait(name), "Failed")
        self.fault("start", 'echo \'{"level":"error","msg":"no such luck"}\' > "$log"; exit 1')
        workflow = self.d.run(self.one())
        self.assertPhase(workflow, "Error")
        self.assertIn("no such luck", workflow["status"]["message"])
        self.mend()
        self.assertPhase(self.d.run(self.one()), "Succeeded")

    def test_slow_create(self):
        slowness = 3 * SLOW if LONG else SLOW
        usual = self.others(slowness)
        self.fault("create", f"sleep {slowness}", self.MEANT)
        slow = self.d.submit(self.one("echo unlucky"))
        meanwhile = self.others(slowness * 0.7)
        self.assertEqual(self.d.get(slow)["status"]["phase"], "Running")
        # The 99th of a hundred means something when there are a hundred.
        which, share = ("99th percentiles", 0.99) if len(meanwhile) >= 100 else ("medians", 0.5)
        usual, meanwhile = (sorted(took)[int(len(took) * share)] for took in (usual, meanwhile))
        print(f"a run takes {usual * 1000:.0f} ms, beside a slow one {meanwhile * 1000:.0f} ms ({which})")
        self.assertLess(meanwhile, usual * 1.2 + 0.1)
        self.assertPhase(self.d.wait(slow), "Succeeded")

    def test_terminated_while_create_hangs(self):
        self.fault("create", f"touch {self.faults}/hangs; sleep {SLOW}", self.MEANT)
        name = self.d.submit(self.one("echo unlucky"))
        self.d.await_(lambda: os.path.exists(self.faults + "/hangs"), 20, "it to hang")
        self.d.command(name, "terminate")
        self.assertPhase(self.d.wait(name, 5), "Failed")
        self.assertPhase(self.d.run(self.one()), "Succeeded")

    @unittest.skipUnless(LONG, "the deadline is two minutes")
    def test_create_hangs_for_ever(self):
        self.fault("create", "sleep 1000.125", self.MEANT)
        begun = time.monotonic()
        workflow = self.d.run(self.one("echo unlucky"), 180)
        self.assertLess(time.monotonic() - begun, 130)
        self.assertPhase(workflow, "Error")
        self.assertIn("deadline", workflow["status"]["message"].lower())
        self.mend()

    def test_slow_delete(self):
        """The end of a run does not wait for its clearing away; its places are free at once."""
        self.fault("delete", f"touch {self.faults}/slow; sleep {SLOW}")
        begun = time.monotonic()
        for _ in range(4):
            self.assertPhase(self.d.run(self.one()), "Succeeded")
        self.assertLess(time.monotonic() - begun, 4 * SLOW)
        self.assertTrue(os.path.exists(self.faults + "/slow"))
        self.mend()

    def shims(self):
        return [command for _, command in processes_of(self.d.state + "/containerd/") if "containerd-shim" in command.split()[0]]

    def test_a_daemon_that_stops_leaves_no_shim_without_its_containerd(self):
        for what, seconds, stays in (("waits", 4, False), ("gives up waiting", 15, True)):
            with self.subTest(what):
                self.fault("delete", f"sleep {seconds}")
                self.assertPhase(self.d.run(self.one()), "Succeeded")
                self.d.stop()
                self.assertEqual(bool(self.shims()), stays)
                self.assertEqual(bool(processes_of(self.d.state + "/containerd/config.toml")), stays)
                self.mend()
                self.d.start()
                self.d.await_(lambda: not self.shims(), 30, "the next life to clear away")

    def test_failing_delete(self):
        """It is tried again."""
        count = self.faults + "/count"
        self.fault("delete", f'echo x >> {count}-$id; [ $(wc -l < {count}-$id) -gt 2 ] || exit 1')
        name = self.d.submit(self.one("sleep 1"))
        self.d.await_node(name, name)
        pod = runtime_id(self.d, self.d.get(name), name)
        self.assertPhase(self.d.wait(name), "Succeeded")
        self.assertNothingLeft()
        self.assertGreater(len(open(f"{count}-{pod}").readlines()), 1)
        self.mend()
        # None of its places is lost.
        self.assertPhase(self.d.run({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": f"s{i}", "template": "step"} for i in range(6)]]}, sh("true", "step")]}),
            "Succeeded")


if __name__ == "__main__":
    main()
