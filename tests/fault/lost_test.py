#!/usr/bin/env python3
"""Steps that are lost: shims killed, containers removed behind the daemon's back, the host rebooted."""
import json, os, signal, subprocess, time

from harness import BOOT_ID, FaultTest, attempts, kill_shim, main, nodes, processes_of, runtime_id, sh

ONCE = "echo {{workflow.name}}/{{retries}} >> /load/ids; "


class Lost(FaultTest):
    def spec(self, script, policy=None):
        retry = {"retryStrategy": {"limit": "2", "retryPolicy": policy}} if policy else {}
        return {"entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}], "templates": [
            {"name": "main", "steps": [[{"name": "step", "template": "step"}], [{"name": "next", "template": "next"}]]},
            sh(script, "step", volumeMounts=[{"name": "load", "mountPath": "/load"}], **retry), sh("true", "next")]}

    def ids(self):
        with open(self.d.allowed + "/ids") as file:
            return sorted(file.read().split())

    def wait_for(self, condition, seconds):
        begun = time.monotonic()
        self.d.await_(condition, seconds + 10, "what is due")
        self.assertLess(time.monotonic() - begun, seconds)

    def phase_of(self, run, step):
        return nodes(self.d.get(run)).get(step, {}).get("phase")

    def test_a_killed_shim(self):
        """TaskLost within a second; tried again where the policy says so, and only there."""
        # A step group with an error has failed, and so has the run: Argo's rule.
        policies = {None: "Failed", "OnFailure": "Failed", "OnError": "Succeeded", "Always": "Succeeded"}
        runs = {}
        for policy in policies:
            script = ("" if policy is None else ONCE + "[ {{retries}} = 0 ] || exit 0; ") + "sleep 600.75"
            runs[policy] = self.d.submit(self.spec(script, policy))
            self.d.await_node(runs[policy], "step" if policy is None else "step(0)")
        for policy, name in runs.items():
            step = "step" if policy is None else "step(0)"
            kill_shim(self.d, runtime_id(self.d, self.d.get(name), step))
            self.wait_for(lambda: self.phase_of(name, step) == "Error", 1)
            self.assertTrue(nodes(self.d.get(name))[step]["message"].startswith("TaskLost: "))
        for policy, phase in policies.items():
            workflow = self.d.wait(runs[policy])
            self.assertPhase(workflow, phase)
            if policy is not None:
                self.assertEqual(attempts(workflow), [("step(0)", "Error", "TaskLost")] + (
                    [("step(1)", "Succeeded", "")] if phase == "Succeeded" else []))
        self.assertFalse(processes_of("sleep 600.75"))

    def test_random_shims_of_many(self):
        names = [self.d.submit(self.spec(ONCE + "[ {{retries}} = 0 ] || exit 0; sleep 600.5", "OnError"))
                 for _ in range(6)]
        for name in names:
            self.d.await_node(name, "step(0)")
        for name in self.random.sample(names, len(names)):
            kill_shim(self.d, runtime_id(self.d, self.d.get(name), "step(0)"))
        for name in names:
            self.assertPhase(self.d.wait(name), "Succeeded")
        self.assertEqual(self.ids(), sorted(f"{name}/{n}" for name in names for n in (0, 1)))

    def remove_behind_its_back(self, pod):
        # A daemon that looks is faster with the rest than we are.
        for what in (("tasks", "delete", "--force", pod), ("containers", "delete", pod)):
            subprocess.run(["ctr", "-a", self.d.containerd_socket, "-n", "gantry", *what], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertNotIn(pod, self.d.ctr("containers", "list", "-q"))

    def test_a_container_that_somebody_removed(self):
        """While the daemon looks, it sees the end: exit code 137. While it does not, the step is lost."""
        seen = self.d.submit(self.spec("sleep 600"))
        self.d.await_node(seen, "step")
        self.remove_behind_its_back(runtime_id(self.d, self.d.get(seen), "step"))
        self.assertPhase(self.d.wait(seen), "Failed")
        self.assertEqual(nodes(self.d.get(seen))["step"]["message"], "main: Error (exit code 137)")

        unseen = self.d.submit(self.spec("sleep 600"))
        self.d.await_node(unseen, "step")
        pod = runtime_id(self.d, self.d.get(unseen), "step")
        self.d.stop(signal.SIGKILL)
        self.remove_behind_its_back(pod)
        self.d.start()
        self.assertPhase(self.d.wait(unseen), "Failed")
        self.assertTrue(nodes(self.d.get(unseen))["step"]["message"].startswith("TaskLost: "))

    def test_the_host_is_rebooted(self):
        wait = "[ {{retries}} = 0 ] || exit 0; sleep 600"
        plain = self.d.submit(self.spec("echo {{workflow.name}}/0 >> /load/ids; sleep 600"))
        failures = self.d.submit(self.spec(ONCE + wait, "OnFailure"))
        errors = self.d.submit(self.spec(ONCE + wait, "OnError"))
        for name, step in ((plain, "step"), (failures, "step(0)"), (errors, "step(0)")):
            self.d.await_node(name, step)
        self.d.await_(lambda: len(self.ids()) == 3, 10, "the steps to begin")
        waiting = self.d.submit({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "s", "template": "s"}], [{"name": "next", "template": "next"}]]},
            {"name": "s", "suspend": {}}, sh("true", "next")]})
        self.power_off()
        # The pid that containerd had belongs to somebody else now.
        innocent = subprocess.Popen(["sleep", "600.5"])
        try:
            with open(self.d.state + "/containerd/containerd.pid", "w") as file:
                file.write(f"{innocent.pid} 0\n")
            with open(self.d.work + "/boot_id", "w") as file:
                file.write("11111111-2222-3333-4444-555555555555\n")
            self.d.wrapper = ["unshare", "--mount", "sh", "-c", f'mount --bind {self.d.work}/boot_id {BOOT_ID} && exec "$@"', "sh"]
            self.d.start()
            self.assertIsNone(innocent.poll())
        finally:
            innocent.kill()
            innocent.wait()
        rebooted = "HostRebooted"
        workflow = self.d.wait(plain)
        self.assertPhase(workflow, "Failed")
        self.assertEqual(nodes(workflow)["step"]["phase"], "Error")
        self.assertTrue(nodes(workflow)["step"]["message"].startswith(rebooted))
        workflow = self.d.wait(failures)
        self.assertPhase(workflow, "Failed")
        self.assertEqual(attempts(workflow), [("step(0)", "Error", rebooted)])
        workflow = self.d.wait(errors)
        self.assertPhase(workflow, "Succeeded")
        self.assertEqual(attempts(workflow), [("step(0)", "Error", rebooted), ("step(1)", "Succeeded", "")])
        self.d.command(waiting, "resume")
        self.assertPhase(self.d.wait(waiting), "Succeeded")
        self.assertEqual(self.ids(), sorted([f"{plain}/0", f"{failures}/0", f"{errors}/0", f"{errors}/1"]))
        # Once is enough.
        self.restart()
        self.assertEqual(self.d.log_text().count("the host was rebooted"), 1)


if __name__ == "__main__":
    main()
