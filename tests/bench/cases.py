"""Gateway and Postfix in turn, the same mail through both."""
import dataclasses
import statistics
import time

from peers import Dump, Sink, hand_in, start_source
from processes import Peak, wait_until
from servers import GatewayServer, PostfixServer


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    gateway: int  # messages of a run: about as many seconds for both
    postfix: int
    flavour: str = "plain"
    many: bool = False
    length: int = 4096
    rcpts: int = 1
    sessions: int = 20

    def messages(self, server, scale):
        return max(100, int((self.gateway if server.name == "gateway" else self.postfix) * scale))


CASES = [
    Case("one", "4 KB, one per session", 10000, 2000),
    Case("many", "4 KB, many per session", 20000, 2500, many=True),
    Case("large", "100 KB, one per session", 3000, 1000, length=102400),
    Case("rcpts", "4 KB, 10 recipients", 6000, 1000, rcpts=10),
    Case("tls", "4 KB, TLS in and out", 3000, 1000, flavour="tls"),
    Case("tls-many", "4 KB, TLS, many per session", 10000, 2000, flavour="tls", many=True),
    Case("signed", "4 KB, signed (RSA-2048)", 3000, 1200, flavour="signed"),
]


def measure(folder, case, server, sink, messages):
    """One run: from the first connection until the sink has counted the last message; costs until the server's queue is empty."""
    before, cpu, syncs = sink.count(), server.cpu(), server.syncs()
    with Peak(server.pids) as peak:
        began = time.monotonic()
        source = start_source(folder, case, server, messages)
        wait_until(lambda: sink.count() - before >= messages or source.poll() not in (None, 0), 600, "the last message of " + case.name)
        took = time.monotonic() - began
        if source.wait() != 0:
            raise SystemExit("bench: the source of %s ended with %d" % (case.name, source.returncode))
        wait_until(server.drained, 60, "%s to be done" % server.name)
    if sink.count() - before != messages:
        raise SystemExit("bench: %s: %d messages went in, %d came out" % (server.name, messages, sink.count() - before))
    per = 1000 / messages
    return {"rate": messages / took, "cpu": (server.cpu() - cpu) * per, "syncs": (server.syncs() - syncs) * per, "memory": peak.most / 2 ** 20}


def warm_up(folder, case, server, sink):
    """Starts the processes and fills the caches; what arrives is looked at, so that no server wins by doing less."""
    if sink.tls:
        sink.start()
    else:
        with Dump(sink) as dump:
            hand_in(folder, case, server, 1)
            wait_until(server.drained, 60, "the first message through " + server.name)
            text = dump.text()
        assert text.count("RCPT TO:") + text.count("X-Rcpt-Args:") == case.rcpts, text[:2000]
        assert text.count("X") > case.length * 0.9, "a message that is too short"
        assert ("DKIM-Signature:" in text) == (case.flavour == "signed"), text[:2000]
        sink.start()
    hand_in(folder, case, server, 100)
    wait_until(server.drained, 60, "the first messages through " + server.name)


def run_case(folder, case, servers, pairs, scale, say):
    """The results of each pair, {"gateway": {...}, "Postfix": {...}}; who goes first changes from pair to pair."""
    results = []
    for server, sink in servers:
        warm_up(folder, case, server, sink)
    for number in range(pairs):
        pair = {}
        for server, sink in servers if number % 2 == 0 else reversed(servers):
            pair[server.name] = measure(folder, case, server, sink, case.messages(server, scale))
        say("%s %d/%d: %.0f/s and %.0f/s" % (case.name, number + 1, pairs, pair["gateway"]["rate"], pair["Postfix"]["rate"]))
        results.append(pair)
    for _, sink in servers:
        sink.stop()
    return results


def run_flavour(folder, flavour, cases, pairs, scale, say):
    """All cases of one flavour with the same two servers. Yields (case, results)."""
    sinks = [Sink(folder, tls=flavour == "tls") for _ in range(2)]
    servers = []
    try:
        for kind, sink in zip((GatewayServer, PostfixServer), sinks):
            servers.append((kind(folder, flavour, sink.port), sink))
            servers[-1][0].start()
        for case in cases:
            yield case, run_case(folder, case, servers, pairs, scale, say)
    finally:
        for server, sink in servers:
            server.stop()
            sink.stop()


def median(results, server, key):
    return statistics.median(pair[server][key] for pair in results)


def row(case, results):
    g, p = ({key: median(results, name, key) for key in ("rate", "cpu", "syncs", "memory")} for name in ("gateway", "Postfix"))
    ratio = statistics.median(pair["gateway"]["rate"] / pair["Postfix"]["rate"] for pair in results)
    thrift = statistics.median(pair["Postfix"]["cpu"] / max(pair["gateway"]["cpu"], 0.001) for pair in results)
    return [case.title, "%.0f" % g["rate"], "%.0f" % p["rate"], "%.1f" % ratio, "%.3f" % g["cpu"], "%.2f" % p["cpu"], "1/%.0f" % thrift,
            "%.0f" % g["syncs"], "%.0f" % p["syncs"], "%.0f" % g["memory"], "%.0f" % p["memory"]]


COLUMNS = ["case", "gateway msg/s", "Postfix msg/s", "ratio", "gateway CPU s/1,000", "Postfix CPU s/1,000", "of its CPU",
           "gateway syncs/1,000", "Postfix syncs/1,000", "gateway MiB", "Postfix MiB"]
