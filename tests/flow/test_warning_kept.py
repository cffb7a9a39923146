"""The warning that a message is late is owed until the disk has taken it."""
from conftest import open_relay
from lib.client import Client, queue_id

MAIL = b"From: a@example.com\r\nSubject: late\r\n\r\nhello\r\n"


def test_a_warning_that_the_disk_did_not_take_comes_later(new_gateway, new_sink, disk):
    sink = new_sink(script={"rcpt": lambda session, line: "451 4.2.0 not now" if session.message.sender else "250 2.1.5 ok"})
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["300ms"], queue__delay_warning="1s")
    gateway.start(env=disk.env)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "b@example.net"))
    disk.fails("write ENOSPC path=spool")
    gateway.wait_log("report", id=id, count=2)
    assert not sink.texts
    disk.heals()
    late, = sink.wait_messages(1)
    assert late.rcpts == ["a@example.com"] and b"Action: delayed" in late.data
    told = len(gateway.log("report", id=id))
    gateway.wait_log("later", id=id, count=len(gateway.log("later", id=id)) + 2)
    assert len(gateway.log("report", id=id)) == told and len(sink.texts) == 1, "it is told once"
