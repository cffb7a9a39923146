"""A delay report names the time at which the gateway gives up, and none where it does not."""
import pytest

from conftest import open_relay
from lib.client import Client


@pytest.mark.parametrize("limited", [False, True], ids=["put off", "kept by a limit"])
def test_a_delay_report_names_no_time_past_which_the_mail_is_kept(new_gateway, new_sink, limited):
    sink, spare = new_sink(script={"rcpt": lambda session, line: "451 4.2.1 later" if "slow" in line else "250 2.1.5 ok"}), new_sink()
    gateway = open_relay(new_gateway(), "out").module("70-quota", "quota")
    gateway.relay("out", sink, **({"daily_limit": 0} if limited else {})).relay("spare", spare)
    gateway.set(queue__retry=["300ms"], queue__delay_warning="1s", queue__expire="1h").start()
    with Client(gateway.clear_port, ehlo="client.example.com") as client:
        assert client.message(b"From: <a@example.com>\r\nSubject: x\r\n\r\nhello\r\n", "a@example.com", "slow@example.net").code == 250
    reports = lambda: [message for message in sink.messages + spare.messages if not message.sender]
    gateway.wait_log("report", action="delayed")
    (spare if limited else sink).wait(reports)
    text = reports()[0].data
    assert b"action: delayed" in text.lower()
    assert (b"It tries until" in text, b"will-retry-until" in text.lower()) == (not limited, not limited)
