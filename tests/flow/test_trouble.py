"""What is wrong shows: a line in status, as text and as JSON, and for its beginning and its end one in the log and an event."""
import os
import signal
import subprocess

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"From: a@example.com\r\nSubject: trouble\r\n\r\nhello\r\n"


def wrong(gateway):
    return {row["name"]: row["text"] for row in gateway.ctl("status")["wrong"]}


def told(gateway, event, what):
    """Its line in the log, alone, and the event that a module heard."""
    line, = gateway.wait_log(event, what=what)
    wait_for(lambda: 'event %s client= code=0 json={"what":"%s"}' % (event, what) in gateway.log_text().replace('\\"', '"'), 10,
             lambda: "the event of %s %s:\n%s" % (event, what, gateway.log_text()))
    return line


def send(gateway, data=MAIL):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return client.message(data, "a@example.com", "b@example.net")


@pytest.fixture
def listening(new_gateway, new_sink):
    """A gateway that is not started yet, with a module that logs every event."""
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink())
    return gateway.probe("45-ears", options={"log_events": True})


def test_every_line_of_the_text_stands_in_the_json(pair):
    gateway, sink = pair()
    lines, text = gateway.ctl("status")["lines"], gateway.text("status")
    labels = {line["what"] for line in lines}
    shown = [line for line in text.splitlines()[1:] if line and not line.startswith(" ")]
    assert len(shown) == len(lines) and all(any(line.startswith(label + " ") for label in labels) for line in shown)


def test_a_spool_that_fills_while_it_runs_and_is_emptied(listening, disk):
    gateway = listening.set(spool__min_free="1M").start(env=disk.env)
    assert wrong(gateway) == {} and send(gateway).code == 250
    disk.fails("room ENOSPC path=spool")
    line = told(gateway, "trouble", "spool full")
    text = wrong(gateway)["spool full"]
    assert line["text"] == text and text in gateway.text("status")
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert client.say("MAIL FROM:<a@example.com> SIZE=100").code == 452
    disk.heals()
    told(gateway, "trouble-over", "spool full")
    assert "spool full" not in wrong(gateway) and send(gateway).code == 250


def test_held_mail_is_trouble_until_somebody_decides(listening):
    gateway = listening.probe("46-hold", options={"message.verdict": "hold"}).start()
    ids = [queue_id(send(gateway)) for _ in range(2)]
    told(gateway, "trouble", "held")
    assert wrong(gateway)["held"].startswith("2 messages are on hold")
    gateway.ctl("queue", "delete", ids[0])
    assert wrong(gateway)["held"].startswith("1 messages are on hold")
    gateway.ctl("queue", "release", ids[1])
    told(gateway, "trouble-over", "held")
    gateway.wait_queue_empty()
    assert "held" not in wrong(gateway)


def test_held_mail_is_still_trouble_after_a_restart(listening):
    gateway = listening.probe("46-hold", options={"message.verdict": "hold"}).start()
    send(gateway)
    gateway.restart()
    assert wrong(gateway)["held"].startswith("1 messages are on hold")


def test_refused_mail_and_a_module_that_fails(listening):
    gateway = listening.probe("46-fails", options={"message.verdict": "failed"}).start()
    assert send(gateway).code == 451 and send(gateway).code == 451
    told(gateway, "trouble", "module 46-fails")
    told(gateway, "trouble", "refused mail")
    found = wrong(gateway)
    assert "failed 2 times in the last hour" in found["module 46-fails"]
    assert found["refused mail"].startswith("2 messages were refused in the last hour")


def test_a_crash_names_module_and_hook_and_one_without_a_module_does_not(listening):
    gateway = listening.probe("46-dies", options={"mail.way": "crash", "only": "crash@"}).start()
    first = gateway.serving_pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gateway.serving_pid not in (None, first), 30, "the next process")
    gateway.wait_ready()
    assert "module" not in told(gateway, "trouble", "crash")["text"]
    second = gateway.serving_pid
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        try:
            client.say("MAIL FROM:<crash@example.com>")
        except (EOFError, OSError):
            pass
    wait_for(lambda: gateway.serving_pid not in (None, second), 30, "the next process")
    gateway.wait_ready()
    assert "died in module 46-dies, hook mail" in wrong(gateway)["crash"]
    assert "died in module 46-dies, hook mail" in gateway.wait_log("trouble", what="crash", count=2)[1]["text"]


def certificate(folder, days):
    """Files of a certificate that ends in so many days."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj",
                    "/CN=localhost", "-keyout", str(folder / ("%d.key" % days)), "-out", str(folder / ("%d.pem" % days))], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return str(folder / ("%d.pem" % days)), str(folder / ("%d.key" % days))


@pytest.mark.parametrize("days,why", ((-1, "it has expired"), (13, "it expires within 14 days")))
def test_a_certificate_that_ends_stands_in_status_until_a_reload_brings_another(listening, certificates, tmp_path, days, why):
    gateway = listening
    pem, key = certificates.pair("expired") if days < 0 else certificate(tmp_path, days)
    gateway.set(tls__certificate=pem, tls__key=key).start()
    found = wrong(gateway)
    assert len(found) == 2 and all(name.startswith("certificate 127.0.0.1:") and why in text for name, text in found.items()), found
    assert all(text in gateway.text("status") for text in found.values())
    for name, text in found.items():
        assert told(gateway, "trouble", name)["text"] == text
    pem, key = certificate(tmp_path, 15)
    gateway.set(tls__certificate=pem, tls__key=key).write()
    gateway.ctl("reload")
    assert wrong(gateway) == {}
    for name in found:
        told(gateway, "trouble-over", name)


def test_a_relay_lists_what_modules_add(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).module("70-quota", "quota").start()
    rows = gateway.ctl("options", "relay")
    assert {"relay", "quota", "routing"} <= {row["owner"] for row in rows}
    assert any(row["key"] == "relay: daily_limit" for row in rows)
    assert {"on_error", "deadline"} <= {row["key"] for row in gateway.ctl("options", "fragment")}
