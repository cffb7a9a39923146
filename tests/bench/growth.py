"""What waiting costs: messages that wait in the queue, sessions that say nothing."""
import dataclasses
import statistics
import time

from cases import CASES
from peers import IdleSessions, Sink, hand_in
from processes import wait_until
from servers import WAITING_DOMAIN, GatewayServer

PROBE = next(case for case in CASES if case.name == "many")
FILL_OCTETS = 200
SETTLE = 0.5


def settled_memory(server):
    """Resident octets once they no longer change."""
    seen = -1
    while seen != server.memory():
        seen = server.memory()
        time.sleep(SETTLE)
    return seen


def cpu_per_thousand(folder, server, sink, messages, runs=5):
    costs = []
    for _ in range(runs):
        before = server.cpu()
        queued, arrived = server.queued(), sink.count()
        hand_in(folder, PROBE, server, messages)
        wait_until(lambda: sink.count() - arrived == messages and server.queued() == queued, 120, "the measured messages")
        costs.append((server.cpu() - before) * 1000 / messages)
    return statistics.median(costs)


def fill(folder, server, count):
    """Hands in mail that has to wait until `count` are queued."""
    small = dataclasses.replace(PROBE, length=FILL_OCTETS)
    hand_in(folder, small, server, count - sum(server.queued()), "a@" + WAITING_DOMAIN)
    wait_until(lambda: server.queued() == (count, 0), 600, "%d messages to wait" % count, 0.1)


def start_up(server):
    """Seconds until the gateway answers again, and the memory it then has."""
    server.stop()
    began = time.monotonic()
    server.start()
    return time.monotonic() - began, settled_memory(server)


def each(octets, count):
    """Memory comes in pages: of few messages nothing can be said."""
    return "%.0f" % (octets / count) if count >= 10000 else "-"


def run_queue(folder, sizes, messages, say):
    """Rows: queued, CPU s per 1,000, against an empty queue, start-up, octets of memory per queued message: once filled, and started anew."""
    sink, rows = Sink(folder), []
    server = GatewayServer(folder, "plain", sink.port, waiting=True)
    try:
        sink.start()
        server.start()
        hand_in(folder, PROBE, server, messages)
        wait_until(server.drained, 120, "the first messages")
        empty = cpu_per_thousand(folder, server, sink, messages)
        seconds, bare = start_up(server)
        rows.append(["0", "%.3f" % empty, "", "%.2f" % seconds, "", ""])
        for size in sizes:
            fill(folder, server, size)
            filled = settled_memory(server)
            cpu = cpu_per_thousand(folder, server, sink, messages)
            seconds, memory = start_up(server)
            rows.append(["{:,}".format(size), "%.3f" % cpu, "%+.0f %%" % ((cpu / empty - 1) * 100), "%.2f" % seconds,
                         each(filled - bare, size), each(memory - bare, size)])
            say("queue of %d: %s" % (size, rows[-1][1:]))
    finally:
        server.stop()
        sink.stop()
    return rows


QUEUE_COLUMNS = ["waiting", "CPU s/1,000 passing", "against none", "start-up s", "octets each", "octets each, started anew"]


def run_idle(folder, counts, say):
    """Rows: sessions, octets each."""
    rows = []
    for tls in (False, True):
        for count in counts:
            server = GatewayServer(folder, "plain", 1)
            try:
                server.start()
                IdleSessions(folder, server, 20, tls).close()
                before = settled_memory(server)
                sessions = IdleSessions(folder, server, count, tls)
                grown = settled_memory(server) - before
                sessions.close()
            finally:
                server.stop()
            rows.append(["TLS" if tls else "clear", "{:,}".format(count), "%.1f" % (grown / count / 1024)])
            say("%s idle %s sessions: %s KiB each" % (rows[-1][1], rows[-1][0], rows[-1][2]))
    return rows


IDLE_COLUMNS = ["sessions", "count", "KiB each"]
