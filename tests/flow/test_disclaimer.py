"""Notices in mail that leaves: once in each form of the text, for those it is for, and signed as it leaves."""
import base64
import email
import subprocess

import dkim
import pytest

from conftest import open_relay
from lib.client import Client, queue_id

WORDS = "Diese Mail ist vertraulich und nur für ihre Empfänger."
OFFER = "Besuchen Sie uns auf der Messe in Köln, Halle 7!"
PLAIN = (b"From: Ann <ann@example.com>\r\nTo: all@example.net\r\nSubject: one\r\nMessage-ID: <1@example.com>\r\n"
         b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n"
         b"Content-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
         b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n--b2\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hello</p></body></html>\r\n--b2--\r\n"
         b"--b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n")


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(path)], check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE).stdout
    return str(path), b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


@pytest.fixture
def noticed(new_gateway, new_sink, key):
    gateway = open_relay(new_gateway(), "out")
    gateway.sink = new_sink()
    gateway.relay("out", gateway.sink)
    gateway.module("42-disclaimer", "disclaimer", {
        "notices": [{"name": "legal", "text": WORDS}, {"name": "offer", "text": OFFER, "place": "top"}],
        "rules": [{"notice": "none", "to": ["friend.example"]}, {"notice": "offer", "to": ["customer.example"]}, {"notice": "legal", "from": ["example.com"]}]})
    gateway.module("80-dkim", "dkim", {"keys": [{"domain": "example.com", "selector": "s1", "key": key[0]}]})
    return gateway.start()


def texts(message):
    """The parts of a mail that people read, as text."""
    return [part.get_payload(decode=True).decode(part.get_content_charset("ascii")) for part in message.walk()
            if part.get_content_maintype() == "text" and not part.get_filename()]


def files(message):
    return [part.get_payload(decode=True) for part in message.walk() if part.get_filename()]


def entities(text):
    return text.encode("ascii", "xmlcharrefreplace").decode()


def why(gateway, id):
    return [str(row) for row in gateway.explain(id) if row["event"] == "reason" and row["details"]["by"] == "42-disclaimer"]


def test_each_recipient_has_its_notice(noticed, key):
    """One mail to five people with three notices: three deliveries, each signed as it leaves; the one without is as it came. The file is large."""
    octets = bytes(range(256)) * 4000
    mail = PLAIN + base64.encodebytes(octets).replace(b"\n", b"\r\n") + b"--b1--\r\n"
    people = ["a@friend.example", "b@customer.example", "c@other.example", "d@friend.example", "e@customer.example"]
    with Client(noticed.clear_port, ehlo="me") as client:
        id = queue_id(client.message(mail, "ann@example.com", *people))
    noticed.sink.wait_messages(3)
    noticed.wait_queue_empty()
    sent = {message.rcpts[0][0]: message for message in noticed.sink.messages}
    assert sorted(message.rcpts for message in noticed.sink.messages) == [["a@friend.example", "d@friend.example"],
                                                                         ["b@customer.example", "e@customer.example"], ["c@other.example"]]
    for who, notice, other in (("b", OFFER, WORDS), ("c", WORDS, OFFER), ("a", None, None)):
        message = email.message_from_bytes(sent[who].data)
        assert files(message) == [octets]
        assert dkim.verify(sent[who].data, dnsfunc=lambda name, timeout=5: key[1] if name == b"s1._domainkey.example.com." else b"")
        plain, html = texts(message)
        if notice:
            assert plain.count(notice) == 1 and html.count(entities(notice)) == 1 and other not in plain and entities(other) not in html
            assert plain.startswith(OFFER) == (notice == OFFER) and "Grüße" in plain and "<p>Hello</p>" in html
        else:
            assert sent[who].data.endswith(mail) and (plain, html) == ("Grüße", "<html><body><p>Hello</p></body></html>")
    reasons = " ".join(why(noticed, id))
    for words in ("no notice, by rule 1", "notice offer (rule 2) added at the top of text/plain, text/html", "notice legal (rule 3) added at the bottom of"):
        assert words in reasons, reasons
    assert noticed.status()["metrics"]["disclaimer.added"] == 2


def test_a_notice_without_a_key_is_refused_at_the_start(noticed):
    """example.net has no key: as the rule names it, and as the relay does; where nobody minds it is taken."""
    options = noticed.fragments["42-disclaimer"]["disclaimer"]
    words = "no DKIM key signs for example.net, whose mail 42-disclaimer changes"
    options["rules"][2]["from"] = ["example.com", "example.net"]
    done = noticed.check()
    assert done.code == 78 and words in done.out + done.err
    del options["rules"][2]["from"]
    noticed.relay("out", noticed.sink, domains=["example.com", "example.net"])
    done = noticed.check()
    assert done.code == 78 and words in done.out + done.err
    options["unsigned"] = "pass"
    assert noticed.check().code == 0


def test_preview_shows_rule_parts_and_result(noticed, tmp_path):
    """Of a file with octets over 127, for the recipient that is named: nothing is sent."""
    path = tmp_path / "a.eml"
    path.write_bytes(b"From: Ann <ann@example.com>\nTo: x@other.example\nContent-Type: text/plain; charset=utf-8\n\nGr\xc3\xbc\xc3\x9fe\n")
    for more, sentence, place in (([], "rule 3: notice legal at the bottom of text/plain", "Grüße\r\n\r\n" + WORDS),
                                  (["--to", "b@customer.example"], "rule 2: notice offer at the top of text/plain", OFFER + "\r\n\r\nGrüße"),
                                  (["--to", "b@friend.example"], "rule 1: no notice", "Grüße")):
        shown = noticed.ctl("disclaimer", "preview", "--eml", str(path), *more)
        assert shown["why"] == sentence and place in shown["mail"].split("\r\n\r\n", 1)[1], shown
        assert noticed.run_ctl("disclaimer", "preview", "--eml", str(path), *more).out.startswith(sentence + "\n\nFrom: Ann")
    assert noticed.run_ctl("disclaimer", "preview", "--to").code == 65
    nothing = tmp_path / "empty.eml"
    nothing.write_bytes(b"")
    empty = noticed.run_ctl("disclaimer", "preview", "--eml", str(nothing))
    assert empty.code == 65 and "there is no mail" in empty.err
    assert not noticed.sink.messages
