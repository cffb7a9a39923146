"""A start that is refused leaves what runs alone, and a daemon keeps nothing of its starter."""
import os
import signal
import subprocess

import pytest

from conftest import open_relay
from lib.client import Client
from lib.gateway import Gateway
from lib.waiting import PATIENCE, wait_for


def read(path):
    with open(path) as file:
        return file.read()


def test_a_refused_second_start_leaves_the_pid_file(pair):
    gateway, _ = pair()
    path = os.path.join(gateway.state, "pid")
    assert read(path) == "%d\n" % gateway.pid
    for _ in range(2):
        second = subprocess.run(gateway.command("--foreground"), capture_output=True, text=True, timeout=60 * PATIENCE)
        assert second.returncode == 73 and "is in use by process %d" % gateway.pid in second.stderr
        assert read(path) == "%d\n" % gateway.pid


def test_two_gateways_do_not_share_a_port(pair, new_gateway, new_sink):
    gateway, sink = pair()
    other = open_relay(new_gateway(), "out").relay("out", new_sink())
    other.fragments["00-gateway"] = gateway.fragments["00-gateway"]
    other.launch()
    assert other.wait_end(30) == 69
    assert "cannot listen on" in other.log_text() and "Address already in use" in other.log_text()
    for _ in range(5):
        with Client(gateway.clear_port, ehlo="a.example.com") as client:
            assert client.message().code == 250
    sink.wait_messages(5)


def test_a_reload_to_all_addresses_of_a_port_is_no_conflict_with_oneself(pair):
    gateway, sink = pair()
    listeners = gateway.fragments["00-gateway"]["gateway"]["listeners"]
    listeners[0] = {"address": "0.0.0.0", "port": gateway.clear_port, "tls": "none"}
    gateway.write()
    assert gateway.ask("reload")["code"] == 0

    def takes_mail():
        """Who was in the backlog of the socket that closes is cut off."""
        try:
            with Client(gateway.clear_port, ehlo="a.example.com") as client:
                return client.message().code == 250
        except (OSError, EOFError):
            return False
    wait_for(takes_mail, 10, "a connection to be served")
    sink.wait_messages(1)


def descriptors(pid):
    return {int(fd): os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)}


@pytest.fixture
def daemon(new_sink, request):
    gateway = open_relay(Gateway(None), "out").relay("out", new_sink())
    pids = []

    def start():
        gateway.write()
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        extra = os.dup2(write_end, 77, inheritable=True)
        done = subprocess.run(gateway.command(), stdin=subprocess.DEVNULL, stdout=write_end, stderr=write_end, close_fds=False, timeout=60 * PATIENCE)
        os.close(write_end)
        os.close(extra)
        pids.append(int(read(os.path.join(gateway.state, "pid"))))
        return done.returncode, read_end, pids[-1]
    yield gateway, start
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists("/proc/%d" % pid) or read("/proc/%d/stat" % pid).split(") ")[1][0] == "Z", 20, "the end of the daemon")
    gateway.remove()


def test_a_daemon_keeps_nothing_of_its_starter(daemon):
    gateway, start = daemon
    code, read_end, pid = start()
    assert code == 0
    # The end of the pipe: nobody has it any more, neither the supervisor nor the process that serves.
    os.set_blocking(read_end, False)
    text = b""

    def ended():
        try:
            return os.read(read_end, 65536) == b""
        except BlockingIOError:
            return False
    wait_for(ended, 10, "the end of the pipe")
    os.close(read_end)
    child = int(read("/proc/%d/task/%d/children" % (pid, pid)).split()[0])
    for process in (pid, child):
        open_ones = descriptors(process)
        assert all(open_ones[fd] == "/dev/null" for fd in (0, 1, 2)), open_ones
        assert 77 not in open_ones or "pipe" not in open_ones[77]
    assert text == b""


def test_the_log_of_a_daemon_has_a_place_and_tells_of_the_supervisor_too(daemon):
    gateway, start = daemon
    assert start()[0] == 0
    gateway.log_path = os.path.join(gateway.state, "log")
    wait_for(lambda: "started" in gateway.read_log(), 10, "the log")
    pid = int(read(os.path.join(gateway.state, "pid")))
    child = int(read("/proc/%d/task/%d/children" % (pid, pid)).split()[0])
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: " died process=%d" % child in gateway.read_log() and " restart " in gateway.read_log(), 10, gateway.read_log)


def test_in_the_foreground_a_log_file_tells_of_the_supervisor_too(pair):
    gateway, _ = pair(before=lambda gateway: gateway.set(log__path=os.path.join(gateway.folder, "own.log")))
    child = gateway.serving_pid
    os.kill(child, signal.SIGKILL)
    gateway.wait_log("restart")
    wait_for(lambda: " restart " in read(os.path.join(gateway.folder, "own.log")), 10, "the same in the log file")
