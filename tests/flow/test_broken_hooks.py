"""Every hook with an answer that is late, broken or nonsense, and who else notices."""
import select
import time

import pytest

from lib.client import Client
from lib.probe import MAIL, check, talk
from lib.sink import OK
from lib.waiting import wait_for

DEFAULTS = {"connect": 421, "ehlo": 250, "auth": 454, "mail": 451, "rcpt": 451, "message": 451, "route": "waits", "admit": "waits", "prepare": "waits",
            "deliver": "waits"}
BROKEN = {
    "says FAILED": {"verdict": "failed"},
    "never wakes": {"way": "hang", "deadline": "60ms"},
    "wakes too late": {"way": "timer", "delay": "3s", "deadline": "60ms"},
    "works too long": {"way": "offload", "delay": "400ms", "deadline": "60ms"},
    "answers what it holds": {"way": "both"},
    "PENDING without a hold": {"verdict": "pending"},
}


@pytest.mark.parametrize("how", list(BROKEN))
@pytest.mark.parametrize("hook", list(DEFAULTS))
def test_broken_module_gives_the_default_of_the_hook(probed, hook, how):
    gateway = probed({"%s.%s" % (hook, key): value for key, value in BROKEN[how].items()})
    check(gateway, hook, DEFAULTS[hook])
    line = gateway.wait_log("module-failed")[0]
    assert (line["by"], line["hook"]) == ("40-probe", hook)
    assert not gateway.sink.messages or DEFAULTS[hook] == 250 or hook == "auth"


NONSENSE = {"connect": "hold", "ehlo": "wait", "auth": "discard", "mail": "next", "rcpt": "hold", "message": "wait", "route": "hold", "admit": "discard",
            "prepare": "disconnect", "deliver": "reject"}


@pytest.mark.parametrize("hook", list(NONSENSE))
def test_verdict_the_hook_does_not_know_counts_as_broken(probed, hook):
    gateway = probed({hook + ".verdict": NONSENSE[hook]})
    check(gateway, hook, DEFAULTS[hook])
    assert gateway.wait_log("module-failed", hook=hook)


@pytest.mark.parametrize("on_error, hook, expected", [
    ("continue", "message", "delivered by out"), ("tempfail", "message", 451), ("hold", "message", "held"), ("reject", "message", 554),
    ("continue", "mail", 250), ("reject", "mail", 550), ("hold", "mail", 451), ("wait", "mail", 451), ("tempfail", "ehlo", 451), ("continue", "connect", 220),
    ("continue", "prepare", "delivered by out"), ("wait", "prepare", "waits"), ("reject", "prepare", "bounced"), ("hold", "prepare", "waits"),
    ("reject", "route", "bounced"), ("tempfail", "route", "waits"),
])
def test_on_error(probed, on_error, hook, expected):
    gateway = probed({hook + ".verdict": "failed"}, keys={"on_error": on_error})
    check(gateway, hook, expected)


def test_deadline_of_the_instance(probed):
    gateway = probed({"message.way": "hang"}, keys={"deadline": "100ms"})
    began = time.monotonic()
    assert talk(gateway)[0]["message"].code == 451
    assert time.monotonic() - began > 0.09


def test_bounce_that_breaks_writes_the_report(probed, new_sink):
    sink = new_sink(script={"rcpt": lambda session, line: "550 5.1.1 nobody" if "b@example.net" in line else OK})
    gateway = probed({"bounce.verdict": "failed"}, sink=sink)
    talk(gateway)
    assert sink.wait_messages(1)[0].sender == ""


def test_slow_module_keeps_nobody_else_waiting(probed):
    """A held session costs the others nothing: all of them are served before it is."""
    gateway = probed({"message.way": "hang", "only": "slow"}, keys={"deadline": "10m"}, workers=1)
    with Client(gateway.clear_port, ehlo="slow") as slow:
        slow.envelope("slow@example.com")
        slow.say("DATA", 354)
        slow.send(MAIL + b".\r\n")
        for _ in range(20):
            talk(gateway, "quick@example.com")
        assert not select.select([slow.sock], [], [], 0)[0]


@pytest.mark.parametrize("way", ["offload", "timer", "thread", "hang"])
@pytest.mark.parametrize("hook", ["connect", "mail", "message"])
def test_client_that_leaves_while_a_module_waits(probed, hook, way):
    gateway = probed({hook + ".way": way, hook + ".delay": "150ms", hook + ".deadline": "400ms"})
    for _ in range(5):
        client = Client(gateway.clear_port, greet=False)
        if hook != "connect":
            client.reply()
            client.send(b"EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
        if hook == "message":
            while client.reply().code != 354:
                pass
            client.send(MAIL + b".\r\n")
        client.reset()
    wait_for(lambda: gateway.status()["counters"]["sessions_open"] == 0, 10, "all sessions to be gone")
    assert gateway.stop() == 0


def test_stop_while_modules_wait(probed):
    gateway = probed({"message.way": "hang", "message.deadline": "60s"})
    clients = []
    for _ in range(5):
        client = Client(gateway.clear_port, ehlo="me")
        client.envelope()
        client.say("DATA", 354)
        client.send(MAIL + b".\r\n")
        clients.append(client)
    wait_for(lambda: gateway.ctl("probe", "counts")["message"] == 5, 5)
    assert gateway.stop() == 0
    assert all(client.rest()[:3] != b"250" for client in clients)
