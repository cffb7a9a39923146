"""Killed between the sync of a message and its 250: the message is sent, and `message explain` tells how it came and what modules said of it."""
import smtplib

import pytest

from conftest import open_relay
from lib.waiting import wait_for

MAIL = "From: a@example.com\r\nSubject: weekly offer\r\nPrecedence: bulk\r\n\r\nhello\r\n"


def test_what_was_on_disk_is_explained_though_nobody_heard_a_250(new_gateway, new_sink, disk):
    sink = new_sink()
    gateway = open_relay(new_gateway(), "out").relay("out", sink).module("30-classify", "classify", {"rules": [{"name": "bulk", "type": "mass", "header": ["Precedence"]}]})
    gateway.start(env=disk.env)
    client = smtplib.SMTP("127.0.0.1", gateway.clear_port, timeout=30)
    client.ehlo("client.example.com")
    disk.fails("sync killafter path=spool")
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        client.sendmail("a@example.com", ["b@example.net"], MAIL)
    gateway.kill()
    gateway.start()
    sink.wait_messages(1)
    line, = wait_for(lambda: gateway.log("delivered"), 10, "the delivery")
    rows = gateway.explain(line["id"])
    assert [row["details"] for row in rows if row["event"] == "reason" and row["details"]["by"] == "30-classify"]
    told = [row["details"] for row in rows if row["event"] == "recovered"]
    assert told and (told[0]["from"], told[0]["to"], told[0]["rcpts"], told[0]["type"]) == ("a@example.com", "b@example.net", "1", "mass")
    assert [row for row in rows if row["event"] == "delivered"]
