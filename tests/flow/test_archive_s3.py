"""What is archived is in the bucket soon, whatever happens to the line or the gateway; and out of the bucket alone it is an archive again."""
import base64
import glob
import hashlib
import os
import shutil

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.s3 import S3, says, until_there
from lib.waiting import wait_for

MAIL = b"From: ann@example.com\r\nTo: jane@customer.example\r\nSubject: the offer\r\nMessage-ID: <%d@crm>\r\n\r\nwords of wisdom %d\r\n"


@pytest.fixture
def s3(certificates, tmp_path):
    server = S3(certificates.pair("hop"), tmp_path / "s3")
    yield server
    server.close()


@pytest.fixture
def archived(new_gateway, new_sink, s3, certificates):
    def make(**options):
        gateway = open_relay(new_gateway(), "out")
        gateway.sink = new_sink()
        gateway.folder_of_archive = os.path.join(gateway.state, "archive")
        gateway.relay("out", gateway.sink)
        gateway.module("85-archive", "archive", {"delay": "20ms", "key_file": "STATE/wrap.key", **s3.options(certificates.ca, **options)})
        return gateway.start()
    return make


def send(gateway, octets, *rcpts):
    with Client(gateway.clear_port, ehlo="me") as client:
        return client.message(octets, "ann@example.com", *(rcpts or ("jane@customer.example",)))


def until_open(gateway):
    wait_for(lambda: "records" in says(gateway, "archive"), 15, lambda: gateway.log_text()[-3000:])


def large(size):
    """A mail that no compression makes smaller."""
    return MAIL % (7, 7) + b"".join(base64.b64encode(os.urandom(54)) + b"\r\n" for _ in range(size // 54))


@pytest.mark.heavy
def test_a_lost_machine(archived, s3):
    """Killed while a large object is on its way, it goes on where it was; who is forgotten is so there too; and all of it comes back when all is lost."""
    gateway = archived()
    until_open(gateway)
    ids = [queue_id(send(gateway, MAIL % (n, n), "jane@customer.example" if n else "joe@customer.example")) for n in range(3)]
    gateway.sink.wait_messages(3)
    until_there(gateway)
    assert " 0 faults" in gateway.text("archive", "verify", "--s3")

    def killed(request):
        if "partNumber=2" in request.path:
            gateway.wait_queue_empty()
            gateway.kill_all()
            return "before"
        return None
    s3.fault = killed
    ids.append(queue_id(send(gateway, large(9 << 20))))
    gateway.wait_end()
    s3.fault = lambda request: None
    gateway.start()
    until_there(gateway, 40)
    assert len(s3.asked("PUT", "partNumber=1&")) == 1 and len(s3.asked("POST", "?uploads=")) == 1
    assert "1 mails are gone" in gateway.text("archive", "forget", "joe@customer.example")
    until_there(gateway)
    assert " 0 faults" in gateway.text("archive", "verify", "--s3")
    link = gateway.text("archive", "verify").split()[-1]
    gateway.text("archive", "hold", "case-7", "--sender", "ann@example.com")
    wait_for(lambda: s3.asked("PUT", "/holds"))
    until_there(gateway)

    assert gateway.stop() == 0
    shutil.rmtree(gateway.folder_of_archive)
    gateway.start()
    assert wait_for(lambda: "stands still" in says(gateway, "s3"))
    assert send(gateway, MAIL % (9, 9)).code == 451
    assert "0 faults" in gateway.text("archive", "restore")
    until_open(gateway)
    ids.append(queue_id(send(gateway, MAIL % (8, 8))))
    wait_for(lambda: [row["id"] for row in gateway.ctl("archive", "search", "--sender", "ann@example.com")] == ids[:0:-1])
    assert " 0 faults" in gateway.text("archive", "verify", "--link", link)
    assert "case-7" in gateway.text("archive", "holds")
    until_there(gateway)
    assert " 0 faults" in gateway.text("archive", "verify", "--s3")


def refused(gateway, *words):
    answer = gateway.run_ctl("archive", *words)
    assert answer.code != 0, answer.out
    return answer.out + answer.err


def age(gateway, day):
    """As if the archive's only file were of that day: its name says it, and nothing else. The bucket has nothing of it yet."""
    [path] = glob.glob(os.path.join(gateway.folder_of_archive, "20*", "*.gwa"))
    os.makedirs(os.path.join(gateway.folder_of_archive, day[:7]), exist_ok=True)
    os.rename(path, os.path.join(gateway.folder_of_archive, day[:7], day + ".0.gwa"))
    shutil.rmtree(os.path.join(gateway.folder_of_archive, "index"))
    gateway.fragments["85-archive"]["archive"]["s3.prefix"] = "aged/"
    gateway.write()


@pytest.mark.heavy
def test_in_the_bucket_alone(archived, s3, tmp_path):
    """What is old is there alone: found, read and forgotten; when the bucket is not there, that is said, and mail goes on."""
    gateway = archived(local_days=0)
    until_open(gateway)
    ids = [queue_id(send(gateway, MAIL % (n, n), "jane@customer.example" if n else "joe@customer.example")) for n in range(2)]
    gateway.sink.wait_messages(2)
    assert gateway.stop() == 0
    age(gateway, "2026-01-05")
    gateway.start()
    ids.append(queue_id(send(gateway, MAIL % (2, 2))))
    gateway.sink.wait_messages(3)
    wait_for(lambda: says(gateway, "s3 alone") == "1 files", 20, lambda: gateway.log_text()[-3000:])
    assert not glob.glob(os.path.join(gateway.folder_of_archive, "2026-01", "*.gwa"))

    wait_for(lambda: len(gateway.ctl("archive", "search", "--sender", "ann@example.com")) == 3)
    assert gateway.text("archive", "show", ids[1]).count("jane@customer.example") >= 1
    assert "words of wisdom 1" in gateway.text("archive", "get", ids[1])
    assert "words of wisdom 1" in gateway.text("archive", "get", ids[1], "--arrived")
    assert "2 mails" in gateway.text("archive", "export", "--to", str(tmp_path / "out"), "--recipient", "jane@customer.example")
    assert " 0 faults" in gateway.text("archive", "verify") and " 0 faults" in gateway.text("archive", "verify", "--s3")

    s3.fault = lambda request: (503, {}, b"<Error><Code>SlowDown</Code></Error>")
    assert "503 SlowDown" in refused(gateway, "get", ids[1])
    assert "503 SlowDown" in refused(gateway, "forget", "joe@customer.example")
    assert "words of wisdom 2" in gateway.text("archive", "get", ids[2])
    s3.fault = lambda request: None
    assert "1 mails are gone" in gateway.text("archive", "forget", "joe@customer.example")
    assert "words of wisdom 1" in gateway.text("archive", "get", ids[1])
    assert " 0 faults" in gateway.text("archive", "verify")


def test_a_bucket_in_trouble(archived, s3):
    """503, a cut line, a refusal: mail goes on, the archive waits for the bucket, and says so once; a reload to another prefix brings all of it there."""
    gateway = archived(lock="compliance", lock_most=30)
    until_open(gateway)
    send(gateway, MAIL % (1, 1))
    gateway.sink.wait_messages(1)
    until_there(gateway)
    put = s3.asked("PUT", "/data/")[0]
    headers = {name.lower(): value for name, value in put.headers.items()}
    assert headers["x-amz-object-lock-mode"] == "COMPLIANCE" and headers["x-amz-object-lock-retain-until-date"].endswith("Z")
    assert headers["content-md5"] == base64.b64encode(hashlib.md5(put.body).digest()).decode()
    assert headers["x-amz-content-sha256"] == hashlib.sha256(put.body).hexdigest()
    assert not any("lock" in name.lower() for request in s3.asked("PUT", "/keys/") for name in request.headers)

    turns = iter(["before", (503, {}, b"<Error><Code>SlowDown</Code></Error>"), "after"])
    s3.fault = lambda request: next(turns, None) if request.method == "PUT" else None
    send(gateway, MAIL % (2, 2))
    gateway.sink.wait_messages(2)
    until_there(gateway)
    before = gateway.log_text().count("name=archive-s3-down")
    s3.fault = lambda request: (403, {}, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    send(gateway, MAIL % (3, 3))
    wait_for(lambda: gateway.log_text().count("name=archive-s3-down") == before + 1)
    assert "AccessDenied" in says(gateway, "s3")
    assert "\nWRONG " in gateway.text("status") and "AccessDenied" in gateway.text("status").split("\nWRONG ", 1)[1].split("\n")[0]
    send(gateway, MAIL % (4, 4))
    gateway.sink.wait_messages(4)
    s3.fault = lambda request: None
    until_there(gateway)
    wait_for(lambda: gateway.log_text().count("name=archive-s3-up") == before + 1)
    assert gateway.log_text().count("name=archive-s3-down") == before + 1
    assert " 0 faults" in gateway.text("archive", "verify", "--s3")

    gateway.fragments["85-archive"]["archive"]["s3.prefix"] = "elsewhere/"
    gateway.write()
    gateway.text("reload")
    wait_for(lambda: len(s3.asked("PUT", "/elsewhere/keys/")) >= 1)
    until_there(gateway)
    assert " 0 faults" in gateway.text("archive", "verify", "--s3")
    assert "S3RVER" not in gateway.log_text()
