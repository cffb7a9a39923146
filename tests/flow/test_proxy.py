"""Load balancers that say for whom they connect (PROXY protocol): those that are named are believed and have to say it, nobody else is."""
import socket
import ssl
import struct
import time

import pytest

from conftest import open_relay
from lib.client import Client, queue_id

MAIL = b"From: a@example.com\r\nSubject: proxy\r\n\r\nhello\r\n"
BALANCER, OTHER = "127.0.7.1", "127.0.8.1"
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source="192.0.2.77", port=56324):
    return b"PROXY %s %s %s %d 25\r\n" % ((b"TCP6", source.encode(), b"2001:db8::25", port) if ":" in source else
                                          (b"TCP4", source.encode(), b"198.51.100.25", port))


def v2(source="192.0.2.77", port=56324, tlv=b""):
    family, word = (socket.AF_INET6, 0x21) if ":" in source else (socket.AF_INET, 0x11)
    address = socket.inet_pton(family, source)
    rest = address + address + struct.pack("!HH", port, 25) + tlv
    return V2 + bytes([0x21, word]) + struct.pack("!H", len(rest)) + rest


LOCAL = V2 + b"\x20\0\0\0"


class Site:
    def __init__(self, gateway, sink):
        self.gateway, self.sink = gateway, sink

    def knock(self, header=b"", port=None, source=BALANCER, bytewise=False):
        client = Client(port or self.gateway.clear_port, source=source, greet=False)
        (client.send_bytewise if bytewise else client.send)(header)
        return client

    def peer_of(self, header, source=BALANCER, wrap=False, port=None, **how):
        """Whom the message names that comes in over this connection."""
        with self.knock(header, port, source, **how) as client:
            if wrap:
                client.wrap()
            assert client.reply().code == 220
            client.say("EHLO client.example.com", 250)
            id = queue_id(client.message(MAIL))
        line = self.gateway.wait_log("received", id=id)[0]
        self.sink.wait(lambda: any((" id " + id).encode() in m.data for m in list(self.sink.messages)), 10, "the message")
        trace = next(m.data for m in list(self.sink.messages) if (" id " + id).encode() in m.data)
        assert ("[%s%s]" % ("IPv6:" if ":" in line["peer"] else "", line["peer"])).encode() in trace[:1000]
        return line["peer"]


def make(new_gateway, new_sink, **settings):
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", sink).set(**settings)
    gateway.set(listeners=[{**listener, "proxy_from": ["127.0.7.0/24", "2001:db8:7::/48"]} for listener in gateway.settings()["listeners"]])
    return Site(gateway.start(), sink)


@pytest.fixture
def new_site(new_gateway, new_sink):
    return lambda **settings: make(new_gateway, new_sink, **settings)


@pytest.fixture
def site(new_site):
    return new_site()


HEADERS = [("v1", v1(), "192.0.2.77"), ("v1 over IPv6", v1("2001:db8::77"), "2001:db8::77"), ("v1 unknown", b"PROXY UNKNOWN\r\n", BALANCER),
           ("v2", v2(), "192.0.2.77"), ("v2 over IPv6", v2("2001:db8::77"), "2001:db8::77"), ("v2 with more", v2(tlv=b"\4\0\x10" + b"x" * 16), "192.0.2.77"),
           ("v2 local", LOCAL, BALANCER), ("IPv4 as IPv6", v2("::ffff:192.0.2.77"), "192.0.2.77")]


def test_the_client_is_who_the_balancer_says(site):
    assert [(name, site.peer_of(header)) for name, header, _ in HEADERS] == [(name, peer) for name, _, peer in HEADERS]


@pytest.mark.parametrize("header", [v1(), v2()], ids=["v1", "v2"])
def test_it_may_come_in_pieces_or_with_more_behind(site, header):
    assert site.peer_of(header, bytewise=True) == "192.0.2.77"
    with site.knock(header + b"EHLO client.example.com\r\nNOOP\r\n") as client:
        assert [reply.code for reply in client.replies(3)] == [220, 250, 250]


@pytest.mark.parametrize("header", [v1(), v2()], ids=["v1", "v2"])
def test_it_goes_before_tls(site, header):
    """Also where the first octets of the handshake come in the same packet."""
    port = site.gateway.tls_port
    assert site.peer_of(header, wrap=True, port=port) == "192.0.2.77"
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    tls = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with site.knock(header + outgoing.read(), port) as client:
        while True:
            try:
                greeting = tls.read()
                break
            except ssl.SSLWantReadError:
                client.send(outgoing.read())
                incoming.write(client.sock.recv(65536))
    assert greeting.startswith(b"220 ")


def test_starttls_comes_after_it(site):
    with site.knock(v1(), site.gateway.port) as client:
        assert client.reply().code == 220
        client.say("EHLO client.example.com", 250)
        client.start_tls()
        client.say("EHLO client.example.com", 250)
        assert client.message(MAIL).code == 250
    assert site.gateway.wait_log("received")[0]["peer"] == "192.0.2.77"


WRONG = [b"EHLO client.example.com\r\n", b"PROXY TCP4 nonsense\r\n", b"\x16\3\1\2\0\1", b"PROXY UNKNOWN " + b"x" * 200 + b"\r\n",
         V2 + b"\x20\0\xff\xff", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n"]


def test_a_balancer_that_does_not_say_it_is_not_served(site):
    for octets in WRONG:
        with site.knock(octets) as client:
            assert client.rest() == b"", octets
    assert [line["peer"] for line in site.gateway.wait_log("proxy-refused", count=len(WRONG))] == [BALANCER] * len(WRONG)
    assert not site.gateway.log("refused") and site.gateway.counter("sessions") == 0


def test_a_silent_balancer_is_hung_up_on(site):
    began = time.monotonic()
    with site.knock(b"PROXY TCP4 ") as client:
        assert client.rest() == b""
    assert time.monotonic() - began > 4.5


def test_one_that_looks_whether_somebody_listens_is_no_news(site):
    for _ in range(5):
        site.knock().close()
    assert site.peer_of(v1()) == "192.0.2.77"
    assert not site.gateway.log("proxy-refused")


def test_nobody_else_is_believed(site):
    with site.knock(v1(), source=OTHER) as client:
        assert client.reply().code == 220
        assert client.reply().code == 500
    assert site.peer_of(b"", source=OTHER) == OTHER
    with site.knock(v2(), source=OTHER) as client:
        client.half_close()
        assert b"500" in client.rest()


def test_sessions_are_counted_by_client_and_not_by_balancer(new_site):
    site = new_site(limits__sessions_per_client=1)
    clients = [site.knock(v1("192.0.2.%d" % i)) for i in range(1, 6)]
    assert [client.reply().code for client in clients] == [220] * 5
    with site.knock(v2("192.0.2.3")) as client:
        assert client.reply().code == 421
    for client in clients:
        client.close()


def test_access_is_given_by_client_and_not_by_balancer(new_gateway, new_sink):
    """That the balancer is in a trusted network helps nobody behind it."""
    sink, gateway = new_sink(), new_gateway()
    inside = {"name": "inside", "networks": ["127.0.0.0/8", "192.0.2.64/26"], "domains": ["example.com"]}
    gateway.module("10-access", "access", {"clients": [inside]}).relay("out", sink).module("60-routing", "routing", {"default": ["out"]})
    gateway.set(listeners=[{"address": "127.0.0.1", "port": gateway.clear_port, "tls": "none", "proxy_from": "127.0.7.1"}])
    site = Site(gateway.start(), sink)

    def rcpt(source):
        with site.knock(v1(source)) as client:
            assert client.reply().code == 220
            client.say("EHLO client.example.com", 250)
            client.say("MAIL FROM:<a@example.com>")
            return client.say("RCPT TO:<b@example.net>").code
    assert rcpt("192.0.2.77") == 250
    assert rcpt("203.0.113.9") in (503, 530, 550)


def test_a_stop_does_not_wait_for_a_balancer(site):
    with site.knock(b"PROXY ") as client:
        assert site.gateway.stop() == 0
        assert client.rest() == b""


def test_a_reload_keeps_those_who_wait(site):
    with site.knock(b"PROXY ") as client:
        site.gateway.text("reload")
        client.send(v1()[6:])
        assert client.reply().code == 220


@pytest.mark.parametrize("network", ["127.0.0.1/8", "balancer.example.com", "10.0.0.0/40", ""])
def test_what_is_no_network_is_no_configuration(new_gateway, network):
    gateway = new_gateway()
    gateway.set(listeners=[{"address": "127.0.0.1", "port": gateway.clear_port, "tls": "none", "proxy_from": [network]}])
    answer = gateway.check()
    assert answer.code != 0 and "proxy_from" in answer.out + answer.err
