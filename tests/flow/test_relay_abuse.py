"""Nobody sends through the gateway but those who may, and what they send takes the relay that its domain and type name."""
import os
import re
import struct

import pytest

from lib.client import Client, queue_id
from lib.gateway import free_port
from lib.waiting import wait_for

STRANGER, CRM, SHOP, GUARDED = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
OURS = "relay.example.com"
CLIENTS = [
    {"name": "crm", "networks": [CRM], "domains": ["example.com", "*.example.com"], "type": "workflow"},
    {"name": "shop", "networks": [SHOP + "/32"], "domains": ["shop.example"]},
    {"name": "guarded", "networks": [GUARDED], "login": True},
]


def mail(sender="a@example.com", mark="hello"):
    return b"From: %s\r\nSubject: %s\r\n\r\nhello\r\n" % (sender.encode(), mark.encode())


class Fence:
    """A gateway that only its clients may use."""

    def __init__(self, certificates):
        from conftest import Plain
        plain = Plain(certificates)
        self.gateway, self.sink, self.arrives = plain.gateway, plain.sink, plain.arrives
        users = os.path.join(self.gateway.folder, "users")
        with open(users, "w") as out:
            os.chmod(users, 0o600)
            out.write("anna:{PLAIN}secret::::::domains=*\n")
        del self.gateway.fragments["40-probe"]
        self.gateway.module("10-access", "access", {"clients": CLIENTS}).module("20-auth", "auth-password", {"users": users})
        self.gateway.set(limits__junk=1000).start()

    def client(self, source=STRANGER, ehlo="client.example.com", **how):
        return Client(self.gateway.clear_port, source=source, ehlo=ehlo, **how)


@pytest.fixture(scope="module")
def shared_fence(certificates):
    fence = Fence(certificates)
    yield fence
    fence.gateway.stop()
    fence.sink.stop()
    fence.gateway.remove()


@pytest.fixture
def fence(shared_fence, request):
    """Whatever a test does: nothing may have gone out but what it marked as its own."""
    request.node.gateways = [shared_fence.gateway]
    before = len(shared_fence.sink.texts)
    yield shared_fence
    with shared_fence.client(CRM) as client:
        shared_fence.arrives(queue_id(client.message(mail())))
    stray = [text for text in shared_fence.sink.texts[before:] if b"Subject: hello" not in text.data and b"Subject: fine" not in text.data]
    assert not stray


# --- 42: forms of addresses ---

VICTIM = "victim@example.net"
FORMS = [
    "<victim@example.net>", "<VICTIM@EXAMPLE.NET>", "victim@example.net", "<victim@example.net.>", "<<victim@example.net>>", "< victim@example.net >",
    "<victim@example.net", "victim@example.net>", '<"victim"@example.net>', '<"victim@example.net">', '<"victim@example.net"@%s>' % OURS,
    '<"victim%%example.net"@%s>' % OURS, "<victim%%example.net@%s>" % OURS, "<victim%example.net>", "<victim%example.net@[127.0.0.1]>",
    "<victim%example.net@localhost>", "<victim%%example.net%%%s@localhost>" % OURS, "<victim@example.net@%s>" % OURS, "<victim@example.net@[127.0.0.1]>",
    "<@%s:victim@example.net>" % OURS, "<@[127.0.0.1]:victim@example.net>", "<@localhost:victim@example.net>", "<@%s,@example.net:victim@example.net>" % OURS,
    "<@example.net:victim@%s>" % OURS, "<example.net!victim>", "<example.net!victim@%s>" % OURS, "<%s!example.net!victim>" % OURS,
    "<example.net!victim@[127.0.0.1]>", "<@%s:example.net!victim>" % OURS, "<victim@%s>" % OURS, "<victim@localhost>", "<victim>", "<postmaster>", "<Postmaster>",
    "<postmaster@%s>" % OURS, "<victim@[127.0.0.1]>", "<victim@[IPv6:::1]>", "<victim@127.0.0.1>", "<victim@example.com>", "<victim@>", "<@example.net>", "<@>",
    "<>", "<victim\\@example.net@%s>" % OURS, "<victim(comment)@example.net>", "<victim@(comment)example.net>", "<SMTP:victim@example.net>",
    "<victim+%s@example.net>" % OURS, "<victim=example.net@%s>" % OURS, "<|/bin/sh>", '<"|/bin/sh"@localhost>', "</dev/null>", "<:include:/etc/passwd>",
    "<victim@example.net>,<b@example.com>", "<victim@example.net> <b@example.com>", "<victim@example.net> NOTIFY=NEVER",
    "<victim@example.net> ORCPT=rfc822;a@example.com", "<victim@xn--bcher-kva.example>", "<victim@example.net>;", "<victim@example.net%s>" % ("." + OURS),
]


def test_42_there_are_enough_forms():
    assert len(set(FORMS)) == len(FORMS) >= 30


@pytest.mark.parametrize("form", FORMS)
def test_42_a_stranger_relays_to_no_form_of_address(fence, form):
    with fence.client() as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        assert client.say("RCPT TO:" + form).code // 100 == 5
        client.say("DATA", 503, 554)


def test_42_pipelined_the_same(fence):
    """Text that is sent without waiting for 354 is not taken either."""
    with fence.client() as client:
        for form in FORMS[:10]:
            client.send("MAIL FROM:<a@example.com>\r\nRCPT TO:%s\r\nDATA\r\nRSET\r\n" % form)
            assert [reply.code // 100 for reply in client.replies(4)] == [2, 5, 5, 2]


# --- 43: who looks trusted ---

SENDERS = ["", "a@example.com", "a@sub.example.com", "a@" + OURS, "postmaster@" + OURS, "root@localhost", "anna", "anna@[127.0.0.2]", '"crm"@example.com']
NAMES = [OURS, "localhost", "[127.0.0.1]", "[127.0.0.2]", "127.0.0.2", "crm", "crm.example.com", "anna", "[IPv6:::1]"]


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
@pytest.mark.parametrize("name", NAMES)
def test_43_no_name_and_no_sender_makes_a_stranger_trusted(fence, name, verb):
    with fence.client(ehlo=None) as client:
        client.say("%s %s" % (verb, name), 250)
        for sender in SENDERS:
            if client.say("MAIL FROM:<%s>" % sender).code == 250:
                client.say("RCPT TO:<victim@example.net>", 550)
                client.say("RSET", 250)


@pytest.mark.parametrize("params", [" AUTH=anna", " AUTH=<>", " AUTH=crm+40example.com"])
def test_43_the_auth_parameter_is_no_login(fence, params):
    with fence.client() as client:
        assert client.say("MAIL FROM:<a@example.com>" + params).code in (250, 501, 555)
        assert client.say("RCPT TO:<victim@example.net>").code in (503, 550)


def test_43_one_accepted_recipient_of_another_session_opens_nothing(fence):
    with fence.client(CRM) as crm, fence.client() as client:
        crm.envelope("a@example.com", "b@example.net")
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 550)
        assert crm.text(mail()).code == 250


# --- 44: commands and prefaces of proxies ---

XCOMMANDS = ["XCLIENT ADDR=127.0.0.2", "XCLIENT ADDR=127.0.0.2 NAME=crm.example.com PROTO=ESMTP HELO=crm", "XCLIENT LOGIN=anna", "XFORWARD ADDR=127.0.0.2",
             "XFORWARD NAME=crm ADDR=127.0.0.2 HELO=crm", "PROXY TCP4 127.0.0.2 127.0.0.1 5555 25", "PROXY UNKNOWN", "XADR 127.0.0.2", "X-ORIGIN 127.0.0.2", "XAUTH anna",
             "XEXCH50 1 1", "XLOGIN anna secret", "XEXPS GSSAPI", "TURN", "ATRN example.com", "ETRN example.com"]


@pytest.mark.parametrize("line", XCOMMANDS)
def test_44_commands_of_proxies_are_unknown(fence, line):
    with fence.client() as client:
        assert not [feature for feature in client.features if feature.split()[0].startswith("X")]
        assert client.say(line).code // 100 == 5
        client.say("EHLO again.example.com", 250)
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<victim@example.net>", 550)


V2 = b"\r\n\r\n\0\r\nQUIT\n"
PREFACES = {
    "v1": b"PROXY TCP4 127.0.0.2 127.0.0.1 5555 25\r\n",
    "v1 of ipv6": b"PROXY TCP6 ::ffff:127.0.0.2 ::1 5555 25\r\n",
    "v2": V2 + b"\x21\x11" + struct.pack(">H", 12) + bytes([127, 0, 0, 2, 127, 0, 0, 1]) + struct.pack(">HH", 5555, 25),
    "v2 local": V2 + b"\x20\x00\0\0",
}


@pytest.mark.parametrize("preface", list(PREFACES))
def test_44_proxy_prefaces_are_not_believed(fence, preface):
    with fence.client(ehlo=None, greet=False) as client:
        client.send(PREFACES[preface] + b"EHLO client.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nQUIT\r\n")
        said = client.rest().decode("latin-1")
    assert not re.search(r"(?m)^(354|250 2\.1\.5)", said), said


@pytest.mark.parametrize("line", ["XCLIENT ADDR=192.0.2.1 NAME=hidden.example", "XFORWARD ADDR=192.0.2.1"])
def test_44_not_even_a_client_says_where_it_comes_from(fence, line):
    with fence.client(CRM) as client:
        assert client.say(line).code // 100 == 5
        message = fence.arrives(queue_id(client.message(mail())))
    assert "[%s]" % CRM in message.header("Received") and b"192.0.2.1" not in message.data


# --- who may ---

# From which address, logged in as, the sender, the From field, and where it ends: at "rcpt", at the "dot", or it goes "out".
MAY = [
    (CRM, None, "a@example.com", "a@example.com", "out"),
    (CRM, None, "", "a@example.com", "out"),
    (CRM, None, "bounce-17@crm.example.org", "a@example.com", "out"),
    (CRM, None, "a@example.com", "a@deep.sub.example.com", "out"),
    (CRM, None, "a@example.com", "A@EXAMPLE.COM", "out"),
    (CRM, None, "a@example.com", "a@shop.example", "dot"),
    (CRM, None, "a@example.com", "a@example.com.evil.example", "dot"),
    (CRM, None, "a@example.com", "a@myexample.com", "dot"),
    (SHOP, None, "a@shop.example", "a@shop.example", "out"),
    (SHOP, None, "a@example.com", "a@example.com", "dot"),
    (SHOP, None, "a@shop.example", "a@sub.shop.example", "dot"),
    (GUARDED, None, "a@example.com", "a@example.com", "rcpt"),
    (GUARDED, "anna", "a@example.com", "a@wherever.example", "out"),
    (STRANGER, "anna", "a@example.com", "a@wherever.example", "out"),
    (STRANGER, None, "a@example.com", "a@example.com", "rcpt"),
    ("127.0.0.20", None, "a@example.com", "a@example.com", "rcpt"),
]


@pytest.mark.parametrize("source, login, sender, author, ends", MAY)
def test_who_may_send_in_whose_name(fence, source, login, sender, author, ends):
    with fence.client(source) as client:
        if login:
            client.say("AUTH PLAIN AGFubmEAc2VjcmV0", 235)
        client.say("MAIL FROM:<%s>" % sender, 250)
        client.say("RCPT TO:<b@example.net>", 550 if ends == "rcpt" else 250)
        if ends != "rcpt":
            reply = client.text(mail(author, "fine" if ends == "out" else "not fine"))
            assert reply.code == (250 if ends == "out" else 550)
        if ends == "out":
            assert fence.arrives(queue_id(reply)).sender == sender


def test_networks_keep_everybody_else_out(new_gateway):
    gateway = new_gateway()
    gateway.module("10-access", "access", {"clients": CLIENTS, "networks": ["127.0.0.8/30"]}).relay("out", host="127.0.0.1", port=9)
    gateway.module("60-routing", "routing", {"default": ["out"]}).start()
    for source, code in ((STRANGER, 554), ("127.0.0.7", 554), ("127.0.0.8", 220), ("127.0.0.11", 220), ("127.0.0.12", 554), (CRM, 220)):
        with Client(gateway.clear_port, source=source) as client:
            assert client.greeting.code == code, source
            if code == 554:
                assert source in client.greeting.text
                client.say("EHLO client.example.com", 503)
                client.say("QUIT", 221)


def test_a_changed_list_of_clients_is_used_by_new_connections(fence, new_gateway, new_sink):
    sink, gateway = new_sink(), new_gateway()
    gateway.module("10-access", "access", {"clients": CLIENTS}).relay("out", sink).module("60-routing", "routing", {"default": ["out"]}).start()
    gateway.module("10-access", "access", {"clients": CLIENTS[1:]})
    gateway.write()
    assert gateway.ask("reload")["code"] == 0
    with Client(gateway.clear_port, source=CRM, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 550)


def test_without_a_module_that_votes_nobody_may(new_gateway):
    gateway = new_gateway()
    gateway.relay("out", host="127.0.0.1", port=9).start()
    for source in (STRANGER, CRM):
        with Client(gateway.clear_port, source=source, ehlo="client.example.com") as client:
            client.say("MAIL FROM:<a@example.com>", 250)
            assert "relaying denied" in client.say("RCPT TO:<b@example.net>", 550).text


# --- which relay ---

RELAYS = {
    "mass": {"domains": ["example.com"], "types": ["mass"], "fallback": ["any"]},
    "flow": {"domains": ["example.com"], "types": ["workflow", "individual"]},
    "below": {"domains": ["*.example.com", "*.example.org"]},
    "shop": {"domains": ["shop.example"], "types": ["mass"]},
    "any": {},
}
TYPES = {"individual": None, "mass": "mass", "workflow": "workflow"}  # a listener for each; without a type it is "individual"

# From field, MAIL FROM, type, and the relay.
ROUTES = [
    ("a@example.com", "a@example.com", "mass", "mass"),
    ("a@example.com", "a@example.com", "workflow", "flow"),
    ("a@example.com", "a@example.com", "individual", "flow"),
    ("A <A@Example.COM>", "a@example.com", "mass", "mass"),
    ("a@example.com", "bounce@crm.example.org", "mass", "mass"),  # the From field counts
    ("a@wherever.example", "a@example.com", "mass", "any"),
    (None, "a@example.com", "mass", "mass"),  # without one, MAIL FROM
    ("a@sub.example.com", "a@example.com", "mass", "below"),
    ("a@deep.sub.example.com", "a@example.com", "individual", "below"),
    ("a@example.org", "a@example.org", "individual", "any"),
    ("a@notexample.com", "a@example.com", "individual", "any"),
    ("a@shop.example", "a@example.com", "mass", "shop"),
    ("a@shop.example", "a@example.com", "workflow", "any"),
]


class Crossing:
    """A gateway with a relay, and a sink, for each row of RELAYS, and a listener for each type."""

    def __init__(self, gateway, new_sink):
        self.gateway, self.sinks = gateway, {name: new_sink() for name in RELAYS}
        gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": ["any"]})
        for i, (name, keys) in enumerate(RELAYS.items()):
            gateway.relay(name, self.sinks[name], file="5%d-%s" % (i, name), **keys)
        self.ports = {type: free_port() for type in TYPES}
        gateway.set(listeners=[{"address": "127.0.0.1", "port": self.ports[type], "tls": "none", **({"type": word} if word else {})}
                               for type, word in TYPES.items()])

    def send(self, author, sender, type, mark="hello"):
        text = (b"" if author is None else b"From: %s\r\n" % author.encode()) + b"Subject: %s\r\n\r\nx\r\n" % mark.encode()
        with Client(self.ports[type], ehlo="client.example.com") as client:
            return queue_id(client.message(text, sender))

    def relay_of(self, id):
        """The relay whose sink has this message."""
        return wait_for(lambda: next((name for name, sink in self.sinks.items() for message in sink.messages if (" id " + id).encode() in message.data), None),
                        what="message " + id)


def test_R10_R11_domain_and_type_name_the_relay(new_gateway, new_sink):
    crossing = Crossing(new_gateway(), new_sink)
    crossing.gateway.start()
    ids = [crossing.send(author, sender, type) for author, sender, type, _ in ROUTES]
    assert [crossing.relay_of(id) for id in ids] == [relay for *_, relay in ROUTES]
    reasons = crossing.gateway.wait_log("reason", hook="route", id=ids[0])
    assert "mass mail from example.com, by rule: mass" in reasons[0]["text"]
    assert any("by rule: mass" in str(row) for row in crossing.gateway.explain(ids[0]))


def test_R35_each_server_receives_only_its_type(new_gateway, new_sink):
    crossing = Crossing(new_gateway(), new_sink)
    crossing.gateway.start()
    clients = {type: Client(crossing.ports[type], ehlo="client.example.com") for type in TYPES}
    for i in range(200):
        type = list(TYPES)[i * 7 % 3]
        assert clients[type].message(mail("a@example.com", type)).code == 250
    sinks = crossing.sinks
    wait_for(lambda: len(sinks["mass"].messages) + len(sinks["flow"].messages) >= 200, what="200 messages")
    assert {message.header("Subject") for message in sinks["mass"].messages} == {"mass"}
    assert {message.header("Subject") for message in sinks["flow"].messages} == {"workflow", "individual"}
    assert len(sinks["mass"].messages) + len(sinks["flow"].messages) == 200 and not sinks["any"].messages
    for client in clients.values():
        client.close()


def test_R11_what_the_first_relay_cannot_take_goes_to_its_fallback(new_gateway, new_sink):
    crossing = Crossing(new_gateway(), new_sink)
    crossing.gateway.relay("mass", file="50-mass", host="127.0.0.1", port=free_port(), **RELAYS["mass"]).start()
    assert crossing.relay_of(crossing.send("a@example.com", "a@example.com", "mass")) == "any"
    assert crossing.relay_of(crossing.send("a@example.com", "a@example.com", "workflow")) == "flow"


def test_a_relay_that_is_off_leaves_its_mail_to_its_fallback(new_gateway, new_sink):
    crossing = Crossing(new_gateway(), new_sink)
    crossing.gateway.relay("mass", crossing.sinks["mass"], file="50-mass", enabled=False, **RELAYS["mass"]).start()
    assert crossing.relay_of(crossing.send("a@example.com", "a@example.com", "mass")) == "any"


def test_mail_without_a_relay_is_given_back_or_waits(new_gateway, new_sink):
    sink, gateway = new_sink(), new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).relay("out", sink, domains=["example.com"])
    gateway.module("60-routing", "routing", {"no_route": "reject"}).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(mail("a@elsewhere.example"), "a@elsewhere.example"))
        notice, = sink.wait_messages(1)  # of the gateway itself: by the first relay
        assert (notice.sender, notice.rcpts) == ("", ["a@elsewhere.example"])
        unfolded = re.sub(rb"\r\n[ \t]+", b" ", notice.data)
        assert b"\r\nStatus: 5.7.1\r\n" in unfolded and b"550 5.7.1 no relay is set for individual mail from elsewhere.example" in unfolded
        gateway.module("60-routing", "routing", {"no_route": "wait"}).write()
        assert gateway.ask("reload")["code"] == 0
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(mail("a@elsewhere.example"), "a@elsewhere.example"))
    gateway.wait_log("later", id=id)
    gateway.relay("out", sink, domains=["example.com", "elsewhere.example"]).write()
    assert gateway.ask("reload")["code"] == 0
    sink.wait_messages(2)


def test_R29_two_relays_of_one_host_use_their_own_login(new_gateway, new_sink):
    sink, gateway = new_sink(users={"one": "secret-1", "two": "secret-2"}, require_login=True), new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("45-auth", "auth-password").module("60-routing", "routing")
    for number, user in ((1, "one"), (2, "two")):
        gateway.relay(user, sink, auth__user=user, auth__password="secret-%d" % number, clear_login=True, domains=["%s.example" % user])
    gateway.start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for i in range(5):
            for user in ("one", "two"):
                client.message(mail("a@%s.example" % user), "%s%d@bounce.example" % (user, i))
    for message in sink.wait_messages(10):
        assert message.sender.startswith(message.session.user)
