"""Every hook with every verdict it knows, given at once and in each of the three ways to wait, and what modules may change."""
import pytest

from lib.client import Client
from lib.probe import MAIL, check, fate, talk
from lib.sink import OK
from lib.waiting import wait_for

WAYS = ["now", "offload", "timer", "thread"]

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
    ("sealed", "continue"): "delivered by out", ("sealed", "wait"): "waits", ("sealed", "reject"): "bounced",
    ("deliver", "continue"): "delivered by out", ("deliver", "accept"): "delivered by probe",
    ("bounce", "continue"): "bounced",
}


def in_each_way(keys):
    """Each of keys in each way. What is but another verdict of a hook that waits is left to the release build: the way through the host is the same."""
    hooks = set()
    for key in keys:
        for way in WAYS:
            known = way != "now" and key[0] in hooks
            yield pytest.param(*key, way, marks=[pytest.mark.heavy] if known else [])
        hooks.add(key[0])


@pytest.mark.parametrize("hook, verdict, way", in_each_way(key for key in ANSWERS if key[0] != "bounce"))
def test_verdict_of_a_hook(probed, hook, verdict, way):
    gateway = probed({hook + ".verdict": verdict, hook + ".way": way})
    check(gateway, hook, ANSWERS[hook, verdict], verdict)
    if ANSWERS[hook, verdict] in ("waits", "bounced", "discarded", "held"):
        assert not [message for message in gateway.sink.texts + gateway.second.texts if b"\r\nhello" in message.data and message.sender]
    assert not gateway.log("module-failed")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", ["admit", "prepare", "sealed"])
def test_next_goes_to_the_next_relay(probed, new_gateway, new_sink, hook, way):
    """NEXT at every relay: the route is used up, and the message waits."""
    gateway = probed({hook + ".verdict": "next", hook + ".way": way})
    check(gateway, hook, "waits")
    assert not gateway.sink.sessions and not gateway.second.sessions


@pytest.mark.parametrize("verdict, reports, way", [("continue", 1, "now"), ("continue", 1, "thread"), ("discard", 0, "offload"), ("discard", 0, "timer")])
def test_bounce(probed, new_sink, verdict, reports, way):
    sink = new_sink(script={"rcpt": lambda session, line: "550 5.1.1 nobody" if "b@example.net" in line else OK})
    gateway = probed({"bounce.verdict": verdict, "bounce.way": way}, sink=sink)
    said, id = talk(gateway)
    assert fate(gateway, id) == "bounced"
    gateway.wait_queue_empty()
    assert len(sink.messages) == reports


@pytest.mark.parametrize("verdict, way", [("accept", way) for way in WAYS] + [("wait", "now"), ("next", "thread"), ("continue", "now")])
def test_login(probed, new_gateway, new_sink, certificates, verdict, way):
    expected = "delivered by out" if verdict == "accept" else "waits"
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


# --- what modules change ---

def test_edits_of_prepare(probed):
    gateway = probed({"add_header": "X-Probe: was here", "body": "another body\r\n", "return_path": "bounces@example.org"})
    talk(gateway)
    message, = gateway.sink.wait_messages(1)
    assert message.sender == "bounces@example.org"
    assert message.header("X-Probe") == "was here" and message.header("X-Old") == "there"
    assert message.data.endswith(b"\r\n\r\nanother body\r\n")


def test_a_notice_costs_no_other_octet(probed):
    gateway = probed({"notice": "-- \r\nthe company\r\n"})
    talk(gateway)
    assert gateway.sink.wait_messages(1)[0].data.endswith(MAIL + b"-- \r\nthe company\r\n")


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
    for hook in ("connect", "ehlo", "auth", "mail", "rcpt", "message", "route", "admit", "prepare", "sealed", "deliver", "result", "event"):
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
