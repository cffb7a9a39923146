"""Direct delivery: domains that do not answer stand before nobody. What counts is the order: all good mail is out before the first of the
dead ones is given up for now."""
import socket
import threading

import dns.flags
import dns.message
import dns.rrset
import pytest

from conftest import open_relay
from lib.client import Client
from lib.gateway import free_port
from lib.waiting import wait_for

DEAD = 200
GOOD = 20
PORT = free_port()
MAIL = b"From: a@example.com\r\nSubject: direct\r\n\r\nhello\r\n"


class Answers:
    """A name server: "silent*" gets no answer, every other domain is its own mail host. The host of "mute*" takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.server = "127.0.0.1@%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                octets, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(octets)
            name = query.question[0].name.to_text()
            if not name.startswith("silent"):
                self.socket.sendto(self.answer(query, name).to_wire(), peer)

    def answer(self, query, name):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if dns.rdatatype.to_text(query.question[0].rdtype) == "A":
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "127.0.0.22" if name.startswith("mute") else "127.0.0.21"))
        else:
            reply.authority.append(dns.rrset.from_text("test.", 300, "IN", "SOA", "ns.test. h.test. 1 3600 600 86400 300"))
        return reply

    def stop(self):
        self.socket.close()


@pytest.fixture
def answers():
    server = Answers()
    yield server
    server.stop()


@pytest.fixture
def mute():
    """Connections are made, since the system makes them, and nobody ever speaks."""
    with socket.create_server(("127.0.0.22", PORT), backlog=4096) as listening:
        yield listening


@pytest.mark.parametrize("kind", ["silent", "mute"])
def test_45_good_mail_does_not_stand_behind_dead_domains(new_gateway, new_sink, answers, mute, kind):
    sink = new_sink(address="127.0.0.21", port=PORT)
    gateway = open_relay(new_gateway(), "direct").relay("direct", host="mx", port=PORT, tls="opportunistic")
    gateway.set(dns__forward=[answers.server], dns__local=True, workers=1).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for number in range(DEAD):
            assert client.message(MAIL, "a@example.com", "b@%s%d.test" % (kind, number)).code == 250
        for number in range(GOOD):
            assert client.message(MAIL, "a@example.com", "b@good%d.test" % number).code == 250
    sink.wait_messages(GOOD)
    wait_for(lambda: len(gateway.queue()) == DEAD, 10, "the good to be done")
    # however slow the machine is: none of the good took as long as the first of the dead
    slowest = max(int(line["delay_ms"]) for line in gateway.log("delivered"))
    assert all(int(line["delay_ms"]) > slowest for line in gateway.log("deferred"))
