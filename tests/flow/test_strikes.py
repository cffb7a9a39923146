"""What our answers count for: each refusal of a client is told, a message is either accepted or refused, and a gateway in trouble refuses none."""
import base64
import json
import re

import pytest

from conftest import LONG
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: strikes\r\n\r\nhello\r\n"
GOOD = {"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "client": "crm"}
EVENT = re.compile(r"event (\S+) client=(\S*) code=(\d+) json=(.*?): (.*)$")


def events(gateway, *names):
    """(name, client, code, json, text) of each event that the probe was told, in order."""
    found = [EVENT.match(line["text"]) for line in gateway.log("probe")]
    told = [(match[1], match[2], int(match[3]), json.loads(match[4]) if match[4] else {}, match[5]) for match in found if match]
    return [event for event in told if event[0] in names]


def wait_events(gateway, count, *names):
    return wait_for(lambda: (lambda got: got if len(got) >= count else None)(events(gateway, *names)), 10, lambda: "%d events: %r\n%s" % (
        count, events(gateway, *names), gateway.log_text()[-3000:]))


@pytest.fixture
def told(new_gateway, new_sink):
    """A gateway whose probe is told of events; the client is "crm"."""
    def make(options=None, **settings):
        gateway = new_gateway()
        gateway.sink = new_sink()
        gateway.probe(options={**GOOD, "log_events": True, **(options or {})}).relay("out", gateway.sink).set(**settings)
        return gateway.start()
    return make


def login(client):
    return client.say("AUTH PLAIN " + base64.b64encode(b"\0me\0wrong").decode())


REFUSALS = {
    "connect": ({"connect.verdict": "reject"}, None, 554),
    "ehlo": ({"ehlo.verdict": "reject"}, lambda client: client.say("EHLO me"), 550),
    "auth": ({"auth.verdict": "reject"}, login, 535),
    "mail": ({"mail.verdict": "reject"}, lambda client: client.say("MAIL FROM:<a@example.com>"), 550),
    "rcpt": ({"rcpt.verdict": "tempfail"}, lambda client: client.say("RCPT TO:<b@example.net>"), 451),
    "message": ({"message.verdict": "reject"}, lambda client: client.text(MAIL), 554),
}


@pytest.mark.parametrize("stage", list(REFUSALS))
def test_each_refusal_is_told(told, stage):
    options, last, code = REFUSALS[stage]
    gateway = told({**options, stage + ".code": code, stage + ".reply": "because I say so"})
    with Client(gateway.clear_port, greet=False) as client:
        replies = [client.reply()]
        steps = [("ehlo", lambda: client.say("EHLO me")), ("auth", None), ("mail", lambda: client.say("MAIL FROM:<a@example.com>")),
                 ("rcpt", lambda: client.say("RCPT TO:<b@example.net>")), ("message", None)]
        for name, step in steps if last else []:
            if name == stage:
                break
            step and replies.append(step())
        last and replies.append(last(client))
        assert replies[-1].code == code and all(reply.code < 400 for reply in replies[:-1])
        got, = wait_events(gateway, 1, "refused")
        words = "authentication failed" if stage == "auth" else "because I say so"
        assert got == ("refused", "crm", code, {"stage": stage, "peer": "127.0.0.1"}, words)
        client.say("RSET")
        client.say("NONSENSE")
        client.say("DATA")
    assert gateway.stop() == 0
    assert len(events(gateway, "refused")) == 1 and not events(gateway, "accepted")


@pytest.mark.parametrize("lines, code, stage", [
    (["EHLO me", "MAIL FROM:<a@example.com> SIZE=99999999999"], 552, "mail"),
    (["EHLO me", "MAIL FROM:<nobody"], 501, "mail"),
    (["EHLO me", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "RCPT TO:<c@example.net>"], 452, "limit"),
])
def test_refusals_of_the_gateway_itself(told, lines, code, stage):
    gateway = told(limits__recipients=1)
    with Client(gateway.clear_port) as client:
        replies = [client.say(line) for line in lines]
    assert replies[-1].code == code
    got, = wait_events(gateway, 1, "refused")
    assert (got[1], got[2], got[3]["stage"]) == ("crm", code, stage)


def test_follow_up_replies_are_not_told(told):
    """Pipelined, a refused MAIL gives three more replies; it is one refusal."""
    gateway = told({"mail.verdict": "reject"})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nBDAT 3 LAST\r\nabcNOOP\r\n")
        assert [reply.code for reply in client.replies(5)] == [550, 503, 503, 503, 250]
    assert gateway.stop() == 0
    assert len(events(gateway, "refused")) == 1


@pytest.mark.parametrize("verdict, name, json", [
    ("continue", "accepted", {}), ("hold", "accepted", {}), ("discard", "accepted", {"discarded": True}),
    ("reject", "refused", {"stage": "message", "peer": "127.0.0.1"}), ("tempfail", "refused", {"stage": "message", "peer": "127.0.0.1"}),
])
@pytest.mark.parametrize("way", ["now", "timer", "offload"])
def test_one_of_both_follows_each_message(told, verdict, name, json, way):
    gateway = told({"message.verdict": verdict, "message.way": way})
    with Client(gateway.clear_port, ehlo="me") as client:
        for _ in range(3):
            client.message(MAIL)
    assert gateway.stop() == 0
    assert [(got[0], got[1], got[3]) for got in events(gateway, "accepted", "refused")] == [(name, "crm", json)] * 3


@pytest.mark.parametrize("way", ["timer", "offload"])
@pytest.mark.parametrize("end", ["reset", "close"])
def test_client_that_does_not_wait_for_the_answer(told, way, end):
    """What is complete is kept and sent, since nobody knows what the client heard; but it is told."""
    gateway = told({"message.way": way, "message.delay": "1200ms", "message.deadline": "10s"})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(MAIL + b".\r\n")
        wait_for(lambda: gateway.ctl("probe", "counts")["message"] == 1, 5)
        getattr(client, end)()
    assert wait_events(gateway, 1, "accepted", "refused") == [("accepted", "crm", 0, {"answered": False}, "")]
    assert gateway.sink.wait_messages(1)


@pytest.mark.skipif(not LONG, reason="a stop waits a while for it")
def test_stop_while_a_message_is_judged(told):
    gateway = told({"message.way": "hang", "message.deadline": "60s"})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(MAIL + b".\r\n")
        wait_for(lambda: gateway.ctl("probe", "counts")["message"] == 1, 5)
        assert gateway.stop() == 0
    got, = events(gateway, "accepted", "refused")
    assert got == ("refused", "crm", 0, {"stage": "message", "peer": "127.0.0.1"}, "the link was lost before the answer")


def test_client_that_leaves_in_the_middle_is_not_refused(told):
    gateway = told()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(MAIL)
        client.reset()
    gateway.wait_log("client-lost")
    assert gateway.stop() == 0
    assert not events(gateway, "refused", "accepted")


# --- the module: counting, warning, and 250 for what is refused ---

@pytest.fixture
def guarded(new_gateway, new_sink):
    """A gateway with strikes whose client is "crm"; one probe says yes to all, another one says what it is told, about clients' mail only."""
    def make(options=None, strikes=None, sink=None, good=None, **settings):
        gateway = new_gateway()
        gateway.sink = sink or new_sink()
        gateway.probe(options={**GOOD, **(good or {})}).module("28-strikes", "strikes", strikes).relay("out", gateway.sink)
        gateway.probe("45-virus", {"only": "@", **(options or {})})
        return gateway.set(**{"queue__retry": ["1h"], **settings}).start()
    return make


def strikes_of(gateway, client="crm"):
    return next((row for row in gateway.ctl("strikes") if row["client"] == client), None)


def hand_in(gateway, sender="a@example.com", octets=MAIL, params=""):
    with Client(gateway.clear_port, ehlo="me") as client:
        return client.message(octets, sender, params=params)


VIRUS = {"message.verdict": "reject", "message.code": 550, "message.enhanced": "5.7.1", "message.reply": "a virus is in it: Eicar", "only": "bad"}
TAKE = {"clients": [{"name": "crm", "policy_reject": "accept+dsn"}]}


def test_refusals_are_counted_and_survive_a_restart(guarded):
    gateway = guarded(VIRUS)
    assert hand_in(gateway).code == 250
    assert hand_in(gateway, "bad@example.com").code == 550
    row = strikes_of(gateway)
    assert (row["messages"], row["refused"], row["limit"], row["code"], row["words"]) == (1, 1, 3, 550, "a virus is in it: Eicar")
    assert row["seen"] and row["refused_at"] and row["stage"] == "message"
    assert "a virus is in it" in gateway.text("strikes")
    gateway.restart()
    assert strikes_of(gateway) == row
    assert not gateway.log("strikes")
    assert hand_in(gateway, "bad@example.com").code == 550
    line, = gateway.wait_log("strikes")
    assert line["level"] == "warning"
    assert line["text"].startswith("client crm was refused 2 times today, and may go another way at 3; the last")
    assert gateway.wait_log("module-event", name="strike-warning")
    hand_in(gateway, "bad@example.com")
    hand_in(gateway, "bad@example.com")
    assert strikes_of(gateway)["refused"] == 4
    assert gateway.wait_log("module-event", name="strike-limit")
    assert len(gateway.log("module-event", name="strike-warning")) == 1


def test_failed_login_of_a_stranger_counts_for_nobody(guarded):
    gateway = guarded(good={"auth.verdict": "reject", "client": ""})
    with Client(gateway.clear_port, ehlo="me") as client:
        assert login(client).code == 535
    gateway.wait_log("login-failed")
    assert gateway.ctl("strikes") == []


def test_refused_mail_is_taken_and_goes_back(guarded):
    gateway = guarded(VIRUS, TAKE)
    id = queue_id(hand_in(gateway, "bad@example.com"))
    report, = gateway.sink.wait_messages(1)
    gateway.wait_queue_empty()
    assert report.sender == "" and report.rcpts == ["bad@example.com"]
    assert b"Status: 5.7.1" in report.data and b"smtp; 550 5.7.1 a virus is in it: Eicar" in report.data
    assert len(gateway.sink.messages) == 1, "the refused mail itself was delivered"
    row = strikes_of(gateway)
    assert (row["messages"], row["refused"], row["policy"]) == (1, 0, "accept+dsn")
    line, = gateway.wait_log("refused-taken", id=id)
    assert (line["by"], line["reply"]) == ("45-virus", "550 5.7.1 a virus is in it: Eicar")
    assert any(row["event"] == "refused-taken" for row in gateway.explain(id))


def test_refusal_without_words_goes_back_in_the_usual_ones(guarded):
    gateway = guarded({"message.verdict": "reject"}, TAKE)
    assert hand_in(gateway).code == 250
    report, = gateway.sink.wait_messages(1)
    assert b"smtp; 554 5.7.1 message refused" in report.data


def test_not_now_is_said_all_the_same(guarded):
    gateway = guarded({"message.verdict": "tempfail"}, TAKE)
    assert hand_in(gateway).code == 451
    assert strikes_of(gateway)["refused"] == 1


def test_other_clients_hear_the_refusal(guarded):
    gateway = guarded(VIRUS, {"clients": [{"name": "somebody-else", "policy_reject": "accept+dsn"}]})
    assert hand_in(gateway, "bad@example.com").code == 550
    assert not gateway.sink.messages


def test_refused_mail_with_the_null_sender_goes_nowhere(guarded):
    gateway = guarded({"message.verdict": "reject", "message.code": 550, "message.reply": "no", "only": ""}, TAKE)
    id = queue_id(hand_in(gateway, ""))
    assert gateway.wait_log("bounced", id=id)[0]["text"] == "no"
    gateway.wait_queue_empty()
    assert not gateway.sink.messages


def test_refused_mail_is_never_delivered_also_after_a_crash(guarded, new_sink):
    """Killed between the 250 and the report; the refusal holds though the module that refused it is gone then."""
    gateway = guarded({**VIRUS, "bounce.way": "hang", "bounce.deadline": "60s"}, TAKE)
    id = queue_id(hand_in(gateway, "bad@example.com"))
    wait_for(lambda: gateway.ctl("probe", "counts")["bounce"] == 1, 5)
    gateway.kill()
    del gateway.fragments["45-virus"]
    gateway.start()
    gateway.ctl("queue", "retry", "--all")
    report, = gateway.sink.wait_messages(1)
    gateway.wait_queue_empty()
    assert report.sender == "" and b"smtp; 550 5.7.1 a virus is in it: Eicar" in report.data
    assert len(gateway.sink.messages) == 1 and not gateway.log("delivered", id=id)


def test_mail_is_taken_while_every_next_hop_is_down(guarded, new_sink):
    sink = new_sink()
    sink.stop()
    gateway = guarded(sink=sink, queue__retry=["100ms"])
    ids = [queue_id(hand_in(gateway)) for _ in range(5)]
    for id in ids:
        gateway.wait_log("later", id=id)
    assert (strikes_of(gateway)["messages"], strikes_of(gateway)["refused"]) == (5, 0)
    back = new_sink(port=sink.port)
    assert len(back.wait_messages(5)) == 5
    gateway.wait_queue_empty()
