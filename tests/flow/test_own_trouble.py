"""What the gateway cannot do itself: a report that the disk does not take, a message that it put on hold."""
from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import DROP
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: trouble\r\n\r\nhello\r\n"


def send(gateway):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, "a@example.com", "b@example.net"))


def test_a_report_that_cannot_be_written_makes_no_loop(new_gateway, new_sink, disk):
    healed = []

    def refuse(session, line):
        if session.message.sender and not healed:
            disk.fails("write ENOSPC path=spool")
        return "550 5.1.1 no such user" if session.message.sender else "250 2.1.5 ok"
    sink, gateway = new_sink(script={"rcpt": refuse}), new_gateway()
    open_relay(gateway, "out").relay("out", sink).set(queue__retry=["1s"])
    id = send(gateway.start(env=disk.env))
    gateway.wait_log("later", 15, count=2, id=id)
    tries = len(sink.commands("RCPT"))
    waits = gateway.log("later", id=id)
    assert tries <= len(waits) + 1 and len(waits) < 10, waits
    first, second = (line["time"] for line in waits[:2])
    assert first[:19] != second[:19], "it was due at once again"
    healed.append(True)
    disk.heals()
    wait_for(lambda: [message for message in sink.messages if message.rcpts == ["a@example.com"]], 20, "the report")
    gateway.wait_queue_empty()


def test_who_sent_what_the_gateway_holds_is_told(new_gateway, new_sink):
    def drop(session, line):
        return DROP if session.message is None and session.commands and "a@example.com" in "".join(session.commands) else "250 2.0.0 kept"
    sink, gateway = new_sink(script={"dot": drop}), new_gateway()
    open_relay(gateway, "out").relay("out", sink, unknown="hold").module("75-failover", "failover")
    gateway.set(queue__retry=["1s"], queue__delay_warning="2s", queue__expire="5s").start()
    id = send(gateway)
    gateway.wait_log("held", id=id)
    wait_for(lambda: len([line for line in gateway.log("report", id=id)]) >= 2, 20, "the delay and the failure to be told")
    assert [line["action"] for line in gateway.log("report", id=id)] == ["delayed", "failed"]
    assert len(sink.texts) >= 1 and len([text for text in sink.texts if text.sender]) == 1
