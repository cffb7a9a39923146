"""Words of the verbs: what a verb does not know is refused, what chooses messages chooses them for every verb, and many are changed only after a
question."""
import os
import re
import subprocess

import pytest

from lib.client import Client, queue_id
from lib.gateway import built
from lib.sink import OK
from lib.terminal import on_terminal
from lib.waiting import PATIENCE, wait_for

MAIL = b"From: a@example.com\r\nSubject: verbs\r\n\r\nhello\r\n"
MANUALS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "gateway", "dist", "man")
CHANGES = ["retry", "hold", "release", "bounce", "move"]


@pytest.fixture
def stuck(pair):
    """Three messages for one.example and two for two.example, which wait; their reports are taken."""
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, script={"mail": lambda session, line: OK if "<>" in line else "451 4.7.1 greylisted"})
    ids = []
    for sender, rcpt in (("a@x.example", "b@one.example"), ("a@x.example", "c@one.example"), ("a@y.example", "d@one.example"),
                         ("a@x.example", "e@two.example"), ("a@y.example", "f@two.example")):
        with Client(gateway.clear_port, ehlo="client.example.com") as client:
            ids.append(queue_id(client.message(MAIL, sender, rcpt)))
    for id in ids:
        gateway.wait_log("later", id=id)
    return gateway, ids


# --- unknown words ---

@pytest.mark.parametrize("words", [
    ("status", "x"), ("reload", "x"), ("check", "dns"), ("queue", "list", "x"), ("queue", "retry", "--all", "--nonsense", "x"),
    ("queue", "bounce", "--all", "x"), ("queue", "hold", "--all", "--all"), ("queue", "list", "--limit"), ("queue", "list", "--limit", "0"),
    ("queue", "list", "--limit", "3x"), ("queue", "list", "--older", "soon"), ("queue", "list", "--status", "gone"), ("relay", "list", "x"),
    ("relay", "off", "out", "now"), ("relay", "test", "out", "--too", "a@example.com"), ("modules", "x"), ("hooks", "x"), ("options", "relay", "x"),
    ("explain", "--from", "a@example.com"), ("explain", "--from", "a@example.com", "--to", "b@example.com", "x"), ("message", "explain"),
], ids=" ".join)
def test_a_word_that_a_verb_does_not_know_is_refused(plain, words):
    answer = plain.gateway.run_ctl(*words)
    assert answer.code == 64 and "help" in answer.err, (answer.out, answer.err)


def test_what_was_meant_is_asked_for(plain):
    assert 'did you mean "--from"?' in plain.gateway.run_ctl("queue", "list", "--form", "x").err
    assert 'did you mean "queue bounce"?' in plain.gateway.run_ctl("queue", "bounec", "--all").err
    assert 'did you mean "status"?' in plain.gateway.run_ctl("statsu").err


def test_help_of_one_verb_has_its_words_and_an_example(plain):
    text = plain.gateway.text("help", "queue", "bounce")
    assert all(word in text for word in ("--relay NAME", "--from TEXT", "--to TEXT", "--client NAME", "--type TYPE", "--reason TEXT", "--older TIME",
                                         "--status WORD", "--yes", "Example: gatewayctl queue bounce"))
    assert {word["word"] for word in plain.gateway.ctl("help", "queue", "list")["words"]} > {"--from", "--limit"}
    assert {row["verb"] for row in plain.gateway.ctl("help", "relay")} > {"relay add", "relay rm"}
    assert plain.gateway.run_ctl("help", "nonsense").code == 64


def test_every_verb_has_an_example_that_its_words_allow(plain):
    for row in plain.gateway.ctl("help"):
        if "module" not in row:
            example = plain.gateway.ctl("help", *row["verb"].split())["example"]
            assert example.startswith(row["verb"])
            unknown = plain.gateway.run_ctl(*example.split()) if row["verb"] not in ("relay test", "relay add", "password", "reload") else None
            assert not unknown or unknown.code != 64 or "is no id" in unknown.err, (example, unknown.err)


# --- which messages ---

def test_a_filter_is_obeyed_together_with_all(stuck):
    gateway, ids = stuck
    assert gateway.text("queue", "bounce", "--all", "--to", "two.example") == "2 messages: given back to the sender\n"
    wait_for(lambda: len(gateway.queue()) == 3, 10, lambda: "two to be gone: %r" % gateway.queue())
    assert [row["id"] for row in gateway.queue()] == ids[:3]


FILTERS = {
    ("--from", "a@x."): (0, 1, 3), ("--to", "two.example"): (3, 4), ("--client", "nobody"): (), ("--type", "individual"): (0, 1, 2, 3, 4),
    ("--type", "mass"): (), ("--relay", "out"): (0, 1, 2, 3, 4), ("--relay", "other"): (), ("--reason", "greylisted"): (0, 1, 2, 3, 4),
    ("--reason", "full"): (), ("--older", "1h"): (), ("--older", "0s"): (0, 1, 2, 3, 4), ("--status", "waiting"): (0, 1, 2, 3, 4), ("--status", "held"): (),
    ("--from", "a@x.", "--to", "one.example"): (0, 1),
}


def test_each_filter_means_the_same_for_every_verb(stuck):
    gateway, ids = stuck
    for words, meant in FILTERS.items():
        wait_for(lambda: len(gateway.queue("--status", "waiting")) == 5, 10, "what was released to be tried and to wait again")
        assert [row["id"] for row in gateway.queue(*words)] == [ids[i] for i in meant], words
        text = gateway.text("queue", "hold", *words)
        assert text.startswith("%d message" % len(meant)), (words, text)
        assert {row["id"] for row in gateway.queue("--status", "held")} == {ids[i] for i in meant}, words
        assert gateway.text("queue", "release", "--all").startswith("5 ")


def test_ids_and_filters_together_are_those_that_fit(stuck):
    gateway, ids = stuck
    answer = gateway.run_ctl("queue", "hold", ids[0], ids[3], "--to", "two.example")
    assert answer.code == 69 and "1: on hold" in answer.err
    assert [row["id"] for row in gateway.queue("--held")] == [ids[3]]
    assert gateway.run_ctl("queue", "hold", ids[0], "--all").code == 64


def test_the_limit_is_of_the_whole_list_and_keeps_the_oldest(stuck):
    gateway, ids = stuck
    assert [row["id"] for row in gateway.queue("--limit", "1")] == ids[:1]
    assert [row["id"] for row in gateway.queue("--limit", "3")] == ids[:3]


def test_a_move_takes_filters_too(stuck):
    gateway, ids = stuck
    assert gateway.text("queue", "move", "--from", "a@y.", "--move-to", "out") == "2 messages: moved to out\n"
    assert gateway.run_ctl("queue", "move", "--all").code == 64
    assert gateway.run_ctl("queue", "move", "--all", "--move-to", "nowhere").code != 0


# --- the question ---

def test_a_person_is_told_the_count_and_asked(stuck):
    gateway, ids = stuck
    code, text = on_terminal(gateway, b"n\n", "queue", "bounce", "--to", "one.example")
    assert code == 0 and "3 messages: given back to the sender. Go on?" in text and "nothing changed" in text
    assert len(gateway.queue()) == 5
    code, text = on_terminal(gateway, b"y\n", "queue", "hold", "--to", "one.example")
    assert code == 0 and re.search(r"3 messages: on hold", text.split("[y/N]")[1])
    assert [row["id"] for row in gateway.queue("--held")] == ids[:3]
    code, text = on_terminal(gateway, None, "queue", "release", "--all", "--yes")
    assert code == 0 and "[y/N]" not in text
    code, text = on_terminal(gateway, None, "queue", "hold", ids[4])
    assert code == 0 and "[y/N]" not in text


# --- terminals ---

def narrow(gateway, columns, *words):
    done = subprocess.run([built("bin", "gatewayctl"), "--socket", gateway.socket_path, *words], capture_output=True, text=True,
                          env={**os.environ, "COLUMNS": str(columns)}, timeout=30 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def joined(text):
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_a_narrow_terminal_loses_nothing(stuck, columns):
    gateway, ids = stuck
    for words in (("help",), ("options",), ("queue", "list"), ("message", "explain", ids[0]), ("hooks",)):
        text, rows = joined(narrow(gateway, columns, *words)), gateway.ctl(*words)
        for row in rows:
            for value in row.values():
                if isinstance(value, str) and " " in value:
                    assert joined(value).strip() in text, (words, value)
    assert all(len(line) <= columns or " " not in line.strip() for line in narrow(gateway, columns, "message", "explain", ids[0]).splitlines())


def test_words_of_others_do_not_steer_the_terminal(pair):
    steering = "C1 \u009b31m, bidi \u202egnp.exe\u2066, BEL \x07, zero\u200bwidth, raw"
    gateway, sink = pair(settings={"queue.retry": ["1h"]}, script={"mail": lambda session, line: OK if "<>" in line else ("451 4.7.1 " + steering).encode().decode("latin-1")})
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        id = queue_id(client.message(MAIL, "a@x.example", "b@one.example"))
    gateway.wait_log("later", id=id)
    for words in (("queue", "list"), ("queue", "show", id), ("message", "explain", id)):
        text = gateway.text(*words)
        assert "C1" in text and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]", text), repr(text)
        assert gateway.ctl(*words)


def test_hooks_say_their_verdicts(plain):
    verdicts = {row["hook"]: row["verdicts"] for row in plain.gateway.ctl("hooks")}
    assert verdicts["rcpt"].split() == ["CONTINUE", "ACCEPT", "REJECT", "TEMPFAIL"]
    assert verdicts["message"].split() == ["CONTINUE", "REJECT", "TEMPFAIL", "DISCARD", "HOLD"] and verdicts["event"] == "-"


def test_help_says_what_a_verb_of_a_module_does(pair):
    gateway, _ = pair(before=lambda gateway: gateway.module("65-failover", "failover"))
    rows = [row for row in gateway.ctl("help") if row["verb"].startswith("failover")]
    assert [(row["verb"], row["arguments"], row["module"]) for row in rows] == [("failover classify", "CODE TEXT [STAGE]", "failover")], rows
    text = gateway.text("help", "failover", "classify")
    assert "failover classify CODE TEXT [STAGE]" in text and "fault" in text, text
    assert gateway.ctl("help", "failover") == rows
    assert gateway.run_ctl("help", "failover", "nonsense").code == 64


def test_help_fits_a_terminal(plain):
    lines = plain.gateway.text("help").splitlines()
    assert "gatewayctl help VERB" in lines[0]
    assert all(len(line) <= 180 for line in lines), max(lines, key=len)
    assert "queue list [WORDS]" in plain.gateway.text("help", "queue")


@pytest.mark.parametrize("program, page", [("gatewayd", "gatewayd.8"), ("gatewayctl", "gatewayctl.1")])
def test_a_manual_page_has_the_options_that_the_program_has(plain, program, page):
    said = subprocess.run([built("bin", program), "--help"], capture_output=True, text=True)
    with open(os.path.join(MANUALS, page)) as file:
        text = file.read()
    options = set(re.findall(r"^  --([a-z-]+)", said.stdout + said.stderr, re.M)) | set(re.findall(r"\[--([a-z-]+)", said.stdout + said.stderr))
    assert options and set(re.findall(r"^\.It Fl -([a-z-]+)", text, re.M)) == options
    verbs = {row["verb"] for row in plain.gateway.ctl("help")} | {"help"}
    assert {verb.rstrip() for verb in re.findall(r"^\.It Cm ([a-z ]+)", text, re.M)} <= verbs
