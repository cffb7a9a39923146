"""A header that not everybody reads alike: refused where it would pass by a check, else passed on as it came, edits or not."""
import pytest

from lib.client import Client, queue_id

MBOX = b"From a@example.com Mon Nov 23 10:00:00 2026\r\nFrom: a@example.com\r\nSubject: mbox\r\n\r\nhello\r\n"
BEHIND = b"From: a@example.com\r\nno field\r\nFrom: boss@victim.example\r\n\r\nhello\r\n"
TEXT = b"From: a@example.com\r\nSubject: text\r\nhello, all of you\r\n"


def test_a_header_over_the_bounds_is_refused(plain):
    fields = b"".join(b"X-%d: 1\r\n" % nth for nth in range(10001))
    long = b"X-Long: " + b"x" * 900 + b"\r\n"
    with plain.client() as client:
        for header in (fields, long * 2400):
            client.envelope()
            reply = client.text(header + b"\r\nhello\r\n")
            assert (reply.code, reply.text) == (554, "5.6.0 the header is too large")
        plain.arrives(queue_id(client.message(long * 2000 + b"\r\nhello\r\n")))


@pytest.mark.parametrize("octets", [MBOX, BEHIND, TEXT], ids=["mbox", "fields behind", "text at once"])
def test_odd_ones_are_passed_on_as_they_came_and_told(plain, octets):
    with plain.client() as client:
        id = queue_id(client.message(octets))
    assert plain.arrives(id).data.endswith(octets)
    line, = plain.gateway.wait_log("header-odd", id=id)
    assert line["behind"] == ("text" if octets is TEXT else "fields")


def test_edits_leave_them_as_they_are(pair):
    """A blank line put where there was none would make the whole header a body."""
    gateway, sink = pair(before=lambda gateway: gateway.probe(options={"rcpt.verdict": "accept", "add_header": "X-Probe: 1"}))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for octets, expected in ((MBOX, b"X-Probe: 1\r\n" + MBOX), (TEXT, b"X-Probe: 1\r\n" + TEXT)):
            id = queue_id(client.message(octets))
            sink.wait(lambda: sink.texts and sink.texts[-1].data.endswith(expected), 10, "the edited message")


def test_a_client_that_is_bound_may_hide_no_fields(pair):
    def bind(gateway):
        del gateway.fragments["40-probe"]
        gateway.module("10-access", "access", {"clients": [{"name": "crm", "networks": ["127.0.0.1"], "domains": ["example.com"]}]})
    gateway, _ = pair(before=bind)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for octets in (MBOX, BEHIND):
            client.envelope()
            reply = client.text(octets)
            assert (reply.code, reply.text) == (554, "5.6.0 a line in the header is no field, and fields stand behind it")
        queue_id(client.message(TEXT))
