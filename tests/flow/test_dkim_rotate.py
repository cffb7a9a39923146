"""New keys take over by command: made, published, seen at the domain's own name servers, and only then signing; whatever is killed between."""
import os
import re

import pytest

from lib.client import Client
from lib.names import KNOTD, Names
from lib.waiting import wait_for
from test_dkim import Keys, openssl, row, verdicts, with_dkim

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(not KNOTD or os.geteuid() != 0, reason="needs knotd, and port 53 of an address of this machine")]

MAIL = b"From: Ann <ann@example.com>\r\nTo: b@example.net\r\nSubject: one\r\n\r\nhello\r\n"
ADDRESS = "127.77.%d.%d" % (os.getpid() // 250 % 250 + 1, os.getpid() % 250 + 1)


class Two(Keys):
    """Of both kinds, and no more: keys take their time."""

    def __init__(self, folder):
        self.folder, self.records = str(folder), {}
        for name, words in (("rsa", ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed", ["ed25519"])):
            openssl("genpkey", "-algorithm", *words, "-out", self.path(name))


class Domain:
    """The zone example.com: what is published there."""

    def __init__(self):
        self.records = []
        self.server = Names({"example.com": "@ A 192.0.2.1"}, address=ADDRESS)

    def publish(self, rows):
        self.records += ["%s. %s %s" % (line["name"], line["type"], line["value"]) for line in rows]
        self.server.change("example.com", "\n".join(["@ A 192.0.2.1", *self.records]))


@pytest.fixture
def domain():
    domain = Domain()
    yield domain
    domain.server.stop()


def asked(gateway, *words):
    """The answer, when it is there: a program that uses --json asks with what stands in "again"."""
    def last():
        nonlocal words
        answer = gateway.run_ctl("--json", *words)
        if answer.code == 0 and "again" in answer.json:
            words = answer.json["again"]
            return None
        return answer
    return wait_for(last, 30, "the last word of %r" % (words,))


def stages(gateway):
    return {line["key"].partition(".")[0]: line["stage"] for line in gateway.ctl("dkim", "check")}


def signed_by(gateway, sink, keys):
    """The selectors that sign a mail now, all of which verify."""
    count = len(sink.messages)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    for line in gateway.ctl("dkim", "dns"):
        keys.records[line["name"] + "."] = "".join(re.findall('"([^"]*)"', line["value"]))
    found = verdicts(sink.wait_messages(count + 1)[-1].data, keys)
    assert found and all(found.values())
    return sorted(name.partition(".")[0] for name in found)


def kill_and_start(gateway):
    gateway.kill()
    gateway.start()


def test_new_keys_take_over_when_every_server_serves_them(pair, tmp_path, domain):
    keys = Two(tmp_path)

    def before(gateway):
        with_dkim(keys, [row(keys, "example.com", "s1", "rsa"), row(keys, "example.com", "ed1", "ed")])(gateway)
        gateway.set(dns__forward=[domain.server.server], dns__local=True)
    gateway, sink = pair(before=before)
    domain.publish(gateway.ctl("dkim", "dns"))
    assert {line["servers"] for line in asked(gateway, "dkim", "check", "now").json} == {"1 of 1"}
    assert signed_by(gateway, sink, keys) == ["ed1", "s1"]

    made = gateway.ctl("dkim", "rotate", "example.com")
    new = sorted(line["name"].partition(".")[0] for line in made)
    assert len(new) == 2 and not {"s1", "ed1"} & set(new)
    files = [os.path.join(gateway.state, "dkim", "example.com-%s.pem" % name) for name in new]
    assert all(os.stat(file).st_mode & 0o777 == 0o600 for file in files)
    wait_for(lambda: len(stages(gateway)) == 4, 10, "the reload that takes the keys")
    kill_and_start(gateway)
    assert {stages(gateway)[name] for name in new} == {"prepublished"} and signed_by(gateway, sink, keys) == ["ed1", "s1"]

    domain.publish(made[:1])  # one is not enough
    answer = asked(gateway, "dkim", "rotate", "example.com")
    assert answer.code and made[1]["name"] + " is not in the DNS at ns.example.com (%s)" % ADDRESS in answer.out + answer.err
    assert signed_by(gateway, sink, keys) == ["ed1", "s1"]
    kill_and_start(gateway)

    domain.publish(made[1:])
    assert asked(gateway, "dkim", "rotate", "example.com").code == 0
    assert signed_by(gateway, sink, keys) == new
    assert stages(gateway) == {"s1": "retiring", "ed1": "retiring", new[0]: "active", new[1]: "active"}
    kill_and_start(gateway)
    assert signed_by(gateway, sink, keys) == new and stages(gateway)["s1"] == "retiring"

    gateway.fragments["80-dkim"]["dkim"]["keys"] = []  # as when they are retired
    gateway.write()
    gateway.text("reload")
    assert signed_by(gateway, sink, keys) == new and sorted(stages(gateway)) == new

    next_ones = gateway.ctl("dkim", "rotate", "example.com")
    wait_for(lambda: len(stages(gateway)) == 4, 10, "the next keys")
    gateway.ctl("dkim", "rotate", "example.com", "cancel")
    wait_for(lambda: len(stages(gateway)) == 2, 10, "them to be gone")
    assert signed_by(gateway, sink, keys) == new
    assert not os.path.exists(os.path.join(gateway.state, "dkim", "example.com-%s.pem" % next_ones[0]["name"].partition(".")[0]))
    assert gateway.run_ctl("dkim", "rotate", "nobody.example").code
