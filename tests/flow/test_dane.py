"""DANE (RFC 7672): where DNSSEC proves a domain's mail hosts and their TLSA records, mail goes to whom these are about, or waits."""
import hashlib

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.names import KNOTD, Names

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
NOTHING = "00" * 32

# A host with what it shows ("" has no TLS), its TLSA record ({key}, {ca}: the right digest; {whole}: a long certificate, all of
# it), and what mail for a domain with that MX gets.
HOSTS = {
    "key": ("expired", "3 1 1 {key}", "dane"),
    "authority": ("authority", "2 0 1 {ca}", "dane"),
    "othername": ("wrong", "2 0 1 {ca}", "wait"),
    "stranger": ("hop", "3 1 1 " + NOTHING, "wait"),
    "whole": ("long", "3 0 0 {whole}", "dane"),
    "wholeother": ("hop", "3 0 0 {whole}", "wait"),
    "rolling": ("hop", "3 1 1 %s\n_25._tcp.rolling TLSA 3 1 1 {key}" % NOTHING, "dane"),
    "clear": ("", "3 1 1 " + NOTHING, "wait"),
    "unusable": ("selfsigned", "1 1 1 {key}", "encryption"),
    "unusableclear": ("", "3 1 1 00", "wait"),
    "silent": ("hop", "", "opportunistic"),
    "silentclear": ("", "", "opportunistic"),
    "forged": ("hop", "FORGED", "wait"),
}


def tlsa(name, record):
    if record == "FORGED":  # a zone of its own, that ought to be signed
        return "_tcp.%s NS ns\n_tcp.%s DS 12345 13 2 %s" % (name, name, "ab" * 32)
    return "_25._tcp.%s TLSA %s" % (name, record) if record else ""


@pytest.fixture(scope="module")
def shown(certificates):
    """The pair of each host; the authority stands in the chain of that one."""
    certificates.issue("named", "DNS:authority.safe.test")
    certificates.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=long", "-keyout", "long.key", "-out", "long.pem")
    with open(certificates.path("authority.pem"), "w") as out:
        out.write("".join(open(certificates.path(name)).read() for name in ("named.pem", "ca.pem")))
    with open(certificates.path("wrongchain.pem"), "w") as out:
        out.write("".join(open(certificates.path(name)).read() for name in ("wrong.pem", "ca.pem")))
    pairs = {host: certificates.pair(pair) if pair else None for host, (pair, _, _) in HOSTS.items()}
    pairs["authority"] = certificates.path("authority.pem"), certificates.path("named.key")
    pairs["othername"] = certificates.path("wrongchain.pem"), certificates.path("wrong.key")
    return pairs


def digests(certificates, pair):
    certificates.run("x509", "-in", pair[0] if pair else "ca.pem", "-noout", "-pubkey", "-out", "dane.pub")
    certificates.run("pkey", "-pubin", "-in", "dane.pub", "-outform", "DER", "-out", "dane.key")
    certificates.run("x509", "-in", "ca.pem", "-outform", "DER", "-out", "dane.ca")
    certificates.run("x509", "-in", "long.pem", "-outform", "DER", "-out", "dane.whole")
    found = {what: hashlib.sha256(open(certificates.path("dane." + what), "rb").read()).hexdigest() for what in ("key", "ca")}
    return {**found, "whole": open(certificates.path("dane.whole"), "rb").read().hex()}


@pytest.fixture(scope="module")
def names(certificates, shown):
    zone = ""
    for number, (host, (_, record, _)) in enumerate(HOSTS.items()):
        zone += "%s A 127.0.0.%d\nto-%s MX 10 %s\n" % (host, 30 + number, host, host)
        zone += tlsa(host, record.format(**digests(certificates, shown[host]))) + "\n"
    zone += "second MX 10 forged\nsecond MX 20 key\n"
    server = Names({"safe.test": zone, "test": "open MX 10 stranger.safe.test.\n", "_tcp.forged.safe.test": "_25 TLSA 3 1 1 " + NOTHING}, signed=["safe.test"])
    yield server
    server.stop()


@pytest.fixture
def direct(new_gateway, new_sink, names, shown, certificates):
    def make(**relay):
        sinks = {}
        for number, host in enumerate(HOSTS):
            how = {"tls": "starttls", "certificate": shown[host][0], "key": shown[host][1]} if shown[host] else {}
            sinks[host] = new_sink(address="127.0.0.%d" % (30 + number), port=PORT, **how)
        gateway = new_gateway()
        open_relay(gateway, "direct").relay("direct", **{"host": "mx", "port": PORT, "tls": "opportunistic", "ca": certificates.ca, **relay})
        gateway.module("72-tlsrpt", "tlsrpt", {"from": "tls@gate.example"})
        gateway.set(dns__forward=[names.server], dns__local=True, dns__trust_anchor=names.anchor, queue__retry=["1h"])
        return gateway.start(), sinks
    return make


def send(gateway, domain):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(b"From: a@example.com\r\n\r\nx\r\n", "a@example.com", "b@" + domain))


def test_each_host_gets_what_its_records_ask_for(direct):
    gateway, sinks = direct()
    sent = {host: send(gateway, "to-%s.safe.test" % host) for host in HOSTS}
    wrong = []
    for host, (shows, _, becomes) in HOSTS.items():
        line = gateway.wait_log("deferred" if becomes == "wait" else "delivered", id=sent[host])[0]
        if becomes == "dane":
            fine = line["tls_wanted"] == line["tls_got"] == "dane"
        elif becomes == "opportunistic":
            fine = line["tls_wanted"] == becomes and (line["tls_got"] == "none") == (not shows)
        else:
            fine = becomes == "wait" or line["tls_wanted"] == line["tls_got"] == becomes
        if not fine or len(sinks[host].messages) != (becomes != "wait"):
            wrong.append((host, line["raw"]))
    assert not wrong, wrong
    assert "TLSA" in gateway.log("deferred", id=sent["forged"])[0]["text"]
    assert not gateway.log("bounced")
    assert not failures_counted(gateway)


# What a report says of a host (RFC 8460): its policy, and a failure's kind.
TOLD = {"dane": ("tlsa", None), "encryption": ("tlsa", "tlsa-invalid"), "opportunistic": ("no-policy-found", None), "wait": ("tlsa", "validation-failure"),
        "clear": ("tlsa", "starttls-not-supported"), "unusableclear": ("tlsa", "starttls-not-supported"), "forged": ("tlsa", "dnssec-invalid"),
        "silentclear": ("no-policy-found", "starttls-not-supported"), "othername": ("tlsa", "certificate-host-mismatch")}


def failures_counted(gateway):
    """Where the counts are not as TOLD."""
    wrong, rows = [], {row["domain"]: row["policies"] for row in gateway.ctl("tlsrpt", "show")}
    for host, (_, record, becomes) in HOSTS.items():
        policies = rows["to-%s.safe.test" % host]
        failure = policies[0].get("failure-details", [{}])[0].get("result-type")
        hosts = [host + ".safe.test"] if policies[0]["policy"]["policy-type"] == "tlsa" else None
        if (policies[0]["policy"]["policy-type"], failure) != TOLD.get(host, TOLD[becomes]) or policies[0]["policy"].get("mx-host") != hosts or len(policies) > 1:
            wrong.append((host, policies))
    return wrong


def test_the_next_host_is_tried_where_one_cannot_be_told(direct):
    gateway, sinks = direct()
    assert gateway.wait_log("delivered", id=send(gateway, "second.safe.test"))[0]["tls_got"] == "dane"
    assert len(sinks["key"].messages) == 1 and not sinks["forged"].sessions


def test_domains_with_the_same_host_do_not_share_its_links(direct):
    """The one whose MX nobody signed takes what it can get; that link is nothing for the other."""
    gateway, sinks = direct()
    for _ in range(2):
        assert gateway.wait_log("delivered", id=send(gateway, "open.test"))[0]["tls_wanted"] == "opportunistic"
        gateway.wait_log("later", id=send(gateway, "to-stranger.safe.test"))
    assert len(sinks["stranger"].messages) == 2


def test_it_can_be_switched_off(direct):
    gateway, sinks = direct(dane=False)
    for host in ("stranger", "clear", "forged"):
        assert gateway.wait_log("delivered", id=send(gateway, "to-%s.safe.test" % host))[0]["tls_wanted"] == "opportunistic"
