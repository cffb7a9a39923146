"""The supervisor: what serves may die, the gateway goes on. It names who crashed, keeps sockets and secrets from where they do not belong, and
tells the service manager how things are."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import Gateway, free_port
from lib.sink import OK, Act
from lib.waiting import PATIENCE, wait_for

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def status_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)


def gone(pid):
    try:
        return status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill_serving(gateway, how=signal.SIGKILL):
    """Waits until it serves and said so, then kills it; gives its pid."""
    wait_for(lambda: len(gateway.log("started")) > len(gateway.log("died")), 10, "a serving process")
    pid = gateway.serving_pid
    os.kill(pid, how)
    wait_for(lambda: gone(pid), 10, "the end of process %d" % pid)
    return pid


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except ConnectionRefusedError:
        return False


def serves_again(gateway, deaths):
    """It died this often and is there again. (What it logged just before it died may be lost.)"""
    gateway.wait_log("died", count=deaths)
    wait_for(lambda: gateway.ask("help"), 10, "the control socket")
    assert len(gateway.log("died")) == deaths


class Load(threading.Thread):
    """Sends until told to stop; `kept` are the ids that were answered 250."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.kept, self.ending, self.lost = gateway, [], threading.Event(), 0
        self.start()

    def run(self):
        while not self.ending.is_set():
            try:
                with Client(self.gateway.clear_port, ehlo="load.example.com") as client:
                    while not self.ending.is_set():
                        self.kept.append(queue_id(client.message()))
            except (OSError, EOFError, AssertionError):
                self.lost += 1
                self.ending.wait(0.01)

    def stop(self):
        self.ending.set()
        self.join(30 * PATIENCE)
        return self.kept


def arrived(sink, id):
    return any((" id " + id).encode() in message.data[:2000] for message in list(sink.messages))


# --- dying ---

def test_killed_under_load_nothing_acknowledged_is_lost(pair):
    gateway, sink = pair()
    loads = [Load(gateway) for _ in range(3)]
    for count in (20, 60):
        wait_for(lambda: sum(len(load.kept) for load in loads) > count, 20, "some load")
        before = kill_serving(gateway)
        wait_for(lambda: gateway.serving_pid not in (None, before), 10, "another serving process")
    wait_for(lambda: sum(len(load.kept) for load in loads) > 120, 20, "load after the restart")
    kept = [id for load in loads for id in load.stop()]
    gateway.wait_queue_empty()
    assert not [id for id in kept if not arrived(sink, id)]
    assert len(gateway.log("died", signal="SIGKILL")) == 2
    assert not gateway.log("held")
    assert gateway.stop() == 0


def test_who_connects_meanwhile_is_served(pair):
    gateway, sink = pair()
    kill_serving(gateway)
    gateway.wait_log("started", count=2)
    kill_serving(gateway)
    gateway.wait_log("restart", count=2)
    assert gateway.serving_pid is None
    with Client(gateway.clear_port, greet=False) as client:
        assert gateway.serving_pid is None
        assert client.reply().code == 220
        client.say("EHLO client.example.com", 250)
        assert client.message().code == 250
    sink.wait_messages(1)


def test_pauses_grow(pair):
    gateway, _ = pair()
    for count in range(1, 4):
        kill_serving(gateway)
        gateway.wait_log("started", count=count + 1)
    said = [re.search(r"(\d+) ms", line["text"]).group(1) for line in gateway.log("restart")]
    assert said == ["0", "1000", "2000"]


def test_asked_to_stop_by_hand_it_comes_back(pair):
    gateway, _ = pair()
    kill_serving(gateway, signal.SIGTERM)
    gateway.wait_log("started", count=2)
    assert gateway.log("died", exit=0)
    assert gateway.stop() == 0


def test_the_supervisor_dies_and_takes_it_along(pair):
    gateway, sink = pair()
    for _ in range(3):
        with Client(gateway.clear_port, ehlo="a.example.com") as client:
            assert client.message().code == 250
        pid = gateway.serving_pid
        gateway.kill()
        gateway.start()
        assert gone(pid)
    sink.wait_messages(3)


# --- crashes ---

def crasher(hook):
    def before(gateway):
        gateway.module("45-crasher", "probe", {hook + ".way": "crash", "only": "crash@"})
    return before


def send(gateway, sender="a@example.com"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(sender=sender))


def send_bad(gateway):
    """A message that the crasher waits for; gives its id when it is on hold. The gateway may be gone before its 250 is."""
    try:
        send(gateway, "crash@example.com")
    except (OSError, EOFError):
        pass
    return gateway.wait_log("held")[0]["id"]


def test_a_message_that_crashes_twice_is_held(pair):
    gateway, sink = pair(before=crasher("prepare"))
    send(gateway)
    bad = send_bad(gateway)
    good = send(gateway)
    sink.wait(lambda: arrived(sink, good), 10)
    died = gateway.log("died", id=bad)
    assert [(line["signal"], line["by"], line["hook"], line["times"]) for line in died] == [
        ("SIGABRT", "45-crasher", "prepare", "1"), ("SIGABRT", "45-crasher", "prepare", "2")]
    held, = [row for row in gateway.queue() if row["id"] == bad]
    assert held["state"] == "held"
    assert "45-crasher" in gateway.log("held", id=bad)[0]["reason"]
    assert len(gateway.log("died")) == 2
    assert not arrived(sink, bad)
    assert "crashed" in str(gateway.explain(bad))


def test_who_releases_it_gets_one_more_try(pair):
    gateway, sink = pair(before=crasher("prepare"))
    bad = send_bad(gateway)
    serves_again(gateway, 2)
    gateway.run_ctl("queue", "release", bad)
    serves_again(gateway, 3)
    assert [row["state"] for row in gateway.queue()] == ["held"]
    del gateway.fragments["45-crasher"]
    gateway.write()
    gateway.text("reload")
    gateway.text("queue", "release", bad)
    sink.wait(lambda: arrived(sink, bad), 10)


def test_the_count_outlives_the_supervisor(pair):
    gateway, sink = pair(script={"connect": ["421 4.3.2 not now"]}, settings={"queue__retry": ["2s"]})
    bad = send(gateway, "crash@example.com")
    gateway.wait_log("deferred", id=bad)
    assert gateway.stop() == 0
    with open(os.path.join(gateway.state, "crashes"), "w") as file:
        file.write("%s 1 prepare 45-crasher\nnonsense\n" % bad)
    crasher("prepare")(gateway)
    gateway.start()
    gateway.wait_log("held", id=bad)
    assert [line["times"] for line in gateway.log("died")] == ["2"]


def test_a_crash_before_the_250_holds_nothing(pair):
    gateway, sink = pair(before=crasher("message"))
    for count in (1, 2):
        with Client(gateway.clear_port, ehlo="a.example.com") as client:
            with pytest.raises((EOFError, OSError)):
                client.message(sender="crash@example.com")
        serves_again(gateway, count)
    good = send(gateway)
    sink.wait(lambda: arrived(sink, good), 10)
    assert [line["hook"] for line in gateway.log("died", by="45-crasher")] == ["message"] * 2
    assert not gateway.log("held") and not gateway.queue()


# --- ending and starting ---

def test_term_under_load_ends_in_time(pair):
    gateway, sink = pair(script={"dot": lambda session, line: Act(OK, delay=0.02)})
    loads = [Load(gateway) for _ in range(3)]
    waiting = Client(gateway.clear_port, ehlo="idle.example.com")
    waiting.envelope()
    wait_for(lambda: sum(len(load.kept) for load in loads) > 50, 20, "some load")
    pid = gateway.serving_pid
    assert gateway.stop() == 0  # 70: it was killed, because it took too long
    assert gone(pid)
    assert not connects(gateway.clear_port)
    kept = [id for load in loads for id in load.stop()]
    gateway.start()
    gateway.wait_queue_empty(30)
    assert not [id for id in kept if not arrived(sink, id)]
    waiting.close()


def sleeps(pid):
    """Whether a thread of it is in nanosleep() or clock_nanosleep(), as the module that blocks is."""
    def call(thread):
        with open("/proc/%d/task/%s/syscall" % (pid, thread)) as file:
            return file.read().split()[0]
    return any(call(thread) in ("35", "230") for thread in os.listdir("/proc/%d/task" % pid))


def test_what_does_not_end_is_killed(pair):
    gateway, _ = pair(before=lambda gateway: gateway.module("45-blocker", "probe", {"ehlo.way": "block", "ehlo.delay": "60s"}))
    with Client(gateway.clear_port) as client:
        client.send("EHLO a.example.com\r\n")
        wait_for(lambda: sleeps(gateway.serving_pid), 10, "the worker to hang")
        assert gateway.stop() == 70


@pytest.mark.parametrize("command, code", [(["--foreground"], 78), ([], 78)])
def test_a_start_that_fails_says_its_code(new_gateway, command, code):
    gateway = open_relay(new_gateway(), "out").relay("out", host="127.0.0.1", port=1).set(no_such_key=1)
    answer = gateway.check(*(command or ["--config", gateway.config]))
    assert answer.code == code
    assert "no_such_key" in answer.err


def test_a_taken_port_is_a_failed_start(new_gateway):
    gateway = open_relay(new_gateway(), "out").relay("out", host="127.0.0.1", port=1)
    with socket.create_server(("127.0.0.1", gateway.clear_port)):
        answer = gateway.check("--foreground")
    assert answer.code == 69
    assert "cannot listen on 127.0.0.1:%d" % gateway.clear_port in answer.err


def test_a_second_one_is_refused_at_once(pair):
    gateway, _ = pair()
    answer = gateway.check("--foreground")
    assert answer.code == 73
    assert "in use by process %d" % gateway.pid in answer.err
    assert gateway.alive() and gateway.ask("help")


def test_detached_it_returns_when_it_serves(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink)
    gateway.write()
    with open(gateway.log_path, "ab") as log:
        subprocess.run(gateway.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=20 * PATIENCE)
    with open(os.path.join(gateway.state, "pid")) as file:
        pid = int(file.read())
    try:
        send(gateway)
        sink.wait_messages(1)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: gone(pid), 15, "its end")
    gateway.log_path = os.path.join(gateway.state, "log")
    assert gateway.log("stopped")


# --- sockets ---

def test_reload_adds_and_removes_listeners(pair):
    gateway, sink = pair()
    added, listeners = free_port(), gateway.fragments["00-gateway"]["gateway"]["listeners"]
    gateway.set(listeners=[listeners[0], {"address": "127.0.0.1", "port": added, "tls": "none"}])
    gateway.write()
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.log("reloaded"), 10, "the reload")
    with Client(added, ehlo="a.example.com") as client:
        assert client.message().code == 250
    sink.wait_messages(1)
    wait_for(lambda: not connects(gateway.port), 5, "the end of the old listener")
    kill_serving(gateway)
    with Client(added, ehlo="a.example.com") as client:
        assert client.message().code == 250


def test_reload_that_cannot_bind_changes_nothing(pair):
    gateway, sink = pair()
    listeners = gateway.fragments["00-gateway"]["gateway"]["listeners"]
    new, taken = free_port(), socket.create_server(("127.0.0.1", 0))
    gateway.set(listeners=[listeners[0], {"address": "127.0.0.1", "port": new, "tls": "none"},
                           {"address": "127.0.0.1", "port": taken.getsockname()[1], "tls": "none"}])
    gateway.write()
    assert gateway.run_ctl("reload").code != 0
    taken.close()
    assert not connects(new)
    for port in (gateway.clear_port, gateway.port):
        Client(port).close()


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="needs systemd-socket-activate")
def test_a_socket_of_the_service_manager_is_used(pair):
    def before(gateway):
        settings = gateway.fragments["00-gateway"]["gateway"]
        settings["listeners"] = settings["listeners"][:1]
        command = ["systemd-socket-activate", "-l", "127.0.0.1:%d" % gateway.clear_port, *gateway.command("--foreground")]
        gateway.command = lambda *more: command
        # It starts the gateway when somebody connects.
        threading.Thread(target=lambda: wait_for(lambda: connects(gateway.clear_port), 10), daemon=True).start()
    gateway, sink = pair(before=before)
    for _ in range(2):
        with Client(gateway.clear_port, ehlo="a.example.com") as client:
            assert client.message().code == 250
        kill_serving(gateway)
    gateway.wait_log("started", count=3)
    sink.wait_messages(2)
    assert gateway.stop() == 0


# --- rights ---

def readable_gateway(sink, **how):
    """Without certificates, and with folders that another user may enter."""
    gateway = open_relay(Gateway(None, **how), "out").relay("out", sink)
    gateway.write()
    os.chmod(gateway.folder, 0o755)
    os.chmod(gateway.config, 0o755)
    os.chmod(gateway.modules, 0o755)
    write = gateway.write

    def write_readable():
        write()
        for name in os.listdir(gateway.config):
            os.chmod(os.path.join(gateway.config, name), 0o644)
    gateway.write = write_readable
    return gateway


@root_only
def test_root_is_dropped(new_sink, request):
    sink = new_sink()
    gateway = readable_gateway(sink)
    request.node.gateways = [gateway]
    nobody, command = pwd.getpwnam("nobody"), gateway.command
    # A spool that root ran before is handed over.
    gateway.set(listeners=[{"address": "127.0.0.1", "port": 587, "tls": "none"}] + gateway.fragments["00-gateway"]["gateway"]["listeners"])
    gateway.start(timeout=20)
    assert gateway.stop() == 0
    gateway.command = lambda *more: command("--user", "nobody", *more)
    try:
        gateway.start()
        for _ in range(2):
            status = status_of(gateway.serving_pid)
            assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
            assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
            assert status["Groups"].split() in ([], [str(nobody.pw_gid)])
            assert status["NoNewPrivs"] == "1"
            assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
            assert status_of(gateway.pid)["Uid"].split()[0] == "0"
            with Client(587, ehlo="a.example.com") as client:
                assert client.message().code == 250
            kill_serving(gateway)
            wait_for(lambda: gateway.serving_pid and gateway.ask("help"), 10, "the restart")
        sink.wait_messages(2)
        assert os.stat(gateway.state).st_uid == nobody.pw_uid
        assert os.stat(os.path.join(gateway.state, "spool")).st_uid == nobody.pw_uid
        pid = gateway.serving_pid
        with open("/proc/%d/limits" % pid) as limits:
            assert re.search(r"Max core file size +0 +0 ", limits.read())
        assert os.stat("/proc/%d/environ" % pid).st_uid == 0, "dumpable"
        gateway.kill()
        wait_for(lambda: gone(pid), 5, "the end of the serving process")
        gateway.start()
        assert gateway.stop() == 0
    finally:
        gateway.remove()


@root_only
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_without_root_the_right_to_bind_is_given_up(new_sink, request):
    sink = new_sink()
    gateway = readable_gateway(sink)
    request.node.gateways = [gateway]
    os.mkdir(gateway.state) if not os.path.isdir(gateway.state) else None
    shutil.chown(gateway.state, "nobody", "nogroup")
    gateway.set(listeners=[{"address": "127.0.0.1", "port": 587, "tls": "none"}])
    gateway.user = None
    try:
        gateway.start(prefix=["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--inh-caps=-all,+net_bind_service",
                              "--ambient-caps=-all,+net_bind_service"])
        assert int(status_of(gateway.pid)["CapEff"], 16) == 1 << 10
        assert int(status_of(gateway.serving_pid)["CapPrm"], 16) == 0
        assert int(status_of(gateway.serving_pid)["CapAmb"], 16) == 0
        Client(587).close()
        assert gateway.stop() == 0
    finally:
        gateway.remove()


def test_an_unknown_user_is_an_error(new_gateway):
    gateway = open_relay(new_gateway(), "out").relay("out", host="127.0.0.1", port=1)
    answer = gateway.check("--foreground", "--user", "nobody-of-this-name")
    assert answer.code == 67


# --- signals and the service manager ---

class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path, self.said = os.path.join(folder, "notify"), []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            self.said += self.sock.recv(4096).decode().split("\n")

    def wait(self, word, count=1):
        wait_for(lambda: self.said.count(word) >= count, 10, lambda: "%s in %r" % (word, self.said))


def test_the_service_manager_is_told(pair, tmp_path):
    manager = Manager(str(tmp_path))
    gateway, _ = pair(start={"env": {"NOTIFY_SOCKET": manager.path}})
    manager.wait("READY=1")
    assert "STATUS=process %d serves, started again 0 times" % gateway.serving_pid in manager.said
    assert "RELOADING=1" not in manager.said and "WATCHDOG=1" not in manager.said
    gateway.process.send_signal(signal.SIGHUP)
    manager.wait("RELOADING=1")
    manager.wait("READY=1", 2)
    kill_serving(gateway)
    manager.wait("READY=1", 3)
    assert gateway.stop() == 0
    assert "STOPPING=1" in manager.said


def test_the_watchdog_hears_of_a_loop_that_hangs(pair, tmp_path):
    manager = Manager(str(tmp_path))
    gateway, _ = pair(before=lambda gateway: gateway.module("45-blocker", "probe", {"ehlo.way": "block", "ehlo.delay": "2s"}),
                      start={"env": {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "300000"}})
    manager.wait("WATCHDOG=1", 3)
    with Client(gateway.clear_port) as client:
        before = manager.said.count("WATCHDOG=1")
        client.send("EHLO a.example.com\r\n")
        client.reply()
        heard = manager.said.count("WATCHDOG=1") - before
        assert heard < 7, "of the 13 that fit into two seconds"
    manager.wait("WATCHDOG=1", before + 2)


def test_logs_are_opened_again(pair):
    def before(gateway):
        gateway.set(log__path=os.path.join(gateway.folder, "file.log"))
    gateway, _ = pair(before=before)
    path = os.path.join(gateway.folder, "file.log")
    wait_for(lambda: "started" in open(path).read(), 10, "the log")
    os.rename(path, path + ".1")
    gateway.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(path), 10, "the new log")
    os.kill(gateway.serving_pid, signal.SIGSEGV)
    wait_for(lambda: "crashed process=" in open(path).read(), 10, "the crash in the log")
