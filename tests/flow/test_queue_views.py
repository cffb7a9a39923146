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
