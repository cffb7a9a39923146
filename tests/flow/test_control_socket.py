"""The control socket: whom it lets in, and that nobody who asks can keep others from asking."""
import grp
import json
import os
import pwd
import socket
import subprocess

import pytest

from conftest import open_relay
from lib.gateway import built
from lib.waiting import PATIENCE, wait_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = pwd.getpwnam("nobody")
HELP = b'{"words": ["help"]}\n'


def group_name(gid):
    return grp.getgrgid(gid).gr_name


OTHER_GROUP = next(group for group in grp.getgrall() if group.gr_gid not in (0, NOBODY.pw_gid))


@pytest.fixture
def open_to(new_gateway, new_sink):
    def make(env=None, **control):
        gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).set(**control)
        os.chmod(gateway.folder, 0o755)
        os.chmod(gateway.state, 0o755)
        return gateway.start(env=env)
    return make


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20 * PATIENCE)
        self.sock.connect(path)

    def line(self):
        got = b""
        try:
            while not got.endswith(b"\n"):
                part = self.sock.recv(65536)
                if not part:
                    break
                got += part
        except ConnectionResetError:
            pass
        return json.loads(got) if got else None


def as_user(work, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid, groups=()):
    """What `work` gives, done in a process of that user."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            os.write(write, json.dumps(work()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    assert os.waitpid(child, 0)[1] == 0, text
    return json.loads(text)


def code_of(gateway, *words):
    return (gateway.ask(*words) or {}).get("code")


# --- who ---

@needs_root
def test_one_group_owns_the_file(open_to):
    gateway = open_to(control__view_group=OTHER_GROUP.gr_name)
    info = os.stat(gateway.socket_path)
    assert info.st_mode & 0o777 == 0o660 and info.st_gid == OTHER_GROUP.gr_gid
    assert as_user(lambda: code_of(gateway, "status"), groups=[OTHER_GROUP.gr_gid]) == 0
    assert as_user(lambda: code_of(gateway, "reload"), groups=[OTHER_GROUP.gr_gid]) == 77
    assert as_user(lambda: code_of(gateway, "status")) is None


@needs_root
def test_with_two_groups_who_is_in_none_is_sent_away_before_a_word(open_to):
    gateway = open_to(control__view_group=OTHER_GROUP.gr_name, control__admin_group="root")
    assert as_user(lambda: Connection(gateway.socket_path).line())["code"] == 77
    assert as_user(lambda: code_of(gateway, "status"), groups=[OTHER_GROUP.gr_gid]) == 0
    assert as_user(lambda: code_of(gateway, "reload"), groups=[0]) == 0


def test_it_lies_in_the_folder_of_the_unit(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink())
    run = os.path.join(gateway.folder, "run")
    os.mkdir(run)
    gateway.socket_path = os.path.join(run, "control.sock")
    gateway.start(env={"RUNTIME_DIRECTORY": run})
    assert not os.path.exists(os.path.join(gateway.state, "control.sock"))
    assert gateway.stop() == 0 and os.listdir(run) == []


def test_a_group_that_cannot_reach_it_is_told(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).set(control__view_group=OTHER_GROUP.gr_name)
    os.chmod(gateway.state, 0o700)
    gateway.start()
    line, = gateway.wait_log("control-socket")
    assert gateway.state in line["raw"] and "cannot reach" in line["raw"]


# --- how many ---

@needs_root
def test_a_group_member_locks_nobody_out(open_to):
    """One of the group holds all that it can while root asks; its own oldest connections make room for its next."""
    gateway = open_to(control__view_group=group_name(NOBODY.pw_gid))

    def fill():
        held = [Connection(gateway.socket_path) for _ in range(100)]
        held[-1].sock.sendall(HELP)
        return [held[-1].line()["code"], held[0].line()]
    assert as_user(fill) == [0, None]
    release, gate = os.pipe()
    filled, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY.pw_gid)
        os.setuid(NOBODY.pw_uid)
        kept = [Connection(gateway.socket_path) for _ in range(100)]
        os.write(tell, b"x")
        os.close(gate)
        os.read(release, 1)
        os._exit(0 if kept else 1)
    os.read(filled, 1)
    assert gateway.ask("status")["code"] == 0
    os.close(gate)
    assert os.waitpid(child, 0)[1] == 0


def test_silent_connections_of_root_make_room(open_to):
    gateway = open_to()
    silent = [Connection(gateway.socket_path) for _ in range(100)]
    answer = gateway.run_ctl("status")
    assert answer.code == 0, answer.err
    assert silent[0].line() is None


def test_the_next_question_waits_until_the_answer_is_out(open_to):
    """Thousands of questions from somebody who does not read cost one answer."""
    gateway = open_to()
    gateway.ask("options")
    before = gateway.rss()
    lazy = Connection(gateway.socket_path)
    lazy.sock.setblocking(False)
    question, sent = b'{"words": ["options"]}\n' * 1000, 0
    for _ in range(200):
        try:
            sent += lazy.sock.send(question)
        except BlockingIOError:
            break
    assert gateway.ask("status")["code"] == 0
    assert gateway.rss() - before < 4000 or gateway.grew(before) == 0
    lazy.sock.settimeout(20 * PATIENCE)
    answers = 0
    while answers < 50:
        answers += lazy.sock.recv(65536).count(b"\n")


# --- gatewayctl ---

def test_gatewayctl_says_why_nobody_answers(tmp_path):
    """A socket on which somebody takes the connection and is gone, and one on which nobody ever answers."""
    path = str(tmp_path / "sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)

    def run(*options):
        return subprocess.Popen([built("bin", "gatewayctl"), "--socket", path, *options, "status"], stderr=subprocess.PIPE, text=True)
    process = run()
    listener.accept()[0].close()
    assert "no answer from the gateway" in process.communicate(timeout=30 * PATIENCE)[1] and process.returncode == 69
    process = run("--timeout", "1")
    held = listener.accept()[0]
    assert "within 1 seconds" in process.communicate(timeout=30 * PATIENCE)[1] and process.returncode == 69
    held.close()


@needs_root
def test_gatewayctl_says_what_it_was_told_by_a_gateway_that_sends_it_away(open_to):
    gateway = open_to(control__view_group=OTHER_GROUP.gr_name, control__admin_group="root")
    program = os.path.join(gateway.folder, "gatewayctl")
    with open(built("bin", "gatewayctl"), "rb") as source, open(program, "wb") as copy:
        copy.write(source.read())
    os.chmod(program, 0o755)
    done = subprocess.run([program, "--socket", gateway.socket_path, "status"], capture_output=True, text=True, user="nobody", group=NOBODY.pw_gid,
                          extra_groups=[], timeout=30 * PATIENCE)
    assert done.returncode == 77 and "may ask" in done.stderr


def test_words_that_are_no_utf8_are_asked_all_the_same(open_to):
    gateway = open_to()
    done = subprocess.run([built("bin", "gatewayctl").encode(), b"--socket", gateway.socket_path.encode(), b"queue", b"list", b"--from", b"\xff"],
                          capture_output=True, timeout=30 * PATIENCE)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: gateway.ask("status"), 5, "an answer")
