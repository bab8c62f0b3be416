#!/usr/bin/env python3
"""The file system of the state directory is full, with everything on it: store, logs, images, containers."""
import os, subprocess, time

from harness import FaultTest, Refused, main, nodes, processes_of, sh

SIZE = 96 << 20


class Disk(FaultTest):
    config = "disk: {reserve_bytes: 4Mi, reserve_inodes: 10}\n"

    def daemon(self):
        d = super().daemon()
        os.mkdir(d.state)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=711", "gantry-fault", d.state], check=True)
        everything = d.mounts
        d.mounts = lambda: [line for line in everything() if line.split()[4] != d.state]
        return d

    def room(self):
        found = os.statvfs(self.d.state)
        return found.f_bavail * found.f_frsize

    def fill(self, leave=0):
        """Until not one byte more goes (or `leave` are left)."""
        with open(self.d.state + "/ballast", "ab", buffering=0) as file:
            while self.room() > leave:
                try:
                    file.write(bytes(min(1 << 20, self.room() - leave)))
                except OSError:
                    break

    def free(self):
        os.unlink(self.d.state + "/ballast")

    def status(self):
        return self.d.call("GET", "/api/v1/admin/status")

    def test_full_and_free_again(self):
        # What runs when the disk fills up: one that writes nothing, one that waits for more to do, one that writes.
        quiet = self.d.submit({"entrypoint": "main", "templates": [sh("exec sleep 5.75")]}, name="quiet")
        chain = self.d.submit({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "first", "template": "first"}], [{"name": "second", "template": "second"}]]},
            sh("exec sleep 2.75", "first"), sh("true", "second")]}, name="chain")
        writer = self.d.submit({"entrypoint": "main", "templates": [
            sh("while true; do head -c 100000 /dev/zero >> /file || exit 9; done")]}, name="writer")
        for name, node in ((quiet, quiet), (chain, "first"), (writer, writer)):
            self.d.await_node(name, node)
        self.fill()
        self.d.await_(lambda: not processes_of("head -c 100000"), 20, "the writer to meet the end of the disk")
        self.d.await_(lambda: self.status()["degraded"], 15, "the daemon to notice")
        with self.assertRaises(Refused) as refused:
            self.d.submit({"entrypoint": "main", "templates": [sh("true")]})
        self.assertEqual(refused.exception.status, 503)
        self.assertRegex(refused.exception.message, "free, less than|disk is full")
        # Steps end meanwhile; the daemon lives and answers.
        self.d.await_(lambda: not processes_of("sleep 5.75"), 20, "the quiet step to end")
        begun = time.monotonic()
        self.assertFalse(self.status()["accepting"])
        self.assertLess(time.monotonic() - begun, 1)
        self.free()
        self.d.await_(lambda: self.status()["accepting"], 15, "workflows to be taken again")
        self.assertPhase(self.d.wait(quiet), "Succeeded")
        workflow = self.d.wait(writer)
        self.assertPhase(workflow, "Failed")
        self.assertEqual(nodes(workflow)[writer]["outputs"]["exitCode"], "9")
        self.assertEqual(nodes(workflow)[writer]["message"], "main: DiskFull (exit code 9)")
        # Its second step may have come when there was no room for a container.
        workflow = self.d.wait(chain)
        second = nodes(workflow)["second"]
        if second["phase"] != "Succeeded":
            self.assertEqual(second["phase"], "Error")
            self.assertIn("no space left on device", second["message"].lower())
        self.assertPhase(self.d.run({"entrypoint": "main", "templates": [sh("true")]}), "Succeeded")

    def test_killed_while_it_is_full(self):
        name = self.d.submit({"entrypoint": "main", "templates": [sh("exec sleep 4.25; exit 3")]})
        self.d.await_node(name, name)
        self.fill()
        self.d.process.kill()
        self.d.process.wait()
        self.free()
        self.d.start()
        self.assertPhase(self.d.wait(name), "Succeeded")
        self.assertPhase(self.d.run({"entrypoint": "main", "templates": [sh("true")]}), "Succeeded")


if __name__ == "__main__":
    main()
