"""A late bounce, from the mail that caused it to all who have to know: the CRM at its own return path, who polls, who is called, and the list of those
who get no mail any more. Each once, whatever form the bounce has, however often it comes, and whoever dies between."""
import email
import hashlib
import http.client
import json
import os
import re

import pytest

from lib.client import Client
from lib.gateway import ROOT, free_port
from lib.receiver import Receiver, webhook
from lib.waiting import PATIENCE, wait_for

TOKEN = "gw_reader"

REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.customer.example>
To: {path}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

This is the mail system at host mx.customer.example. Your message could not be delivered.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; {rcpt}
Action: failed
Status: 5.1.1
Remote-MTA: dns; store.customer.example
Diagnostic-Code: smtp; 550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in virtual mailbox table

--part
Content-Type: text/rfc822-headers

From: ann@example.com
To: {rcpt}
Subject: Offer

--part--
"""

EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.customer.example>
To: {path}
X-Failed-Recipients: {rcpt}
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {rcpt}
    host store.customer.example [192.0.2.9]
    SMTP error from remote mail server after RCPT TO:<{rcpt}>:
    550 5.1.1 <{rcpt}>: no such user here

------ This is a copy of the message, including all the headers. ------

From: ann@example.com
To: {rcpt}
Subject: Offer

hello
"""

EXCHANGE = """From: postmaster@customer.example
To: {path}
Subject: Undeliverable: Offer
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Delivery has failed to these recipients or distribution lists:

{rcpt}
The recipient's e-mail address was not found in the recipient's e-mail system.

Diagnostic information for administrators:

Generating server: ex01.customer.example

{rcpt}
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

Original message headers:

From: ann@example.com
To: {rcpt}
Subject: Offer
"""

QMAIL = """Return-Path: <>
From: MAILER-DAEMON@mx.customer.example
To: {path}
Subject: failure notice

Hi. This is the qmail-send program at mx.customer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{rcpt}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

From: ann@example.com
To: {rcpt}
Subject: Offer

hello
"""

FORMS = {"report": REPORT, "exim": EXIM, "exchange": EXCHANGE, "qmail": QMAIL}
# Of two who are not he: whatever a recipient writes, it is said of him.
TWO = REPORT.replace("\n--part\nContent-Type: text/rfc822", "\nFinal-Recipient: rfc822; x@elsewhere.example\nAction: failed\nStatus: 5.1.1\n\n--part\nContent-Type: text/rfc822")
MAIL = "From: ann@example.com\r\nTo: {rcpt}\r\nMessage-ID: <{name}@crm.example>\r\nX-CRM-Record: {name}\r\nSubject: Offer\r\n\r\nhello\r\n"


def shipped_rules(**options):
    """The fragment that is installed, with these options on top."""
    with open(os.path.join(ROOT, "conf.d", "75-bounce.conf")) as file:
        text = file.read()
    own = "".join("  %s = %s;\n" % (key, json.dumps(value)) for key, value in options.items())
    assert "bounce: {\n" in text
    return text.replace("bounce: {\n", "bounce: {\n" + own, 1)


class Chain:
    """A CRM on one side, the world on the other, and all who hear of bounces."""

    def __init__(self, pair):
        self.receiver, self.port, self.paths = Receiver(), free_port(), {}
        tokens = [{"name": "r", "hash": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()}]

        def before(gateway):
            gateway.fragments["75-bounce"] = shipped_rules(domain="b.example.com", suppress=["*"], suppressed="refuse")
            gateway.module("97-http", "http", {"listen": "127.0.0.1:%d" % self.port, "tokens": tokens, "webhooks": [webhook(self.receiver)], "retry": "100ms"})
        self.gateway, self.sink = pair(relay={"return_path": "own"}, before=before)

    @staticmethod
    def rcpt(name):
        return name + "@customer.example"

    @staticmethod
    def verp(name):
        return "crm+%s=customer.example@crm.example" % name

    def send(self, name):
        """One mail as the CRM sends it; remembers where its bounce goes."""
        with Client(self.gateway.clear_port, ehlo="crm.example") as client:
            assert client.message(MAIL.format(rcpt=self.rcpt(name), name=name).encode(), self.verp(name), self.rcpt(name)).code == 250
        left = wait_for(lambda: next((message for message in self.sink.messages if message.rcpts == [self.rcpt(name)]), None), 15, "the mail to " + name)
        self.paths[name] = left.sender
        assert re.fullmatch(r"[a-z2-7]{29}@b\.example\.com", left.sender)

    def bounce(self, name, form, at=None):
        path = self.paths[at or name]
        text = {**FORMS, "two": TWO}[form].format(rcpt=self.rcpt(name), path=path).replace("\n", "\r\n")
        with Client(self.gateway.clear_port, ehlo="mx.customer.example") as client:
            assert client.message(text.encode(), "", path).code == 250

    def reports(self):
        return sorted(rcpt for message in self.sink.messages if not message.sender for rcpt in message.rcpts)

    def report(self, name):
        found, = [message for message in self.sink.messages if not message.sender and message.rcpts == [self.verp(name)]]
        return found.data

    def api(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * PATIENCE)
        connection.request("GET", path, headers={"Authorization": "Bearer " + TOKEN})
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        assert answer.status == 200, octets
        return json.loads(octets)

    def wait(self, count):
        """Each has been told of everybody, and that is all that there is."""
        wait_for(lambda: len(self.receiver.took) >= count and len(self.reports()) >= count, 20,
                 lambda: "%d events and reports: %r, %r" % (count, self.receiver.recipients, self.reports()))
        self.gateway.wait_queue_empty()

    def refused(self, name):
        with Client(self.gateway.clear_port, ehlo="crm.example") as client:
            client.say("MAIL FROM:<%s>" % self.verp(name), 250)
            return client.say("RCPT TO:<%s>" % self.rcpt(name))


@pytest.fixture
def chain(pair):
    chain = Chain(pair)
    yield chain
    chain.receiver.server.shutdown()


def check_record(chain, name):
    item, = chain.gateway.ctl("bounce", "list", "recipient=" + chain.rcpt(name))["items"]
    assert chain.api("/v1/bounces?recipient=" + chain.rcpt(name))["items"] == [item]
    bounce, message = item["bounce"], item["message"]
    assert (item["event"], bounce["kind"], bounce["reason"], bounce["status"]) == ("bounce", "hard", "no_such_user", "5.1.1")
    assert (message["return_path"], message["message_id"]) == (chain.verp(name), "<%s@crm.example>" % name)
    assert item["suppressed"] and not item["infrastructure"] and item["relay"] == "out"
    event, = [event for event in chain.receiver.took if event["recipient"] == chain.rcpt(name)]
    assert event["bounce_id"] == item["id"] and event["bounce"]["reason"] == "no_such_user" and event["message"]["return_path"] == chain.verp(name)


def check_report(chain, name):
    """As a parser that shares no code with the gateway reads it."""
    report = email.message_from_bytes(chain.report(name))
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status") and not report.defects
    _, status, header = report.get_payload()
    whole, rcpt = status.get_payload()
    assert whole["Reporting-MTA"] == "dns; relay.example.com"
    assert (rcpt["Final-Recipient"], rcpt["Action"], rcpt["Status"]) == ("rfc822; " + chain.rcpt(name), "failed", "5.1.1")
    original = email.message_from_string(header.get_payload())
    assert (original["Message-ID"], original["X-CRM-Record"]) == ("<%s@crm.example>" % name, name)


def test_a_bounce_of_any_form_reaches_everybody_once(chain):
    for form in FORMS:
        chain.send(form)
        assert chain.refused(form).code == 250
        chain.bounce(form, form)
    chain.wait(len(FORMS))
    for form in FORMS:
        check_record(chain, form)
        check_report(chain, form)
        reply = chain.refused(form)
        assert reply.code == 550 and "suppression list" in reply.text
    for form in FORMS:  # once more, the same and in the words of another server: nobody hears of it
        chain.bounce(form, form)
        chain.bounce(form, "qmail")
    chain.send("last")
    chain.bounce("last", "report")
    names = sorted([*FORMS, "last"])
    chain.wait(len(names))
    assert chain.receiver.recipients == [chain.rcpt(name) for name in names]
    assert chain.reports() == [chain.verp(name) for name in names]
    assert sorted(item["recipient"] for item in chain.api("/v1/bounces?limit=500")["items"]) == [chain.rcpt(name) for name in names]
    assert len(chain.gateway.ctl("suppression", "list")["items"]) == len(names)


def test_a_recipient_can_say_nothing_of_another_one(chain):
    with Client(chain.gateway.clear_port, ehlo="crm.example") as client:
        mail = MAIL.format(rcpt=chain.rcpt("ann"), name="both").encode()
        assert client.message(mail, chain.verp("both"), chain.rcpt("ann"), chain.rcpt("bob")).code == 250
    left = chain.sink.wait_messages(2)
    for message in left:
        rcpt, = message.rcpts
        chain.paths[rcpt.partition("@")[0]] = message.sender
    assert chain.paths["ann"] != chain.paths["bob"]
    chain.bounce("ann", "two", at="bob")
    chain.bounce("ann", "report", at="bob")  # at his own path, bob says that ann does not exist
    wait_for(lambda: len(chain.receiver.took) == 1, 3, lambda: "the event: %r" % chain.receiver.took)
    assert chain.receiver.recipients == [chain.rcpt("bob")] and chain.refused("ann").code == 250
    chain.bounce("ann", "report")
    wait_for(lambda: len(chain.receiver.took) == 2, 15, "the event")
    assert chain.receiver.recipients == [chain.rcpt("ann"), chain.rcpt("bob")] and chain.refused("ann").code == 550
    wait_for(lambda: len(chain.reports()) == 2, 15, "the reports")
    finals = [re.findall(rb"Final-Recipient: rfc822; (\S+)", message.data) for message in chain.sink.messages if not message.sender]
    assert sorted(finals) == [[chain.rcpt("ann").encode()], [chain.rcpt("bob").encode()]]


def test_what_is_killed_between_bounce_and_webhook_loses_nothing(chain):
    chain.receiver.status = 503
    for name in ("one", "two"):
        chain.send(name)
    chain.bounce("one", "exim")
    wait_for(lambda: chain.receiver.letters and chain.reports(), 15, "a first try")
    chain.bounce("two", "qmail")
    chain.gateway.kill()  # the moment it said 250
    chain.receiver.status = 200
    chain.gateway.start()
    wait_for(lambda: len({event["id"] for event in chain.receiver.took}) == 2, 20, lambda: "both events: %r" % chain.receiver.took)
    assert set(chain.receiver.recipients) == {chain.rcpt("one"), chain.rcpt("two")}
    for name in ("one", "two"):
        assert chain.refused(name).code == 550
        assert len(chain.gateway.ctl("bounce", "list", "recipient=" + chain.rcpt(name))["items"]) == 1
    wait_for(lambda: set(chain.reports()) == {chain.verp("one"), chain.verp("two")}, 30, lambda: "the report that was owed: %r" % chain.reports())
    named = {message.header("Message-ID") for message in chain.sink.messages if not message.sender}
    assert len(named) == 2  # one that was written again is the same
