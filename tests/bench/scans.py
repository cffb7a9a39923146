"""What scanning reaches of what clamd does with its own client, with the same clamd and the same mail in turn; and what of it mail feels
that is not scanned."""
import os
import random
import smtplib
import statistics
import subprocess
import time

from cases import measure
from costs import Cost, With
from peers import Sink, hand_in, start_source
from processes import cpu_seconds, wait_until

from lib.clamd import Clamd

SCANS = [Cost("scan", "20 KB, three signatures", "antivirus", 20480, 2000, 40), Cost("scan-many", "20 KB, 300,000 signatures", "antivirus", 20480, 2000, 40)]
SIGNATURES = 300000
THREADS = 10  # Debian's clamd.conf says 12
PROBES = 200


def clamd(folder, cost):
    """Debian's clamd with as many threads as Debian's clamd.conf gives it; what it scanned before it scans again."""
    path = folder.make(cost.name)
    scanner = Clamd(path, "25M")
    with open(os.path.join(path, "clamd.conf")) as file:
        conf = file.read().replace("MaxThreads 4", "MaxThreads %d\nDisableCache yes" % THREADS)
    with open(os.path.join(path, "clamd.conf"), "w") as file:
        file.write(conf)
    if cost.name == "scan-many":
        numbers = random.Random(1)
        with open(os.path.join(path, "db", "many.ndb"), "w") as out:
            for nth in range(SIGNATURES):
                out.write("Bench-%d:0:*:%s\n" % (nth, numbers.randbytes(40).hex()))
    os.chmod(path, 0o755)
    return scanner.start()


def own_client(folder, cost, scanner, files, count):
    """clamdscan, which hands descriptors over a session and waits for nothing in between. Messages per second."""
    began = time.monotonic()
    done = subprocess.run(["clamdscan", "--fdpass", "--multiscan", "--infected", "-c", os.path.join(scanner.folder, "clamd.conf"), files],
                          capture_output=True, text=True)
    if "Infected files: 0" not in done.stdout or done.returncode != 0:
        raise SystemExit("bench: clamdscan: %s%s" % (done.stdout, done.stderr))
    return count / (time.monotonic() - began)


def unscanned(server):
    """Messages per second of one session whose client is not scanned."""
    began = time.monotonic()
    with smtplib.SMTP("127.0.0.1", server.port, source_address=("127.0.0.2", 0)) as session:
        for _ in range(PROBES):
            session.sendmail("a@example.com", ["b@example.net"], "From: a@example.com\r\nSubject: x\r\n\r\nx\r\n")
    return PROBES / (time.monotonic() - began)


def beside(folder, case, server, sink, scanner):
    """The rate of what is not scanned: alone, and while twenty sessions wait for a clamd that does not answer."""
    alone = unscanned(server)
    os.kill(scanner.process.pid, 19)
    source = start_source(folder, case, server, 40)
    time.sleep(0.3)
    meanwhile = unscanned(server)
    os.kill(scanner.process.pid, 18)
    source.wait()
    return {"alone": alone, "meanwhile": meanwhile}


def run_scan(folder, cost, pairs, scale, say):
    scanner, sink, results = clamd(folder, cost), Sink(folder).start(), []
    server, case = With(folder, sink.port, "antivirus", {"clamd": [scanner.path], "rules": [{"client": ["unscanned"], "scan": False}]}), cost.case()
    server.gateway.fragments["10-access"]["access"]["clients"].append({"name": "unscanned", "networks": ["127.0.0.2/32"], "domains": ["example.com"]})
    files, count = folder.make(cost.name + "-files"), case.messages(server, scale)
    subprocess.run([folder.tool("tls_source"), "-o", files, "-m", str(count), "-l", str(cost.length), "-", "0"], check=True)
    try:
        server.start()
        hand_in(folder, case, server, 100)
        wait_until(server.drained, 60, "the first messages")
        for number in range(pairs):
            spent = [cpu_seconds([scanner.process.pid])]
            own = [own_client(folder, cost, scanner, files, count)]
            spent.append(cpu_seconds([scanner.process.pid]))
            result = measure(folder, case, server, sink, count)
            spent.append(cpu_seconds([scanner.process.pid]))
            own.append(own_client(folder, cost, scanner, files, count))
            result.update(clamd=(spent[2] - spent[1]) * 1000 / count, clamd_own=(spent[1] - spent[0]) * 1000 / count)
            results.append({"gateway": result, "own": statistics.mean(own), "beside": beside(folder, case, server, sink, scanner)})
            say("%s %d/%d: clamdscan %.0f/s, gateway %.0f/s, %s" % (cost.name, number + 1, pairs, statistics.mean(own), result["rate"],
                                                                            results[-1]))
    finally:
        server.stop()
        sink.stop()
        scanner.stop()
    return results


def row(cost, results):
    def middle(of):
        return statistics.median(of(result) for result in results)
    return [cost.title, "%.0f" % middle(lambda r: r["own"]), "%.0f" % middle(lambda r: r["gateway"]["rate"]),
            "%.0f %%" % (100 * middle(lambda r: r["gateway"]["rate"] / r["own"])), "%.3f" % middle(lambda r: r["gateway"]["cpu"]),
            "%.3f" % middle(lambda r: r["gateway"]["clamd"]), "%.3f" % middle(lambda r: r["gateway"]["clamd_own"]),
            "%.0f" % middle(lambda r: r["beside"]["alone"]), "%.0f" % middle(lambda r: r["beside"]["meanwhile"])]


COLUMNS = ["scanned", "clamdscan, files/s", "gateway, msg/s", "of it", "gateway CPU s/1,000", "clamd's", "with clamdscan", "unscanned, one session, msg/s", "while clamd hangs"]


def run_scans(folder, wanted, pairs, scale, say):
    costs = [cost for cost in SCANS if cost.name in wanted]
    results = {cost.name: run_scan(folder, cost, pairs, scale, say) for cost in costs}
    return [row(cost, results[cost.name]) for cost in costs], results
