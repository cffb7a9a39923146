"""Ten thousand bounces in a minute, or as many in less: what they take from ordinary mail that goes out meanwhile, and what one who asks the API
feels. The same mail alone and beside them in turn, in one gateway; each bounce is of another message of its."""
import hashlib
import http.client
import json
import multiprocessing
import re
import socket
import statistics
import subprocess
import time

from peers import Dump, Sink, hand_in, start_source
from cases import Case
from processes import wait_until
from servers import GatewayServer, free_port

from lib.receiver import Receiver, webhook

PER_SECOND = 10000 / 60
SESSIONS = 8
TOKEN = "gw_bench"
ASK_EVERY = 0.1
CASE = Case("flood", "beside 10,000 bounces in a minute", 1000000, 0, many=True)
COLUMNS = ["ordinary mail", "alone, msg/s", "beside, msg/s", "of it", "CPU s/1,000", "of 1,000 bounces", "syncs/1,000 alone", "beside", "API p99 ms"]

BOUNCE = """From: MAILER-DAEMON@mx.customer.example\r
Subject: Undelivered Mail Returned to Sender\r
Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
I'm sorry to have to inform you that your message could not be delivered.\r
\r
<%(rcpt)s>: host mx.customer.example[192.0.2.1] said: 550 5.1.1 <%(rcpt)s>: Recipient address rejected: User unknown in virtual mailbox table (in\r
    reply to RCPT TO command)\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.customer.example\r
\r
Final-Recipient: rfc822; %(rcpt)s\r
Action: failed\r
Status: 5.1.1\r
Remote-MTA: dns; mx.customer.example\r
Diagnostic-Code: smtp; 550 5.1.1 <%(rcpt)s>: Recipient address rejected: User unknown in virtual mailbox table\r
\r
--b\r
Content-Type: text/rfc822-headers\r
\r
From: a@example.com\r
Subject: Offer\r
\r
--b--\r
.\r
"""


class FloodServer(GatewayServer):
    def __init__(self, folder, sink_port, events):
        super().__init__(folder, "flood", sink_port)
        self.api = free_port()
        self.gateway.fragments["50-out"]["relay"]["return_path"] = "own"
        self.gateway.module("75-bounce", "bounce", {"domain": "b.example.com", "suppress": ["*"]})
        self.gateway.module("97-http", "http", {
            "listen": "127.0.0.1:%d" % self.api, "tokens": [{"name": "r", "hash": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()}],
            "webhooks": [webhook(events)]})


# --- processes of their own: none waits for another's interpreter ---

def receive(pipe):
    receiver = Receiver()
    pipe.send(receiver.url)
    while True:
        pipe.recv()
        pipe.send(len(receiver.took))


class Events:
    """Who takes the webhooks."""

    def __init__(self):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=receive, args=(other,), daemon=True)
        self.process.start()
        self.url = self.pipe.recv()

    def count(self):
        self.pipe.send(None)
        return self.pipe.recv()


def read_replies(session, buffer, count):
    while buffer.count(b"\n") < count:
        got = session.recv(4096)
        if not got:
            raise SystemExit("bench: the gateway left while bounces came")
        buffer += got
    lines = buffer.split(b"\n")[:count]
    if any(line[:1] not in b"23" for line in lines):
        raise SystemExit("bench: a bounce was refused: %r" % lines)


def bounce_all(port, paths, began, first, step):
    """One session's part, each at its time."""
    session = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))  # the world, which is nobody's client
    session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    read_replies(session, b"", 1)
    session.sendall(b"HELO mx.customer.example\r\n")
    read_replies(session, b"", 1)
    for nth in range(first, len(paths), step):
        time.sleep(max(0, began + nth / PER_SECOND - time.monotonic()))
        rcpt, path = paths[nth]
        session.sendall(b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\n" % path.encode())
        read_replies(session, b"", 3)
        session.sendall((BOUNCE % {"rcpt": rcpt}).encode())
        read_replies(session, b"", 1)
    session.close()


def poll(port, until, pipe):
    """How long each answer took."""
    took, cursor = [], 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.monotonic() < until:
        began = time.monotonic()
        connection.request("GET", "/v1/bounces?cursor=%d&limit=100" % cursor, headers={"Authorization": "Bearer " + TOKEN})
        answer = json.loads(connection.getresponse().read())
        took.append(time.monotonic() - began)
        cursor = answer["next"]
        time.sleep(max(0, ASK_EVERY - took[-1]))
    pipe.send(took)


class Flood:
    def __init__(self, server, paths, seconds):
        began = time.monotonic()
        self.pipe, other = multiprocessing.Pipe()
        self.sessions = [multiprocessing.Process(target=bounce_all, args=(server.port, paths, began, nth, SESSIONS)) for nth in range(SESSIONS)]
        self.poller = multiprocessing.Process(target=poll, args=(server.api, began + seconds, other))
        for process in [*self.sessions, self.poller]:
            process.start()

    def end(self):
        took = self.pipe.recv()
        for process in [*self.sessions, self.poller]:
            process.join()
        if any(process.exitcode for process in self.sessions):
            raise SystemExit("bench: not all bounces were taken")
        return sorted(took)


# --- one run ---

def make_paths(folder, server, sink, count, domain):
    """So many messages leave, each to another; the return path of each. The domain is new: who bounced before is suppressed."""
    sink.stop()
    with Dump(sink) as dump:
        subprocess.run(["smtp-source", "-N", "-s", "20", "-m", str(count), "-l", "512", "-f", "a@example.com", "-t", "r@" + domain,
                        "127.0.0.1:%d" % server.port], check=True)
        wait_until(server.drained, 300, "the messages that come back")
        text = dump.text()
    sink.start()
    found = re.findall(r"X-Mail-Args: <([^>]*)>.*?X-Rcpt-Args: <([^>]*)>", text, re.S)
    if len({path for path, _ in found}) != count:
        raise SystemExit("bench: %d messages, %d return paths" % (count, len(found)))
    return [(rcpt, path) for path, rcpt in found]


def measure(folder, server, sink, seconds, paths, events):
    """Ordinary mail for so long, beside a bounce of each path."""
    source = start_source(folder, CASE, server, CASE.gateway)
    before = sink.count()
    wait_until(lambda: sink.count() - before > 2000, 60, "ordinary mail to flow")
    told = events.count()
    first, cpu, syncs, began = sink.count(), server.cpu(), server.syncs(), time.monotonic()
    flood = Flood(server, paths, seconds) if paths else None
    time.sleep(seconds)
    count, took = sink.count() - first, time.monotonic() - began
    result = {"cpu": server.cpu() - cpu, "syncs": server.syncs() - syncs}
    answers = flood.end() if flood else []
    source.terminate()
    source.wait()
    wait_until(lambda: events.count() - told >= len(paths), 120, "the events of all bounces")
    wait_until(server.drained, 120, "the rest to leave")
    ordinary = count - len(paths)  # each bounce has a report
    return {**result, "mails": ordinary, "rate": ordinary / took, "bounces": len(paths),
            "p50": answers[len(answers) // 2] * 1000 if answers else 0, "p99": answers[int(len(answers) * .99)] * 1000 if answers else 0}


def run_pairs(folder, pairs, seconds, say):
    events, results = Events(), []
    sink = Sink(folder).start()
    server = FloodServer(folder, sink.port, events).start()
    try:
        hand_in(folder, CASE, server, 1000)
        wait_until(server.drained, 60, "the first messages to leave")
        for number in range(pairs):
            paths = make_paths(folder, server, sink, int(PER_SECOND * seconds), "customer-%d.example" % number)
            pair = {}
            for which in ("alone", "beside") if number % 2 == 0 else ("beside", "alone"):
                pair[which] = measure(folder, server, sink, seconds, paths if which == "beside" else [], events)
            results.append(pair)
            say("flood %d/%d: %.0f/s and %.0f/s, API p99 %.0f ms" % (number + 1, pairs, pair["alone"]["rate"], pair["beside"]["rate"], pair["beside"]["p99"]))
    finally:
        server.stop()
        sink.stop()
        events.process.terminate()
    return results


def cost(pair):
    """CPU seconds of a thousand bounces, which is what is left beside that of the ordinary mail."""
    alone, beside = pair["alone"], pair["beside"]
    return (beside["cpu"] - alone["cpu"] / alone["mails"] * beside["mails"]) * 1000 / beside["bounces"]


def row(results):
    def middle(of):
        return statistics.median(of(pair) for pair in results)
    return [CASE.title, "%.0f" % middle(lambda p: p["alone"]["rate"]), "%.0f" % middle(lambda p: p["beside"]["rate"]),
            "%.0f %%" % (100 * middle(lambda p: p["beside"]["rate"] / p["alone"]["rate"])),
            "%.3f" % middle(lambda p: p["alone"]["cpu"] * 1000 / p["alone"]["mails"]), "%.2f" % middle(cost),
            "%.0f" % middle(lambda p: p["alone"]["syncs"] * 1000 / p["alone"]["mails"]),
            "%.0f" % middle(lambda p: p["beside"]["syncs"] * 1000 / (p["beside"]["mails"] + 2 * p["beside"]["bounces"])),
            "%.0f" % middle(lambda p: p["beside"]["p99"])]


def run_flood(folder, wanted, pairs, scale, say):
    if "flood" not in wanted:
        return [], []
    results = run_pairs(folder, pairs, 6 if scale < 1 else 10 if scale == 1 else 60, say)
    return [row(results)], results
