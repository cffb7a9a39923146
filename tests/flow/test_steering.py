"""Words of others do not steer the terminal of who asks: senders, recipients, names in EHLO, replies of next hops."""
import re

import pytest

from lib.client import Client, queue_id
from lib.sink import Sink
from lib.terminal import on_terminal

STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
STEERING = ["\x1b]0;title\x07\x1b[2J", "\x9b31m\x85", "\u202egnp\u2066exe\u061c", "zero\u200bwidth\u2028line\ufeff"]
IDS = ["c0", "c1", "bidi", "unseen"]
MAIL = b"From: a@example.com\r\nSubject: steering\r\n\r\nhello\r\n"


def octets(text):
    """As the client and the sink write what they say."""
    return text.encode().decode("latin-1")


@pytest.fixture(params=STEERING, ids=IDS)
def told(pair, request):
    """A gateway whose next hop puts mail off with steering words, and what steers."""
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, extensions=[*Sink.EXTENSIONS, "SMTPUTF8"], script={"rcpt": lambda session, line: octets("451 4.7.1 later " + request.param)})
    return gateway, request.param


def ids_of(gateway, steering):
    """Messages that it took from steering clients: at least the plain one from a steering name."""
    found = []
    for sender, rcpt in (("a@example.com", "b@example.net"), ("s%s@example.com" % steering, "b@example.net"),
                         ('"s%s"@example.com' % steering, "b@example.net"), ("a@example.com", "r%s@example.net" % steering),
                         ("a@s%s.example.com" % steering, "b@example.net")):
        with Client(gateway.clear_port) as client:
            name = "client%s.example.com" % steering
            if client.say(octets("EHLO " + name)).code != 250:
                client.say("EHLO client.example.com", 250)
            if client.say(octets("MAIL FROM:<%s> SMTPUTF8" % sender)).code != 250:
                continue
            if client.say(octets("RCPT TO:<%s>" % rcpt)).code != 250:
                continue
            client.say("DATA", 354)
            found.append(queue_id(client.say(MAIL.decode() + ".", 250)))
    return found


def test_what_others_say_does_not_steer_the_terminal(told):
    gateway, steering = told
    ids = ids_of(gateway, steering)
    assert ids
    for id in ids:
        gateway.wait_log("later", id=id)
    words = [("queue", "list"), ("queue", "summary"), ("queue", "summary", "--by", "domain"), ("relay", "list"), ("relay", "show", "out"), ("status",),
             ("explain", "--from", "s%s@example.com" % steering, "--to", "r%s@example.net" % steering)]
    words += [(*verb, id) for id in ids for verb in (("queue", "show"), ("message", "explain"))]
    for verb in words:
        code, shown = on_terminal(gateway, None, *verb)
        assert not STEERS.search(shown), (verb, shown)
        code, shown = on_terminal(gateway, None, *verb, "--json")
        assert not STEERS.search(shown), (verb, shown)
        result = gateway.run_ctl(*verb)
        assert not STEERS.search(result.out + result.err), (verb, result.out, result.err)
    assert "later " in gateway.text("queue", "list")
    raw = gateway.run_ctl("--json", "queue", "list").out
    assert steering < "\xa0" or steering[:5] in raw, "what steers was not there at all"
