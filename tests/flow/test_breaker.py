"""A module of which the gateway dies again and again stops being run: everybody else's mail goes on."""
import os
import shutil

import pytest

from lib.client import Client
from lib.waiting import wait_for


@pytest.fixture
def crashing(new_gateway):
    """A gateway with a module that dies of mail from crash@, and has no other hook."""
    def make(**keys):
        gateway = new_gateway()
        path = os.path.join(gateway.modules, "fresh.so")
        shutil.copyfile(os.path.join(gateway.build, "tests", "modules", "fresh1", "fresh.so"), path)
        os.chmod(path, 0o755)
        return gateway.module("40-fresh", "fresh", **keys).probe("45-other")
    return make


def mail_code(gateway, sender):
    """The reply to MAIL; None where the gateway died of it."""
    def connected():
        try:
            return Client(gateway.clear_port)
        except (EOFError, OSError):
            return None
    with wait_for(connected, 30, "a greeting") as client:
        try:
            client.say("EHLO client.example.com")
            return client.say("MAIL FROM:<%s>" % sender).code
        except (EOFError, OSError):
            return None


def die(gateway, times):
    for _ in range(times):
        before = gateway.serving_pid
        assert mail_code(gateway, "crash@example.com") is None
        wait_for(lambda: gateway.serving_pid not in (None, before), 30, "the next process")


def test_the_fourth_death_breaks_it_and_a_reload_tries_it_again(crashing):
    gateway = crashing().start()
    die(gateway, 3)
    assert mail_code(gateway, "good@example.com") == 250
    die(gateway, 1)
    assert mail_code(gateway, "crash@example.com") == 451 and mail_code(gateway, "good@example.com") == 451
    row, other = gateway.ctl("modules")
    assert row["crashes"] == 4 and row["state"] == "broken: died in it 4 times" and other["state"] == "on", (row, other)
    assert gateway.status()["crashes"] == [{"instance": "40-fresh", "crashes": 4, "hook": "mail", "broken": True}]
    gateway.ctl("reload")
    assert mail_code(gateway, "good@example.com") == 250
    assert gateway.ctl("modules")[0]["state"] == "on, died in it 4 times"


def test_one_that_is_off_after_crashes_is_passed_over(crashing):
    gateway = crashing(on_crash="off").start()
    die(gateway, 4)
    assert mail_code(gateway, "crash@example.com") == 250
    assert gateway.ctl("modules")[0]["state"] == "off: died in it 4 times"
