"""The queue in an admin's hands: summed up, one message read, one thrown away."""
import json

import pytest

from lib.client import Client, queue_id
from lib.sink import OK
from lib.terminal import on_terminal
from lib.waiting import wait_for

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
