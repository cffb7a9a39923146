"""The form of mail is looked at while its client listens: refused with the line, mended on the way, and explained without any mail."""
import email
import email.utils

from lib.client import Client, queue_id

GOOD = b"From: a@example.com\r\nSubject: one\r\nSubject: two\r\n\r\nhello\r\n"
BARE = b"From: a@example.com\r\nSubject: one\r\n\r\nhello\r\n"


def with_policy(gateway):
    gateway.module("27-policy", "policy", {"types": ["individual"]})


def test_the_client_hears_the_line_that_is_wrong_and_what_lacks_is_added(pair, tmp_path):
    gateway, sink = pair(before=with_policy)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        reply = client.message(GOOD, "a@example.com", "b@example.net")
        assert reply.code == 550 and "5.6.0" in reply.text and "line 3: the field Subject stands a second time" in reply.text
        id = queue_id(client.message(BARE, "a@example.com", "b@example.net"))
    message, = sink.wait_messages(1)
    read = email.message_from_bytes(message.data)
    assert read["Message-ID"] == "<%s@%s>" % (id, gateway.fragments["00-gateway"]["gateway"]["hostname"])
    assert email.utils.parsedate_to_datetime(read["Date"]).utcoffset().total_seconds() == 0
    assert message.data.endswith(b"\r\n\r\nhello\r\n")

    mail = tmp_path / "mail.eml"
    mail.write_bytes(GOOD)
    said = gateway.text("explain", "--from", "a@example.com", "--to", "b@example.net", "--eml", str(mail))
    assert "line 3: the field Subject stands a second time, the first is in line 2 (twice)" in said
