"""What becomes of a message at the next hop: every way a next hop can fail, what is tried again, and when, and who is told what."""
import email
import email.policy
import re
import socket
import time

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.sink import DROP, OK, RESET, STALL, Act
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: delivery\r\nMessage-ID: <delivery@example.com>\r\n\r\nhello\r\n"
SLOW = {"queue.retry": ["1h"]}  # tries again only when told to


def send(gateway, octets=MAIL, sender="a@example.com", *rcpts, params="", rcpt_params=""):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<%s>%s" % (sender, params), 250)
        for rcpt in rcpts or ("b@example.net",):
            client.say("RCPT TO:<%s>%s" % (rcpt, rcpt_params), 250)
        reply = client.text(octets)
    assert reply.code == 250, reply
    return queue_id(reply)


def wait_waiting(gateway, id):
    """It was tried and waits for its next time."""
    gateway.wait_log("later", id=id)
    return wait_for(lambda: next((row for row in gateway.queue() if row["id"] == id and row["state"] == "waiting"), None), 10)


def retry(gateway, sink, id, count=1):
    """Orders retries until `count` messages are there: what just failed at the link speaks for a second for the tries that follow."""
    def arrived():
        if len(sink.messages) < count:
            gateway.ask("queue", "retry", id)
        return len(sink.messages) >= count
    wait_for(arrived, 10, lambda: "%d messages; the log:\n%s" % (count, gateway.log_text()[-3000:]))
    return sink.messages


def refused_port():
    """A port where nobody listens."""
    return free_port()


# --- a next hop that fails at a stage, then is fine: FAULTS 89 ---

STAGES = {"connect": "greeting", "ehlo": "ehlo", "starttls": "tls", "auth": "auth", "mail": "mail", "rcpt": "rcpt", "data": "data", "dot": "dot"}
FAILURES = {"4xx": "451 4.3.2 not now", "421": Act("421 4.3.2 going down", close=True), "close": DROP, "reset": RESET, "silence": Act(stall=True),
            "garbage": Act(raw=b"\x00\xff no reply at all\r\n"), "bare code": Act(raw=b"450\r\n"), "tls close": Act("220 go", close=True)}
QUICK = {"delivery.greeting": "1s", "delivery.helo": "1s", "delivery.mail": "1s", "delivery.rcpt": "1s", "delivery.data": "1s", "delivery.dot": "1s"}


def failing_pair(pair, certificates, stage, failure):
    certificate, key = certificates.pair("hop")
    how = {"script": {stage: [failure]}}
    relay = {}
    if stage == "starttls":
        how.update(tls="starttls", certificate=certificate, key=key)
        relay.update(tls="starttls", ca=certificates.ca)
    if stage == "auth":
        how.update(users={"me": "secret"}, require_login=True)
        relay.update(auth__user="me", clear_login=True)

    def before(gateway):
        gateway.module("45-limit", "limit")
        gateway.fragments["40-probe"]["probe"].update({"login.verdict": "accept", "user": "me", "secret": "secret"})
    return pair(settings={**SLOW, **QUICK}, relay=relay, before=before, **how)


@pytest.mark.parametrize("failure", list(FAILURES))
@pytest.mark.parametrize("stage", list(STAGES))
def test_89_failure_at_a_stage_keeps_the_message(pair, certificates, stage, failure):
    if failure == "tls close" and stage != "starttls":
        pytest.skip("the other stages have no handshake")
    gateway, sink = failing_pair(pair, certificates, stage, FAILURES[failure])
    id = send(gateway, MAIL, "a@example.com", "one@example.net")
    row = wait_waiting(gateway, id)
    assert row["pending"] == 1 and row["attempts"] == 1
    lost = stage == "dot" and failure in ("close", "reset", "silence", "garbage")
    line, = gateway.log("unknown" if lost else "deferred", id=id)
    # A reset may overtake the news that the connection was made.
    assert line["stage"] == STAGES[stage] or (stage, failure, line["stage"]) == ("connect", "reset", "connect")
    assert not sink.messages
    sink.release()
    message, = retry(gateway, sink, id)
    assert message.rcpts == ["one@example.net"] and message.data.endswith(MAIL)
    gateway.wait_queue_empty()
    assert len(sink.messages) == 1 and not gateway.log("bounced")


@pytest.mark.parametrize("failure", ["450 4.2.1 busy", "550 5.1.1 nobody"])
def test_89_only_the_recipient_concerned_is_put_off_or_given_back(pair, failure):
    gateway, sink = pair(settings=SLOW, script={"rcpt": lambda session, line: failure if "two@" in line else OK})
    id = send(gateway, MAIL, "", "one@example.net", "two@example.net", "three@example.net")
    message, = sink.wait_messages(1)
    assert message.rcpts == ["one@example.net", "three@example.net"]
    if failure[0] == "5":
        gateway.wait_log("done", id=id)
        assert [line["to"] for line in gateway.log("bounced", id=id)] == ["two@example.net"]
        return
    wait_waiting(gateway, id)
    rcpts = {rcpt["to"]: rcpt["status"] for rcpt in gateway.ctl("queue", "show", id)[0]["rcpts"]}
    assert rcpts == {"one@example.net": "delivered", "two@example.net": "pending", "three@example.net": "delivered"}
    sink.script.clear()
    assert retry(gateway, sink, id, 2)[1].rcpts == ["two@example.net"]


def test_all_recipients_refused_sends_no_text(pair):
    gateway, sink = pair(script={"rcpt": "550 5.1.1 nobody"})
    id = send(gateway, MAIL, "", "one@example.net", "two@example.net")
    gateway.wait_log("done", id=id)
    assert len(gateway.log("bounced", id=id)) == 2 and not sink.texts


def test_5xx_at_mail_gives_every_recipient_back(pair):
    gateway, sink = pair(script={"mail": ["553 5.1.8 bad sender"]})
    id = send(gateway, MAIL, "a@example.com", "one@example.net", "two@example.net")
    report, = sink.wait_messages(1)
    assert report.sender == "" and report.rcpts == ["a@example.com"]
    assert sorted(line["to"] for line in gateway.wait_log("bounced", id=id, count=2)) == ["one@example.net", "two@example.net"]


@pytest.mark.parametrize("stage", ["connect", "ehlo"])
def test_5xx_before_the_envelope_is_about_the_link_and_bounces_nothing(pair, stage):
    gateway, sink = pair(settings=SLOW, script={stage: "554 5.7.1 not with you", "helo": "554 5.7.1 not with you"})
    id = send(gateway)
    wait_waiting(gateway, id)
    assert gateway.log("deferred", id=id) and not gateway.log("bounced")


# --- after the dot ---

def test_90_lost_dot_reply_is_unknown_and_stays_with_its_relay(new_gateway, new_sink):
    """The text may have been taken: no other relay is tried; the same one is asked again, once it is time."""
    first, other = new_sink(script={"dot": [DROP]}), new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first").relay("first", first, fallback=["other"]).relay("other", other).set(**SLOW).start()
    id = send(gateway)
    row = wait_waiting(gateway, id)
    assert gateway.counter("unknown") == 1 and row["pending"] == 1
    assert gateway.log("unknown", id=id)[0]["stage"] == "dot"
    retry(gateway, first, id)
    gateway.wait_queue_empty()
    assert not other.sessions
    events = [line["event"] for line in gateway.explain(id)]
    assert events.index("unknown") < events.index("delivered")


def test_93_stall_at_the_dot_waits_while_others_go_on(pair):
    gateway, sink = pair(script={"dot": [STALL]})
    slow = send(gateway)
    sink.wait(lambda: sink.texts, 10)
    for i in range(10):
        send(gateway, MAIL, "n%d@example.com" % i)
    sink.wait_messages(10)
    assert all(message.sender.startswith("n") for message in sink.messages)
    row, = gateway.queue()
    assert (row["id"], row["state"]) == (slow, "active")
    sink.release()
    assert sink.wait_messages(11)[10].sender == "a@example.com"
    gateway.wait_queue_empty()
    assert len(sink.messages) == 11


def test_relay_that_was_down_gets_all_that_waited_when_it_is_back(new_gateway, new_sink):
    """Many relays, so that chance has its say: each refuses its first three callers."""
    gateway = new_gateway().set(limits__domains=0)
    gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing")
    sinks = [new_sink(script={"connect": [Act("421 4.3.2 not now", close=True)] * 3}) for _ in range(12)]
    for number, sink in enumerate(sinks):
        gateway.relay("r%d" % number, sink, domains=["d%d.example" % number])
    gateway.start()
    for number in range(len(sinks)):
        for _ in range(5):
            send(gateway, b"From: x@d%d.example\r\n\r\nback\r\n" % number)
    for sink in sinks:
        sink.wait_messages(5, 20)
    gateway.wait_queue_empty()


# --- odd replies: FAULTS 91, 92 ---

def test_91_replies_octet_by_octet_are_understood(pair):
    gateway, sink = pair(script={stage: Act(OK, bytewise=0.0005) for stage in ("connect", "ehlo", "mail", "rcpt", "data", "dot")})
    send(gateway)
    sink.wait_messages(1)
    gateway.wait_queue_empty()


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "dot"])
def test_91_reply_of_120_kilobytes_is_understood_or_bounded(pair, stage):
    long = {"connect": "220", "ehlo": "250"}.get(stage, "250")
    reply = b"".join(long.encode() + b"-" + b"w" * 70 + b"\r\n" for _ in range(1600)) + long.encode() + b" end\r\n"
    gateway, sink = pair(settings=SLOW, script={stage: [Act(raw=reply)]})
    before = gateway.rss()
    id = send(gateway)
    wait_for(lambda: sink.messages or gateway.log("later", id=id), 10)
    assert gateway.grew(before) < 8 * 1024
    if not gateway.log("delivered", id=id):
        retry(gateway, sink, id)
    assert not gateway.log("bounced")


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("kind", ["lines", "one line"])
def test_92_endless_reply_is_bounded_and_closed(pair, stage, kind):
    def forever():
        while True:
            yield b"250-" + b"more " * 13 + b"\r\n" if kind == "lines" else b"2" * 65536
    gateway, sink = pair(settings=SLOW, script={stage: [Act(raw=forever)]})
    before = gateway.rss()
    id = send(gateway)
    wait_waiting(gateway, id)
    sink.wait(lambda: sink.sessions and sink.sessions[0].ended, 10, "the end of the endless session")
    assert gateway.grew(before) < 8 * 1024
    retry(gateway, sink, id)


def test_94_host_that_does_not_exist_waits(new_gateway):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host="nowhere.invalid", port=25).set(**SLOW).start()
    id = send(gateway)
    gateway.wait_log("later", id=id, timeout=40)
    line, = gateway.log("deferred", id=id)
    assert line["stage"] == "resolve" and not gateway.log("bounced")


def test_95_wrong_login_at_the_next_hop_is_no_bounce_storm(new_gateway, new_sink):
    sink = new_sink(users={"me": "right"}, require_login=True)
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", sink, auth__user="me", clear_login=True).module("45-limit", "limit").set(**SLOW)
    gateway.fragments["40-probe"]["probe"].update({"login.verdict": "accept", "user": "me", "secret": "wrong"})
    gateway.start()
    ids = [send(gateway, MAIL, "n%d@example.com" % i) for i in range(10)]
    for id in ids:
        wait_waiting(gateway, id)
    assert not gateway.log("bounced") and not sink.commands("MAIL")
    assert {line["stage"] for line in gateway.log("deferred")} == {"auth"}
    assert gateway.log("deferred")[0]["code"] == "535"
    assert len(sink.logins) < 10, "every message tried the wrong password: %d times" % len(sink.logins)
    assert not any(good for _, _, _, good in sink.logins)


def test_95_relay_that_says_auth_is_never_used_without(new_gateway, new_sink):
    sink = new_sink()  # offers no AUTH
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", sink, auth__user="me", clear_login=True).module("45-limit", "limit").set(**SLOW)
    gateway.fragments["40-probe"]["probe"].update({"login.verdict": "accept", "user": "me", "secret": "x"})
    gateway.start()
    wait_waiting(gateway, send(gateway))
    assert not sink.commands("MAIL")


# --- several hosts, several relays ---

def test_hosts_are_tried_in_order(new_gateway, new_sink):
    """One port for all hosts of a relay: the addresses differ."""
    port = free_port()
    second, third = new_sink(address="127.0.0.3", port=port), new_sink(address="127.0.0.4", port=port)
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host=["127.0.0.2", "127.0.0.3", "127.0.0.4"], port=port).start()
    send(gateway)
    second.wait_messages(1)
    assert not third.sessions
    assert gateway.wait_log("delivered")[0]["host"].startswith("127.0.0.3 ")


def test_host_that_greets_with_421_is_passed_over(new_gateway, new_sink):
    port = free_port()
    first = new_sink(address="127.0.0.2", port=port, script={"connect": Act("421 4.3.2 busy", close=True)})
    second = new_sink(address="127.0.0.3", port=port)
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host=["127.0.0.2", "127.0.0.3"], port=port).set(**SLOW).start()
    send(gateway)
    second.wait_messages(1)
    assert first.sessions and not first.commands("MAIL")


def test_fallback_relay_takes_what_the_first_cannot(new_gateway, new_sink):
    sink = new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first").relay("first", host="127.0.0.1", port=refused_port(), fallback=["second"]).relay("second", sink).set(**SLOW).start()
    id = send(gateway)
    sink.wait_messages(1)
    assert gateway.wait_log("delivered", id=id)[0]["relay"] == "second"
    assert gateway.log("deferred", id=id)[0]["relay"] == "first"


def test_a_refused_recipient_is_not_shopped_around(new_gateway, new_sink):
    """550 is about the recipient: the fallback is not asked. 450 neither: greylisting wants the same relay again."""
    first, second = new_sink(script={"rcpt": ["550 5.1.1 nobody", "450 4.7.1 greylisted"]}), new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first").relay("first", first, fallback=["second"]).relay("second", second).set(**SLOW).start()
    gateway.wait_log("done", id=send(gateway, MAIL, ""))
    wait_waiting(gateway, send(gateway, MAIL, ""))
    assert not second.sessions


def test_relay_that_is_off_is_passed_over(new_gateway, new_sink):
    first, second = new_sink(), new_sink()
    gateway = new_gateway()
    open_relay(gateway, "first", "second").relay("first", first, enabled=False).relay("second", second).start()
    send(gateway)
    second.wait_messages(1)
    assert not first.sessions


def test_messages_of_sender_domains_and_types_go_their_ways(new_gateway, new_sink):
    a, b = new_sink(), new_sink()
    gateway = new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing")
    gateway.relay("a", a, domains=["a.example"]).relay("b", b, domains=["b.example", "*.b.example"]).start()
    send(gateway, b"From: x@a.example\r\n\r\n1\r\n")
    send(gateway, b"From: x@sub.b.example\r\n\r\n2\r\n")
    send(gateway, b"From: x@b.example\r\n\r\n3\r\n")
    id = send(gateway, b"From: x@c.example\r\n\r\n4\r\n", "")
    gateway.wait_log("bounced", id=id)
    a.wait_messages(1)
    b.wait_messages(2)
    assert len(a.messages) == 1 and len(b.messages) == 2


# --- time ---

def test_retry_schedule(pair):
    """Pauses of 1 s, then 2 s, then 2 s again; each with its tenth of chance."""
    times = []

    def refuse(session, line):
        times.append(time.monotonic())
        return "451 4.3.0 later" if len(times) < 4 else OK
    gateway, sink = pair(settings={"queue.retry": ["1s", "2s"]}, script={"mail": refuse})
    id = send(gateway)
    sink.wait_messages(1, 15)
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    assert pauses[0] > 0.85 and pauses[1] > 1.75 and pauses[2] > 1.75, pauses
    assert [line["event"] for line in gateway.explain(id)].count("deferred") == 3


def test_message_expires_with_the_last_real_cause(pair):
    gateway, sink = pair(settings={"queue.expire": "2s", "queue.retry": ["1s"]},
                         script={"mail": lambda session, line: OK if "<>" in line else "451 4.7.1 greylisted, come back"})
    id = send(gateway)
    report, = sink.wait_messages(1, 15)
    assert report.rcpts == ["a@example.com"] and report.sender == ""
    assert b"greylisted, come back" in report.data and b"Status: 4.4.7" in report.data or b"Status: 5.4.7" in report.data
    gateway.wait_log("done", id=id)
    gateway.wait_queue_empty()


def test_delay_is_told_once(pair):
    gateway, sink = pair(settings={"queue.delay_warning": "1s", "queue.retry": ["1s"]},
                         script={"mail": lambda session, line: OK if "<>" in line else "451 4.7.1 later"})
    id = send(gateway)
    report, = sink.wait_messages(1, 15)
    status = status_part(report)
    assert status[1]["Action"] == "delayed" and status[1]["Will-Retry-Until"]
    wait_for(lambda: len(gateway.log("deferred", id=id)) >= 4, 15)
    assert len(sink.messages) == 1


# --- admin orders ---

def test_hold_and_release(pair):
    gateway, sink = pair(settings=SLOW, script={"mail": ["451 later"]})
    id = send(gateway)
    wait_waiting(gateway, id)
    gateway.ctl("queue", "hold", id)
    assert gateway.queue()[0]["state"] == "held"
    gateway.restart()
    assert gateway.queue()[0]["state"] == "held", "a hold has to survive a restart"
    gateway.ctl("queue", "release", id)
    sink.wait_messages(1)
    gateway.wait_queue_empty()


def test_queue_bounce(pair):
    gateway, sink = pair(settings=SLOW, script={"mail": ["451 later"]})
    id = send(gateway)
    wait_waiting(gateway, id)
    gateway.ctl("queue", "bounce", id)
    report, = sink.wait_messages(1)
    assert report.sender == "" and b"an administrator gave it back" in report.data
    gateway.wait_log("done", id=id)


# --- reports: FAULTS 96 to 99 ---

def status_part(message):
    """The groups of fields of message/delivery-status, the message's first."""
    mail = email.message_from_bytes(message.data, policy=email.policy.default)
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status"
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts[:2]] == ["text/plain", "message/delivery-status"]
    return parts[1].get_payload()


def failing(pair, reply="550 5.1.1 no such user", **how):
    return pair(script={"rcpt": lambda session, line: reply if "b@example.net" in line else OK}, **how)


def test_96_failure_gives_a_report(pair):
    gateway, sink = failing(pair)
    id = send(gateway, MAIL, "a@example.com", "b@example.net", params=" RET=HDRS ENVID=QQ314159", rcpt_params=" ORCPT=rfc822;Orig+2Binal@example.net")
    report, = sink.wait_messages(1)
    assert (report.sender, report.rcpts) == ("", ["a@example.com"])
    mail = email.message_from_bytes(report.data, policy=email.policy.default)
    assert mail["Auto-Submitted"].startswith("auto-") and mail["To"] == "<a@example.com>" or "a@example.com" in mail["To"]
    assert mail["Date"] and mail["Message-ID"] and mail["From"] and mail["Subject"] and mail["MIME-Version"] == "1.0"
    about, rcpt = status_part(report)
    assert about["Reporting-MTA"] == "dns; relay.example.com"
    assert about["Original-Envelope-Id"] == "QQ314159"
    assert rcpt["Final-Recipient"] == "rfc822; b@example.net"
    assert rcpt["Original-Recipient"] == "rfc822; Orig+inal@example.net"
    assert (rcpt["Action"], rcpt["Status"]) == ("failed", "5.1.1")
    assert "550 5.1.1 no such user" in rcpt["Diagnostic-Code"] and rcpt["Diagnostic-Code"].startswith("smtp;")
    assert rcpt["Remote-MTA"]
    last = list(mail.iter_parts())[2]
    assert last.get_content_type() == "text/rfc822-headers" and "Message-ID: <delivery@example.com>" in last.get_payload()
    assert "hello" not in last.get_payload()
    gateway.wait_log("done", id=id)


def test_98_ret_full_returns_the_whole_message(pair):
    gateway, sink = failing(pair)
    send(gateway, MAIL, "a@example.com", "b@example.net", params=" RET=FULL")
    report, = sink.wait_messages(1)
    last = list(email.message_from_bytes(report.data, policy=email.policy.default).iter_parts())[2]
    assert last.get_content_type() == "message/rfc822" and b"\r\n\r\nhello\r\n" in report.data


def test_98_notify_never_gets_no_report(pair):
    gateway, sink = failing(pair)
    id = send(gateway, MAIL, "a@example.com", "b@example.net", rcpt_params=" NOTIFY=NEVER")
    gateway.wait_log("done", id=id)
    gateway.wait_queue_empty()
    assert not sink.texts


@pytest.mark.parametrize("notify, wanted", [("FAILURE", True), ("SUCCESS,FAILURE", True), ("DELAY", False), ("SUCCESS", False)])
def test_98_failure_is_told_to_those_who_want_it(pair, notify, wanted):
    gateway, sink = failing(pair)
    id = send(gateway, MAIL, "a@example.com", "b@example.net", rcpt_params=" NOTIFY=" + notify)
    gateway.wait_log("done", id=id)
    gateway.wait_queue_empty()
    assert len(sink.messages) == (1 if wanted else 0)


def test_98_parameters_go_on_to_a_next_hop_that_knows_them(pair):
    gateway, sink = pair()
    send(gateway, MAIL, "a@example.com", "b@example.net", params=" RET=FULL ENVID=abc", rcpt_params=" NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@example.net")
    message, = sink.wait_messages(1)
    assert "RET=FULL" in message.params and "ENVID=abc" in message.params
    assert "NOTIFY=SUCCESS,DELAY" in message.rcpt_params["b@example.net"] and "ORCPT=rfc822;x@example.net" in message.rcpt_params["b@example.net"]


def test_98_success_is_told_when_the_next_hop_does_not_know_dsn(pair):
    """RFC 3461 section 5.2.2: Action: relayed."""
    gateway, sink = pair(extensions=["PIPELINING"])
    send(gateway, MAIL, "a@example.com", "b@example.net", rcpt_params=" NOTIFY=SUCCESS")
    report = sink.wait_messages(2)[1]
    assert report.sender == "" and status_part(report)[1]["Action"] == "relayed"


def test_97_null_sender_is_never_answered(pair):
    gateway, sink = failing(pair)
    gateway.wait_log("done", id=send(gateway, MAIL, ""))
    gateway.wait_queue_empty()
    assert not sink.texts and gateway.counter("dsns") == 0


def test_97_report_that_cannot_be_delivered_makes_no_other(pair):
    gateway, sink = pair(script={"rcpt": "550 5.1.1 nobody"})
    id = send(gateway)
    report = gateway.wait_log("report", id=id)[0]["report"]
    gateway.wait_log("held", id=report)  # nobody else has what it says
    assert [row["id"] for row in gateway.queue()] == [report]
    assert gateway.counter("dsns") == 1 and not sink.texts


HOSTILE = [b"550 5.1.1 \x1b[31mred\x07\x08\r\n", b"550 5.1.1 caf\xc3\xa9 \xff\xfe\r\n", b"550 5.1.1 " + b"x" * 5000 + b"\r\n",
           b"".join(b"550-5.1.1 line %d\r\n" % i for i in range(200)) + b"550 5.1.1 end\r\n", b"550 5.1.1 nobody\tBcc: x@y\x0bX-Evil: 1\x0cX\r\n",
           b"550-5.1.1 one\r\n550 5.1.1 Action: delivered\r\n", b"550 --boundary--\r\n"]


@pytest.mark.parametrize("reply", HOSTILE, ids=range(len(HOSTILE)))
def test_99_hostile_reply_text_stays_text(pair, reply):
    gateway, sink = failing(pair, Act(raw=reply))
    send(gateway)
    report, = sink.wait_messages(1)
    assert all(byte in b"\r\n\t" or 32 <= byte < 127 for byte in report.data)
    assert all(len(line) <= 998 for line in report.data.split(b"\r\n"))
    rcpt = status_part(report)[1]
    assert (rcpt["Action"], rcpt["X-Evil"], rcpt["Bcc"]) == ("failed", None, None)
    assert len(rcpt["Diagnostic-Code"]) < 4000
    for line in gateway.log_text().splitlines():
        assert line.isprintable(), line[:200]


# --- connections ---

def test_one_connection_carries_many_messages(pair):
    gateway, sink = pair(settings={"workers": 1})
    for i in range(10):
        id = send(gateway, MAIL, "n%d@example.com" % i)
        gateway.wait_log("done", id=id)
    assert len(sink.sessions) == 1 and len(sink.commands("EHLO")) == 1


def test_per_connection(pair):
    gateway, sink = pair(settings={"workers": 1}, relay={"per_connection": 3})
    for i in range(9):
        send(gateway, MAIL, "n%d@example.com" % i)
        sink.wait_messages(i + 1)
    assert [len(session.messages) for session in sink.sessions] == [3, 3, 3]


def test_connections_are_limited_over_all_workers(pair):
    gateway, sink = pair(relay={"connections": 3}, script={"dot": lambda session, line: Act(OK, delay=0.03)})
    for i in range(40):
        send(gateway, MAIL, "n%d@example.com" % i)
    sink.wait_messages(40)
    assert sink.open_most <= 3


def test_max_rcpts_splits_the_transaction(pair):
    gateway, sink = pair(relay={"max_rcpts": 2})
    send(gateway, MAIL, "a@example.com", *["r%d@example.net" % i for i in range(5)])
    messages = sink.wait_messages(3)
    assert sorted(len(message.rcpts) for message in messages) == [1, 2, 2]
    assert sorted(rcpt for message in messages for rcpt in message.rcpts) == ["r%d@example.net" % i for i in range(5)]


def test_452_too_many_recipients_is_tried_again_for_the_rest(pair):
    def most_two(session, line):
        return "452 4.5.3 too many recipients" if session.message and len(session.message.rcpts) >= 2 else OK
    gateway, sink = pair(script={"rcpt": most_two})
    send(gateway, MAIL, "a@example.com", *["r%d@example.net" % i for i in range(5)])
    sink.wait(lambda: sum(len(message.rcpts) for message in sink.messages) == 5, 15)
    assert sorted(rcpt for message in sink.messages for rcpt in message.rcpts) == ["r%d@example.net" % i for i in range(5)]


def test_idle_connection_closed_by_the_next_hop_costs_no_attempt(pair):
    gateway, sink = pair(settings={**SLOW, "workers": 1})
    send(gateway)
    sink.wait_messages(1)
    sink.sessions[0].sock.shutdown(socket.SHUT_RDWR)
    sink.wait(lambda: sink.sessions[0].ended, 5)
    id = send(gateway)
    sink.wait_messages(2)
    gateway.wait_log("delivered", id=id)
    assert not gateway.log("deferred", id=id)


def test_idle_connection_is_ended_with_quit(pair):
    gateway, sink = pair(settings={"delivery.idle": "1s"})
    send(gateway)
    sink.wait_messages(1)
    sink.wait(lambda: sink.commands("QUIT"), 10)


def test_dead_relay_does_not_hold_up_another(new_gateway, new_sink):
    dead, alive = new_sink(script={"connect": STALL}), new_sink()
    gateway = new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing")
    gateway.relay("dead", dead, domains=["dead.example"]).relay("alive", alive, domains=["alive.example"]).start()
    for i in range(60):
        send(gateway, b"From: x@dead.example\r\n\r\n%d\r\n" % i)
    for i in range(20):
        send(gateway, b"From: x@alive.example\r\n\r\n%d\r\n" % i)
    alive.wait_messages(20)  # the dead one is silent for longer than anybody waits here
    assert dead.open_most <= 10


def test_large_message_to_many_relays_is_byte_exact(pair):
    gateway, sink = pair(settings={"limits.extent": "8K"})
    body = MAIL + b"".join(b"%06d " % i + b"." * (i % 90) + b"\r\n" for i in range(20000))
    with Client(gateway.clear_port, ehlo="me") as client:
        assert client.message(body).code == 250
    message, = sink.wait_messages(1, 20)
    assert message.data[re.match(rb"Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)+", message.data).end():] == body
