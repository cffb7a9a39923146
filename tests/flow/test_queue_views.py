"""The queue in an admin's hands: summed up, one message read, one thrown away."""
import grp
import os
import pwd
import re
import subprocess

import pytest

from lib.client import Client, queue_id
from lib.gateway import built
from lib.sink import OK
from lib.terminal import on_terminal
from lib.waiting import PATIENCE, wait_for

MAIL = b"From: a@example.com\r\nSubject: queue\r\n\r\nhello\r\n"


@pytest.fixture
def stuck(pair):
    """A gateway whose next hop puts everything off, until the script is cleared."""
    return pair(settings={"queue.retry": ["1h"]}, script={"rcpt": lambda session, line: OK if "good" in line else "451 4.7.1 greylisted"})


def send(gateway, sender="a@example.com", *rcpts, mail=MAIL):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(mail, sender, *rcpts))


def send_stuck(gateway, sender="a@example.com", *rcpts, mail=MAIL):
    id = send(gateway, sender, *rcpts, mail=mail)
    gateway.wait_log("later", id=id)
    return id


def test_delete_tells_nobody_but_the_log(stuck):
    gateway, sink = stuck
    first, second, third = (send_stuck(gateway, "n%d@example.com" % n) for n in range(3))
    assert gateway.ctl("queue", "delete", first)["text"] == "1 message: deleted, and nobody is told"
    assert [row["id"] for row in gateway.queue()] == [second, third]
    assert gateway.run_ctl("queue", "delete", first).code == 69
    code, text = on_terminal(gateway, b"n\n", "queue", "delete", "--from", "n1")
    assert code == 0 and "1 message: deleted, and nobody is told. Go on?" in text and len(gateway.queue()) == 2
    gateway.ctl("queue", "hold", second)
    gateway.ctl("queue", "delete", "--from", "n1", "--yes")
    assert [row["id"] for row in gateway.queue()] == [third]
    events = [row["event"] for row in gateway.explain(first)]
    assert events[-2:] == ["delete-ordered", "deleted"] and gateway.explain(first)[-2]["details"]["uid"] == "0"
    assert gateway.counter("deleted") == 2 and gateway.counter("dsns") == 0
    gateway.restart()
    assert [row["id"] for row in gateway.queue()] == [third]


def counts(rows, by):
    return {row["value"]: (row["messages"], row["recipients"]) for row in rows if row["by"] == by}


def test_summary_counts_by_what_holds_mail_up(stuck):
    gateway, sink = stuck
    sink.script["rcpt"] = lambda session, line: "452 4.2.2 mailbox of <b@two.example> is full, try session %d" % (100000 + id(session) % 1000) \
        if "two" in line else "451 4.7.1 greylisted"
    first = send_stuck(gateway, "n1@example.com", "a@one.example", "b@ONE.example")
    for n in range(3):
        held = send_stuck(gateway, "n2@example.com", "b@two.example")
    gateway.ctl("queue", "hold", held)
    rows = gateway.ctl("queue", "summary")
    assert rows[0]["by"] == "all" and (rows[0]["messages"], rows[0]["recipients"]) == (4, 5) and rows[0]["size"] == 4 * len(MAIL)
    assert counts(rows, "domain") == {"two.example": (3, 3), "one.example": (1, 2)}
    assert counts(rows, "relay") == {"out": (4, 5)} and counts(rows, "age") == {"under 5 min": (4, 5)}
    reasons = counts(rows, "reason")
    assert reasons["452 mailbox of ... is full, try session ..."] == (2, 2) and reasons["451 greylisted"] == (1, 2)
    assert next(value for value in reasons if value.startswith("by an admin"))
    only = gateway.ctl("queue", "summary", "--by", "domain", "--to", "one.example")
    assert {row["by"] for row in only} == {"all", "domain"} and only[0]["messages"] == 1
    largest = [row["value"] for row in gateway.ctl("queue", "summary", "--by", "domain", "--limit", "1")]
    assert largest == ["", "two.example", "(1 more)"]
    assert "two.example" in gateway.text("queue", "summary")
    for wrong in (("--by", "moon"), ("--limit", "0"), ("--limit", "x")):
        assert gateway.run_ctl("queue", "summary", *wrong).code == 64
    assert first


def test_a_limit_is_of_all_workers_and_says_what_it_cut(stuck):
    gateway, sink = stuck
    ids = [send_stuck(gateway, "n%d@example.com" % n) for n in range(6)]
    assert [row["id"] for row in gateway.ctl("queue", "list", "--limit", "1")] == ids[:1]
    assert "the oldest 2; --limit shows more" in gateway.text("queue", "list", "--limit", "2")
    assert "--limit" not in gateway.text("queue", "list", "--limit", "6")


def test_the_list_says_why_and_no_time_that_never_was(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    gateway.ctl("queue", "hold", id)
    row, = gateway.queue()
    assert row["last"] == "by an admin; before that: greylisted" and row["due"] is None
    assert "1970" not in gateway.text("queue", "list") + gateway.text("queue", "show", id)
    assert [row["id"] for row in gateway.queue("--reason", "greylisted")] == [id]
    gateway.ctl("queue", "delete", id)
    gateway.ctl("relay", "off", "out")
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com"))
    wait_for(lambda: gateway.queue() and gateway.queue()[0]["last"], 5, "a reason")
    row, = gateway.queue()
    assert row["last"] == "waits until relay out is open"
    gateway.restart()
    assert gateway.queue()[0]["last"] == row["last"]


STEERING = b"Subject: \x1b]0;title\x07 \xc2\x9b31m \xe2\x80\xae\r\nX-Tab:\tone\r\n\r\nbody \x1b[2J \xff\xfe end\r\n"


def test_a_message_is_shown_whole_or_its_header(stuck):
    gateway, sink = stuck
    long = MAIL + b"".join(b"%06d %s\r\n" % (n, b"x" * 60) for n in range(9000))
    id = send_stuck(gateway, mail=long)
    shown = subprocess.run([built("bin", "gatewayctl"), "--socket", gateway.socket_path, "queue", "show", id, "--message", "--all"],
                           capture_output=True, timeout=30 * PATIENCE).stdout
    assert shown.startswith(b"Received: from ") and shown.endswith(b"\r\n" + long)
    header = gateway.ctl("queue", "show", id, "--message")
    assert header["octets"].endswith("\r\nSubject: queue\r\n\r\n") and header["id"] == id
    assert gateway.ctl("queue", "show", id, "--message", "--all")["octets"].encode("latin-1") == shown
    assert {line["part"] for line in gateway.log("message-shown", id=id, uid=0)} == {"header", "all"}
    assert gateway.run_ctl("queue", "show", "1AAAAAAAAAAAA", "--message").code == 69
    assert gateway.run_ctl("queue", "show", id, "--all").code == 64


def test_a_message_does_not_steer_the_terminal(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway, mail=STEERING)
    for words in (("queue", "show", id, "--message", "--all"), ("queue", "list"), ("queue", "show", id), ("message", "explain", id), ("queue", "summary")):
        for more in ((), ("--json",)):
            code, text = on_terminal(gateway, None, *words, *more)
            assert code == 0 and not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]", text), (words, text)
    code, text = on_terminal(gateway, None, "queue", "show", id, "--message", "--all")
    assert "X-Tab: one" in text and "body ?[2J ?? end" in text


def test_who_may_only_look_reads_no_mail_and_deletes_none(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    nobody = pwd.getpwnam("nobody")
    gateway.set(control__view_group=grp.getgrgid(nobody.pw_gid).gr_name)
    gateway.restart()
    os.chmod(gateway.folder, 0o755)
    os.chmod(gateway.state, 0o755)
    assert gateway.run_ctl("queue", "show", id, user=nobody.pw_uid).code == 0
    for words in (("queue", "show", id, "--message"), ("queue", "delete", id)):
        assert gateway.run_ctl(*words, user=nobody.pw_uid).code == 77
    assert gateway.queue()
