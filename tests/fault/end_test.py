#!/usr/bin/env python3
"""Workflows are stopped and terminated in every state that they and their steps can be in, twice, and while
containerd is away."""
import signal, time

from harness import FaultTest, Refused, main, processes_of, sh

GRACE = 3  # termination_grace of the tests' daemon
ENDED = ("Succeeded", "Failed", "Error")
# A mark in the command line, and programs that heed SIGTERM or do not.
HEEDS = "exec sleep {mark}"
STUBBORN = "trap '' TERM; while :; do sleep {mark}; done"


def one(script, **more):
    return {"entrypoint": "main", "templates": [sh(script, **more)], "onExit": "bye"}


class Ended(FaultTest):
    config = "capacity: {slots: 3}\n"

    def before_start(self):
        self.holds_containerd()

    def submit(self, spec):
        spec = {**spec, "templates": [*spec["templates"], sh("true", "bye")]}
        return self.d.submit(spec)

    def node(self, name, phase):
        self.d.await_(lambda: any(n["phase"] == phase and n["type"] in ("Pod", "Suspend", "Retry")
                                  for n in self.d.get(name)["status"].get("nodes", {}).values()),
                      30, lambda: f"a node of {name} to be {phase}: {self.d.get(name)['status']}")

    def mark(self):
        self.marks = getattr(self, "marks", 6000) + 1
        return f"{self.marks}.25"

    def states(self, mark):
        """name → (spec, what to wait for before it is ended, seconds that its processes may take)"""
        pod = lambda phase: lambda name: self.node(name, phase)
        return {
            "just accepted": (one(HEEDS.format(mark=mark)), lambda name: None, GRACE),
            "running": (one(HEEDS.format(mark=mark)), pod("Running"), GRACE),
            "deaf to SIGTERM": (one(STUBBORN.format(mark=mark)), pod("Running"), GRACE),
            "waiting for a lock": ({**one(HEEDS.format(mark=mark)), "synchronization": {"mutexes": [{"name": "held"}]}},
                                   lambda name: self.d.await_(lambda: self.d.get(name)["status"]["phase"] == "Pending",
                                                              10, "it to wait"), GRACE),
            "between two attempts": (one("exit 1", retryStrategy={"limit": "5", "backoff": {"duration": "300"}}),
                                     pod("Failed"), GRACE),
            "suspended": ({"entrypoint": "main", "onExit": "bye", "templates": [{"name": "main", "suspend": {}}]},
                          pod("Running"), GRACE),
            "in its exit handler": ({"entrypoint": "main", "onExit": "slow", "templates": [
                sh("true"), sh(HEEDS.format(mark=mark), "slow")]},
                lambda name: self.d.await_(lambda: processes_of(f"sleep {mark}"), 20, "the handler"), GRACE),
            "several containers": ({"entrypoint": "main", "onExit": "bye", "templates": [{
                "name": "main", "sidecars": [sh(STUBBORN.format(mark=mark), "beside")["container"] | {"name": "beside"}],
                "container": sh(STUBBORN.format(mark=mark))["container"]}]}, pod("Running"), GRACE),
        }

    def check_ended(self, name, verb, mark, seconds, begun):
        self.d.await_(lambda: not processes_of(f"sleep {mark}"), seconds + 10, f"the processes of {name} to end")
        self.assertLess(time.monotonic() - begun, seconds + 1, f"{name}: all processes within the grace period and a second")
        workflow = self.d.wait(name)
        self.assertPhase(workflow, "Failed")
        return workflow

    def test_every_state(self):
        holder = self.submit({**one("exec sleep 600.125"), "synchronization": {"mutexes": [{"name": "held"}]}})
        self.node(holder, "Running")
        for verb in ("stop", "terminate"):
            for state in self.states(""):
                with self.subTest(verb=verb, state=state):
                    mark = self.mark()
                    spec, there, seconds = self.states(mark)[state]
                    name = self.submit(spec)
                    there(name)
                    begun = time.monotonic()
                    self.d.command(name, verb)
                    if self.d.get(name)["status"]["phase"] not in ENDED:
                        self.d.command(name, verb)  # the second changes nothing
                    # A stop lets the exit handler go on; the state's own handler is ended by terminate only.
                    if state == "in its exit handler" and verb == "stop":
                        self.assertTrue(processes_of(f"sleep {mark}"))
                        self.d.command(name, "terminate")
                    workflow = self.check_ended(name, verb, mark, seconds, begun)
                    tree = workflow["status"].get("nodes", {})
                    handlers = [n["name"] for n in tree.values() if n["name"].endswith(".onExit")]
                    # What never began has nothing to clean up after.
                    if state == "waiting for a lock":
                        self.assertEqual(tree, {})
                    elif state != "in its exit handler":
                        self.assertEqual(len(handlers), 1 if verb == "stop" else 0, handlers)
                    with self.assertRaises(Refused) as refused:
                        self.d.command(name, verb)
                    self.assertEqual(refused.exception.status, 400)
                    self.assertEqual(self.d.get(name)["status"], workflow["status"])
        self.d.command(holder, "terminate")
        self.assertPhase(self.d.wait(holder), "Failed")

    def test_while_containerd_is_away(self):
        for verb in ("stop", "terminate"):
            for script in (HEEDS, STUBBORN):
                with self.subTest(verb=verb, script=script):
                    mark = self.mark()
                    name = self.submit(one(script.format(mark=mark)))
                    self.node(name, "Running")
                    self.hold_containerd()
                    self.d.command(name, verb)
                    self.d.command(name, verb)
                    self.assertTrue(processes_of(f"sleep {mark}"), "nobody can end them yet")
                    self.let_go_of_containerd()
                    self.check_ended(name, verb, mark, GRACE, time.monotonic())

    def test_and_the_daemon_dies(self):
        """The wish is stored: the next life goes on with it."""
        for verb in ("stop", "terminate"):
            mark = self.mark()
            name = self.submit(one(STUBBORN.format(mark=mark)))
            self.node(name, "Running")
            self.d.command(name, verb)
            self.restart(signal.SIGKILL)
            self.check_ended(name, verb, mark, GRACE, time.monotonic())


if __name__ == "__main__":
    main()
