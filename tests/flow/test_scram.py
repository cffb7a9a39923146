"""Logins by SCRAM-SHA-256, where neither side shows the password: of clients with libgsasl's own tool, of ours at a server written after RFC 5802, and
bound to the TLS link between two gateways."""
import base64
import hashlib
import hmac
import os
import shutil
import subprocess

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import BUILD
from lib.sink import Act

MAIL = b"From: a@example.com\r\nSubject: scram\r\n\r\nhello\r\n"
pytestmark = [pytest.mark.heavy, pytest.mark.skipif(not shutil.which("gsasl"), reason="needs gsasl")]


def entry(secret, iterations=4096):
    """As libgsasl's tool makes it."""
    return subprocess.run(["gsasl", "--mkpasswd", "--mechanism", "SCRAM-SHA-256", "--password", secret, "--iteration-count", str(iterations)],
                          capture_output=True, text=True, check=True).stdout.strip()


def made_here(user, secret, *words):
    """As gatewayctl makes it."""
    return subprocess.run([os.path.join(BUILD, "bin", "gatewayctl"), "password", user, *words], input=secret + "\n", capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize("domains", ["foo..bar", "@example.com", "a.example,", ".example", "*."])
def test_a_line_that_would_not_be_taken_is_not_made(domains):
    done = subprocess.run([os.path.join(BUILD, "bin", "gatewayctl"), "password", "x", "--domains", domains], input="secret\n", capture_output=True, text=True)
    assert done.returncode == 65 and not done.stdout and "example.com,*.example.net" in done.stderr, done


def test_a_line_has_the_domains_as_they_were_said():
    assert "domains=example.com,*.example.net" in made_here("x", "secret", "--domains", "example.com,*.example.net")


def with_users(gateway, text, **options):
    path = os.path.join(gateway.folder, "users")
    with open(path, "w") as out:
        os.chmod(path, 0o600)
        out.write(text)
    return gateway.module("10-access", "access").module("20-auth", "auth-password", {"users": path, **options}) \
        .module("60-routing", "routing", {"default": ["out"]})


@pytest.fixture
def gateway(new_gateway):
    gateway = with_users(new_gateway(), made_here("anna", "geheim", "--scram", "--domains", "example.com") + "bert:%s::::::domains=*\n" % entry("bert-secret"))
    gateway.relay("out", host="127.0.0.1", port=9)
    return gateway


def features(gateway):
    with Client(gateway.port) as client:
        client.say("EHLO client.example.com", 250)
        client.start_tls()
        return [line for line in client.say("EHLO client.example.com", 250).lines if line.startswith("AUTH")]


def gsasl(gateway, certificates, mechanism, user, secret):
    """Without a binding for what is not bound: libgsasl 2.2.0 fails in its own code there."""
    done = subprocess.run(["gsasl", "--smtp", "--connect", "localhost:%d" % gateway.port, "--x509-ca-file", certificates.ca, "--mechanism", mechanism,
                           "--authentication-id", user, "--password", secret, "--authorization-id", "",
                           *(() if mechanism.endswith("-PLUS") else ("--no-cb",))],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"]


def test_libgsasls_own_client_logs_in_by_all_that_is_offered(gateway, certificates):
    gateway.start()
    assert features(gateway) == ["AUTH " + " ".join(MECHANISMS[1::-1] + MECHANISMS[2:])]
    for mechanism in MECHANISMS:
        for user, secret in (("anna", "geheim"), ("bert", "bert-secret")):
            assert "235 2.7.0" in gsasl(gateway, certificates, mechanism, user, secret), mechanism
    assert [line["mechanism"] for line in gateway.wait_log("login", count=8)] == [mechanism for mechanism in MECHANISMS for _ in "ab"]


def test_a_wrong_proof_and_nobody_look_alike(gateway, certificates):
    """The salt of who is not there is the same each time, over a restart too, and so is the refusal."""
    gateway.start()
    for user, secret in (("anna", "wrong"), ("nobody", "geheim")):
        said = gsasl(gateway, certificates, "SCRAM-SHA-256", user, secret)
        assert "235 2.7.0" not in said and "535 5.7.8 authentication failed" in said
    assert len(gateway.wait_log("login-failed", count=2)) == 2
    salts = {user: salt_of(gateway, user) for user in ("anna", "nobody", "Nobody")}
    assert len(salts["nobody"]) == len(salts["anna"]) and salts["nobody"] == salts["Nobody"] != salts["anna"]
    gateway.stop()
    gateway.start()
    assert {user: salt_of(gateway, user) for user in salts} == salts


def salt_of(gateway, user):
    with Client(gateway.port, ehlo="client.example.com") as client:
        client.start_tls()
        client.say("EHLO client.example.com", 250)
        first = base64.b64decode(client.say("AUTH SCRAM-SHA-256 " + base64.b64encode(("n,,n=%s,r=abcdef" % user).encode()).decode(), 334).text).decode()
        client.say("*", 501)
    return dict(part.split("=", 1) for part in first.split(","))["s"]


@pytest.mark.parametrize("scram, users, offered", [("auto", "both", False), ("any", "both", True), ("auto", "one", True), ("off", "one", False)])
def test_scram_is_offered_where_it_works(new_gateway, scram, users, offered):
    """A client that takes the best of the list must not be led to one that its user has no entry for."""
    gateway = with_users(new_gateway(), "anna:%s::::::domains=*\n" % entry("geheim") + ("bert:{PLAIN}x::::::domains=*\n" if users == "both" else ""), scram=scram)
    gateway.relay("out", host="127.0.0.1", port=9).start()
    assert features(gateway) == ["AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" if offered else "AUTH PLAIN LOGIN"]
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert ("AUTH SCRAM-SHA-256 PLAIN LOGIN" if offered else "AUTH PLAIN LOGIN") in client.features  # nothing to be bound to
        client.say("AUTH SCRAM-SHA-256-PLUS", 504)
        client.say("AUTH SCRAM-SHA-256", 334 if offered else 504)


# --- ours, at a next hop ---

def answering(seen, iterations=4096, proves=lambda proof: proof, refused=()):
    """A server's side after RFC 5802 and 7677 of what follows AUTH; `proves` makes of its proof what it says, None: nothing."""
    def mac(key, text):
        return hmac.new(key, text, hashlib.sha256).digest()

    def exchange(session, line):
        mechanism = line.split(" ")[1]
        seen.append(mechanism)
        if mechanism in refused or not mechanism.startswith("SCRAM"):
            return Act("535 5.7.8 no")
        client = base64.b64decode(line.split(" ")[2]).decode()
        bare = client.split(",", 2)[2]
        name, nonce = [part.split("=", 1)[1] for part in bare.split(",")]
        nonce, salt = nonce + "ours", b"0123456789"
        first = "r=%s,s=%s,i=%d" % (nonce, base64.b64encode(salt).decode(), iterations)
        session.put(b"334 " + base64.b64encode(first.encode()) + b"\r\n")
        line = session.line()
        if line == b"*":
            return Act("501 5.7.0 cancelled")
        bound, proof = base64.b64decode(line).decode().rsplit(",p=", 1)
        salted = hashlib.pbkdf2_hmac("sha256", b"hop-secret" if name == "me" else b"?", salt, iterations)
        message, stored = ",".join((bare, first, bound)).encode(), hashlib.sha256(mac(salted, b"Client Key")).digest()
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), mac(stored, message)))
        if bound != "c=biws,r=" + nonce or hashlib.sha256(key).digest() != stored:
            return Act("535 5.7.8 wrong")
        said = proves(mac(mac(salted, b"Server Key"), message))
        if said is not None:
            session.put(b"334 " + base64.b64encode(b"v=" + base64.b64encode(said)) + b"\r\n")
            if session.line() == b"*":
                return Act("501 5.7.0 cancelled")
        return Act("235 2.7.0 welcome")
    return exchange


def next_hop(new_gateway, new_sink, certificates, mechanisms, secret="hop-secret", keys={}, **server):
    certificate, key = certificates.pair("hop")
    seen = []
    sink = new_sink(tls="starttls", certificate=certificate, key=key, require_login=True, users={"me": "hop-secret"}, mechanisms=mechanisms,
                    script={"auth": answering(seen, **server)})
    gateway = open_relay(new_gateway(), "out").module("45-auth", "auth-password").set(queue__retry=["1h"])
    gateway.relay("out", sink, tls="starttls", ca=certificates.ca, auth__user="me", auth__password=secret, **keys).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return gateway, sink, seen, queue_id(client.message(MAIL))


# what is offered, what is refused there, by what it goes; the password itself never follows a refused proof
TAKEN = [("SCRAM-SHA-256 PLAIN LOGIN", (), ["SCRAM-SHA-256"]), ("LOGIN PLAIN SCRAM-SHA-256", (), ["SCRAM-SHA-256"]),
         ("SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN", ("SCRAM-SHA-256-PLUS",), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])]


@pytest.mark.parametrize("mechanisms, refused, by", TAKEN)
def test_our_login_shows_no_password(new_gateway, new_sink, certificates, mechanisms, refused, by):
    gateway, sink, seen, _ = next_hop(new_gateway, new_sink, certificates, mechanisms, refused=refused)
    sink.wait_messages(1)
    assert seen == by


# what the next hop does, and what was tried
NOT_TAKEN = {
    "a wrong password": (dict(secret="another"), ["SCRAM-SHA-256"]),
    "no form of it": (dict(refused=("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), mechanisms="SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"),
                      ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]),
    "the bound form alone": (dict(refused=("SCRAM-SHA-256-PLUS",), mechanisms="SCRAM-SHA-256-PLUS PLAIN"), ["SCRAM-SHA-256-PLUS"]),
    "a proof that is none": (dict(proves=lambda proof: proof[::-1]), ["SCRAM-SHA-256"]),
    "no proof": (dict(proves=lambda proof: None), ["SCRAM-SHA-256"]),
    "too few iterations": (dict(iterations=100), ["SCRAM-SHA-256"]),
    "hours of iterations": (dict(iterations=2000000000), ["SCRAM-SHA-256"]),
}


@pytest.mark.parametrize("what", list(NOT_TAKEN))
def test_our_login_fails_closed(new_gateway, new_sink, certificates, what):
    how, tried = NOT_TAKEN[what]
    gateway, sink, seen, id = next_hop(new_gateway, new_sink, certificates, **{"mechanisms": "SCRAM-SHA-256 PLAIN LOGIN", **how})
    gateway.wait_log("later", id=id)
    assert {line["stage"] for line in gateway.wait_log("deferred")} == {"auth"}
    assert seen == tried and not sink.commands("MAIL") and not gateway.log("bounced")


def test_a_login_is_bound_to_the_link_between_two_gateways(new_gateway, gateway, new_sink, certificates):
    """The first one's TLS ends at the second, so both know the same of it."""
    sink = new_sink()
    gateway.relay("out", sink).start()
    first = open_relay(new_gateway(), "hop").module("45-auth", "auth-password")
    first.relay("hop", host="localhost", port=gateway.port, tls="starttls", ca=certificates.ca, auth__user="anna", auth__password="geheim").start()
    with Client(first.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    sink.wait_messages(1)
    assert [line["mechanism"] for line in gateway.wait_log("login")] == ["SCRAM-SHA-256-PLUS"]


def test_cram_md5_is_last_and_only_where_it_is_named(new_gateway, new_sink, certificates):
    gateway, sink, seen, id = next_hop(new_gateway, new_sink, certificates, "CRAM-MD5")
    gateway.wait_log("later", id=id)
    assert seen == []
    gateway, sink, seen, _ = next_hop(new_gateway, new_sink, certificates, "CRAM-MD5 PLAIN", keys={"auth__mechanisms": ["CRAM-MD5", "PLAIN"]})
    sink.wait(lambda: seen)
    assert seen == ["PLAIN"]
    gateway, sink, seen, _ = next_hop(new_gateway, new_sink, certificates, "CRAM-MD5 NTLM", keys={"auth__mechanisms": ["CRAM-MD5", "PLAIN"]})
    sink.wait(lambda: seen)
    assert seen == ["CRAM-MD5"]
