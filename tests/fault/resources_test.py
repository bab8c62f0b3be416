#!/usr/bin/env python3
"""What there is little of: file descriptors for the daemon, memory for a step."""
import socket, sqlite3, time

from harness import FaultTest, main, nodes, processes_of, sh

STEPS, DESCRIPTORS = 300, 256


class Descriptors(FaultTest):
    """The daemon may open 256 files; containerd and the steps what they need."""

    def daemon(self):
        d = super().daemon()
        d.wrapper = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]
        return d

    def before_start(self):
        self.containerd_through('ulimit -n 65536; exec "$@"')

    def test_many_steps(self):
        workflow = self.d.run({
            "entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}], "templates": [
                {"name": "main", "steps": [[{"name": "step", "template": "step", "withSequence": {"count": str(STEPS)},
                                             "arguments": {"parameters": [{"name": "n", "value": "{{item}}"}]}}]]},
                sh("echo {{inputs.parameters.n}} >> /load/ids; echo said", "step",
                   inputs={"parameters": [{"name": "n"}]}, volumeMounts=[{"name": "load", "mountPath": "/load"}])]}, 900)
        self.assertPhase(workflow, "Succeeded")
        with open(self.d.allowed + "/ids") as file:
            self.assertEqual(sorted(map(int, file.read().split())), list(range(STEPS)))
        self.assertEqual(len(self.d.logs(workflow["metadata"]["name"])), STEPS)

    def test_more_clients_than_descriptors(self):
        """Those that there is room for are served, the others when it is; a workflow goes on meanwhile."""
        name = self.d.submit({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": f"s{i}", "template": "step"}] for i in range(5)]}, sh("sleep 0.2", "step")]})
        idle = []
        try:
            for _ in range(2 * DESCRIPTORS):
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                idle.append(client)
                if client.connect_ex(self.d.socket) != 0:
                    break
            self.assertGreater(len(idle), DESCRIPTORS, "more than it can hold have knocked")
            self.d.await_(lambda: "Succeeded" in self.stored_log(name), 60, "the workflow to end")
        finally:
            for client in idle:
                client.close()
        self.d.await_(self.d.answers, 10, "the daemon to serve again")
        self.assertPhase(self.d.wait(name), "Succeeded")

    def stored_log(self, name):
        """The phase, as the store has it: the API cannot be asked."""
        with sqlite3.connect(f"file:{self.d.state}/gantry.db?mode=ro", uri=True) as store:
            return str(store.execute("SELECT * FROM runs WHERE name = ?", (name,)).fetchall())


class Memory(FaultTest):
    def limited(self, script, name="main", megabytes=32):
        return sh(script, name, resources={"limits": {"memory": f"{megabytes}Mi"}})

    def test_oom(self):
        """Twice its memory ends the step, and nobody else: neither its neighbours nor the daemon."""
        neighbours = [self.d.submit({"entrypoint": "main", "templates": [
            self.limited("i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo $i; sleep 0.1; done")]}) for _ in range(3)]
        for name in neighbours:
            self.d.await_node(name, name)
        mark = "tail -n 7654321"
        name = self.d.submit({"entrypoint": "main", "templates": [self.limited(f"exec {mark} /dev/zero")]})
        self.d.await_(lambda: processes_of(mark) or self.ended(name), 20, "it to take memory")
        self.d.await_(lambda: not processes_of(mark), 30, "it to be killed")
        begun = time.monotonic()
        self.d.await_(lambda: self.ended(name), 10, "its node to end")
        self.assertLess(time.monotonic() - begun, 1)
        node = nodes(self.d.get(name))[name]
        self.assertEqual((node["phase"], node["message"]), ("Failed", "main: OOMKilled (exit code 137)"))
        for neighbour in neighbours:
            self.assertPhase(self.d.wait(neighbour), "Succeeded")
            self.assertEqual(self.d.logs(neighbour), [str(i + 1) for i in range(40)])

    def test_dozens_of_ooms_are_one_end(self):
        """Children are killed one after the other; then the shell itself."""
        children = "for i in $(seq 30); do tail /dev/zero; done"
        workflow = self.d.run({"entrypoint": "main", "templates": [
            self.limited(children + "; exec tail /dev/zero", megabytes=16)]})
        self.assertPhase(workflow, "Failed")
        name = workflow["metadata"]["name"]
        self.assertEqual(nodes(workflow)[name]["message"], "main: OOMKilled (exit code 137)")
        items = self.d.call("GET", f"/api/v1/workflows/default/{name}/events")["items"]
        self.assertEqual(len([e for e in items if "OOMKilled" in e["message"] and e.get("node")]), 1, items)

    def ended(self, name):
        return nodes(self.d.get(name)).get(name, {}).get("phase") in ("Succeeded", "Failed", "Error")


if __name__ == "__main__":
    main()
