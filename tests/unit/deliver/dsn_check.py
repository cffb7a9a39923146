#!/usr/bin/python3
"""Reads a report from stdin as a mail program would, and says what is wrong with it. Arguments: KEY=VALUE that must hold."""
import email, email.policy, re, sys

raw = sys.stdin.buffer.read()
want = dict(arg.split("=", 1) for arg in sys.argv[1:])
TOP = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "mime-version", "content-type",
       "content-transfer-encoding"}
GROUP = {"original-recipient", "final-recipient", "action", "status", "remote-mta", "diagnostic-code", "last-attempt-date",
         "will-retry-until"}


def check(holds, text):
    if not holds:
        sys.exit(text)


def equal(key, got):
    if key in want:
        check(str(got) == want[key], f"{key}: {got!r}, not {want[key]!r}")


for line in raw.split(b"\r\n"):
    check(len(line) <= 998, f"a line of {len(line)} octets")
    check(not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line), f"control character in {line!r}")
if want.get("utf8") != "yes":
    check(max(raw) < 128, "8-bit")

message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
check(not message.defects, f"defects {message.defects}")
check({name.lower() for name in message.keys()} <= TOP, f"fields {message.keys()}")
check(len(message.keys()) == len(set(message.keys())), "a field twice")
check(message.get_content_type() == "multipart/report", message.get_content_type())
check(message["Auto-Submitted"] == "auto-replied", "Auto-Submitted")
check(message["Date"] and message["Message-ID"], "Date, Message-ID")
parts = list(message.iter_parts())
check(parts[0].get_content_type() == "text/plain", "the first part")
check(parts[1].get_content_type() == "message/" + message["Content-Type"].params["report-type"], "the second part")
equal("parts", len(parts))
equal("original", parts[2].get_content_type() if len(parts) > 2 else "")
equal("subject", message["Subject"])
equal("to", message["To"])
equal("references", message["References"])

start = raw.index(b"delivery-status\r\n", raw.index(b"MIME-Version"))
body = raw[start:].split(b"\r\n--=_report_")[0].split(b"\r\n\r\n", 1)[1]
blocks = [b for b in body.split(b"\r\n\r\n") if b.strip()]
groups = [email.message_from_bytes(b + b"\r\n\r\n", policy=email.policy.SMTPUTF8.clone(header_factory=lambda n, v: v)) for b in blocks]
check("Reporting-MTA" in groups[0], "Reporting-MTA")
check({n.lower() for n in groups[0].keys()} <= {"original-envelope-id", "reporting-mta", "arrival-date"}, f"{groups[0].keys()}")
equal("envid", groups[0]["Original-Envelope-Id"])
equal("groups", len(groups) - 1)
for group in groups[1:]:
    names = [n.lower() for n in group.keys()]
    check(set(names) <= GROUP and len(names) == len(set(names)), f"fields {names}")
    check({"final-recipient", "action", "status"} <= set(names), f"fields {names}")
    check(re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", group["Status"]), group["Status"])
for key in ("Final-Recipient", "Original-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code"):
    value = groups[1][key]
    equal(key, re.sub(r"\r\n ", " ", value).encode(errors="surrogateescape").decode() if value else value)
human = " ".join(parts[0].get_content().split())
for text in (value for key, value in want.items() if key.startswith("human")):
    check(text in human, f"{text!r} is not in {human!r}")
if "contains" in want:
    check(want["contains"].encode() in raw, f"{want['contains']!r} is missing")
if "lacks" in want:
    check(want["lacks"].encode() not in raw, f"{want['lacks']!r} is there")
