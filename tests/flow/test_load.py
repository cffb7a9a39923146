"""Quantity: many messages, big ones, many recipients. All of it arrives, once, and costs what it should."""
import hashlib
import tempfile
from collections import Counter

import pytest

from conftest import LONG, open_relay
from lib.client import Client
from lib.gateway import built
from lib.load import MARK, PostfixSink, Process, StreamSink, smtp_source
from lib.waiting import wait_for

pytestmark = pytest.mark.heavy

MANY = 50000 if LONG else 5000


@pytest.fixture
def postfix_sink():
    with tempfile.TemporaryDirectory(prefix="flow-sink-") as folder:
        sink = PostfixSink(folder)
        yield sink
        sink.stop()


def relayed_to(new_gateway, sink, relay=None, env=None, **settings):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", sink, **(relay or {})).set(**settings)
    return gateway.start(env=env)


def wait_delivered(gateway, count, timeout=120.0):
    wait_for(lambda: gateway.counter("delivered") >= count, timeout, lambda: "%d deliveries: %r" % (count, gateway.status()["counters"]))
    gateway.wait_queue_empty()


# --- many ---

# A disk that needs 3 ms for a sync: on a fast one the ratio would tell more of the machine than of the gateway.
SLOW_DISK = {"LD_PRELOAD": built("tests", "faultfs.so"), "FAULTFS_RULES": "sync slow=3 path=spool"}


def test_one_sync_carries_many_messages_and_each_arrives_once(new_gateway, postfix_sink):
    gateway = relayed_to(new_gateway, postfix_sink, env=SLOW_DISK)
    smtp_source(gateway.clear_port, MANY, sessions=50, size=2000, numbered=True)
    wait_delivered(gateway, MANY)
    status = gateway.status()
    assert status["counters"]["messages"] == MANY
    assert status["spool"]["syncs"] * 4 < MANY, status["spool"]
    assert Counter(postfix_sink.rcpts()) == Counter("%db@example.net" % (i + 1) for i in range(MANY))
    assert status["counters"]["deferred"] == status["counters"]["bounced"] == status["counters"]["unknown"] == 0


def test_a_single_session_has_its_sync_for_each_message(new_gateway, postfix_sink):
    """The other side of it: nobody is answered before a sync, though there is no company."""
    gateway = relayed_to(new_gateway, postfix_sink)
    before = gateway.status()["spool"]["syncs"]
    smtp_source(gateway.clear_port, 100, sessions=1)
    assert gateway.status()["spool"]["syncs"] - before >= 100
    wait_delivered(gateway, 100)


def test_connections_are_used_again(new_gateway, postfix_sink):
    gateway = relayed_to(new_gateway, postfix_sink, {"connections": 40, "per_connection": 1000})
    smtp_source(gateway.clear_port, 2000, sessions=20)
    wait_delivered(gateway, 2000)
    assert gateway.counter("connections") * 20 <= 2000
    assert gateway.counter("connections_reused") >= 1900


# --- large ---

def big_message(size):
    head = MARK + b"1\r\nFrom: <a@example.com>\r\nSubject: big\r\n\r\n"
    line = b"%s\r\n" % (b"0123456789abcdef" * 4)
    return head + line * ((size - len(head)) // len(line))


@pytest.mark.parametrize("megabytes", [50, 200] if LONG else [50])
def test_a_big_message_streams_through(new_gateway, megabytes):
    """Neither on its way in nor on its way out is it in memory as a whole."""
    sink, text = StreamSink(), big_message(megabytes << 20)
    gateway = relayed_to(new_gateway, sink, limits__message_size="%dM" % (megabytes + 1), spool__segment_size="64M")
    process = Process(gateway).mark()
    try:
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            assert client.message(text, "a@example.com").code == 250
        came_in = process.grown()
        wait_for(lambda: sink.texts, 60, "the message at the next hop")
    finally:
        sink.stop()
    assert sink.texts == [(len(text), hashlib.sha256(text).hexdigest())]
    assert came_in < 20 * 1024, "%d KiB while it came in" % came_in
    assert process.grown() < 20 * 1024, "%d KiB in all" % process.grown()


def test_big_messages_at_once_share_the_memory(new_gateway, postfix_sink):
    """100 KB each, 50 at a time: what is in memory does not follow what is under way."""
    count = 2000 if LONG else 500
    gateway = relayed_to(new_gateway, postfix_sink)
    process = Process(gateway).mark()
    smtp_source(gateway.clear_port, count, sessions=50, size=100000, numbered=True)
    wait_delivered(gateway, count)
    assert Counter(postfix_sink.rcpts()) == Counter("%db@example.net" % (i + 1) for i in range(count))
    assert process.grown() < 64 * 1024, "%d KiB" % process.grown()


# --- many recipients ---

def test_a_thousand_recipients_get_it_once_each(new_gateway, new_sink):
    sink = new_sink()
    gateway = relayed_to(new_gateway, sink, {"max_rcpts": 100})
    rcpts = ["r%d@example.net" % i for i in range(1000)]
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.send("MAIL FROM:<a@example.com>\r\n" + "".join("RCPT TO:<%s>\r\n" % rcpt for rcpt in rcpts))
        assert {reply.code for reply in client.replies(1001)} == {250}
        assert client.text(b"Subject: all of you\r\n\r\nhello\r\n").code == 250
    wait_delivered(gateway, 1000)
    assert Counter(rcpt for message in sink.messages for rcpt in message.rcpts) == Counter(rcpts)
    assert max(len(message.rcpts) for message in sink.messages) == 100
    assert len(sink.messages) == 10
