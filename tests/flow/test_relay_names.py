"""The name of a relay is the DNS's, asked as dns.forward says: its addresses, another one when the first is away, and what is no name."""
import pytest

from conftest import open_relay
from lib.client import Client
from lib.gateway import free_port
from lib.names import KNOTD, Names
from lib.waiting import wait_for

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
MAIL = b"From: a@example.com\r\nSubject: by name\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def names():
    server = Names({"test": "relay A 127.0.0.11\nhalf AAAA ::1\nhalf A 127.0.0.11\nalias CNAME relay\nmail MX 10 relay\n"})
    yield server
    server.stop()


@pytest.fixture
def gateway(new_gateway, names):
    return new_gateway().set(dns__forward=[names.server], dns__local=True)


def send(gateway):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        reply = client.message(MAIL, "a@example.com", "b@example.net")
    assert reply.code == 250, reply


@pytest.mark.parametrize("host", ["relay.test", "Relay.Test.", "alias.test", "half.test"])
def test_a_relay_is_found_by_its_name(gateway, new_sink, host):
    sink = new_sink(address="127.0.0.11", port=PORT)
    open_relay(gateway, "out").relay("out", host=host, port=PORT).start()
    send(gateway)
    sink.wait_messages(1)
    assert not gateway.log("deferred")


@pytest.mark.parametrize("host", ["missing.test", "mail.test"])
def test_a_name_without_an_address_leaves_the_mail_to_the_next_host(gateway, new_sink, host):
    sink = new_sink(address="127.0.0.11", port=PORT)
    open_relay(gateway, "out").relay("out", host=[host, "relay.test"], port=PORT).start()
    send(gateway)
    sink.wait_messages(1)


def test_a_name_that_nobody_knows_is_said_so(gateway):
    open_relay(gateway, "out").relay("out", host="missing.test", port=PORT).start()
    send(gateway)
    wait_for(lambda: gateway.log("deferred"), 20, "the mail is put off")
    line = gateway.log("deferred")[0]
    assert (line["stage"], line["host"]) == ("resolve", "missing.test")
