"""Mail is scanned before its 250: what is infected does not pass, and what nobody scanned is never called clean."""
import email.message
import email.policy
import io
import os
import re
import signal
import socket
import threading
import zipfile

import pytest

from conftest import open_relay
from lib.clamd import EICAR, INSTALLED, Clamd, FakeClamd, FakeIcap
from lib.client import Client, queue_id
from lib.waiting import wait_for

CLEAN = b"From: a@example.com\r\nSubject: one\r\n\r\nhello\r\n"
BAD = b"From: a@example.com\r\nSubject: two\r\n\r\nVIRUS\r\n"


@pytest.fixture
def scanned(new_gateway, new_sink):
    """A gateway with antivirus that asks these clamds."""
    def make(*names, **options):
        gateway = open_relay(new_gateway(), "out")
        gateway.sink = new_sink()
        gateway.relay("out", gateway.sink).module("30-antivirus", "antivirus", {"clamd": list(names), "check": "200ms", **options})
        return gateway.start()
    return make


@pytest.fixture
def fakes(tmp_path):
    made = [FakeClamd(str(tmp_path / "clamd.sock")), FakeClamd()]
    os.chmod(tmp_path, 0o755)
    yield made
    for fake in made:
        fake.close()


def send(gateway, octets):
    with Client(gateway.clear_port, ehlo="me") as client:
        return client.message(octets)


def counters(gateway):
    return {key.split(".", 1)[1]: value for key, value in gateway.status()["metrics"].items() if key.startswith("antivirus.")}


def reasons(gateway, id):
    return [str(row) for row in gateway.explain(id) if row["event"] == "reason" and row["details"]["by"] == "30-antivirus"]


def test_by_descriptor_and_by_stream(scanned, fakes):
    """Small and large, the scanner has the octets that the client sent; what is found is refused by name."""
    for fake, command in zip(fakes, ("zFILDES", "zINSTREAM")):
        gateway = scanned(fake.name)
        large = CLEAN + b"0123456789\r\n" * 30000
        for octets in (CLEAN, large):
            reply = send(gateway, octets)
            assert reply.code == 250 and fake.scans[-1] == octets
            assert any("scanned by %s: clean" % fake.name in text for text in reasons(gateway, queue_id(reply)))
        reply = send(gateway, BAD)
        assert (reply.code, reply.text) == (554, "5.7.1 antivirus: virus found: Test.Virus")
        assert set(fake.commands) == {"zVERSION", command}
        gateway.sink.wait_messages(2)
        assert gateway.stop() == 0


FAULTS = {
    "garbage": lambda link: link.sendall(b"\xff\xfe 250 OK\0"),
    "ok alone": lambda link: link.sendall(b"OK\0"),
    "two answers": lambda link: link.sendall(b"fd[7]: OK\0fd[7]: OK\0"),
    "no end": lambda link: link.sendall(b"x" * 5000),
    "error": lambda link: link.sendall(b"fd[7]: Can't open file ERROR\0"),
    **{"closed after %d" % n: lambda link, n=n: link.sendall(b"fd[7]: OK"[:n]) for n in range(10)},
}


def test_no_fault_is_clean(scanned, fakes):
    """Each wrong answer, closed at each octet, silent, early, gone: 451, and nothing is delivered. A clamd that is well takes over."""
    gateway = scanned(fakes[0].name, timeout="1s", cache=0)
    for name, fault in FAULTS.items():
        fakes[0].fault = fault
        reply = send(gateway, CLEAN)
        assert (name, reply.code, reply.text) == (name, 451, "4.7.1 antivirus: it cannot be scanned now")
    fakes[0].fault, fakes[0].before = None, lambda link: link.recv(1000) and link.recv(1000)
    assert send(gateway, CLEAN).code == 451
    fakes[0].before = None
    fakes[0].close()
    assert send(gateway, CLEAN).code == 451
    wait_for(lambda: "down: " in gateway.text("status"), 10, "a clamd that is down")
    assert "30-antivirus.conf" in gateway.text("check") and "nothing answers at " in gateway.text("check")
    assert counters(gateway)["failed"] == len(FAULTS) + 2 and "clean" not in counters(gateway)
    fakes[0].open()
    assert send(gateway, CLEAN).code == 250
    gateway.sink.wait_messages(1)
    assert len(gateway.sink.messages) == 1


def test_who_is_not_scanned_does_not_wait(scanned, fakes):
    """clamd says nothing: mail that a rule does not have scanned goes through meanwhile, over a reload too, and the scan ends as it would."""
    asked, go_on = threading.Event(), threading.Event()

    def before(link):
        fakes[0].file(link)
        asked.set()
        go_on.wait(20)
        link.sendall(b"fd[7]: Late.Virus FOUND\0")
    fakes[0].before = before
    gateway = scanned(fakes[0].name, connections=1, rules=[{"type": ["mass"], "scan": False}], check="1h")
    with Client(gateway.clear_port, ehlo="me") as client:
        client.envelope()
        client.say("DATA", 354)
        client.send(CLEAN + b".\r\n")
        assert asked.wait(20)
        gateway.fragments["20-type"] = {"module": "classify", "classify": {"rules": [{"name": "all", "type": "mass", "header": ["Subject"]}]}}
        gateway.write()
        gateway.ctl("reload")
        replies = [send(gateway, CLEAN) for _ in range(5)]
        assert {reply.code for reply in replies} == {250}
        assert any("not scanned: a rule says scan = false" in text for text in reasons(gateway, queue_id(replies[-1])))
        go_on.set()
        assert client.reply().text == "5.7.1 antivirus: virus found: Late.Virus"


def test_an_answer_octet_by_octet_is_one(scanned, fakes):
    def slowly(link):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in b"stream: OK\0":
            link.sendall(bytes([octet]))
    fakes[1].fault = slowly
    assert send(scanned(fakes[1].name), CLEAN).code == 250


def test_clean_before_it_had_all_is_not_clean(scanned, fakes):
    def early(link):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.sendall(b"stream: OK\0")
        link.recv(1, socket.MSG_WAITALL)
        wait_for(lambda: held.is_set(), 10, "the answer")
    held, fakes[1].before = threading.Event(), early
    gateway = scanned(fakes[1].name)
    assert send(gateway, CLEAN + b"0123456789\r\n" * 700000).code == 451
    held.set()
    assert gateway.log("reason", by="30-antivirus")[0]["text"].startswith("not scanned: it answered before it had all")


def test_the_next_clamd_takes_over(scanned, fakes):
    gateway = scanned(fakes[0].name, fakes[1].name, cache=0)
    fakes[0].fault = FAULTS["garbage"]
    assert send(gateway, CLEAN).code == 250 and len(fakes[1].scans) == 1
    fakes[0].close()
    assert send(gateway, BAD).code == 554 and len(fakes[1].scans) == 2


def test_what_each_option_makes_of_it(scanned, fakes):
    """Held, let through or refused, as said, and told so; a rule for a type goes before."""
    gateway = scanned(fakes[0].name, infected="hold", on_error="skip", oversize="skip", encrypted="reject", max_size=200, cache=0)
    held = queue_id(send(gateway, BAD))
    row, = gateway.queue("--status", "held", "--reason", "virus found")
    assert (row["id"], row["last"]) == (held, "antivirus: virus found: Test.Virus")
    assert any("virus found: Test.Virus" in text and "kept on hold, as infected says" in text for text in reasons(gateway, held))
    fakes[0].answer = "Heuristics.Encrypted.Zip FOUND"
    assert send(gateway, CLEAN).text == "5.7.1 antivirus: encrypted content: Heuristics.Encrypted.Zip"
    fakes[0].fault = FAULTS["garbage"]
    id = queue_id(send(gateway, CLEAN))
    assert any("not scanned: " in text and "let through, as on_error says" in text for text in reasons(gateway, id))
    id = queue_id(send(gateway, CLEAN + b"VIRUS\r\n" * 100))
    assert any("too large to be scanned: " in text and "let through, as oversize says" in text for text in reasons(gateway, id))
    gateway.fragments["30-antivirus"]["antivirus"]["rules"] = [{"type": ["individual"], "infected": "reject", "on_error": "reject"}]
    gateway.fragments["20-type"] = {"module": "classify", "classify": {"rules": [{"name": "all", "type": "individual", "header": ["Subject"]}]}}
    gateway.write()
    gateway.ctl("reload")
    fakes[0].fault = fakes[0].answer = None
    wait_for(lambda: send(gateway, BAD).code == 554, 10, "the rule")
    gateway.ctl("queue", "release", held)
    wait_for(lambda: any(b"VIRUS" in message.data for message in gateway.sink.messages), 10, "what was released")
    told = gateway.log("module-event")
    assert [line for line in told if "virus" in line["raw"]]


def test_what_is_kept_has_verbs_that_touch_nothing_else(scanned, fakes):
    gateway = scanned(fakes[0].name, infected="hold", cache=0)
    kept, dropped = queue_id(send(gateway, BAD)), queue_id(send(gateway, BAD))
    gateway.ctl("relay", "off", "out")
    other = queue_id(send(gateway, CLEAN))
    gateway.ctl("queue", "hold", other)
    assert {row["id"] for row in gateway.ctl("antivirus", "list")} == {kept, dropped}
    assert kept in gateway.text("antivirus") and kept in gateway.text("antivirus", "list")
    assert "virus found: Test.Virus" in gateway.text("antivirus", "show", kept)
    for wrong in (["release"], ["release", "--all"], ["drop", "--held", kept], ["list", kept], ["mend", kept]):
        assert gateway.run_ctl("antivirus", *wrong).code == 65
    assert gateway.run_ctl("antivirus", "release", other).code != 0
    gateway.ctl("antivirus", "drop", dropped)
    gateway.ctl("antivirus", "release", kept)
    gateway.ctl("relay", "on", "out")
    message, = gateway.sink.wait_messages(1)
    assert b"VIRUS" in message.data
    wait_for(lambda: [row["id"] for row in gateway.queue()] == [other], 10, "all but what an admin held to be done")
    assert not gateway.ctl("antivirus", "list")


def test_what_was_scanned_is_known_until_the_signatures_change(scanned, fakes):
    gateway = scanned(fakes[0].name)
    wait_for(lambda: "27000" in gateway.text("status"), 10, "the version")
    assert [send(gateway, octets).code for octets in (CLEAN, BAD, CLEAN, BAD)] == [250, 554, 250, 554]
    assert fakes[0].scans == [CLEAN, BAD] and counters(gateway)["cached"] == 2
    fakes[0].version = fakes[0].version.replace("27000", "27001")
    wait_for(lambda: "27001" in gateway.text("status"), 10, "the new version")
    assert send(gateway, CLEAN).code == 250 and len(fakes[0].scans) == 3


# --- Debian's clamd ---

def zipped(name, octets):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return file.getvalue()


def letter(attached, encoding=None, count=1):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.net", "see attached"
    mail.set_content("hello\n")
    for n in range(count - 1):
        mail.add_attachment(b"nothing %d" % n, maintype="application", subtype="octet-stream", filename="%d.bin" % n)
    mail.add_attachment(attached, maintype="application", subtype="octet-stream", filename="a.zip", **({"cte": encoding} if encoding else {}))
    return mail


def nested(mail):
    outer = email.message.EmailMessage()
    outer["From"], outer["Subject"] = "a@example.com", "Fwd"
    outer.set_content("forwarded\n")
    outer.add_attachment(mail)
    return outer


def octets(mail):
    return mail.as_bytes(policy=email.policy.SMTP)


INFECTED = {
    "plain": lambda: b"From: a@example.com\r\n\r\n" + EICAR + b"\r\n",
    "base64": lambda: octets(letter(EICAR)),
    "quoted-printable": lambda: octets(letter(EICAR, "quoted-printable")),
    "zip": lambda: octets(letter(zipped("a.com", EICAR))),
    "zip in zip": lambda: octets(letter(zipped("b.zip", zipped("a.com", EICAR)))),
    "nested": lambda: octets(nested(nested(letter(zipped("a.com", EICAR))))),
    "tenth": lambda: octets(letter(EICAR, count=10)),
    "wrong encoding": lambda: b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n" + EICAR + b"\r\n",
}


@pytest.mark.skipif(not INSTALLED, reason="clamd is not installed")
def test_no_eicar_passes_the_real_clamd(scanned, tmp_path):
    """By descriptor and by stream; stopped, it is 451, and of what it has not seen nothing is delivered; over its limit, oversize decides."""
    os.chmod(tmp_path, 0o755)
    clamd = Clamd(tmp_path / "clamd").start()
    try:
        for name in (clamd.path, "127.0.0.1:%d" % clamd.port):
            gateway = scanned(name, timeout="3s", infected="reject")
            replies = {case: send(gateway, make()) for case, make in INFECTED.items()}
            assert {case: (reply.code, reply.text) for case, reply in replies.items()} == dict.fromkeys(
                INFECTED, (554, "5.7.1 antivirus: virus found: Eicar-Test.UNOFFICIAL"))
            assert send(gateway, octets(letter(zipped("a.txt", b"hello")))).code == 250
            gateway.sink.wait_messages(1)
            if name != clamd.path:
                assert send(gateway, CLEAN + b"0123456789\r\n" * 100000).code == 552
            assert gateway.stop() == 0
        gateway = scanned(clamd.path, timeout="500ms")
        clamd.process.send_signal(signal.SIGSTOP)
        assert send(gateway, INFECTED["plain"]()).code == 451
        clamd.process.send_signal(signal.SIGCONT)
        wait_for(lambda: send(gateway, INFECTED["plain"]()).code == 554, 10, "clamd to go on")
        assert not gateway.sink.messages
    finally:
        clamd.stop()


@pytest.mark.heavy
@pytest.mark.skipif(not INSTALLED, reason="clamd is not installed")
def test_a_large_mail_and_a_clamd_that_is_killed_over_it(scanned, tmp_path):
    """20 MB with EICAR at its end is found both ways; a clamd that dies while it scans has scanned nothing, and a new one goes on."""
    os.chmod(tmp_path, 0o755)
    clamd = Clamd(tmp_path / "clamd", "30M").start()
    mail = letter(b"nothing", count=9)
    mail.add_attachment(os.urandom(14 << 20), maintype="application", subtype="octet-stream", filename="large.bin")
    mail.add_attachment(EICAR, maintype="application", subtype="octet-stream", filename="last.com")
    large = octets(mail)
    try:
        gateway = scanned("127.0.0.1:%d" % clamd.port)
        assert send(gateway, large).code == 554 and gateway.stop() == 0
        gateway = scanned(clamd.path)
        clamd.process.send_signal(signal.SIGSTOP)
        with Client(gateway.clear_port, ehlo="me", timeout=60) as client:
            client.envelope()
            client.say("DATA", 354)
            client.send(large + b".\r\n")
            wait_for(lambda: re.search(r"antivirus scanning +1\b", gateway.text("status")), 20, lambda: gateway.text("status"))
            clamd.process.kill()
            clamd.process.wait()
            assert client.reply().code == 451
            clamd.start()
            assert client.message(large).code == 554
        assert not gateway.sink.messages
    finally:
        clamd.stop()


# --- ICAP ---

def test_an_icap_service_is_asked_as_a_clamd_is(scanned):
    icap = FakeIcap()
    gateway = scanned(icap.name, cache=0)
    large = CLEAN + b"".join(b"%07d hello\r\n" % i for i in range(100000))
    for mail in (CLEAN, large):
        queue_id(send(gateway, mail))
        assert icap.scans[-1].endswith(mail)
    assert send(gateway, BAD).text == "5.7.1 antivirus: virus found: Test Virus"
    assert send(gateway, large + b"VIRUS\r\n").code == 554
    for answer in ("ICAP/1.0 404 No such service", "ICAP/1.0 200 OK", "HTTP/1.1 204 No", "ICAP/1.0 500 x\r\n" + "a: b\r\n" * 5000):
        icap.answer = answer
        assert send(gateway, CLEAN).code == 451
    icap.answer = None
    for early in (lambda connection: connection.close(), lambda connection: icap.say(connection, "ICAP/1.0 204 Too soon"),
                  lambda connection: connection.sendall(b"ICAP/1.0 204 N")):
        icap.before = early
        assert send(gateway, large * 12).code == 451 # more than sockets hold
    icap.before = None
    wait_for(lambda: send(gateway, CLEAN).code == 250, 10, "the service to be asked again")
    icap.methods = "REQMOD"
    wait_for(lambda: "down: what answers there is no ICAP service with RESPMOD" in gateway.text("status"), 10, "the look")
    icap.close()


def test_the_tag_of_an_icap_service_empties_the_cache(scanned):
    icap = FakeIcap()
    gateway = scanned(icap.name)
    wait_for(lambda: "OPTIONS" in icap.commands and gateway.text("status").find("T-1") > 0, 10, "its tag")
    assert send(gateway, CLEAN).code == 250 and send(gateway, CLEAN).code == 250
    assert len(icap.scans) == 1
    icap.tag = '"T-2"'
    wait_for(lambda: gateway.text("status").find("T-2") > 0, 10, "the other tag")
    assert send(gateway, CLEAN).code == 250 and len(icap.scans) == 2
    icap.close()
