"""A relay that is Azure Communication Services Email, with an access key: it is told the mail and asked until it says that it was sent; what it
cannot be told has the next relay; a kill before its answer sends nothing twice."""
import threading
from email.message import EmailMessage

import pytest

from lib.azure_mail import KEY, AzureMail
from lib.client import Client
from lib.waiting import wait_for


@pytest.fixture
def azure(certificates):
    server = AzureMail(certificates.pair("hop"))
    yield server
    server.close()


@pytest.fixture
def desk(new_gateway, new_sink, azure, certificates):
    gateway, spare = new_gateway(), new_sink()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing", {"default": ["acs", "spare"]})
    gateway.module("20-auth-password", "auth-password", {}).module("95-mail-api", "mail-api", {"ca_file": certificates.ca})
    gateway.relay("acs", tls="starttls", api="azure", api_url=azure.url, auth={"user": "acs", "password": KEY})
    gateway.relay("spare", spare)
    gateway.set(queue__retry=["200ms"])
    gateway.start()
    return gateway, spare


def mail(to="b@one.example", **fields):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "relay@example.com", to, "Grüße"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("plain äöü\n")
    message.add_alternative("<p>äöü</p>\n", subtype="html")
    message.add_attachment(bytes(range(256)), maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes().replace(b"\n", b"\r\n")


def send(gateway, data, *rcpts):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        client.message(data, "relay@example.com", *rcpts)


def test_it_is_told_the_mail_and_says_when_it_was_sent(desk, azure):
    gateway, spare = desk
    said = gateway.run_ctl("relay", "test", "acs")
    assert said.code == 0 and not azure.posts, said.out
    send(gateway, mail(List_Unsubscribe="<https://example.com/u>"), "b@one.example", "blind@one.example")
    gateway.wait_queue_empty()
    told, = azure.mails()
    assert told["recipients"] == {"to": [{"address": "b@one.example"}], "bcc": [{"address": "blind@one.example"}]}
    assert told["senderAddress"] == "relay@example.com" and told["headers"]["List-Unsubscribe"] == "<https://example.com/u>"
    content = {key: value.replace("\r\n", "\n") for key, value in told["content"].items()}
    assert content == {"subject": "Grüße", "plainText": "plain äöü\n", "html": "<p>äöü</p>\n"}
    assert told["attachments"][0]["name"] == "a.pdf" and told["attachments"][0]["contentInBase64"].startswith("AAECAwQF")
    assert len(azure.posts) == 1 and not spare.messages
    assert "operation " + azure.posts[0] in gateway.log("delivered", relay="acs")[0]["text"]
    send(gateway, mail().replace(b"multipart/mixed", b"multipart/related"), "b@one.example")
    spare.wait_messages(1)
    assert len(azure.posts) == 1 and "multipart/related" in gateway.log_text()
    assert KEY not in gateway.log_text() + gateway.text("status") + gateway.text("relay", "show", "acs")
    assert "bounces are in Azure alone" in gateway.text("relay", "show", "acs")


def test_a_kill_before_its_answer_sends_nothing_twice(desk, azure):
    gateway, spare = desk
    gate = threading.Event()
    azure.answers = [lambda request: gate.wait(30) and None]
    send(gateway, mail(), "b@one.example")
    wait_for(lambda: azure.posts)
    gateway.kill()
    gate.set()
    gateway.start()
    gateway.wait_queue_empty()
    assert len(azure.posts) == 1 and not spare.messages and gateway.log("delivered", relay="acs")
