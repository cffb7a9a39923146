"""What this machine lacks is held against no relay: it waits, nobody is suspended, and the status says so."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: <a@example.com>\r\nSubject: one\r\n\r\nhello\r\n"
CASES = [
    # the relay cannot be tried from here because of this, and then the mail
    ("a source that is not ours", {"source": "192.0.2.77"}, "Cannot assign requested address", "waits"),
    ("no way there", {"host": "224.0.0.1"}, "Network is unreachable", "moves on"),
]


@pytest.mark.parametrize("keys, words, becomes", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_nothing_is_held_against_the_relay(new_gateway, new_sink, keys, words, becomes):
    gateway, main, spare = new_gateway(), new_sink(), new_sink()
    open_relay(gateway, "spare").relay("spare", spare).module("65-failover", "failover")
    gateway.relay("main", main, domains=["example.com"], fallback=["spare"], failures=1, **keys).set(queue__retry=["300ms"]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "b@example.net"))
    assert words in gateway.wait_log("deferred", id=id, fault="local")[0]["text"]

    status = gateway.status()
    assert status["own_faults"]["relay"] == "main" and words in status["own_faults"]["text"], status
    assert [relay["failed"] for relay in status["relays"] if relay["name"] == "main"] == [0]
    assert "this machine" in gateway.text("status")
    assert "suspended" not in str(gateway.ctl("relay", "show", "main")) and not gateway.log("module-event", name="relay-suspended")
    if becomes == "moves on":
        wait_for(lambda: spare.messages, 10, "the mail at the fallback")
        return
    assert not spare.messages

    # When there is a way again it goes.
    gateway.relay("main", main, domains=["example.com"], fallback=["spare"], failures=1)
    gateway.write()
    assert gateway.ask("reload")["code"] == 0
    wait_for(lambda: main.messages, 20, "the mail at its relay")
    assert not spare.messages
