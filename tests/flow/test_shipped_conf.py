"""The shipped fragments say what the options are: each key that stands there is one, and what is called a default is it."""
import json
import os
import re
import shutil
import subprocess

import pytest

from lib.gateway import built

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf.d")
NOT_DEFAULTS = {"dns.forward", "dns.trust_anchor", "control.admin_group", "control.view_group", "control.socket", "hostname"}
NOT_SHOWN = {"workers", "offload_threads", "default_type", "limits.line", "limits.extent", "queue.active", "dns.local", "spool.segment_size"}

OFF = ["27-policy", "30-antivirus", "40-disclaimer", "85-archive", "85-domains"]  # of those that are off, the ones whose keys are all shown


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """The rows of `gatewayctl options` for the shipped configuration."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copytree(SHIPPED, folder / "conf.d")
    for name in OFF:
        os.rename(folder / "conf.d" / (name + ".conf.off"), folder / "conf.d" / (name + ".conf"))
    out = subprocess.run([built("bin", "gatewayctl"), "--json", "--config", str(folder / "conf.d"), "options"], capture_output=True, check=True).stdout
    return json.loads(out)


def shown():
    """Key and value of each key in 00-gateway.conf, also where it is a comment, but for those of listeners."""
    with open(os.path.join(SHIPPED, "00-gateway.conf")) as file:
        text = re.sub(r"^ *(# )? *", "", file.read()[:], flags=re.M)
    text = text[text.index("gateway: {") + len("gateway: {"):]
    text = re.sub(r"listeners = \(.*?\);", "", text, flags=re.S)
    group, keys = None, {}
    for name, opens, value in re.findall(r"(\w+)(?:: (\{)| = (\"[^\"]*\"|\[[^\]]*\]|\w+);)|};", text):
        if opens:
            group = name
        elif name:
            keys["%s.%s" % (group, name) if group else name] = " ".join(re.findall(r'[^\[\]", ]+', value))
        else:
            group = None
    return keys


def test_every_key_that_is_shown_has_its_default(options):
    defaults = {row["key"]: row["default"] for row in options if row["owner"] == "gateway"}
    keys = shown()
    assert len(keys) > 30 and set(keys) <= set(defaults), set(keys) - set(defaults)
    wrong = {key: (value, defaults[key]) for key, value in keys.items()
             if key not in NOT_DEFAULTS and not key.startswith("tls.") and value != defaults[key]}
    assert not wrong, wrong
    missing = {key for key in defaults if not key.startswith(("listeners", "delivery.", "tls."))} - set(keys) - NOT_SHOWN
    assert not missing, missing


@pytest.mark.parametrize("name", ["10-access", "20-auth-password", "25-classify", "28-strikes", "65-failover", "70-quota", "75-bounce", "80-dkim", *OFF])
def test_every_key_of_a_module_is_told_of_in_its_fragment(options, name):
    rows = [row for row in options if row["owner"] == name.split("-", 1)[1]]
    with open(os.path.join(SHIPPED, name + (".conf.off" if name in OFF else ".conf"))) as file:
        text = file.read()
    told = set(re.findall(r"(\w+) = ", text))
    own = {row["key"] for row in rows if row["key"].isidentifier()}
    assert rows and own - told <= {"header", "sign", "oversign", "expire", "limit"}, own - told
    for word in re.findall(r"^ *# (?:.*  )?(\w+) = (\"[^\"]*\"|\d+);", text, re.M):
        row = next((row for row in rows if row["key"] == word[0]), None)
        if row and row["default"] and word[0] not in ("timezone", "types"):
            assert word[1].strip('"') == row["default"], (word, row["default"])
