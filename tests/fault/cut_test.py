#!/usr/bin/env python3
"""The daemon ends at each place where something leaves it: before and after each record of the store, and each message
to containerd. And the power goes: what was not synced is lost, or reaches the disk in any order."""
import os, shutil, signal

from harness import BIN, LONG, FaultTest, Refused, main, sh

CUT = os.path.join(BIN, "..", "tests", "libgantry_cut.so")


class Cut(FaultTest):
    def env(self, points, at, **more):
        return {"LD_PRELOAD": CUT, "GANTRY_CUT_POINTS": points, "GANTRY_CUT_AT": str(at),
                "GANTRY_CUT_ARMED": self.d.work + "/armed", "GANTRY_CUT_COUNT": self.d.work + "/count", **more}

    def count(self):
        with open(self.d.work + "/count") as file:
            return int(file.read())

    def arm(self):
        open(self.d.work + "/armed", "w").close()

    def disarm(self):
        if os.path.exists(self.d.work + "/armed"):
            os.unlink(self.d.work + "/armed")

    def submit(self, spec, name):
        """False when the daemon died before it answered."""
        try:
            self.d.submit(spec, name=name)
            return True
        except OSError:
            return False

    def spec(self):
        step = "echo {{workflow.name}}/{{inputs.parameters.id}}/{{retries}} >> /load/ids; "
        arguments = lambda id: {"parameters": [{"name": "id", "value": id}]}
        volume = {"inputs": {"parameters": [{"name": "id"}]}, "volumeMounts": [{"name": "load", "mountPath": "/load"}]}
        return {"entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}], "templates": [
            {"name": "main", "steps": [[{"name": "a", "template": "twice", "arguments": arguments("a")}],
                                       [{"name": "b", "template": "several", "arguments": arguments("b")}]]},
            sh(step + "[ {{retries}} = 1 ]", "twice", retryStrategy={"limit": "1"}, **volume),
            sh(step.replace("{{retries}}", "0") + "sleep 0.2", "several", **volume,
               sidecars=[{"name": "beside", "image": "busybox", "command": ["sleep", "100"]}])]}

    def ended(self, name):
        try:
            return self.d.process.poll() is not None or self.d.get(name)["status"]["phase"] in ("Succeeded", "Failed", "Error")
        except (OSError, Refused):
            return self.d.process.poll() is not None

    def one(self, points, at, name):
        """The run with an end of the daemon at that place. How many places there are."""
        self.d.stop(signal.SIGKILL)
        self.d.start(self.env(points, at))
        self.arm()
        accepted = self.submit(self.spec(), name)
        self.d.await_(lambda: self.ended(name), 60, f"{name} to end, or the daemon")
        self.disarm()
        self.submit_again(accepted, name)
        workflow = self.d.wait(name)
        self.assertPhase(workflow, "Succeeded")
        with open(self.d.allowed + "/ids") as file:
            ids = [id for id in file.read().split() if id.startswith(name + "/")]
        self.assertEqual(ids, [f"{name}/a/0", f"{name}/a/1", f"{name}/b/0"], f"cut at {at} of {points}")
        return self.count()

    def submit_again(self, accepted, name):
        if self.d.process.poll() is not None:
            self.assertEqual(self.d.process.returncode, -signal.SIGKILL)
            self.d.start()
        try:
            self.d.submit(self.spec(), name=name)
            self.assertFalse(accepted, "an accepted run is lost")
        except Refused as refused:
            self.assertEqual(refused.status, 409)
        except OSError:  # news of the run's end are ahead of the write in which the daemon ends
            self.d.process.wait(10)
            self.submit_again(accepted, name)

    def places(self, count, few):
        if LONG:
            return range(1, count + 1)
        step = max(1, count // few)
        return range(1 + self.random.randrange(step), count + 1, step)

    def test_at_each_record(self):
        count = self.one("store", 0, "store-0")
        for at in self.places(count, 7):
            self.one("store", at, f"store-{at}")
        print(f"{count} places")

    def test_at_each_message_to_containerd(self):
        count = self.one("containerd", 0, "message-0")
        for at in self.places(count, 7):
            self.one("containerd", at, f"message-{at}")
        print(f"{count} places")

    def test_a_run_that_kills_the_daemon_is_parked(self):
        """Whatever it is about it: two lives that end while they take it up are enough."""
        suspended = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
        self.d.submit(suspended, name="deadly")
        self.d.await_node("deadly", "deadly")
        self.arm()
        for _ in range(2):
            self.d.stop(signal.SIGKILL) if self.d.process.poll() is None else None
            self.d.spawn(self.env("taking-up", 1))
            self.assertEqual(self.d.process.wait(30), -signal.SIGKILL)
        self.d.start(self.env("taking-up", 1))
        workflow = self.d.wait("deadly")
        self.assertPhase(workflow, "Error")
        self.assertIn("RecoveryFailed: ", workflow["status"]["message"])
        self.assertPhase(self.d.run({"entrypoint": "main", "templates": [sh("true")]}), "Succeeded")

    # ---- power ----

    FILES = ("gantry.db", "gantry.db-wal")

    def lose_power(self, synced):
        """Leaves of the store's files what was synced, with any of the writes since."""
        for name in self.FILES:
            path, kept, pending = f"{self.d.state}/{name}", f"{synced}/{name}", f"{synced}/{name}.pending"
            written = []
            if os.path.exists(pending):
                with open(pending) as file:
                    written = [tuple(map(int, line.split())) for line in file]
            if not os.path.exists(path):
                continue
            with open(path, "rb") as file:
                now = file.read()
            if os.path.exists(kept):
                shutil.copyfile(kept, path)
            else:
                open(path, "wb").close()
            chance = self.random.choice((0, 0.5, 0.9))
            with open(path, "r+b") as file:
                for offset, length in written:
                    if self.random.random() < chance:
                        file.seek(offset)
                        file.write(now[offset:offset + length])
        shm = self.d.state + "/gantry.db-shm"
        if os.path.exists(shm):
            os.unlink(shm)

    def test_the_power_goes(self):
        # Large enough that the write-ahead log is copied back into the store meanwhile.
        big = {"entrypoint": "main", "arguments": {"parameters": [{"name": "p", "value": "x" * 300000}]},
               "templates": [{"name": "main", "suspend": {}}]}
        synced, accepted, lives = self.d.work + "/synced", [], 60 if LONG else 12
        self.d.stop(signal.SIGKILL)
        for life in range(lives):
            shutil.rmtree(synced, ignore_errors=True)
            os.mkdir(synced)
            for name in self.FILES:
                if os.path.exists(f"{self.d.state}/{name}"):
                    shutil.copyfile(f"{self.d.state}/{name}", f"{synced}/{name}")
            self.disarm()
            self.d.start(self.env("store", self.random.randint(1, 400), GANTRY_CUT_SYNCED=synced))
            for name in accepted:
                self.assertEqual(self.d.get(name)["status"]["phase"], "Running", f"{name} after {life} power failures")
            # Each life ends what the one before has begun, so that there is more to lose than new rows.
            for name in accepted:
                self.d.call("DELETE", f"/api/v1/workflows/default/{name}")
            accepted = []
            self.arm()
            for n in range(200):
                if not self.submit(big, f"power-{life}-{n}"):
                    break
                accepted.append(f"power-{life}-{n}")
            self.assertEqual(self.d.process.wait(10), -signal.SIGKILL)
            self.lose_power(synced)
        self.disarm()
        self.d.start()
        for name in accepted:
            self.assertEqual(self.d.get(name)["status"]["phase"], "Running")
        for workflow in self.d.call("GET", "/api/v1/workflows/default")["items"] or []:
            self.d.call("DELETE", f"/api/v1/workflows/default/{workflow['metadata']['name']}")


if __name__ == "__main__":
    main()
