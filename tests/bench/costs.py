"""What modules cost: the gateway with one of them and without, the same mail through both in turn. Mail is of words, each different."""
import dataclasses
import os
import statistics

from cases import Case, measure
from peers import Sink, hand_in
from processes import wait_until
from servers import GatewayServer

NOTICE = {"notices": [{"name": "legal", "text": "This mail is confidential.\nIf it is not for you, please delete it and tell {{from.address}}."}],
          "rules": [{"notice": "legal"}], "unsigned": "pass"}


@dataclasses.dataclass(frozen=True)
class Cost:
    name: str
    title: str
    module: str
    length: int
    messages: int
    sessions: int = 20

    def case(self):
        return Case(self.name, self.title, self.messages, self.messages, flavour="words", many=True, length=self.length, sessions=self.sessions)


COSTS = [
    Cost("archive", "archive, 4 KB", "archive", 4096, 20000),
    Cost("archive-20", "archive, 20 KB", "archive", 20480, 10000),
    Cost("disclaimer", "disclaimer, 4 KB", "disclaimer", 4096, 20000),
    Cost("disclaimer-20", "disclaimer, 20 KB", "disclaimer", 20480, 10000),
]


class With(GatewayServer):
    """A gateway with a module; `name` is the same, so that as many messages are sent."""

    def __init__(self, folder, sink_port, module=None, options=None):
        super().__init__(folder, "words-" + (module or "bare"), sink_port)
        self.module = module
        if module:
            self.gateway.module({"archive": "85-archive", "disclaimer": "40-disclaimer", "antivirus": "30-antivirus"}[module], module, options or {})

    def settle(self):
        """The archive's index has everything."""
        if self.module == "archive":
            wait_until(lambda: "has everything" in str(self.gateway.status()), 600, "the index", 0.05)


def pair(folder, cost, pairs, scale, say):
    options = {"disclaimer": NOTICE}.get(cost.module, {})
    sinks = [Sink(folder).start() for _ in range(2)]
    servers = [(With(folder, sinks[0].port), sinks[0]), (With(folder, sinks[1].port, cost.module, options), sinks[1])]
    results, case = [], cost.case()
    try:
        for server, _ in servers:
            server.start()
            hand_in(folder, case, server, 500)
            wait_until(server.drained, 60, "the first messages")
            server.settle()
        for number in range(pairs):
            both = {}
            for server, sink in servers if number % 2 == 0 else reversed(servers):
                both[server.module or "bare"] = measured(folder, case, server, sink, case.messages(server, scale))
            results.append(both)
            say("%s %d/%d: %s" % (cost.name, number + 1, pairs, {key: {k: round(v, 3) for k, v in value.items()} for key, value in both.items()}))
    finally:
        for server, sink in servers:
            server.stop()
            sink.stop()
    return results


def measured(folder, case, server, sink, messages):
    """With what it costs until the index is made, and the octets on disk."""
    cpu, syncs = server.cpu(), server.syncs()
    result = measure(folder, case, server, sink, messages)
    server.settle()
    result["all"] = (server.cpu() - cpu) * 1000 / messages
    result["syncs"] = (server.syncs() - syncs) * 1000 / messages
    return result


def disk(server):
    """Octets of the archive on disk, those of its index apart, and what zstd makes of its mails one by one."""
    folder = os.path.join(server.gateway.state, "archive")
    return [sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names if ("/index" in at) == index)
            for index in (False, True)]


def median(results, who, key):
    return statistics.median(pair[who][key] for pair in results)


def row(cost, results):
    bare, with_it = ({key: median(results, who, key) for key in ("rate", "cpu", "all", "syncs")} for who in ("bare", cost.module))
    ratio = statistics.median(pair[cost.module]["rate"] / pair["bare"]["rate"] for pair in results)
    return [cost.title, "%.0f" % bare["rate"], "%.0f" % with_it["rate"], "%.0f %%" % (100 * ratio), "%.3f" % bare["cpu"], "%.3f" % with_it["cpu"],
            "%.3f" % with_it["all"], "%.1f" % bare["syncs"], "%.1f" % with_it["syncs"]]


COLUMNS = ["module", "without, msg/s", "with, msg/s", "of the rate", "CPU s/1,000 without", "with", "with, all done", "syncs/1,000 without", "with"]


def run_costs(folder, wanted, pairs, scale, say):
    results = {cost.name: pair(folder, cost, pairs, scale, say) for cost in COSTS if cost.name in wanted}
    return [row(cost, results[cost.name]) for cost in COSTS if cost.name in wanted], results
