"""accept = "cutthrough": the client hears what the next hop says of its message; where that is not to be had, the message is queued as any other."""
import json
import re

import pytest

from lib.client import Client, queue_id
from lib.gateway import Gateway
from lib.sink import DROP, STALL, Sink
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: cut\r\n\r\nhello\r\n"
GOOD = {"rcpt.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "client": "crm", "log_events": True}
EVENT = re.compile(r"event (accepted|refused) client=crm code=(\d+) json=(\{.*?\})?: ")
TWO = ("b@example.net", "c@example.net")


def events(gateway):
    """What modules were told of the client's messages: (name, code, json)."""
    found = [EVENT.match(line["text"]) for line in gateway.log("probe")]
    return [(match[1], int(match[2]), json.loads(match[3] or "{}")) for match in found if match]


def make_gateway(gateway, sink, wait="60s", **options):
    gateway.sink = sink
    gateway.probe(options={**GOOD, **options}).relay("out", sink).set(workers=1, limits__extent="4K")
    gateway.fragments["00-gateway"]["gateway"]["listeners"][0].update(accept="cutthrough", accept_wait=wait)
    gateway.client = lambda: Client(gateway.clear_port, ehlo="me")
    return gateway.start()


@pytest.fixture(scope="module")
def shared(certificates):
    """A gateway whose clients wait for a minute, for all tests that leave it as it was."""
    gateway = make_gateway(Gateway(certificates), Sink())
    yield gateway
    gateway.sink.stop()
    gateway.remove()


@pytest.fixture
def cut(shared):
    """The shared gateway with an empty queue: cut(script) has its sink act so."""
    def make(script=None):
        shared.sink.script = dict(script or {})
        shared.sink.messages.clear()
        shared.sink.released.clear()
        shared.seen, shared.counted = len(events(shared)), shared.status()["counters"]
        return shared
    yield make
    shared.sink.release()
    shared.sink.script = {}
    for row in shared.queue():
        shared.run_ctl("queue", "delete", row["id"])
    shared.wait_queue_empty()


@pytest.fixture
def own(new_gateway, new_sink):
    """A gateway for the test alone."""
    return lambda script=None, **how: make_gateway(new_gateway(), new_sink(script=script), **how)


def told(gateway):
    """What modules were told since the test began."""
    return events(gateway)[gateway.seen:]


def grew(gateway, counter):
    return gateway.counter(counter) - gateway.counted[counter]


def story(gateway, id):
    return [row["event"] for row in gateway.explain(id) if row["event"] != "probe"]


def wait_report(gateway):
    gateway.sink.wait(lambda: any(message.sender == "" for message in gateway.sink.messages), what="a report")


def begin(client, *rcpts):
    """A message up to its dot; its answer is not read."""
    client.envelope("a@example.com", *rcpts)
    client.say("DATA", 354)
    client.send(MAIL + b".\r\n")


ACCEPTED, DELIVERED = ("accepted", 0, {}), ("accepted", 0, {"delivered": True})


def refused(code):
    return "refused", code, {"stage": "message", "peer": "127.0.0.1"}


# --- the next hop's answer ---

def test_next_hop_has_taken_it(cut):
    gateway = cut({"dot": ["250 2.6.0 <abc> is mine\nand more"]})
    with gateway.client() as client:
        reply = client.message(MAIL, "a@example.com", *TWO)
        assert reply.code == 250 and reply.lines == ["2.6.0 <abc> is mine", "2.6.0 and more"]
        assert client.message(MAIL).text == "2.0.0 kept as 1"
        client.say("MAIL FROM:<a@example.com>", 250)
    id = gateway.wait_log("answered", by="next hop", code=250)[0]["id"]
    assert story(gateway, id) == ["received", "delivered", "delivered", "answered", "done"]
    assert grew(gateway, "messages") == 2 and grew(gateway, "messages_refused") == 0
    assert told(gateway) == [DELIVERED, DELIVERED]


REFUSALS = [
    ({"rcpt": ["550 5.1.1 nobody of that name"]}, (), 550, "5.1.1 nobody of that name"),
    ({"mail": ["553 5.1.8 not from there"]}, (), 553, "5.1.8 not from there"),
    ({"dot": ["554 no thanks"]}, (), 554, "5.0.0 no thanks"),
    ({"rcpt": ["550 5.1.1 no first", "551 5.1.2 no second"]}, TWO, 550, "5.1.1 no first"),
]


@pytest.mark.parametrize("script, rcpts, code, words", REFUSALS)
def test_next_hop_refused_it(cut, script, rcpts, code, words):
    gateway = cut(script)
    with gateway.client() as client:
        reply = client.message(MAIL, "a@example.com", *rcpts)
        assert (reply.code, reply.text) == (code, words)
        client.say("MAIL FROM:<a@example.com>", 250)
    assert gateway.queue() == [] and gateway.sink.messages == []
    assert [grew(gateway, name) for name in ("messages", "messages_refused", "dsns")] == [0, 1, 0]
    assert told(gateway) == [refused(code)]
    assert story(gateway, gateway.log("answered")[-1]["id"])[-3:] == ["bounced", "done", "answered"]


def test_what_a_client_heard_refused_stays_so(own):
    """The record of it was on the disk before."""
    gateway = own({"dot": ["550 5.7.1 no"] * 3})
    with gateway.client() as client:
        for _ in range(3):
            assert client.message(MAIL).code == 550
        gateway.kill()
    gateway.start()
    assert gateway.queue() == [] and gateway.counter("attempts") == 0


def test_words_of_a_hostile_next_hop_stay_one_reply(cut):
    gateway = cut({"dot": ["550 5.7.1 no\x07\r250 2.0.0 yes\n550 %s" % ("x" * 3000)]})
    with gateway.client() as client:
        reply = client.message(MAIL)
        assert reply.code == 550 and len(reply.lines) == 2 and reply.lines[0] == "5.7.1 no??250 2.0.0 yes"
        client.say("NOOP", 250)


# --- there is none ---

QUEUED = {
    "temporary": ({"rcpt": ["450 4.2.0 later"]}, ()),
    "mixed": ({"rcpt": ["250 2.1.5 ok", "550 5.1.1 no"]}, TWO),
    "one of two later": ({"rcpt": ["550 5.1.1 no", "450 4.2.0 later"]}, TWO),
    "nobody knows": ({"dot": [DROP]}, ()),
}


@pytest.mark.parametrize("case", QUEUED)
def test_it_is_queued_where_there_is_no_answer(cut, case):
    script, rcpts = QUEUED[case]
    gateway = cut({stage: list(acts) for stage, acts in script.items()})
    with gateway.client() as client:
        id = queue_id(client.message(MAIL, "a@example.com", *rcpts))
    answered = gateway.wait_log("answered", id=id)[-1]
    assert answered["id"] == id and answered["by"] == "gateway" and "not take or refuse" in answered["reason"]
    if rcpts:
        wait_report(gateway)
    assert told(gateway) == [ACCEPTED]


def test_answer_that_takes_too_long(own):
    """A refusal that comes later goes back as a report."""
    gateway = own({"mail": [STALL], "rcpt": ["550 5.1.1 no"]}, wait="100ms")
    with gateway.client() as client:
        assert queue_id(client.message(MAIL))
        client.say("NOOP", 250)
    assert "in time" in gateway.wait_log("answered")[0]["reason"]
    gateway.sink.release()
    wait_report(gateway)
    assert gateway.stop() == 0 and events(gateway) == [ACCEPTED]


def test_what_is_held_is_queued_at_once(own):
    gateway = own(**{"message.verdict": "hold"})
    with gateway.client() as client:
        assert queue_id(client.message(MAIL))
    assert not gateway.log("answered") and events(gateway) == [ACCEPTED]


# --- while the client waits ---

def wait_for_wait(gateway, client):
    """The next hop has been asked; gives the message's id."""
    begin(client)
    wait_for(lambda: [row for row in gateway.queue() if row["state"] == "active"], 10)
    row, = gateway.queue()
    assert row["last"] == "its client waits for the next hop's answer"
    return row["id"]


def test_commands_behind_it_wait(cut):
    gateway = cut({"mail": [STALL], "dot": ["550 5.7.1 no"]})
    with gateway.client() as client:
        wait_for_wait(gateway, client)
        client.send(b"RSET\r\nNOOP\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
        gateway.sink.release()
        assert [reply.code for reply in client.replies(6)] == [550, 250, 250, 250, 250, 354]
        client.send(MAIL + b".\r\nQUIT\r\n")
        assert [reply.code for reply in client.replies(2)] == [250, 221]
    assert told(gateway) == [refused(550), DELIVERED]


@pytest.mark.parametrize("reply", ["250 2.0.0 mine", "550 5.7.1 no"])
@pytest.mark.parametrize("end", ["reset", "close", "half_close"])
def test_client_that_left_has_handed_it_in(cut, end, reply):
    gateway = cut({"mail": [STALL], "dot": [reply]})
    with gateway.client() as client:
        id = wait_for_wait(gateway, client)
        getattr(client, end)()
        gateway.sink.release()
        gateway.wait_log("done", id=id)
    if reply.startswith("550"):
        wait_report(gateway)
    assert [name for name, _, _ in told(gateway)] == ["accepted"]


@pytest.mark.parametrize("order", ["hold", "retry", "bounce", "delete", "move"])
def test_order_of_an_admin_ends_the_wait(cut, order):
    gateway = cut({"mail": [STALL], "dot": ["450 4.2.0 later"]})
    with gateway.client() as client:
        id = wait_for_wait(gateway, client)
        gateway.ctl("queue", order, id, *(["--move-to", "out"] if order == "move" else []))
        assert queue_id(client.reply()) == id
    assert "admin" in gateway.wait_log("answered", id=id)[-1]["reason"]
    assert told(gateway) == [ACCEPTED]


def test_stop_answers_who_waits(own):
    gateway = own({"mail": [STALL]})
    with gateway.client() as client:
        id = wait_for_wait(gateway, client)
        gateway.process.terminate()
        assert queue_id(client.reply()) == id
        gateway.sink.release()
    assert gateway.wait_end() == 0
    assert events(gateway) == [ACCEPTED]


@pytest.mark.parametrize("reply", ["250 2.0.0 mine", "550 5.7.1 no"])
def test_killed_while_a_client_waits(own, reply):
    """It heard nothing, and what it handed in goes out or comes back."""
    gateway = own({"mail": [STALL], "dot": [reply]})
    with gateway.client() as client:
        id = wait_for_wait(gateway, client)
        gateway.kill()
        assert client.rest() == b""
    gateway.sink.release()
    gateway.start()
    gateway.wait_log("done", id=id)
    assert gateway.sink.wait_messages(1)[0].sender == ("" if reply.startswith("550") else "a@example.com")


def test_reload_meanwhile(cut):
    """What runs ends under the configuration it began with; its end is the answer."""
    gateway = cut({"mail": [STALL]})
    with gateway.client() as client:
        wait_for_wait(gateway, client)
        gateway.ctl("reload")
        gateway.sink.release()
        assert client.reply().text.startswith("2.0.0 kept as")
    assert told(gateway) == [DELIVERED]


def test_large_message_by_bdat(cut):
    octets = MAIL + b"x" * 70 + b"\r\n" + (b"y" * 998 + b"\r\n") * 40
    for script, code, event in [({}, 250, DELIVERED), ({"dot": ["552 5.3.4 too much"]}, 552, refused(552))]:
        gateway = cut(script)
        with gateway.client() as client:
            client.envelope()
            client.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
            assert client.reply().code == code
        assert all(message.data.endswith(octets) for message in gateway.sink.messages)
        assert told(gateway) == [event]


def test_many_at_once_hear_each_its_own(cut):
    gateway = cut({"rcpt": lambda session, line: "550 5.1.1 no" if "<no" in line else "250 2.1.5 ok"})
    clients = [gateway.client() for _ in range(20)]
    for i, client in enumerate(clients):
        begin(client, "no@example.net" if i % 2 else "yes@example.net")
    assert [client.reply().code for client in clients] == [550 if i % 2 else 250 for i in range(20)]
    for client in clients:
        client.close()
    assert gateway.queue() == [] and len(gateway.sink.messages) == 10
