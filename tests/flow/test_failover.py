"""A relay fails: whose fault it is, where the mail goes, and when the relay is left alone until its next day."""
import os
import time

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import ROOT, free_port
from lib.sink import Act, DROP, STALL
from lib.waiting import wait_for
from test_clock import LIBRARY, Wall

SHIPPED = open(os.path.join(ROOT, "conf.d", "65-failover.conf")).read()
MOVES, BOUNCED, RETRIED, HELD = "moves on", "bounced", "retried", "held"
COUNTED, NOT_COUNTED = True, False


def mail(subject, sender):
    return b"From: <%s>\r\nSubject: %s\r\n\r\nhello\r\n" % (sender.encode(), subject.encode())


def send(gateway, sender="a@example.com", rcpt="b@example.net", subject="one"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(mail(subject, sender), sender, rcpt))


def failover(gateway, **options):
    """The fragment as it is shipped, with more in it."""
    more = "".join("  %s = %s;\n" % (key, value) for key, value in options.items())
    gateway.fragments["65-failover"] = SHIPPED.replace("failover: {\n", "failover: {\n" + more, 1)
    return gateway


def subjects(sink):
    return [message.header("Subject") for message in list(sink.messages)]


# --- whose fault: each way to fail, once ---

def says(stage, reply):
    return {"script": {stage: [reply]}}


def always(stage, reply):
    return {"script": {stage: lambda session, line: reply}}


LOGIN = {"auth.user": "crm", "auth.password": "right", "clear_login": True}

MATRIX = [
    # what happens, at the sink, at the relay, what becomes of the mail, is it counted
    ("a name that is none", None, {"host": "nowhere.invalid", "port": 25}, MOVES, COUNTED),
    ("refused", None, {"host": "127.0.0.1", "port": free_port()}, MOVES, COUNTED),
    ("no greeting", {"script": {"connect": STALL}}, {}, MOVES, COUNTED),
    ("a certificate of somebody else", {"tls": "starttls"}, {"tls": "starttls"}, MOVES, COUNTED),
    ("no TLS", {}, {"tls": "starttls"}, MOVES, COUNTED),
    ("a wrong password", {"users": {"crm": "other"}}, LOGIN, MOVES, COUNTED),
    ("a login put off", {"users": {"crm": "right"}, **always("auth", "454 4.7.0 later")}, LOGIN, MOVES, COUNTED),
    ("a link lost at the login", {"users": {"crm": "right"}, **always("auth", DROP)}, LOGIN, MOVES, COUNTED),
    ("421 for a greeting", always("connect", "421 4.3.0 closing"), {}, MOVES, COUNTED),
    ("no system for a greeting", always("connect", "421 4.3.2 come back later"), {}, MOVES, NOT_COUNTED),
    ("5xx for a greeting", always("connect", "554 5.7.1 blocked"), {}, MOVES, COUNTED),
    ("a link lost for a greeting", always("connect", DROP), {}, MOVES, COUNTED),
    ("4xx at EHLO", always("ehlo", "451 4.3.0 later"), {}, MOVES, COUNTED),
    ("5xx at EHLO", {"script": {"ehlo": lambda s, l: "550 5.7.1 no", "helo": lambda s, l: "550 5.7.1 no"}}, {}, MOVES, COUNTED),
    ("a link lost at EHLO", always("ehlo", DROP), {}, MOVES, COUNTED),
    ("421 at MAIL", says("mail", "421 4.3.0 closing"), {}, MOVES, COUNTED),
    ("busy at MAIL", says("mail", "421 4.3.2 closing"), {}, MOVES, NOT_COUNTED),
    ("too fast at MAIL", says("mail", "451 4.7.650 rate limited"), {}, MOVES, NOT_COUNTED),
    ("greylisted at MAIL", says("mail", "451 4.7.1 Greylisted"), {}, RETRIED, NOT_COUNTED),
    ("451 at MAIL", says("mail", "451 4.3.0 later"), {}, MOVES, COUNTED),
    ("450 at MAIL", says("mail", "450 4.1.8 not this sender now"), {}, RETRIED, NOT_COUNTED),
    ("5xx at MAIL", says("mail", "550 5.1.7 not this sender"), {}, BOUNCED, NOT_COUNTED),
    ("a quota at MAIL", says("mail", "550 5.4.5 Daily user sending limit exceeded"), {"on_limit": ["spare"]}, MOVES, NOT_COUNTED),
    ("a sender that is not ours", says("mail", "553 Relaying disallowed as a@example.com"), {}, MOVES, NOT_COUNTED),
    ("a blocked account", says("mail", "554 5.1.8 Email Outgoing Blocked"), {}, MOVES, COUNTED),
    ("a link lost at MAIL", says("mail", DROP), {}, MOVES, COUNTED),
    ("421 at RCPT", says("rcpt", "421 4.3.0 closing"), {}, MOVES, COUNTED),
    ("too fast at RCPT", says("rcpt", "421 4.7.0 too many errors"), {}, MOVES, NOT_COUNTED),
    ("one recipient cannot be looked up", says("rcpt", "451 4.3.0 lookup failure"), {}, RETRIED, NOT_COUNTED),
    ("4xx at RCPT", says("rcpt", "450 4.2.1 mailbox busy"), {}, RETRIED, NOT_COUNTED),
    ("5xx at RCPT", says("rcpt", "550 5.1.1 no such user"), {}, BOUNCED, NOT_COUNTED),
    ("relaying denied", says("rcpt", "554 5.7.1 <b@example.net>: Relay access denied"), {}, MOVES, NOT_COUNTED),
    ("a link lost at RCPT", says("rcpt", DROP), {}, MOVES, COUNTED),
    ("421 at DATA", says("data", "421 4.3.0 closing"), {}, MOVES, COUNTED),
    ("451 at DATA", says("data", "451 4.3.0 queue file write error"), {}, MOVES, COUNTED),
    ("450 at DATA", says("data", "450 4.7.1 later"), {}, RETRIED, NOT_COUNTED),
    ("5xx at DATA", says("data", "554 5.5.1 no"), {}, BOUNCED, NOT_COUNTED),
    ("a link lost at DATA", says("data", DROP), {}, MOVES, COUNTED),
    ("421 at the final dot", says("dot", "421 4.3.0 shutting down"), {}, MOVES, COUNTED),
    ("a sender domain at the final dot", says("dot", "421 4.7.40 rate limited: no DMARC record"), {}, RETRIED, NOT_COUNTED),
    ("a suspended account", says("dot", "554 Message rejected: Sending suspended for this account."), {}, MOVES, COUNTED),
    ("4xx at the final dot", says("dot", "450 4.7.1 greylisted"), {}, RETRIED, NOT_COUNTED),
    ("system trouble at the final dot", says("dot", "451 4.3.0 queue file write error"), {}, MOVES, COUNTED),
    ("5xx at the final dot", says("dot", "554 5.7.1 spam"), {}, BOUNCED, NOT_COUNTED),
    ("a link lost after the final dot", says("dot", DROP), {}, RETRIED, COUNTED),
    ("the same, unknown = hold", says("dot", DROP), {"unknown": "hold"}, HELD, COUNTED),
    ("the same, unknown = fallback", says("dot", DROP), {"unknown": "fallback"}, MOVES, COUNTED),
    ("the same again and again", always("dot", DROP), {"unknown_tries": 1}, HELD, COUNTED),
]


def build(gateway, new_sink, certificates):
    """A relay for each row, which takes the mail of its own sender domain; behind each of them the spare one."""
    spare, reports, sinks = new_sink(), new_sink(), []
    for nth, (_, how, keys, _, _) in enumerate(MATRIX):
        if how is not None:
            how = {**how, "script": {stage: list(act) if isinstance(act, list) else act for stage, act in how.get("script", {}).items()}}
        if how and "tls" in how:
            how["certificate"], how["key"] = certificates.pair("wrong")
        sinks.append(new_sink(**how) if how is not None else None)
        gateway.relay("r%d" % nth, sinks[-1], domains=["r%d.example" % nth], fallback=["spare"], failures=0, **{"ca": certificates.ca, **keys})
    gateway.relay("spare", spare).relay("reports", reports)
    gateway.module("60-routing", "routing", {"default": ["reports"]}).module("20-auth-password", "auth-password")
    return spare, reports, sinks


def seen(spare, reports, sink, gateway, nth, ids):
    """What became of the mail of that row; None: nothing yet."""
    sender = "a@r%d.example" % nth
    if any(message.sender == sender for message in list(spare.messages)):
        return MOVES
    if any(message.rcpts == [sender] for message in list(reports.messages)):
        return BOUNCED
    if sink and sink.messages:
        return RETRIED
    return HELD if gateway.log("held", id=ids[nth]) or any(row["id"] == ids[nth] for row in gateway.queue("--held")) else None


def test_each_way_to_fail_has_its_consequence(new_gateway, new_sink, certificates):
    gateway = failover(new_gateway())
    spare, reports, sinks = build(gateway, new_sink, certificates)
    gateway.probe(options={"rcpt.verdict": "accept"})
    gateway.set(delivery__greeting="500ms", queue__retry=["300ms"], limits__domains=0, limits__relays_per_domain=0).start()
    ids = [send(gateway, "a@r%d.example" % nth) for nth in range(len(MATRIX))]
    wrong = []
    for nth, (what, _, _, expected, counted) in enumerate(MATRIX):
        became = wait_for(lambda: seen(spare, reports, sinks[nth], gateway, nth, ids), 15, lambda: what + "\n" + "\n".join(
            line["raw"] for line in gateway.log(id=ids[nth])))
        reason = gateway.wait_log("reason", id=ids[nth], relay="r%d" % nth, hook="result")[0]["text"]
        if became != expected or (", counted" in reason) != counted:
            wrong.append("%s: expected %s, %scounted; %s, %r" % (what, expected, "" if counted else "not ", became, reason))
    assert not wrong, "\n".join(wrong)
    assert len(spare.messages) == sum(row[3] == MOVES for row in MATRIX)
    assert len(reports.messages) == sum(row[3] == BOUNCED for row in MATRIX)


# --- three failures in a day ---

class Office:
    """Mail goes through "main" in Berlin, and through "spare" where that cannot; so do the gateway's own letters."""

    def __init__(self, gateway, new_sink, wall=None, options=None, **keys):
        self.gateway, self.main, self.spare, self.wall, self.sent = gateway, new_sink(), new_sink(), wall, 0
        failover(gateway, warn_to='["admin@example.com"]', **(options or {}))
        open_relay(gateway, "spare").relay("spare", self.spare)
        gateway.relay("main", self.main, domains=["example.com"], fallback=["spare"], timezone="Europe/Berlin", failures_apart="0",
                      **keys)
        gateway.set(queue__retry=["300ms"])
        self.start()

    def start(self):
        self.gateway.start(env=self.wall.env() if self.wall else None)

    def send(self, through):
        """One more message, that arrives there."""
        self.sent += 1
        subject = "message %d" % self.sent
        send(self.gateway, subject=subject)
        through.wait(lambda: subject in subjects(through), 10, subject)

    def fails(self, *replies):
        self.main.script["mail"] = list(replies)
        for _ in replies:
            self.send(self.spare)
            time.sleep(0.01)  # what begins in the same millisecond is the same incident

    def letters(self):
        return [message for message in list(self.spare.messages) if message.rcpts == ["admin@example.com"]]


@pytest.mark.heavy
@pytest.mark.skipif(not LIBRARY, reason="libfaketime is not installed")
def test_three_failures_suspend_a_relay_until_its_next_day(new_gateway, new_sink, tmp_path):
    here = Office(new_gateway(), new_sink, Wall(str(tmp_path)))
    gateway = here.gateway
    here.fails("451 4.3.0 first trouble", "451 4.3.0 second trouble", "451 4.3.0 third trouble")
    event = gateway.wait_log("module-event", name="relay-suspended")[0]
    assert event["text"].startswith("suspended until 00:00 Europe/Berlin: 3 failures today, the last: mail, 127.0.0.1"), event

    # It is left alone, and somebody is told, once.
    connections = len(here.main.sessions)
    here.send(here.spare)
    here.spare.wait(here.letters, 10, "the warning")
    letter = here.letters()[0]
    assert letter.sender == "" and letter.header("Subject") == "Relay main is suspended until 00:00 Europe/Berlin"
    assert letter.header("Auto-Submitted") == "auto-generated" and letter.header("Date") and letter.header("Message-ID")
    for words in (b"451 4.3.0 first trouble", b"451 4.3.0 second trouble", b"451 4.3.0 third trouble", b"gatewayctl relay resume main"):
        assert words in letter.data, letter.data.decode()

    shown = gateway.ctl("relay", "show", "main")
    assert "suspended until 00:00 Europe/Berlin" in str(shown) and "3 of 3 today" in str(shown), shown

    # A reload and a restart change nothing of it.
    assert gateway.ask("reload")["code"] == 0
    here.send(here.spare)
    gateway.stop()
    here.start()
    here.send(here.spare)
    assert len(here.main.sessions) == connections and len(here.letters()) == 1

    # The next day it is used again.
    here.wall.set("+1d")
    gateway.wait_log("module-event", name="relay-back")
    here.send(here.main)
    assert len(here.letters()) == 1


def test_an_admin_resumes_a_relay(new_gateway, new_sink):
    here = Office(new_gateway(), new_sink)
    here.fails(*["451 4.3.0 trouble"] * 3)
    here.gateway.wait_log("module-event", name="relay-suspended")
    here.send(here.spare)
    here.gateway.ctl("relay", "resume", "main")
    here.gateway.wait_log("module-event", name="relay-back")
    here.send(here.main)
    here.fails("451 4.3.0 trouble", "451 4.3.0 trouble")
    here.send(here.main)  # counting began anew


def test_unknown_users_suspend_nobody(new_gateway, new_sink):
    here = Office(new_gateway(), new_sink)
    here.main.script["rcpt"] = ["550 5.1.1 no such user"] * 5
    for i in range(5):
        send(here.gateway, rcpt="nobody%d@example.net" % i)
    wait_for(lambda: here.gateway.counter("bounced") >= 5, 10, "five bounces")
    here.send(here.main)
    assert not here.gateway.log("module-event", name="relay-suspended") and not here.letters()


def test_what_meets_one_short_outage_at_once_is_one_failure(new_gateway, new_sink):
    here = Office(new_gateway(), new_sink)
    here.main.script["mail"] = Act("451 4.3.0 trouble", stall=True)
    for i in range(8):
        send(here.gateway, rcpt="b%d@example.net" % i)
    here.main.wait(lambda: len(here.main.commands("MAIL")) == 8, 10, "eight transactions")
    del here.main.script["mail"]
    here.main.release()
    here.spare.wait_messages(8)
    here.send(here.main)
    assert not here.gateway.log("module-event", name="relay-suspended")


# --- too fast ---

def test_a_next_hop_that_is_asked_too_much_is_asked_less(new_gateway, new_sink):
    here = Office(new_gateway(), new_sink, connections=2)
    here.fails(*["454 Throttling failure: Maximum sending rate exceeded."] * 2)
    here.gateway.wait_log("failover", text="relay main is slowed to 1 connection, one message each 1 s")
    began = len(here.main.messages)
    for i in range(3):
        send(here.gateway, subject="slow %d" % i)
    here.main.wait_messages(began + 3, 10)
    times = sorted(message.time for message in here.main.messages[began:])
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[1:])), times
    assert len(here.spare.messages) == 2 and not here.gateway.log("module-event", name="relay-suspended")


# --- what gatewayctl says ---

def test_gatewayctl_says_what_a_reply_would_mean(new_gateway):
    gateway = failover(open_relay(new_gateway(), "out").relay("out", host="127.0.0.1", port=9)).start()
    row = gateway.ctl("failover", "classify", "550", "5.4.5 Daily user sending limit exceeded", "mail")[0]
    assert (row["class"], row["fault"], row["action"]) == ("quota_day", "account", "limit") and row["row"].startswith("replies[")
    assert "quota_day" in gateway.text("failover", "classify", "550", "5.4.5 Daily user sending limit exceeded")
    assert gateway.run_ctl("failover", "classify", "text").code != 0


def test_a_new_table_is_taken_with_a_reload_and_a_bad_one_is_refused(new_gateway):
    gateway = open_relay(new_gateway(), "out").relay("out", host="127.0.0.1", port=9)
    row = {"class": "odd", "codes": ["599"], "fault": "account"}
    gateway.module("65-failover", "failover", {"replies": [row]}).start()
    assert gateway.ctl("failover", "classify", "599", "x", "rcpt")[0]["class"] == "odd"
    gateway.module("65-failover", "failover", {"replies": [{**row, "class": "even"}]}).write()
    assert gateway.ask("reload")["code"] == 0
    assert gateway.ctl("failover", "classify", "599", "x", "rcpt")[0]["class"] == "even"
    gateway.fragments["65-failover"] = 'module = "failover";\nfailover: { replies = (\n{ class = "a"; fault = "relay"; },\n' \
                                       '{ class = "b"; fault = "relay";\n  codes = ["5xx"]; } );\n};\n'
    answer = gateway.check()
    assert answer.code == 78 and '65-failover.conf:5: error: "5xx" in codes is no reply code' in answer.err, answer.err
