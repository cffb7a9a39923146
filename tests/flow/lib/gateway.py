"""A real gateway under test: its folder, its fragments, its process, its control socket, its log."""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import registry
from .conf import fragment_text
from .waiting import PATIENCE, wait_for

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.abspath(os.environ.get("GATEWAY_BUILD", os.path.join(ROOT, "build")))


def built(*parts):
    return os.path.join(BUILD, *parts)


PORTS, BLOCK = range(20000, 32000), 100  # below the range from which the kernel gives outgoing connections theirs
blocks = []  # the files whose locks keep other processes away from our blocks of ports
ports = iter(())


def new_block():
    """A hundred ports that no other test on this machine hands out while this process lives."""
    for first in PORTS[::BLOCK]:
        file = open(os.path.join(tempfile.gettempdir(), "flow-ports-%d.lock" % first), "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        blocks.append(file)
        return iter(range(first, first + BLOCK))
    raise AssertionError("no free port")


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """Each only once."""
    global ports
    while True:
        for port in ports:
            if is_free(port):
                return port
        ports = new_block()


class Answer:
    """What gatewayctl gave: exit code, text for people, or JSON."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


LOG_PAIR = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|[^ ]*)')


def parse_log_line(line):
    words = line.split(" ", 3)
    if len(words) < 3 or not re.match(r"\d{4}-\d\d-\d\dT", words[0]):
        return {"event": "", "raw": line}
    pairs = {key: value[1:-1].replace('\\"', '"').replace("\\\\", "\\") if value.startswith('"') else value
             for key, value in LOG_PAIR.findall(words[3] if len(words) > 3 else "")}
    return {**pairs, "time": words[0], "level": words[1], "event": words[2], "raw": line}


class Gateway:
    """Fragments are in self.fragments by file name (without .conf); they are written by write() and by start()."""

    def __init__(self, certificates=None, folder=None, build=BUILD):
        self.folder = folder or tempfile.mkdtemp(prefix="flow-", dir=os.environ.get("FLOW_TMP", "/tmp"))
        self.config, self.state, self.modules = (os.path.join(self.folder, name) for name in ("conf.d", "state", "modules"))
        self.build, self.certificates = build, certificates
        self.fragments, self.process, self.log_file = {}, None, None
        self.user = "root"
        self.log_path = os.path.join(self.folder, "log")
        for path in (self.config, self.state, self.modules):
            os.makedirs(path, exist_ok=True)
        self.link_modules()
        self.socket_path = os.path.join(self.state, "control.sock")
        self.port, self.tls_port, self.clear_port = free_port(), free_port(), free_port()
        self.fragments["00-gateway"] = {"gateway": self.settings()}

    def link_modules(self):
        """The shipped modules, and those for tests, in one folder."""
        for folder in (os.path.join(self.build, "modules"), os.path.join(self.build, "tests", "modules")):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                target = os.path.join(self.modules, name)
                if name.endswith(".so") and not os.path.exists(target):
                    os.symlink(os.path.join(folder, name), target)

    def settings(self):
        settings = {
            "hostname": "relay.example.com", "workers": 2, "spool.min_free": "0", "spool.segment_size": "4M",
            "queue.retry": ["1s"], "delivery.idle": "5s",
            "listeners": [{"address": "127.0.0.1", "port": self.clear_port, "tls": "none", "clear_login": True}],
        }
        if self.certificates:
            certificate, key = self.certificates.pair("gateway")
            settings["tls"] = {"certificate": certificate, "key": key}
            settings["listeners"] += [{"address": "127.0.0.1", "port": self.port, "tls": "starttls"},
                                      {"address": "127.0.0.1", "port": self.tls_port, "tls": "implicit"}]
        return settings

    # --- what it is told ---

    def set(self, **settings):
        """gateway.set(queue__expire="3s"): a key of the gateway fragment; __ stands for the dot."""
        for key, value in settings.items():
            self.fragments["00-gateway"]["gateway"][key.replace("__", ".")] = value
        return self

    def relay(self, name, sink=None, file=None, **keys):
        relay = {"name": name, "tls": "none"}
        if sink is not None:
            relay.update(host=sink.address, port=sink.port)
        relay.update({key.replace("__", "."): value for key, value in keys.items()})
        self.fragments[file or "50-" + name] = {"relay": relay}
        return self

    def module(self, file, module, options=None, **keys):
        self.fragments[file] = {"module": module, **keys, module: options or {}}
        return self

    def probe(self, file="40-probe", options=None, **keys):
        return self.module(file, "probe", options, **keys)

    def write(self):
        for name in os.listdir(self.config):
            os.unlink(os.path.join(self.config, name))
        for name, fragment in self.fragments.items():
            path = os.path.join(self.config, name + ("" if "." in name else ".conf"))
            with open(path, "w") as out:
                out.write(fragment_text(fragment))
            os.chmod(path, 0o600)

    # --- its process ---

    def command(self, *more):
        if os.geteuid() == 0 and self.user and "--user" not in more:
            more = ("--user", self.user, *more)
        return [os.path.join(self.build, "bin", "gatewayd"), "--config", self.config, "--state", self.state, "--modules", self.modules, *more]

    def check(self, *more):
        """gatewayd --check: exit code and what was said."""
        self.write()
        done = subprocess.run(self.command(*(more or ["--check"])), capture_output=True, text=True, timeout=60 * PATIENCE)
        return Answer(done.returncode, done.stdout, done.stderr)

    def launch(self, env=None, prefix=(), preexec=None, stderr=None, more=()):
        self.write()
        self.log_file = stderr or open(self.log_path, "ab")
        self.process = subprocess.Popen([*prefix, *self.command("--foreground", *more)], stdin=subprocess.DEVNULL, stdout=self.log_file,
                                        stderr=self.log_file, env={**os.environ, **(env or {})}, preexec_fn=preexec, start_new_session=True)
        return self

    def start(self, timeout=20.0, **how):
        self.launch(**how)
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=20.0):
        """Answers on the control socket: everything before it is there then."""
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("the gateway ended with %s\n%s" % (self.process.returncode, self.log_text()[-4000:]))
            return self.ask("help") is not None
        wait_for(ready, timeout, lambda: "the gateway to be ready\n" + self.log_text()[-4000:])

    @property
    def pid(self):
        """Of the supervisor: who is killed with it takes the other along."""
        return self.process.pid

    @property
    def serving_pid(self):
        """Of the process that serves; None while there is none."""
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as children:
            pids = children.read().split()
        return int(pids[0]) if pids else None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_end(self, timeout=15.0):
        self.process.wait(timeout * PATIENCE)
        self.log_file.close()
        return self.process.returncode

    def stop(self, timeout=15.0):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.wait_end(timeout)

    def kill_all(self):
        """kill -9 of every process of it, at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def kill(self):
        self.kill_all()
        return self.wait_end()

    def restart(self, **how):
        self.stop()
        return self.start(**how)

    def remove(self):
        if self.process:
            self.kill_all()
            self.process.wait()
        self.remove_log_memory()
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_log_memory(self):
        """What a killed one leaves for its next start."""
        try:
            journal = os.stat(os.path.join(self.state, "journal"))
            os.unlink("/dev/shm/gateway-log-%x-%x" % (journal.st_dev, journal.st_ino))
        except OSError:
            pass

    def rss(self):
        """Resident memory of what serves, in KiB."""
        with open("/proc/%d/status" % self.serving_pid) as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def grew(self, before):
        """KiB since `before`; 0 in sanitizer builds, which keep what is freed."""
        with open("/proc/%d/maps" % self.serving_pid) as maps:
            sanitized = re.search(r"lib[at]san", maps.read())
        return 0 if sanitized else self.rss() - before

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.serving_pid) as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- its control socket ---

    def ask(self, *words, timeout=20.0):
        """The answer as the socket gives it, None when nobody listens."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(timeout * PATIENCE)
                sock.connect(self.socket_path)
                sock.sendall(json.dumps({"words": list(words)}).encode() + b"\n")
                got = b""
                while not got.endswith(b"\n"):
                    part = sock.recv(65536)
                    if not part:
                        return None
                    got += part
            return json.loads(got)
        except OSError:
            return None

    def run_ctl(self, *words, user=None):
        command = [os.path.join(self.build, "bin", "gatewayctl"), "--socket", self.socket_path, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30 * PATIENCE, user=user, group=user, extra_groups=[] if user else None)
        return Answer(done.returncode, done.stdout, done.stderr)

    def ctl(self, *words):
        """gatewayctl --json WORDS, which has to work: the parsed JSON."""
        answer = self.run_ctl("--json", *words)
        assert answer.code == 0, (words, answer.code, answer.out, answer.err)
        return answer.json

    def text(self, *words):
        answer = self.run_ctl(*words)
        assert answer.code == 0, (words, answer.code, answer.out, answer.err)
        return answer.out

    def status(self):
        return self.ask("status")["data"]

    def counter(self, name):
        return self.status()["counters"][name]

    def queue(self, *words):
        return self.ask("queue", "list", *words)["rows"]

    def explain(self, id):
        return self.ask("message", "explain", id)["rows"]

    def wait_queue_empty(self, timeout=15.0):
        wait_for(lambda: not any(self.status()["queue"][key] for key in ("waiting", "active", "held")), timeout,
                 lambda: "an empty queue: %r" % self.queue())

    # --- its log ---

    def read_log(self):
        try:
            with open(self.log_path, errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def log_text(self):
        """All that was logged up to now: the gateway's writer naps for 20 ms between two looks at what there is to write."""
        text, before = self.read_log(), None
        for _ in range(10):
            if text == before or not self.alive():
                break
            time.sleep(0.04)
            text, before = self.read_log(), text
        return text

    def log(self, event=None, **pairs):
        assert event is None or registry.known(event), "no event is called %s" % event
        lines = [parse_log_line(line) for line in self.log_text().splitlines()]
        return [line for line in lines if (event is None or line["event"] == event) and
                all(line.get(key) == str(value) for key, value in pairs.items())]

    def wait_log(self, event, timeout=10.0, count=1, **pairs):
        return wait_for(lambda: (lambda found: found if len(found) >= count else None)(self.log(event, **pairs)), timeout,
                        lambda: "%s %r in the log:\n%s" % (event, pairs, self.log_text()[-3000:]))
