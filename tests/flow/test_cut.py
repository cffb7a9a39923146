"""The link to the next hop is cut after every octet of a transaction: the message arrives once; twice only where its end had arrived and nobody could
know."""
import socket
import threading

import pytest

from conftest import LONG, open_relay
from lib.client import Client
from lib.waiting import wait_for

pytestmark = pytest.mark.heavy

MAIL = b"From: <a@example.com>\r\nSubject: one\r\n\r\nhello\r\n..\r\n"
STEP = 1 if LONG else 11


class CuttingProxy:
    """Passes octets on; the next connection only as many of the client's as cut() said, then both ends are closed."""

    def __init__(self, port):
        self.target, self.budget, self.seen = port, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, octets):
        self.budget = octets

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            budget, self.budget, self.seen = self.budget, None, 0
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()
            threading.Thread(target=self.forth, args=(client, server, budget), daemon=True).start()

    def forth(self, client, server, budget):
        left = budget
        while left is None or left > 0:
            octets = receive(client, 65536 if left is None else left)
            if not octets:
                break
            self.seen += len(octets)
            left = None if left is None else left - len(octets)
            server.sendall(octets)
        for end in (client, server):
            shut(end)

    @staticmethod
    def back(server, client):
        while True:
            octets = receive(server, 65536)
            try:
                if not octets:
                    break
                client.sendall(octets)
            except OSError:
                break
        shut(client)

    def close(self):
        self.listener.close()


def receive(sock, most):
    try:
        return sock.recv(most)
    except OSError:
        return b""


def shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def send(gateway, rcpt):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "a@example.com", rcpt)


def arrived(sink, rcpt):
    return sum(rcpt in message.rcpts for message in list(sink.messages))


@pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME"), ("8BITMIME",)], ids=["pipelining", "lock-step"])
def test_cut_after_every_octet_the_outcome_is_right(new_gateway, new_sink, extensions):
    sink, gateway = new_sink(extensions=extensions), new_gateway()
    proxy = CuttingProxy(sink.port)
    open_relay(gateway, "out").relay("out", host="127.0.0.1", port=proxy.port, per_connection=1)
    gateway.set(queue__retry=["20ms"]).start()
    send(gateway, "whole@example.net")
    wait_for(lambda: arrived(sink, "whole@example.net") == 1, 10, "the whole one")
    gateway.wait_queue_empty()
    quit = len(b"QUIT\r\n")
    total = proxy.seen - (quit if proxy.seen else 0)
    for octets in range(1, total + 1, STEP):
        rcpt = "%05d@example.net" % octets
        proxy.cut(octets)
        send(gateway, rcpt)
        wait_for(lambda: arrived(sink, rcpt) >= 1, 20, "the message that was cut after %d of %d octets" % (octets, total))
        gateway.wait_queue_empty()
        # "whole" is as long as a number: the dot ends where that of the whole one did.
        assert arrived(sink, rcpt) == 1 or octets >= total - 2, "after %d of %d octets" % (octets, total)
    assert gateway.counter("bounced") == 0
    proxy.close()
