"""Mail of every odd shape that SMTP carries, made of a seed: what a signer and a verifier may read differently. Lines end with CRLF; nothing in it is forbidden."""
import random

HEAD = b"From: Ann <ann@example.com>\r\n"
NAMES = [b"Subject", b"To", b"Cc", b"Date", b"Reply-To", b"Message-ID", b"References", b"X-Odd", b"List-Id", b"List-Unsubscribe", b"Content-Type", b"MIME-Version"]
BLANKS = [b"", b" ", b"\t", b"  ", b" \t "]
BIG = 10 << 20


def octets(chance, size, alphabet):
    return bytes(chance.choices(alphabet, k=size))


TEXT = bytes(range(33, 127)) + b"     "
EIGHT = bytes(code for code in range(1, 256) if code not in b"\r\n")  # with control characters, which a body may have
EIGHT_HEADER = bytes(range(33, 127)) + b"    " + bytes(range(128, 256))


def value(chance):
    """Of a field: folded anywhere, with blanks at the ends and doubled within, empty, long, or with the signs that signatures are made of."""
    kind = chance.randrange(8)
    if kind == 0:
        return chance.choice(BLANKS)
    if kind == 1:
        return b" " + octets(chance, chance.randrange(1, 900), TEXT).strip() + b"x"
    if kind == 2:
        return b" " + octets(chance, chance.randrange(1, 60), EIGHT_HEADER) + b"x"
    if kind == 3:
        return b" b=; d=evil.example; h=from:to; bh=" + octets(chance, 10, TEXT) + b"x"
    words = [octets(chance, chance.randrange(1, 20), TEXT[:94]) for _ in range(chance.randrange(1, 12))]
    return b" " + chance.choice([b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b" \r\n\t ", b"\r\n  \t"]).join(words) + chance.choice(BLANKS)


def field(chance):
    name = chance.choice(NAMES)
    return chance.choice([name, name.upper(), name.lower(), name.swapcase()]) + b":" + value(chance) + b"\r\n"


def header(chance):
    fields = [field(chance) for _ in range(chance.randrange(0, 25))]
    fields += [chance.choice(fields)] * chance.randrange(0, 3) if fields else []  # one twice, or three times
    fields.insert(chance.randrange(0, len(fields) + 1), author(chance))
    return b"".join(fields)


def author(chance):
    return chance.choice([
        b"From: ann@example.com\r\n", b"from:ann@EXAMPLE.com\r\n", b"FROM:\r\n Ann\r\n\t<ann@example.com>\r\n", b'From: "Ann, of <b@example.org>" <ann@example.com>\r\n',
        b"From: (not <b@example.org>) ann@example.com (Ann)\r\n", b'From: "J\xc3\xbcrgen" <j@example.com>\r\n', b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>  \r\n"])


def line(chance):
    kind = chance.randrange(9)
    if kind == 0:
        return b"." * chance.randrange(1, 4)
    if kind == 1:
        return chance.choice(BLANKS)
    if kind == 2:
        return octets(chance, chance.randrange(990, 5000), TEXT) + b"x"
    if kind == 3:
        return octets(chance, chance.randrange(0, 200), EIGHT)
    if kind == 4:
        return b".." + octets(chance, chance.randrange(0, 20), TEXT)
    return octets(chance, chance.randrange(0, 80), TEXT) + chance.choice(BLANKS)


def body(chance):
    kind = chance.randrange(10)
    if kind == 0:
        return b""
    if kind == 1:
        return b"\r\n" * chance.randrange(1, 60)
    if kind == 2:
        return chance.choice(BLANKS)  # with which it ends, without CRLF
    text = b"\r\n".join(line(chance) for _ in range(chance.randrange(1, 60)))
    return text + chance.choice([b"", b"\r\n", b"\r\n\r\n", b" \r\n", b"\r\n \t\r\n\r\n", b"\r\n" * 20])


def odd_mail(seed, number):
    """The number-th of this seed."""
    chance = random.Random("%s.%s" % (seed, number))
    return header(chance) + b"\r\n" + body(chance)


def big_mail(seed):
    """10 MB, in lines of any length."""
    chance = random.Random("%s.big" % seed)
    part = b"\r\n".join(line(chance) for _ in range(2000)) + b"\r\n"
    return HEAD + b"Subject: big\r\n\r\n" + part * (BIG // len(part) + 1)
