"""Clocks that jump, and days in a minute: libfaketime gives the gateway another time than everybody else's."""
import glob
import os
import time

import pytest

from conftest import LONG, open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.waiting import PATIENCE, wait_for

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + [None])[0]
pytestmark = [pytest.mark.heavy, pytest.mark.skipif(not LIBRARY, reason="libfaketime is not installed")]

MAIL = b"From: <a@example.com>\r\nSubject: one\r\n\r\nhello\r\n"
HOUR = 3600.0


def send(gateway, rcpt, sender="a@example.com"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, sender, rcpt))


# --- 87: the wall clock jumps, as when a machine is resumed ---

class Wall:
    """A wall clock that can be set; the monotonic one goes on."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "now")
        self.set("+0")

    def set(self, offset):
        with open(self.path + ".new", "w") as file:
            file.write(offset + "\n")
        os.rename(self.path + ".new", self.path)

    def env(self):
        return {**os.environ, "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_87_a_clock_that_jumps_bounces_nothing_and_stalls_nothing(new_gateway, new_sink, tmp_path):
    gateway, port, wall = new_gateway(), free_port(), Wall(str(tmp_path))
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port)
    gateway.set(queue__retry=["200ms"], queue__expire="1d").start(env=wall.env())
    ids = [send(gateway, "%d@example.net" % i) for i in range(20)]
    wait_for(lambda: gateway.status()["queue"]["waiting"] == 20 and gateway.log("deferred"), 10, "first attempts")
    for jump in ("+5d", "-1d", "+400d", "+0"):
        wall.set(jump)
        before, busy = len(gateway.log("parked")) + len(gateway.log("deferred")), gateway.cpu_seconds()
        wait_for(lambda: len(gateway.log("parked")) + len(gateway.log("deferred")) > before, 15, "attempts after " + jump)
        assert gateway.counter("bounced") == 0, jump
        assert gateway.cpu_seconds() - busy < 2.0 * PATIENCE, jump
    sink = new_sink(port=port)
    sink.wait_messages(20, 30)
    gateway.wait_queue_empty()
    assert len(set(ids)) == 20 and len(sink.messages) == 20
    assert gateway.counter("bounced") == 0


def test_87_after_a_restart_five_days_later_mail_is_tried_before_it_is_given_up(new_gateway, new_sink, tmp_path):
    gateway, port, wall = new_gateway(), free_port(), Wall(str(tmp_path))
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port)
    gateway.set(queue__retry=["200ms"], queue__expire="1d").start(env=wall.env())
    for i in range(5):
        send(gateway, "%d@example.net" % i)
    wait_for(lambda: gateway.status()["queue"]["waiting"] == 5 and gateway.log("deferred"), 10, "first attempts")
    gateway.stop()
    wall.set("+5d")
    sink = new_sink(port=port)
    gateway.start(env=wall.env())
    sink.wait_messages(5, 20)
    gateway.wait_queue_empty()
    assert gateway.counter("bounced") == 0


# --- two days, one of them an outage; in the short form a third of them ---

SPEED = 1000 if LONG else 3000
OUTAGE, EXPIRE, END = (24 * HOUR, 36 * HOUR, 48 * HOUR) if LONG else (8 * HOUR, 12 * HOUR, 16 * HOUR)


def test_days_with_a_long_outage_deliver_or_bounce_every_message_once(new_gateway, new_sink):
    gateway, port, reports = new_gateway(), free_port(), new_sink()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port, domains=["example.com"], types=["individual"])
    gateway.relay("never", host="127.0.0.1", port=free_port(), domains=["gone.example"]).relay("reports", reports)
    gateway.module("60-routing", "routing", {"default": ["reports"]})
    patient = {"timeouts__%s" % name: "1h" for name in ("command", "data", "message", "handshake")}
    patient.update({"delivery__%s" % name: "1h" for name in ("connect", "greeting", "helo", "mail", "rcpt", "data", "block", "dot", "idle")})
    gateway.set(queue__retry=["5m", "15m", "30m", "1h"], queue__expire="%dh" % (EXPIRE / HOUR), queue__delay_warning="4h", **patient)
    gateway.start(env={**os.environ, "LD_PRELOAD": LIBRARY, "FAKETIME": "+0 x%d" % SPEED}, more=["--worker-timeout", "0"])
    began, sent, lost = time.monotonic(), [], []

    def hours_gone():
        return (time.monotonic() - began) * SPEED / HOUR

    while hours_gone() < OUTAGE / HOUR - 1:
        rcpt = "%d@example.net" % len(sent)
        sent.append(rcpt)
        send(gateway, rcpt)
        if len(sent) % 10 == 0:
            lost.append("lost-%d@example.net" % len(lost))
            with Client(gateway.clear_port, ehlo="client.example.com") as client:
                client.message(MAIL.replace(b"a@example.com", b"a@gone.example"), "a@gone.example", lost[-1])
        time.sleep(0.25 * HOUR / SPEED)  # four an hour
    wait_for(lambda: hours_gone() >= OUTAGE / HOUR, 60, "the end of the outage")
    sink = new_sink(port=port)
    sink.wait_messages(len(sent), 60)

    def bounced():
        try:
            return gateway.counter("bounced")
        except (KeyError, TypeError):  # asked when a minute of this clock is a moment, a worker seems not to answer
            return -1
    wait_for(lambda: bounced() >= len(lost), END / SPEED + 30, lambda: "bounces: %r" % gateway.status())
    gateway.wait_queue_empty()
    assert sorted(rcpt for message in sink.messages for rcpt in message.rcpts) == sorted(sent)
    failures = [message for message in reports.messages if b"Action: failed" in message.data]
    assert len(failures) == len(lost) and all(message.sender == "" for message in failures)
    assert sorted(rcpt for message in failures for rcpt in lost if rcpt.encode() in message.data) == sorted(lost)
