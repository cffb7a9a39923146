"""A worker that hangs in a module: whoever asks is told, the supervisor names it, ends it, and puts its message on hold when it happens again."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.waiting import wait_for


@pytest.fixture
def hanging(new_gateway, new_sink):
    """A gateway whose module blocks in [prepare] for mail from hang@, for longer than anybody waits."""
    gateway, sink = new_gateway(), new_sink()
    open_relay(gateway, "out").relay("out", sink).set(queue__retry=["1h"])
    gateway.probe(options={"rcpt.verdict": "accept", "auth.verdict": "accept", "prepare.way": "block", "prepare.delay": "600s", "only": "hang@"})
    command = gateway.command
    gateway.command = lambda *more: command(*more, "--worker-timeout", "6")
    return gateway.start(), sink


def send(gateway, sender):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(b"From: a@example.com\r\n\r\nhello\r\n", sender))


def test_a_worker_that_hangs_is_named_ended_and_its_message_held(hanging):
    gateway, sink = hanging
    id = send(gateway, "hang@example.com")
    answer = gateway.run_ctl("status")
    assert answer.code == 75, (answer.out, answer.err)
    assert "does not turn" in answer.err and "hook prepare" in answer.err and id in answer.err
    first, = gateway.wait_log("hangs", timeout=20, id=id)
    assert first["hook"] == "prepare" and first["by"] and first["worker"] in "01"
    gateway.wait_log("hung", timeout=20, id=id)
    died = gateway.wait_log("died", timeout=30, count=2, id=id)
    assert [line["times"] for line in died] == ["1", "2"] and int(died[0]["hung_s"]) >= 6
    row = wait_for(lambda: [row for row in (gateway.ask("queue", "list", "--status", "held") or {"rows": []})["rows"] if row["id"] == id], 30, lambda: gateway.log_text()[-2000:])
    assert row[0]["last"]
    wait_for(lambda: gateway.ask("status"), 20, "an answer")
    assert sink.messages == []
    assert len(gateway.log("hung")) == 2
