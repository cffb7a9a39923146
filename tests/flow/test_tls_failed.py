"""What counts as a failed handshake: words that are none, not a client that left."""
import socket
import ssl
import struct

from lib.client import Client
from lib.waiting import wait_for


def leave(port, octets=b"", reset=False):
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(octets)
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_who_leaves_is_no_failed_handshake(plain):
    gateway = plain.gateway
    failed = lambda: gateway.status()["counters"]["tls_failed"]
    before, lost = failed(), lambda: len(gateway.log("client-lost"))
    known = lost()
    leave(gateway.tls_port)
    leave(gateway.tls_port, reset=True)
    leave(gateway.tls_port, b"\x16\x03\x01")  # in the middle of its first word
    leave(gateway.port, b"EHLO client.example.com\r\n", reset=True)
    with Client(gateway.port, ehlo="client.example.com") as client:
        client.say("STARTTLS", 220)
    with Client(gateway.port, ehlo="client.example.com") as client:
        client.say("NOOP", 250)
    wait_for(lambda: lost() >= known + 4)
    assert failed() == before, gateway.log("client-lost")


def test_what_is_no_tls_is_one(plain):
    gateway = plain.gateway
    failed = lambda: gateway.status()["counters"]["tls_failed"]
    before = failed()
    leave(gateway.tls_port, b"EHLO client.example.com\r\n" * 20)
    wait_for(lambda: failed() == before + 1)
    with Client(gateway.port, ehlo="client.example.com") as client:
        client.say("STARTTLS", 220)
        context = ssl.create_default_context()  # to which the certificate is no good
        try:
            context.wrap_socket(client.sock, server_hostname="other.example")
        except ssl.SSLError:
            pass
    wait_for(lambda: failed() == before + 2)
