"""A crash while conf.d is half-edited is no outage: the last good configuration serves, says so everywhere, and ends with the next good reload."""
import json
import os
import shutil
import signal

from conftest import open_relay
from lib.client import Client
from lib.waiting import wait_for


def ready(new_gateway, new_sink, **how):
    gateway, sink = new_gateway(**how), new_sink()
    open_relay(gateway.relay("out", sink), "out").start()
    return gateway, sink


def write(gateway, name, text):
    with open(os.path.join(gateway.config, name), "w") as file:
        file.write(text)


def crash(gateway):
    """Kills what serves and waits for the next one that does."""
    started, before = len(gateway.log("started")), gateway.serving_pid
    os.kill(before, signal.SIGKILL)
    gateway.wait_log("started", 20, count=started + 1)
    wait_for(lambda: gateway.ask("help"), 10, "the control socket")


def source(gateway):
    return gateway.status()["configuration"]["source"]


def good_files(gateway):
    return sorted(os.listdir(os.path.join(gateway.state, "good")))


def takes_mail(gateway, sink):
    count = len(sink.messages)
    with Client(gateway.clear_port, ehlo="a.example.com") as client:
        assert client.message().code == 250
    sink.wait_messages(count + 1)


def test_a_half_edited_fragment_and_a_crash(new_gateway, new_sink):
    gateway, sink = ready(new_gateway, new_sink)
    assert source(gateway) == "conf.d"
    write(gateway, "50-out.conf", "relay: { name = ")
    crash(gateway)
    takes_mail(gateway, sink)
    status = gateway.status()["configuration"]
    assert status["source"] == "last good" and "50-out.conf" in status["refused"]
    assert "LAST GOOD" in gateway.text("status")
    said = gateway.log("configuration-error") + gateway.log("configuration-refused")
    assert any("conf.d does not start, the last good configuration is tried" in line["text"] for line in said), said
    assert any("the last good configuration is in use" in line["text"] for line in said), said
    assert gateway.run_ctl("reload").code == 78 and source(gateway) == "last good"
    crash(gateway)
    assert source(gateway) == "last good"
    gateway.write()
    gateway.ctl("reload")
    assert source(gateway) == "conf.d" and gateway.status()["configuration"]["refused"] == ""
    assert gateway.log("configuration-accepted")
    crash(gateway)
    assert source(gateway) == "conf.d"
    takes_mail(gateway, sink)


def test_a_refused_reload_leaves_the_copy_and_a_good_one_renews_it(new_gateway, new_sink):
    gateway, _ = ready(new_gateway, new_sink)
    assert ".files" in good_files(gateway) and "50-out.conf" in good_files(gateway)
    folder = os.path.join(gateway.state, "good")
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert all(os.stat(os.path.join(folder, name)).st_mode & 0o777 == 0o600 for name in good_files(gateway))
    write(gateway, "55-more.conf", "relay: {")
    assert gateway.run_ctl("reload").code == 78
    assert "55-more.conf" not in good_files(gateway)
    write(gateway, "55-more.conf", 'relay: { name = "more"; host = "127.0.0.1"; tls = "none"; };')
    gateway.ctl("reload")
    assert "55-more.conf" in good_files(gateway)


def test_what_was_changed_and_never_reloaded_is_said(new_gateway, new_sink):
    gateway, sink = ready(new_gateway, new_sink)
    write(gateway, "55-more.conf", 'relay: { name = "more"; host = "127.0.0.1"; tls = "none"; };')
    crash(gateway)
    assert source(gateway) == "conf.d"
    assert any("as it stands: 55-more.conf" in line["text"] for line in gateway.log("configuration"))
    assert "55-more.conf" in good_files(gateway)
    takes_mail(gateway, sink)


def test_a_damaged_copy_is_not_taken_and_a_mended_conf_d_is_found(new_gateway, new_sink):
    gateway, sink = ready(new_gateway, new_sink)
    write(gateway, "50-out.conf", "relay: { name = ")
    os.unlink(os.path.join(gateway.state, "good", "60-routing.conf"))
    os.kill(gateway.serving_pid, signal.SIGKILL)
    gateway.wait_log("configuration-error", 20, text="the last good configuration does not start: %s: error: is damaged: 60-routing.conf" %
                     os.path.join(gateway.state, "good"))
    gateway.write()
    gateway.wait_log("started", 20, count=2)
    assert source(gateway) == "conf.d"
    takes_mail(gateway, sink)


def test_other_causes_than_the_text_count_too(new_gateway, new_sink):
    gateway, sink = ready(new_gateway, new_sink)
    settings = json.loads(json.dumps(gateway.fragments["00-gateway"]["gateway"]))
    gateway.set(listeners=settings["listeners"] + [{"address": "127.0.0.1", "port": sink.port, "tls": "none"}]).write()
    crash(gateway)
    assert "cannot listen on 127.0.0.1:%d" % sink.port in gateway.status()["configuration"]["refused"]
    takes_mail(gateway, sink)


def test_the_first_start_takes_no_copy(new_gateway, new_sink):
    gateway, _ = ready(new_gateway, new_sink)
    gateway.stop()
    gateway.fragments["50-out"] = {"relay": {"name": "out", "prot": 25}}
    gateway.launch()
    assert gateway.wait_end() == 78
    assert os.path.isdir(os.path.join(gateway.state, "good"))
    shutil.rmtree(os.path.join(gateway.state, "good"))
