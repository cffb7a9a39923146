"""The mail about a relay that is suspended: whose gateway it is, and all that the next hop said."""
from test_failover import Office


def test_the_letter_has_the_gateways_name_and_the_whole_reply(new_gateway, new_sink):
    here = Office(new_gateway(), new_sink, failures=1)
    here.fails("451 4.3.0 trouble with the spool\nsee https://status.example.net/17")
    here.gateway.wait_log("module-event", name="relay-suspended")
    here.spare.wait(here.letters, 10, "the warning")
    letter = here.letters()[0]
    assert letter.header("Message-ID").endswith(".main@relay.example.com>"), letter.header("Message-ID")
    assert letter.header("From") == "Mail gateway <postmaster@relay.example.com>"
    text = letter.data.decode()
    assert "\nOn relay.example.com:" in text.replace("\r\n", "\n"), text
    assert "at mail, 127.0.0.1" in text and " UTC, " in text, text
    assert "451 4.3.0 trouble with the spool" in text and "451 see https://status.example.net/17" in text, text
