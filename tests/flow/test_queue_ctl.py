"""gatewayctl: every verb, for people and as JSON; what it says of mail that waits, is done, was given back; and who may ask."""
import json
import os
import pwd
import re
import socket

import pytest

from conftest import open_relay
from lib.client import Client, queue_id
from lib.sink import OK
from lib.waiting import wait_for

VERBS = ["status", "queue list", "queue show", "queue retry", "queue hold", "queue release", "queue bounce", "queue move", "relay list", "relay show", "relay add", "relay rm",
         "relay off", "relay on", "relay resume", "relay test", "message explain", "modules", "hooks", "options", "check", "reload"]
MAIL = b"From: a@example.com\r\nSubject: queue\r\n\r\nhello\r\n"


@pytest.fixture
def stuck(pair):
    """A gateway whose next hop puts everything off, until the script is cleared."""
    return pair(settings={"queue.retry": ["1h"]}, script={"mail": lambda session, line: OK if "<>" in line else "451 4.7.1 greylisted"})


def send(gateway, sender="a@example.com", *rcpts):
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        return queue_id(client.message(MAIL, sender, *rcpts))


def send_stuck(gateway, sender="a@example.com", *rcpts):
    id = send(gateway, sender, *rcpts)
    gateway.wait_log("later", id=id)
    return id


def row_of(gateway, id):
    return next((row for row in gateway.queue() if row["id"] == id), None)


def test_help_names_every_verb(plain):
    names = {row["verb"] for row in plain.gateway.ctl("help")}
    assert set(VERBS) <= names
    text = plain.gateway.text("help")
    assert all(re.search(r"(?m)^%s\b" % verb, text) for verb in VERBS)


def test_help_names_what_modules_answer_too(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).module("70-quota", "quota").start()
    assert {"verb": "quota", "arguments": "[NAME]"}.items() <= next(row for row in gateway.ctl("help") if row["verb"] == "quota").items()


@pytest.mark.parametrize("verb", ["help", "status", "queue list", "modules", "hooks", "options", "check"])
def test_every_listing_is_text_for_people_and_json_for_programs(plain, verb):
    text = plain.gateway.text(*verb.split())
    assert text.strip() and not text.lstrip().startswith(("{", "["))
    assert isinstance(plain.gateway.ctl(*verb.split()), (dict, list))
    behind = plain.gateway.run_ctl(*verb.split(), "--json")
    assert behind.code == 0 and json.loads(behind.out) is not None


def test_status_counts(pair):
    gateway, sink = pair()
    send(gateway)
    sink.wait_messages(1)
    gateway.wait_queue_empty()
    status = gateway.ctl("status")
    assert status["counters"]["messages"] == 1 and status["counters"]["delivered"] == 1
    assert status["spool"]["state"] == "fine" and status["workers"] == 2
    relay, = status["relays"]
    assert relay["name"] == "out" and relay["sent"] == 1
    assert re.search(r"relay out +1 connections", gateway.text("status"))


def test_queue_list_filters(stuck):
    gateway, sink = stuck
    first = send_stuck(gateway, "anna@example.com", "x@one.example")
    second = send_stuck(gateway, "bert@example.com", "y@two.example", "z@three.example")
    rows = gateway.ctl("queue", "list")
    assert [row["id"] for row in rows] == [first, second]
    assert rows[0]["state"] == "waiting" and rows[0]["attempts"] == 1 and "greylisted" in rows[0]["last"]
    assert [row["id"] for row in gateway.ctl("queue", "list", "--from", "bert")] == [second]
    assert [row["id"] for row in gateway.ctl("queue", "list", "--to", "three.example")] == [second]
    assert gateway.ctl("queue", "list", "--held") == []
    assert len(gateway.ctl("queue", "list", "--limit", "1")) >= 1
    text = gateway.text("queue", "list")
    assert first in text and second in text and "greylisted" in text
    assert gateway.run_ctl("queue", "list", "--bogus").code == 64


def test_queue_list_names_one_that_is_not_done(pair):
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, script={"rcpt": lambda session, line: "451 4.2.1 later" if "late@" in line else OK})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@example.com", "done@example.net", "late@example.net"))
    row = wait_for(lambda: (row_of(gateway, id) or {}).get("attempts") == 1 and row_of(gateway, id), 10)
    assert (row["to"], row["pending"]) == ("late@example.net", 1) and "later" in row["last"]


def test_queue_show_tells_each_recipient(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway, "anna@example.com", "x@one.example", "y@two.example")
    shown, = gateway.ctl("queue", "show", id)
    assert {rcpt["to"] for rcpt in shown["rcpts"]} == {"x@one.example", "y@two.example"}
    for rcpt in shown["rcpts"]:
        assert (rcpt["status"], rcpt["relay"], rcpt["code"]) == ("pending", "out", 451)
        assert rcpt["host"].startswith("127.0.0.1 ")
    assert shown["helo"] == "client.example.com" and shown["peer"] == "127.0.0.1"
    assert shown["received"] < shown["expires"]
    assert "y@two.example" in gateway.text("queue", "show", id)
    missing = gateway.run_ctl("queue", "show", "1AAAAAAAAAAAA")
    assert missing.code == 69 and "queued" in missing.err


def test_retry_hold_release_bounce_of_one(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    gateway.ctl("queue", "hold", id)
    row = row_of(gateway, id)
    assert row["state"] == "held" and row["last"].startswith("by an admin; before that: ")
    assert [row["id"] for row in gateway.ctl("queue", "list", "--held")] == [id]
    assert gateway.status()["queue"] == {"waiting": 0, "active": 0, "held": 1, "in_memory": 0}
    for words in ((id,), ("--all",)):  # who wants mail to go does not end a hold
        refused = gateway.run_ctl("queue", "retry", *words)
        assert refused.code == 69 and "0 messages: due now; 1 on hold stays there" in refused.err, refused.err
    assert row_of(gateway, id)["state"] == "held"
    gateway.ctl("queue", "release", id)
    wait_for(lambda: row_of(gateway, id)["attempts"] == 2, 5)
    gateway.ctl("queue", "retry", id)
    wait_for(lambda: row_of(gateway, id)["attempts"] == 3, 5)
    gateway.ctl("queue", "bounce", id)
    report, = sink.wait_messages(1)
    assert report.sender == "" and report.rcpts == ["a@example.com"]
    gateway.wait_queue_empty()


def test_what_was_released_and_put_off_is_not_on_hold_again(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    for tries in range(2, 6):
        gateway.ctl("queue", "hold", id)
        gateway.ctl("queue", "release", id)
        wait_for(lambda: row_of(gateway, id)["attempts"] >= tries, 5)
        wait_for(lambda: row_of(gateway, id)["state"] != "active", 5)
        assert row_of(gateway, id)["state"] == "waiting"


def test_orders_for_all(stuck):
    gateway, sink = stuck
    ids = [send_stuck(gateway, "n%d@example.com" % i) for i in range(5)]
    assert "5 messages" in gateway.ctl("queue", "hold", "--all")["text"]
    assert {row["state"] for row in gateway.queue()} == {"held"}
    sink.script.clear()
    gateway.ctl("queue", "release", "--all")
    sink.wait_messages(5)
    gateway.wait_queue_empty()
    assert ids


def test_orders_for_what_is_not_there(plain):
    for verb in ("retry", "hold", "release", "bounce"):
        answer = plain.gateway.run_ctl("queue", verb, "1AAAAAAAAAAAA")
        assert answer.code == 69 and "not queued" in answer.err
        assert plain.gateway.run_ctl("queue", verb).code == 64
        assert plain.gateway.run_ctl("queue", verb, "no/id").code == 64


def test_changes_are_logged_with_the_callers_uid(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    gateway.ctl("queue", "hold", id)
    line, = gateway.wait_log("control")
    assert line["uid"] == str(os.getuid()) and line["command"] == "queue hold " + id
    gateway.ctl("status")
    assert len(gateway.log("control")) == 1


def test_explain_while_it_waits(stuck):
    gateway, sink = stuck
    id = send_stuck(gateway)
    events = [row["event"] for row in gateway.ctl("message", "explain", id)]
    assert events == ["received", "reason", "deferred", "later"]
    assert "greylisted" in gateway.text("message", "explain", id)


def test_explain_when_it_is_delivered(pair):
    gateway, sink = pair()
    id = send(gateway)
    gateway.wait_log("done", id=id)
    rows = gateway.ctl("message", "explain", id)
    assert [row["event"] for row in rows] == ["received", "reason", "delivered", "done"]
    delivered = rows[2]["details"]
    assert (delivered["to"], delivered["relay"], delivered["code"]) == ("b@example.net", "out", "250")
    text = gateway.text("message", "explain", id)
    assert "relay=out" in text and "by default: out" in text


def test_explain_when_it_was_given_back_names_its_report(pair):
    gateway, sink = pair(script={"rcpt": lambda session, line: "550 5.1.1 nobody" if "b@" in line else OK})
    id = send(gateway)
    gateway.wait_log("done", id=id)
    rows = gateway.ctl("message", "explain", id)
    assert [row["event"] for row in rows] == ["received", "reason", "bounced", "report", "reporting", "done"]
    assert "nobody" in rows[2]["what"]
    report = rows[3]["details"]["report"]
    gateway.wait_log("done", id=report)
    assert {"reporting", "submitted", "delivered"} <= {row["event"] for row in gateway.ctl("message", "explain", report)}


def test_explain_when_no_route_takes_it(new_gateway):
    """The words of the module that refused it are in the explanation."""
    gateway = new_gateway()
    gateway.probe(options={"rcpt.verdict": "accept"}).module("60-routing", "routing").start()
    id = send(gateway, "")
    gateway.wait_log("done", id=id)
    assert "no relay is set" in gateway.text("message", "explain", id)


def test_explain_knows_nothing_of_others(plain):
    answer = plain.gateway.run_ctl("message", "explain", "1AAAAAAAAAAAA")
    assert answer.code == 69 and "nothing" in answer.err
    assert plain.gateway.run_ctl("message", "explain").code == 64
    assert plain.gateway.run_ctl("message", "explain", "../../etc/passwd").code == 64


def test_explain_survives_a_restart(pair):
    gateway, sink = pair()
    id = send(gateway)
    gateway.wait_log("done", id=id)
    gateway.restart()
    assert [row["event"] for row in gateway.explain(id)] == ["received", "reason", "delivered", "done"]


def test_modules_and_hooks_show_the_chain(plain):
    modules = {row["instance"]: row for row in plain.gateway.ctl("modules")}
    assert modules["40-probe"]["module"] == "probe" and "route" in modules["60-routing"]["hooks"].split()
    hooks = {row["hook"]: row for row in plain.gateway.ctl("hooks")}
    assert hooks["route"]["chain"] == "40-probe 60-routing"
    assert hooks["rcpt"]["otherwise"] == "no vote: 550 5.7.1"


def test_options_of_the_gateway_a_relay_and_a_module(plain):
    keys = {(row["owner"], row["key"]) for row in plain.gateway.ctl("options")}
    assert ("gateway", "queue.retry") in keys and ("relay", "host") in keys and ("routing", "relay: domains") in keys
    assert {row["owner"] for row in plain.gateway.ctl("options", "routing")} == {"routing"}
    assert plain.gateway.run_ctl("options", "nosuch").code == 69


def test_verbs_of_a_module(plain):
    counts = plain.gateway.ctl("probe", "counts")
    assert counts["control"] >= 1
    failed = plain.gateway.run_ctl("probe", "fail")
    assert failed.code != 0 and "the probe was told to fail" in failed.err + failed.out


def test_unknown_verbs(plain):
    for words in (["frobnicate"], ["queue"], ["queue", "frobnicate"], ["status-quo"]):
        answer = plain.gateway.run_ctl(*words)
        assert answer.code == 64 and "help" in answer.err, words
    assert plain.gateway.run_ctl().code == 64


def test_no_gateway(tmp_path, plain):
    from lib.gateway import built
    import subprocess
    done = subprocess.run([built("bin", "gatewayctl"), "--socket", str(tmp_path / "none"), "status"], capture_output=True, text=True)
    assert done.returncode == 69 and "does the gateway run" in done.stderr


# --- who may ---

def test_without_groups_the_socket_keeps_others_out(plain):
    assert os.stat(plain.gateway.socket_path).st_mode & 0o777 == 0o600


def group_of_nobody():
    import grp
    return grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name


@pytest.fixture
def open_to(new_gateway, new_sink):
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")

    def make(**control):
        gateway = new_gateway()
        open_relay(gateway, "out").relay("out", new_sink()).set(**control).start()
        os.chmod(gateway.folder, 0o755)
        os.chmod(gateway.state, 0o755)
        return gateway
    return make


def as_nobody(gateway, *words):
    """What nobody is told, straight over the socket: gatewayctl itself may lie where nobody can read."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        entry = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.write(write, json.dumps(gateway.ask(*words)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text)


def test_view_group_may_look_and_not_change(open_to):
    gateway = open_to(control__view_group=group_of_nobody())
    assert as_nobody(gateway, "status")["code"] == 0
    assert as_nobody(gateway, "queue", "hold", "--all")["code"] == 77
    assert as_nobody(gateway, "reload")["code"] == 77
    assert as_nobody(gateway, "check")["code"] == 77
    assert not gateway.log("control")


def test_admin_group_may_change(open_to):
    gateway = open_to(control__admin_group=group_of_nobody())
    assert as_nobody(gateway, "queue", "retry", "--all")["code"] == 0
    assert gateway.wait_log("control")[0]["uid"] == str(pwd.getpwnam("nobody").pw_uid)


# --- the socket is treated as hostile ---

HOSTILE = [b"\n", b"{}\n", b"[]\n", b"null\n", b'{"words": "status"}\n', b'{"words": [1]}\n', b'{"words": ["status\\u0000x"]}\n', b'{"words": [[]]}\n',
           b'{"words": ["' + b"x" * 60000 + b'"]}\n', b"x" * 70000 + b"\n", b"[" * 30000 + b"\n", b'{"words": ["queue", "list", "--limit", "99999999999999999999"]}\n',
           b'{"words": ["queue","show","\xff\xfe"]}\n', b'{"words": [' + b'"a",' * 100 + b'"b"]}\n', b"\0\0\0\n", b'{"words": ["message", "explain", "%s%n%x"]}\n']


@pytest.mark.parametrize("octets", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_on_the_control_socket(plain, octets):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(plain.gateway.socket_path)
        sock.sendall(octets)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    assert plain.gateway.ask("status")["code"] == 0


def test_questions_left_before_their_answer(plain):
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(plain.gateway.socket_path)
            try:
                sock.sendall(b'{"words": ["status"]}\n{"words": ["queue", "list"]}\n{"words": ["message", "explain", "1AAAAAAAAAAAA"]}\n')
            except OSError:
                pass  # more than it takes at once
    wait_for(lambda: (plain.gateway.ask("status") or {}).get("code") == 0, 5, "the socket to answer again")


def test_two_questions_in_one_segment_get_two_answers(plain):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(plain.gateway.socket_path)
        sock.sendall(b'{"words": ["help"]}\n{"words": ["hooks"]}\n')
        got = b""
        while got.count(b"\n") < 2:
            part = sock.recv(65536)
            assert part, got[-200:]
            got += part
    assert all(json.loads(line)["code"] == 0 for line in got.splitlines())
