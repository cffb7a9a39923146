"""A module's file changes under a running gateway: the next reload takes the new code, and a file that is no module changes nothing."""
import os
import shutil

from lib.client import Client


def put(gateway, version):
    """As `cp` does it: into the file that is there."""
    source = os.path.join(gateway.build, "tests", "modules", "fresh%d" % version, "fresh.so")
    shutil.copyfile(source, os.path.join(gateway.modules, "fresh.so"))


def mail_code(client):
    code = client.say("MAIL FROM:<a@example.com>").code
    client.say("RSET")
    return code


def versions(gateway):
    return [module["version"] for module in gateway.ctl("modules") if module["module"] == "fresh"]


def test_a_reload_takes_new_code(new_gateway):
    gateway = new_gateway()
    put(gateway, 1)
    os.chmod(os.path.join(gateway.modules, "fresh.so"), 0o755)
    gateway.module("30-fresh", "fresh").start()
    with Client(gateway.clear_port) as client:
        client.say("EHLO client.example.com")
        assert mail_code(client) == 250
        put(gateway, 2)
        assert mail_code(client) == 250
        gateway.ctl("reload")
    assert versions(gateway) == ["2.0"]
    gateway.wait_log("module-replaced")
    with Client(gateway.clear_port) as client:
        client.say("EHLO client.example.com")
        assert mail_code(client) == 550


def test_a_file_that_is_cut_changes_nothing_and_its_mended_form_is_taken(new_gateway):
    gateway = new_gateway()
    put(gateway, 1)
    path = os.path.join(gateway.modules, "fresh.so")
    os.chmod(path, 0o755)
    gateway.module("30-fresh", "fresh").start()
    serving = gateway.serving_pid
    os.truncate(path, 5000)
    answer = gateway.run_ctl("reload")
    assert answer.code != 0 and "is cut off" in answer.out + answer.err, answer.out + answer.err
    assert versions(gateway) == ["1.0"]
    put(gateway, 2)
    gateway.ctl("reload")
    assert versions(gateway) == ["2.0"]
    assert gateway.serving_pid == serving


def test_a_start_that_crashes_is_named_by_a_check(new_gateway):
    gateway = new_gateway()
    gateway.module("30-good", "probe").module("35-bad", "probe", {"crash_start": True}).write()
    checked = gateway.check()
    assert checked.code == 70, checked.err
    assert "35-bad.conf: error: its module crashed in start or stop (SIGABRT)" in checked.err


def test_a_start_that_crashes_at_a_reload_takes_nobody_down(new_gateway):
    gateway = new_gateway()
    gateway.module("30-good", "probe").start()
    serving = gateway.serving_pid
    with Client(gateway.clear_port) as client:
        client.say("EHLO client.example.com")
        gateway.module("35-bad", "probe", {"crash_start": True}).write()
        answer = gateway.run_ctl("reload")
        assert answer.code != 0 and "35-bad.conf: error: its module crashed in start" in answer.out + answer.err, answer.out + answer.err
        assert client.say("NOOP").code == 250
    assert gateway.serving_pid == serving
    gateway.module("35-bad", "probe").write()
    gateway.ctl("reload")
    assert [row["instance"] for row in gateway.ctl("modules")] == ["30-good", "35-bad"]
