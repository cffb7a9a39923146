#!/usr/bin/env python3
"""Scores the classifier on a folder of bounces: score.py PROGRAM FOLDER

FOLDER has mail/*.eml and expected.json (what another project's tests say of each). PROGRAM is corpus_test. Prints what was not as
expected, and the shares."""
import json
import os
import subprocess
import sys
import re

KINDS = {"hard": ["userunknown", "hostunknown", "hasmoved", "notaccept"],
         "soft": ["mailboxfull", "expired", "networkerror", "mailererror", "systemerror", "toomanyconn", "mesgtoobig", "exceedlimit",
                  "onhold", "undefined", "syntaxerror", "suspend", "filtered", "speeding", "systemfull", "ratelimited", "emailtoolarge"],
         "block": ["blocked", "authfailure", "policyviolation", "spamdetected", "rejected", "securityerror", "requireptr", "norelaying",
                   "virusdetected", "notcompliantrfc", "contenterror", "badreputation"],
         "info": ["feedback", "delivered", "vacation"]}
LENIENT = {"filtered": ["hard", "block"], "suspend": ["hard"], "rejected": ["hard"], "onhold": ["block", "hard"], "undefined": ["block", "hard"]}


def recipients(folder, name):
    """Final-Recipient fields of the report."""
    text = open(os.path.join(folder, "mail", name), "rb").read().decode("latin1")
    return {match.lower() for match in re.findall(r"(?im)^Final-Recipient:[^;\n]*;\s*<?([^\s<>]+@[^\s<>]+?)>?\s*$", text)}


def main():
    program, folder = sys.argv[1:3]
    expected = json.load(open(os.path.join(folder, "expected.json")))
    output = subprocess.run([program], env=dict(os.environ, BOUNCE_CORPUS=os.path.join(folder, "mail")), stdout=subprocess.PIPE,
                            errors="replace", check=False).stdout
    found = {}
    for line in output.splitlines():
        if line.startswith("MAIL "):
            _, name, answer = line.split(" ", 2)
            found[name] = json.loads(answer)["rows"]
    count = {key: [0, 0] for key in ("report recipient", "report status", "report kind", "found", "kind")}

    def score(key, good, *what):
        count[key][1] += 1
        count[key][0] += bool(good)
        if not good:
            print(key, *what)

    for name, want in sorted(expected.items()):
        rows = [row for row in found.get(name, []) if row["kind"] != "unknown"]
        marks = want["go"] or want["rb"] or []
        if want["report_dsn"] and want["final_rcpt"]:
            addresses = recipients(folder, name)
            score("report recipient", {row["recipient"].lower() for row in rows} == addresses, name, addresses,
                  [row["recipient"] for row in rows])
            good = {row["status"] for row in rows} <= {mark["status"] for mark in marks} | set(want["statuses"])
            score("report status", good, name, want["statuses"], marks, [row["status"] for row in rows])
        if not marks:
            print("NO MARKS", name, [(row["recipient"], row["kind"], row["reason"], row["rule"]) for row in rows])
            continue
        score("found", len(rows) == len(marks) and all(row["recipient"] for row in rows), name, len(marks),
              [row["recipient"] for row in rows])
        for mark, row in zip(marks, rows):
            kind = next(kind for kind, names in KINDS.items() if mark["reason"] in names)
            good = row["kind"] == kind or row["kind"] in LENIENT.get(mark["reason"], [])
            score("report kind" if want["report_dsn"] else "kind", good, name, mark["reason"], mark["hard"], mark["status"], "->", row["kind"],
                  row["reason"], row["rule"], row["diagnostic"][:150])
    for key, (good, all_) in count.items():
        print(f"{key}: {good} of {all_}, {100 * good / max(all_, 1):.1f} %")


if __name__ == "__main__":
    main()
