"""MTA-STS (RFC 8461): what a domain's policy says of its mail hosts is kept to, by the domain and not by the host, over restarts."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.https import HttpsServer
from lib.names import KNOTD, Names

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
HOSTS = {"right": "stsmail", "foreign": "wrong", "old": "expired", "clear": None}

# A domain: its MX host, its policy (None: there is no record; a number: what its server says), and what becomes of its mail.
DOMAINS = {
    "kept": ("right", "mode: enforce\nmx: right.test", "mta-sts"),
    "wide": ("right", "mode: enforce\nmx: *.test\nmx: elsewhere.example", "mta-sts"),
    "unnamed": ("right", "mode: enforce\nmx: other.test", "wait"),
    "deep": ("right", "mode: enforce\nmx: *.right.test", "wait"),
    "foreign-name": ("foreign", "mode: enforce\nmx: foreign.test", "wait"),
    "dated": ("old", "mode: enforce\nmx: old.test", "wait"),
    "plain": ("clear", "mode: enforce\nmx: clear.test", "wait"),
    "tested": ("clear", "mode: testing\nmx: right.test", "opportunistic"),
    "ended": ("foreign", "mode: none", "opportunistic"),
    "silent": ("clear", None, "opportunistic"),
    "missing": ("foreign", 404, "opportunistic"),
    "moved": ("foreign", 301, "opportunistic"),
    "nonsense": ("foreign", "mode: sometimes\nmx: right.test", "opportunistic"),
    "hostless": ("foreign", "mode: enforce", "opportunistic"),
    "impostor": ("foreign", "mode: enforce\nmx: foreign.test", "opportunistic"),  # its server shows a certificate of others
    "neighbour": ("foreign", None, "opportunistic"),  # the same host as foreign-name
}


def body(domain):
    policy = DOMAINS[domain][1]
    return policy if isinstance(policy, int) else "version: STSv1\r\nmax_age: 86400\r\n" + policy.replace("\n", "\r\n") + "\r\n"


@pytest.fixture(scope="module")
def web(certificates):
    certificates.issue("stsmail", "DNS:right.test")
    certificates.issue("stsweb", ",".join("DNS:mta-sts.%s.test" % domain for domain in DOMAINS if domain != "impostor"))

    def answer(request):
        given = body(request.headers["Host"].split(".")[1])
        assert request.path == "/.well-known/mta-sts.txt"
        if isinstance(given, int):
            return given, {"Location": "https://mta-sts.kept.test/.well-known/mta-sts.txt", "Content-Type": "text/plain"}, b""
        return 200, {"Content-Type": "text/plain; charset=us-ascii"}, given.encode()
    servers = []

    def make():
        servers.append(HttpsServer(certificates.pair("stsweb"), answer))
        return servers[-1]
    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def names():
    zone = "".join("%s A 127.0.0.%d\n" % (host, 50 + number) for number, host in enumerate(HOSTS))
    for domain, (host, policy, _) in DOMAINS.items():
        zone += "%s MX 10 %s\n" % (domain, host)
        zone += '_mta-sts.%s TXT "v=STSv1; id=1a;"\n' % domain if policy is not None else ""
    zone += '_mta-sts.silent TXT "something else"\n'
    server = Names({"test": zone, "x.example": "kept MX 10 right.test.\n_mta-sts.kept TXT \"v=STSv1; id=1a;\"\n"})
    yield server
    server.stop()


@pytest.fixture
def direct(new_gateway, new_sink, names, certificates, web):
    def make(local=True, **relay):
        sinks = {}
        for number, (host, shows) in enumerate(HOSTS.items()):
            pair = certificates.pair(shows) if shows else None
            how = {"tls": "starttls", "certificate": pair[0], "key": pair[1]} if pair else {}
            sinks[host] = new_sink(address="127.0.0.%d" % (50 + number), port=PORT, **how)
        gateway, server = new_gateway(), web()
        keys = {"host": "mx", "port": PORT, "tls": "opportunistic", "ca": certificates.ca, "mta_sts_server": "127.0.0.1:%d" % server.port}
        open_relay(gateway, "direct").relay("direct", **{**keys, **relay})
        gateway.set(dns__forward=[names.server], dns__local=local, queue__retry=["1h"])
        return gateway.start(), sinks, server
    return make


def send(gateway, domain):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(b"From: a@example.com\r\n\r\nx\r\n", "a@example.com", "b@%s.test" % domain))


def line_of(gateway, id, becomes):
    return gateway.wait_log("deferred" if becomes == "wait" else "delivered", id=id)[0]


def test_policies_are_kept_to_by_domain(direct):
    gateway, sinks, server = direct()
    sent = {domain: send(gateway, domain) for domain in DOMAINS}
    wrong = []
    for domain, (host, _, becomes) in DOMAINS.items():
        line = line_of(gateway, sent[domain], becomes)
        if becomes != "wait" and (line["tls_wanted"] != becomes or (line["tls_got"] != "name" and becomes == "mta-sts")):
            wrong.append((domain, line["raw"]))
    assert not wrong, wrong
    assert "does not name" in line_of(gateway, sent["unnamed"], "wait")["text"]
    assert "certificate" in line_of(gateway, sent["dated"], "wait")["text"]
    for host, sink in sinks.items():
        assert len(sink.messages) == sum(becomes != "wait" and of == host for of, _, becomes in DOMAINS.values())
    assert not gateway.log("bounced")
    explained = gateway.text("tls", "explain", "kept.test")
    assert "enforce, id 1a" in explained and "wanted mta-sts, got name" in explained and "right.test" in explained
    assert "not name it" in gateway.text("tls", "explain", "unnamed.test")
    assert "testing" in gateway.text("tls", "explain", "tested.test")


def test_a_policy_is_fetched_once_and_outlives_a_restart(direct):
    gateway, sinks, server = direct()
    for _ in range(3):
        line_of(gateway, send(gateway, "kept"), "delivered")
    assert line_of(gateway, send(gateway, "dated"), "wait")
    assert server.count() == 2
    server.close()
    gateway.restart()
    assert line_of(gateway, send(gateway, "kept"), "delivered")["tls_wanted"] == "mta-sts"
    assert line_of(gateway, send(gateway, "foreign-name"), "delivered")["tls_wanted"] == "opportunistic"  # never known, and nobody to ask
    assert not sinks["old"].messages and server.count() == 2


def test_it_can_be_switched_off(direct):
    gateway, sinks, server = direct(mta_sts=False)
    assert line_of(gateway, send(gateway, "dated"), "delivered")["tls_wanted"] == "opportunistic"
    assert server.count() == 0


def test_without_direct_delivery_there_is_nothing_to_explain(plain):
    done = plain.gateway.run_ctl("tls", "explain", "kept.test")
    assert done.code != 0 and 'host = "mx"' in done.out + done.err


def test_a_policy_is_fetched_from_the_public_internet_alone(direct):
    gateway, sinks, server = direct(local=False)
    explained = gateway.text("tls", "explain", "kept.x.example")
    assert "the policy cannot be fetched" in explained and "its address is private" in explained, explained
    assert server.count() == 0


def test_a_mail_that_does_not_require_tls_goes_whatever_the_policy_says(direct):
    gateway, sinks, server = direct()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        kept, free = (queue_id(client.message(b"From: a@example.com\r\n" + field + b"\r\nx\r\n", "a@example.com", "b@unnamed.test"))
                      for field in (b"TLS-Required: yes\r\n", b"TLS-Required: No\r\n"))
    assert line_of(gateway, free, "delivered")["tls_wanted"] == "opportunistic"
    assert "does not name" in line_of(gateway, kept, "wait")["text"]
