#!/usr/bin/env python3
"""The open SPF test suite (YAML) as lines that suite_test.c reads: convert.py < rfc7208-tests.yml > rfc7208.suite

    group DESCRIPTION                a new zone begins
    name NAME                        what follows is at this name
    TYPE DATA                        A, AAAA, MX, PTR, CNAME, TXT (strings joined); "TIMEOUT" as type, or as data: no answer
    test NAME                        then helo, host, from, expect RESULT..., explain TEXT...

Octets that are no printable ASCII, and backslashes, are \\xNN. Needs python3-yaml; run by hand, when the suite changes."""
import sys

import yaml


def octets(text):
    raw = text if isinstance(text, bytes) else str(text).encode("latin-1", "replace") if all(ord(c) < 256 for c in str(text)) else str(text).encode()
    text = "".join(chr(o) if 32 <= o < 127 and o != 92 else "\\x%02x" % o for o in raw)
    return text[:-1] + "\\x20" if text.endswith(" ") else text # no line ends in a blank


def several(value):
    return value if isinstance(value, list) else [value]


def records(listed):
    """Types and data of one name: SPF records stand for TXT where there is no TXT."""
    pairs = [(entry, "") if isinstance(entry, str) else next(iter(entry.items())) for entry in listed]
    has_text = any(kind == "TXT" for kind, _ in pairs)
    for kind, data in pairs:
        if kind == "SPF" and not has_text:
            kind = "TXT"
        if kind == "SPF" or data == "NONE":
            continue
        if kind == "TXT":
            data = "".join(octets(part) for part in several(data))
        elif kind == "MX":
            data = "%s %s" % tuple(data)
        yield kind, octets(data) if kind != "TXT" else data


def main():
    print("# Made by convert.py of the open SPF test suite; LICENSE beside it is the suite's.")
    for group in yaml.safe_load_all(sys.stdin):
        if not group:
            continue
        print("\ngroup", group["description"])
        for name, listed in group["zonedata"].items():
            print("name", octets(name))
            for kind, data in records(listed):
                print((kind + " " + data).rstrip())
        for name, test in group["tests"].items():
            print("test", name)
            print("helo", octets(test["helo"]))
            print("host", test["host"])
            print(("from " + octets(test["mailfrom"])).rstrip())
            print("expect", " ".join(several(test["result"])))
            for text in several(test.get("explanation", [])):
                print("explain", octets(text))


main()
