"""The mail the figures are measured on: the same number of messages gives the same bytes on every machine.

60 % small text-and-HTML mail in threads, 20 % with an attachment of 50 to 500 KB, 10 % in other charsets, 10 % oddities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from tests.letters import FIRST_OF_MARCH, letter

SEED = 20260301
PEOPLE = [f"person{number}@customer{number % 40}.test" for number in range(200)]
OWNER = "bench@us.test"
KB, MB = 1024, 1024 * 1024
_SENTENCE = (
    "the offer of last week with prices for next year please find attached our answer to your question about "
    "delivery of spare parts invoice order project meeting room contract change thank you kind regards"
)
_WORDS = _SENTENCE.split()
_CHARSETS = (
    ("iso-8859-1", "Größe und Länge prüfen, Müller hört später wieder zu. "),
    ("windows-1252", "L’été dernier – “très bien” – nous avons payé 50 €. "),
    ("koi8-r", "Добрый день, высылаем счёт и договор на подпись. "),
    ("iso-2022-jp", "お世話になっております。添付の見積書をご確認ください。"),
    ("gb2312", "您好，请查收附件中的报价单，谢谢。"),
    ("utf-8", "Dzień dobry, proszę o potwierdzenie zamówienia ☂. "),
)


def corpus(count: int) -> Iterator[bytes]:
    """`count` messages in order of arrival, with CRLF line ends."""
    random = Random(SEED)
    kinds: list[Callable[[int, Random], bytes]] = [_small] * 6 + [_attachment] * 2 + [_charset] + [_oddity]
    for number in range(count):
        yield kinds[(number * 7) % 10](number, random)


def large_message(size: int) -> bytes:
    """One message of about `size` bytes, nearly all of it one attachment in base64."""
    content = Random(SEED).randbytes(size * 73 // 100)
    files = [("archive.bin", "application/octet-stream", content)]
    return letter(
        PEOPLE[0], OWNER, "A large file", "As announced.", message_id="<large@customer.test>", attachments=files
    )


def _id_of(number: int) -> str:
    return f"<message-{number}@bench.test>"


def _text(random: Random, words: int) -> str:
    lines = (" ".join(random.choices(_WORDS, k=10)) for _ in range(words // 10))
    return "\n".join(lines) + "\n"


def _common(number: int, random: Random) -> dict[str, object]:
    """Sender, recipients, Message-ID, date and, for two of three, the thread they are in."""
    to = [
        f"Bench <{OWNER}>",
        *(f"Person {n} <{PEOPLE[n]}>" for n in random.sample(range(200), random.choice((0, 0, 1, 3)))),
    ]
    ancestors = [_id_of(one) for one in range(number % 10, number, 10)][-4:] if number % 3 else []
    return {
        "sender": f"Person <{random.choice(PEOPLE)}>",
        "to": to,
        "message_id": _id_of(number),
        "date": FIRST_OF_MARCH + timedelta(minutes=number),
        "in_reply_to": ancestors[-1] if ancestors else None,
        "references": ancestors,
        "extra_headers": [
            ("Received", f"from mx{hop}.customer.test by mx{hop + 1}.us.test with ESMTPS id {random.getrandbits(60):x}")
            for hop in range(4)
        ],
    }


def _small(number: int, random: Random) -> bytes:
    body = _text(random, random.randint(40, 400))
    html = f"<html><body>{''.join(f'<p>{line}</p>' for line in body.splitlines())}</body></html>"
    subject = ("Re: " if number % 3 else "") + f"Order {number % 10} of this month"
    return letter(subject=subject, body=body, html=html, **_common(number, random))  # type: ignore[arg-type]


def _attachment(number: int, random: Random) -> bytes:
    content = random.randbytes(random.randint(50 * KB, 500 * KB))
    files = [(f"scan {number}.pdf", "application/pdf", content)]
    body = _text(random, 60)
    return letter(subject=f"Scan {number}", body=body, attachments=files, **_common(number, random))  # type: ignore[arg-type]


def _charset(number: int, random: Random) -> bytes:
    charset, sentence = _CHARSETS[number // 10 % len(_CHARSETS)]
    block = _headers(number, random, f"Betreff {number} – größer", [f"Content-Type: text/plain; charset={charset}"])
    body = "\r\n".join([sentence * 3] * random.randint(3, 20)).encode(charset)
    return block + body + b"\r\n"


def _headers(number: int, random: Random, subject: str, further: list[str], message_id: str | None = None) -> bytes:
    """A header block made by hand, for what a library would not write."""
    date = (FIRST_OF_MARCH + timedelta(minutes=number)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    lines = [
        f"From: Person <{random.choice(PEOPLE)}>",
        f"To: {OWNER}",
        f"Subject: {subject}",
        f"Date: {date}",
        *([f"Message-ID: {message_id or _id_of(number)}"] if message_id != "" else []),
        "MIME-Version: 1.0",
        *further,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _oddity(number: int, random: Random) -> bytes:
    """No Message-ID, a bounce, an attached mail, a cut multipart, broken base64, uuencode, raw 8-bit, a wrong charset."""
    text = _text(random, 100).replace("\n", "\r\n").encode()
    plain = ["Content-Type: text/plain"]
    mixed = ['Content-Type: multipart/mixed; boundary="b"']
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + text
    match number // 10 % 8:
        case 0:
            return _headers(number, random, f"Without an id {number}", plain, message_id="") + text
        case 1:
            report = ['Content-Type: multipart/report; report-type=delivery-status; boundary="b"']
            status = b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
            return _headers(number, random, "Undeliverable", report) + part + status
        case 2:
            inner = _headers(number, random, "Inner", plain, "<inner@bench.test>") + text
            return (
                _headers(number, random, "Fwd", mixed) + part + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner
            )
        case 3:
            return _headers(number, random, "Cut off", mixed) + part
        case 4:
            broken = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"]
            return _headers(number, random, "Broken", broken) + b"SGVsbG8gV29ybGQ" * 40 + b"!\r\n"
        case 5:
            lines = b"begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n"
            return _headers(number, random, "An old file", plain) + text + lines
        case 6:
            return _headers(number, random, f"Größe {number}", plain) + "Straße\r\n".encode("latin-1") + text
        case _:
            wrong = ["Content-Type: text/html; charset=x-unknown"]
            return _headers(number, random, "", wrong) + b"<p>" + text + "<p>né</p>\r\n".encode("cp1252")
