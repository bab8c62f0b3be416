#!/usr/bin/env python3
"""gantryd and containerd are killed, again and again, while runs go on: each ends as it would have without."""
import glob, os, signal, sqlite3, threading, time

from harness import LONG, FaultTest, Mix, main, processes_of, sh


class Killed(FaultTest):
    def test_gantryd_at_random_moments(self):
        kills, mix = (200 if LONG else 40), Mix(self.d, self.random)
        done = threading.Event()

        def submit():
            while not done.is_set():
                try:
                    if len(mix.unfinished()) < (8 if LONG else 3):
                        mix.submit()
                except OSError:
                    pass  # it is away
                done.wait(0.1)
        submitter = threading.Thread(target=submit)
        submitter.start()
        begun = time.monotonic()
        try:
            for _ in range(kills):
                time.sleep(self.random.uniform(0.05, 3.0 if LONG else 0.9))
                self.restart(signal.SIGKILL)
        finally:
            done.set()
            submitter.join()
        print(f"{kills} kills in {time.monotonic() - begun:.0f} s, {len(mix.runs)} runs")
        mix.check(self)

    def test_containerd_every_five_seconds(self):
        kills, mix = (24 if LONG else 3), Mix(self.d, self.random)
        for n in range(kills):
            while len(mix.unfinished()) < 4:
                mix.submit(longest=4 if LONG else 2)
            time.sleep(5 if LONG else 2)
            os.kill(self.d.containerd_pid(), signal.SIGKILL)
            # What it was asked before the socket is back does not count.
            back = f"containerd {self.d.containerd_pid()} is back"
            self.d.await_(lambda: self.d.log_text().count(" is back") == n + 1, 20, "containerd to be back")
            at = time.monotonic()
            self.d.await_(lambda: self.d.log_text().count("connected to containerd") == n + 2, 20, "the connection")
            self.assertLess(time.monotonic() - at, 2)
        mix.check(self)

    def step(self, name):
        """Its process, once it runs."""
        self.d.await_node(name, name)
        # Its init and its shell have that in their command lines, too.
        [pid] = self.d.await_(lambda: [pid for pid, command in processes_of("sleep 4.375")
                                       if command.startswith("sleep")], 10, "the step's process")
        return pid

    def test_containerd_and_steps_outlive_it(self):
        """An orderly stop takes a second at most; whatever the end, nobody below it notices."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(how):
                name = self.d.submit({"entrypoint": "main", "templates": [sh("echo before; sleep 4.375; echo after")]})
                step, containerd = self.step(name), self.d.containerd_pid()
                begun = time.monotonic()
                self.d.stop(how)
                self.assertLess(time.monotonic() - begun, 1)
                self.assertEqual(self.d.process.returncode, 0 if how == signal.SIGTERM else -how)
                os.kill(step, 0)
                os.kill(containerd, 0)
                self.d.start()
                self.assertEqual(self.d.containerd_pid(), containerd)
                self.assertIn(f"took over containerd {containerd}", self.d.log_text())
                self.assertPhase(self.d.wait(name), "Succeeded")
                self.assertEqual(self.d.logs(name), ["before", "after"])

    def test_what_belongs_to_no_run_is_removed(self):
        name = self.d.submit({"entrypoint": "main", "templates": [sh("sleep 4.375")]})
        self.step(name)
        uid = self.d.get(name)["metadata"]["uid"]
        self.d.stop(signal.SIGKILL)
        with sqlite3.connect(self.d.state + "/gantry.db") as store:
            store.execute("PRAGMA foreign_keys = ON")
            store.execute("DELETE FROM runs WHERE uid = ?", (uid,))
        store.close()
        self.d.start()
        self.assertNothingLeft()
        self.assertFalse(processes_of("sleep 4.375"))
        self.d.await_(lambda: not glob.glob(f"/sys/fs/cgroup/*/gantry/{uid}"), 10, "its cgroup to go")
        self.assertFalse(os.path.exists(f"{self.d.state}/logs/{uid}"))


if __name__ == "__main__":
    main()
