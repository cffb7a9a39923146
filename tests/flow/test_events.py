"""Every event of gateway/base/events.def really occurs: most of them here, by what brings them about; the others are the subject of another test, or
need what no test can cause cheaply, and say why."""
import base64
import os
import signal

from lib import registry
from lib.client import Client, queue_id
from lib.gateway import ROOT
from lib.sink import OK

MAIL = b"From: a@example.com\r\nSubject: events\r\n\r\nhello\r\n"
GOOD = {"rcpt.verdict": "accept", "auth.verdict": "accept", "relays": ["out"], "route.verdict": "accept", "log_events": True}

# Where another test brings it about: a file of tests/, in which the event's name or what it is told for stands.
ELSEWHERE = {
    "move-ordered": "flow/test_audit.py", "control-refused": "flow/test_audit.py",
    "refused-taken": "flow/test_strikes.py", "header-odd": "flow/test_odd_header.py",
    "client-crowd": "flow/test_limits.py", "proxy-refused": "flow/test_proxy.py", "no-memory": "flow/test_no_memory.py",
    "accept-paused": "flow/test_resources.py", "unknown": "flow/test_once.py", "reason": "flow/test_types.py", "module-event": "flow/test_strikes.py",
    "module-replaced": "flow/test_new_code.py", "held": "flow/test_own_trouble.py",
    "answered": "flow/test_cutthrough.py", "unreadable": "flow/test_crash.py", "damaged": "flow/test_durability.py", "hangs": "flow/test_hang.py",
    "hung": "flow/test_hang.py", "configuration-refused": "flow/test_last_good.py", "configuration-accepted": "flow/test_last_good.py",
    "read-now": "flow/test_bad_sector.py", "trouble-over": "flow/test_trouble.py", "control-socket": "flow/test_control_socket.py", "log-dropped": "unit/base/log_test.c",
}
# What it would take; the place is proved to be there by tests/events.py.
NOT_DRIVEN = {
    "another resolv.conf of the machine; the same with one of its own: unit/loop/resolv_conf_test.c": ["name-servers", "name-servers-kept"],
    "memory that ends at one allocation": ["submission-failed", "order-failed", "queue-memory", "start"],
    "a disk that fails under the serving process": [
        "not-read", "spool-failed", "spool-no-segment", "spool-damaged", "spool-unreadable", "spool-unread", "spool-uncut", "spool-not-compacted",
        "spool-kept", "spool-lock", "state-failed", "state-written", "counters-full", "crashes", "journal-dropped", "journal-failed"],
    "a client that leaves in the moment of the write": ["received-unanswered"],
    "a module that discards a report, breaks a bound, has a bug": ["submission-discarded", "module-refused", "module-bug"],
    "a fault of the gateway itself": ["queue-state"],
    "a system without processes or descriptors": ["fork", "listen", "socket"],
    "a process that does not end; a log that cannot be opened again": ["stop", "log-reopen-failed"],
}


class Stage:
    """One gateway whose probe is told something else for each act."""

    def __init__(self, gateway):
        self.gateway = gateway

    def as_if(self, **options):
        self.gateway.fragments["40-probe"]["probe"] = {**GOOD, **{key.replace("__", "."): value for key, value in options.items()}}
        self.gateway.write()
        self.gateway.ctl("reload")

    def send(self, rcpt="b@example.net", octets=MAIL):
        with Client(self.gateway.clear_port, ehlo="me") as client:
            client.envelope("a@example.com", rcpt)
            return client.text(octets)

    def log_in(self):
        with Client(self.gateway.clear_port, ehlo="me") as client:
            client.say("AUTH PLAIN " + base64.b64encode(b"\0me\0secret").decode())


def receive(stage):
    gateway = stage.gateway
    gateway.wait_log("done", id=queue_id(stage.send()))
    stage.log_in()
    with Client(gateway.clear_port) as client:
        client.send("EHLO gr\u00fcn\r\n".encode())
        client.reply()
    with Client(gateway.clear_port) as client:
        client.say("GET / HTTP/1.1", 554)
    with Client(gateway.clear_port, ehlo="me") as client:
        client.send(12 * b"NOOP\r\n")
        client.rest()
    with Client(gateway.port, ehlo="me") as client:
        client.send(b"STARTTLS\r\nRSET\r\n")
        client.rest()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.reset()
    assert stage.send(octets=MAIL + 4096 * b"x\r\n").code == 552


def judge(stage):
    for verdict in ("reject", "discard", "hold", "failed"):
        stage.as_if(message__verdict=verdict)
        stage.send()
    stage.as_if(message__way="both")
    stage.send()
    stage.as_if(message__way="block", message__delay="400ms")
    stage.send()
    for verdict in ("reject", "tempfail"):
        stage.as_if(auth__verdict=verdict)
        stage.log_in()
    stage.as_if(rcpt__verdict="reject")
    with Client(stage.gateway.clear_port, ehlo="me") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        for _ in range(2):
            client.say("RCPT TO:<b@example.net>", 550)
    stage.as_if()


def administrate(stage):
    gateway = stage.gateway
    gateway.ctl("relay", "off", "out")
    id = queue_id(stage.send())
    gateway.wait_log("parked", id=id)
    for words in (("show", id, "--message"), ("hold", id), ("release", id), ("retry", id), ("delete", id)):
        gateway.run_ctl("queue", *words)
    id = queue_id(stage.send())
    gateway.wait_log("parked", id=id)
    gateway.ctl("queue", "bounce", id)
    gateway.ctl("relay", "on", "out")
    gateway.ctl("relay", "resume", "out")
    gateway.wait_log("later", id=queue_id(stage.send("later@example.net")))
    gateway.wait_log("report", id=queue_id(stage.send("nobody@example.net")))
    gateway.fragments["00-gateway"]["gateway"]["nonsense"] = 1
    gateway.write()
    assert gateway.run_ctl("reload").code == 78
    del gateway.fragments["00-gateway"]["gateway"]["nonsense"]
    gateway.set(hostname="relay", spool__segment_size="8M")  # no full name; only a start takes the other
    gateway.write()
    gateway.ctl("reload")


def die(stage):
    gateway = stage.gateway
    os.kill(gateway.serving_pid, signal.SIGSEGV)
    gateway.wait_log("started", 20, count=2)
    gateway.wait_log("trouble", what="crash")
    gateway.set(timeouts__command="1s")
    gateway.write()
    gateway.ctl("reload")
    with Client(gateway.clear_port) as client:
        client.rest()
    assert gateway.stop() == 0


def seen(gateway):
    """The events in the log, and those the probe was told of."""
    lines = gateway.log()
    told = {line["text"].split()[1] for line in lines if line["event"] == "probe" and line["text"].startswith("event ")}
    return {line["event"] for line in lines if registry.EVENTS.get(line["event"])}, told


def by_recipient(session, line):
    return "550 5.1.1 nobody" if "nobody" in line else "451 4.3.0 later" if "later" in line else OK


def test_events_occur(new_gateway, new_sink):
    gateway = new_gateway()
    gateway.probe(options=GOOD).relay("out", new_sink(script={"rcpt": by_recipient}))
    gateway.set(limits__message_size="4K", limits__junk=5, queue__retry=["1h"]).start()
    stage = Stage(gateway)
    for act in (receive, judge, administrate, die):
        act(stage)
    logged, told = seen(gateway)
    left_out = set(ELSEWHERE) | {event for events in NOT_DRIVEN.values() for event in events}
    rows = registry.EVENTS.values()
    assert {row.name for row in rows if row.logged} - left_out - logged == set()
    assert {row.name for row in rows if row.told} - left_out - told == set()
    assert left_out & (logged | told) <= {"reason"}, "it is driven here: take it off the list"


def test_events_of_other_tests():
    for event, path in ELSEWHERE.items():
        with open(os.path.join(ROOT, "tests", path)) as file:
            assert event in registry.EVENTS and event in file.read(), (event, path)
