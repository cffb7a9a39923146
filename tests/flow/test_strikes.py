"""What our answers count for: every refusal of a client is told, each message is either accepted or refused, and a gateway in trouble refuses nothing."""
import base64
import json
import re

import pytest

from conftest import LONG
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: strikes\r\n\r\nhello\r\n"
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
        good = {"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "client": "crm", "log_events": True}
        gateway.probe(options={**good, **(options or {})}).relay("out", gateway.sink).set(**settings)
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
