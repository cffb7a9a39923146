"""An instance on each worker: begun before all else there, ended after all else, with its timers; and one look-up for several calls."""
import os
import re

import pytest

from lib.client import Client
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: turns\r\n\r\nhello\r\n"


def said(gateway, first=""):
    """What the module said, in order."""
    return [line["text"] for line in gateway.log("turns") if line["text"].startswith(first)]


def count(gateway, first):
    return len(said(gateway, first))


@pytest.fixture
def turns(new_gateway, new_sink):
    def make(name="first", **options):
        sink, gateway = new_sink(), new_gateway()
        gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": ["out"]}).relay("out", sink)
        return gateway.module("45-turns", "turns", {"name": name, **options}).start(), sink
    return make


def places(gateway, what):
    """Numbers of the workers on which it was said."""
    return sorted(int(text.split()[-1]) for text in said(gateway, what + " "))


def test_start_and_stop_enclose_the_workers(turns):
    gateway, _ = turns(every="20ms", once="1ms")
    wait_for(lambda: count(gateway, "again") >= 4 and count(gateway, "once") == 2)
    gateway.stop()
    lines = said(gateway)
    assert lines[0].split()[0] == "start", lines
    ends = [line.split()[0] for line in lines if not line.startswith("again")] # one worker's timer while the other ends
    assert ends[-3:] == ["worker_stop", "worker_stop", "stop"], lines
    assert places(gateway, "worker_start") == places(gateway, "worker_stop") == places(gateway, "once") == [1, 2]
    assert set(places(gateway, "again")) == {1, 2} and not said(gateway, "late") and not said(gateway, "a timer")
    for place in (1, 2):
        own = [line.split()[0] for line in lines if line.endswith(" %d" % place)]
        assert own[0] == "worker_start" and own[-1] == "worker_stop"


def test_a_reload_ends_the_old_instance_once_nobody_has_it(turns, tmp_path):
    key = str(tmp_path / "gate")
    gateway, _ = turns(every="10ms", gate=key)
    wait_for(lambda: count(gateway, "again first") >= 2)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.send("RCPT TO:<b@one.example>\r\n")
        wait_for(lambda: count(gateway, "work"))
        gateway.module("45-turns", "turns", {"name": "second", "every": "10ms"}).write()
        assert gateway.run_ctl("reload").code == 0
        wait_for(lambda: count(gateway, "again second") >= 4)
        assert not said(gateway, "worker_stop") and count(gateway, "worker_start second") == 2
        before = count(gateway, "again first")
        wait_for(lambda: count(gateway, "again first") > before)  # its timers go on with it
        open(key, "w").close()
        assert client.reply().code == 250
    wait_for(lambda: count(gateway, "stop first") == 1)
    lines = said(gateway)
    own = [line for line in lines if " first " in line]
    assert [line.split()[0] for line in own if "stop" in line] == ["worker_stop", "worker_stop", "stop"] and own[-1].startswith("stop"), own
    for place in (1, 2):
        assert [line for line in own if line.endswith(" %d" % place)][-1].startswith("worker_stop"), own
    wait_for(lambda: count(gateway, "again second") >= 6)


def test_messages_that_ask_the_same_share_one_look_up(turns, tmp_path):
    key = str(tmp_path / "gate")
    gateway, _ = turns(gate=key)
    clients = [Client(gateway.clear_port, ehlo="client.example.com") for _ in range(8)]
    for client in clients:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.send("RCPT TO:<b@one.example>\r\n")
    wait_for(lambda: count(gateway, "asked") == 8)
    wait_for(lambda: count(gateway, "work"))
    clients[0].close()
    open(key, "w").close()
    assert [client.reply().code for client in clients[1:]] == [250] * 7
    wait_for(lambda: 7 <= count(gateway, "answered 11") <= 8)
    assert 1 <= count(gateway, "work one.example") <= 2  # one a worker
    for client in clients[1:]:
        client.close()


def test_a_stop_while_a_call_waits_ends_the_call_first(turns, tmp_path):
    gateway, _ = turns(gate=str(tmp_path / "gate"))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.send("RCPT TO:<b@one.example>\r\n")
        wait_for(lambda: count(gateway, "work"))
        gateway.process.terminate()
        (tmp_path / "gate").write_text("")
        gateway.wait_end(30)
    assert [line.split()[0] for line in said(gateway)[-3:]] == ["worker_stop", "worker_stop", "stop"], said(gateway)


def test_a_crash_in_a_timer_names_it(turns):
    gateway, _ = turns(once="300ms", crash=True)
    death = wait_for(lambda: next((line for line in gateway.log_text().splitlines() if "45-turns" in line and "timer" in line), None), 20)
    assert re.search(r"timer", death) and os.path.exists(gateway.state)
