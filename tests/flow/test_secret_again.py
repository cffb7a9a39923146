"""The password of a next hop is read again when its file changes, without a reload."""
import os

from conftest import open_relay
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\n\r\nx\r\n"


def put(path, text, mode=0o600):
    with open(os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def test_a_new_password_is_used_and_a_file_that_is_none_takes_nothing_away(new_gateway, new_sink):
    sink, gateway = new_sink(users={"relay": "SECRET-new"}), new_gateway()
    path = os.path.join(gateway.folder, "password")
    put(path, "SECRET-old\n")
    open_relay(gateway, "out").relay("out", sink, clear_login=True, auth={"user": "relay", "password": "file:" + path})
    gateway.module("20-auth-password", "auth-password").set(delivery__idle="10ms")
    gateway.start()

    def send():
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            return queue_id(client.message(MAIL, "a@example.com", "b@one.example"))
    id = send()
    assert gateway.wait_log("deferred", id=id)[0]["stage"] == "auth"
    put(path, "SECRET-new\n")  # the next attempt has it
    gateway.wait_log("delivered", id=id)
    put(path, "SECRET-open\n", 0o604)
    wait_for(lambda: "keeps its password" in gateway.log_text() and "open to others" in gateway.log_text())
    gateway.wait_log("delivered", id=send())
    assert "SECRET" not in gateway.log_text()
