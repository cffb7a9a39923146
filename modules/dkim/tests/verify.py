#!/usr/bin/python3
"""verify.py RECORDS FILE... - verifies each file's DKIM signatures with dkimpy; RECORDS is what the verb `dns` answered.

Prints a line a file: pass or fail for each signature, top first, or "none"."""
import json
import re
import sys

import dkim

rows = json.load(open(sys.argv[1]))["rows"]
records = {row["name"] + ".": "".join(re.findall('"([^"]*)"', row["value"])) for row in rows}


def txt(name, timeout=5):
    return records.get(name.decode().lower(), "").encode()


def verify(path):
    message = open(path, "rb").read()
    if not message.endswith(b"\r\n"):
        message += b"\r\n"  # as it goes over the wire
    signer = dkim.DKIM(message, minkey=1024)
    results = []
    for index in range(sum(name.lower() == b"dkim-signature" for name, _ in signer.headers)):
        try:
            results.append("pass" if signer.verify(idx=index, dnsfunc=txt) else "fail")
        except dkim.DKIMException:
            results.append("fail")
    return " ".join(results) or "none"


for name in sys.argv[2:]:
    print(verify(name))
