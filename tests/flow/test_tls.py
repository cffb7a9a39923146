"""TLS on both sides: what a client said in clear is forgotten, a broken handshake or stream relays nothing, and mail never leaves with less
security than its relay asks for."""
import base64
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import Act
from lib.waiting import PATIENCE, wait_for

MAIL = b"From: a@example.com\r\nSubject: tls\r\n\r\nhello\r\n"


def still_serves(plain):
    with plain.client() as client:
        return plain.arrives(queue_id(client.message(MAIL)))


def connect(plain, how):
    """A client in TLS that has said nothing there yet."""
    client = Client(plain.gateway.port if how == "starttls" else plain.gateway.tls_port, greet=False)
    if how == "starttls":
        assert client.reply().code == 220
        client.say("EHLO client.example.com", 250)
        client.start_tls()
    else:
        client.wrap()
        assert client.reply().code == 220
    return client


# --- 56: the dialogue begins anew behind STARTTLS ---

FORGOTTEN = [
    ([], "MAIL FROM:<a@example.com>", 503),  # EHLO was said in clear only
    (["MAIL FROM:<a@example.com>"], "RCPT TO:<b@example.net>", 503),
    (["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>"], "DATA", 503),
    ([], "AUTH PLAIN AGFubmEAc2VjcmV0", 503),
    ([], "STARTTLS", 503),
]


@pytest.mark.parametrize("before, line, code", FORGOTTEN)
def test_56_what_was_said_before_tls_is_forgotten(plain, before, line, code):
    with Client(plain.gateway.port, ehlo="client.example.com") as client:
        for said in before:
            client.say(said, 250)
        client.start_tls()
        client.say(line, code)
        client.say("EHLO client.example.com", 250)
        client.say("RCPT TO:<b@example.net>", 503)
        assert plain.arrives(queue_id(client.message(MAIL))).rcpts == ["b@example.net"]


def test_56_a_login_in_clear_is_forgotten_too(new_gateway, new_sink):
    """Also whom it was taken for: the second user has no name and no domains of the first."""
    sink, gateway = new_sink(), new_gateway()
    users = os.path.join(gateway.folder, "users")
    with open(users, "w") as out:
        out.write("first:{PLAIN}secret:::::: domains=first.example client=first\nsecond:{PLAIN}secret::::::domains=*\n")
    os.chmod(users, 0o640)
    gateway.module("10-access", "access").module("20-auth", "auth-password", {"users": users})
    gateway.module("60-routing", "routing", {"default": ["out"]}).relay("out", sink)
    gateway.set(listeners=[{"address": "127.0.0.1", "port": gateway.port, "tls": "starttls", "clear_login": True}]).start()

    def login(client, user):
        client.say("AUTH PLAIN " + token(user, "secret"), 235)
    with Client(gateway.port, ehlo="client.example.com") as client:
        login(client, "first")
        client.start_tls()
        client.say("EHLO client.example.com", 250)
        client.say("MAIL FROM:<a@first.example>", 250)
        client.say("RCPT TO:<b@example.net>", 550)
        client.say("RSET", 250)
        login(client, "second")
        client.envelope("a@second.example")
        assert client.text(b"From: a@second.example\r\n\r\nx\r\n").code == 250
    sink.wait_messages(1)
    assert gateway.wait_log("login", login="second")[0]["client"] == "second"


def token(user, secret):
    return base64.b64encode(("\0%s\0%s" % (user, secret)).encode()).decode()


OFFERS = [("clear_port", None, False, True), ("port", None, True, False), ("port", "starttls", False, True), ("tls_port", "implicit", False, True)]


@pytest.mark.parametrize("port, tls, starttls, auth", OFFERS)
def test_what_is_offered_in_clear_and_in_tls(plain, port, tls, starttls, auth):
    with connect(plain, tls) if tls else Client(getattr(plain.gateway, port)) as client:
        features = client.say("EHLO client.example.com", 250).lines
        assert ("STARTTLS" in features, any(line.startswith("AUTH ") for line in features)) == (starttls, auth)
        assert client.say("STARTTLS").code == (220 if starttls else 503 if tls else 502)


# --- 57, 58, 63: handshakes that are none ---

HELLO = bytes.fromhex("16030100") + b"\x2f\x01\x00\x00\x2b\x03\x03" + b"r" * 32
GARBAGE = {
    "http": b"GET / HTTP/1.0\r\n\r\n",
    "smtp": b"EHLO client.example.com\r\n",
    "random": os.urandom(2000),
    "nul": b"\0" * 500,
    "sslv2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + b"c" * 30,
    "alert": bytes.fromhex("15030100020228"),
    "record of no length": bytes.fromhex("1603010000"),
    "record too long": bytes.fromhex("160301ffff") + b"x" * 70000,
    "hello cut short": HELLO[:20],
    "hello of nonsense": HELLO + b"\xff" * 20,
    "application data": bytes.fromhex("1703030010") + b"x" * 16,
}


@pytest.mark.parametrize("how", ["starttls", "implicit"])
@pytest.mark.parametrize("garbage", list(GARBAGE))
def test_57_garbage_for_a_client_hello_ends_the_connection(plain, garbage, how):
    with Client(plain.gateway.port if how == "starttls" else plain.gateway.tls_port, greet=how == "starttls") as client:
        if how == "starttls":
            client.say("EHLO client.example.com", 250)
            client.say("STARTTLS", 220)
        try:
            client.send(GARBAGE[garbage])
            client.half_close()
            said = client.rest()
        except OSError:
            said = b""
        assert said == b"" or said[0] == 0x15, said  # an alert at most
    still_serves(plain)


@pytest.mark.parametrize("how", ["starttls", "implicit"])
def test_63_odd_records_in_an_open_session_end_it(plain, how):
    for octets in (os.urandom(500), bytes.fromhex("1703030010") + b"x" * 16, bytes.fromhex("1503030001") + b"\x01", bytes.fromhex("14030300020101")):
        with connect(plain, how) as client:
            client.say("EHLO client.example.com", 250)
            client.envelope("odd-record@example.com")
            client.say("DATA", 354)
            client.send(b"Subject: odd record\r\n\r\nx\r\n")
            raw = socket.socket(fileno=os.dup(client.sock.fileno()))
            raw.settimeout(10 * PATIENCE)
            raw.sendall(octets)
            raw.sendall(b"\r\n.\r\n")
            with raw:
                read_to_the_end(raw)
    still_serves(plain)
    assert not [text for text in plain.sink.texts if b"odd record" in text.data]


def read_to_the_end(sock):
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass


@pytest.fixture(scope="module")
def hasty(make_shared):
    return make_shared(timeouts__handshake="300ms")


@pytest.mark.parametrize("begun", [b"", HELLO[:1], HELLO[:30]], ids=["nothing", "an octet", "half a hello"])
@pytest.mark.parametrize("how", ["starttls", "implicit"])
def test_58_stalled_handshake_is_cut(hasty, how, begun):
    start = time.monotonic()
    with Client(hasty.gateway.port if how == "starttls" else hasty.gateway.tls_port, greet=how == "starttls") as client:
        if how == "starttls":
            client.say("EHLO client.example.com", 250)
            client.say("STARTTLS", 220)
        client.send(begun)
        client.rest()
    assert time.monotonic() - start >= 0.25


def test_58_handshake_octet_by_octet_is_cut_as_well(hasty):
    """Each octet is well in time, the handshake is not."""
    with Client(hasty.gateway.tls_port, greet=False) as client:
        cut = threading.Event()
        threading.Thread(target=lambda: (client.rest(), cut.set()), daemon=True).start()
        try:
            for octet in HELLO + b"\0" * 100:
                client.send(bytes([octet]))
                if cut.wait(0.1):
                    break
            else:
                raise AssertionError("still open")
        except OSError:
            pass


def test_58_honest_clients_have_their_handshake_meanwhile(hasty):
    stalled = [socket.create_connection(("127.0.0.1", hasty.gateway.tls_port)) for _ in range(50)]
    with connect(hasty, "implicit") as client:
        client.say("EHLO client.example.com", 250)
        hasty.arrives(queue_id(client.message(MAIL)))
    for sock in stalled:
        sock.close()


VERSIONS = [(ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["starttls", "implicit"])
@pytest.mark.parametrize("version, good", VERSIONS, ids=lambda value: getattr(value, "name", None))
def test_59_only_tls_1_2_and_1_3(plain, version, good, how):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with Client(plain.gateway.port if how == "starttls" else plain.gateway.tls_port, greet=how == "starttls") as client:
        if how == "starttls":
            client.say("EHLO client.example.com", 250)
            client.say("STARTTLS", 220)
        if not good:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                client.wrap(context)
            return
        client.wrap(context)
        assert client.sock.version().replace(".", "_") == version.name


# --- 60: the stream is cut ---

CUTS = [b"", b"\r", b"\r\n", b"\r\n.", b"\r\n.\r"]


@pytest.mark.parametrize("how", ["starttls", "implicit"])
@pytest.mark.parametrize("end", CUTS, ids=repr)
@pytest.mark.parametrize("cut", ["fin", "reset", "close_notify"])
def test_60_cut_in_data_relays_nothing(plain, how, end, cut):
    kept = plain.gateway.counter("messages")
    client = connect(plain, how)
    client.say("EHLO client.example.com", 250)
    client.envelope()
    client.say("DATA", 354)
    client.send(b"Subject: cut\r\n\r\nhalf of it" + end)
    if cut == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if cut == "close_notify":
        client.sock.settimeout(5 * PATIENCE)
        try:
            client.sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    client.close()
    still_serves(plain)
    wait_for(lambda: plain.gateway.status()["counters"]["messages"] == kept + 1, what="only the later message")
    assert not [text for text in plain.sink.texts if b"Subject: cut" in text.data]


@pytest.mark.parametrize("how", ["starttls", "implicit"])
def test_60_cut_behind_the_dot_relays_what_was_complete(plain, how):
    client = connect(plain, how)
    client.say("EHLO client.example.com", 250)
    client.envelope("complete@example.com")
    client.say("DATA", 354)
    client.send(b"Subject: complete\r\n\r\nall of it\r\n.\r\n")
    client.close()
    plain.sink.wait(lambda: any(message.sender == "complete@example.com" for message in plain.sink.messages))
    plain.sink.messages[:] = [message for message in plain.sink.messages if message.sender != "complete@example.com"]


# --- certificates of listeners ---

def served(port):
    """The certificate shown there."""
    with Client(port, greet=False) as client:
        client.wrap()
        return client.sock.getpeercert(binary_form=True)


def der(path):
    with open(path) as pem:
        return ssl.PEM_cert_to_DER_cert(pem.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")


@pytest.mark.parametrize("broken", ["certificate", "key", "gone", "mismatch"])
def test_62_certificate_replaced_by_garbage_and_reloaded_stays_the_old_one(new_gateway, certificates, broken):
    gateway = new_gateway()
    paths = [os.path.join(gateway.folder, name) for name in ("cert.pem", "key.pem")]

    def put(name):
        for source, target in zip(certificates.pair(name), paths):
            shutil.copy(source, target)
    put("gateway")
    gateway.set(tls={"certificate": paths[0], "key": paths[1]})
    open_relay(gateway).start()
    old = der(paths[0])
    session = Client(gateway.tls_port, greet=False)
    session.wrap()
    session.reply()
    if broken == "gone":
        os.unlink(paths[0])
    elif broken == "mismatch":
        shutil.copy(certificates.pair("hop")[0], paths[0])
    else:
        with open(paths[broken == "key"], "w") as out:
            out.write("-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n")
    answer = gateway.run_ctl("reload")
    assert answer.code == 78 and paths[broken in ("key", "mismatch")] in answer.out + answer.err
    problem, = {line["text"] for line in gateway.wait_log("configuration-error")}
    assert problem.startswith(os.path.join(gateway.config, "00-gateway.conf:"))
    assert served(gateway.tls_port) == old
    put("hop")
    assert gateway.run_ctl("reload").code == 0
    assert served(gateway.tls_port) == der(certificates.pair("hop")[0]) != old
    session.say("NOOP", 250)
    session.close()


def encrypted(certificates, folder):
    key = os.path.join(folder, "encrypted.key")
    subprocess.run(["openssl", "pkey", "-in", certificates.pair("hop")[1], "-aes128", "-passout", "pass:open sesame", "-out", key], check=True)
    return certificates.pair("hop")[0], key


@pytest.mark.parametrize("passphrase, problem", [("open sesame", None), ("wrong", "the passphrase is wrong"),
                                                 (None, "the key is encrypted and there is no passphrase")])
def test_listener_with_an_encrypted_key(new_gateway, certificates, passphrase, problem):
    """A wrong passphrase is an error at the start, never a question on the terminal."""
    gateway = new_gateway()
    certificate, key = encrypted(certificates, gateway.folder)
    listener = {"address": "127.0.0.1", "port": gateway.tls_port, "tls": "implicit", "certificate": certificate, "key": key}
    if passphrase:
        listener["passphrase"] = passphrase
    gateway.set(listeners=[listener])
    if problem:
        done = gateway.check()
        assert done.code == 78 and done.err.splitlines()[0].endswith(': error: key "%s": %s' % (key, problem))
        assert "sesame" not in done.err
        return
    open_relay(gateway).start()
    assert served(gateway.tls_port) == der(certificate)


# --- 61: the next hop ---

SHOWS = ["good", "expired", "selfsigned", "wrong"]
NO_TLS = "no TLS"


def hop(new_sink, certificates, speaks, shows):
    if speaks == NO_TLS:
        return new_sink()
    certificate, key = certificates.pair({"good": "hop"}.get(shows, shows))
    return new_sink(tls=speaks, certificate=certificate, key=key)


# What the relay asks for (tls, verify), what the next hop speaks and shows, and what becomes of the mail: "tls", "clear", or None: it waits.
CELLS = []
for verify in (True, False):  # STARTTLS has a table of its own: test_tls_matrix.py
    CELLS += [("none", verify, "implicit", "good", None), ("opportunistic", verify, "implicit", "good", None), ("starttls", verify, "implicit", "good", None)]
    CELLS += [("implicit", verify, NO_TLS, None, None), ("implicit", verify, "starttls", "good", None)]
    CELLS += [("implicit", verify, "implicit", shows, "tls" if shows == "good" or not verify else None) for shows in SHOWS]


@pytest.mark.parametrize("tls, verify, speaks, shows, becomes", CELLS)
def test_61_mail_leaves_as_its_relay_asks_or_waits(new_gateway, new_sink, certificates, tls, verify, speaks, shows, becomes):
    sink, gateway = hop(new_sink, certificates, speaks, shows), new_gateway()
    open_relay(gateway, "out").relay("out", sink, tls=tls, verify=verify, ca=certificates.ca)
    gateway.set(queue__retry=["1h"], delivery__greeting="500ms").start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    if becomes:
        message, = sink.wait_messages(1)
        assert (message.session.tls is not None) == (becomes == "tls")
        gateway.wait_log("done", id=id)
        return
    line, = gateway.wait_log("deferred", id=id)
    assert line["stage"] in ("connect", "greeting", "starttls", "tls"), line
    if speaks == tls:
        assert "certificate" in line["raw"], line
    gateway.wait_log("later", id=id)
    assert not sink.messages and not sink.commands("MAIL") and not sink.commands("AUTH")
    assert not gateway.log("bounced")


CONSENTS = {"a refusal": "454 4.7.0 TLS not available", "a refusal for good": "502 5.5.1 what?", "consent without TLS": Act(raw=b"220 go\r\n220 really\r\n"),
            "consent and an end": Act("220 go", close=True)}


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("answer", list(CONSENTS))
def test_61_next_hop_that_offers_tls_and_fails_to_begin_it_gets_no_mail(new_gateway, new_sink, certificates, answer, verify):
    certificate, key = certificates.pair("hop")
    sink, gateway = new_sink(tls="starttls", certificate=certificate, key=key, script={"starttls": [CONSENTS[answer]] * 20}), new_gateway()
    open_relay(gateway, "out").relay("out", sink, tls="starttls", verify=verify, ca=certificates.ca).set(queue__retry=["1h"]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    gateway.wait_log("later", id=id)
    assert not sink.commands("MAIL") and not gateway.log("bounced")


@pytest.mark.parametrize("answer", list(CONSENTS))
def test_61_opportunistic_means_in_clear_where_tls_does_not_come_about(new_gateway, new_sink, certificates, answer):
    certificate, key = certificates.pair("hop")
    sink, gateway = new_sink(tls="starttls", certificate=certificate, key=key, script={"starttls": [CONSENTS[answer]] * 20}), new_gateway()
    open_relay(gateway, "out").relay("out", sink, tls="opportunistic").set(queue__retry=["1h"]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    message, = sink.wait_messages(1)
    assert message.session.tls is None and message.session.commands.count("STARTTLS") == 0  # a connection of its own


@pytest.mark.parametrize("host, shows, fine", [("localhost", "hop", True), ("127.0.0.1", "hop", True), ("127.0.0.1", "gateway", True),
                                               ("localhost", "wrong", False), ("127.0.0.2", "hop", False)])
def test_61_the_name_in_the_certificate_is_the_relays_host(new_gateway, new_sink, certificates, host, shows, fine):
    certificate, key = certificates.pair(shows)
    sink, gateway = new_sink(tls="implicit", certificate=certificate, key=key, address="0.0.0.0"), new_gateway()
    open_relay(gateway, "out").relay("out", host=host, port=sink.port, tls="implicit", ca=certificates.ca).set(queue__retry=["1h"]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    gateway.wait_log("done" if fine else "deferred", id=id)
    assert len(sink.messages) == fine


def test_61_without_a_ca_file_the_systems_authorities_count(new_gateway, new_sink, certificates):
    sink, gateway = hop(new_sink, certificates, "starttls", "good"), new_gateway()
    open_relay(gateway, "out").relay("out", sink, tls="starttls").set(queue__retry=["1h"]).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL))
    line, = gateway.wait_log("deferred", id=id)
    assert "certificate" in line["raw"] and not sink.commands("MAIL")


def test_a_fallback_is_used_by_its_own_rules(new_gateway, new_sink, certificates):
    """Mail that its relay would send in TLS only may leave in clear where the admin named a relay without: each relay says for itself."""
    bad, good, gateway = hop(new_sink, certificates, "starttls", "expired"), hop(new_sink, certificates, "starttls", "good"), new_gateway()
    open_relay(gateway, "first").relay("first", bad, tls="starttls", ca=certificates.ca, fallback=["second"])
    gateway.relay("second", good, tls="starttls", ca=certificates.ca).start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    message, = good.wait_messages(1)
    assert message.session.tls and not bad.messages


def test_our_certificate_is_shown_to_a_next_hop_that_asks(new_gateway, new_sink, certificates):
    certificate, key = certificates.pair("hop")
    sink, gateway = new_sink(tls="starttls", certificate=certificate, key=key, client_ca=certificates.ca), new_gateway()
    ours, our_key = encrypted(certificates, gateway.folder)
    open_relay(gateway, "out").relay("out", sink, tls="starttls", ca=certificates.ca, certificate=ours, key=our_key, passphrase="open sesame").start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(MAIL)
    message, = sink.wait_messages(1)
    assert message.session.client_certificate == der(ours)
