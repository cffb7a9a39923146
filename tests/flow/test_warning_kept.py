"""The warning that a message is late is owed until the disk has taken it."""
import os

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import built

MAIL = b"From: a@example.com\r\nSubject: late\r\n\r\nhello\r\n"


def test_a_warning_that_the_disk_did_not_take_comes_later(new_gateway, new_sink, tmp_path):
    if not os.path.exists(built("tests", "faultfs.so")):
        pytest.skip("faultfs.so is not built")
    rules = tmp_path / "rules"

    def disk(text):
        (tmp_path / "new").write_text(text)
        os.replace(tmp_path / "new", rules)
    disk("\n")
    sink = new_sink(script={"rcpt": lambda session, line: "451 4.2.0 not now" if session.message.sender else "250 2.1.5 ok"})
    gateway = open_relay(new_gateway(), "out").relay("out", sink).set(queue__retry=["300ms"], queue__delay_warning="1s")
    gateway.start(env={"LD_PRELOAD": built("tests", "faultfs.so"), "ASAN_OPTIONS": "verify_asan_link_order=0", "FAULTFS_FILE": str(rules)})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "b@example.net"))
    disk("write ENOSPC path=spool\n")
    gateway.wait_log("report", id=id, count=2)
    assert not sink.texts
    disk("\n\n")
    late, = sink.wait_messages(1)
    assert late.rcpts == ["a@example.com"] and b"Action: delayed" in late.data
    told = len(gateway.log("report", id=id))
    gateway.wait_log("later", id=id, count=len(gateway.log("later", id=id)) + 2)
    assert len(gateway.log("report", id=id)) == told and len(sink.texts) == 1, "it is told once"
