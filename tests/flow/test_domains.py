"""What receivers will conclude of mail, told before it leaves: over a real name server, by every verb, and as a start that is refused."""
import base64
import os
import subprocess
import time

import pytest

from conftest import open_relay
from lib.client import Client
from lib.gateway import free_port
from lib.names import KNOTD, Names

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

PORT = free_port()
ADDRESS = "5.6.7.8"  # of nobody here: the gateway sends to loopback, and says that receivers see this one
MAIL = b"From: a@%s\r\nTo: b@there.test\r\nSubject: x\r\nDate: Mon, 23 Nov 2026 17:40:12 +0000\r\nMessage-ID: <1@good.test>\r\n\r\nhello\r\n"

ZONE = """
good MX 10 mx
good TXT "v=spf1 a:out -all exp=why.good.test"
_dmarc.good TXT "v=DMARC1; p=reject"
b.good MX 10 out
b.good TXT "v=spf1 include:good.test -all"
why.good TXT "%%{i} is not of %%{d}"
bad MX 10 mx
bad TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.bad TXT "v=DMARC1; p=reject"
odd TXT "v=spf1 exists:%%{l}%%_%%-.%%{v}.odd.test -all"
a\\032\\03720.in-addr.odd A 127.0.0.2
there MX 10 mx
mx A 127.0.0.11
out A 5.6.7.8
s1._domainkey.good TXT %s
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, stderr=subprocess.DEVNULL)
    path.chmod(0o600)
    return str(path)


@pytest.fixture(scope="module")
def names(key):
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
    record = '"v=DKIM1; k=ed25519; p=%s"' % base64.b64encode(der[-32:]).decode()
    server = Names({"test": (ZONE % record).replace("a:out", "a:out.test"), "7.6.5.in-addr.arpa": "8 PTR out.test."})
    yield server
    server.stop()


def make(new_gateway, names, key, senders, strict=False, relay=None):
    """A gateway that sends to mail hosts itself, signs as good.test and has a bounce domain there."""
    gateway = open_relay(new_gateway(), "direct")
    gateway.relay("direct", host="mx", port=PORT, domains=senders, return_path="own", **(relay or {}))
    gateway.module("75-bounce", "bounce", {"domain": "b.good.test"})
    gateway.module("80-dkim", "dkim", {"keys": [{"domain": "good.test", "selector": "s1", "key": key}]})
    gateway.module("85-domains", "domains", {"addresses": [ADDRESS], "strict": strict})
    return gateway.set(dns__forward=[names.server], dns__local=True, delivery__connect="2s")


def ask(gateway, *words):
    """The answer of a verb that takes its time, asked for as gatewayctl does."""
    for _ in range(200):
        answer = gateway.ask("domain", *words)
        if "again" not in answer:
            return answer
        words = answer["again"][1:]
        time.sleep(answer["after"] / 1000)
    raise AssertionError("there is no answer to %s" % (words,))


def test_a_strict_start_is_refused_with_the_reason_and_both_fixes(new_gateway, names, key):
    result = make(new_gateway, names, key, ["good.test", "bad.test"], strict=True).check()
    assert result.code != 0
    assert "bad.test through direct (return path own: b.good.test) from 5.6.7.8: spf=pass (not aligned) dkim=none dmarc=fail (p=reject)" in result.err, result.err
    assert "1. sign as bad.test" in result.err and "2. let the return path be in bad.test or below it" in result.err
    assert "good.test through" not in result.err
    assert make(new_gateway, names, key, ["good.test"], strict=True).check().code == 0


def test_verbs_and_a_strict_relay(new_gateway, names, key, new_sink):
    sink = new_sink(address="127.0.0.11", port=PORT)
    gateway = make(new_gateway, names, key, ["good.test", "bad.test"], relay={"strict": True}).start()

    check = ask(gateway, "check")["data"]
    verdicts = {row["domain"]: row["predicted"] for row in check["verdicts"]}
    assert verdicts == {"good.test": "spf=pass dkim=pass dmarc=pass (p=reject)", "bad.test": "spf=pass (not aligned) dkim=none dmarc=fail (p=reject)"}
    assert [row["domain"] for row in check["findings"] if row["level"] == "ERROR"] == ["bad.test"]

    named = gateway.run_ctl("check", "auth", "good.test")  # the same by another name, beside `check`
    assert named.code == 0 and "spf=pass dkim=pass dmarc=pass" in named.out and gateway.ask("check")["code"] == 78, (named.out, named.err)

    spf = ask(gateway, "spf", ADDRESS, "h.test", "a@good.test")["data"]
    assert spf["result"] == "pass", spf
    spf = ask(gateway, "spf", "192.0.2.99", "h.test", "a@good.test")["data"]
    assert (spf["result"], spf["explanation"]) == ("fail", "192.0.2.99 is not of good.test"), spf
    assert ask(gateway, "spf", ADDRESS, "h.test", "a@odd.test")["data"]["result"] == "pass"  # a name with a blank in it

    for domain, state in ("good.test", "verified"), ("bad.test", "unverified"):
        gateway.ctl("domain", "add", domain)
        assert "%s is %s" % (domain, state) in ask(gateway, "verify", domain)["text"]
    assert {row["domain"]: row["state"] for row in gateway.ctl("domain", "list") if row["domain"].endswith("d.test")} == \
        {"good.test": "verified", "bad.test": "unverified"}
    added = ask(gateway, "add", "new.test")
    assert "A key was made" in added["text"] and os.path.exists(os.path.join(gateway.state, "dkim", "new.test-s1.pem")), added
    assert {row["name"]: row["type"] for row in added["rows"]} == {"new.test": "TXT", "s1._domainkey.new.test": "TXT", "_dmarc.new.test": "TXT", "b.good.test": "TXT"}
    with Client(gateway.clear_port, ehlo="client.test") as client:
        assert client.message(MAIL % b"good.test", "a@good.test", "b@there.test").code == 250
        assert client.message(MAIL % b"bad.test", "a@bad.test", "b@there.test").code == 250
    mails = sink.wait_messages(2)
    assert sorted(mail.header("From") == "a@good.test" for mail in mails) == [False, True]
    report = next(mail for mail in mails if mail.header("From") != "a@good.test")
    assert report.rcpts == ["a@bad.test"] and b"554 5.7.1 bad.test is not verified" in report.data.replace(b"\r\n", b" "), report.data
