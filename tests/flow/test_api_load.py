"""The API under load: a flood of bounces while somebody polls, each seen exactly once by all who are told; a thousand connections, half of them dripping, and
the others are answered. FLOW_LONG=1 makes it ten thousand bounces, and prints how long answers took."""
import asyncio
import hashlib
import http.client
import json
import os
import threading
import time
from collections import Counter

import pytest

from conftest import LONG
from lib.client import Client
from lib.gateway import free_port
from lib.receiver import Receiver, webhook
from lib.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.heavy

TOKEN = "gw_reader"
TOKENS = [{"name": "r", "hash": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()}]
MANY, SESSIONS = (10000, 8) if LONG else (800, 4)

MAIL = b"From: ann@example.com\r\nMessage-ID: <%d@crm.example>\r\nSubject: Offer\r\n\r\nhello\r\n"
BOUNCE = b"""From: MAILER-DAEMON@mx.customer.example\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.customer.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
\r
<%s>:\r
Sorry, no mailbox here by that name. (#5.1.1)\r
"""


class Poller(threading.Thread):
    """Reads all bounces by cursor as long as it runs; remembers whom it saw, and how long each answer took."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seen, self.took, self.cursor, self.stopping = port, [], [], 0, False
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30 * PATIENCE)

    def ask(self):
        began = time.monotonic()
        self.connection.request("GET", "/v1/bounces?cursor=%d&limit=500" % self.cursor, headers={"Authorization": "Bearer " + TOKEN})
        answer = self.connection.getresponse()
        octets = answer.read()
        self.took.append(time.monotonic() - began)
        assert answer.status == 200, octets
        found = json.loads(octets)
        self.seen += [item["recipient"] for item in found["items"]]
        self.cursor = found["next"]
        return found["items"]

    def run(self):
        while not self.stopping:
            if not self.ask():
                time.sleep(0.01)

    def p(self, share):
        return sorted(self.took)[int(len(self.took) * share)] * 1000


def in_parts(work, items):
    """Each part in a session of its own; what fails in one fails here."""
    faults = []

    def run(part):
        try:
            work(part)
        except BaseException as fault:  # of a thread
            faults.append(fault)
    threads = [threading.Thread(target=run, args=(items[nth::SESSIONS],)) for nth in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]


def listens(port):
    try:
        with http_connection(port) as connection:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
    except OSError:
        return False


class http_connection(http.client.HTTPConnection):
    def __init__(self, port):
        super().__init__("127.0.0.1", port, timeout=10 * PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


def send_all(gateway, sink):
    """{recipient: the return path of what he got}."""
    def send(part):
        with Client(gateway.clear_port, ehlo="crm.example") as client:
            for number in part:
                assert client.message(MAIL % number, "crm+%d@crm.example" % number, "u%d@customer.example" % number).code == 250
    in_parts(send, list(range(MANY)))
    sink.wait_messages(MANY, 180)
    return {message.rcpts[0]: message.sender for message in sink.messages}


def bounce_all(gateway, paths):
    def come(part):
        with Client(gateway.clear_port, ehlo="mx.customer.example") as client:
            for rcpt, path in part:
                assert client.message(BOUNCE % rcpt.encode(), "", path).code == 250
    in_parts(come, list(paths.items()))


def test_a_flood_of_bounces_is_seen_once_by_each(pair, receiver):
    port = free_port()

    def before(gateway):
        gateway.module("75-bounce", "bounce", {"domain": "b.example.com", "suppress": ["*"]})
        gateway.module("97-http", "http", {"listen": "127.0.0.1:%d" % port, "tokens": TOKENS, "webhooks": [webhook(receiver)]})
    gateway, sink = pair(relay={"return_path": "own"}, before=before)
    paths = send_all(gateway, sink)
    everybody = Counter(paths.keys())
    wait_for(lambda: listens(port), 10, "the API")
    poller = Poller(port)
    poller.start()
    began, cpu = time.monotonic(), gateway.cpu_seconds()
    bounce_all(gateway, paths)
    took = time.monotonic() - began
    wait_for(lambda: len(poller.seen) >= MANY and len(receiver.took) >= MANY, 180, lambda: "%d polled, %d called" % (len(poller.seen), len(receiver.took)))
    poller.stopping = True
    poller.join()
    assert Counter(poller.seen) == everybody
    assert Counter(event["recipient"] for event in receiver.took) == everybody and len({event["id"] for event in receiver.took}) == MANY
    sink.wait_messages(2 * MANY, 180)
    gateway.wait_queue_empty(60)
    reports = Counter(rcpt for message in sink.messages if not message.sender for rcpt in message.rcpts)
    assert reports == Counter("crm+%d@crm.example" % number for number in range(MANY))
    assert [(row["kind"], row["count"]) for row in gateway.ctl("bounce", "stats", "by=kind")] == [("hard", MANY)]
    if LONG:
        print("%d bounces in %.1f s; %d answers, p50 %.1f ms, p99 %.1f ms, longest %.1f ms; with reports, events and answers %.1f s of CPU" % (
            MANY, took, len(poller.took), poller.p(.5), poller.p(.99), poller.p(.9999), gateway.cpu_seconds() - cpu))


# --- a thousand connections ---

DRIPPING, ASKING, MOST = 500, 500, 1000


async def drip(port, open_ones, opened, stop):
    """An octet a second, until the gateway has enough of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    open_ones.add(writer)
    opened.append(writer)
    try:
        for octet in b"GET /v1/bounces HTTP/1.1\r\nX-Slow: " + b"a" * 3600:
            writer.write(bytes([octet]))
            await writer.drain()
            ends = [asyncio.create_task(stop.wait()), asyncio.create_task(reader.read(1))]
            done, _ = await asyncio.wait(ends, timeout=1, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            if done:
                return
    except OSError:
        pass
    finally:
        open_ones.discard(writer)
        writer.close()


async def ask(port, took, places):
    async with places:
        return await ask_now(port, took)


async def ask_now(port, took):
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/bounces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\nConnection: close\r\n\r\n")
    status = await reader.readline()
    await reader.read()
    writer.close()
    took.append(time.monotonic() - began)
    return int(status.split()[1])


async def crowd(port, look, at_once=ASKING):
    stop, open_ones, opened, took, places = asyncio.Event(), set(), [], [], asyncio.Semaphore(at_once)
    dripping = [asyncio.create_task(drip(port, open_ones, opened, stop)) for _ in range(DRIPPING)]
    while len(opened) < DRIPPING:
        await asyncio.sleep(0.01)
    answers = Counter(await asyncio.gather(*(ask(port, took, places) for _ in range(ASKING))))
    held = len(open_ones)
    look()
    stop.set()
    await asyncio.gather(*dripping)
    return answers, held, sorted(took)


def files(gateway):
    return len(os.listdir("/proc/%d/fd" % gateway.serving_pid))


def test_a_thousand_connections_half_of_them_dripping(pair):
    port, seen = free_port(), {}

    def before(gateway):
        gateway.module("75-bounce", "bounce", {})
        gateway.module("97-http", "http", {"listen": "127.0.0.1:%d" % port, "tokens": TOKENS, "connections": MOST, "timeout": "60s"})
    gateway, _ = pair(before=before)
    wait_for(lambda: listens(port), 10, "the API")
    rss, open_before = gateway.rss(), files(gateway)

    def look():
        seen.update(files=files(gateway), grew=gateway.grew(rss))
    answers, held, took = asyncio.run(crowd(port, look, 10 if LONG else ASKING))
    assert answers == {200: ASKING} and held == DRIPPING
    assert seen["files"] <= open_before + MOST + 16 and seen["grew"] < 64 * 1024, seen
    if LONG:
        print("%d answers, ten at a time, beside %d that drip: p50 %.1f ms, p99 %.1f ms; %d KiB more memory" % (
            len(took), held, took[len(took) // 2] * 1000, took[int(len(took) * .99)] * 1000, seen["grew"]))
    wait_for(lambda: files(gateway) < open_before + 50, 20, "connections to end")


def test_more_than_there_may_be_have_the_slowest_go(pair):
    port = free_port()
    gateway, _ = pair(before=lambda gateway: gateway.module("75-bounce", "bounce", {}).module(
        "97-http", "http", {"listen": "127.0.0.1:%d" % port, "tokens": TOKENS, "connections": 200, "timeout": "60s"}))
    wait_for(lambda: listens(port), 10, "the API")
    before = files(gateway)
    answers, _, _ = asyncio.run(crowd(port, lambda: None, at_once=50))
    assert answers == {200: ASKING}
    assert files(gateway) <= before + 200 + 16
