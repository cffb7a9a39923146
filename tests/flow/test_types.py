"""The type of a message: who decides it, which relay takes it, and that the field naming it never leaves. The rules are the shipped ones."""
import base64
import os
import random

import pytest

from lib.client import Client, queue_id
from lib.gateway import ROOT, free_port

with open(os.path.join(ROOT, "conf.d", "25-classify.conf")) as shipped:
    SHIPPED = shipped.read()


def mail(*fields, number=0):
    return "".join(field + "\r\n" for field in ("From: a@example.com", "X-Number: %d" % number, *fields)).encode() + b"\r\nhello\r\n"


def hand_in(port, octets, sender="a@example.com", rcpts=("b@example.net",)):
    with Client(port, ehlo="client.example.com") as client:
        return queue_id(client.message(octets, sender, *rcpts))


@pytest.fixture
def sorted_office(new_gateway, new_sink):
    """One relay takes mass mail, one workflow mail, one the rest; a port of its own is for mass mail. The clients of 127.0.0.1 are "crm"."""
    def make(classify=SHIPPED, access=None):
        gateway = new_gateway()
        gateway.sinks = {kind: new_sink() for kind in ("mass", "workflow", "individual")}
        gateway.mass_port = free_port()
        gateway.fragments["00-gateway"]["gateway"]["listeners"].append(
            {"address": "127.0.0.1", "port": gateway.mass_port, "tls": "none", "type": "mass"})
        client = {"name": "crm", "networks": ["127.0.0.1"], "domains": ["example.com"], **(access or {})}
        gateway.module("10-access", "access", {"clients": [client]})
        if isinstance(classify, str):
            gateway.fragments["25-classify"] = classify
        else:
            gateway.module("25-classify", "classify", classify)
        for kind, sink in gateway.sinks.items():
            gateway.relay(kind, sink, domains=["example.com"], types=[kind])
        gateway.module("60-routing", "routing")
        return gateway.start()
    return make


def arrived(gateway, kind, count=1):
    messages = gateway.sinks[kind].wait_messages(count)
    others = [message for other, sink in gateway.sinks.items() if other != kind for message in sink.messages]
    assert not others, others
    return messages


# What mail looks like -> its type, and the rule that says so.
LOOKS = [
    (["X-SFDC-EmailCategory: workflowActionAlert"], "workflow", "salesforce-workflow"),
    (["X-SFDC-EmailCategory: networksMassMail"], "mass", "salesforce-mass"),
    (["X-SFDC-EmailCategory: apiSingleMail", "List-Unsubscribe: <https://example.com/u>"], "workflow", "salesforce-api"),
    (["List-Unsubscribe: <https://example.com/u>"], "mass", "list-mail"),
    (["List-Id: <news.example.com>", "Auto-Submitted: auto-generated"], "mass", "list-mail"),
    (["Feedback-ID: 1:2:3"], "mass", "list-mail"),
    (["Precedence: bulk"], "mass", "precedence"),
    (["Auto-Submitted: auto-generated; owner=x"], "workflow", "auto-generated"),
]


def test_each_relay_gets_its_type_and_no_other(sorted_office):
    gateway = sorted_office()
    chance = random.Random(35)
    expected = {"mass": set(), "workflow": set()}
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for number in range(200):
            fields, kind, _ = chance.choice(LOOKS)
            client.message(mail(*fields, number=number), "bounce-%d@crm.example" % number)
            expected[kind].add(str(number))
    for kind, numbers in expected.items():
        got = gateway.sinks[kind].wait_messages(len(numbers))
        assert sorted(message.header("X-Number") for message in got) == sorted(numbers)
    assert sum(len(sink.messages) for sink in gateway.sinks.values()) == 200
    assert not gateway.sinks["individual"].messages


def test_shipped_rules(sorted_office):
    gateway = sorted_office()
    for fields, kind, rule in LOOKS:
        id = hand_in(gateway.clear_port, mail(*fields))
        line, = gateway.wait_log("reason", id=id, hook="message")
        assert line["text"] == "%s, decided by rule %s" % (kind, rule)
        assert gateway.wait_log("received", id=id)[0]["type"] == kind
    for sender, rcpts, fields, said in [
        ("systemgenerated@zohocrm.com", 1, [], "workflow, decided by rule zoho-system-sender"),
        ("b@crm.example", 1, ["References: <x@example.com>"], "individual, decided by rule conversation"),
        ("b@crm.example", 6, ["References: <x@example.com>"], "individual, decided by default"),
    ]:
        id = hand_in(gateway.clear_port, mail(*fields), sender, ["b%d@example.net" % i for i in range(rcpts)])
        assert gateway.wait_log("reason", id=id, hook="message")[0]["text"] == said


def test_explain_shows_who_decided(sorted_office):
    gateway = sorted_office()
    id = hand_in(gateway.clear_port, mail("Precedence: list"))
    gateway.wait_log("done", id=id)
    assert any(row["event"] == "reason" and "mass, decided by rule precedence" in row["what"] for row in gateway.explain(id)), gateway.explain(id)


@pytest.mark.parametrize("asked, said, relay", [
    ([], "mass, decided by rule precedence", "mass"),
    (["--type", "workflow"], "workflow, decided by client", "workflow"),
])
def test_explain_asks_the_rules_about_a_file(sorted_office, tmp_path, asked, said, relay):
    gateway = sorted_office()
    path = tmp_path / "mail.eml"
    path.write_bytes(mail("Precedence: bulk"))
    rows = gateway.ctl("explain", "--from", "a@example.com", "--to", "b@example.net", *asked, "--eml", str(path))["steps"]
    assert [row["why"] for row in rows if row["answer"] == "type"] == [said], rows
    assert [row["relay"] for row in rows if row["answer"] == "takes it"] == [relay], rows


def test_port_decides_before_the_looks(sorted_office):
    gateway = sorted_office({"trust_header_from": ["crm"]})
    id = hand_in(gateway.mass_port, mail("X-Mail-Type: workflow"))
    assert arrived(gateway, "mass")
    assert gateway.wait_log("reason", id=id, hook="message")[0]["text"] == "mass, decided by listener"


def test_client_decides_before_its_port(sorted_office):
    gateway = sorted_office({"trust_header_from": ["crm"]}, {"type": "workflow"})
    id = hand_in(gateway.mass_port, mail("X-Mail-Type: mass"))
    assert arrived(gateway, "workflow")
    assert gateway.wait_log("reason", id=id, hook="message")[0]["text"] == "workflow, decided by client"


@pytest.mark.parametrize("field", ["X-Mail-Type: mass", "x-relay-type:  Mass"])
def test_trusted_field_decides_and_is_taken_off(sorted_office, field):
    gateway = sorted_office({"trust_header_from": ["crm"]})
    hand_in(gateway.clear_port, mail(field, "X-Kept: yes"))
    message, = arrived(gateway, "mass")
    assert b"-type" not in message.data.lower()
    assert message.data.endswith(b"From: a@example.com\r\nX-Number: 0\r\nX-Kept: yes\r\n\r\nhello\r\n")


def test_field_of_others_is_not_believed_and_taken_off_too(sorted_office):
    gateway = sorted_office({"trust_header_from": ["somebody-else"]})
    id = hand_in(gateway.clear_port, mail("X-Mail-Type: mass"))
    message, = arrived(gateway, "individual")
    assert b"X-Mail-Type" not in message.data
    assert "is not believed" in gateway.wait_log("reason", id=id, hook="message")[0]["text"]


@pytest.mark.parametrize("options, relay, said", [
    ('  rules = ( { name = "a"; type = "masss"; } );\n', {}, "25-classify.conf:3: error: rule a: \"masss\" is no type"),
    ('  types = [ "invoice" ];\n', {"types": ["mass", "invoices"]}, "50-out.conf:5: error: no mail is of the type \"invoices\""),
])
def test_words_that_are_no_type_are_refused(new_gateway, options, relay, said):
    gateway = new_gateway()
    gateway.fragments["25-classify"] = 'module = "classify";\nclassify: {\n%s};\n' % options
    gateway.module("60-routing", "routing", {"default": ["out"]}).relay("out", host="127.0.0.1", port=25, **relay)
    answer = gateway.check()
    assert answer.code != 0 and said in answer.out + answer.err, answer.out + answer.err


def test_login_decides_before_its_port(new_gateway, new_sink):
    gateway, sink = new_gateway(), new_sink()
    users = os.path.join(gateway.folder, "users")
    with open(users, "w") as out:
        out.write("crm-flow:{PLAIN}secret:::::: domains=* type=workflow\n")
    os.chmod(users, 0o600)
    gateway.fragments["00-gateway"]["gateway"]["listeners"][0]["type"] = "mass"
    gateway.module("10-access", "access").module("20-auth", "auth-password", {"users": users}).module("25-classify", "classify")
    gateway.relay("out", sink, domains=["*"], types=["workflow"]).module("60-routing", "routing").start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("AUTH PLAIN " + base64.b64encode(b"\0crm-flow\0secret").decode(), 235)
        id = queue_id(client.message(mail("List-Id: <x.example.com>")))
    assert sink.wait_messages(1)
    assert gateway.wait_log("reason", id=id, hook="message")[0]["text"] == "workflow, decided by client"
