"""What an author does, as the README says it: from an installation in a clean prefix, with nothing of the gateway's tree in sight."""
import os
import re
import subprocess

import pytest

from lib.gateway import BUILD, ROOT
from lib.waiting import PATIENCE


def run(command, folder):
    environment = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "ASAN_OPTIONS")}
    return subprocess.run(command, cwd=folder, shell=isinstance(command, str), capture_output=True, text=True, timeout=120 * PATIENCE, env=environment)


def author_commands():
    """The first block of five commands behind the README's heading."""
    with open(os.path.join(ROOT, "README.md")) as file:
        text = file.read().split("## Write a module", 1)[1]
    return re.findall(r"^    (.+)$", text.split("\n\n[sdk/", 1)[0], re.M)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = str(tmp_path_factory.mktemp("prefix"))
    done = run(["cmake", "--install", BUILD, "--prefix", prefix], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return prefix


@pytest.fixture(scope="module")
def author(prefix, tmp_path_factory):
    """The folder in which the commands ran, and what the last of them said."""
    folder = str(tmp_path_factory.mktemp("author"))
    commands = author_commands()
    assert len(commands) == 5
    for command in commands:
        done = run(re.sub(r"\bPREFIX\b", prefix, command), folder)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    return folder, done.stdout


def test_the_five_commands_of_the_readme_work_in_a_clean_prefix(author):
    _, shown = author
    parts = re.split(r"^== (.+)$", shown, flags=re.M)
    assert [part.split(" ")[0] for part in parts[1::2]] == ["what", "what", "gatewayctl"], shown
    heard, got, explained = parts[2::2]
    assert "250" in heard and "queued as" in heard
    assert "RCPT TO:<receiver@example.net>" in got and "X-Hello: hello\n" in got and got.rstrip().endswith("hello")
    assert "delivered" in explained, explained


def gw_dev(prefix, author, *words):
    return run([os.path.join(prefix, "bin", "gw-dev"), os.path.join(author[0], "hello", "build", "hello.so"), *words], author[0])


def test_gw_dev_shows_the_modules_own_error_with_its_line(prefix, author):
    with open(os.path.join(author[0], "wrong.conf"), "w") as file:
        file.write('module = "hello";\nhello: {\n  domains = 7;\n};\n')
    done = gw_dev(prefix, author, "--conf", "wrong.conf")
    assert done.returncode == 78 and "70-hello.conf:3" in done.stderr, (done.stdout, done.stderr)


def test_gw_dev_leaves_nothing_and_says_what_is_wrong_with_its_words(prefix, author):
    before = set(os.listdir("/tmp"))
    assert gw_dev(prefix, author, "--nonsense").returncode == 64
    assert gw_dev(prefix, author, "--conf", "missing.conf").returncode == 66
    assert gw_dev(prefix, author, "--prefix", "/nowhere").returncode == 69
    assert not [name for name in set(os.listdir("/tmp")) - before if name.startswith("gw-dev-")]


def test_the_installed_module_is_taken_by_a_gateway(prefix, author):
    done = run("cmake --install hello/build --prefix " + prefix, author[0])
    assert done.returncode == 0 and os.path.exists(os.path.join(prefix, "lib/gateway/modules/hello.so")), done.stderr
