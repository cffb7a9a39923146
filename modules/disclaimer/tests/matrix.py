"""Mails of every form, and what a notice may change about them, read by Python's email.

    matrix.py make FOLDER      writes FOLDER/NOTICE.CASE.eml for each notice and case
    matrix.py check FOLDER     compares each with FOLDER/NOTICE.CASE.out and FOLDER/NOTICE.CASE.why
"""
import base64
import email
import email.policy
import html.parser
import os
import quopri
import re
import sys

NOTICES = {
    "ascii": "This mail is confidential. Tell nobody about it & <nothing>.\nExample Ltd, London",
    "latin": "Diese Mail ist vertraulich, bitte für sich behalten.\nBeispiel GmbH, Köln",
    "wide": "この電子メールは機密です。宛先の方以外は削除してください。\nПример €",
}
TEXT = "Hello Bob,\n\nthe offer is attached.\n\n-- \nAnn\n"
ANEW = "anew"  # the part as a whole is UTF-8 now, and says so in its header

CASES = {}


def case(name, octets, touched, left=None):
    CASES[name] = (octets, touched, left)


def crlf(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def encoded(octets, encoding, width=76):
    if encoding == "base64":
        text = base64.b64encode(octets).decode()
        return "\r\n".join(text[i:i + width] for i in range(0, len(text), width)).encode() + b"\r\n"
    if encoding == "quoted-printable":
        return quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    return octets


def leaf(kind, text, charset="utf-8", encoding="8bit", more="", final=True):
    """The header and the content of a part; without `final` its last line end is the boundary's."""
    octets = encoded(crlf(text).encode(charset or "ascii"), encoding)
    if not final and octets.endswith(b"\r\n"):
        octets = octets[:-2]
    head = "Content-Type: %s%s%s\r\n" % (kind, "; charset=%s" % charset if charset else "", more)
    if encoding:
        head += "Content-Transfer-Encoding: %s\r\n" % encoding
    return head.encode() + b"\r\n" + octets


def multi(kind, *parts, boundary="b0", more="", preamble=b"", epilogue=b"", blanks=b"", closed=True):
    mark = boundary.encode()
    head = ("Content-Type: multipart/%s; boundary=\"%s\"%s\r\n\r\n" % (kind, boundary, more)).encode()
    body = preamble
    for part in parts:
        body += b"--" + mark + blanks + b"\r\n" + part + b"\r\n"
    return head + body + (b"--" + mark + b"--" + blanks + b"\r\n" + epilogue if closed else b"")


def mail(part):
    return (b"Received: from x by y; Mon, 23 Nov 2026 17:40:12 +0000\r\nFrom: Ann <ann@NOTICE.example>\r\nTo: b@example.org\r\n"
            b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n" + part)


PLAIN = leaf("text/plain", TEXT)
PAGE = "<!DOCTYPE html>\n<html><head><title>offer</title><style>p { color: red }</style></head><body>\n<p>Hello Bob, the <b>offer</b></p>\n</body></html>\n"
HTML = leaf("text/html", PAGE)
PDF = b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(
    bytes(range(256)) * 20, "base64", 60)
NOTES = b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=notes.txt\r\n\r\nnot to be touched\r\n"
PNG = b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(bytes(range(200)), "base64")
INNER = b"Content-Type: message/rfc822\r\n\r\nFrom: c@example.net\r\nContent-Type: text/plain\r\n\r\nan old mail\r\n"

for charset, text in (("us-ascii", TEXT), ("utf-8", "Grüße, 日本\n"), ("iso-8859-1", "Grüße\n"), ("iso-8859-15", "5 €\n"), ("windows-1252", "“5 €”\n"),
                      ("iso-2022-jp", "日本語のメール\n"), ("shift_jis", "日本語のメール\n"), ("euc-jp", "日本語のメール\n"), ("gb18030", "你好，世界\n"),
                      ("big5", "你好\n"), ("koi8-r", "Привет\n"), ("euc-kr", "안녕하세요\n"), ("utf-16", "Grüße\n"), ("utf-7", "Grüße 1+1\n"), (None, TEXT)):
    wide = charset in ("utf-16",)
    seven = charset in ("us-ascii", "iso-2022-jp", "utf-7", None)
    for encoding in ("base64", "quoted-printable", "7bit" if seven else "8bit"):
        if wide and encoding != "base64":
            continue
        for kind in ("plain", "html"):
            words = text if kind == "plain" else "<html><body><p>%s</p></body></html>\n" % text.strip().replace("\n", " ")
            case("%s-%s-%s" % (kind, charset, encoding), mail(leaf("text/" + kind, words, charset, encoding)), [()])

# Octets of ISO-2022-JP that look like "<" and a quote, and a text that does not come back from it.
JP = "<html><body><p>社拾=\"車</p><p>拾</p></body></html>\n"
for encoding in ("base64", "quoted-printable", "7bit"):
    case("shifted-html-" + encoding, mail(leaf("text/html", JP, "iso-2022-jp", encoding)), [()])
    case("shifted-html-no-body-" + encoding, mail(leaf("text/html", "<p>社拾社<p>社</p>\n", "iso-2022-jp", encoding)), [()])
case("shifted-open", mail(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\nhello \x1b$B<R\r\n"), [()])
case("shifted-open-html", mail(b"Content-Type: text/html; charset=csISO2022JP\r\n\r\n<p>hello \x1b$B<R"), [()])
# What programs write under these names though it is of wider charsets.
for charset, wide, text in (("shift_jis", "cp932", "①㈱\n"), ("ks_c_5601-1987", "cp949", "똠방\n"), ("windows-31j", "cp932", "①\n"),
                            ("iso-8859-1", "cp1252", "“5 €”\n"), ("latin1", "cp1252", "“5 €”\n"), ("iso-8859-9", "cp1254", "“5 € ş”\n")):
    for kind in ("plain", "html"):
        case("wider-%s-%s" % (kind, charset), mail(b"Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" % (kind.encode(), charset.encode())
                                                   + crlf(text).encode(wide)), [()])

case("bare", mail(b"\r\n" + crlf(TEXT).encode()), [()])
case("no-mime", mail(b"\r\n" + crlf(TEXT).encode()).replace(b"MIME-Version: 1.0\r\n", b""), [()])
case("empty", mail(b"Content-Type: text/plain; charset=utf-8\r\n\r\n"), [()])
case("undeclared-utf8", mail(b"\r\nGr\xc3\xbc\xc3\x9fe\r\n"), [()])
case("unknown-charset", mail(b"Content-Type: text/plain; charset=x-none\r\n\r\nhello\r\n"), [()])
case("alternative", mail(multi("alternative", PLAIN, HTML)), [(0,), (1,)])
case("alternative-no-final-line", mail(multi("alternative", leaf("text/plain", TEXT, final=False), leaf("text/html", PAGE, final=False))), [(0,), (1,)])
case("alternative-qp", mail(multi("alternative", leaf("text/plain", TEXT, "iso-8859-1", "quoted-printable"), leaf("text/html", PAGE, "utf-8", "quoted-printable"))),
     [(0,), (1,)])
case("alternative-base64", mail(multi("alternative", leaf("text/plain", TEXT, "utf-8", "base64"), leaf("text/html", PAGE, "iso-8859-1", "base64", final=False))),
     [(0,), (1,)])
case("mixed", mail(multi("mixed", PLAIN, PDF)), [(0,)])
case("mixed-text-file", mail(multi("mixed", NOTES, PLAIN, PDF)), [(1,)])
case("mixed-with-mail", mail(multi("mixed", PLAIN, INNER, PDF)), [(0,)])
case("mixed-preamble", mail(multi("mixed", PLAIN, PDF, preamble=b"This is MIME.\r\n--b0 no boundary\r\n", epilogue=b"\r\nbye\r\n--b0 \r\nno part\r\n")), [(0,)])
case("related", mail(multi("related", HTML, PNG)), [(0,)])
case("related-start", mail(multi("related", PNG, b"Content-ID: <root@x>\r\n" + HTML, more="; start=\"<root@x>\"")), [(1,)])
case("nested", mail(multi("mixed", multi("alternative", PLAIN, multi("related", HTML, PNG, boundary="b2"), boundary="b1"), PDF, NOTES)), [(0, 0), (0, 1, 0)])
MIXED = multi("mixed", HTML, PDF, leaf("text/html", "<br>\n"), boundary="b2")
case("form-with-files", mail(multi("alternative", PLAIN, MIXED, boundary="b1")), [(0,), (1, 0)])
case("form-with-files-related", mail(multi("alternative", PLAIN, multi("related", MIXED, PNG, boundary="b1"))), [(0,), (1, 0, 0)])
case("deep", mail(multi("mixed", multi("mixed", multi("mixed", PLAIN, boundary="b2"), boundary="b1"), PDF)), [(0, 0, 0)])
case("boundaries-alike", mail(multi("mixed", multi("alternative", PLAIN, HTML, boundary="b01"), PDF, boundary="b0")), [(0, 0), (0, 1)])
case("boundary-blanks", mail(multi("alternative", PLAIN, HTML, blanks=b" \t ")), [(0,), (1,)])
case("boundary-odd", mail(multi("alternative", PLAIN, HTML, boundary="=_(x) '+,-./:=?")), [(0,), (1,)])
case("not-closed", mail(multi("alternative", PLAIN, HTML, closed=False)), [(0,), (1,)])
case("folded-type", mail(b"Content-Type:\r\n\tmultipart/mixed;\r\n boundary=\"b0\"\r\n\r\n--b0\r\n" + PLAIN + b"\r\n--b0--\r\n"), [(0,)])
case("amp", mail(multi("alternative", PLAIN, leaf("text/x-amp-html", PAGE), HTML)), [(0,), (1,), (2,)])
case("invitation", mail(multi("alternative", PLAIN, HTML, leaf("text/calendar", "BEGIN:VCALENDAR\n", more="; method=REQUEST"))), [(0,), (1,)])
case("flowed", mail(leaf("text/plain", "a long line that \nflows on and \nends \n", "us-ascii", "7bit", "; format=flowed")), [()])
case("flowed-delsp", mail(leaf("text/plain", "> quoted \n> text\n\nmine \n", "utf-8", "8bit", "; format=flowed; delsp=yes")), [()])
case("qp-cut", mail(multi("mixed", b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nto be con=", PDF)), [(0,)])
case("qp-soft-end", mail(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nto be con=\r\n"), [()])
case("base64-one-line", mail(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(crlf(TEXT).encode()) + b"\r\n"), [()])
case("type-without-slash", mail(b"Content-Type: text; charset=us-ascii\r\n\r\nhello\r\n"), [()])
SHOWN = b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: inline; filename=shown.txt\r\n\r\nshown in place\r\n"
case("file-shown", mail(multi("mixed", SHOWN, PLAIN, PDF)), [(1,)])
case("only-file-shown", mail(multi("mixed", NOTES, SHOWN, PDF)), [(1,)])
EMPTY = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
for encoding in (b"7bit", b"quoted-printable", b"base64"):
    case("part-empty-" + encoding.decode(), mail(b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\nContent-Transfer-Encoding: " + encoding + b"\r\n" + EMPTY +
                                                b"--b0\r\n" + PDF + b"\r\n--b0--\r\n"), [(0,)])
case("md5", mail(b"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n" + PLAIN), [()])
case("unknown-text", mail(multi("mixed", leaf("text/x-sql", "select 1\n"), PLAIN)), [(1,)])
case("no-boundary-in-first", mail(multi("mixed", multi("alternative", PLAIN, HTML, boundary="zz"), NOTES)), [(0, 0), (0, 1)])

BROKEN = {
    "no-body": "<p>Hello Bob</p>",
    "unclosed": "<html><body><div><p>Hello Bob<table><tr><td>x</td></tr></table>",
    "comment": "<html><body><p>Hello Bob</p><!-- </body> --></body></html>",
    "comment-open": "<html><body><p>Hello Bob</p><!-- open </body></html>",
    "script": "<html><body><p>Hello Bob</p><script>var a = '</body>';</script></body></html>",
    "style-open": "<html><body><p>Hello Bob</p><style>p { }",
    "attribute": "<html><body><p title='</body>'>Hello Bob</p></body></html>",
    "tag-open": "<html><body><p>Hello Bob</p><a href=",
    "twice": "<html><body>Hello Bob</body></html><html><body>and Carl</body></html>",
    "behind": "<html><body>Hello Bob</body>and Carl</html>",
    "capitals": "<HTML><BODY BGCOLOR=white>Hello Bob</BODY ></HTML>",
    "less-than": "<html><body>1 < 2 and 3<4</body></html>",
    "outlook": "<html><body><!--[if mso]><table><tr><td><![endif]-->Hello Bob<!--[if mso]></td></tr></table><![endif]--></body></html>",
    "empty": "",
}
for name, page in BROKEN.items():
    for encoding in ("7bit", "quoted-printable", "base64"):
        case("html-%s-%s" % (name, encoding), mail(leaf("text/html", page + "\n", "utf-8", encoding)), [()])

SIGNED = multi("signed", PLAIN, b"Content-Type: application/pkcs7-signature\r\n\r\nx\r\n", more="; protocol=\"application/pkcs7-signature\"")
case("smime-signed", mail(SIGNED), [], "is signed")
case("pgp-signed", mail(multi("signed", PLAIN, b"Content-Type: application/pgp-signature\r\n\r\nx\r\n", more="; protocol=\"application/pgp-signature\"")), [], "is signed")
case("smime-opaque", mail(b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\nAAAA\r\n"), [], "is signed")
case("smime-encrypted", mail(b"Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data\r\nContent-Disposition: inline\r\n\r\nAAAA\r\n"), [], "is encrypted")
case("smime-attached", mail(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Disposition: attachment; "
                            b"filename=smime.p7m\r\n\r\nAAAA\r\n"), [], "is encrypted")
case("pgp-encrypted", mail(multi("encrypted", b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", b"Content-Type: application/octet-stream\r\n\r\nx\r\n")), [],
     "is encrypted")
case("signed-in-mixed", mail(multi("mixed", SIGNED, NOTES, boundary="b9")), [], "is signed")
case("pgp-inline", mail(leaf("text/plain", "hi\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n")), [], "is signed")
case("pgp-inline-encrypted", mail(leaf("text/plain", "-----BEGIN PGP MESSAGE-----\n\nx\n", encoding="base64")), [], "is encrypted")
case("calendar-reply", mail(multi("alternative", PLAIN, leaf("text/calendar", "BEGIN:VCALENDAR\n", more="; method=REPLY"))), [], "answers an invitation")
case("calendar-alone", mail(leaf("text/calendar", "BEGIN:VCALENDAR\n", more="; method=COUNTER")), [], "answers an invitation")
case("report", mail(multi("report", PLAIN, b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n")), [], "is a report")
case("pdf-alone", mail(PDF.replace(b"Content-Disposition: attachment; filename=a.pdf\r\n", b"")), [], "no part of the mail is text")
case("text-attached", mail(b"Content-Disposition: attachment; filename=x.txt\r\n" + PLAIN), [], "no part of the mail is text")
case("digest", mail(multi("digest", b"\r\nSubject: one\r\n\r\nx\r\n")), [], "no part of the mail is text")
case("no-boundary", mail(b"Content-Type: multipart/mixed\r\n\r\nx\r\n"), [], "is broken")
case("base64-broken", mail(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nAA=A!\r\n"), [], "is broken")
case("encoding-unknown", mail(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-zip\r\n\r\nhello\r\n"), [], "is broken")
case("encoding-uuencode", mail(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\n"), [], "is broken")


class Seen(html.parser.HTMLParser):
    """What a browser shows, near enough."""
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.text, self.hidden = "", 0

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("style", "script", "title")
        self.text += " "

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "script", "title")
        self.text += " "

    def handle_data(self, text):
        if not self.hidden:
            self.text += text


def shown(page):
    seen = Seen()
    seen.feed(page)
    return " ".join(seen.text.split())


def at(message, path):
    for nth in path:
        message = message.get_payload(nth)
    return message


READ_AS = {"x-none": "utf-8", "shift_jis": "cp932", "ks_c_5601-1987": "cp949", "windows-31j": "cp932",
           "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-9": "cp1254"}


def words_of(part):
    octets = part.get_payload(decode=True)
    charset = part.get_content_charset() or "utf-8"
    return octets.decode(READ_AS.get(charset, charset)).replace("\r\n", "\n")


def fail(name, why, *more):
    print("%s: %s" % (name, why), *more, sep="\n")
    fail.count += 1


fail.count = 0


def raw_payload(part):
    return part._payload.encode("ascii", "surrogateescape")


HEADER_OF_TEXT = re.compile(rb"(?im)^(content-type: text[/;][^\r]*(\r\n[ \t][^\r]*)*|content-transfer-encoding: [^\r]*|content-md5: [^\r]*|mime-version: 1.0)\r\n")


def rest_of(octets, message, touched):
    """The mail without the text that was touched, and without what says how that is encoded."""
    for path in touched:
        payload = raw_payload(at(message, path))
        place = octets.rindex(payload) if not path else octets.index(payload)
        octets = octets[:place] + b"@" + octets[place + len(payload):] if payload else octets
    return octets


def check_rest(name, before, after, old, new, touched):
    was, now = (rest_of(octets, message, touched) for octets, message in ((before, old), (after, new)))
    if was == now:
        return
    was, now = (HEADER_OF_TEXT.sub(b"", octets).replace(b"@", b"") for octets in (was, now))
    if "part-empty" in name:  # the line end in it was the header's
        now = now.replace(b"--b0\r\n\r\n\r\n--b0", b"--b0\r\n\r\n--b0")
    if was.rstrip(b"\r\n") != now.rstrip(b"\r\n"):
        differ = len(os.path.commonprefix([was, now]))
        fail(name, "octets of other parts changed", was[max(0, differ - 99):differ + 99], now[max(0, differ - 99):differ + 99])


def check_text(name, part_before, part_after, notice, top):
    before, after = words_of(part_before), words_of(part_after)
    kind = part_after.get_content_type()
    if kind != "text/plain":
        before, after, notice = shown(before), shown(after), " ".join(notice.split())
    elif part_after.get_param("format") == "flowed":
        before, after = before.rstrip(), after.rstrip()
    before = before.strip()
    if after.count(notice) != 1:
        fail(name, "%s: the notice is %d times in it" % (kind, after.count(notice)), repr(after))
        return
    if before and " ".join(after.replace(notice, " ").split()) != " ".join(before.split()):
        fail(name, "%s: the text changed" % kind, repr(before), repr(after))
    first = after.strip().startswith(notice)
    if before and first != top and "twice" not in name and "behind" not in name:
        fail(name, "%s: it is not where it belongs" % kind, repr(after))
    if kind == "text/plain" and before and (("\n\n" + notice) if not top else (notice + "\n\n")) not in after:
        fail(name, "it does not stand apart", repr(after))


def check_lines(name, octets):
    if re.search(rb"\r(?!\n)|(?<!\r)\n", octets):
        fail(name, "a CR or LF alone")
    for line in octets.split(b"\r\n"):
        if len(line) > 998:
            fail(name, "a line of %d octets" % len(line))


def structure(message):
    return [(part.get_content_type(), part.get_filename(), part.get_content_disposition()) for part in message.walk()]


def check(folder, notice, name):
    octets, touched, left = CASES[name]
    base = os.path.join(folder, "%s.%s" % (notice, name))
    before, after, why = (open(base + end, "rb").read() for end in (".eml", ".out", ".why"))
    words, top = NOTICES[notice.split("-")[0]], notice.endswith("-top")
    label = "%s.%s" % (notice, name)
    if left:
        if before != after or left not in why.decode():
            fail(label, "it was to be left alone: %r" % why)
        return
    old, new = email.message_from_bytes(before), email.message_from_bytes(after)
    if structure(old) != structure(new):
        fail(label, "the structure changed", structure(old), structure(new))
        return
    check_lines(label, after)
    if old["Content-Transfer-Encoding"] != new["Content-Transfer-Encoding"] and new["MIME-Version"] != "1.0":
        fail(label, "it is MIME now, and does not say so")
    if not before.isascii() or after.isascii():
        pass
    else:
        fail(label, "octets over 127 in a mail that had none")
    for path in touched:
        try:
            check_text(label, at(old, path), at(new, path), words, top)
        except (UnicodeError, LookupError) as error:
            fail(label, "it cannot be read: %s" % error, after)
    check_rest(label, before, after, old, new, touched)


def main():
    folder = sys.argv[2]
    for kind in NOTICES:
        for notice in (kind, kind + "-top"):
            for name in CASES:
                if sys.argv[1] == "make":
                    with open(os.path.join(folder, "%s.%s.eml" % (notice, name)), "wb") as file:
                        file.write(CASES[name][0].replace(b"NOTICE", notice.encode()))
                else:
                    check(folder, notice, name)
    if sys.argv[1] == "make":
        for kind, words in NOTICES.items():
            with open(os.path.join(folder, kind + ".txt"), "w", encoding="utf-8") as file:
                file.write(words + "\n")
    else:
        print("%d mails, %d faults" % (len(CASES) * len(NOTICES) * 2, fail.count))
    return 1 if fail.count else 0


if __name__ == "__main__":
    sys.exit(main())
