"""What a client hands in arrives octet for octet, or is refused while the client can still do something about it; and next hops that know less get
what they can take."""
import email
import random
import re
import subprocess

import dkim
import pytest

from lib.client import Client, queue_id
from lib.crowd import without_received
from lib.sink import OK, Act
from lib.waiting import wait_for

HEAD = b"From: a@example.com\r\nSubject: fidelity\r\n\r\n"


def line_of(length):
    return b"x" * (length - 2) + b"\r\n"


EXACT = {
    "dots": HEAD + b".\r\n..\r\n...\r\n.x\r\n..x\r\n \r\n.\r\nx.\r\n",
    "dot first": b".\r\n" + HEAD + b"x\r\n",
    "ends in a dot line": HEAD + b"text\r\n.\r\n",
    "8-bit": HEAD + bytes(range(128, 256)) + b"\r\n",
    "all octets but CR, LF, NUL": HEAD + bytes(byte for byte in range(1, 256) if byte not in b"\r\n") + b"\r\n",
    "tabs and trailing blanks": HEAD + b"\t x \t \r\n   \r\n\t\r\n",
    "line of 998": HEAD + line_of(1000),
    "line of 5000": HEAD + line_of(5000),
    "line of 100000": HEAD + line_of(100000),
    "empty lines": HEAD + b"\r\n" * 50,
    "folded fields": b"From: a@example.com\r\nSubject: one\r\n two\r\n\tthree\r\n \t \r\nX: y\r\n\r\nbody\r\n",
    "odd fields": b"From : a@example.com\r\nX-Empty:\r\nX-Blank: \r\nx-UPPER: 1\r\nX-Dup: 1\r\nX-Dup: 2\r\n\r\nbody\r\n",
    "MIME": HEAD[:-2] + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\npre\r\n--=_b\r\n\r\n1\r\n--=_b\r\n"
            b"Content-Type: text/html; charset=\"x\r\n y\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--=_b--\r\nafter\r\n",
    "broken MIME": HEAD[:-2] + b"Content-Type: multipart/mixed; boundary\r\nContent-Type: text/plain\r\n\r\n----\r\n--\r\n",
    "no body": b"From: a@example.com\r\nSubject: no body\r\n\r\n",
    "no blank line": b"From: a@example.com\r\nSubject: no blank line\r\n",
    "no header": b"\r\nonly a body\r\n",
    "no field at all": b"this is no field\r\nnor is this\r\n\r\nbody\r\n",
    "one line": b"x\r\n",
    "blank line only": b"\r\n",
    "nothing": b"",
    "field without a name": b": x\r\n : y\r\nFrom: a@example.com\r\n\r\nbody\r\n",
    "mbox From": b"From a@example.com Mon Nov 23 12:00:00 2026\r\nFrom: a@example.com\r\n\r\nFrom here\r\n>From there\r\n",
    "UTF-8 header": "From: ä@example.com\r\nSubject: grüße €\r\n\r\nkörper\r\n".encode(),
    "long field": b"From: a@example.com\r\nX-Long: " + b"y" * 20000 + b"\r\n\r\nbody\r\n",
}


def hand_in(plain, text, params="", codes=(250,)):
    with plain.client() as client:
        reply = client.message(text, "a@example.com", "b@example.net", params=params)
        assert client.say("NOOP").code == 250
    assert reply.code in codes, reply
    return plain.arrives(queue_id(reply)) if reply.code == 250 else None


@pytest.mark.parametrize("name", list(EXACT))
@pytest.mark.parametrize("params", ["", " BODY=8BITMIME"])
def test_33_odd_text_arrives_octet_for_octet_or_is_refused(plain, name, params):
    message = hand_in(plain, EXACT[name], params, (250, 500, 550, 552, 554))
    if message:
        assert without_received(message.data) == EXACT[name]


def test_33_random_texts_arrive_octet_for_octet(plain):
    chance = random.Random(33)
    for size in (1, 100, 4096, 131071, 131072, 131073, 262144, 400000):
        alphabet = b".\r\n\r\n ab\xe4\t"
        text = HEAD + bytes(chance.choice(alphabet.replace(b"\r", b"").replace(b"\n", b"")) for _ in range(min(size, 5000)))
        text = (text + b"\r\n" + (chance.randbytes(60).translate(bytes(b if b not in b"\r\n\0" else 46 for b in range(256))) + b"\r\n") * (size // 62))
        assert without_received(hand_in(plain, text).data) == text


def test_34_ten_thousand_fields(plain):
    before = plain.gateway.rss()
    text = b"From: a@example.com\r\n" + b"".join(b"X-Field-%d: %d\r\n" % (i, i) for i in range(10000)) + b"\r\nbody\r\n"
    message = hand_in(plain, text, codes=(250, 552, 554))
    assert not message or without_received(message.data) == text
    assert plain.gateway.grew(before) < 24 * 1024


def test_34_header_of_two_megabytes(plain):
    before = plain.gateway.rss()
    text = b"From: a@example.com\r\nX-Big: " + (b"z" * 900 + b"\r\n ") * 2300 + b"end\r\n\r\nbody\r\n"
    message = hand_in(plain, text, codes=(250, 552, 554))
    assert not message or without_received(message.data) == text
    assert plain.gateway.grew(before) < 24 * 1024


def test_34_five_hundred_levels_of_mime(plain):
    text = b"From: a@example.com\r\n"
    for level in range(500):
        text += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    text += b"\r\nx\r\n" + b"".join(b"--b%d--\r\n" % level for level in reversed(range(500)))
    message = hand_in(plain, text, codes=(250, 552, 554))
    assert not message or without_received(message.data) == text


@pytest.mark.parametrize("canonical", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"simple", b"relaxed")])
def test_36_signature_of_the_client_stays_right(plain, tmp_path, canonical):
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(key), "1024"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    text = b"From: a@example.com\r\nTo: b@example.net\r\nSubject:  two  blanks\t \r\n folded \r\nX-Other: 1\r\n\r\nbody  \r\n\r\n.dot\r\n \r\n\r\n\r\n"
    signature = dkim.sign(text, b"s1", b"example.com", key.read_bytes(), canonicalize=canonical)
    arrived = hand_in(plain, signature + text).data
    import base64
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    assert dkim.verify(arrived, dnsfunc=lambda name, timeout=5: record)
    assert not dkim.verify(arrived.replace(b"body", b"bodi"), dnsfunc=lambda name, timeout=5: record)


def test_36_signed_mime_part_stays_as_it_was(plain, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a@example.com", "-keyout", str(tmp_path / "key"), "-out",
                    str(tmp_path / "cert")], check=True, capture_output=True)
    (tmp_path / "text").write_bytes(b"Content-Type: text/plain\r\n\r\nsigned  \r\nline \r\n")
    subprocess.run(["openssl", "smime", "-sign", "-in", str(tmp_path / "text"), "-signer", str(tmp_path / "cert"), "-inkey", str(tmp_path / "key"), "-out",
                    str(tmp_path / "mail"), "-from", "a@example.com", "-subject", "x"], check=True, capture_output=True)
    text = re.sub(rb"\r?\n", b"\r\n", (tmp_path / "mail").read_bytes())
    (tmp_path / "arrived").write_bytes(without_received(hand_in(plain, text).data))
    done = subprocess.run(["openssl", "smime", "-verify", "-in", str(tmp_path / "arrived"), "-CAfile", str(tmp_path / "cert"), "-purpose", "any"],
                          capture_output=True)
    assert done.returncode == 0, done.stderr


def test_37_message_with_110_received_fields_is_a_loop(plain):
    text = b"Received: from a by b; Mon, 23 Nov 2026 12:00:00 +0000\r\n" * 110 + HEAD + b"x\r\n"
    before = plain.gateway.counter("loops")
    with plain.client() as client:
        reply = client.message(text)
    assert reply.code == 554 and reply.text.startswith("5.4.6")
    assert plain.gateway.counter("loops") == before + 1


def test_37_relay_that_leads_back_to_the_gateway_ends(new_gateway):
    """The message goes round until it has too many Received fields; then its sender would be told, who is nobody here."""
    from conftest import open_relay
    gateway = new_gateway()
    open_relay(gateway, "back").relay("back", host="127.0.0.1", port=gateway.clear_port).set(limits__hops=12).start()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + b"round\r\n", "")
    wait_for(lambda: gateway.counter("loops") == 1, 15)
    gateway.wait_queue_empty()
    assert gateway.counter("messages") <= 13


# --- next hops that know less ---

def test_38_eight_bit_text_to_a_next_hop_without_8bitmime(pair):
    """Encoded so that it means the same, or given back; never sent raw."""
    gateway, sink = pair(extensions=["PIPELINING", "SIZE 1000000"])
    text = "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngrüße\r\n".encode()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(text, "a@example.com", "b@example.net", params=" BODY=8BITMIME")
    message, = sink.wait_messages(1)
    assert all(byte < 128 for byte in message.data)
    if message.sender:
        assert email.message_from_bytes(message.data).get_payload(decode=True).decode() == "grüße\r\n"
    else:
        assert b"5.6.3" in message.data


def test_38_seven_bit_text_needs_no_8bitmime(pair):
    gateway, sink = pair(extensions=[])
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + b"plain\r\n", "a@example.com", "b@example.net", params=" BODY=8BITMIME")
    message, = sink.wait_messages(1)
    assert message.data.endswith(HEAD + b"plain\r\n") and "8BITMIME" not in message.params


@pytest.mark.parametrize("capable", [True, False])
def test_39_smtputf8(pair, capable):
    gateway, sink = pair(extensions=["PIPELINING", "8BITMIME"] + (["SMTPUTF8"] if capable else []))
    with Client(gateway.clear_port, ehlo="me") as client:
        if not any(line.upper() == "SMTPUTF8" for line in client.features):
            pytest.skip("the gateway does not offer SMTPUTF8")
        client.send("MAIL FROM:<a@example.com> SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<grüße@example.net>\r\n".encode())
        assert [reply.code for reply in client.replies(2)] == [250, 250]
        assert client.text("From: a@example.com\r\nSubject: grüße\r\n\r\nx\r\n".encode()).code == 250
    message, = sink.wait_messages(1)
    if capable:
        assert message.rcpts[0].encode("latin-1").decode() == "grüße@example.net" and "SMTPUTF8" in message.params
    else:
        assert message.sender == "" and b"5.6.7" in message.data
        assert not [line for line in sink.commands("RCPT") if "gr" in line and "a@example.com" not in line]


def test_39_utf8_address_without_smtputf8_is_refused(plain):
    with plain.client() as client:
        client.say("MAIL FROM:<a@example.com>", 250)
        client.send("RCPT TO:<grüße@example.net>\r\n".encode())
        assert client.reply().code // 100 == 5


class LockStep:
    """Watches that nothing is there yet behind a command when it is answered."""

    def __init__(self):
        self.early = []

    def __call__(self, session, line):
        session.sock.settimeout(0.02)
        try:
            session.more()
        except Exception:
            pass
        session.sock.settimeout(None)
        if session.buffer:
            self.early.append((line, session.buffer))
        return OK


@pytest.mark.parametrize("pipelining", [False, True])
def test_40_without_pipelining_in_lock_step(pair, pipelining):
    watch = LockStep()
    gateway, sink = pair(extensions=["PIPELINING"] if pipelining else [], script={"mail": watch, "rcpt": watch, "data": watch})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + b"x\r\n", "a@example.com", "one@example.net", "two@example.net", "three@example.net")
    sink.wait_messages(1)
    assert bool(watch.early) == pipelining


def test_41_next_hop_that_knows_only_helo(pair):
    gateway, sink = pair(script={"ehlo": "502 5.5.1 what?"})
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + b"old\r\n", "a@example.com", "b@example.net")
    message, = sink.wait_messages(1)
    assert message.data.endswith(b"old\r\n") and message.params == "" and sink.commands("HELO")


def test_size_of_the_next_hop_is_looked_at_before_the_text(pair):
    gateway, sink = pair(extensions=["SIZE 2000"])
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + line_of(70) * 100, "a@example.com", "b@example.net")
    report, = sink.wait_messages(1)
    assert report.sender == "" and b"5.3.4" in report.data
    assert len(sink.texts) == 1


def test_size_that_is_told_is_the_size_that_comes(pair):
    gateway, sink = pair()
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(HEAD + b".dot\r\n" * 100, "a@example.com", "b@example.net")
    message, = sink.wait_messages(1)
    assert "SIZE=%d" % len(message.data) in message.params


def test_next_hop_that_takes_the_text_slowly(pair):
    """Octet by octet reads with a tiny window: the text is whole."""
    def slow(session, line):
        import socket
        session.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        return Act(OK, delay=0.2)
    gateway, sink = pair(script={"data": slow})
    text = HEAD + b"".join(b"%d\r\n" % i for i in range(6000))
    with Client(gateway.clear_port, ehlo="me") as client:
        client.message(text, "a@example.com", "b@example.net")
    assert without_received(sink.wait_messages(1, 20)[0].data) == text
