"""A message that the disk does not give: tried again and again, told once, and shown as trouble until it can be read."""
from conftest import open_relay
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: sector\r\n\r\nhello\r\n"


def test_what_cannot_be_read_is_told_once(new_gateway, new_sink, disk):
    sick = [True]
    sink = new_sink(script={"rcpt": lambda session, line: "451 4.2.0 not now" if sick else "250 2.1.5 ok"})
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["1h"])
    gateway.start(env=disk.env)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "b@example.net"))
    gateway.wait_log("later", id=id)
    disk.fails("read EIO path=spool")
    for reads in range(3):
        before = disk.fault_count()
        gateway.ctl("queue", "retry", id)
        wait_for(lambda: disk.fault_count() > before, 10, "another read")
        wait_for(lambda: gateway.status()["queue"]["waiting"] == 1, 10, "it to wait")
    assert gateway.wait_log("trouble", what="unread mail")[0]["text"].startswith("1 messages cannot be read from the spool now")
    assert len(gateway.log("not-read", id=id)) == 1 and not gateway.log("spool-unreadable")
    sick.clear()
    disk.heals()
    gateway.ctl("queue", "retry", id)
    sink.wait_messages(1)
    gateway.wait_log("trouble-over", what="unread mail")
    assert len(gateway.log("read-now", id=id)) == 1
