"""What comes back is understood: gatewayctl hands a mail to the module, and the answer is a line of JSON for each recipient."""
import json
import os
import subprocess

from lib.gateway import built

REPORT = b"""Return-Path: <>\r\nFrom: MAILER-DAEMON@mta.example\r\nTo: crm@example.com\r\nSubject: failure notice\r\n\r\n\
<j\xe4ne@customer.example>:\r\n<jane@customer.example>:\r\nuser unknown \x00\xff\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n"""


def ctl(gateway, *words, given):
    command = [built("bin", "gatewayctl"), "--socket", gateway.socket_path, *words]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, check=False)


def test_a_mail_on_the_input_is_classified_whatever_octets_it_has(new_gateway):
    rules = [{"reason": "no_such_user", "words": ["user unknown"]}]
    gateway = new_gateway().module("75-bounce", "bounce", {"rules": rules}).start()
    lines = ctl(gateway, "bounce", "classify", given=REPORT).stdout.splitlines()
    assert [json.loads(line)["recipient"] for line in lines] == ["jane@customer.example"]
    assert json.loads(lines[0])["rule"] == "text:user unknown"
    rows = json.loads(ctl(gateway, "--json", "bounce", "classify", given=REPORT + b"x" * 3000000).stdout)
    assert [(row["kind"], row["reason"]) for row in rows] == [("hard", "no_such_user")]
    assert json.loads(ctl(gateway, "bounce", "classify", given=b"").stdout)["kind"] == "unknown"
    assert json.loads(ctl(gateway, "bounce", "classify", given=os.urandom(400000)).stdout)["kind"] == "unknown"


def test_a_wrong_rule_is_told_with_its_place_and_a_reload_takes_a_right_one(new_gateway):
    gateway = new_gateway().module("75-bounce", "bounce", {"rules": [{"reason": "spam", "words": ["nope"]}]}).start()

    def reason():
        return json.loads(ctl(gateway, "bounce", "classify", "550", "nope", given=b"").stdout)["reason"]
    assert reason() == "spam"
    gateway.module("75-bounce", "bounce", {"rules": [{"reason": "spam", "codes": ["5"]}]}).write()
    told = ctl(gateway, "reload", given=b"")
    assert told.returncode and b"75-bounce.conf:" in told.stdout + told.stderr and reason() == "spam"
    gateway.module("75-bounce", "bounce", {"rules": [{"reason": "virus", "words": ["nope"]}]}).write()
    assert ctl(gateway, "reload", given=b"").returncode == 0 and reason() == "virus"
