"""What leaves has its copy on disk before, whatever happens; and the copy is found, and is what left, octet for octet."""
import hashlib
import os
import shutil
import subprocess

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.gateway import built
from lib.waiting import wait_for

MAIL = b"From: ann@example.com\r\nTo: jane@customer.example\r\nSubject: the offer\r\nMessage-ID: <%d@crm>\r\n\r\nwords of wisdom %d\r\n"


@pytest.fixture
def archived(new_gateway, new_sink):
    """A gateway that archives, and its sink."""
    def make(**options):
        gateway = open_relay(new_gateway(), "out")
        gateway.sink = new_sink()
        gateway.folder_of_archive = os.path.join(gateway.state, "archive")
        gateway.relay("out", gateway.sink).module("85-archive", "archive", {"delay": "20ms", **options})
        return gateway.start()
    return make


def send(gateway, octets, *rcpts):
    with Client(gateway.clear_port, ehlo="me") as client:
        return client.message(octets, "ann@example.com", *(rcpts or ("jane@customer.example",)))


def found(gateway, *words):
    return gateway.ctl("archive", "search", *words)


def get(gateway, *words):
    return subprocess.run([built("bin", "gatewayctl"), "--socket", gateway.socket_path, "archive", "get", *words], capture_output=True, check=True).stdout


def test_kept_found_and_read(archived):
    """Both forms come out as they were, with blind recipients and what became of them."""
    gateway = archived()
    large = MAIL % (7, 7) + b"0123456789abcdef\r\n" * 50000
    ids = [queue_id(send(gateway, octets, "jane@customer.example", "blind@hidden.example")) for octets in (MAIL % (1, 1), large)]
    sent = gateway.sink.wait_messages(2)
    wait_for(lambda: len(found(gateway, "--recipient", "blind@hidden.example")) == 2)
    wait_for(lambda: all(row["status"] == "delivered" for row in found(gateway, "--sender", "ann@example.com")))
    assert [row["id"] for row in found(gateway, "--words", "wisdom")] == ids[::-1]
    assert [row["id"] for row in found(gateway, "--message-id", "<7@crm>")] == ids[1:]
    assert sorted(get(gateway, id) for id in ids) == sorted(message.data for message in sent)
    assert get(gateway, ids[1], "--arrived") == large
    row = found(gateway, "--id", ids[1])[0]
    assert row["sha256"] == hashlib.sha256(large).hexdigest() and row["count"] == 2
    assert any("archived as " + row["sha256"] in str(line) for line in gateway.explain(ids[1]))
    shutil.rmtree(os.path.join(gateway.folder_of_archive, "index"))
    assert gateway.stop() == 0
    gateway.start()
    wait_for(lambda: len(found(gateway, "--words", "wisdom")) == 2)
