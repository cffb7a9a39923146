"""The programs that people send mail with hand it in as they do everywhere: over STARTTLS and implicit TLS, with PLAIN and LOGIN. What
arrives at the next hop is what was handed in, under one Received field."""
import email.utils
import os
import re
import smtplib
import socket
import ssl
import subprocess

import pytest

from lib.waiting import PATIENCE

EML = (b"From: Anna <anna@example.com>\r\nTo: Bert <bert@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <%d@example.com>\r\n"
       b"X-Folded: one\r\n\ttwo\r\n   three \r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
       b"Hello,\r\n.\r\n..two dots\r\n.a dot\r\ntrailing blanks  \t\r\n\r\n\xc3\xa4\xc3\xb6\xc3\xbc\r\nend\r\n")
counter = iter(range(1, 1000000))


def new_eml():
    return EML % next(counter)


def take(plain, text):
    """What arrived of this text; fails when its bytes are others but for one Received field on top."""
    mark = re.search(rb"Message-ID: [^\r]*", text).group(0)

    def found():
        return [message for message in plain.sink.messages if mark in message.data]
    plain.sink.wait(found, 10, mark.decode())
    message, = found()
    received = re.match(rb"Received: from [^\r]*\r\n(?:[ \t][^\r]*\r\n)+", message.data)
    assert received, message.data[:300]
    assert message.data[received.end():] == text
    message.received = received.group(0).decode()
    return message


@pytest.fixture
def ports(plain):
    return {"starttls": plain.gateway.port, "implicit": plain.gateway.tls_port}


def run(*command, given=b"", env=None):
    done = subprocess.run(command, input=given, capture_output=True, timeout=30 * PATIENCE, env={**os.environ, **(env or {})})
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def check_envelope(message, secured=True):
    assert message.sender == "anna@example.com"
    assert message.rcpts == ["bert@example.net"]
    assert ("with ESMTPSA" if secured else "with ESMTP") in message.received
    assert "for <bert@example.net>" in message.received
    when = message.received.rsplit(";", 1)[1].strip()
    assert email.utils.parsedate_to_datetime(when), when


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_swaks(plain, ports, tls, mechanism, certificates, tmp_path):
    text, file = new_eml(), tmp_path / "mail.eml"
    file.write_bytes(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")  # without its fixup, swaks sends what it reads
    out = run("swaks", "--server", "127.0.0.1", "--port", str(ports[tls]), "--tls" if tls == "starttls" else "--tls-on-connect", "--tls-verify",
              "--tls-ca-path", certificates.ca, "--auth", mechanism, "--auth-user", "anna", "--auth-password", "secret word", "--from",
              "anna@example.com", "--to", "bert@example.net", "--data", "@" + str(file), "--no-data-fixup", "--ehlo", "desk.example.com")
    assert b"queued as" in out
    check_envelope(take(plain, text))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_smtplib(plain, ports, tls, mechanism, certificates):
    text = new_eml()
    context = ssl.create_default_context(cafile=certificates.ca)
    if tls == "implicit":
        client = smtplib.SMTP_SSL("localhost", ports[tls], context=context, timeout=15 * PATIENCE)
    else:
        client = smtplib.SMTP("localhost", ports[tls], timeout=15 * PATIENCE)
        client.starttls(context=context)
    with client:
        client.ehlo("desk.example.com")
        client.user, client.password = "anna", "secret word"
        client.auth(mechanism, client.auth_plain if mechanism == "PLAIN" else client.auth_login, initial_response_ok=mechanism == "PLAIN")
        assert client.sendmail("anna@example.com", ["bert@example.net"], text, mail_options=["BODY=8BITMIME"]) == {}
    message = take(plain, text)
    check_envelope(message)
    assert "from desk.example.com ([127.0.0.1])" in message.received


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_curl(plain, ports, tls, mechanism, certificates, tmp_path):
    text, file = new_eml(), tmp_path / "mail.eml"
    file.write_bytes(text)
    run("curl", "-sS", "--url", "%s://localhost:%d/desk.example.com" % ("smtps" if tls == "implicit" else "smtp", ports[tls]), "--ssl-reqd",
        "--cacert", certificates.ca, "--user", "anna:secret word", "--login-options", "AUTH=" + mechanism, "--mail-from", "anna@example.com",
        "--mail-rcpt", "bert@example.net", "--upload-file", str(file))
    check_envelope(take(plain, text))


@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_msmtp(plain, ports, tls, mechanism, certificates, tmp_path):
    text = new_eml()
    rc = tmp_path / "msmtprc"
    rc.write_text("account default\nhost localhost\nport %d\ntls on\ntls_starttls %s\ntls_trust_file %s\nauth %s\nuser anna\npassword secret word\n"
                  "from anna@example.com\ndomain desk.example.com\n" % (ports[tls], "on" if tls == "starttls" else "off", certificates.ca, mechanism))
    rc.chmod(0o600)
    run("msmtp", "-C", str(rc), "--set-date-header=off", "bert@example.net", given=text.replace(b"\r\n", b"\n"))
    message = take(plain, text)
    check_envelope(message)


def test_openssl_s_client(plain, ports, certificates):
    """The certificate is the configured one, and the dialogue goes on inside TLS."""
    out = run("openssl", "s_client", "-connect", "localhost:%d" % ports["starttls"], "-starttls", "smtp", "-CAfile", certificates.ca,
              "-verify_return_error", "-verify_hostname", "relay.example.com", "-crlf", "-quiet", given=b"EHLO me\nQUIT\n")
    assert b"250" in out


def test_several_messages_in_one_session(plain, ports):
    texts = [new_eml() for _ in range(5)]
    with smtplib.SMTP("127.0.0.1", plain.gateway.clear_port, timeout=15 * PATIENCE) as client:
        for text in texts:
            client.sendmail("anna@example.com", ["bert@example.net"], text)
    for text in texts:
        check_envelope(take(plain, text), secured=False)


def test_ipv6_peers_are_named_as_such(new_gateway, new_sink):
    from conftest import open_relay
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no ::1 here")
    sink, gateway = new_sink(), new_gateway()
    open_relay(gateway, "out").relay("out", sink)
    gateway.set(listeners=[{"address": "::1", "port": gateway.clear_port, "tls": "none"}]).start()
    with smtplib.SMTP("::1", gateway.clear_port, timeout=15 * PATIENCE) as client:
        client.sendmail("anna@example.com", ["bert@example.net"], new_eml())
    assert b"([IPv6:::1])" in sink.wait_messages(1)[0].data
