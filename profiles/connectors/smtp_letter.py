"""One letter as SMTP wants it: checked addresses, the commands that offer it, and its content (RFC 5321, 3461, 6531)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from profiles.connectors.base import Cause, ItemRejected
from profiles.connectors.mime import wire_address
from profiles.items import Letter

LINE_END = re.compile(rb"\r\n|\r|\n")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


def check_addresses(letter: Letter) -> None:
    """Nothing in an address may be taken for another address or command. An empty sender is the null return path."""
    if not letter.recipients:
        raise ItemRejected("The message has no recipient.", remedy="Add a recipient.", cause=Cause.RECIPIENT)
    for address in filter(None, (letter.sender, *letter.recipients)):
        try:
            _on_the_wire(address)
        except ValueError as error:
            raise ItemRejected(f"{error}.", remedy="Correct the address.", cause=Cause.RECIPIENT) from None
    if not all(letter.recipients):
        raise ItemRejected("A recipient has no address.", remedy="Add the address.", cause=Cause.RECIPIENT)


def with_crlf(raw: bytes) -> bytes:
    """The message with CRLF line ends throughout, the last line included (RFC 5321 §2.3.8)."""
    if not raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n"):
        raw = LINE_END.sub(b"\r\n", raw)
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def dotted(content: bytes) -> bytes:
    """The message as DATA wants it: leading dots doubled, a lone dot at the end (RFC 5321 §4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return (b"." if content.startswith(b".") else b"") + stuffed + b".\r\n"


def commands(letter: Letter, content: bytes, features: Mapping[str, str], server: str) -> list[str]:
    """MAIL and one RCPT for each recipient, with the parameters that a server of these `features` (EHLO) understands.

    Raises ItemRejected if the server cannot take this letter at all."""
    asks = letter.wants_report and "dsn" in features
    options = _mail_options(letter, content, features, server)
    if asks:
        options += ["RET=HDRS", f"ENVID={_xtext(letter.message_id)[:100]}"]
    recipients = (_on_the_wire(address) for address in letter.recipients)
    return [
        " ".join([f"MAIL FROM:<{_on_the_wire(letter.sender)}>", *options]),
        *(f"RCPT TO:<{address}>{_notice(address) if asks else ''}" for address in recipients),
    ]


def _notice(address: str) -> str:
    """The request to tell when it was delivered to this recipient, and when not (RFC 3461 §4)."""
    original = f" ORCPT=rfc822;{_xtext(address)}" if address.isascii() else ""
    return f" NOTIFY=SUCCESS,FAILURE,DELAY{original}"


def _xtext(text: str) -> str:
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]) & 0xFF:02X}", text)


def _mail_options(letter: Letter, content: bytes, features: Mapping[str, str], server: str) -> list[str]:
    options = []
    size = features.get("size")
    if size is not None:
        if size.isdigit() and 0 < int(size) < len(content):
            raise ItemRejected(
                f"The message has {len(content)} bytes, but {server} takes no more than {size}.",
                remedy="Send smaller attachments, or have the server's limit raised.",
                cause=Cause.SIZE,
            )
        options.append(f"SIZE={len(content)}")
    if not content.isascii() and "8bitmime" in features:
        options.append("BODY=8BITMIME")
    foreign = [one for one in map(_on_the_wire, (letter.sender, *letter.recipients)) if not one.isascii()]
    if "smtputf8" in features:
        if foreign or not content.partition(b"\r\n\r\n")[0].isascii():
            options.append("SMTPUTF8")
    elif foreign:
        raise ItemRejected(
            f"{server} takes no addresses with letters beyond ASCII (SMTPUTF8): {', '.join(foreign)}.",
            remedy="Use an ASCII address of this person, or send through another server.",
            cause=Cause.RECIPIENT,
        )
    return options


@lru_cache(maxsize=1024)
def _on_the_wire(address: str) -> str:
    """The null sender stays what it is."""
    return address and wire_address(address)
