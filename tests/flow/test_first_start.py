"""The way of the README from an installed tree to a gateway that takes mail; and all that --check tells before."""
import base64
import os
import re
import shutil
import signal
import subprocess

import pytest

from lib.client import Client
from lib.gateway import BUILD, free_port
from lib.waiting import PATIENCE, wait_for


class Installed:
    """In a prefix of its own, with a configuration and a state folder below it."""

    def __init__(self, prefix):
        self.prefix, self.config, self.state = str(prefix), str(prefix / "etc/gateway/conf.d"), str(prefix / "state")
        self.socket = os.path.join(self.state, "control.sock")

    def run(self, program, *words):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60 * PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def daemon(self, *words):
        user = ("--user", "root") if os.geteuid() == 0 else ()
        return self.run(self.prefix + "/sbin/gatewayd", "--config", self.config, "--state", self.state, *user, *words)

    def ctl(self, *words):
        return self.run(self.prefix + "/bin/gatewayctl", "--socket", self.socket, "--config", self.config, *words)


@pytest.fixture
def installed(tmp_path):
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", str(tmp_path)], capture_output=True, text=True)
    if "GATEWAY_UNIT_DIR" in done.stderr or done.returncode != 0:
        pytest.fail(done.stderr)
    return Installed(tmp_path)


def files(folder):
    return {os.path.join(where, name): open(os.path.join(where, name), "rb").read() for where, _, names in os.walk(folder) for name in names}


def move_ports(installed):
    """The shipped ports may be somebody's on this machine."""
    path = os.path.join(installed.config, "00-gateway.conf")
    with open(path) as file:
        text = file.read()
    ports = free_port(), free_port()
    with open(path, "w") as file:
        file.write(text.replace("port = 2587", "port = %d" % ports[0]).replace("port = 2465", "port = %d" % ports[1]))
    return ports


def test_the_way_of_the_readme(installed):
    assert os.path.exists(installed.prefix + "/lib/sysusers.d/gateway.conf")
    shutil.rmtree(installed.config)
    code, said = installed.daemon("--init", "--hostname", "relay.acme.test")
    assert code == 0, said
    assert "s1._domainkey.acme.test. TXT \"v=DKIM1; k=rsa; p=" in said and "Next:" in said
    user, password = re.search(r"shown once: (\S+) (\S+)", said).groups()
    for name in ("tls/key.pem", "tls/cert.pem", "users", "dkim/acme.test.pem"):
        assert os.stat(os.path.join(installed.state, name)).st_mode & 0o777 == 0o600, name
    before = files(installed.prefix)
    code, said = installed.daemon("--init", "--hostname", "relay.acme.test")
    assert code == 0 and "shown once" not in said and files(installed.prefix) == before
    port, _ = move_ports(installed)
    code, said = installed.daemon("--check")
    assert code == 0 and "the configuration is fine" in said and "warning" not in said, said
    code, said = installed.daemon()
    assert code == 0, said
    try:
        code, said = installed.ctl("status")
        assert code == 0 and "relay.acme.test" in said
        with Client(port, greet=False) as client:
            client.reply()
            client.say("EHLO a.acme.test", 250)
            client.start_tls()
            client.say("EHLO a.acme.test", 250)
            client.say("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode(), 235)
            assert client.message(b"From: crm@acme.test\r\nSubject: first\r\n\r\nhello\r\n", "crm@acme.test").code == 250
        wait_for(lambda: os.path.isdir(installed.state + "/mail/new") and os.listdir(installed.state + "/mail/new"), 10, "the message")
    finally:
        with open(os.path.join(installed.state, "pid")) as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists("/proc/%d" % pid), 20, "the end")


def test_an_install_that_is_there_is_left_alone(installed):
    before = files(installed.config)
    code, said = installed.daemon("--init", "--hostname", "relay.acme.test")
    assert code == 0 and files(installed.config) == before
    assert 'set hostname = "relay.acme.test"' in said and "example.com" in said
    assert os.path.exists(os.path.join(installed.state, "dkim", "example.com.pem"))


def test_a_hostname_that_is_none(installed):
    code, said = installed.daemon("--init", "--hostname", "relay acme")
    assert code == 64 and "no host name" in said


def test_what_needs_no_daemon(installed, tmp_path):
    assert "selector" in installed.ctl("options", "dkim")[1]
    assert "queue list" in installed.ctl("help")[1]
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    code, said = installed.ctl("dkim", "keygen", "acme.test", "s9", str(keys))
    assert code == 0 and "s9._domainkey.acme.test" in said, said
    assert os.stat(str(keys / "acme.test-s9.pem")).st_mode & 0o777 == 0o600
    code, said = installed.ctl("status")
    assert code == 69 and "does the gateway run" in said


def test_check_tells_all_that_is_missing_in_one_go(new_gateway):
    gateway = new_gateway()
    gateway.set(tls={"certificate": gateway.folder + "/none.pem", "key": gateway.folder + "/none.pem"})
    gateway.module("20-auth", "auth-password", {"users": gateway.folder + "/nobody"})
    gateway.module("80-dkim", "dkim", {"keys": [{"domain": "a.test", "selector": "s1", "key": gateway.folder + "/nokey"}]})
    checked = gateway.check()
    assert checked.code == 78
    for name in ("none.pem", "nobody", "nokey"):
        assert name in checked.err, checked.err


def test_check_looks_at_folders_and_ports(new_gateway, new_sink):
    sink, gateway = new_sink(), new_gateway()
    gateway.set(log__path=gateway.folder + "/no/such/log", spool__path=gateway.folder + "/nowhere/spool")
    gateway.fragments["00-gateway"]["gateway"]["listeners"].append({"address": "127.0.0.1", "port": sink.port, "tls": "none"})
    checked = gateway.check()
    assert checked.code == 78, checked.err
    assert "the spool cannot be written" in checked.err and "the log cannot be written" in checked.err, checked.err
    assert "cannot listen on 127.0.0.1:%d now: Address already in use" % sink.port in checked.err
    assert "127.0.0.1:%d now" % gateway.clear_port not in checked.err


def test_the_ports_of_the_gateway_that_runs_are_its_own(new_gateway):
    gateway = new_gateway().start()
    checked = subprocess.run(gateway.command("--check"), capture_output=True, text=True)
    assert checked.returncode == 0 and "cannot listen" not in checked.stderr, checked.stderr
