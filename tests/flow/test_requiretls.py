"""REQUIRETLS (RFC 8689): a message that is to be in TLS all its way goes so, to a next hop that is proven and promises the same, or comes back."""
import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import Sink

MAIL = b"From: a@example.com\r\nSubject: requiretls\r\n\r\nsecret body\r\n"
OFFERS = Sink.EXTENSIONS + ("REQUIRETLS",)


@pytest.fixture
def site(new_gateway, new_sink, certificates):
    """A maker of (gateway, sink); `before` changes the gateway before the start."""
    def make(offers=OFFERS, speaks="starttls", shows="hop", script=None, before=None, **relay):
        certificate, key = certificates.pair(shows)
        how = {"tls": speaks, "certificate": certificate, "key": key} if speaks else {}
        sink, gateway = new_sink(extensions=offers, script=script, **how), new_gateway()
        open_relay(gateway, "out").relay("out", sink, **{"tls": speaks or "none", "ca": certificates.ca, **relay})
        if before:
            before(gateway)
        return gateway.start(), sink
    return make


def secure(gateway):
    """A client in TLS."""
    client = Client(gateway.tls_port, greet=False)
    client.wrap()
    assert client.reply().code == 220
    client.features = client.say("EHLO client.example.com", 250).lines[1:]
    return client


def send(gateway, params=" REQUIRETLS", sender="a@example.com"):
    with secure(gateway) as client:
        return queue_id(client.message(MAIL, sender, params=params))


def mails(sink, sender="a@example.com"):
    return [line for line in sink.commands("MAIL") if "<%s>" % sender in line]


def test_it_is_offered_and_taken_in_tls_only(site):
    gateway, sink = site()
    with Client(gateway.port, ehlo="client.example.com") as client:
        assert "REQUIRETLS" not in client.features
        client.say("MAIL FROM:<a@example.com> REQUIRETLS", 555)
        client.start_tls()
        assert "REQUIRETLS" in client.say("EHLO client.example.com", 250).lines
        client.say("MAIL FROM:<a@example.com> REQUIRETLS=yes", 501)
        client.say("MAIL FROM:<a@example.com> requiretls", 250)
        client.say("RCPT TO:<b@example.net> REQUIRETLS", 501, 555)
    with secure(gateway) as client:
        assert "REQUIRETLS" in client.features
        client.say("HELO client.example.com", 250)
        client.say("MAIL FROM:<a@example.com> REQUIRETLS", 555)


@pytest.mark.parametrize("speaks", ["starttls", "implicit"])
def test_it_is_passed_on_and_only_where_it_was_asked_for(site, speaks):
    gateway, sink = site(speaks=speaks)
    send(gateway)
    sink.wait_messages(1)
    send(gateway, "", "plain@example.com")
    message = sink.wait_messages(2)[0]
    assert message.session.tls is not None
    assert [" REQUIRETLS" in line for line in mails(sink) + mails(sink, "plain@example.com")] == [True, False]


def test_it_outlives_a_restart(site):
    gateway, sink = site(script={"mail": ["451 4.3.0 later"]}, before=lambda gateway: gateway.set(queue__retry=["3s"]))
    id = send(gateway)
    gateway.wait_log("later", id=id)
    gateway.restart()
    sink.wait_messages(1, 15)
    assert [" REQUIRETLS" in line for line in mails(sink)] == [True, True]


UNFIT = {
    "not offered": {"offers": Sink.EXTENSIONS},
    "no TLS": {"speaks": None},
    "the certificate is not looked at": {"verify": False},
    "TLS where it can be had": {"tls": "opportunistic", "verify": True},
}


@pytest.mark.parametrize("why", list(UNFIT))
def test_a_next_hop_that_is_not_fit_does_not_get_it(site, why):
    """The sender is told, in a report without the body; other mail goes there as ever."""
    gateway, sink = site(**UNFIT[why])
    id = send(gateway, " REQUIRETLS RET=FULL")
    assert "5.7.30" in gateway.wait_log("bounced", id=id)[0]["raw"]
    report, = sink.wait_messages(1)
    assert report.sender == "" and report.rcpts == ["a@example.com"]
    assert b"Status: 5.7.30" in report.data and b"REQUIRETLS support required" in report.data
    assert b"Subject: requiretls" in report.data and b"secret body" not in report.data
    assert mails(sink) == []
    send(gateway, "")
    sink.wait_messages(2)


def test_a_wrong_certificate_is_waited_for(site):
    """As with any message: it may be put right."""
    gateway, sink = site(shows="wrong", before=lambda gateway: gateway.set(queue__retry=["1h"]))
    gateway.wait_log("later", id=send(gateway))
    assert mails(sink) == [] and not gateway.log("bounced")


def test_its_report_asks_for_it_too(site):
    gateway, sink = site(script={"rcpt": ["550 5.1.1 nobody here"]})
    send(gateway)
    report, = sink.wait_messages(1)
    assert report.sender == ""
    assert [" REQUIRETLS" in line for line in mails(sink, "")] == [True]


def test_full_return_is_as_ever_without_it(site):
    gateway, sink = site(script={"rcpt": ["550 5.1.1 nobody here"]})
    send(gateway, " RET=FULL")
    assert b"secret body" in sink.wait_messages(1)[0].data
