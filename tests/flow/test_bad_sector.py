"""A message that the disk does not give: tried again and again, told once, and shown as trouble until it can be read."""
import os

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import built
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: sector\r\n\r\nhello\r\n"


def test_what_cannot_be_read_is_told_once(new_gateway, new_sink, tmp_path):
    if not os.path.exists(built("tests", "faultfs.so")):
        pytest.skip("faultfs.so is not built")
    rules, faults, sick = tmp_path / "rules", tmp_path / "faults", [True]

    def disk(text):
        (tmp_path / "new").write_text(text)
        os.replace(tmp_path / "new", rules)
    disk("\n")
    sink = new_sink(script={"rcpt": lambda session, line: "451 4.2.0 not now" if sick else "250 2.1.5 ok"})
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["1h"])
    gateway.start(env={"LD_PRELOAD": built("tests", "faultfs.so"), "ASAN_OPTIONS": "verify_asan_link_order=0", "FAULTFS_FILE": str(rules),
                       "FAULTFS_LOG": str(faults)})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "b@example.net"))
    gateway.wait_log("later", id=id)
    disk("read EIO path=spool\n")
    for reads in range(3):
        before = os.path.getsize(faults) if faults.exists() else 0
        gateway.ctl("queue", "retry", id)
        wait_for(lambda: faults.exists() and os.path.getsize(faults) > before, 10, "another read")
        wait_for(lambda: gateway.status()["queue"]["waiting"] == 1, 10, "it to wait")
    assert gateway.wait_log("trouble", what="unread mail")[0]["text"].startswith("1 messages cannot be read from the spool now")
    assert len(gateway.log("not-read", id=id)) == 1 and not gateway.log("spool-unreadable")
    sick.clear()
    disk("\n\n")
    gateway.ctl("queue", "retry", id)
    sink.wait_messages(1)
    gateway.wait_log("trouble-over", what="unread mail")
    assert len(gateway.log("read-now", id=id)) == 1
