"""gantryd for tests from the outside: one daemon on one state directory, through all its lives.

Everything lies in one directory below /tmp; the containerd is the daemon's own. Needs root.
"""
import http.client, json, os, re, signal, socket, subprocess, tempfile, time, urllib.parse

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
ENDED = ("Succeeded", "Failed", "Error")


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.message = json.loads(text)["message"] if text.startswith("{") else text


class Gantryd:
    """`bin` holds gantry and gantryd. `config`: more lines of gantry.yaml. `wrapper`: what the daemon is started
    through (["prlimit", "--nofile=256"]). `env`: added to the daemon's environment."""

    def __init__(self, bin, prefix="gantry-e2e.", config="", wrapper=(), env=None):
        self.bin = bin
        self.work = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
        os.chmod(self.work, 0o755)
        self.state = self.work + "/state"
        self.socket = self.work + "/gantry.sock"
        self.containerd_socket = self.state + "/containerd/containerd.sock"
        self.allowed = self.work + "/allowed"
        os.mkdir(self.allowed)
        self.configure(config)
        self.wrapper = list(wrapper)
        self.daemon_env = dict(env or {})
        self.process = None
        self.env = {**os.environ, "GANTRY_HOST": "unix://" + self.socket, "NO_COLOR": "1"}

    def configure(self, config):
        with open(self.work + "/gantry.yaml", "w") as file:
            file.write(f"host_path_allow: [{self.allowed}]\ntermination_grace: 3s\n{config}")

    # ---- its lives ----

    def spawn(self, env=None):
        self.log = open(self.work + "/gantryd.log", "a")
        self.process = subprocess.Popen(
            [*self.wrapper, self.bin + "/gantryd", "--config", self.work + "/gantry.yaml", "--state-dir", self.state,
             "--socket", self.socket, "--containerd", "private", "--log-level", "debug"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, **self.daemon_env, **(env or {})})

    def start(self, env=None):
        self.spawn(env)
        self.await_(lambda: self.answers(), 60, "gantryd to answer")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("gantryd ended: " + self.log_text()[-2000:])
        try:
            self.call("GET", "/api/v1/version")
            return True
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)

    def log_text(self):
        with open(self.work + "/gantryd.log", errors="replace") as file:
            return file.read()

    def containerd_pid(self):
        with open(self.state + "/containerd/containerd.pid") as file:
            return int(file.read().split()[0])

    def clear_away(self):
        """Kills and removes everything; says what a daemon that ended with nothing to do should not have left."""
        left = processes_of(self.work + "/")
        mounts = self.mounts()
        for pid, _ in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for line in open("/proc/self/mountinfo").readlines()[::-1]:
            if self.work + "/" in line:
                subprocess.run(["umount", "-l", line.split()[4]], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", "--one-file-system", self.work])
        assert not left, left
        assert not mounts, mounts

    def mounts(self):
        """Those below its directory, less the one that stays for Secrets."""
        return [line for line in open("/proc/self/mountinfo")
                if self.work + "/" in line and "/volumes/files " not in line]

    @staticmethod
    def await_(condition, seconds, what):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
            time.sleep(0.01)

    # ---- its clients ----

    def call(self, method, path, body=None, type="application/json", parse=json.loads, socket_path=None):
        """An OSError, whatever of the answer is there, when the daemon ends before it has given all of it."""
        connection = Connection(socket_path or self.socket)
        try:
            data = body if body is None or isinstance(body, str) else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": type} if data else {})
            answer = connection.getresponse()
            if answer.length is None and not answer.chunked:
                raise http.client.HTTPException("its head is cut off")
            text = answer.read().decode()
        except http.client.HTTPException as broken:
            raise ConnectionResetError(f"{method} {path}: {broken!r}") from broken
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(answer.status, text)
        return parse(text)

    def cli(self, *arguments, input=None, check=True):
        done = subprocess.run([self.bin + "/gantry", *arguments], input=input, text=True, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"gantry {' '.join(arguments)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def ctr(self, *arguments):
        """The lines of what containerd's own client says."""
        done = subprocess.run(["ctr", "-a", self.containerd_socket, "-n", "gantry", *arguments], text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return [line for line in done.stdout.splitlines() if line.strip()]

    def import_busybox(self):
        made = subprocess.run([ROOT + "/scripts/test-images", "busybox"], text=True, stdout=subprocess.PIPE, check=True)
        self.cli("image", "import", re.search(r"archives are in (.*)", made.stdout)[1] + "/busybox.tar")

    def submit(self, spec, name=None, **metadata):
        metadata |= {"name": name} if name else {"generateName": "e2e-"}
        workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}
        return self.call("POST", "/api/v1/workflows/default", {"workflow": workflow})["metadata"]["name"]

    def get(self, name):
        return self.call("GET", f"/api/v1/workflows/default/{name}")

    def command(self, name, verb):
        return self.call("PUT", f"/api/v1/workflows/default/{name}/{verb}", {"name": name, "namespace": "default"})

    def wait(self, name, seconds=60):
        def ended():
            workflow = self.get(name)
            return workflow if workflow["status"]["phase"] in ENDED else None
        return self.await_(ended, seconds, lambda: f"the end of {name}: {json.dumps(self.get(name)['status'], indent=1)}")

    def run(self, spec, seconds=60, **metadata):
        return self.wait(self.submit(spec, **metadata), seconds)

    def await_node(self, name, node, phase="Running"):
        def there():
            return any(n["displayName"] == node and n["phase"] == phase
                       for n in self.get(name)["status"].get("nodes", {}).values())
        self.await_(there, 30, lambda: f"{node} of {name} to be {phase}: {json.dumps(self.get(name)['status'], indent=1)}")

    def logs(self, name, **query):
        text = self.call("GET", f"/api/v1/workflows/default/{name}/log?logOptions.container=main&"
                         + urllib.parse.urlencode(query), parse=str)
        return [json.loads(line)["result"]["content"] for line in text.splitlines() if line.strip()]


def sh(script, name="main", **more):
    """A template that runs a shell script in busybox."""
    fields = {k: more.pop(k) for k in ("env", "volumeMounts", "resources", "securityContext") if k in more}
    return {"name": name, "container": {"image": "busybox", "command": ["sh", "-c"], "args": [script], **fields}, **more}


def claim(name):
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
                                                 "resources": {"requests": {"storage": "1Gi"}}}}


def nodes(workflow):
    return {n["displayName"]: n for n in workflow["status"]["nodes"].values()}


def processes_of(text):
    """Other processes whose command line contains `text`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command and int(pid) != os.getpid():
            found.append((int(pid), command))
    return found
