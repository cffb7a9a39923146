"""What one session may hold and how long it lasts: answers that nobody reads, names, the pace of a message, places that are scarce; and what a client
may be called."""
import base64
import time

import pytest

from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"Subject: session\r\n\r\nhello\r\n"


def test_a_refused_ehlo_leaves_the_session_as_it_was(pair):
    """The transaction goes on under the first one."""
    gateway, sink = pair()
    with Client(gateway.clear_port, ehlo="first.example.com") as client:
        client.envelope()
        client.say("EHLO (bad)", 501)
        queue_id(client.text(MAIL))
    message, = sink.wait_messages(1)
    assert b"Received: from first.example.com " in message.data


def test_a_login_may_come_with_the_command(pair):
    gateway, _ = pair(before=lambda gateway: gateway.probe(options={"auth.verdict": "accept", "rcpt.verdict": "accept"}))
    token = base64.b64encode(b"\0me\0" + b"x" * 9000)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert len(token) < 12288 and client.say("AUTH PLAIN " + token.decode()).code == 235
        client.send(b"NOOP " + b"x" * 5000 + b"\r\n")
        assert client.reply().code == 500


def test_answers_that_nobody_reads_are_not_piled_up(plain):
    with plain.client() as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        before = plain.gateway.rss()
        count = 0
        client.sock.settimeout(0.5)
        try:
            while count < 400000:
                client.sock.sendall(b"RCPT TO:<b@example.net>\r\n" * 1000)
                count += 1000
        except OSError:
            pass
        assert plain.gateway.rss() - before < 2 * 1024 * 1024 and count < 400000
    with plain.client() as client:
        queue_id(client.message(MAIL))


@pytest.mark.parametrize("verb,word", [("EHLO", "ESMTP"), ("HELO", "SMTP")])
def test_the_trace_names_the_protocol(plain, verb, word):
    with plain.client(ehlo=None) as client:
        client.say(verb + " client.example.com", 250)
        message = plain.arrives(queue_id(client.message(MAIL)))
        assert (" with %s id" % word).encode() in message.data
        if verb == "EHLO":
            message = plain.arrives(queue_id(client.message(MAIL, params=" SMTPUTF8")))
            assert b" with UTF8SMTP id" in message.data


def test_a_name_beyond_ascii_is_taken(plain):
    with plain.client(ehlo=None) as client:
        client.send("EHLO B\u00dcRO-PC\r\n".encode())
        assert client.reply().code == 250
        message = plain.arrives(queue_id(client.message(MAIL)))
    assert b"Received: from B??RO-PC (" in message.data and plain.gateway.wait_log("odd-name")


@pytest.mark.parametrize("local", ["a" * 120, "abc.", "a..b", ".a", '"a@b"'])
def test_local_parts_are_passed_on_as_they_came(plain, local):
    address = local + "@example.net"
    with plain.client() as client:
        message = plain.arrives(queue_id(client.message(MAIL, address, address)))
    assert (message.sender, message.rcpts) == (address, [address])


def test_a_blank_before_the_path_is_tolerated(plain):
    with plain.client() as client:
        client.say("MAIL FROM: <a@example.com>", 250)
        client.say("RCPT TO: <b@example.net>", 250)
        queue_id(client.text(MAIL))


def drip(client, again):
    """Sends as slowly as it is asked, until the link ends; at most a few seconds."""
    for _ in range(100):
        try:
            client.send(again)
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("begin", [b"DATA\r\n", b"BDAT 1000000\r\n"])
def test_a_message_that_trickles_is_given_up(pair, begin):
    gateway, _ = pair(settings={"timeouts.data": "500ms", "limits.data_rate": 1000})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.envelope()
        client.send(begin)
        if begin.startswith(b"DATA"):
            assert client.reply().code == 354
        drip(client, b"x")
        assert b"421 4.4.2" in client.rest()


def test_idle_sessions_make_room(pair):
    gateway, _ = pair(settings={"limits.sessions": 8, "timeouts.scarce": "20ms"})
    idle = [Client(gateway.clear_port, ehlo="client.example.com") for _ in range(8)]

    def let_in():
        with Client(gateway.clear_port, greet=False) as client:
            return client.reply().code == 220
    try:
        wait_for(let_in, 10, "room for a session")
    finally:
        for client in idle:
            client.close()


def test_an_old_session_ends_with_its_message(pair):
    gateway, sink = pair(settings={"timeouts.session": "10ms"})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        time.sleep(0.05)
        queue_id(client.message(MAIL))
        assert client.reply().code == 421
    sink.wait_messages(1)
