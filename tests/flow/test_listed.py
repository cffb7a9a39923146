"""Clients whose networks are listed elsewhere: in the SPF of a domain, in a file, under a preset; who may send is the same on every worker."""
import os

import pytest

from conftest import Plain
from lib.client import Client, queue_id
from lib.names import KNOTD, Names
from lib.waiting import wait_for

pytestmark = pytest.mark.skipif(KNOTD is None, reason="knotd is not installed (Debian package knot)")

LISTED, FILED, STRANGER, STRICT = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"
ZONE = """
crm TXT "v=spf1 include:more -all"
crm TXT "something else"
pass TXT "v=spf1 ip4:127.0.0.5 -all"
fail TXT "v=spf1 ip4:192.0.2.1 -all"
broken TXT "v=spf1 include:nowhere -all"
away NS ns.away
ns.away A 127.0.0.99
""".replace("include:more", "include:more.test")
MORE = 'more TXT "v=spf1 ip4:127.0.0.2/32 ip6:2001:db8::/32 -all"\n'


def mail(sender="a@example.com"):
    return b"From: %s\r\nSubject: hello\r\n\r\nhello\r\n" % sender.encode()


@pytest.fixture(scope="module")
def place(certificates):
    names = Names({"test": ZONE + MORE})
    plain = Plain(certificates)
    gateway = plain.gateway
    listed = os.path.join(gateway.folder, "crm.cidr")
    with open(listed, "w") as out:
        out.write("# by file\n%s\n" % FILED)
    del gateway.fragments["40-probe"]
    gateway.module("10-access", "access", {"spf": "field", "clients": [
        {"name": "crm", "networks": ["spf:crm.test", "2001:db8:1::/48"], "domains": ["example.com"]},
        {"name": "filed", "networks": ["@" + listed], "domains": ["example.com"], "from": "rewrite", "address": "shop@example.com"},
        {"name": "strict", "networks": [STRICT], "domains": ["example.com"], "require_spf": True},
        {"name": "eu", "preset": "zoho:eu", "domains": ["example.com"]}]})
    gateway.set(dns__forward=[names.server], dns__local=True, limits__junk=1000).start()
    plain.listed = listed
    yield plain
    gateway.stop()
    plain.sink.stop()
    gateway.remove()
    names.stop()


@pytest.fixture
def world(place, request):
    request.node.gateways = [place.gateway]
    return place


def rcpt(world, source, sender="a@example.com"):
    with Client(world.gateway.clear_port, source=source, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<%s>" % sender)
        reply = client.say("RCPT TO:<b@example.net>")
        return reply.code


def test_the_networks_of_a_domain_come_with_its_spf(world):
    wait_for(lambda: rcpt(world, LISTED) == 250, 20, "the SPF of crm.test has come")
    # that of eu.zcsend.net has not, and it may be in it
    assert rcpt(world, STRANGER) == 451
    for _ in range(8):  # sessions are dealt to all workers
        assert rcpt(world, LISTED) == 250
    with Client(world.gateway.clear_port, source=LISTED, ehlo="client.example.com") as client:
        refused = client.message(mail("a@other.example"))
    assert refused.code == 550 and "sender domain other.example is not allowed for client crm" in refused.text, refused


def test_a_file_that_changed_is_read_again(world):
    assert rcpt(world, FILED) == 250
    with open(world.listed + ".new", "w") as out:
        out.write("127.0.0.33\n")
    os.rename(world.listed + ".new", world.listed)
    wait_for(lambda: rcpt(world, "127.0.0.33") == 250, 10, "the file was read again")
    with open(world.listed + ".new", "w") as out:
        out.write("127.0.0.33\n%s\n" % FILED)
    os.rename(world.listed + ".new", world.listed)
    wait_for(lambda: rcpt(world, FILED) == 250, 10, "the file was read again")


def test_mail_in_the_name_of_others_leaves_in_the_clients(world):
    with Client(world.gateway.clear_port, source=FILED, ehlo="client.example.com") as client:
        reply = client.message(b"DKIM-Signature: v=1; d=other.example\r\nFrom: Jane <jane@other.example>\r\nSubject: x\r\n\r\nhello\r\n")
    got = world.arrives(queue_id(reply)).data.decode()
    assert 'From: "Jane" <shop@example.com>\r\nReply-To: Jane <jane@other.example>\r\nSubject: x\r\n' in got, got
    assert "DKIM-Signature" not in got


@pytest.mark.parametrize("sender, code, text", [
    ("b@pass.test", 250, ""), ("b@fail.test", 550, "5.7.23"), ("b@broken.test", 550, "5.7.23"), ("b@nothing.test", 550, "5.7.23")])
def test_spf_of_mail_from_may_be_required(world, sender, code, text):
    with Client(world.gateway.clear_port, source=STRICT, ehlo="client.example.com") as client:
        reply = client.say("MAIL FROM:<%s>" % sender)
        assert reply.code == code and text in reply.text, reply
        if code != 250:
            return
        client.say("RCPT TO:<b@example.net>", 250)
        client.say("DATA", 354)
        reply = client.say(mail().decode() + ".", 250)
    got = world.arrives(queue_id(reply)).data.decode()
    assert "Received-SPF: pass (" in got and "client-ip=127.0.0.5" in got, got
    assert "spf=pass of pass.test" in world.gateway.run_ctl("message", "explain", queue_id(reply)).out


def test_gatewayctl_shows_clients_and_who_was_turned_away(world):
    with Client(world.gateway.clear_port, source=LISTED, ehlo="client.example.com") as client:
        world.arrives(queue_id(client.message(mail())))
    rows = {row["client"]: row for row in world.gateway.ctl("client", "list")}
    assert rows["crm"]["today"] >= 1 and "example.com" in rows["crm"]["domains"], rows
    presets = {row["preset"]: row for row in world.gateway.ctl("preset", "list")}
    assert presets["zoho:eu"]["clients"] == "eu" and presets["zoho:eu"]["from"] == "shipped", presets
    assert world.gateway.ctl("preset", "show", "zoho:eu")[0]["network"] == "spf:eu.zcsend.net"
    assert world.gateway.ctl("client", "refused") == []  # who hears 451 may come yet
