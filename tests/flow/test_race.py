"""Several addresses of one mail host: those that do not answer are not waited out one after the other."""
import socket

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.names import KNOTD, Names
from lib.waiting import wait_for

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

MAIL = b"From: a@example.com\r\nSubject: race\r\n\r\nhello\r\n"
SILENT, GOOD = ["127.0.0.71", "127.0.0.72", "127.0.0.73"], "127.0.0.74"
ZONE = "race MX 10 mx.race\n" + "\n".join("mx.race A %s" % address for address in SILENT + [GOOD]) + "\nnumber MX 10 127.0.0.74.\n"


class Silent:
    """An address whose queue of connections is full: what comes is not answered at all."""

    def __init__(self, address, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.fill = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            self.fill.append(filler)

    def close(self):
        for each in self.fill + [self.listener]:
            each.close()


@pytest.fixture
def place(new_gateway, new_sink):
    names, port = Names({"test": ZONE}), free_port()
    silent = [Silent(address, port) for address in SILENT]
    gateway, sink = new_gateway(), new_sink(address=GOOD, port=port)
    open_relay(gateway, "direct").relay("direct", host="mx", port=port, tls="none")
    gateway.set(dns__forward=[names.server], dns__local=True, delivery__connect="5m", workers=1).start()
    yield gateway, sink
    for each in silent + [names]:
        each.close() if isinstance(each, Silent) else each.stop()


def send(gateway, rcpt):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, "a@example.com", rcpt))


def test_silent_addresses_cost_no_time_out(place):
    gateway, sink = place
    for count in range(1, 4):  # the order of the addresses is another one each time
        send(gateway, "b@race.test")
        wait_for(lambda: len(sink.messages) == count, 10, lambda: gateway.log_text()[-2000:])
    wait_for(lambda: not gateway.queue(), 10, "an empty queue")
    assert len(sink.messages) == 3 and not gateway.log("deferred")


def test_an_mx_that_is_an_address_is_a_mistake_that_may_be_mended(place):
    gateway, sink = place
    id = send(gateway, "b@number.test")
    line = gateway.wait_log("deferred", id=id)[0]
    assert "names an address instead of a host" in line["text"] and not gateway.log("bounced"), line
