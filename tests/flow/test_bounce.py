"""What comes back is understood: gatewayctl hands a mail to the module, and the answer is a line of JSON for each recipient."""
import json
import os
import re
import subprocess

import pytest

from lib.client import Client, queue_id
from lib.gateway import built
from lib.sink import Act
from lib.waiting import wait_for

REPORT = b"""Return-Path: <>\r\nFrom: MAILER-DAEMON@mta.example\r\nTo: crm@example.com\r\nSubject: failure notice\r\n\r\n\
<j\xe4ne@customer.example>:\r\n<jane@customer.example>:\r\nuser unknown \x00\xff\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n"""


def ctl(gateway, *words, given):
    command = [built("bin", "gatewayctl"), "--socket", gateway.socket_path, *words]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)


def test_a_mail_on_the_input_is_classified_whatever_octets_it_has(new_gateway):
    rules = [{"reason": "no_such_user", "words": ["user unknown"]}]
    gateway = new_gateway().module("75-bounce", "bounce", {"rules": rules}).start()
    lines = ctl(gateway, "bounce", "classify", given=REPORT).stdout.splitlines()
    assert [json.loads(line)["recipient"] for line in lines] == ["jane@customer.example"]
    assert json.loads(lines[0])["rule"] == "text:user unknown"
    rows = json.loads(ctl(gateway, "--json", "bounce", "classify", given=REPORT + b"x" * 3000000).stdout)
    assert [(row["kind"], row["reason"]) for row in rows] == [("hard", "no_such_user")]
    assert json.loads(ctl(gateway, "bounce", "classify", given=b"").stdout)["kind"] == "unknown"
    assert json.loads(ctl(gateway, "bounce", "classify", given=os.urandom(400000)).stdout)["kind"] == "unknown"


def test_a_wrong_rule_is_told_with_its_place_and_a_reload_takes_a_right_one(new_gateway):
    gateway = new_gateway().module("75-bounce", "bounce", {"rules": [{"reason": "spam", "words": ["nope"]}]}).start()

    def reason():
        return json.loads(ctl(gateway, "bounce", "classify", "550", "nope", given=b"").stdout)["reason"]
    assert reason() == "spam"
    gateway.module("75-bounce", "bounce", {"rules": [{"reason": "spam", "codes": ["5"]}]}).write()
    told = ctl(gateway, "reload", given=b"")
    assert told.returncode and b"75-bounce.conf:" in told.stdout + told.stderr and reason() == "spam"
    gateway.module("75-bounce", "bounce", {"rules": [{"reason": "virus", "words": ["nope"]}]}).write()
    assert ctl(gateway, "reload", given=b"").returncode == 0 and reason() == "virus"


MAIL = b"From: \"Smith, Ann\" <ann@example.com>\r\nSubject: one\r\n\r\nhello\r\n"


def send(gateway, sender="crm+77@crm.example"):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, sender))


@pytest.mark.parametrize("relay, expected", [
    ({}, r"crm\+77@crm\.example"), ({"return_path": "from"}, r"ann@example\.com"), ({"return_path": "own"}, r"[a-z2-7]{29}@b\.example\.com"),
    ({"return_path": "bounces@example.com", "domains": ["example.com"]}, r"bounces@example\.com")])
def test_the_return_path_is_what_the_relay_says(pair, relay, expected):
    rules = [{"reason": "reputation", "words": ["blocked by"]}]
    gateway, sink = pair(relay=relay, before=lambda gateway: gateway.module("75-bounce", "bounce", {"domain": "b.example.com", "rules": rules}))
    send(gateway)
    assert re.fullmatch(expected, sink.wait_messages(1)[0].sender)
    send(gateway, "")
    assert sink.wait_messages(2)[1].sender == ""


def test_what_fails_in_a_session_is_explained(pair):
    rules = [{"reason": "reputation", "words": ["blocked by"]}]
    gateway, sink = pair(relay={"return_path": "own"}, script={"rcpt": Act("550 5.7.1 host blocked by a list of us")},
                         before=lambda gateway: gateway.module("75-bounce", "bounce", {"domain": "b.example.com", "rules": rules}))
    id = send(gateway)
    gateway.wait_log("done", id=id)
    assert "block reputation, by text:blocked by" in str(gateway.explain(id))
    assert gateway.check().code == 0


def test_an_address_of_somebody_else_is_no_return_path(new_gateway, new_sink):
    gateway = new_gateway().relay("out", new_sink(), return_path="bounces@other.example", domains=["example.com"]).module("75-bounce", "bounce", {})
    gateway.module("60-routing", "routing", {"default": ["out"]})
    answer = gateway.check()
    assert answer.code and "50-out.conf:" in answer.err + answer.out and "is none of yours" in answer.err + answer.out


RETURNED = REPORT.replace(b"<j\xe4ne@customer.example>:\r\n", b"").replace(b" \x00\xff", b"")


def test_a_late_bounce_comes_back_to_the_crm(pair):
    rules = [{"reason": "no_such_user", "words": ["user unknown"]}]
    gateway, sink = pair(relay={"return_path": "own"}, before=lambda gateway: gateway.module("75-bounce", "bounce", {"domain": "b.example.com", "rules": rules}))
    send(gateway)
    path = sink.wait_messages(1)[0].sender
    with Client(gateway.clear_port, ehlo="mx.customer.example") as client:
        client.say("MAIL FROM:<>", 250)
        client.say("RCPT TO:<%s>" % path.replace(path[:4], "aaaa"), 550)
        client.say("RCPT TO:<%s>" % path.upper(), 250)
        client.text(RETURNED)
        assert client.message(RETURNED, "", path).code == 250
        client.say("MAIL FROM:<>", 250)
        client.say("RCPT TO:<%s>" % path, 250)
        client.say("DATA", 354)
        assert client.say("Subject: hello\r\n\r\nnobody bounced\r\n.").code == 550
    report = sink.wait_messages(2)[1]
    assert report.sender == "" and report.rcpts == ["crm+77@crm.example"]
    assert b"Final-Recipient: rfc822; b@example.net\r\nAction: failed\r\n" in report.data
    gateway.wait_queue_empty()
    assert len(sink.messages) == 2
    item, = json.loads(ctl(gateway, "--json", "bounce", "list", "kind=hard", given=b"").stdout)["items"]
    assert (item["recipient"], item["message"]["return_path"], item["bounce"]["source"]) == ("b@example.net", "crm+77@crm.example", "notice")
    shown = ctl(gateway, "bounce", "get", str(item["id"]), given=b"").stdout
    assert b"user unknown" in shown and b"\nreport:\n    " in shown and b"??" not in shown and re.search(rb"ses +Permanent, NoEmail\n", shown), shown
    for words, told in ((["kind=herd"], b"say hard, soft"), (["reason=gone"], b"there are unknown|no_such_user|"), (["kind"], b"say kind=VALUE")):
        wrong = ctl(gateway, "bounce", "list", *words, given=b"")
        assert wrong.returncode and told in wrong.stderr, wrong
    assert b"say hard, soft" in ctl(gateway, "bounce", "stats", "kind=herd", given=b"").stderr
    wrong = ctl(gateway, "suppression", "list", "foo=3", given=b"")
    assert wrong.returncode and b"which are: address, client, type, " in wrong.stderr, wrong
    assert b"of no message that is remembered" in ctl(gateway, "bounce", "take", given=RETURNED).stdout


def test_a_bounce_may_come_from_a_client_s_own_network(pair):
    """The CRM's provider has mailboxes too: what it says of one is in no domain of the client's, and has a form that no mail of it may have."""
    def before(gateway):
        gateway.module("10-access", "access", {"clients": [{"name": "crm", "networks": ["127.0.0.0/8"], "domains": ["example.com"]}]})
        rules = [{"reason": "no_such_user", "words": ["user unknown"]}]
        gateway.module("27-policy", "policy", {}).module("75-bounce", "bounce", {"domain": "b.example.com", "rules": rules})
    gateway, sink = pair(relay={"return_path": "own"}, before=before)
    send(gateway)
    path = sink.wait_messages(1)[0].sender
    odd = RETURNED.replace(b"To:", b"To: twice@example.com\r\nTo:")
    with Client(gateway.clear_port, ehlo="mx.customer.example") as client:
        assert client.message(odd, "", "b@example.net").code == 550
        assert client.message(odd, "", path).code == 250
    assert sink.wait_messages(2)[1].rcpts == ["crm+77@crm.example"]


@pytest.mark.parametrize("name, module, what", [("75-bounce", "bounce", "nobody is suppressed"), ("97-http", "http", "no events are kept")])
def test_a_store_that_cannot_be_opened_is_wrong(new_gateway, name, module, what):
    gateway = new_gateway().module(name, module, {}).start()
    assert what not in gateway.text("status")
    gateway.module(name, module, {"store": "/nowhere/it.db"}).write()
    gateway.text("reload")
    wait_for(lambda: re.search(r"\nWRONG +%s: .*%s.*" % (name, what), gateway.text("status")), 10)


def test_a_verb_opens_the_store_when_nothing_is_in_the_way_any_more(new_gateway):
    gateway = new_gateway()
    folder = os.path.join(gateway.folder, "late")
    gateway.module("75-bounce", "bounce", {"store": os.path.join(folder, "it.db")}).start()
    wait_for(lambda: "nobody is suppressed" in gateway.text("status"), 10)
    assert "cannot be opened" in gateway.run_ctl("suppression", "list").err
    os.mkdir(folder)
    assert gateway.run_ctl("suppression", "add", "b@example.net").code == 0
    assert "nobody is suppressed" not in gateway.text("status")


def test_who_is_suppressed_gets_nothing_and_his_sender_is_told(pair):
    gateway, sink = pair(before=lambda gateway: gateway.module("75-bounce", "bounce", {"suppress": ["*"]}))
    assert ctl(gateway, "suppression", "add", "b@example.net", given=b"").returncode == 0
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "crm+77@crm.example", "a@example.net", "b@example.net", "c@example.net"))
    gateway.wait_log("done", id=id)
    gateway.wait_queue_empty()
    sent = [message.rcpts for message in sink.messages if message.sender]
    assert sorted(sum(sent, [])) == ["a@example.net", "c@example.net"]
    report, = [message for message in sink.messages if not message.sender]
    assert report.rcpts == ["crm+77@crm.example"] and b"Final-Recipient: rfc822; b@example.net" in report.data and b"Status: 5.1.1" in report.data
    assert "b@example.net is suppressed: admin" in str(gateway.explain(id))
    item, = json.loads(ctl(gateway, "--json", "bounce", "list", "--after", "0", given=b"").stdout)["items"]
    assert (item["event"], item["recipient"], item["message"]["id"]) == ("suppressed", "b@example.net", id)


def peak(gateway):
    """The most memory that what serves has had, in KiB."""
    with open("/proc/%d/status" % gateway.serving_pid) as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))


@pytest.mark.heavy
def test_a_mail_for_thousands_that_goes_to_each_alone_takes_no_square_memory(pair):
    """5 KiB for each, however slow the disk is."""
    def before(gateway):
        gateway.module("75-bounce", "bounce", {"domain": "b.example.com"}).set(limits__recipients=6000)
    gateway, sink = pair(relay={"return_path": "own", "connections": 1}, before=before)
    send(gateway)
    sink.wait_messages(1)
    first = peak(gateway)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL, "a@example.com", *["r%d@customer.example" % nth for nth in range(6000)])
    sink.wait_messages(6001, timeout=120)
    gateway.wait_queue_empty()
    assert peak(gateway) - first < 100 * 1024
