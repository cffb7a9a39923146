"""What leaves signed is verified by whoever gets it: dkimpy, opendkim's library and mailauth agree on mail of every odd shape, that came in and went out by our SMTP."""
import os
import re

import pytest

from conftest import LONG
from lib import verifiers
from lib.client import Client
from lib.odd_mail import big_mail, odd_mail
from test_dkim import BOTH, Keys, with_dkim

pytestmark = pytest.mark.heavy

SEED = os.environ.get("FLOW_SEED", "1")
MANY = 5000 if LONG else 500


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    keys = Keys(tmp_path_factory.mktemp("keys"))
    keys.publish("example.com", "s1", "rsa")
    keys.publish("example.com", "ed1", "ed")
    return keys


def send(client, text, number):
    """By DATA, or in pieces by BDAT, where the last line may have no end."""
    client.say("MAIL FROM:<a@example.com> BODY=8BITMIME", 250)
    client.say("RCPT TO:<%d@example.net>" % number, 250)
    if number % 3:
        assert client.text(re.sub(rb"(?m)^\.", b"..", text)).code == 250
        return
    half = len(text) // 2
    client.send(b"BDAT %d\r\n" % half + text[:half])
    assert client.reply().code == 250
    client.send(b"BDAT %d LAST\r\n" % (len(text) - half) + text[half:])
    assert client.reply().code == 250


def keep(sink, folder):
    for message in sink.messages:
        with open(os.path.join(folder, message.rcpts[0].partition("@")[0] + ".eml"), "wb") as out:
            out.write(message.data)


def is_misread(verifier, text):
    """mailauth takes the octet A0, which UTF-8 text is full of, for a blank within a field; only space and tab are (RFC 6376, 3.4.2)."""
    return verifier == "mailauth" and b"\xa0" in text.split(b"\r\n\r\n", 1)[0]


def test_every_verifier_verifies_every_signature(pair, keys, tmp_path):
    gateway, sink = pair(before=with_dkim(keys, rows_of(keys)))
    texts = [odd_mail(SEED, number) for number in range(MANY)] + [big_mail(SEED)]
    with Client(gateway.clear_port, ehlo="client.example.com", timeout=60) as client:
        for number, text in enumerate(texts):
            send(client, text, number)
    sink.wait_messages(len(texts), 120)
    keep(sink, tmp_path)
    found = verifiers.verify(["dkimpy", "opendkim", "mailauth"], str(tmp_path), keys.records)
    bad = [(verifier, name, verdicts) for verifier, verdicts_of in found.items() for name, verdicts in verdicts_of.items()
           if verdicts != BOTH and not is_misread(verifier, texts[int(name[:-4])])]
    assert not bad, "seed %s, %d of %d: %r" % (SEED, len(bad), 3 * len(texts), bad[:20])
    assert [len(verdicts_of) for verdicts_of in found.values()] == [len(texts)] * 3


def rows_of(keys):
    return [{"domain": "example.com", "selector": "s1", "key": keys.path("rsa")}, {"domain": "example.com", "selector": "ed1", "key": keys.path("ed")}]
