#!/usr/bin/env python3
"""containerd is away for a while. Steps run on and end meanwhile; the API goes on and says that something is wrong."""
import signal, time

from harness import LONG, FaultTest, main, nodes, processes_of, sh

SECONDS = 60 if LONG else 8


class Outage(FaultTest):
    def before_start(self):
        self.holds_containerd()

    def spec(self, script, **more):
        return {"entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}], "templates": [
            sh("echo {{workflow.name}} >> /load/ids; " + script, volumeMounts=[{"name": "load", "mountPath": "/load"}],
               **more)]}

    def test_steps_end_while_it_is_away(self):
        beside = {"name": "beside", "image": "busybox", "command": ["sleep", "1000.5"]}
        # name → (script, phase, exit code, message, more of the template)
        steps = {
            "well": ("sleep 2.5; echo said", "Succeeded", "0", "", {}),
            "badly": ("sleep 2.5; echo said; exit 7", "Failed", "7", "main: Error (exit code 7)", {}),
            "signal": ("sleep 2.5; echo said; kill -9 $$$$", "Failed", "137", "main: Error (exit code 137)", {}),
            "two": ("sleep 2.5; echo said; exit 3", "Failed", "3", "main: Error (exit code 3)", {"sidecars": [beside]}),
            "longer": (f"sleep {SECONDS + 4}; echo said; exit 5", "Failed", "5", "main: Error (exit code 5)", {}),
        }
        for name, (script, _, _, _, more) in steps.items():
            self.d.submit(self.spec(script, **more), name=name)
        for name in steps:
            self.d.await_node(name, name)
        self.assertEqual(self.health(), "ok")
        self.hold_containerd()
        end, slowest, calls = time.monotonic() + SECONDS, 0, 0
        while time.monotonic() < end:
            begun = time.monotonic()
            status = self.d.call("GET", "/api/v1/admin/status")
            slowest, calls = max(slowest, time.monotonic() - begun), calls + 1
            self.assertEqual((status["degraded"], status["accepting"], status["containerd"]), (True, True, False))
            self.assertIn("degraded: there is no connection to containerd", self.health())
            if calls == 1:
                self.d.submit(self.spec("echo said"), name="meanwhile")
            time.sleep(0.05)
        print(f"{calls} calls, the slowest took {slowest * 1000:.0f} ms")
        self.assertLess(slowest, 1)
        self.assertFalse(processes_of("sleep 2.5"), "they have ended while nobody looked")
        for name in ("well", "badly", "signal", "two"):
            self.assertEqual(self.d.get(name)["status"]["phase"], "Running", "nobody can know yet")
        self.let_go_of_containerd()
        self.d.await_(lambda: self.health() == "ok", 5, "it to be well again")
        for name, (_, phase, code, message, _) in steps.items():
            workflow = self.d.wait(name)
            self.assertPhase(workflow, phase)
            node = nodes(workflow)[name]
            self.assertEqual((node["outputs"]["exitCode"], node.get("message", "")), (code, message), name)
            self.assertEqual(self.d.logs(name), ["said"])
        self.assertPhase(self.d.wait("meanwhile"), "Succeeded")
        with open(self.d.allowed + "/ids") as file:
            self.assertEqual(sorted(file.read().split()), sorted([*steps, "meanwhile"]))

    def test_and_the_daemon_is_killed_meanwhile(self):
        """The new daemon starts a containerd of its own, and finds what has become of the steps."""
        names = [self.d.submit(self.spec(f"sleep 1.5; exit {n}")) for n in range(3)]
        for name in names:
            self.d.await_node(name, name)
        self.hold_containerd()
        self.d.await_(lambda: not processes_of("sleep 1.5"), 20, "the steps to end")
        self.d.stop(signal.SIGKILL)
        self.release()
        self.d.start()
        for n, name in enumerate(names):
            self.assertPhase(self.d.wait(name), "Failed" if n else "Succeeded")
            self.assertEqual(nodes(self.d.get(name))[name]["outputs"]["exitCode"], str(n))
        with open(self.d.allowed + "/ids") as file:
            self.assertEqual(sorted(file.read().split()), sorted(names))

    def health(self):
        return self.d.call("GET", "/healthz", parse=str).strip()


if __name__ == "__main__":
    main()
