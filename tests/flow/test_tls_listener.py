"""What a listener shows and asks in a handshake: certificates by name and kind of key, versions, certificates of clients."""
import os
import shutil
import socket
import ssl
import subprocess

import pytest

from conftest import open_relay
from lib.client import Client


@pytest.fixture(scope="module")
def pairs(certificates):
    """More servers of the authority's: (certificate, key) by name; rsa.pem has the names of gateway.pem."""
    certificates.issue("second", "DNS:second.example.com,DNS:*.wide.example.com")
    with open(certificates.path("rsa.ext"), "w") as out:
        out.write("subjectAltName=DNS:relay.example.com,DNS:localhost,IP:127.0.0.1\n")
    certificates.run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-keyout", "rsa.key", "-out", "rsa.csr")
    certificates.run("x509", "-req", "-in", "rsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "rsa.ext", "-out", "rsa.pem")
    return {name: certificates.pair(name) for name in ("second", "rsa", "gateway", "hop", "selfsigned")}


def group(pair):
    return {"certificate": pair[0], "key": pair[1]}


def der(pair):
    with open(pair[0]) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def shake(port, name=None, own=None, **settings):
    """The server's certificate and the version; ssl.SSLError: the handshake failed. `own` is the client's pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own:
        context.load_cert_chain(*own)
    context.set_ciphers(settings.pop("ciphers", "DEFAULT:@SECLEVEL=0"))
    for key, value in settings.items():
        setattr(context, key, value)
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain, server_hostname=name) as peer:
        assert peer.recv(3) == b"220"  # of TLS 1.3 a client's certificate is looked at after its own handshake
        return peer.getpeercert(True), peer.version()


@pytest.fixture
def listening(new_gateway, new_sink):
    def make(listener=None, tls=None, start=True):
        gateway = new_gateway()
        open_relay(gateway, "out").relay("out", new_sink())
        gateway.set(**{"tls__" + key: value for key, value in (tls or {}).items()})
        gateway.set(listeners=[{"address": "127.0.0.1", "port": gateway.tls_port, "tls": "implicit", **(listener or {})}])
        return gateway.start() if start else gateway
    return make


NEW, OLD = {"minimum_version": ssl.TLSVersion.TLSv1_3}, {"maximum_version": ssl.TLSVersion.TLSv1_2}
RSA_ONLY, EC_ONLY = {**OLD, "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"}, {**OLD, "ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}
SHOWN = [(None, NEW, "gateway"), ("relay.example.com", NEW, "gateway"), ("nobody.example.com", NEW, "gateway"), ("second.example.com", NEW, "second"),
         ("SECOND.example.com", OLD, "second"), ("a.wide.example.com", NEW, "second"), ("a.b.wide.example.com", NEW, "gateway"),
         ("relay.example.com", RSA_ONLY, "rsa"), ("relay.example.com", EC_ONLY, "gateway")]


@pytest.mark.parametrize("where", ["tls", "listener"])
def test_certificates_are_shown_by_name_and_by_what_the_client_can_read(listening, pairs, where):
    more = {"certificates": [group(pairs["second"]), group(pairs["rsa"])]}
    gateway = listening(tls=more) if where == "tls" else listening({**group(pairs["gateway"]), **more})
    for name, settings, shown in SHOWN:
        assert shake(gateway.tls_port, name, **settings)[0] == der(pairs[shown]), (name, shown)


@pytest.mark.parametrize("tls, offers, version", [
    ({}, {}, "TLSv1.3"), ({}, OLD, "TLSv1.2"), ({}, {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}, None),
    ({"minimum": "1.3"}, {}, "TLSv1.3"), ({"minimum": "1.3"}, OLD, None), ({}, {**OLD, "ciphers": "AES128-SHA"}, None),
    ({"ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384"}, EC_ONLY, None), ({"ciphers": "ECDHE-ECDSA-AES128-GCM-SHA256"}, EC_ONLY, "TLSv1.2")])
def test_versions_and_ciphers_are_those_of_the_settings(listening, tls, offers, version):
    gateway = listening(tls=tls)
    if version:
        assert shake(gateway.tls_port, **offers)[1] == version
        return
    with pytest.raises((ssl.SSLError, OSError)):
        shake(gateway.tls_port, **offers)


def test_required_certificates_of_clients(listening, pairs, certificates):
    gateway = listening({"client_certificate": "require", "client_ca": certificates.ca})
    shake(gateway.tls_port, own=pairs["hop"])
    for own in (None, pairs["selfsigned"]):
        with pytest.raises((ssl.SSLError, OSError, AssertionError)):
            shake(gateway.tls_port, own=own)


def test_asked_for_certificates_keep_nobody_out(listening, pairs, certificates):
    gateway = listening({"client_ca": certificates.ca})
    for own in (None, pairs["hop"], pairs["selfsigned"]):
        shake(gateway.tls_port, own=own)


WRONG = [({"client_ca": "CA", "tls": "none"}, {}, "client_ca needs TLS"), ({"certificates": ["second"]}, {}, "stand beside a certificate of the listener's own"),
         ({}, {"certificates": ["gateway"]}, "another one with the same names"), ({}, {"ciphers": "no such cipher"}, "none of them is known"),
         ({}, {"certificates": [{"certificate": "/nonexistent"}]}, "No such file")]


@pytest.mark.parametrize("listener, tls, problem", WRONG)
def test_what_cannot_be_is_told_at_the_start(listening, pairs, certificates, listener, tls, problem):
    def real(keys):
        keys = dict(keys)
        if "certificates" in keys:
            keys["certificates"] = [group(pairs[one]) if isinstance(one, str) else one for one in keys["certificates"]]
        return {key: certificates.ca if value == "CA" else value for key, value in keys.items()}
    done = listening(real(listener), real(tls), start=False).check()
    assert done.code == 78 and problem in done.err and "00-gateway.conf:" in done.err, done.err


SOURCES = {"file": "file:{folder}/words", "environment": "env:TLS_WORDS", "command": "exec:/bin/cat {folder}/words"}


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize("words, fine", [("open sesame", True), ("close barley", False)])
def test_passphrases_come_from_anywhere_and_are_never_asked_for(listening, pairs, monkeypatch, source, words, fine):
    gateway = listening(start=False)
    key, file = os.path.join(gateway.folder, "locked.key"), os.path.join(gateway.folder, "words")
    subprocess.run(["openssl", "pkey", "-in", pairs["second"][1], "-aes128", "-passout", "pass:open sesame", "-out", key], check=True)
    with open(file, "w") as out:
        out.write(words + "\n")
    os.chmod(file, 0o600)
    monkeypatch.setenv("TLS_WORDS", words)
    gateway.set(tls__certificates=[{"certificate": pairs["second"][0], "key": key, "passphrase": SOURCES[source].format(folder=gateway.folder)}])
    done = gateway.check()
    assert (done.code == 0) == fine and words not in done.err + done.out, done.err
    assert fine or ("the passphrase is wrong" in done.err and "00-gateway.conf:" in done.err)


def test_a_reload_with_a_bad_key_keeps_what_was_shown(listening, pairs):
    gateway = listening(start=False)
    copy = tuple(os.path.join(gateway.folder, "copy" + end) for end in (".pem", ".key"))
    for source, target in zip(pairs["second"], copy):
        shutil.copy(source, target)
    gateway.set(tls__certificates=[group(copy)]).start()
    session = Client(gateway.tls_port, greet=False)
    session.wrap()
    assert session.reply().code == 220
    shutil.copy(pairs["hop"][1], copy[1])
    done = gateway.run_ctl("reload")
    assert done.code != 0 and "the key does not match the certificate" in done.out + done.err
    assert shake(gateway.tls_port, "second.example.com")[0] == der(pairs["second"])
    session.say("NOOP", 250)
    session.close()
