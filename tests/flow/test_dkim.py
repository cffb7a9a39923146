"""What leaves is signed so that dkimpy, which shares no code with the gateway, verifies it; what a client signed itself still verifies."""
import base64
import os
import re
import subprocess

import dkim
import pytest

from conftest import Plain
from lib.client import Client, queue_id

HEAD = b"From: Ann <ann@example.com>\r\nTo: b@example.net\r\nSubject: one\r\nDate: Mon, 23 Nov 2026 17:40:12 +0000\r\n"
MAIL = HEAD + b"Message-ID: <1@example.com>\r\n\r\nhello\r\n"
OVERSIGNED = ["from", "subject", "to", "date"]


class Keys:
    """Keys by name, and what the DNS would say of those that are published."""

    def __init__(self, folder):
        self.folder, self.records = str(folder), {}
        for name, words in (("rsa", ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]), ("other", ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed", ["ed25519"]),
                            ("crm", ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]), ("weak", ["rsa", "-pkeyopt", "rsa_keygen_bits:768"]),
                            ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            openssl("genpkey", "-algorithm", *words, "-out", self.path(name))
        openssl("rsa", "-in", self.path("crm"), "-traditional", "-out", self.path("crm-traditional"))

    def path(self, name):
        return os.path.join(self.folder, name + ".pem")

    def read(self, name):
        with open(self.path(name), "rb") as key:
            return key.read()

    def public(self, name):
        der = openssl("pkey", "-in", self.path(name), "-pubout", "-outform", "DER")
        return base64.b64encode(der[-32:] if name == "ed" else der).decode()

    def publish(self, domain, selector, name):
        self.records["%s._domainkey.%s." % (selector, domain)] = "v=DKIM1; k=%s; p=%s" % ("ed25519" if name == "ed" else "rsa", self.public(name))

    def txt(self, name, timeout=5):
        return self.records.get(name.decode().lower(), "").encode()


def openssl(*words):
    return subprocess.run(["openssl", *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    keys = Keys(tmp_path_factory.mktemp("keys"))
    for domain, selector, name in (("example.com", "s1", "rsa"), ("example.com", "ed1", "ed"), ("example.org", "s1", "other"), ("crm.example", "crm1", "crm")):
        keys.publish(domain, selector, name)
    return keys


def row(keys, domain, selector, name, **more):
    return {"domain": domain, "selector": selector, "key": keys.path(name), **more}


def with_dkim(keys, rows=None, **options):
    """A `before` of pair: the gateway signs."""
    usual = [row(keys, "example.com", "s1", "rsa"), row(keys, "example.com", "ed1", "ed"), row(keys, "example.org", "s1", "other")]
    return lambda gateway: gateway.module("80-dkim", "dkim", {"keys": rows or usual, **options})


@pytest.fixture(scope="module")
def shared_signer(keys, certificates):
    plain = Plain(certificates)
    with_dkim(keys)(plain.gateway)
    plain.gateway.start()
    yield plain
    plain.gateway.stop()
    plain.sink.stop()
    plain.gateway.remove()


@pytest.fixture
def signer(shared_signer, request):
    request.node.gateways = [shared_signer.gateway]
    assert shared_signer.gateway.alive()
    yield shared_signer


def whole(text):
    """As it goes over the wire: the last line ends, and so does the header."""
    text += b"" if text.endswith(b"\r\n") else b"\r\n"
    return text if b"\r\n\r\n" in text else text + b"\r\n"


def through(plain, text, sender="a@example.com"):
    with plain.client() as client:
        client.say("MAIL FROM:<%s> BODY=8BITMIME" % sender, 250)
        client.say("RCPT TO:<b@example.net>", 250)
        return plain.arrives(queue_id(client.text(re.sub(rb"(?m)^\.", b"..", text))))


def signatures(octets):
    """The tags of each signature, top first."""
    head = octets.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    fields = re.findall(rb"(?im)^dkim-signature:((?:[^\r\n]|\r\n[ \t])*)\r\n", head)
    return [dict(re.findall(r"([a-z]+)=([^;]*)", re.sub(r"\s", "", field.decode()))) for field in fields]


def verdicts(octets, keys):
    """{"selector.domain": whether it verifies} of each signature."""
    message = dkim.DKIM(octets, minkey=1024)
    results = {}
    for index, tags in enumerate(signatures(octets)):
        try:
            fine = message.verify(idx=index, dnsfunc=keys.txt)
        except dkim.DKIMException:
            fine = False
        results["%s.%s" % (tags["s"], tags["d"])] = fine
    return results


BOTH = {"s1.example.com": True, "ed1.example.com": True}

# Messages that signers get wrong.
TEXTS = {
    "plain": MAIL,
    "no body": HEAD + b"\r\n",
    "no blank line": HEAD,
    "one blank line as body": HEAD + b"\r\n\r\n",
    "blank lines at the end": HEAD + b"\r\nhello\r\n\r\n\r\n\r\n",
    "blank lines only": HEAD + b"\r\n" + b"\r\n" * 50,
    "blanks at line ends": HEAD + b"\r\nhello  \t \r\n \t\r\nend \r\n",
    "blanks inside": HEAD + b"\r\na  b\t\tc \t d\r\n",
    "dots": HEAD + b"\r\n.\r\n..\r\n.dot\r\nend\r\n.\r\n",
    "eight bits": HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xa4\xff\xfe\x80\r\n",
    "folded fields": b"From:\r\n Ann\r\n\t<ann@example.com>\r\nTo: b@example.net,\r\n   c@example.net\r\nSubject:  one \r\n\t two  \r\nDate: Mon, 23 Nov 2026 17:40:12 +0000\r\n\r\nx\r\n",
    "names in odd capitals": b"FROM: ann@example.com\r\nsUBJECT: one\r\ntO: b@example.net\r\nDATE: x\r\n\r\nx\r\n",
    "no blank behind the colon": b"From:ann@example.com\r\nSubject:one\r\n\r\nx\r\n",
    "empty fields": b"From: ann@example.com\r\nSubject:\r\nTo: \r\nCc:  \r\n \r\n\r\nx\r\n",
    "From alone": b"From: ann@example.com\r\n\r\nx\r\n",
    "a field twice": HEAD + b"To: c@example.net\r\nTo: d@example.net\r\nCc: e@example.net\r\nCc: f@example.net\r\n\r\nx\r\n",
    "two From fields": b"From: eve@example.com\r\n" + HEAD + b"\r\nx\r\n",
    "two subjects": HEAD + b"Subject: two\r\n\r\nx\r\n",
    "eight bits in the header": b"From: \"J\xc3\xbcrgen\" <j@example.com>\r\nSubject: \xe4\xf6\r\n\r\nx\r\n",
    "an encoded name": b"From: =?utf-8?q?J=C3=BCrgen=2C_Ann?= <j@example.com>\r\nSubject: x\r\n\r\nx\r\n",
    "a quoted name": b'From: "Ann, of <b@example.org>" <ann@example.com>\r\nSubject: x\r\n\r\nx\r\n',
    "a comment": b"From: (not <b@example.org>) ann@example.com (Ann)\r\nSubject: x\r\n\r\nx\r\n",
    "a group's address first": b"From: ann@example.com, b@example.org\r\nSubject: x\r\n\r\nx\r\n",
    "300 kilobytes": HEAD + b"\r\n" + b"a line of text that is as long as they are \r\n" * 7000,
    "a line of 100 kilobytes": HEAD + b"\r\n" + b"x" * 100000 + b"\r\n",
    "a long header": HEAD + b"".join(b"X-Field-%d: %s\r\n" % (i, b"y" * 60) for i in range(500)) + b"\r\nx\r\n",
    "a long Subject": b"From: ann@example.com\r\nSubject: " + b"\r\n ".join([b"word " * 10] * 40) + b"\r\n\r\nx\r\n",
    "semicolons and equals signs": b"From: ann@example.com\r\nSubject: b=; d=evil.example; bh=\r\nTo: a=b;c@example.net\r\n\r\nb=\r\n",
    "multipart": HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_x\"\r\n\r\npreamble\r\n--=_x\r\n\r\na\r\n--=_x--\r\nepilogue",
}


@pytest.mark.parametrize("what", list(TEXTS))
def test_both_signatures_verify(signer, keys, what):
    message = through(signer, TEXTS[what])
    assert verdicts(message.data, keys) == BOTH
    text = TEXTS[what]
    assert message.data.endswith(text if text.endswith(b"\r\n") else text + b"\r\n")  # what was handed in is not touched


def test_what_a_signature_says(signer):
    for tags in signatures(through(signer, MAIL).data):
        names = tags["h"].lower().split(":")
        assert tags["c"] == "relaxed/relaxed" and tags["d"] == "example.com" and "l" not in tags
        assert tags["a"] == ("rsa-sha256" if tags["s"] == "s1" else "ed25519-sha256")
        assert all(names.count(name) == 2 for name in OVERSIGNED) and names.count("message-id") == 1
        assert not {"received", "return-path", "dkim-signature"} & set(names)


def test_the_signature_stands_above_what_was_handed_in(signer):
    head = through(signer, MAIL).data.split(b"From: Ann", 1)[0].lower()
    assert head.count(b"dkim-signature:") == 2


CHANGES = {
    "the body": (b"hello", b"hullo"),
    "a line more": (b"hello\r\n", b"hello\r\nmore\r\n"),
    "the author": (b"ann@example.com>\r\nTo", b"eve@example.com>\r\nTo"),
    "another From on top": (b"From: Ann", b"From: eve@evil.example\r\nFrom: Ann"),
    "another From below": (b"Subject: one\r\n", b"Subject: one\r\nFrom: eve@evil.example\r\n"),
    "another Subject": (b"From: Ann", b"Subject: buy\r\nFrom: Ann"),
    "another To": (b"From: Ann", b"To: x@example.net\r\nFrom: Ann"),
    "another Date": (b"From: Ann", b"Date: x\r\nFrom: Ann"),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_what_is_changed_or_added_on_the_way_breaks_both(signer, keys, change):
    old, new = CHANGES[change]
    signed = through(signer, MAIL).data
    assert signed.count(old) == 1 and not any(verdicts(signed.replace(old, new), keys).values())


# --- who signs ---

# The From field, MAIL FROM, and which signatures there are.
AUTHORS = [
    (b"ann@example.com", "a@example.com", BOTH),
    (b"ann@EXAMPLE.com", "a@example.com", BOTH),
    (b"ann@example.com", "bounce@crm.example", BOTH),  # aligned with the From field, whatever the return path
    (b"ann@example.org", "a@example.com", {"s1.example.org": True}),
    (b"ann@sub.example.com", "a@example.com", {}),
    (b"ann@notexample.com", "a@example.com", {}),
    (b"ann@example.com.evil.example", "a@example.com", {}),
    (b"ann@elsewhere.example", "a@example.com", {}),
    (b"ann", "a@example.com", {}),  # no author can be read, whatever the return path says
    (b"", "a@example.com", {}),
    (b"<>", "a@example.com", {}),
    (b"<ann@>", "a@example.com", {}),
    (b"undisclosed:;", "a@example.com", {}),
    (b'"ann@example.com"', "a@example.com", {}),
]


@pytest.mark.parametrize("author, sender, expected", AUTHORS)
def test_the_authors_domain_signs(signer, keys, author, sender, expected):
    text = b"From: " + author + b"\r\nSubject: x\r\n\r\nx\r\n"
    message = through(signer, text, sender)
    assert verdicts(message.data, keys) == expected and message.data.endswith(text)


def test_without_a_from_field_nothing_is_signed(signer, keys):
    assert verdicts(through(signer, b"Subject: x\r\n\r\nx\r\n").data, keys) == {}


def test_a_parent_signs_where_it_is_told_to(pair, keys):
    gateway, sink = pair(before=with_dkim(keys, [row(keys, "example.com", "s1", "rsa", subdomains=True)]))
    for author in (b"a@deep.sub.example.com", b"a@example.com"):
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            client.message(b"From: " + author + b"\r\nSubject: x\r\n\r\nx\r\n")
    for message in sink.wait_messages(2):
        assert verdicts(message.data, keys) == {"s1.example.com": True}


@pytest.mark.parametrize("missing, event", [("reject", "bounced"), ("wait", "later")])
def test_mail_that_no_key_can_sign(pair, keys, missing, event):
    gateway, sink = pair(before=with_dkim(keys, missing=missing))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(b"From: a@elsewhere.example\r\nSubject: x\r\n\r\nx\r\n", ""))
        gateway.wait_log(event, id=id)
        client.message(MAIL)
    message, = sink.wait_messages(1)
    assert verdicts(message.data, keys) == BOTH


def test_a_relay_can_do_without(pair, keys):
    gateway, sink = pair(before=with_dkim(keys), relay={"dkim": False})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    assert verdicts(sink.wait_messages(1)[0].data, keys) == {}


# --- what a client signed itself ---

def signed_by_crm(keys, text, canonicalize=(b"simple", b"simple"), domain=b"crm.example"):
    return dkim.sign(text, b"crm1", domain, keys.read("crm-traditional"), canonicalize=canonicalize) + text


CRM_TEXTS = ["plain", "blanks at line ends", "blank lines at the end", "dots", "folded fields", "eight bits", "no body", "empty fields", "multipart"]


@pytest.mark.parametrize("canonicalize", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"simple", b"relaxed")], ids=lambda how: b"-".join(how).decode())
@pytest.mark.parametrize("what", CRM_TEXTS)
def test_R24_a_clients_own_signature_survives_beside_ours(signer, keys, what, canonicalize):
    text = whole(TEXTS[what])
    signed = signed_by_crm(keys, text, canonicalize)
    message = through(signer, signed)
    assert verdicts(message.data, keys) == {**BOTH, "crm1.crm.example": True}
    assert message.data.endswith(signed)


def test_R24_it_survives_where_nothing_of_ours_signs(pair, keys):
    gateway, sink = pair()
    signed = signed_by_crm(keys, TEXTS["dots"])
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(signed)
    message, = sink.wait_messages(1)
    assert verdicts(message.data, keys) == {"crm1.crm.example": True} and message.data.endswith(signed)


def test_ours_is_made_behind_every_module_that_edits(pair, keys):
    """A module that edits breaks what the client signed, and not what we sign."""
    def before(gateway):
        with_dkim(keys)(gateway)
        gateway.probe("70-edit", {"add_header": "X-Mark: here", "body": "another body\r\n"})
    gateway, sink = pair(before=before)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(signed_by_crm(keys, MAIL))
    message, = sink.wait_messages(1)
    assert message.data.endswith(b"another body\r\n")
    assert verdicts(message.data, keys) == {**BOTH, "crm1.crm.example": False}


# --- keys: 108 ---

@pytest.fixture(scope="module")
def broken(keys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")

    def put(name, octets, mode=0o600):
        path = os.path.join(str(folder), name)
        with open(path, "wb") as out:
            out.write(octets)
        os.chmod(path, mode)
        return path
    openssl("pkey", "-in", keys.path("rsa"), "-aes128", "-passout", "pass:x", "-out", os.path.join(str(folder), "locked"))
    return {
        "missing": "/nowhere/key.pem", "folder": str(folder), "garbage": put("garbage", b"no key\n"), "empty": put("empty", b""),
        "public": put("public", openssl("pkey", "-in", keys.path("rsa"), "-pubout")), "open": put("open", keys.read("rsa"), 0o644),
        "locked": os.path.join(str(folder), "locked"), "weak": keys.path("weak"), "ec": keys.path("ec"),
    }


PROBLEMS = {
    "missing": "No such file or directory",
    "folder": "not a key file",
    "garbage": "no private key in PEM form in it",
    "empty": "no private key in PEM form in it",
    "public": "no private key in PEM form in it",
    "open": "everybody on this machine may read the private key or write it (mode 0644): chmod 0600 it",
    "locked": "the key has a passphrase; a key for signing is kept without one, in a file of mode 0600",
    "weak": "an RSA key of 768 bits; verifiers take no less than 1024",
    "ec": "a key of the kind EC; DKIM knows RSA and Ed25519",
}


@pytest.mark.parametrize("what", list(PROBLEMS))
def test_108_a_key_that_will_not_do_is_a_configuration_error(new_gateway, broken, what):
    gateway = new_gateway()
    gateway.relay("out", host="127.0.0.1", port=9).module("80-dkim", "dkim", {"keys": [{"domain": "example.com", "selector": "s1", "key": broken[what]}]})
    done = gateway.check()
    assert done.code == 78
    assert done.err.splitlines()[0] == "%s/80-dkim.conf:4: error: example.com: %s: %s" % (gateway.config, broken[what], PROBLEMS[what])


def test_108_a_key_that_goes_away_is_missed_at_the_next_reload_and_not_before(pair, keys, tmp_path):
    path = str(tmp_path / "key.pem")
    with open(path, "wb") as out:
        os.chmod(path, 0o600)
        out.write(keys.read("rsa"))
    gateway, sink = pair(before=with_dkim(keys, [{"domain": "example.com", "selector": "s1", "key": path}]))

    def send():
        count = len(sink.messages)
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            client.message(MAIL)
        return verdicts(sink.wait_messages(count + 1)[-1].data, keys)
    os.unlink(path)
    assert send() == {"s1.example.com": True}
    assert gateway.run_ctl("reload").code == 78
    assert send() == {"s1.example.com": True}
    with open(path, "wb") as out:
        os.chmod(path, 0o600)
        out.write(keys.read("other"))
    assert gateway.run_ctl("reload").code == 0
    assert send() == {"s1.example.com": False}  # the DNS has the old one
    keys.publish("example.com", "s1", "other")
    try:
        assert verdicts(sink.messages[-1].data, keys) == {"s1.example.com": True}
    finally:
        keys.publish("example.com", "s1", "rsa")


# --- the verbs ---

def test_keygen_makes_keys_whose_records_verify_what_they_sign(pair, keys, tmp_path):
    """From nothing to a signature that verifies, by what gatewayctl says alone."""
    gateway, sink = pair(before=with_dkim(keys))
    for selector, kind in (("n1", "rsa"), ("n2", "ed25519")):
        assert selector + "._domainkey.new.example" in gateway.text("dkim", "keygen", "new.example", selector, str(tmp_path), kind)
    files = sorted(os.listdir(str(tmp_path)))
    assert files == ["new.example-n1.pem", "new.example-n2.pem"]
    assert all(os.stat(str(tmp_path / name)).st_mode & 0o777 == 0o600 for name in files)
    assert gateway.run_ctl("dkim", "keygen", "new.example", "n1", str(tmp_path)).code != 0  # never over a key that is there
    rows = [{"domain": "new.example", "selector": selector, "key": str(tmp_path / ("new.example-%s.pem" % selector))} for selector in ("n1", "n2")]
    gateway.module("80-dkim", "dkim", {"keys": rows}).write()
    assert gateway.run_ctl("reload").code == 0
    for line in gateway.ctl("dkim", "dns"):
        keys.records[line["name"] + "."] = "".join(re.findall('"([^"]*)"', line["value"]))
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(b"From: a@new.example\r\nSubject: x\r\n\r\nx\r\n")
    assert verdicts(sink.wait_messages(1)[0].data, keys) == {"n1.new.example": True, "n2.new.example": True}


def test_private_keys_are_in_no_log_and_no_answer(signer, keys):
    through(signer, MAIL)
    texts = [signer.gateway.log_text()] + [answer.out + answer.err for answer in (signer.gateway.run_ctl(*words) for words in (
        ["dkim", "dns"], ["status"], ["options", "dkim"], ["check"]))]
    lines = [line for name in ("rsa", "ed", "other") for line in keys.read(name).decode().splitlines() if "-----" not in line]
    assert not [line for line in lines if any(line in text for text in texts)]
