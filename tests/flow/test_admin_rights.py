"""Whose rights are used for what: nothing of the configuration is read, let alone run, with more rights than the serving process has."""
import os
import shutil

import pytest

from conftest import open_relay

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def told(new_gateway, new_sink):
    """A gateway whose relay asks a program for its password, and the file into which that program writes who ran it."""
    gateway = open_relay(new_gateway(), "out")
    who, program = (os.path.join(gateway.folder, name) for name in ("who", "program"))
    gateway.module("45-auth", "auth-password").relay("out", new_sink(), auth__user="me", auth__password="exec:" + program, clear_login=True)
    with open(program, "w") as out:
        out.write("#!/bin/sh\nid -un > %s\necho secret\n" % who)
    os.chmod(program, 0o755)
    open(who, "w").close()
    os.chmod(who, 0o666)
    for folder in (gateway.folder, gateway.config, gateway.modules):
        os.chmod(folder, 0o755)
    gateway.fragments["00-gateway"]["gateway"].pop("tls")
    gateway.fragments["00-gateway"]["gateway"]["listeners"] = gateway.fragments["00-gateway"]["gateway"]["listeners"][:1]
    return gateway, who


def give_to_nobody(gateway):
    for name in os.listdir(gateway.config):
        shutil.chown(os.path.join(gateway.config, name), "nobody", "nogroup")
    shutil.chown(gateway.config, "nobody", "nogroup")


def check(gateway, *more):
    gateway.write()
    give_to_nobody(gateway)
    gateway.write = lambda: None
    return gateway.check(*more)


def text_of(path):
    with open(path) as file:
        return file.read().strip()


@pytest.mark.parametrize("mode", ["--check", "--check-spool"])
def test_a_check_by_root_runs_programs_as_the_serving_user(told, mode):
    gateway, who = told
    shutil.chown(gateway.state, "nobody", "nogroup")
    answer = check(gateway, mode, "--user", "nobody")
    assert answer.code in ((0,) if mode == "--check" else (0, 69)), answer.err
    assert text_of(who) == "nobody"


def test_root_runs_no_program_for_a_file_of_somebody_else(told):
    gateway, who = told
    answer = check(gateway, "--check", "--user", "root")
    assert answer.code == 78
    assert "50-out.conf:" in answer.err and "root runs no program" in answer.err
    assert text_of(who) == ""


def test_root_runs_no_program_of_somebody_else(told):
    gateway, who = told
    shutil.chown(os.path.join(gateway.folder, "program"), "nobody", "nogroup")
    answer = gateway.check("--check", "--user", "root")
    assert answer.code == 78 and "root runs no program" in answer.err
    assert text_of(who) == ""


def test_a_check_changes_nothing_of_the_state_folder(told):
    gateway, _ = told
    os.rmdir(gateway.state)
    check(gateway, "--check", "--user", "nobody")
    assert not os.path.exists(gateway.state)
