#!/usr/bin/env python3
"""gantryd and containerd are killed, again and again, while runs go on: each ends as it would have without."""
import os, signal, threading, time

from harness import LONG, FaultTest, Mix, main


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
                time.sleep(self.random.uniform(0.05, 3.0 if LONG else 1.2))
                self.restart(signal.SIGKILL)
        finally:
            done.set()
            submitter.join()
        print(f"{kills} kills in {time.monotonic() - begun:.0f} s, {len(mix.runs)} runs")
        mix.check(self)

    def test_containerd_every_five_seconds(self):
        kills, mix = (24 if LONG else 5), Mix(self.d, self.random)
        for n in range(kills):
            while len(mix.unfinished()) < 4:
                mix.submit(longest=4)
            time.sleep(5 if LONG else 2.5)
            os.kill(self.d.containerd_pid(), signal.SIGKILL)
            # What it was asked before the socket is back does not count.
            back = f"containerd {self.d.containerd_pid()} is back"
            self.d.await_(lambda: self.d.log_text().count(" is back") == n + 1, 20, "containerd to be back")
            at = time.monotonic()
            self.d.await_(lambda: self.d.log_text().count("connected to containerd") == n + 2, 20, "the connection")
            self.assertLess(time.monotonic() - at, 2)
        mix.check(self)


if __name__ == "__main__":
    main()
