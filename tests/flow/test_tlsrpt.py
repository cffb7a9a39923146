"""TLS-RPT (RFC 8460): what became of TLS at a domain's mail hosts is counted by its policy, one in testing too, and told to who asks for it."""
import gzip
import json

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.https import HttpsServer
from lib.names import KNOTD, Names
from lib.waiting import wait_for

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
HOSTS = {"right": "rptmail", "foreign": "wrong", "old": "rptold", "clear": None}

# A domain: its MX host, its MTA-STS policy (None: none; a number: what its server says), and policy, good, failed, failure of its report.
DOMAINS = {
    "kept": ("right", "mode: enforce\nmx: right.test", "sts", 1, 0, None),
    "tested": ("right", "mode: testing\nmx: right.test", "sts", 1, 0, None),
    "tested-name": ("foreign", "mode: testing\nmx: foreign.test", "sts", 0, 1, "certificate-host-mismatch"),
    "tested-date": ("old", "mode: testing\nmx: old.test", "sts", 0, 1, "certificate-expired"),
    "tested-host": ("right", "mode: testing\nmx: other.test", "sts", 0, 1, "validation-failure"),
    "tested-clear": ("clear", "mode: testing\nmx: clear.test", "sts", 0, 1, "starttls-not-supported"),
    "unnamed": ("right", "mode: enforce\nmx: other.test", "sts", 0, 1, "validation-failure"),
    "dated": ("old", "mode: enforce\nmx: old.test", "sts", 0, 1, "certificate-expired"),
    "stripped": ("clear", "mode: enforce\nmx: clear.test", "sts", 0, 1, "starttls-not-supported"),
    "missing": ("right", 404, "sts", 0, 1, "sts-policy-fetch-error"),
    "nonsense": ("right", "mode: sometimes", "sts", 0, 1, "sts-policy-invalid"),
    "impostor": ("right", "mode: enforce\nmx: right.test", "sts", 0, 1, "sts-webpki-invalid"),
    "free": ("foreign", None, "no-policy-found", 1, 0, None),
    "open": ("clear", None, "no-policy-found", 0, 1, "starttls-not-supported"),
}
WAIT = ("unnamed", "dated", "stripped")


@pytest.fixture(scope="module")
def web(certificates):
    certificates.issue("rptmail", "DNS:right.test")
    certificates.issue("rptold", "DNS:old.test", days="-1")
    certificates.issue("rptweb", "IP:127.0.0.1," + ",".join("DNS:mta-sts.%s.test" % domain for domain in DOMAINS if domain != "impostor"))

    def answer(request):
        if request.method == "POST":
            return 201, {}, b""
        policy = DOMAINS[request.headers["Host"].split(".")[1]][1]
        if isinstance(policy, int):
            return policy, {}, b""
        return 200, {"Content-Type": "text/plain"}, ("version: STSv1\nmax_age: 86400\n%s\n" % policy).encode()
    server = HttpsServer(certificates.pair("rptweb"), answer)
    yield server
    server.close()


@pytest.fixture
def direct(new_gateway, new_sink, certificates, web):
    zone = "".join("%s A 127.0.0.%d\n" % (host, 80 + number) for number, host in enumerate(HOSTS))
    for domain, (host, policy, *_) in DOMAINS.items():
        zone += "%s MX 10 %s\n" % (domain, host)
        zone += '_mta-sts.%s TXT "v=STSv1; id=1a;"\n' % domain if policy is not None else ""
    zone += '_smtp._tls.tested-date TXT "v=TLSRPTv1; rua=https://127.0.0.1:%d/report"\n' % web.port
    zone += '_smtp._tls.free TXT "v=TLSRPTv1; rua=mailto:reports@kept.test"\n'
    names = Names({"test": zone})
    sinks = {}
    for number, (host, shows) in enumerate(HOSTS.items()):
        pair = certificates.pair(shows) if shows else None
        sinks[host] = new_sink(address="127.0.0.%d" % (80 + number), port=PORT, **({"tls": "starttls", "certificate": pair[0], "key": pair[1]} if pair else {}))
    gateway = new_gateway()
    open_relay(gateway, "direct").relay("direct", host="mx", port=PORT, tls="opportunistic", ca=certificates.ca, mta_sts_server="127.0.0.1:%d" % web.port)
    gateway.module("72-tlsrpt", "tlsrpt", {"from": "tls@gate.example", "ca_file": certificates.ca, "allow_private": True})
    gateway.set(dns__forward=[names.server], dns__local=True, queue__retry=["1h"], delivery__idle="10ms")  # a connection for each mail
    yield gateway.start(), sinks
    names.stop()


def rows(gateway):
    return {row["domain"].split(".")[0]: row for row in gateway.ctl("tlsrpt", "show")}


def test_what_is_counted_and_told(direct, web):
    gateway, sinks = direct
    for domain in DOMAINS:
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            id = queue_id(client.message(b"From: a@example.com\r\n\r\nx\r\n", "a@example.com", "b@%s.test" % domain))
        gateway.wait_log("deferred" if domain in WAIT else "delivered", id=id)
    counted, wrong = rows(gateway), []
    for domain, (host, text, *wanted) in DOMAINS.items():
        policies = counted[domain]["policies"]
        got = [policies[0]["policy"]["policy-type"], counted[domain]["good"], counted[domain]["failed"],
               policies[0]["failure-details"][0]["result-type"] if "failure-details" in policies[0] else None]
        if got != wanted or len(policies) != 1:
            wrong.append((domain, wanted, counted[domain]))
    assert not wrong, wrong

    gateway.restart()
    again = rows(gateway)  # they outlive a stop; mail that waits is tried anew
    assert all(again[domain] == counted[domain] for domain in DOMAINS if domain not in WAIT)
    gateway.ctl("tlsrpt", "send", "tested-date.test")
    wait_for(lambda: web.count("/report") == 1)
    sent = next(request for request in web.requests if request.path == "/report")
    policy = json.loads(gzip.decompress(sent.body))["policies"][0]
    assert policy["policy"]["policy-string"][:2] == ["version: STSv1", "mode: testing"] and policy["policy"]["mx-host"] == ["old.test"]
    failure = policy["failure-details"][0]
    assert failure["receiving-mx-hostname"] == "old.test" and failure["receiving-ip"] == "127.0.0.82" and failure["sending-mta-ip"].startswith("127.")
    wait_for(lambda: "tested-date" not in rows(gateway))

    gateway.ctl("tlsrpt", "send", "free.test")
    wait_for(lambda: any(b"TLS-Report-Domain: free.test" in message.data for message in sinks["right"].messages))
    assert rows(gateway)["kept"]["good"] == 1  # the report's own session is not in the next one
