"""The bench: see README.md. Called by run, which builds the generators."""
import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "flow")]

from lib.certs import Certificates  # noqa: E402
from cases import CASES, COLUMNS, row, run_flavour  # noqa: E402
from costs import COLUMNS as COST_COLUMNS, COSTS, run_costs  # noqa: E402
from flood import COLUMNS as FLOOD_COLUMNS, run_flood  # noqa: E402
from growth import IDLE_COLUMNS, QUEUE_COLUMNS, run_idle, run_queue  # noqa: E402
from scans import COLUMNS as SCAN_COLUMNS, SCANS, run_scans  # noqa: E402
from processes import load  # noqa: E402
from servers import Folder  # noqa: E402

# How much of everything: pairs, part of each case's messages, queue sizes, messages measured beside them, idle sessions
SIZES = {
    "short": (1, 0.1, [1000, 10000], 2000, [1000]),
    "default": (5, 1.0, [1000, 10000, 100000], 10000, [1000, 10000]),
    "long": (15, 2.0, [1000, 10000, 100000, 1000000], 20000, [1000, 10000]),
}
PARTS = [case.name for case in CASES] + ["queue", "idle", "flood"] + [cost.name for cost in COSTS + SCANS]


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", dest="size", action="store_const", const="short", default="default", help="one pair, few messages: a minute")
    size.add_argument("--long", dest="size", action="store_const", const="long", help="15 pairs, and a million waiting messages")
    parser.add_argument("--only", metavar="PART", nargs="+", choices=PARTS, default=PARTS, help="some of: " + " ".join(PARTS))
    parser.add_argument("--pairs", type=int, help="so many pairs")
    parser.add_argument("--dir", default="/var/tmp", help="a folder on the disk to measure (default /var/tmp)")
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", metavar="FILE", help="every single result")
    return parser.parse_args()


def say(text):
    print("[%s, load %.1f] %s" % (time.strftime("%H:%M:%S"), load(), text), file=sys.stderr, flush=True)


def print_table(columns, rows):
    """As Markdown, aligned."""
    widths = [max(len(line[i]) for line in [columns] + rows) for i in range(len(columns))]
    for number, line in enumerate([columns] + rows):
        print("| %s |" % " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))))
        if number == 0:
            print("|%s|" % "|".join(("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":") for i, width in enumerate(widths)))
    print(flush=True)


def raise_limits():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def compare(folder, wanted, pairs, scale):
    rows, all_results = [], {}
    for flavour in ("plain", "tls", "signed"):
        cases = [case for case in CASES if case.flavour == flavour and case.name in wanted]
        for case, results in run_flavour(folder, flavour, cases, pairs, scale, say) if cases else ():
            rows.append(row(case, results))
            all_results[case.name] = results
    if rows:
        print_table(COLUMNS, rows)
    return all_results


def run(folder, arguments):
    pairs, scale, queue_sizes, messages, idle_counts = SIZES[arguments.size]
    results = {"cases": compare(folder, arguments.only, arguments.pairs or pairs, scale)}
    rows, results["costs"] = run_costs(folder, arguments.only, arguments.pairs or pairs, scale, say)
    if rows:
        print_table(COST_COLUMNS, rows)
    rows, results["scans"] = run_scans(folder, arguments.only, arguments.pairs or pairs, scale, say)
    if rows:
        print_table(SCAN_COLUMNS, rows)
    rows, results["flood"] = run_flood(folder, arguments.only, arguments.pairs or pairs, scale, say)
    if rows:
        print_table(FLOOD_COLUMNS, rows)
    if "queue" in arguments.only:
        results["queue"] = run_queue(folder, queue_sizes, messages, say)
        print_table(QUEUE_COLUMNS, results["queue"])
    if "idle" in arguments.only:
        results["idle"] = run_idle(folder, idle_counts, say)
        print_table(IDLE_COLUMNS, results["idle"])
    return results


def main():
    arguments = parse()
    raise_limits()
    path = tempfile.mkdtemp(prefix="bench-", dir=arguments.dir)
    os.chmod(path, 0o755)
    began = load()
    try:
        certificates = os.path.join(path, "certificates")
        os.mkdir(certificates)
        results = run(Folder(path, arguments.tools, Certificates(certificates)), arguments)
    finally:
        shutil.rmtree(path, ignore_errors=True)
    print("%s, %d cores, load %.1f when it began%s" % (time.strftime("%Y-%m-%d %H:%M"), os.cpu_count(), began,
                                                      ": the machine was busy, the figures are not good" if began > 1 else ""))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
