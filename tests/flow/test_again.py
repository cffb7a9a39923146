"""gatewayctl where an answer is not the last word: it asks again, with what was typed meanwhile."""
import json
import socket
import subprocess
import threading

from lib.gateway import built
from lib.waiting import PATIENCE


class Asked:
    """A control socket that wants `count` lines typed, and keeps the words it was asked with."""

    def __init__(self, path, count, after):
        self.words, self.count, self.after = [], count, after
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile("rb") as requests:
            for request in requests:
                words = json.loads(request)["words"]
                self.words.append(words)
                more = len(words) - 1 < self.count
                answer = {"again": words, "prompt": "code: ", "after": self.after} if more else {"text": "enough"}
                connection.sendall(json.dumps({**answer, "code": 0}).encode() + b"\n")


def ask(tmp_path, count, typed, after=1000):
    asked = Asked(str(tmp_path / "control"), count, after)
    run = subprocess.run([built("bin", "gatewayctl"), "--socket", str(tmp_path / "control"), "login"], input=typed, capture_output=True, timeout=20 * PATIENCE)
    assert run.stdout == b"enough\n", (run.stdout, run.stderr)
    return asked.words


def test_lines_that_come_at_once_are_asked_with_one_after_the_other(tmp_path):
    assert ask(tmp_path, 3, b"one\ntwo\r\nlast") == [["login"], ["login", "one"], ["login", "one", "two"], ["login", "one", "two", "last"]]


def test_a_long_line_is_cut_not_lost(tmp_path):
    words = ask(tmp_path, 2, b"x" * 9000 + b"\nnext\n")
    assert [len(word) for word in words[-1]] == [5, 8191, 809]
