"""Logins of clients: who gets in, and that nobody learns anything by trying. Logins of ours at a next hop: never without, where one is configured."""
import base64
import crypt
import os
import re
import subprocess
import time

import pytest

from conftest import Plain, open_relay
from lib.client import Client, queue_id
from lib.sink import Act
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: auth\r\n\r\nhello\r\n"
SECRETS = {"anna": "anna's secret word", "bert": "bert-secret", "carl": "carl-secret"}


def encoded(octets):
    return base64.b64encode(octets.encode() if isinstance(octets, str) else octets).decode()


def plain_token(user, secret, acting_as=""):
    return encoded("%s\0%s\0%s" % (acting_as, user, secret))


def hashed(secret):
    return subprocess.run(["openssl", "passwd", "-6", secret], capture_output=True, text=True, check=True).stdout.strip()


USERS = "anna:%s:::::: domains=example.com client=tenant-a\nbert:%s:::::: domains=example.net client=tenant-b type=mass\ncarl:%s::::::domains=*\n" % \
    tuple(hashed(SECRETS[user]) for user in ("anna", "bert", "carl"))


def with_logins(gateway, **options):
    path = os.path.join(gateway.folder, "users")
    with open(path, "w") as out:
        os.chmod(path, 0o600)
        out.write(USERS)
    gateway.module("10-access", "access").module("20-auth", "auth-password", {"users": path, "failures": 0, **options})
    gateway.module("60-routing", "routing", {"default": ["out"]}).relay("out", host="127.0.0.1", port=9)
    gateway.set(limits__login_failures=20, limits__junk=100)
    return path


@pytest.fixture(scope="module")
def shared_logins(certificates):
    plain = Plain(certificates)
    with_logins(plain.gateway)
    plain.gateway.relay("out", plain.sink)
    del plain.gateway.fragments["40-probe"]
    plain.gateway.set(log__level="debug").start()
    yield plain
    plain.gateway.stop()
    plain.sink.stop()
    plain.gateway.remove()


@pytest.fixture
def logins(shared_logins, request):
    request.node.gateways = [shared_logins.gateway]
    assert shared_logins.gateway.alive()
    yield shared_logins
    assert shared_logins.gateway.alive()


@pytest.fixture
def client(logins):
    with logins.client() as client:
        yield client


def login(client, user="anna", secret=None):
    return client.say("AUTH PLAIN " + plain_token(user, SECRETS.get(user, "") if secret is None else secret))


def login_in_steps(client, *answers):
    reply = client.say("AUTH LOGIN", 334)
    for answer in answers:
        assert reply.code == 334
        reply = client.say(answer)
    return reply


# --- a login as it should be ---

def by_plain(client):
    return client.say("AUTH PLAIN " + plain_token("anna", SECRETS["anna"]))


def by_plain_in_steps(client):
    assert client.say("AUTH PLAIN", 334).text == ""
    return client.say(plain_token("anna", SECRETS["anna"]))


def by_login(client):
    assert base64.b64decode(client.say("AUTH LOGIN", 334).text) == b"Username:"
    assert base64.b64decode(client.say(encoded("anna"), 334).text) == b"Password:"
    return client.say(encoded(SECRETS["anna"]))


def by_login_with_name(client):
    assert base64.b64decode(client.say("AUTH LOGIN " + encoded("anna"), 334).text) == b"Password:"
    return client.say(encoded(SECRETS["anna"]))


def by_plain_as_itself(client):
    return client.say("auth plain " + plain_token("anna", SECRETS["anna"], "anna"))


@pytest.mark.parametrize("how", [by_plain, by_plain_in_steps, by_login, by_login_with_name, by_plain_as_itself], ids=lambda how: how.__name__)
def test_a_login_lets_send(logins, client, how):
    client.say("MAIL FROM:<a@example.com>", 250)
    client.say("RCPT TO:<b@example.net>", 550)
    client.say("RSET", 250)
    assert how(client).code == 235
    message = logins.arrives(queue_id(client.message(MAIL)))
    assert "with ESMTPA" in message.header("Received")


# --- 45: never in clear ---

@pytest.mark.parametrize("line", ["AUTH PLAIN " + plain_token("anna", SECRETS["anna"]), "AUTH LOGIN", "AUTH PLAIN", "AUTH CRAM-MD5"])
def test_45_auth_in_clear_is_not_offered_and_refused(logins, line):
    with Client(logins.gateway.port, ehlo="client.example.com") as client:
        assert not [feature for feature in client.features if feature.startswith("AUTH")]
        client.say(line, 538)
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 550)
        client.say("RSET", 250)
        client.start_tls()
        assert "AUTH PLAIN LOGIN" in client.say("EHLO client.example.com", 250).lines
        assert login(client).code == 235


def test_45_not_offered_where_nothing_can_check_it(pair):
    def before(gateway):
        gateway.fragments = {name: fragment for name, fragment in gateway.fragments.items() if name != "40-probe"}
    gateway, _ = pair(before=before)
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert not [feature for feature in client.features if feature.startswith("AUTH")]


# --- 46, 47, 52: exchanges that are none ---

CANCELLED = [["AUTH PLAIN", "*"], ["AUTH LOGIN", "*"], ["AUTH LOGIN", encoded("anna"), "*"], ["AUTH LOGIN " + encoded("anna"), "*"]]


@pytest.mark.parametrize("lines", CANCELLED, ids=" / ".join)
def test_46_a_star_cancels_the_exchange(client, lines):
    for line in lines[:-1]:
        client.say(line, 334)
    client.say(lines[-1], 501)
    assert login(client).code == 235


NO_BASE64 = ["!!!!", "QUJD\xff", "=", "====", "A", "AB", "ABC", "QUJ", "QUJDR", "QQ=", "QQ===", "QR==", "QUK=", "QUJD=", "Q=JD", "=QUJ", "QUJD QUJD", " QUJD",
             "QUJD ", "QUJD\t", "QUJD-_==", "QUJD\0QUJD", "'", '"QUJD"', "QUJD;", "*=", "**"]


@pytest.mark.parametrize("text", NO_BASE64, ids=ascii)
def test_47_bad_base64(client, text):
    for lines in (["AUTH PLAIN", text], ["AUTH LOGIN", text], ["AUTH LOGIN", encoded("anna"), text]):
        for line in lines[:-1]:
            client.say(line, 334)
        client.say(lines[-1], 501)
        client.say("NOOP", 250)
    assert client.say("AUTH PLAIN " + text).code in (500, 501)
    assert login(client).code == 235


SECRET = SECRETS["anna"]
ODD_TOKENS = {
    "nothing": "", "one NUL": "\0", "two NULs": "\0\0", "three NULs": "\0\0\0", "no NUL": "anna" + SECRET, "one part": "anna", "two parts": "anna\0" + SECRET,
    "name and secret swapped": "\0%s\0anna" % SECRET, "no name": "\0\0" + SECRET, "no secret": "\0anna\0", "a fourth part": "\0anna\0%s\0" % SECRET,
    "a fourth part of text": "\0anna\0%s\0x" % SECRET, "a NUL in the secret": "\0anna\0%s\0%s" % (SECRET[:3], SECRET[3:]),
    "a secret with more behind it": "\0anna\0%s " % SECRET, "a secret cut short": "\0anna\0" + SECRET[:-1], "a secret in capitals": "\0anna\0" + SECRET.upper(),
    "a line end": "\0anna\0%s\r\n" % SECRET, "a line end in the name": "\0anna\r\n\0" + SECRET, "somebody else": "bert\0anna\0" + SECRET,
    "acting as root": "root\0anna\0" + SECRET, "somebody else's secret": "\0bert\0" + SECRET, "a blank in front": "\0 anna\0" + SECRET,
    "a colon": "\0anna:\0" + SECRET, "the hash itself": "\0anna\0" + re.search(r"anna:([^:]*)", USERS).group(1), "a comment as name": "\0#\0x",
    "a name of 10,000": "\0%s\0%s" % ("a" * 5000, SECRET), "a secret of 8,000": "\0anna\0" + "x" * 8000,
    "not UTF-8": b"\0anna\0\xff\xfe\xfd", "a name not UTF-8": b"\0ann\xe1\0" + SECRET.encode(),
}


@pytest.mark.parametrize("odd", list(ODD_TOKENS))
def test_52_odd_plain_tokens_never_log_in(client, odd):
    token = encoded(ODD_TOKENS[odd])
    for say in (lambda: client.say("AUTH PLAIN " + (token or "=")), lambda: (client.say("AUTH PLAIN", 334), client.say(token))[1]):
        try:
            reply = say()
        except (EOFError, ConnectionError):
            return
        assert reply.code in (501, 535, 500), reply
        if reply.code == 500 and "long" in reply.text:
            return
        client.say("MAIL FROM:<a@example.com>", 250)
        client.say("RCPT TO:<b@example.net>", 550)
        client.say("RSET", 250)


def test_48_an_auth_line_of_a_megabyte_gives_one_reply_or_an_end(logins):
    for begin in ([], ["AUTH PLAIN"], ["AUTH LOGIN"], ["AUTH LOGIN", encoded("anna")]):
        with logins.client() as client:
            for line in begin:
                client.say(line, 334)
            try:
                client.send((b"" if begin else b"AUTH PLAIN ") + b"QUJD" * 262144 + b"\r\n")
                said = client.rest()
            except ConnectionError:
                said = b""
            assert said.count(b"\r\n") <= 1 and said[:1] in (b"", b"5"), said
    with logins.client() as client:
        assert login(client).code == 235


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "EXTERNAL", "ANONYMOUS", "XOAUTH2", "SCRAM-SHA-1", "PLAINX", "", "'", "\x01"])
def test_mechanisms_that_are_not_offered(client, mechanism):
    assert client.say("AUTH %s QUJD" % mechanism).code in (500, 501, 504)
    client.say("NOOP", 250)


# --- 49, 50: nobody learns anything by trying ---

def test_49_unknown_user_and_wrong_password_get_the_same_words(client):
    said = {repr(login(client, user, secret)) for user in ("anna", "bert", "carl", "nobody", "root", "", "anna@example.com") for secret in ("wrong", "x" * 200)
            if user}
    assert len(said) == 1 and said.pop().startswith("535 ")
    assert {repr(login_in_steps(client, encoded(user), encoded("wrong"))) for user in ("anna", "nobody")} == {repr(login(client, "anna", "wrong"))}


def test_49_unknown_user_and_wrong_password_take_the_same_time(logins):
    times = {"anna": [], "bert": [], "nobody": [], "zoe": []}
    with logins.client() as client:
        login(client, "anna", "to begin with")
    for i in range(5):
        with logins.client() as client:
            for user, taken in times.items():
                for j in range(3):
                    start = time.perf_counter()
                    login(client, user, "wrong %d" % (i * 10 + j))
                    taken.append(time.perf_counter() - start)
    best = {user: min(taken) for user, taken in times.items()}  # what a busy machine adds is no part of it
    assert min(best.values()) > 0.0005, best  # a hash was made for each
    assert max(best.values()) < 2.5 * min(best.values()), best


def test_50_failures_cut_the_session_off(new_gateway):
    gateway = new_gateway()
    with_logins(gateway)
    gateway.set(limits__login_failures=3).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert [login(client, "anna", "wrong").code for _ in range(3)] == [535] * 3
        assert client.reply().code == 421 and client.rest() == b""
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert login(client).code == 235
    assert len(gateway.wait_log("login-failed", count=3)) == 3


def test_50_an_address_with_many_failures_is_looked_at_slowly(new_gateway):
    """Over any number of sessions; others are served as ever, and a login that is remembered too."""
    gateway = new_gateway()
    with_logins(gateway, failures=5, delay="1m", window="10m")
    gateway.set(limits__login_failures=2).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert login(client, "carl").code == 235
    codes = []
    while len(codes) < 14:
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            codes += [login(client, "anna", "guess %d" % len(codes)).code for _ in range(2)]
    assert codes[:5] == [535] * 5 and codes.count(535) <= 6 and set(codes[6:]) == {454}
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert login(client).code == 454  # right, but not looked at now
        assert login(client, "carl").code == 235
    with Client(gateway.clear_port, source="127.0.0.2", ehlo="client.example.com") as client:
        assert login(client).code == 235


def test_50_wrong_passwords_of_a_crowd_delay_no_honest_login(new_gateway):
    """60 addresses, a guess each, all at once: who comes from where he is known is not behind them."""
    gateway = new_gateway()
    path = with_logins(gateway, cache="0s")
    with open(path, "w") as out:  # a hash that takes a tenth of a second
        out.write("anna:%s::::::domains=*\n" % crypt.crypt(SECRETS["anna"], "$6$rounds=150000$saltsalt$"))
    gateway.set(offload_threads=1).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert login(client).code == 235
    crowd = [Client(gateway.clear_port, source="127.0.1.%d" % number, ehlo="client.example.com") for number in range(1, 61)]
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        for number, guesser in enumerate(crowd):
            guesser.send("AUTH PLAIN %s\r\n" % plain_token("anna", "guess %d" % number))
        assert login(client).code == 235
        assert len(gateway.log("login-failed")) < 24  # so many wait to be looked at
    for guesser in crowd:
        guesser.close()


# --- 51: out of order ---

def test_51_auth_before_ehlo(logins):
    with Client(logins.gateway.clear_port) as client:
        client.say("AUTH PLAIN " + plain_token("anna", SECRET), 503)
        client.say("HELO client.example.com", 250)
        client.say("AUTH PLAIN " + plain_token("anna", SECRET), 503)


def test_51_auth_twice(client):
    assert login(client).code == 235
    assert login(client).code == 503
    assert login(client, "bert").code == 503
    client.say("RSET", 250)
    assert login(client, "bert").code == 503
    assert not [line for line in client.say("EHLO client.example.com", 250).lines if line.startswith("AUTH")]
    assert login(client, "bert").code == 503


@pytest.mark.parametrize("before", [["MAIL FROM:<a@example.com>"], ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>"]], ids=len)
def test_51_auth_in_a_transaction(client, before):
    for line in before:
        client.say(line)
    assert login(client).code == 503
    client.say("RSET", 250)
    assert login(client).code == 235


def test_51_commands_inside_the_exchange_are_no_commands(client):
    for line in ("MAIL FROM:<a@example.com>", "RSET", "QUIT", "NOOP", "AUTH PLAIN"):
        client.say("AUTH PLAIN", 334)
        client.say(line, 501)
    client.say("RCPT TO:<b@example.net>", 503)


def test_pipelined_behind_auth(logins, client):
    """RFC 4954 does not allow it; what comes is carried out behind the answer, in order."""
    client.send("AUTH PLAIN %s\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n" % plain_token("anna", SECRET))
    assert [reply.code for reply in client.replies(4)] == [235, 250, 250, 354]
    client.send(MAIL + b".\r\n")
    logins.arrives(queue_id(client.reply()))


# --- 53: passwords are nowhere ---

def test_53_passwords_are_in_no_log_no_file_no_answer_and_no_mail(logins):
    """Right ones, wrong ones, and those that a client out of step sends as a command."""
    wrong = "wrong-secret-8151"
    said = b""
    with logins.client() as client:
        for send in (lambda: login(client, "carl", wrong), lambda: login_in_steps(client, encoded("carl"), encoded(wrong)),
                     lambda: client.say(plain_token("carl", wrong)), lambda: client.say("AUTH " + plain_token("carl", wrong)), lambda: client.say(wrong),
                     lambda: client.say("AUTH PLAIN %s extra" % plain_token("carl", wrong)), lambda: login(client, "carl")):
            said += repr(send()).encode()
        message = logins.arrives(queue_id(client.message(MAIL)))
    answers = [logins.gateway.run_ctl(*words) for words in (["status"], ["--json", "status"], ["options"], ["queue", "list"])]
    places = {"replies": said, "mail": message.data, "log": logins.gateway.log_text().encode(), "answers": repr([vars(answer) for answer in answers]).encode(),
              "processes": subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True).stdout}
    for folder, _, names in os.walk(logins.gateway.state):
        for name in names:
            if not name.endswith(".sock"):
                with open(os.path.join(folder, name), "rb") as kept:
                    places[name] = kept.read()
    forms = [form for secret in (wrong, SECRETS["carl"]) for form in (secret, encoded(secret), plain_token("carl", secret))]
    found = [(place, form) for place, octets in places.items() for form in forms if form.encode() in octets]
    assert not found


# --- 54, 55: in whose name ---

REFUSED_FROM = {
    "a Sender of others": b"From: a@example.com\r\nSender: x@example.net\r\n",
    "another tenant": b"From: a@example.net\r\n",
    "a domain below": b"From: a@sub.example.com\r\n",
    "a domain that begins alike": b"From: a@example.com.evil.example\r\n",
    "a domain that ends alike": b"From: a@notexample.com\r\n",
    "none": b"Subject: no From\r\n",
    "two fields": b"From: a@example.com\r\nFrom: b@example.net\r\n",
    "two fields of its own": b"From: a@example.com\r\nFrom: a@example.com\r\n",
    "two addresses": b"From: a@example.com, b@example.net\r\n",
    "a group": b"From: us: a@example.com;\r\n",
    "an empty group": b"From: undisclosed:;\r\n",
    "nothing in it": b"From:\r\n",
    "an address in the name": b'From: "boss@example.net" <a@example.com>\r\n',
    "an encoded address in the name": b"From: =?utf-8?b?%s?= <a@example.com>\r\n" % base64.b64encode(b"boss@example.net"),
    "two angles": b"From: <a@example.com> <b@example.net>\r\n",
    "a comment that hides one": b"From: b@example.net (<a@example.com>)\r\n",
    "a fold that hides one": b"From: a@example.com\r\n\t, b@example.net\r\n",
    "a blank before the colon": b"From : b@example.net\r\nFrom: a@example.com\r\n",
    "capitals": b"FROM: b@example.net\r\n",
    "a quoted local part": b'From: "a@example.com" <"a@example.com"@example.net>\r\n',
    "a route": b"From: <@example.com:b@example.net>\r\n",
    "no domain": b"From: a\r\n",
}


@pytest.mark.parametrize("what", list(REFUSED_FROM))
def test_54_from_that_is_not_the_clients_is_refused(logins, client, what):
    assert login(client).code == 235
    before = len(logins.sink.messages)
    reply = client.message(REFUSED_FROM[what] + b"Subject: whose?\r\n\r\nx\r\n")
    assert reply.code == 550 and "5.7.1" in reply.text
    logins.arrives(queue_id(client.message(MAIL)))
    assert len(logins.sink.messages) == before + 1
    assert logins.gateway.wait_log("refused", client="tenant-a")


ACCEPTED_FROM = [b"From: a@example.com\r\n", b"From: Anna <a@EXAMPLE.com>\r\n", b'From: "Anna (sales)" <a@example.com>\r\n', b"from:a@example.com\r\n",
                 b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\n", b"From: Anna\r\n <a@example.com>\r\n", b"From: a@example.com\r\nSender: x@example.com\r\n"]


@pytest.mark.parametrize("field", ACCEPTED_FROM, ids=repr)
def test_54_from_of_the_client_is_taken_as_it_is(logins, client, field):
    assert login(client).code == 235
    assert field in logins.arrives(queue_id(client.message(field + b"\r\nx\r\n", "bounce+7@crm.example"))).data


def test_54_the_name_in_the_session_is_the_logins(logins):
    with logins.client() as client:
        assert login(client, "BERT", SECRETS["bert"]).code == 235
        assert client.message(b"From: a@example.com\r\n\r\nx\r\n").code == 550
        id = queue_id(client.message(b"From: a@example.net\r\n\r\nx\r\n"))
    logins.arrives(id)
    assert logins.gateway.wait_log("login", client="tenant-b")


# --- the file of users ---

def test_users_are_read_again_when_they_change(new_gateway):
    gateway = new_gateway()
    path = with_logins(gateway)
    gateway.start()

    def write(text):
        with open(path + ".new", "w") as out:
            os.chmod(path + ".new", 0o600)
            out.write(text)
        os.rename(path + ".new", path)

    def code(user, secret):
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            return login(client, user, secret).code
    assert code("dora", "dora-secret") == 535 and code("carl", SECRETS["carl"]) == 235
    write(USERS.replace("carl:", "dora:"))
    wait_for(lambda: code("dora", SECRETS["carl"]) == 235, what="dora")
    assert code("carl", SECRETS["carl"]) == 535  # remembered no more
    write("broken line\n")
    wait_for(lambda: [line for line in gateway.log() if "a line is USER:HASH" in line["raw"]], what="the problem in the log")
    assert code("dora", SECRETS["carl"]) == 235


# --- our login at the next hop ---

def next_hop(new_gateway, new_sink, certificates, relay=None, preset=None, **how):
    """A gateway whose relay logs in with me:hop-secret over STARTTLS; `preset`: what the provider "mine" takes."""
    certificate, key = certificates.pair("hop")
    sink, gateway = new_sink(tls="starttls", certificate=certificate, key=key, require_login=True, **how), new_gateway()
    open_relay(gateway, "out").module("45-auth", "auth-password").set(queue__retry=["1h"])
    login = {"auth__user": "me", "auth__password": "hop-secret"}
    if preset:
        gateway.fragments["05-mine"] = 'providers = ( { name = "mine"; host = "smtp.example.net"; port = 587; mechanisms = ["%s"]; } );\n' % '", "'.join(preset)
    gateway.relay("out", sink, tls="starttls", ca=certificates.ca, **(login if relay is None else relay)).start()
    return gateway, sink


def send(gateway):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL))


OFFERED = [("PLAIN", "PLAIN"), ("LOGIN", "LOGIN"), ("LOGIN PLAIN", "PLAIN"), ("PLAIN LOGIN", "PLAIN"), ("NTLM GSSAPI LOGIN", "LOGIN"), ("plain", "PLAIN"),
           ("XOAUTH2 LOGIN X-FROB", "LOGIN")]


@pytest.mark.parametrize("offered, used", OFFERED)
def test_login_at_the_next_hop(new_gateway, new_sink, certificates, offered, used):
    gateway, sink = next_hop(new_gateway, new_sink, certificates, users={"me": "hop-secret"}, mechanisms=offered)
    send(gateway)
    message, = sink.wait_messages(1)
    assert sink.logins == [(used, "me", "hop-secret", True)]
    assert message.session.user == "me" and message.session.tls
    assert b"hop-secret" not in message.data and encoded("hop-secret").encode() not in message.data
    assert sink.sessions[0].commands.index("STARTTLS") < next(i for i, line in enumerate(sink.sessions[0].commands) if line.startswith("AUTH"))


@pytest.mark.parametrize("own, preset, used", [(["LOGIN", "PLAIN"], None, "LOGIN"), (["LOGIN"], None, "LOGIN"), (["XOAUTH2", "PLAIN"], None, "PLAIN"),
                                               (None, ["LOGIN"], "LOGIN"), (["PLAIN"], ["LOGIN"], "PLAIN")])
def test_login_at_the_next_hop_is_by_what_the_relay_or_its_preset_names(new_gateway, new_sink, certificates, own, preset, used):
    keys = {"auth__user": "me", "auth__password": "hop-secret", **({"auth__mechanisms": own} if own else {}), **({"auth__provider": "mine"} if preset else {})}
    gateway, sink = next_hop(new_gateway, new_sink, certificates, keys, preset, users={"me": "hop-secret"}, mechanisms="PLAIN LOGIN")
    send(gateway)
    sink.wait_messages(1)
    assert sink.logins == [(used, "me", "hop-secret", True)]


@pytest.mark.parametrize("user, secret", [("me", "pass: with blanks and ü"), ("domain\\user@example.com", "x" * 300), ("me", '"quoted\\"')])
def test_login_at_the_next_hop_with_odd_credentials(new_gateway, new_sink, certificates, user, secret):
    wire = secret.encode().decode("latin-1")
    gateway, sink = next_hop(new_gateway, new_sink, certificates, {"auth__user": user, "auth__password": secret}, users={user: wire})
    send(gateway)
    sink.wait_messages(1)
    assert sink.logins == [("PLAIN", user, wire, True)]


def test_no_login_is_tried_where_none_is_configured(new_gateway, new_sink, certificates):
    gateway, sink = next_hop(new_gateway, new_sink, certificates, {}, users={"me": "hop-secret"})
    id = send(gateway)
    line, = gateway.wait_log("deferred", id=id)
    assert (line["stage"], line["code"]) == ("mail", "530")  # about us, not about the recipient
    assert not sink.logins and not sink.commands("AUTH")


NOT_LOGGED_IN = {
    "wrong password": {"users": {"me": "another"}},
    "unknown user": {"users": {"you": "hop-secret"}},
    "no AUTH offered": {"users": None},
    "no mechanism of ours": {"users": {"me": "hop-secret"}, "mechanisms": "NTLM GSSAPI"},
    "an empty list of mechanisms": {"users": {"me": "hop-secret"}, "mechanisms": ""},
    "a temporary failure": {"users": {"me": "hop-secret"}, "script": {"auth": ["454 4.7.0 later"] * 50}},
    "account disabled": {"users": {"me": "hop-secret"}, "script": {"auth": ["525 5.7.13 account disabled"] * 50}},
    "a challenge too many": {"users": {"me": "hop-secret"}, "script": {"auth": ["334 Z2FyYmFnZQ=="] * 50}},
    "a challenge that is none": {"users": {"me": "hop-secret"}, "script": {"auth": ["334 !!!"] * 50}},
    "the end": {"users": {"me": "hop-secret"}, "script": {"auth": [Act(close=True)] * 50}},
}


@pytest.mark.parametrize("what", list(NOT_LOGGED_IN))
def test_95_without_the_configured_login_nothing_is_sent_and_nothing_bounces(new_gateway, new_sink, certificates, what):
    gateway, sink = next_hop(new_gateway, new_sink, certificates, **NOT_LOGGED_IN[what])
    ids = [send(gateway) for _ in range(3)]
    for id in ids:
        gateway.wait_log("later", id=id)
    assert {line["stage"] for line in gateway.wait_log("deferred")} == {"auth"}
    assert not sink.commands("MAIL") and not sink.messages and not gateway.log("bounced")
    assert sorted(row["id"] for row in gateway.queue()) == sorted(ids)
    assert "hop-secret" not in gateway.log_text() and encoded("hop-secret") not in gateway.log_text()


def test_95_a_wrong_login_takes_the_fallback(new_gateway, new_sink, certificates):
    bad, good, gateway = new_sink(users={"me": "another"}, require_login=True), new_sink(), new_gateway()
    open_relay(gateway, "bad").module("45-auth", "auth-password").relay("good", good)
    gateway.relay("bad", bad, auth__user="me", auth__password="hop-secret", clear_login=True, fallback=["good"]).start()
    send(gateway)
    good.wait_messages(1)
    assert not bad.commands("MAIL") and not good.commands("AUTH")
