"""Memory that is out at the start ends it with an exit code and words: never by a signal, never by waiting for ever."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from conftest import LONG
from lib.gateway import ROOT, built, free_port
from lib.waiting import PATIENCE, wait_for

MOST = 2000  # requests of a start: there are about 200


class Start:
    """The shipped fragments with all that they name, and runs of gatewayd in which the nth request for memory gets none."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.config, self.state, self.mark, self.said = (os.path.join(self.folder, name) for name in ("conf.d", "state", "mark", "said"))
        shutil.copytree(os.path.join(ROOT, "conf.d"), self.config)
        self.use_free_ports()
        made = subprocess.run(self.command("--init", "--hostname", "relay.example.com"), capture_output=True, text=True, timeout=60 * PATIENCE)
        assert made.returncode == 0, made.stderr

    def use_free_ports(self):
        path = os.path.join(self.config, "00-gateway.conf")
        with open(path) as file:
            text = re.sub(r"port = 2(587|465);", lambda _: "port = %d;" % free_port(), file.read())
        with open(path, "w") as file:
            file.write(text)

    def command(self, *more):
        return [built("bin", "gatewayd"), "--user", "root", "--config", self.config, "--state", self.state, "--modules", built("modules"), *more]

    def run(self, nth, all_after, *more):
        """The process, and whether it came to the nth request."""
        if os.path.exists(self.mark):
            os.remove(self.mark)
        env = {**os.environ, "LD_PRELOAD": built("tests", "no_memory.so"), "ASAN_OPTIONS": "verify_asan_link_order=0", "FAIL_NTH": str(nth), "FAIL_MARK": self.mark}
        if all_after:
            env["FAIL_ALL"] = "1"
        with open(self.said, "w") as out:
            return subprocess.Popen(self.command(*more), env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def text(self):
        with open(self.said) as file:
            return file.read()

    def judge(self, process, nth):
        """False: it never asked as often."""
        try:
            code = process.wait(60 * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("request %d: it does not end\n%s" % (nth, self.text()))
        text = self.text()
        assert code >= 0 and not re.search(r"signal (4|6|7|8|11)\b", text), (nth, code, text)
        assert code == 0 or "error: " in text or " error " in text, (nth, code, text)
        return os.path.exists(self.mark)

    def check(self, nth, all_after):
        return self.judge(self.run(nth, all_after, "--check"), nth)

    def start_and_stop(self, nth, all_after):
        process = self.run(nth, all_after, "--foreground")
        wait_for(lambda: process.poll() is not None or " started " in self.text(), 60, "request %d: it ends or serves" % nth)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return self.judge(process, nth)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    if not os.path.exists(built("tests", "no_memory.so")):
        pytest.skip("a sanitizer hands out the memory here")
    return Start(tmp_path_factory.mktemp("no-memory"))


def sweep(one, step, all_after):
    hits = 0
    for nth in range(1, MOST, step):
        if not one(nth, all_after):
            break
        hits += 1
    assert nth < MOST - step and hits > 4


@pytest.mark.parametrize("all_after", [False, True])
def test_a_check_without_memory_ends_with_words(start, all_after):
    sweep(start.check, 1 if LONG else 9, all_after)


def test_a_start_without_memory_ends_with_words(start):
    sweep(start.start_and_stop, 1 if LONG else 31, False)
