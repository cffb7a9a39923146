"""What waits is woken when its reason ends, and not before."""
from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import OK
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: waking\r\n\r\nhello\r\n"


def send(gateway, sender="a@example.com", rcpt="b@example.net"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, sender, rcpt))


def ticks(gateway):
    return gateway.status()["metrics"].get("probe.tick", 0)


def lines_of(gateway, ids):
    return sum(line.get("id") in ids for line in gateway.log())


def test_mail_for_a_relay_that_is_off_is_not_looked_at_again(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).probe("45-ticks").start()
    gateway.ctl("relay", "off", "out")
    ids = {send(gateway) for _ in range(20)}
    wait_for(lambda: len(gateway.log("later")) >= 20, 10, "all to wait")
    before, tick = lines_of(gateway, ids), ticks(gateway)
    wait_for(lambda: ticks(gateway) >= tick + 4, 20, "some turns of the gateway")
    assert lines_of(gateway, ids) == before
    assert sink.sessions == []


def test_after_a_restart_all_that_waited_leaves_when_the_relay_is_on(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).start()
    gateway.ctl("relay", "off", "out")
    rcpts = ["%d@example.net" % i for i in range(40)]
    for rcpt in rcpts:
        send(gateway, rcpt=rcpt)
    wait_for(lambda: len(gateway.log("later")) >= 40, 10, "all to wait")
    gateway.restart()
    assert sink.sessions == [] and len(gateway.queue()) == 40
    gateway.ctl("relay", "on", "out")
    sink.wait_messages(40)
    gateway.wait_queue_empty()
    assert sorted(message.rcpts[0] for message in sink.messages) == sorted(rcpts)


def test_a_reload_that_names_another_way_wakes_what_waits(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    gateway.set(queue__retry=["1h"])
    open_relay(gateway, "out").relay("out", new_sink()).relay("other", sink).start()
    gateway.ctl("relay", "off", "out")
    for _ in range(10):
        send(gateway)
    wait_for(lambda: len(gateway.log("later")) >= 10, 10, "all to wait")
    gateway.module("60-routing", "routing", {"default": ["out", "other"]}).write()
    gateway.ctl("reload")
    assert len(sink.wait_messages(10)) == 10
    gateway.wait_queue_empty()


def test_one_that_was_put_off_keeps_its_own_time_while_others_pass(new_gateway, new_sink):
    def refuse(session, line):
        return "421 4.3.2 not this one now" if session.message.sender == "later@example.com" else OK
    gateway, sink = new_gateway(), new_sink(script={"data": refuse})
    gateway.set(queue__retry=["1h"])
    open_relay(gateway, "out").relay("out", sink).start()
    id = send(gateway, "later@example.com")
    gateway.wait_log("later", id=id)
    for i in range(20):
        send(gateway, "n%d@example.com" % i)
    sink.wait_messages(20)
    wait_for(lambda: len(gateway.queue()) == 1, 10, "the others to be gone")
    assert [line.upper() for line in sink.commands("MAIL")].count("MAIL FROM:<LATER@EXAMPLE.COM>") <= 1
    assert len(gateway.log("deferred", id=id)) == 1
