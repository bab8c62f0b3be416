#!/usr/bin/env python3
"""The wall clock of the daemon is set forward and back by an hour while steps run: what is counted is the time that
passes. Debian's faketime does it."""
import calendar, glob, os, time

from harness import FaultTest, main, nodes, sh

HOUR = 3600
DUE = 9  # seconds


class Clock(FaultTest):
    def before_start(self):
        [library] = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        self.d.daemon_env |= {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": self.d.work + "/clock",
                              "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.set_clock(0)
        # Its programs have the host's clock.
        self.containerd_through('unset LD_PRELOAD; exec "$@"')

    def set_clock(self, offset):
        with open(self.d.work + "/clock", "w") as file:
            file.write(f"{offset:+d}\n")

    def jump(self, offset):
        self.set_clock(offset)
        probe = self.d.run({"entrypoint": "main", "templates": [{"name": "main", "suspend": {"duration": "0"}}]})
        seen = time.strptime(probe["status"]["startedAt"], "%Y-%m-%dT%H:%M:%SZ")
        self.assertAlmostEqual(calendar.timegm(seen) - time.time(), offset, delta=5, msg="the clock has jumped")

    def begin(self):
        """Runs with every kind of timer: none may be due too early, and each must be due in time."""
        def step(script, **more):
            return {"entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}],
                    "templates": [sh(script, volumeMounts=[{"name": "load", "mountPath": "/load"}], **more)]}
        jumped = "until [ -e /load/jumped ]; do sleep 0.1; done"
        patient = {
            "run-deadline": {**step(jumped), "activeDeadlineSeconds": 600},
            "step-deadline": step(jumped, activeDeadlineSeconds=600),
            "timeout": step(jumped, timeout="600s"),
            "retry": step(jumped + "; [ {{retries}} = 1 ]",
                          retryStrategy={"limit": "1", "backoff": {"duration": "2", "maxDuration": "1800"}}),
        }
        due = {
            "due-run": {**step("exec sleep 600.5"), "activeDeadlineSeconds": DUE},
            "due-step": step("exec sleep 600.5", activeDeadlineSeconds=DUE),
            "due-timeout": step("exec sleep 600.5", timeout=f"{DUE}s"),
        }
        suspended = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {"duration": str(DUE)}}]}
        return patient, due, suspended

    def go(self, offset, before):
        label = "on" if offset > before else "back"
        patient, due, suspended = self.begin()
        begun = time.monotonic()
        runs = {name: self.d.submit(spec, name=f"{name}-{label}")
                for name, spec in {**patient, **due, "suspended": suspended}.items()}
        for name, run in runs.items():
            self.d.await_node(run, f"{run}(0)" if name == "retry" else run)
        self.jump(offset)
        open(self.d.allowed + "/jumped", "w").close()
        ended = {}

        def look():
            for name, run in runs.items():
                if name not in ended and self.d.get(run)["status"]["phase"] in ("Succeeded", "Failed", "Error"):
                    ended[name] = time.monotonic() - begun
            return len(ended) == len(runs)
        self.d.await_(look, 60, lambda: f"the end of {set(runs) - set(ended)}")
        print({name: round(seconds, 1) for name, seconds in ended.items()})
        for name in patient:
            self.assertPhase(self.d.get(runs[name]), "Succeeded")
        self.assertPhase(self.d.get(runs["suspended"]), "Succeeded")
        for name in due:
            self.assertPhase(self.d.get(runs[name]), "Failed")
        for name in (*due, "suspended"):
            self.assertGreater(ended[name], DUE - 1, name)
            self.assertLess(ended[name], DUE + 15, name)
        os.unlink(self.d.allowed + "/jumped")

    def test_forward_and_back(self):
        self.go(HOUR, 0)
        self.go(0, HOUR)

    def test_back_and_a_restart(self):
        """What was stored with a time of the future does not keep a later life from going on."""
        name = self.d.submit({"entrypoint": "main", "activeDeadlineSeconds": 8000, "templates": [sh("sleep 4; exit 3")]})
        self.d.await_node(name, name)
        self.jump(-HOUR)
        self.restart()
        workflow = self.d.wait(name)
        self.assertPhase(workflow, "Failed")
        self.assertEqual(nodes(workflow)[name]["outputs"]["exitCode"], "3")


if __name__ == "__main__":
    main()
