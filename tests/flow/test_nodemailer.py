"""nodemailer, which others wrote, as a client of our listener: passwords and tokens, a pool over TLS, STARTTLS, attachments, DSN; and what it is
told where it may not."""
import base64
import email
import email.policy
import json
import os
import re
import subprocess

import pytest

from lib.gateway import ROOT
from lib.issuer import Issuer
from lib.npm import node

PDF = bytes(range(256)) * 40


@pytest.fixture
def gateway(new_gateway, new_sink, certificates, tmp_path):
    gateway, sink, issuer = new_gateway(), new_sink(), Issuer(certificates.pair("hop"), tmp_path)
    users = tmp_path / "users"
    users.write_text("crm:{PLAIN}SECRET-password::::::domains=example.com\n")
    os.chmod(users, 0o600)
    gateway.relay("out", sink).module("10-access", "access").module("60-routing", "routing", {"default": ["out"]})
    gateway.module("20-auth-password", "auth-password", {"users": str(users)})
    gateway.module("21-auth-token", "auth-token", {"issuer": issuer.url, "audience": ["smtp"], "keys_url": issuer.url + "/keys", "ca_file": certificates.ca})
    gateway.sink, gateway.issuer, gateway.ca = sink, issuer, certificates.ca
    yield gateway.start()
    issuer.close()


def transport(gateway, port, auth=None, **more):
    with open(gateway.ca) as file:
        return {"host": "localhost", "port": port, "name": "client.example.com", "tls": {"ca": file.read()}, **({"auth": auth} if auth else {}), **more}


def send(*jobs):
    process = node(os.path.join(ROOT, "tests", "npm", "send_mail.js"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out = process.communicate(json.dumps([{"transport": transport, "mails": mails} for transport, mails in jobs]).encode(), timeout=100)[0]
    return json.loads(out)


def mail(number, **more):
    return {"from": "Shop <shop@example.com>", "to": "b%d@one.example" % number, "subject": "Grüße %d" % number, "text": "äöü\n.\n..x\n", "html": "<p>äöü</p>",
            "attachments": [{"filename": "prüf.pdf", "content": base64.b64encode(PDF).decode(), "encoding": "base64", "contentType": "application/pdf"}], **more}


@pytest.mark.heavy
def test_what_nodemailer_sends_comes_out_as_it_was(gateway):
    password, token = {"user": "crm", "pass": "SECRET-password"}, gateway.issuer.token()
    oauth = {"type": "OAUTH2", "user": "crm@example.com"}
    dsn = {"id": "env=1", "return": "headers", "notify": ["success", "failure"], "recipient": "orig+1@one.example"}
    secure = {"secure": True}
    pooled, started, tokened, *wrong = send(
        (transport(gateway, gateway.tls_port, password, pool=True, maxConnections=3, maxMessages=4, **secure), [mail(n) for n in range(12)]),
        (transport(gateway, gateway.port, password, requireTLS=True, authMethod="LOGIN"), [mail(12, dsn=dsn)]),
        (transport(gateway, gateway.tls_port, {**oauth, "accessToken": token}, **secure), [mail(13)]),
        (transport(gateway, gateway.tls_port, {**oauth, "accessToken": token[:-8] + "AAAAAAAA"}, **secure), [mail(99)]),
        (transport(gateway, gateway.tls_port, {**password, "pass": "SECRET-wrong"}, **secure), [mail(99)]),
        (transport(gateway, gateway.tls_port, password, authMethod="CRAM-MD5", **secure), [mail(99)]),
        (transport(gateway, gateway.tls_port, **secure), [mail(99)]),
        (transport(gateway, gateway.port, password, ignoreTLS=True), [mail(99)]),
        (transport(gateway, gateway.tls_port, password, **secure), [mail(99, **{"from": "boss@other.example"})]))
    assert all(each.get("accepted") for each in pooled + started + tokened), pooled + started + tokened
    gateway.sink.wait_messages(14)
    for message in gateway.sink.messages:
        read = email.message_from_bytes(message.data, policy=email.policy.default)
        number = int(re.search(r"\d+", message.rcpts[0]).group())
        attachment, = read.iter_attachments()
        assert read["Subject"] == "Grüße %d" % number and attachment.get_content() == PDF and attachment.get_filename() == "prüf.pdf"
        assert read.get_body(("plain",)).get_content().replace("\r\n", "\n") == "äöü\n.\n..x\n"
    reported = next(message for message in gateway.sink.messages if message.rcpts == ["b12@one.example"])
    assert "RET=HDRS" in str(reported.params).upper() and "ENVID=" in str(reported.params).upper()
    assert "SUCCESS,FAILURE" in str(reported.rcpt_params).upper() and "orig+2B1@one.example" in str(reported.rcpt_params)
    assert len({line["id"] for line in gateway.log("received")}) == 14 and len(gateway.log("login")) <= 3 + 3 + 2 + 1

    # a wrong token and password, a mechanism that there is not, no login, none in clear (where nodemailer says no password), another's domain
    assert [each[0]["responseCode"] for each in wrong] == [535, 535, 504, 550, 550, 550], wrong
    assert "other.example" in wrong[5][0]["response"]
    text = gateway.log_text()
    assert "SECRET" not in text and token not in text
