"""What clients say wrong, and odd things they may say: the dialogue stays in step, and only what was meant is relayed."""
import socket

import pytest

from lib.client import Client, queue_id
from lib.waiting import wait_for

MAIL = b"Subject: protocol\r\n\r\nhello\r\n"
MIB = 1024 * 1024


@pytest.fixture
def client(plain):
    with plain.client() as client:
        yield client


def still_serves(plain):
    with plain.client() as client:
        return plain.arrives(queue_id(client.message(MAIL)))


def test_01_junk_commands_end_the_session(plain, client):
    client.send(b"BOGUS\r\n" * 2000)
    said = client.rest()
    assert b"421" in said and said.count(b"\r\n") < 100
    still_serves(plain)


def test_02_http_post_with_smtp_inside_relays_nothing(plain):
    before = len(plain.sink.texts)
    with plain.client(ehlo=None, greet=False) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 200\r\n\r\nEHLO web\r\nMAIL FROM:<a@example.com>\r\n"
                    b"RCPT TO:<victim@example.net>\r\nDATA\r\nSubject: http\r\n\r\nx\r\n.\r\nQUIT\r\n")
        client.rest()
    still_serves(plain)
    assert not [message for message in plain.sink.texts[before:] if b"Subject: http" in message.data]


def test_03_mail_before_ehlo(plain):
    with plain.client(ehlo=None) as client:
        client.say("MAIL FROM:<a@example.com>", 503)


def test_04_rcpt_before_mail(client):
    client.say("RCPT TO:<b@example.net>", 503)


def test_05_data_without_recipient(client):
    client.say("DATA", 503, 554)
    client.say("MAIL FROM:<a@example.com>", 250)
    client.say("DATA", 503, 554)
    client.say("NOOP", 250)


def test_06_nested_mail_leaves_the_first_transaction_alive(plain, client):
    client.envelope("first@example.com", "b@example.net")
    client.say("MAIL FROM:<second@example.com>", 503)
    message = plain.arrives(queue_id(client.text(MAIL)))
    assert (message.sender, message.rcpts) == ("first@example.com", ["b@example.net"])


def test_07_rset_forgets_everything(plain, client):
    client.envelope("first@example.com", "one@example.net")
    client.say("RSET", 250)
    client.say("DATA", 503, 554)
    message = plain.arrives(queue_id(client.message(MAIL, "second@example.com", "two@example.net")))
    assert (message.sender, message.rcpts) == ("second@example.com", ["two@example.net"])


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_08_second_ehlo_clears_the_transaction(client, verb):
    client.envelope("first@example.com", "one@example.net")
    client.say(verb + " again.example.com", 250)
    client.say("RCPT TO:<two@example.net>", 503)
    client.say("DATA", 503, 554)


@pytest.mark.parametrize("line", ["MAIL FROM:<a@example.com> FROB=1", "MAIL FROM:<a@example.com> FROB"])
def test_09_unknown_parameter_of_mail(client, line):
    client.say(line, 555)


def test_09_unknown_parameter_of_rcpt(client):
    client.say("MAIL FROM:<a@example.com>", 250)
    client.say("RCPT TO:<b@example.net> FROB=1", 555)


def test_10_size_over_the_limit_is_refused_at_mail(plain, client):
    limit = next(int(line.split()[1]) for line in client.features if line.startswith("SIZE "))
    client.say("MAIL FROM:<a@example.com> SIZE=%d" % (limit + 1), 552)
    client.say("MAIL FROM:<a@example.com> SIZE=%d" % limit, 250)


@pytest.mark.parametrize("size", [2 ** 32 + 1, 2 ** 63, 2 ** 64 + 1, 10 ** 19, int("9" * 20)])
def test_11_size_that_overflows_is_refused(client, size):
    assert client.say("MAIL FROM:<a@example.com> SIZE=%d" % size).code in (501, 552, 555)


@pytest.mark.parametrize("size", ["-1", "+5", "0x10", "", "1e3", "1 000"])
def test_11_size_that_is_no_number_is_refused(client, size):
    assert client.say("MAIL FROM:<a@example.com> SIZE=" + size).code in (501, 555)


@pytest.fixture(scope="module")
def small(make_shared):
    return make_shared(limits__message_size="100K", limits__extent="16K")


def test_12_real_size_over_the_limit_stays_in_step_and_keeps_nothing(small):
    spooled = small.gateway.status()["counters"]["messages"]
    with small.client() as client:
        client.envelope()
        assert client.text(b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 4000).code == 552
        assert client.say("NOOP").code == 250
        message = small.arrives(queue_id(client.message(MAIL)))
    assert message.data.endswith(b"hello\r\n")
    assert small.gateway.status()["counters"]["messages"] == spooled + 1
    assert not [text for text in small.sink.texts if b"Subject: big" in text.data]


def test_12_just_the_limit_is_taken(small):
    body = b"Subject: edge\r\n\r\n"
    body += (b"z" * 98 + b"\r\n") * ((100 * 1024 - len(body)) // 100)
    body += b"z" * (100 * 1024 - len(body) - 2) + b"\r\n"
    assert len(body) == 100 * 1024
    with small.client() as client:
        assert small.arrives(queue_id(client.message(body))).data.endswith(body)
        assert client.message(body[:-2] + b"z\r\n").code == 552


def test_13_command_line_of_512_octets_is_fine(client):
    line = "NOOP " + "x" * (512 - 7)
    assert client.say(line).code == 250


def test_13_line_of_300_kilobytes_gives_one_reply_or_an_end(plain, client):
    client.send(b"MAIL FROM:<" + b"a" * 300000 + b"@example.com>\r\nNOOP\r\n")
    try:
        said = client.rest()
    except ConnectionError:
        said = b""
    assert said.count(b"\r\n") <= 1 and said[:1] in (b"", b"5", b"4")
    still_serves(plain)


def test_14_ten_megabytes_without_line_end_are_refused_and_take_no_memory(plain, client):
    before = plain.gateway.rss()
    most = 0
    try:
        for _ in range(160):
            client.send(b"x" * 65536)
            most = max(most, plain.gateway.grew(before))
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert most < 4 * 1024, "grew by %d KiB" % most
    still_serves(plain)


@pytest.mark.parametrize("line", [b"NOOP\0", b"EHLO a\0b", b"MAIL FROM:<a\0@example.com>", b"\0", b"QUIT\0\0", b"MAIL FROM:<a@example.com>\0 SIZE=1"])
def test_15_nul_in_a_command_is_refused_not_an_end(client, line):
    client.send(line + b"\r\n")
    assert client.reply().code // 100 == 5
    client.say("NOOP", 250)


def test_15_nul_in_an_address_never_reaches_the_envelope(plain, client):
    client.say("MAIL FROM:<a@example.com>", 250)
    client.send(b"RCPT TO:<b@example.net\0.evil.example>\r\n")
    assert client.reply().code // 100 == 5
    client.say("DATA", 503, 554)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n\r", b"\r\r"])
def test_16_bare_lf_or_cr_is_not_the_end_of_a_command(client, end):
    """Either both come as one line, and are refused, or nothing is said until a CRLF comes."""
    client.send(b"NOOP" + end + b"RSET\r\n")
    first = client.reply()
    assert first.code // 100 == 5
    client.send(b"NOOP\r\n")
    assert client.reply().code == 250
    client.send(b"QUIT\r\n")
    assert client.rest().count(b"\r\n") == 1


BAD_IN_ADDRESS = [b"a\rb", b"a\nb", b"a\x0bb", b"a\x0cb", b"a\x85b", b"a\x1bb", b"a\x7fb", b"a b", b'"a\rb"', b'"a\nb"', b'"a\\\rb"']


@pytest.mark.parametrize("local", BAD_IN_ADDRESS)
def test_17_line_ends_inside_an_address_make_no_command_downstream(plain, client, local):
    client.say("MAIL FROM:<a@example.com>", 250)
    client.send(b"RCPT TO:<" + local + b"@example.net>\r\n")
    assert client.reply().code // 100 == 5
    client.say("RSET", 250)
    client.send(b"MAIL FROM:<" + local + b"@example.com>\r\n")
    assert client.reply().code // 100 == 5
    client.say("NOOP", 250)


@pytest.mark.parametrize("name", [b"a\tb", b"a\x01b", b"a\x0bb", b"a)(b", b"<x>", b"a\x7fb", b"x" * 300, b'a"b', b"a;b"])
def test_18_odd_octets_in_ehlo_do_not_get_into_headers(plain, name):
    with plain.client(ehlo=None) as client:
        client.send(b"EHLO " + name + b"\r\n")
        assert client.reply().code // 100 == 5
        client.say("MAIL FROM:<a@example.com>", 503)


def test_19_pipelined_good_and_bad_recipients_get_ordered_replies(plain, client):
    client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<one@example.net>\r\nRCPT TO:<@@bad>\r\nRCPT TO:<two@example.net>\r\nRCPT TO:<>\r\n"
                b"RCPT TO:<three@example.net>\r\nDATA\r\n")
    codes = [reply.code // 100 for reply in client.replies(7)]
    assert codes == [2, 2, 5, 2, 5, 2, 3]
    client.send(MAIL + b".\r\n")
    message = plain.arrives(queue_id(client.reply()))
    assert message.rcpts == ["one@example.net", "two@example.net", "three@example.net"]


def test_20_end_of_data_and_the_next_envelope_in_one_segment(plain, client):
    client.envelope("first@example.com", "one@example.net")
    client.say("DATA", 354)
    client.send(b"Subject: first\r\n\r\n1\r\n.\r\nMAIL FROM:<second@example.com>\r\nRCPT TO:<two@example.net>\r\nDATA\r\n")
    first, mail, rcpt, data = client.replies(4)
    assert (mail.code, rcpt.code, data.code) == (250, 250, 354)
    client.send(b"Subject: second\r\n\r\n2\r\n.\r\n")
    second = client.reply()
    one, two = plain.arrives(queue_id(first)), plain.arrives(queue_id(second))
    assert (one.sender, one.rcpts, two.sender, two.rcpts) == ("first@example.com", ["one@example.net"], "second@example.com", ["two@example.net"])
    assert one.data.endswith(b"\r\n\r\n1\r\n") and two.data.endswith(b"\r\n\r\n2\r\n")


def test_21_text_sent_before_354_is_refused_or_taken_as_text(plain, client):
    """As text it is one message that is exactly that text; it never becomes commands."""
    client.envelope("a@example.com", "b@example.net")
    client.send(b"DATA\r\nSubject: early\r\n\r\nRCPT TO:<victim@example.net>\r\n.\r\nNOOP\r\n")
    first = client.reply()
    if first.code == 354:
        message = plain.arrives(queue_id(client.reply()))
        assert message.rcpts == ["b@example.net"]
        assert message.data.endswith(b"Subject: early\r\n\r\nRCPT TO:<victim@example.net>\r\n")
        assert client.reply().code == 250
    else:
        assert first.code // 100 == 5


def test_22_client_that_talks_before_the_greeting(plain):
    with plain.client(ehlo=None, greet=False) as client:
        client.send(b"EHLO early.example.com\r\nNOOP\r\n")
        replies = [client.reply()]
        if replies[0].code == 220:
            replies += client.replies(2)
            assert [reply.code for reply in replies] == [220, 250, 250]
        else:
            assert replies[0].code == 554


def test_23_one_octet_per_segment(plain):
    with plain.client(ehlo=None) as client:
        client.send_bytewise(b"EHLO slow.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n")
        assert [reply.code for reply in client.replies(4)] == [250, 250, 250, 354]
        client.send_bytewise(b"Subject: slow\r\n\r\n..dot\r\n\r\n.\r\n")
        message = plain.arrives(queue_id(client.reply()))
    assert message.data.endswith(b"Subject: slow\r\n\r\n.dot\r\n\r\n")


@pytest.mark.parametrize("cut", range(len(b"end\r\n.\r\nNOOP\r\n")))
def test_24_end_of_data_split_anywhere_is_one_message(plain, client, cut):
    tail = b"end\r\n.\r\nNOOP\r\n"
    client.envelope()
    client.say("DATA", 354)
    client.send(b"Subject: split %d\r\n\r\n" % cut + tail[:cut])
    # Seen by the gateway as two pieces: the first is taken before the second is there.
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wait_for(lambda: unsent(client.sock) == 0, 5)
    client.send(tail[cut:])
    reply, noop = client.replies(2)
    assert noop.code == 250
    assert plain.arrives(queue_id(reply)).data.endswith(b"Subject: split %d\r\n\r\nend\r\n" % cut)


def unsent(sock):
    """Octets that the other side's kernel has not acknowledged."""
    import array
    import fcntl
    left = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), 0x5411, left)  # SIOCOUTQ
    return left[0]


def test_25_half_close_after_the_dot(plain, client):
    """250 means relayed; without it nothing is known."""
    client.envelope("a@example.com", "halfclose@example.net")
    client.say("DATA", 354)
    client.send(MAIL + b".\r\n")
    client.half_close()
    said = client.rest()
    assert said.startswith(b"250 "), said
    assert plain.arrives(queue_id(said.decode())).rcpts == ["halfclose@example.net"]


def test_25_half_close_after_pipelined_commands_answers_all(plain):
    with plain.client(ehlo=None) as client:
        client.send(b"EHLO half.example.com\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<half@example.net>\r\nNOOP\r\n")
        client.half_close()
        lines = client.rest().split(b"\r\n")
    assert len([line for line in lines if line.startswith(b"250 ")]) == 4


def test_close_in_the_middle_of_the_text_relays_nothing(plain):
    lost = len(plain.gateway.log("client-lost"))
    with plain.client() as client:
        client.envelope("a@example.com", "cut@example.net")
        client.say("DATA", 354)
        client.send(b"Subject: cut\r\n\r\nhalf of it\r\n")
        client.reset()
    plain.gateway.wait_log("client-lost", count=lost + 1)
    still_serves(plain)
    assert not [message for message in plain.sink.texts if b"Subject: cut" in message.data]


@pytest.mark.parametrize("line, code", [("VRFY root", 252), ("EXPN list", 502), ("HELP", 214), ("ETRN x", 502), ("NOOP anything", 250), ("noop", 250),
                                        ("QUIT now", 501), ("RSET now", 501), ("DATA now", 501), ("EHLO", 501), ("MAIL", 501),
                                        ("MAIL FROM:a@example.com", None), ("MAIL FROM:<a@example.com", 501), ("STARTTLS x", None),
                                        ("", 500), ("   ", 500), ("\tNOOP", 500)])
def test_other_verbs(client, line, code):
    reply = client.say(line)
    assert reply.code == code if code else reply.code // 100 in (2, 5)
    client.say("NOOP", 250)


def test_xclient_xforward_and_proxy_are_unknown(client):
    for line in ("XCLIENT ADDR=10.0.0.1", "XFORWARD NAME=x", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2", "TURN", "SEND FROM:<a@example.com>"):
        assert client.say(line).code // 100 == 5


def test_time_runs_out_for_a_client_that_says_nothing(make_shared):
    quick = make_shared(timeouts__command="1s", timeouts__data="1s")
    with Client(quick.gateway.clear_port) as idle, quick.client() as reader:
        reader.envelope()
        reader.say("DATA", 354)
        assert idle.reply().code == 421
        assert reader.reply().code == 421
        assert idle.rest() == b"" and reader.rest() == b""


# --- BDAT ---

def bdat(client, octets, last=False):
    client.send(b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets)
    return client.reply()


def test_bdat_in_pieces_is_the_sum_of_them(plain, client):
    pieces = [b"Subject: pieces\r", b"\n\r", b"\nline one\r\n.\r\n", b"..\r\n.dot\r\n", b"end\r\n"]
    client.envelope("a@example.com", "b@example.net")
    for piece in pieces:
        assert bdat(client, piece).code == 250
    message = plain.arrives(queue_id(bdat(client, b"", last=True)))
    assert message.data.endswith(b"".join(pieces))


def test_bdat_without_a_transaction_swallows_its_octets(plain, client):
    assert bdat(client, b"QUIT\r\nMAIL FROM:<a@example.com>\r\n").code == 503
    client.say("NOOP", 250)
    client.say("RCPT TO:<b@example.net>", 503)


def test_bdat_and_rset(plain, client):
    client.envelope("first@example.com", "one@example.net")
    assert bdat(client, b"Subject: forgotten\r\n").code == 250
    client.say("RSET", 250)
    message = plain.arrives(queue_id(client.message(MAIL, "second@example.com", "two@example.net")))
    assert message.data.endswith(MAIL) and b"forgotten" not in message.data


def test_bdat_and_data_do_not_mix(client):
    client.envelope()
    assert bdat(client, b"Subject: x\r\n").code == 250
    client.say("DATA", 503)
    client.say("MAIL FROM:<c@example.com>", 503)
    client.say("RSET", 250)
    client.say("NOOP", 250)


@pytest.mark.parametrize("words", ["", "x", "-1", "18446744073709551617", "99999999999999999999", "10 FIRST", "1 LAST x"])
def test_bdat_with_a_bad_size_never_takes_text_for_commands(plain, words):
    """How much follows is not known: refused, and the session ends or waits for commands; nothing of it is relayed."""
    with plain.client() as client:
        client.envelope("a@example.com", "bdat@example.net")
        client.send(("BDAT " + words).strip().encode() + b"\r\n")
        assert client.reply().code // 100 == 5


def test_bdat_over_the_limit_stays_in_step(small):
    with small.client() as client:
        client.envelope()
        codes = [bdat(client, b"x" * 76 + b"\r\n" + b"y" * 30000, last=i == 4).code for i in range(5)]
        assert codes[-1] == 552
        assert client.say("NOOP").code == 250
        assert client.message(MAIL).code == 250


def test_bdat_in_one_segment_with_what_follows(plain, client):
    client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nBDAT 24 LAST\r\nSubject: pipe\r\n\r\nhello\r\nNOOP\r\n")
    mail, rcpt, text, noop = client.replies(4)
    assert (mail.code, rcpt.code, noop.code) == (250, 250, 250)
    assert plain.arrives(queue_id(text)).data.endswith(b"Subject: pipe\r\n\r\nhello\r\n")
