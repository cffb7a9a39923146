"""A relay that cannot be reached is tried by one message at a time, less and less often; the others wait for that, and nothing has failed for them."""
import re

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: back-off\r\n\r\nhello\r\n"


def send(gateway, rcpt="b@example.net"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, "a@example.com", rcpt))


def relay_row(gateway, name="out"):
    return next(row for row in gateway.ask("relay", "list")["rows"] if row["name"] == name)


def test_what_waits_for_the_next_try_has_not_failed(new_gateway, new_sink):
    port = free_port()
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=port).set(queue__retry=["1s"]).start()
    assert relay_row(gateway)["next_try"] == "" and relay_row(gateway)["state"] == "up"
    for _ in range(8):
        send(gateway)
    wait_for(lambda: len(gateway.log("later")) >= 8, 10, "all of them to wait")
    row = relay_row(gateway)
    assert re.match(r"unreachable, (next try in \d+ s|tried now)$", row["state"]) and row["next_try"], row
    assert re.search(r"unreachable, (next try in|tried now)", gateway.text("relay", "list"))
    wait_for(lambda: len(gateway.log("deferred")) >= 3, 20, "some tries")
    failures = gateway.log("deferred")
    assert all(line["stage"] == "connect" for line in failures), failures
    attempts = sum(row["attempts"] for row in gateway.queue())
    assert attempts <= len(gateway.log("deferred")) < 8, attempts
    sink = new_sink(port=port)
    sink.wait_messages(8, 30)
    gateway.wait_queue_empty()
    assert relay_row(gateway)["state"] == "up" and relay_row(gateway)["next_try"] == ""


def test_a_reload_asks_an_unreachable_relay_at_once(new_gateway, new_sink):
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=free_port()).set(queue__retry=["1h"]).start()
    for _ in range(4):
        send(gateway)
    wait_for(lambda: len(gateway.log("later")) >= 4, 10, "all of them to wait")
    wait_for(lambda: len(gateway.log("deferred")) >= 3, 60, "the back-off to be longer than a moment")
    next_try = max(row["next_try"] for row in gateway.ask("relay", "list")["rows"])
    gateway.relay("out", sink).write()
    gateway.ctl("reload")
    sink.wait_messages(1)
    assert gateway.wait_log("delivered")[0]["time"] < next_try, "it was waited for the old time"
    sink.wait_messages(3)
