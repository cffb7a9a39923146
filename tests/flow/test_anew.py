"""A new configuration, or an admin's word, counts for all that has not begun: what stands before a relay, and the next transaction of a session
that is open."""
from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import STALL
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: anew\r\n\r\nhello\r\n"


def send(gateway, rcpt="b@example.net"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, "a@example.com", rcpt))


def standing(gateway, relay="out"):
    row = next(row for row in gateway.ask("relay", "show", relay)["rows"])
    return row["waiting"]


def one_in_the_air(gateway, sink, count=5):
    """The first message is on its way and gets no answer; the others stand behind it, on every worker."""
    ids = [send(gateway)]
    sink.wait(lambda: sink.texts, 10, "the first message")
    ids += [send(gateway) for _ in range(count)]
    wait_for(lambda: standing(gateway) == count, 10, "the others to stand in line")
    return ids


def stalled(new_gateway, new_sink, *relays):
    gateway, sink = new_gateway(), new_sink(script={"dot": [STALL]})
    open_relay(gateway, "out").relay("out", sink, connections=1)
    for name in relays:
        gateway.relay(name, new_sink())
    return gateway.start(), sink


def test_a_relay_that_is_removed_sends_nothing_of_what_stands_before_it(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink(script={"dot": [STALL]})
    other = new_sink()
    open_relay(gateway, "other").relay("out", sink, connections=1, domains=["example.com"]).relay("other", other).start()
    one_in_the_air(gateway, sink)
    answer = gateway.ask("relay", "rm", "out", "--move-to", "other")
    assert answer["code"] == 0 and "moved to other: 6" in answer["text"], answer
    assert len(other.wait_messages(5)) == 5
    sink.release()
    sink.wait_messages(1)
    gateway.wait_queue_empty()
    assert len(sink.texts) == 1 and len(other.texts) == 5


def test_what_stands_in_line_goes_to_the_port_of_a_reload(new_gateway, new_sink):
    gateway, sink = stalled(new_gateway, new_sink)
    one_in_the_air(gateway, sink)
    other = new_sink()
    gateway.relay("out", other, connections=2).write()
    gateway.ctl("reload")
    assert len(other.wait_messages(5)) == 5
    sink.release()
    sink.wait_messages(1)
    gateway.wait_queue_empty()
    assert len(sink.messages) == 1 and len(other.messages) == 5


def test_a_limit_of_a_reload_holds_what_stands_in_line(new_gateway, new_sink):
    gateway, sink = stalled(new_gateway, new_sink)
    gateway.module("70-quota", "quota").write()
    gateway.ctl("reload")
    one_in_the_air(gateway, sink)
    gateway.relay("out", sink, connections=1, daily_limit=3).write()
    gateway.ctl("reload")
    wait_for(lambda: standing(gateway) == 2, 10, "as many as it may take to stand in line")
    sink.release()
    sink.wait_messages(3)  # with the one that was in the air already
    wait_for(lambda: len(gateway.log("parked")) >= 3, 10, "the others to wait for tomorrow")
    assert len(sink.texts) == 3 and len(gateway.queue("--status", "waiting")) == 3


def test_a_relay_that_is_switched_off_lets_go_of_what_stands_before_it(new_gateway, new_sink):
    gateway, sink = stalled(new_gateway, new_sink)
    one_in_the_air(gateway, sink)
    gateway.ctl("relay", "off", "out")
    assert any(row["what"] == "relay out" and row["value"].startswith("off: ") for row in gateway.status()["lines"])
    wait_for(lambda: standing(gateway) == 0, 10, "nobody to stand before it")
    wait_for(lambda: len(gateway.queue("--status", "waiting")) == 5, 10, "the others to wait in the queue")
    sink.release()
    sink.wait_messages(1)
    gateway.ctl("relay", "on", "out")
    sink.wait_messages(6)
    gateway.wait_queue_empty()


def test_a_message_that_is_moved_leaves_its_place_in_line(new_gateway, new_sink):
    gateway, sink = stalled(new_gateway, new_sink, "other")
    ids = one_in_the_air(gateway, sink)
    gateway.ctl("queue", "move", "--move-to", "other", ids[2], ids[4])
    wait_for(lambda: standing(gateway) == 3, 10, "the two to be gone")
    wait_for(lambda: {id for id in ids if gateway.log("delivered", id=id, relay="other")} == {ids[2], ids[4]}, 10, "the two to arrive")
    sink.release()
    sink.wait_messages(4)
    gateway.wait_queue_empty()


def test_who_was_served_before_the_place_in_line_was_lost_is_not_served_again(new_gateway, new_sink):
    """One connection for each transaction: between two of them the message stands in line, and the relay is switched off."""
    def stop(session, line):
        gateway.ask("relay", "off", "out")
        return "250 2.0.0 kept"
    gateway = new_gateway()
    sink, other = new_sink(script={"dot": [stop]}), new_sink()
    sink.extensions.append("LIMITS MAILMAX=1 RCPTMAX=2")
    open_relay(gateway, "out", "other").relay("out", sink, connections=1).relay("other", other).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "a@example.com", *["%d@example.net" % i for i in range(4)])
    other.wait_messages(1)
    gateway.wait_queue_empty()
    assert sink.messages[0].rcpts == ["0@example.net", "1@example.net"]
    assert [message.rcpts for message in other.messages] == [["2@example.net", "3@example.net"]]


def test_the_next_transaction_of_an_open_session_goes_by_the_new_configuration(new_gateway, new_sink):
    gateway, first, second = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "out").relay("out", first).relay("other", second).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "a@example.com", "b@example.net")
        first.wait_messages(1)
        client.say("MAIL FROM:<a@example.com>", 250)
        open_relay(gateway, "other").set(limits__recipients=1).write()
        gateway.ctl("reload")
        client.say("RCPT TO:<b@example.net>", 250)
        client.say("RCPT TO:<c@example.net>", 250)  # what has begun goes on as it began
        client.say("RSET", 250)
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 250)
        client.say("RCPT TO:<c@example.net>", 452)
        client.say("RSET", 250)
        client.message(MAIL, "a@example.com", "b@example.net")
        second.wait_messages(1)
        gateway.probe(options={"rcpt.verdict": "reject", "auth.verdict": "accept"}).write()
        gateway.ctl("reload")
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 550)
    assert len(first.messages) == 1
