"""What brings no message closer is counted, whatever it is, and ends the session where the count is full; the log is not a client's to fill."""
import pytest

from lib.client import Client, queue_id

MAIL = b"Subject: useless\r\n\r\nhello\r\n"


def ended(client, lines):
    """What came until the end, after these lines a thousand times."""
    client.send(lines * 1000)
    return client.rest()


USELESS = {
    "rset": (b"", b"RSET\r\n"),
    "noop": (b"", b"NOOP\r\n"),
    "ehlo": (b"", b"EHLO a.example\r\nEHLO bb.example\r\n"),
    "empty chunks": (b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n", b"BDAT 0\r\n"),
    "mail with a bad parameter": (b"", b"MAIL FROM:<a@example.com> X=1\r\n"),
    "too big": (b"", b"MAIL FROM:<a@example.com> SIZE=99999999999\r\n"),
    "no address": (b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b>\r\n"),
    "transactions of nothing": (b"", b"MAIL FROM:<a@example.com>\r\nRSET\r\n"),
    "auth": (b"", b"AUTH NOTHING\r\n"),
    "chunks of nothing": (b"", b"BDAT 1\r\nx"),
}


@pytest.mark.parametrize("name", sorted(USELESS))
def test_every_kind_ends_the_session(plain, name):
    first, again = USELESS[name]
    with plain.client() as client:
        client.send(first)
        said = ended(client, again)
    assert b"421 4.7.0 too many useless commands" in said and said.count(b"\r\n") < 300


@pytest.mark.parametrize("hook,once,again,event", [
    ("rcpt", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b@example.net>\r\n", "rcpt-refused"),
    ("mail", b"", b"MAIL FROM:<a@example.com>\r\n", "refused"),
])
def test_what_modules_refuse_ends_it_in_few_lines(pair, hook, once, again, event):
    gateway, _ = pair(before=lambda gateway: gateway.probe(options={hook + ".verdict": "reject"}))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.send(once)
        assert b"421 4.7.0" in ended(client, again)
    line, = gateway.wait_log("refused-more")
    assert line["count"] == "20" and len(gateway.log(event)) == 1


def test_a_message_that_is_taken_begins_the_count_anew(plain):
    with plain.client() as client:
        for _ in range(5):
            for _ in range(12):
                client.say("NOOP", 250)
            queue_id(client.message(MAIL))


def test_bad_recipients_among_good_ones_end_nothing(pair):
    gateway, _ = pair()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        for nth in range(40):
            client.say("RCPT TO:<b%d@example.net>" % nth, 250)
            client.say("RCPT TO:<b%d>" % nth, 501)
        queue_id(client.text(MAIL))


def test_after_a_refused_chunk_nothing_is_a_message(plain):
    """The rest of a message whose beginning was not kept would go out as a whole one."""
    with plain.client() as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.send(b"BDAT 10\r\nSubject: o")
        assert client.reply().code == 554
        client.say("RCPT TO:<b@example.net>", 503)
        client.send(b"BDAT 4\r\nne\r\n")
        assert client.reply().code == 503
        client.say("DATA", 503)
        client.send(b"BDAT 8 LAST\r\n\r\nhello\r")
        assert client.reply().code == 503
        message = plain.arrives(queue_id(client.message(MAIL)))
    assert b"Subject: useless\r\n\r\nhello" in message.data
