"""What the tests of the fault ring share: a daemon of their own, seeds, a load whose end is known, and the list of
what must not be left.

  NAME_test.py DIRECTORY-OF-GANTRY-AND-GANTRYD [TEST…]

GANTRY_SEED=N replays what a failure printed; GANTRY_LONG=1 makes faults longer and more; GANTRY_KEEP=1 leaves the
directory of a test that failed. Needs root.
"""
import glob, json, os, random, shutil, signal, subprocess, sys, time, unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from gantryd import Gantryd, Refused, claim, nodes, processes_of, sh  # noqa: F401 (for the tests)

BIN = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
LONG = bool(os.environ.get("GANTRY_LONG"))
SEED = int(os.environ.get("GANTRY_SEED") or time.time_ns() % 1000000)
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class FaultTest(unittest.TestCase):
    """Each test has a daemon of its own, self.d. Afterwards it must stop within a second, and leave nothing."""
    maxDiff = None
    config = ""

    def daemon(self):
        return Gantryd(BIN, prefix="gantry-fault.", config=self.config)

    def before_start(self):
        """For what must be there before self.d is started."""

    def setUp(self):
        self.random = random.Random(SEED)
        print(f"{self.id()}: GANTRY_SEED={SEED}", flush=True)
        self.d = self.daemon()
        self.before_start()
        self.d.start()
        self.d.import_busybox()

    def tearDown(self):
        failed = bool(self._outcome.errors and any(error for _, error in self._outcome.errors)) if hasattr(
            self._outcome, "errors") else any(error for test, error in self._outcome.result.failures +
                                              self._outcome.result.errors if test is self)
        if failed:
            print(f"seed {SEED}; the end of gantryd's log:\n{self.d.log_text()[-6000:]}", flush=True)
            if os.environ.get("GANTRY_KEEP"):
                return print("left in " + self.d.work)
            if self.d.process.poll() is None:
                self.d.stop(signal.SIGKILL)
            try:
                self.d.clear_away()
            except AssertionError:
                pass
            return
        try:
            self.assertNothingLeft()
            begun = time.monotonic()
            self.d.stop()
            self.assertEqual(self.d.process.returncode, 0)
            self.assertLess(time.monotonic() - begun, 1 + 1, "a second, and one for containerd")
        except BaseException:
            print(f"seed {SEED}; the end of gantryd's log:\n{self.d.log_text()[-3000:]}", flush=True)
            if self.d.process.poll() is None:
                self.d.stop(signal.SIGKILL)
            if not os.environ.get("GANTRY_KEEP"):
                try:
                    self.d.clear_away()
                except AssertionError:
                    pass
            raise
        self.d.clear_away()

    def assertPhase(self, workflow, phase):
        self.assertEqual(workflow["status"]["phase"], phase, json.dumps(workflow["status"], indent=1))

    def assertNothingLeft(self):
        """Once nothing runs: every run is over, and what is listed in left() goes."""
        left = {}

        def nothing():
            left.clear()
            left.update({what: found for what, found in leftovers(self.d).items() if found})
            return not left
        self.d.await_(nothing, 30, lambda: f"these to go: {json.dumps(left, indent=1)}")

    def restart(self, how=signal.SIGKILL, env=None):
        self.d.stop(how)
        self.d.start(env)

    # ---- what can be done to containerd ----

    def containerd_through(self, script):
        """The daemon starts containerd through a shell script. Before the daemon is started. `exec "$@"` goes on."""
        directory = self.d.work + "/path"
        os.makedirs(directory, exist_ok=True)
        with open(directory + "/containerd", "w") as file:
            file.write(f'#!/bin/sh\nset -- {shutil.which("containerd")} "$@"\n{script}\n')
        os.chmod(directory + "/containerd", 0o755)
        self.d.daemon_env["PATH"] = directory + ":" + os.environ["PATH"]

    def holds_containerd(self):
        """From here on hold_containerd() keeps a dead one from coming back."""
        self.containerd_through(f'[ ! -e {self.d.work}/hold ] && exec "$@"; exit 1')

    def hold_containerd(self):
        open(self.d.work + "/hold", "w").close()
        os.kill(self.d.containerd_pid(), signal.SIGKILL)
        self.d.await_(lambda: self.disconnected(), 10, "the daemon to notice that containerd is away")

    def release(self):
        os.unlink(self.d.work + "/hold")

    def let_go_of_containerd(self):
        self.release()
        self.d.await_(lambda: not self.disconnected(), 30, "containerd to be back")

    def disconnected(self):
        text = self.d.log_text()
        return text.rfind("the connection to containerd is lost") > text.rfind("connected to containerd\n")

    # ---- what can be done to the host ----

    def power_off(self):
        """All processes of the daemon end at once, and what lies in memory goes: mounts, cgroups, /run."""
        d = self.d
        uids = [w["metadata"]["uid"] for w in d.call("GET", "/api/v1/workflows/default")["items"] or []]
        cgroups = [c for uid in uids for c in glob.glob(f"/sys/fs/cgroup/*/gantry/{uid}")]
        d.stop(signal.SIGKILL)

        def processes():
            found = {pid for pid, _ in processes_of(d.work + "/")}
            for path in cgroups:
                for at, _, _ in os.walk(path):
                    found |= {int(pid) for pid in open(at + "/cgroup.procs").read().split()}
            return found
        while found := processes():
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for line in open("/proc/self/mountinfo").readlines()[::-1]:
            if d.work + "/" in line:
                subprocess.run(["umount", "-l", line.split()[4]], check=True)
        for path in cgroups:
            for at, _, _ in os.walk(path, topdown=False):
                d.await_(lambda: removed(at), 10, f"{at} to be empty")
        pods = {uid.replace("-", "")[:20] for uid in uids}
        for state in glob.glob("/run/containerd/runc/gantry/*"):
            if os.path.basename(state)[:20] in pods:
                shutil.rmtree(state)


def removed(cgroup):
    try:
        os.rmdir(cgroup)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def leftovers(d):
    """What there is of the pods of a daemon, by id. Of other daemons of the host nothing is counted."""
    uids = [w["metadata"]["uid"] for w in d.call("GET", "/api/v1/workflows/default")["items"] or []]
    # Pods are called after the first 20 digits of the run's uid.
    pods = {uid.replace("-", "")[:20] for uid in uids}
    mine = lambda names: sorted(n for n in names if n[:20] in pods)
    below = lambda *parts: sorted(os.path.relpath(p, d.state) for p in glob.glob("/".join((d.state, *parts))))
    cgroups = glob.glob("/sys/fs/cgroup/*/gantry/*/") + glob.glob("/sys/fs/cgroup/gantry/*/")
    return {
        "containers": d.ctr("containers", "list", "-q"),
        "tasks": d.ctr("tasks", "list", "-q"),
        "snapshots": [line for line in d.ctr("snapshots", "list") if line.split()[-1] == "Active"],
        "leases": d.ctr("leases", "list", "-q"),
        "shims": [p for p in processes_of("-address " + d.containerd_socket) if "containerd-shim" in p[1]],
        "steps": [p for p in processes_of("/load/ids") if any(uid in p[1] for uid in uids)],
        "cgroups": [c for c in cgroups if c.rstrip("/").rsplit("/", 1)[1] in uids],
        "mounts": d.mounts(),
        "OCI states": mine(os.path.basename(p) for p in glob.glob("/run/containerd/runc/gantry/*")),
        "bundles": below("containerd/state/io.containerd.runtime.v2.task/gantry/*"),
        "pods' files": below("volumes/pods/*") + below("volumes/files/*") + below("artifacts/pods/*"),
        "network namespaces": below("volumes/net/*"),
        "logs of no run": [p for p in below("logs/*") if os.path.basename(p) not in uids],
        "claims of no run": [p for p in below("volumes/claims/*") if os.path.basename(p) not in uids],
    }


class Mix:
    """Runs whose end is known beforehand: steps in groups that sleep, print and fail, some for good. Each attempt
    writes its name into a file of the host."""
    LIMIT = 2  # of retries

    def __init__(self, d, chance, prefix="mix"):
        self.d, self.chance, self.prefix = d, chance, prefix
        self.ids = d.allowed + "/ids"
        open(self.ids, "a").close()
        self.runs = {}  # name → {"steps": {step: (failures, lines)}, "phase": …}

    def spec(self, groups, width, longest):
        steps, plan = {}, []
        for g in range(groups):
            group = []
            for i in range(width):
                step = f"s{g}-{i}"
                failures = self.chance.choice([0] * 9 + [1, 2, self.LIMIT + 1])
                lines = self.chance.choice((0, 3, 500))
                steps[step] = (failures, lines)
                group.append({"name": step, "template": "step", "continueOn": {"failed": True}, "arguments": {
                    "parameters": [{"name": n, "value": str(v)} for n, v in (
                        ("id", step), ("failures", failures), ("lines", lines),
                        ("sleep", round(self.chance.uniform(0, longest), 2)))]}})
            plan.append(group)
        # The last step of some decides about their end.
        phase = self.chance.choice(("Succeeded", "Succeeded", "Failed"))
        steps["last"] = (self.LIMIT + 1 if phase == "Failed" else 0, 1)
        plan.append([{"name": "last", "template": "step", "arguments": {"parameters": [
            {"name": n, "value": str(v)} for n, v in (
                ("id", "last"), ("failures", steps["last"][0]), ("lines", 1), ("sleep", 0))]}}])
        template = sh(
            "echo {{workflow.name}}/{{inputs.parameters.id}}/{{retries}} >> /load/ids; "
            "i=0; while [ $i -lt {{inputs.parameters.lines}} ]; do i=$((i+1)); echo line $i; done; "
            "sleep {{inputs.parameters.sleep}}; [ {{retries}} -ge {{inputs.parameters.failures}} ]", "step",
            inputs={"parameters": [{"name": n} for n in ("id", "failures", "lines", "sleep")]},
            retryStrategy={"limit": str(self.LIMIT), "retryPolicy": "OnFailure"},
            volumeMounts=[{"name": "load", "mountPath": "/load"}])
        spec = {"entrypoint": "main", "volumes": [{"name": "load", "hostPath": {"path": self.d.allowed}}],
                "templates": [{"name": "main", "steps": plan}, template]}
        return spec, steps, phase

    def submit(self, groups=3, width=2, longest=1.0):
        """Also when the daemon dies meanwhile: then asks again, and the name tells whether it was accepted."""
        name = f"{self.prefix}-{len(self.runs)}"
        spec, steps, phase = self.spec(groups, width, longest)

        def accepted():
            try:
                self.d.submit(spec, name=name)
            except Refused as refused:
                if refused.status not in (409, 503):
                    raise
                return refused.status == 409
            except OSError:
                return False
            return True
        self.d.await_(accepted, 60, f"{name} to be accepted")
        self.runs[name] = {"steps": steps, "phase": phase}
        return name

    def phases(self):
        items = self.d.call("GET", "/api/v1/workflows/default")["items"] or []
        return {w["metadata"]["name"]: w["status"]["phase"] for w in items}

    def unfinished(self):
        phases = self.phases()
        return [name for name in self.runs if phases.get(name) not in ("Succeeded", "Failed", "Error")]

    def check(self, test, seconds=120):
        """Waits for the end of all runs, then compares them with what was known."""
        self.d.await_(lambda: not self.unfinished(), seconds, lambda: f"the end of {self.unfinished()}")
        expected = []
        for name, run in self.runs.items():
            workflow = self.d.get(name)
            test.assertPhase(workflow, run["phase"])
            found = nodes(workflow)
            uid = workflow["metadata"]["uid"]
            for step, (failures, lines) in run["steps"].items():
                attempts = min(failures, self.LIMIT) + 1
                expected += [f"{name}/{step}/{n}" for n in range(attempts)]
                for n in range(attempts):
                    attempt = found.get(f"{step}({n})")
                    test.assertIsNotNone(attempt, f"{name} has no {step}({n}): {json.dumps(workflow['status'], indent=1)}")
                    test.assertEqual(attempt["phase"], "Failed" if n < failures else "Succeeded",
                                     f"{name} {json.dumps(attempt)}")
                    if n < failures:
                        test.assertEqual(attempt["message"], "main: Error (exit code 1)")
                test.assertNotIn(f"{step}({attempts})", found)
            # Whole and in order.
            for log in glob.glob(f"{self.d.state}/logs/{uid}/*/main.stdout"):
                text = open(log).read()
                test.assertEqual(text, "".join(f"line {i + 1}\n" for i in range(text.count("\n"))), log)
            wanted = sorted(lines for failures, lines in run["steps"].values() for _ in range(min(failures, self.LIMIT) + 1))
            written = sorted(open(log).read().count("\n") for log in glob.glob(f"{self.d.state}/logs/{uid}/*/main.stdout"))
            test.assertEqual(written, wanted, f"lines of {name}")
        with open(self.ids) as file:
            test.assertEqual(sorted(file.read().split()), sorted(expected), "each attempt runs once")


def runtime_id(d, workflow, step):
    """containerd's id of the pod of a step that runs."""
    node = nodes(workflow)[step]
    id = node["id"][len(workflow["metadata"]["name"]) + 1:]
    wanted = workflow["metadata"]["uid"].replace("-", "")[:20] + "-" + id
    found = [line for line in d.ctr("containers", "list", "-q") if line.startswith(wanted)]
    assert len(found) == 1, (wanted, found)
    return found[0]


def kill_shim(d, pod):
    """SIGKILL to the shim of a pod."""
    found = [pid for pid, command in processes_of("-id " + pod)
             if "containerd-shim" in command and d.containerd_socket in command]
    os.kill(found[0], signal.SIGKILL)


def attempts(workflow):
    """[(display name, phase, start of the message)] of the attempts of retried steps, in their order."""
    return [(name, node["phase"], node.get("message", "").split(":")[0])
            for name, node in sorted(nodes(workflow).items()) if name.endswith(")")]


def main():
    unittest.main(warnings="ignore", verbosity=2)
