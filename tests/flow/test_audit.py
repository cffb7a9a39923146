"""What was changed through the control socket can be told afterwards: who, which command, what came of it; and of each message, who changed it."""
import os
import subprocess

import pytest

from conftest import open_relay
from lib.gateway import built
from lib.waiting import wait_for
from test_dkim import keys, row  # noqa: F401
from test_queue_ctl import as_nobody, group_of_nobody, send

ME = str(os.getuid())


@pytest.fixture
def gateway(new_gateway, new_sink):
    """Its log shows errors only."""
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", new_sink(script={"rcpt": lambda session, line: "450 4.2.0 greylisted"}))
    return gateway.set(log__level="error").start()


def changes(gateway, count=0):
    """What the audit has, once it has so many lines of whole changes."""
    def lines():
        found = [line for line in gateway.log() if line["event"] in ("control", "control-done", "control-refused")]
        return (found,) if len(found) >= count else None
    return wait_for(lines)[0]


def send_waiting(gateway):
    id = send(gateway)
    wait_for(lambda: gateway.queue()[0]["state"] == "waiting")
    return id


def test_a_change_is_logged_with_what_came_of_it(gateway):
    gateway.ctl("relay", "off", "out")
    asked, done = changes(gateway, 2)
    assert (asked["event"], asked["uid"], asked["command"]) == ("control", ME, "relay off out")
    assert (done["event"], done["pid"], done["command"], done["exit"]) == ("control-done", asked["pid"], "relay off out", "0")
    assert done["text"].startswith("out is off")


def test_a_change_that_failed_says_so(gateway):
    assert gateway.run_ctl("relay", "off", "none").code == 69
    done = changes(gateway, 2)[-1]
    assert done["exit"] == "69" and "there is no relay" in done["text"]


def test_who_only_looks_is_not_in_it(gateway):
    gateway.ctl("status")
    gateway.ctl("queue", "list")
    gateway.ctl("relay", "on", "out")
    assert {line["command"] for line in changes(gateway, 2)} == {"relay on out"}


def test_each_message_says_who_changed_it(gateway):
    id = send_waiting(gateway)
    for verb, event in (("hold", "hold-ordered"), ("release", "released"), ("retry", "retry-ordered"), ("delete", "delete-ordered")):
        gateway.ctl("queue", verb, id)
        assert gateway.wait_log(event, id=id)[-1]["uid"] == ME
    assert {"hold-ordered", "delete-ordered"} <= {row["event"] for row in gateway.explain(id)}


def test_a_move_says_where_to(gateway, new_sink):
    gateway.relay("other", new_sink())
    gateway.write()
    gateway.ctl("reload")
    id = send_waiting(gateway)
    gateway.ctl("queue", "move", id, "--to", "other")
    line, = gateway.wait_log("move-ordered", id=id)
    assert (line["uid"], line["relay"]) == (ME, "other")


def test_a_reload_names_the_files_that_changed(gateway, new_sink):
    gateway.relay("other", new_sink())
    gateway.write()
    gateway.ctl("reload")
    assert gateway.wait_log("reloaded")[-1]["changed"] == "50-other.conf"
    gateway.ctl("reload")
    assert "changed" not in gateway.wait_log("reloaded", count=2)[-1]


def test_no_secret_is_in_it(gateway):
    gateway.run_ctl("relay", "add", "new", "host=127.0.0.1", "port=1", "auth.password=swordfish")
    asked, done = changes(gateway, 2)
    assert "swordfish" not in gateway.log_text()
    assert asked["command"] == "relay add new host= port= auth.password="


def test_a_long_command_says_that_it_is_cut(gateway):
    ids = ["1" + "A" * 11 + letter for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ"] * 4
    gateway.run_ctl("queue", "hold", *ids)
    asked, done = changes(gateway, 2)
    words = asked["command"].split(" ")
    assert words[-1] == "..." and words[2:-1] == ids[:len(words) - 3] and 400 < len(asked["command"]) <= 516


def test_a_modules_verb_that_changes_something(gateway, keys, tmp_path):
    gateway.module("80-dkim", "dkim", {"keys": [row(keys, "example.com", "s1", "rsa")]})
    gateway.write()
    gateway.ctl("reload")
    before = len(changes(gateway, 2))
    gateway.run_ctl("dkim", "keygen", "example.com", "s1", str(tmp_path), "ed25519", "swordfish")
    asked, done = changes(gateway, before + 2)[before:]
    assert asked["command"] == "dkim keygen example.com s1 %s ed25519 ..." % tmp_path
    assert done["exit"] != "0"
    gateway.run_ctl("dkim", "dns")
    gateway.ctl("relay", "on", "out")
    assert [line["command"] for line in changes(gateway, before + 4)[before + 2:]] == ["relay on out"] * 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_who_may_not_is_in_it(gateway, keys, tmp_path):
    gateway.module("80-dkim", "dkim", {"keys": [row(keys, "example.com", "s1", "rsa")]}).set(control__view_group=group_of_nobody())
    gateway.write()
    gateway.ctl("reload")
    os.chmod(gateway.folder, 0o755)
    os.chmod(gateway.state, 0o755)
    before = len(changes(gateway, 2))
    assert as_nobody(gateway, "relay", "off", "out")["code"] == 77
    assert as_nobody(gateway, "dkim", "keygen", "example.com", "s1", str(tmp_path))["code"] == 77
    refused = changes(gateway, before + 2)[before:]
    assert [line["event"] for line in refused] == ["control-refused"] * 2
    assert [line["command"].split()[0] for line in refused] == ["relay", "dkim"]
    assert refused[0]["uid"] not in (ME, "0")


def test_what_came_of_it_is_told_to_nobody_and_logged(gateway):
    """The client leaves before its answer."""
    process = subprocess.Popen([built("bin", "gatewayctl"), "--socket", gateway.socket_path, "queue", "hold", "--all", "--yes"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.kill()
    process.wait()
    gateway.ctl("queue", "release", "--all")
    wait_for(lambda: len(gateway.log("control")) == len(gateway.log("control-done")) > 0)
