"""What a relay wants of the link to its next hop, against what the next hop has: one table, the same as in gateway/client/README.md."""
import hashlib
import os
import re
import ssl

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import ROOT
from lib.sink import Act

# What the link got; with "!" it says why it is no more; "wait": the mail stays here.
WISHES = {
    "none": {"tls": "none"},
    "try": {"tls": "opportunistic", "verify": False},
    "try chain": {"tls": "opportunistic", "verify_name": False},
    "try name": {"tls": "opportunistic"},
    "tls": {"tls": "starttls", "verify": False},
    "tls chain": {"tls": "starttls", "verify_name": False},
    "tls name": {"tls": "starttls"},
    "tls pin": {"tls": "starttls", "fingerprint": "PEER"},
}
TABLE = """
| next hop            | none | try        | try chain   | try name    | tls        | tls chain | tls name | tls pin |
|---------------------|------|------------|-------------|-------------|------------|-----------|----------|---------|
| good                | none | encryption | chain       | name        | encryption | chain     | name     | pin     |
| expired             | none | encryption | encryption! | encryption! | encryption | wait      | wait     | pin     |
| self-signed         | none | encryption | encryption! | encryption! | encryption | wait      | wait     | pin     |
| wrong name          | none | encryption | chain       | encryption! | encryption | chain     | wait     | pin     |
| another certificate | none | encryption | chain       | name        | encryption | chain     | name     | wait    |
| TLS 1.1 only        | none | none!      | none!       | none!       | wait       | wait      | wait     | wait    |
| no TLS              | none | none!      | none!       | none!       | wait       | wait      | wait     | wait    |
| STARTTLS stripped   | none | none!      | none!       | none!       | wait       | wait      | wait     | wait    |
| handshake fails     | none | none!      | none!       | none!       | wait       | wait      | wait     | wait    |
| text behind consent | none | none!      | none!       | none!       | wait       | wait      | wait     | wait    |
"""
WANTED = {"none": "none", "try": "opportunistic", "tls": "encryption", "tls chain": "chain", "tls name": "name", "tls pin": "pin"}


def rows():
    lines = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in TABLE.strip().splitlines()]
    assert lines[0][1:] == list(WISHES)
    return {line[0]: dict(zip(lines[0][1:], line[1:])) for line in lines[2:]}


def digest(pair):
    with open(pair[0]) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


@pytest.fixture
def hops(new_sink, certificates):
    """The next hops of the table, by name, with the fingerprint that is pinned there."""
    shows = {"expired": "expired", "self-signed": "selfsigned", "wrong name": "wrong", "another certificate": "gateway"}
    scripts = {"handshake fails": {"starttls": lambda session, line: Act("220 go", close=True)},
               "text behind consent": {"starttls": lambda session, line: Act(raw=b"220 go\r\n220 really\r\n")}}
    made = {}
    for name in rows():
        pair = certificates.pair(shows.get(name, "hop"))
        how = {} if name in ("no TLS", "STARTTLS stripped") else {"tls": "starttls", "certificate": pair[0], "key": pair[1]}
        made[name] = new_sink(script=scripts.get(name), **how)
        made[name].pin = digest(certificates.pair("hop") if name == "another certificate" else pair)
    made["STARTTLS stripped"].extensions.append("XXXXXXXA")
    old = made["TLS 1.1 only"].context
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_wish_meets_each_next_hop(new_gateway, hops, certificates):
    gateway, sent = new_gateway(), {}
    open_relay(gateway).set(limits__domains=0, limits__relays_per_domain=0, queue__retry=["1h"])
    cells = [(hop, wish) for hop in hops for wish in WISHES]
    for number, (hop, wish) in enumerate(cells):
        keys = {key: hops[hop].pin if value == "PEER" else value for key, value in WISHES[wish].items()}
        gateway.relay("r%d" % number, hops[hop], ca=certificates.ca, domains=["r%d.example" % number], **keys)
    gateway.start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for number, cell in enumerate(cells):
            sender = "a@r%d.example" % number
            sent[cell] = queue_id(client.message(("From: <%s>\r\nSubject: cell\r\n\r\nx\r\n" % sender).encode(), sender))
    found, wrong = {}, []
    for hop, wish in cells:
        becomes = rows()[hop][wish]
        line = gateway.wait_log("deferred" if becomes == "wait" else "delivered", id=sent[hop, wish])[0]
        got = "wait" if becomes == "wait" else line["tls_got"] + ("!" if line.get("tls_doubt") else "")
        if got != becomes or line["tls_wanted"] != WANTED.get(wish, "opportunistic") or bool(line.get("tls")) != (got not in ("wait", "none", "none!")):
            wrong.append((hop, wish, becomes, line["raw"]))
        if becomes != "wait":
            found[hop, wish] = line
    assert not wrong, wrong
    for hop, sink in hops.items():
        for message in sink.messages:
            number = int(re.match(r"a@r(\d+)\.", message.sender).group(1))
            assert cells[number][0] == hop and (message.session.tls is not None) == bool(found[cells[number]].get("tls"))
        assert len(sink.messages) == sum(cell[0] == hop for cell in found)
    explained = gateway.text("message", "explain", sent["wrong name", "try name"])
    assert "address mismatch" in explained and "opportunistic" in explained and "encryption" in explained


def test_the_table_is_the_one_in_the_readme():
    with open(os.path.join(ROOT, "gateway", "client", "README.md")) as file:
        assert TABLE.strip() in file.read()


@pytest.mark.parametrize("keys, problem", [({"tls": "none"}, "would go without TLS"), ({"tls": "opportunistic"}, "would go without TLS"),
                                           ({"fingerprint": "12:34"}, "is no SHA-256"), ({"host": "mx", "tls": "starttls"}, "mail hosts of others")])
def test_a_pin_that_cannot_hold_is_told_at_the_start(new_gateway, keys, problem):
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", **{"host": "127.0.0.1", "port": 2525, "tls": "starttls", "fingerprint": "ab" * 32, **keys})
    done = gateway.check()
    assert done.code == 78 and problem in done.err, done.err


def test_a_pin_of_the_key_outlives_the_certificate(new_gateway, new_sink, certificates):
    certificate, key = certificates.pair("expired")
    public = certificates.path("pin.der")
    certificates.run("x509", "-in", certificate, "-noout", "-pubkey", "-out", "pin.pub")
    certificates.run("pkey", "-pubin", "-in", "pin.pub", "-outform", "DER", "-out", public)
    with open(public, "rb") as file:
        pin = hashlib.sha256(file.read()).hexdigest().upper()
    sink, gateway = new_sink(tls="implicit", certificate=certificate, key=key), new_gateway()
    colons = ":".join(pin[i:i + 2] for i in range(0, 64, 2))
    open_relay(gateway, "out").relay("out", sink, tls="implicit", fingerprint=["00" * 32, colons]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(b"From: a@example.com\r\n\r\nx\r\n")
    sink.wait_messages(1)
