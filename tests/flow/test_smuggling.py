"""One message in is one message out, whatever stands in it; and what the gateway sends on can be read in one way only."""
import re
import threading

import pytest

from lib.client import Client, queue_id

# What some server somewhere takes, or took, for the end of data.
ENDS = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r", "CR.CRLF": b"\r.\r\n", "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r", "CR.LF": b"\r.\n", "CRLF.CRCRLF": b"\r\n.\r\r\n", "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n", "LFCR.LFCR": b"\n\r.\n\r", "CRLF.blank CRLF": b"\r\n. \r\n", "CRLF.tab CRLF": b"\r\n.\t\r\n",
    "CRLF..CRLF": b"\r\n..\r\n", "CRLF.VT CRLF": b"\r\n.\x0b\r\n", "CRLF.FF CRLF": b"\r\n.\x0c\r\n", "NEL.NEL": b"\x85.\x85", "LS.LS": b"\xe2\x80\xa8.\xe2\x80\xa8",
    "CRLF blank.CRLF": b"\r\n .\r\n", "CRLF.CRLF in one octet each": b"\r\n.\x8d\x8a", "CRLF.BS CRLF": b"\r\n.\x08\r\n", "NUL LF.LF": b"\0\n.\n",
    "LF.LF after CRLF": b"\r\n\n.\n", "CRCRLF..CRLF": b"\r\r\n..\r\n", "CRLF.LFLF": b"\r\n.\n\n", "CR.LF CR": b"\r.\n\r",
}
SMUGGLED = (b"MAIL FROM:<smuggler@example.com>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nboo\r\n")


def check_wire(message):
    """Lines end in CRLF, no other CR, LF or NUL is there, and only the last line is a dot alone."""
    wire = message.wire
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", wire), wire[-400:]
    assert not re.search(rb"(?:^|\r\n)\.\r\n.", wire, re.S), wire[-400:]
    assert wire.endswith(b"\r\n.\r\n")
    for line in wire[:-3].split(b"\r\n"):
        assert not re.match(rb"\.(?!\.)", line), "not stuffed: %r" % line


def sent_on(plain, mark):
    return [message for message in plain.sink.texts if mark in message.data]


@pytest.mark.parametrize("name", list(ENDS))
def test_26_no_other_end_of_data_ends_data(plain, name):
    mark = b"mark-%d" % list(ENDS).index(name)
    with plain.client() as client:
        client.envelope("honest@example.com", "b@example.net")
        client.say("DATA", 354)
        client.send(b"Subject: " + mark + b"\r\n\r\ntext" + ENDS[name] + SMUGGLED + b".\r\n")
        reply = client.reply()
        # Exactly one reply has come: had anything in the text been a command, more would come before that of NOOP.
        client.send(b"NOOP\r\n")
        assert client.reply().code == 250
        client.say("RCPT TO:<x@example.net>", 503)
        if reply.code == 250:
            message = plain.arrives(queue_id(reply))
            check_wire(message)
            assert b"smuggled" in message.data and message.rcpts == ["b@example.net"]
            received = re.match(rb"Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)+", message.data).end()
            assert message.data[received:] == unstuff(b"Subject: " + mark + b"\r\n\r\ntext" + ENDS[name] + SMUGGLED)
        else:
            assert reply.code // 100 == 5
    assert not [line for line in plain.sink.commands("MAIL") if "smuggler" in line]
    assert not [line for line in plain.sink.commands("RCPT") if "victim" in line]


def unstuff(text):
    return re.sub(rb"\r\n\.", b"\r\n", text)


@pytest.mark.parametrize("text", [b"a\nb\r\n", b"a\rb\r\n", b"\n\r\n", b"\r\r\n", b"a\r\n\rb\r\n", b"a\n", b"a\n\r\n"])
def test_27_bare_cr_or_lf_in_the_text_is_refused(plain, text):
    with plain.client() as client:
        client.envelope()
        reply = client.text(b"Subject: bare\r\n\r\n" + text)
        assert reply.code == 554, reply
        assert client.say("NOOP").code == 250


@pytest.mark.parametrize("text", [b"Subject: x\r\n\r\na\0b\r\n", b"Subject: x\r\n\r\n\0\r\n", b"Subject: x\r\n\r\nlast\r\n\0\r\n"])
def test_28_nul_in_the_text_is_never_a_cut(plain, text):
    with plain.client() as client:
        client.envelope()
        reply = client.text(text)
        if reply.code == 250:
            assert plain.arrives(queue_id(reply)).data.endswith(text)
        else:
            assert reply.code // 100 == 5


@pytest.mark.parametrize("header", [b"Subject: x\0\r\n", b"Subject: x\rBcc: victim@example.org\r\n", b"X\0-A: b\r\n", b"Subject: a\nX-Forged: yes\r\n",
                                    b"\0Subject: x\r\n", b"Subject: x\r\r\n\nX-Forged: yes\r\n"])
def test_29_nul_and_cr_in_the_header_make_no_field(plain, header):
    with plain.client() as client:
        client.envelope()
        reply = client.text(header + b"\r\nbody\r\n")
        if reply.code == 250:
            message = plain.arrives(queue_id(reply))
            check_wire(message)
            assert message.data.endswith(header + b"\r\nbody\r\n")
            assert message.header("X-Forged") is None and message.header("Bcc") is None
        else:
            assert reply.code // 100 == 5


@pytest.mark.parametrize("name", ["CRLF.CRLF", "LF.LF", "LF.CRLF", "CRLF.LF", "CR.CR", "NUL"])
def test_30_what_comes_inside_bdat_is_data(plain, name):
    end = {"CRLF.CRLF": b"\r\n.\r\n", "NUL": b"\0\r\n"}.get(name) or ENDS[name]
    body = b"Subject: bdat\r\n\r\ntext" + end + SMUGGLED
    with plain.client() as client:
        client.envelope("honest@example.com", "b@example.net")
        client.send(b"BDAT %d LAST\r\n" % len(body) + body + b"NOOP\r\n")
        reply, noop = client.replies(2)
        assert noop.code == 250
        if reply.code == 250:
            message = plain.arrives(queue_id(reply))
            check_wire(message)
            assert message.data.endswith(body)
        else:
            assert reply.code // 100 == 5
    assert not [line for line in plain.sink.commands("MAIL") if "smuggler" in line]


FORGED = {
    "after MAIL": {"mail": "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept as forged"},
    "with the banner": {"connect": "220 hi\r\n250 forged\r\n250 forged\r\n250 forged\r\n354 forged\r\n250 forged"},
    "after RCPT": {"rcpt": "250 ok\r\n354 forged\r\n250 forged"},
    "after EHLO": {"ehlo": "250 sink\r\n250 forged\r\n250 forged\r\n354 forged\r\n250 forged"},
    "after 354": {"data": "354 go\r\n250 kept as forged"},
}


@pytest.mark.parametrize("where", list(FORGED))
def test_31_forged_extra_replies_are_not_believed(pair, where):
    """The server says more than it was asked, then refuses: nothing may count as delivered that was not."""
    from lib.sink import Act
    (stage, raw), = FORGED[where].items()
    script = {stage: Act(raw=raw.encode() + b"\r\n"), "rcpt": "550 5.1.1 nobody", "dot": "554 5.0.0 never"}
    script[stage] = Act(raw=raw.encode() + b"\r\n")
    gateway, sink = pair(script=script, extensions=[], settings={"queue.retry": ["1h"]})
    with Client(gateway.clear_port, ehlo="me") as client:
        id = queue_id(client.message(sender="", octets=b"Subject: forged\r\n\r\nx\r\n"))
    from lib.waiting import wait_for
    wait_for(lambda: gateway.log("deferred", id=id) or gateway.log("bounced", id=id) or gateway.log("unknown", id=id) or
             gateway.log("delivered", id=id), 10)
    assert not gateway.log("delivered", id=id), gateway.log_text()[-1500:]


def test_32_text_before_tls_from_the_next_hop_is_not_used(new_gateway, new_sink, certificates):
    """The next hop's "220" to STARTTLS has a forged EHLO reply behind it: the link is given up, the message waits."""
    from conftest import open_relay
    from lib.sink import Act
    certificate, key = certificates.pair("hop")
    sink = new_sink(tls="starttls", certificate=certificate, key=key,
                    script={"starttls": [Act(raw=b"220 go\r\n250-forged\r\n250 AUTH PLAIN\r\n")] * 100})
    gateway = new_gateway()
    open_relay(gateway, "out").relay("out", sink, tls="starttls", ca=certificates.ca).set(queue__retry=["1h"]).start()
    with Client(gateway.clear_port, ehlo="me") as client:
        id = queue_id(client.message())
    line, = gateway.wait_log("deferred", id=id)
    assert line["stage"] == "starttls" or "tls" in line["stage"], line
    assert not sink.commands("MAIL") and len(sink.commands("EHLO")) == len(sink.sessions)


def test_starttls_injection_into_us_is_dropped(plain):
    """Commands behind STARTTLS in the same segment are not carried out inside TLS."""
    with Client(plain.gateway.port, ehlo="me") as client:
        client.send(b"STARTTLS\r\nMAIL FROM:<injected@example.com>\r\nRCPT TO:<victim@example.org>\r\n")
        said = client.rest()
        assert said == b"" or (said.startswith(b"220 ") and said.count(b"\r\n") == 1), said
    plain.gateway.wait_log("starttls-injection")


def test_the_dot_of_one_client_does_not_end_the_text_of_another(plain):
    """Twenty sessions at once, their texts interleaved: each arrives whole."""
    replies, errors = {}, []

    def send(number):
        try:
            with plain.client() as client:
                client.envelope("n%d@example.com" % number, "b@example.net")
                client.say("DATA", 354)
                for i in range(50):
                    client.send(b"%d.%d\r\n..\r\n" % (number, i) if i else b"Subject: many\r\n\r\n")
                client.send(b".\r\n")
                replies[number] = client.reply()
        except (AssertionError, OSError, EOFError) as why:
            errors.append(why)
    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for number, reply in replies.items():
        message = plain.arrives(queue_id(reply))
        assert message.data.endswith(b"Subject: many\r\n\r\n" + b"".join(b"%d.%d\r\n.\r\n" % (number, i) for i in range(1, 50)))
