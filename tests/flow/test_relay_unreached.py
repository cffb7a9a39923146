"""A relay that no mail can reach is told to whoever adds it, and by --check."""
from conftest import open_relay


def test_who_adds_a_relay_that_no_mail_can_reach_is_told(new_gateway, new_sink):
    gateway = open_relay(new_gateway(), "out").relay("out", new_sink()).start()
    added = gateway.run_ctl("relay", "add", "lost", "host=smtp.example.net")
    assert added.code == 0 and "relay lost: no mail can reach it" in added.out + added.err, (added.out, added.err)
    reached = gateway.run_ctl("relay", "add", "found", "host=smtp.example.net", "domains=example.org")
    assert reached.code == 0 and "relay found: no mail can reach it" not in reached.out + reached.err, (reached.out, reached.err)
    gateway.relay("alone", new_sink())
    checked = gateway.check()
    assert checked.code == 0 and "relay alone: no mail can reach it" in checked.err, checked.err
