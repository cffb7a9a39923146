"""What leaves has its copy on disk before, whatever happens; and the copy is found, and is what left, octet for octet."""
import glob
import hashlib
import mailbox
import os
import shutil
import subprocess

import pytest

from conftest import open_relay
from lib.clamd import FakeClamd
from lib.client import Client, queue_id
from lib.gateway import built
from lib.s3 import says
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
    author = MAIL.replace(b"From: ann@", b"From: \"Ann A.\" <Ann.Author@").replace(b"wisdom", b"folly") % (8, 8)
    gone = queue_id(send(gateway, author))
    wait_for(lambda: [row["id"] for row in found(gateway, "--person", "ann.author@example.com")] == [gone])
    assert [row["id"] for row in found(gateway, "--sender", "ann.author@example.com")] == [gone]
    shown = gateway.text("archive", "show", ids[1])
    assert "blind@hidden.example" in shown and "delivered" in shown and row["sha256"] in shown, shown
    assert row["sha256"] == hashlib.sha256(large).hexdigest() and row["count"] == 2
    assert any("archived as " + row["sha256"] in str(line) for line in gateway.explain(ids[1]))
    shutil.rmtree(os.path.join(gateway.folder_of_archive, "index"))
    assert gateway.stop() == 0
    gateway.start()
    wait_for(lambda: len(found(gateway, "--words", "wisdom")) == 2)


LETTER = b"""From: ann@example.com
To: jane@customer.example
Subject: files
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

From the beginning
--b
Content-Type: application/octet-stream; name="../../x/offer.bin"
Content-Disposition: attachment
Content-Transfer-Encoding: base64

AAECA/8AIQ==
--b
Content-Type: application/octet-stream; name="offer.bin"
Content-Transfer-Encoding: base64

AAA=
--b--
""".replace(b"\n", b"\r\n")


def test_files_and_proof(archived, tmp_path):
    """Attachments, a mail in each format with hashes that sha256sum knows; what is changed on disk is named; who is forgotten is gone."""
    gateway = archived()
    ids = [queue_id(send(gateway, LETTER)), queue_id(send(gateway, MAIL % (2, 2), "joe@customer.example"))]
    sent = {message.rcpts[0]: message.data for message in gateway.sink.wait_messages(2)}
    wait_for(lambda: len(found(gateway, "--sender", "@example.com")) == 2)
    gateway.text("archive", "get", ids[0], "--attachments", str(tmp_path / "files"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()} == {"offer.bin": b"\0\1\2\3\xff\0!", "2-offer.bin": b"\0\0"}
    for form in ("eml", "maildir", "mbox"):
        folder = tmp_path / form
        assert "2 mails" in gateway.text("archive", "export", "--to", str(folder), "--format", form, "--sender", "ann@example.com")
        subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
        again = gateway.run_ctl("archive", "export", "--to", str(folder), "--format", form, "--sender", "ann@example.com")
        assert again.code and "File exists" in again.err
    assert sorted(path.read_bytes() for path in (tmp_path / "eml").glob("*.eml")) == sorted(sent.values())
    box = mailbox.Maildir(tmp_path / "maildir", create=False)
    assert len(box) == 2 and len(mailbox.mbox(tmp_path / "mbox" / "mail.mbox")) == 2
    said = gateway.text("archive", "verify")
    assert " 0 faults" in said
    assert "1 mails are gone" in gateway.text("archive", "forget", "joe@customer.example")
    assert [row["id"] for row in found(gateway, "--sender", "@example.com")] == ids[:1]
    assert " 0 faults" in gateway.text("archive", "verify", "--link", said.split()[-1])
    name, = glob.glob(os.path.join(gateway.folder_of_archive, "*", "*.gwa"))
    with open(name, "r+b") as file:
        file.seek(300)
        octet = file.read(1)
        file.seek(300)
        file.write(bytes([octet[0] ^ 1]))
    answer = gateway.run_ctl("archive", "verify")
    assert answer.code == 65 and "1 faults" in answer.err and "it was changed" in answer.err


def test_killed_at_any_moment(archived):
    """Killed while mail leaves, again and again: whatever reached the sink is in the archive, which verifies."""
    gateway = archived()
    for turn in range(3):
        for n in range(20):
            send(gateway, MAIL % (100 * turn + n, n))
        gateway.kill()
        gateway.start()
    gateway.wait_queue_empty()
    wait_for(lambda: len(found(gateway, "--limit", "1000")) == 60)
    assert " 0 faults" in gateway.text("archive", "verify")
    kept = {row["message_id"] for row in found(gateway, "--limit", "1000")}
    assert {message.header("Message-ID").strip("<>") for message in gateway.sink.messages} == kept


@pytest.mark.heavy
def test_a_spill_is_killed(archived):
    """While the archive cannot be written its copies are on another disk; killed there, on the way back and behind it, each is in the archive once."""
    gateway = archived(on_error="continue", spill="STATE/spill")
    waiting = os.path.join(gateway.state, "spill", "20*", "*")
    send(gateway, MAIL % (0, 0))
    gateway.sink.wait_messages(1)
    gateway.wait_queue_empty()
    wait_for(lambda: len(found(gateway)) == 1 and says(gateway, "waiting") == "0 octets")
    [month] = glob.glob(os.path.join(gateway.folder_of_archive, "20*"))
    for turn in range(2):
        gateway.kill_all()
        gateway.wait_end()
        os.rename(month, month + "-aside")
        open(month, "w").close()
        gateway.start()
        with Client(gateway.clear_port, ehlo="me") as client:
            for n in range(20):
                client.message(MAIL % (100 * turn + n + 1, n), "ann@example.com", "jane@customer.example")
        gateway.wait_queue_empty()
        wait_for(lambda: glob.glob(waiting) and says(gateway, "waiting") == "0 octets")
        if turn:
            gateway.kill_all()
            gateway.wait_end()
        os.unlink(month)
        os.rename(month + "-aside", month)
        if turn:
            gateway.start()
            gateway.kill_all()
            gateway.wait_end()
            gateway.start()
        wait_for(lambda: not glob.glob(waiting), 15, lambda: gateway.log_text()[-3000:])
    wait_for(lambda: len(found(gateway, "--limit", "1000")) == 41)
    assert gateway.text("archive", "verify").startswith("123 objects in ")


def test_the_chain_as_one(new_gateway, new_sink, tmp_path):
    """Scanned, with its notice, signed, and what is archived is what left after all of that; explain tells each step."""
    os.chmod(tmp_path, 0o755)
    clamd = FakeClamd(str(tmp_path / "clamd.sock"))
    key = str(tmp_path / "s1.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    gateway = open_relay(new_gateway(), "out")
    sink = new_sink()
    gateway.relay("out", sink, dkim=True).module("30-antivirus", "antivirus", {"clamd": [clamd.name]})
    gateway.module("40-disclaimer", "disclaimer", {"notices": [{"name": "legal", "text": "This mail is of our company, and meant for you alone."}], "rules": [{"notice": "legal"}]})
    gateway.module("80-dkim", "dkim", {"keys": [{"domain": "example.com", "selector": "s1", "key": key}]})
    gateway.module("85-archive", "archive", {"delay": "20ms"}).start()
    id = queue_id(send(gateway, MAIL % (1, 1)))
    left = sink.wait_messages(1)[0].data
    assert b"This mail is of our company" in left and b"DKIM-Signature:" in left and clamd.scans == [MAIL % (1, 1)]
    wait_for(lambda: found(gateway, "--id", id))
    assert get(gateway, id) == left and get(gateway, id, "--arrived") == MAIL % (1, 1)
    told = [str(row) for row in gateway.explain(id)]
    assert all(any(words in row for row in told) for words in ("scanned by", "legal", "s1", "archived as"))
    assert gateway.stop() == 0
    clamd.close()
