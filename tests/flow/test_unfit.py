"""A message that needs what a relay does not offer goes to the next one of the route that does, before anybody is bounced."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import DROP, Sink

BARE = ["PIPELINING"]
NEEDS = {
    "8BITMIME": (BARE, "Subject: x\r\n\r\n\u00e4\r\n".encode(), "", "b@example.net"),
    "SIZE": (["PIPELINING", "SIZE 1000"], b"Subject: x\r\n\r\n" + b"large\r\n" * 500, "", "b@example.net"),
    "SMTPUTF8": (["8BITMIME"], b"Subject: x\r\n\r\nx\r\n", "SMTPUTF8", "j\u00e4n@example.net"),
}
ABLE = list(Sink.EXTENSIONS) + ["SMTPUTF8"]


def send(gateway, what):
    _, text, words, rcpt = NEEDS[what]
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com> BODY=8BITMIME " + words, 250)
        client.send(("RCPT TO:<%s>\r\n" % rcpt).encode())
        assert client.reply().code == 250
        return queue_id(client.text(text))


@pytest.mark.parametrize("what", NEEDS)
def test_the_next_relay_that_has_it(new_gateway, new_sink, what):
    lacking, able = new_sink(extensions=NEEDS[what][0]), new_sink(extensions=ABLE)
    gateway = open_relay(new_gateway(), "one", "two").relay("one", lacking).relay("two", able)
    gateway.start()
    id = send(gateway, what)
    able.wait_messages(1)
    assert not lacking.commands("MAIL")
    gateway.wait_log("delivered", id=id)


def test_none_has_it(new_gateway, new_sink):
    one, two = new_sink(extensions=BARE), new_sink(extensions=BARE)
    gateway = open_relay(new_gateway(), "one", "two").relay("one", one).relay("two", two)
    gateway.start()
    id = send(gateway, "8BITMIME")
    gateway.wait_log("bounced", id=id)
    assert len([entry for entry in gateway.log() if entry["event"] == "bounced" and entry.get("id") == id]) == 1


def test_one_that_failed_may_have_it(new_gateway, new_sink):
    down, lacking = new_sink(script={"connect": DROP}), new_sink(extensions=BARE)
    gateway = open_relay(new_gateway(), "one", "two").relay("one", down).relay("two", lacking)
    gateway.start()
    id = send(gateway, "8BITMIME")
    gateway.wait_log("deferred", id=id, relay="two")
    assert not [entry for entry in gateway.log() if entry["event"] == "bounced"]
