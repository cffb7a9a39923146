"""Every hook with every verdict it knows, given at once and in each of the three ways to wait; and what becomes of an answer that is late, broken or
nonsense. The module is the probe, which does what its options say."""
import base64
import select
import time

import pytest

from lib.client import Client, queue_id
from lib.sink import OK
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: hooks\r\nX-Old: there\r\n\r\nhello\r\n"
WAYS = ["now", "offload", "timer", "thread"]


def login(client, secret="secret"):
    return client.say("AUTH PLAIN " + base64.b64encode(b"\0me\0" + secret.encode()).decode())


def talk(gateway, id_from="a@example.com"):
    """A whole session; the code of each step up to the one that ended it, and the id of the message if there is one."""
    said = {}
    with Client(gateway.clear_port, greet=False) as client:
        steps = [("connect", client.reply), ("ehlo", lambda: client.say("EHLO client.example.com")), ("auth", lambda: login(client)),
                 ("mail", lambda: client.say("MAIL FROM:<%s>" % id_from)), ("rcpt", lambda: client.say("RCPT TO:<b@example.net>")),
                 ("message", lambda: client.text(MAIL))]
        for name, step in steps:
            reply = said[name] = step()
            if reply.code >= 400 and name != "auth":
                try:
                    said["alive"] = client.say("NOOP").code
                except (EOFError, ConnectionError):
                    said["alive"] = None
                return said, None
    return said, queue_id(reply)


def fate(gateway, id):
    """What became of an accepted message in its first round."""
    def known():
        for event in ("done", "later", "discarded", "received-held"):
            if gateway.log(event, id=id):
                return event
        return None
    event = wait_for(known, 10, lambda: "a fate:\n" + gateway.log_text()[-3000:])
    if event != "done":
        return {"later": "waits", "discarded": "discarded", "received-held": "held"}[event]
    if gateway.log("bounced", id=id):
        return "bounced"
    line, = gateway.log("delivered", id=id)
    return "delivered by " + (line["relay"] if not line.get("host", "").startswith("probe") else "probe")


@pytest.fixture
def probed(new_gateway, new_sink, request):
    """A gateway with the probe as asked, and good answers of it everywhere else; relays out and second."""
    def make(options, sink=None, keys=None, **settings):
        gateway = new_gateway()
        gateway.sink = sink or new_sink()
        gateway.second = new_sink()
        good = {"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out", "second"], "route.verdict": "accept"}
        gateway.probe(options={**good, **options}, **(keys or {}))
        gateway.relay("out", gateway.sink).relay("second", gateway.second).set(queue__retry=["1h"], **settings)
        return gateway.start()
    return make


# hook, verdict -> the code at that hook, or what becomes of the message
ANSWERS = {
    ("connect", "continue"): 220, ("connect", "accept"): 220, ("connect", "reject"): 554, ("connect", "tempfail"): 421, ("connect", "disconnect"): 421,
    ("ehlo", "continue"): 250, ("ehlo", "accept"): 250, ("ehlo", "reject"): 550, ("ehlo", "tempfail"): 451, ("ehlo", "disconnect"): 451,
    ("auth", "continue"): 535, ("auth", "accept"): 235, ("auth", "reject"): 535, ("auth", "tempfail"): 454,
    ("mail", "continue"): 250, ("mail", "accept"): 250, ("mail", "reject"): 550, ("mail", "tempfail"): 451, ("mail", "disconnect"): 451,
    ("rcpt", "continue"): 550, ("rcpt", "accept"): 250, ("rcpt", "reject"): 550, ("rcpt", "tempfail"): 451,
    ("message", "continue"): "delivered by out", ("message", "reject"): 554, ("message", "tempfail"): 451, ("message", "discard"): "discarded",
    ("message", "hold"): "held",
    ("route", "accept"): "delivered by out", ("route", "continue"): "waits", ("route", "reject"): "bounced", ("route", "tempfail"): "waits",
    ("admit", "continue"): "delivered by out", ("admit", "wait"): "waits", ("admit", "reject"): "bounced",
    ("prepare", "continue"): "delivered by out", ("prepare", "wait"): "waits", ("prepare", "reject"): "bounced",
    ("deliver", "continue"): "delivered by out", ("deliver", "accept"): "delivered by probe",
    ("bounce", "continue"): "bounced",
}
ENDS = {"disconnect"}


def check(gateway, hook, expected, verdict=None):
    said, id = talk(gateway)
    if isinstance(expected, int):
        assert said[hook].code == expected, said
        if hook in ("connect", "ehlo", "mail") and expected == 421 or verdict in ENDS:
            assert said["alive"] is None, "the connection stays open"
        return said, id
    assert fate(gateway, id) == expected, gateway.log_text()[-3000:]
    return said, id


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook, verdict", [key for key in ANSWERS if key[0] != "bounce"])
def test_verdict_of_a_hook(probed, hook, verdict, way):
    gateway = probed({hook + ".verdict": verdict, hook + ".way": way})
    check(gateway, hook, ANSWERS[hook, verdict], verdict)
    if ANSWERS[hook, verdict] in ("waits", "bounced", "discarded", "held"):
        assert not [message for message in gateway.sink.texts + gateway.second.texts if b"\r\nhello" in message.data and message.sender]
    assert not gateway.log("module-failed")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", ["admit", "prepare"])
def test_next_goes_to_the_next_relay(probed, new_gateway, new_sink, hook, way):
    """NEXT at every relay: the route is used up, and the message waits."""
    gateway = probed({hook + ".verdict": "next", hook + ".way": way})
    check(gateway, hook, "waits")
    assert not gateway.sink.sessions and not gateway.second.sessions


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("verdict, reports", [("continue", 1), ("discard", 0)])
def test_bounce(probed, new_sink, verdict, reports, way):
    sink = new_sink(script={"rcpt": lambda session, line: "550 5.1.1 nobody" if "b@example.net" in line else OK})
    gateway = probed({"bounce.verdict": verdict, "bounce.way": way}, sink=sink)
    said, id = talk(gateway)
    assert fate(gateway, id) == "bounced"
    gateway.wait_queue_empty()
    assert len(sink.messages) == reports


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("verdict, expected", [("accept", "delivered by out"), ("wait", "waits"), ("next", "waits"), ("continue", "waits")])
def test_login(probed, new_gateway, new_sink, certificates, verdict, expected, way):
    sink = new_sink(users={"me": "word"}, require_login=True)
    gateway = new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "login.verdict": verdict,
                           "login.way": way, "user": "me", "secret": "word"})
    gateway.module("45-limit", "limit").relay("out", sink, auth__user="me", clear_login=True).set(queue__retry=["1h"]).start()
    said, id = talk(gateway)
    assert fate(gateway, id) == expected
    assert bool(sink.commands("MAIL")) == (expected != "waits")
    assert "word" not in gateway.log_text()


@pytest.mark.parametrize("status, expected", [("delivered", "delivered by probe"), ("deferred", "waits"), ("bounced", "bounced"), ("unknown", "waits")])
def test_outcome_of_a_module_that_delivers(probed, status, expected):
    gateway = probed({"deliver.verdict": "accept", "status": status})
    said, id = talk(gateway, "")
    assert fate(gateway, id) == expected
    assert bool(gateway.log("unknown", id=id)) == (status == "unknown")
    assert not gateway.sink.sessions


@pytest.mark.parametrize("hook, verdict, code, enhanced", [("connect", "reject", 550, "5.7.25"), ("ehlo", "tempfail", 450, "4.7.1"), ("mail", "reject", 551, "5.7.3"),
                                                         ("rcpt", "reject", 553, "5.1.10"), ("message", "tempfail", 452, "4.2.2")])
def test_words_of_the_module_are_said(probed, hook, verdict, code, enhanced):
    gateway = probed({hook + ".verdict": verdict, hook + ".code": code, hook + ".enhanced": enhanced, hook + ".reply": "because I say so\r\n250 ok"})
    said, id = talk(gateway)
    assert said[hook].code == code and said[hook].lines == [enhanced + " because I say so  250 ok"], said[hook]


def test_reply_of_the_wrong_class_is_not_said(probed):
    gateway = probed({"mail.verdict": "reject", "mail.code": 250, "mail.reply": "fine"})
    assert talk(gateway)[0]["mail"].code == 550


# --- late, broken, nonsense: what the table says ---

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
    assert (line["instance"], line["hook"]) == ("40-probe", hook)
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


# --- what modules change ---

def test_edits_of_prepare(probed):
    gateway = probed({"add_header": "X-Probe: was here", "body": "another body\r\n", "return_path": "bounces@example.org"})
    talk(gateway)
    message, = gateway.sink.wait_messages(1)
    assert message.sender == "bounces@example.org"
    assert message.header("X-Probe") == "was here" and message.header("X-Old") == "there"
    assert message.data.endswith(b"\r\n\r\nanother body\r\n")


def test_null_return_path(probed):
    gateway = probed({"return_path": "<>"})
    talk(gateway)
    assert gateway.sink.wait_messages(1)[0].sender == ""


def test_no_edit_changes_no_octet(probed):
    gateway = probed({})
    talk(gateway)
    assert gateway.sink.wait_messages(1)[0].data.endswith(MAIL)


def test_edits_begin_anew_with_each_attempt(probed, new_sink):
    sink = new_sink(script={"mail": ["451 4.3.0 later"]})
    gateway = probed({"add_header": "X-Probe: once", "relays": ["out"]}, sink=sink)
    said, id = talk(gateway)
    assert fate(gateway, id) == "waits"
    gateway.ctl("queue", "retry", id)
    message, = sink.wait_messages(1)
    assert message.data.count(b"X-Probe: once") == 1


def test_chain_runs_in_the_order_of_the_files(new_gateway, new_sink):
    sink, gateway = new_sink(), new_gateway()
    base = {"rcpt.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "auth.verdict": "accept"}
    gateway.probe("30-first", {**base, "mail.verdict": "tempfail", "mail.code": 450, "mail.reply": "the first"})
    gateway.probe("35-second", {"mail.verdict": "reject", "mail.code": 550, "mail.reply": "the second"}).relay("out", sink).start()
    assert "the first" in talk(gateway)[0]["mail"].text
    gateway.fragments["90-first"] = gateway.fragments.pop("30-first")
    gateway.write()
    gateway.ctl("reload")
    assert "the second" in talk(gateway)[0]["mail"].text


def test_client_named_by_a_module(probed):
    gateway = probed({"client": "crm-one"})
    said, id = talk(gateway)
    assert gateway.wait_log("received", id=id)[0]["client"] == "crm-one"


def test_observers_are_told(probed):
    gateway = probed({"log_events": True})
    said, id = talk(gateway)
    fate(gateway, id)
    counts = gateway.ctl("probe", "counts")
    for hook in ("connect", "ehlo", "auth", "mail", "rcpt", "message", "route", "admit", "prepare", "deliver", "result", "event"):
        assert counts[hook] >= 1, (hook, counts)
    gateway.ctl("check")
    assert gateway.ctl("probe", "counts")["check"] == 1
    wait_for(lambda: gateway.ctl("probe", "counts")["tick"] >= 1, 5)
    assert any("40-probe" in row["what"] for row in gateway.ask("status")["rows"])


def test_split_by_route_is_two_deliveries(new_gateway, new_sink):
    """Recipients with other routes travel apart; each delivery has its own edits."""
    a, b, gateway = new_sink(), new_sink(), new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept", "relays": ["a"], "route.verdict": "accept"}).relay("a", a).relay("b", b).start()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(MAIL, "a@example.com", "one@example.net", "two@example.net")
    assert a.wait_messages(1)[0].rcpts == ["one@example.net", "two@example.net"]
