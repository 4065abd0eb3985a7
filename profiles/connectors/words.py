"""What a server said: fit to be shown to people, and what it asks for in protocols that have no code for it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import takewhile

from profiles.connectors.base import Cause, ItemDelayed
from profiles.items import Access, Refused

LONGEST = 500
"""Characters of a server's words that are kept."""
BLANK = "•••"
RECOGNISABLE = 6
"""Characters at the start of a secret that give it away: servers also echo commands cut short."""

WAITING = re.compile(
    r"too many|\brates?\b|rate.?limit|throttl|try again (?:later|in \d)|slow down|too (?:fast|frequent)", re.IGNORECASE
)
DELAY = re.compile(
    r"\b(?:in|after|for|wait|within)\s+(\d{1,5})\s*(s|m|h)(?:ecs?|econds?|ins?|inutes?|rs?|ours?)?\b", re.IGNORECASE
)
SWITCHED_OFF = re.compile(
    r"(?:\bpop\d?\b|\bsmtp|client ?auth\w*).{0,60}(?:disabled|not (?:enabled|allowed|permitted))"
    r"|(?:disabled|not (?:enabled|allowed|permitted)) .{0,30}(?:\bpop|\bsmtp)",
    re.IGNORECASE,
)
DISABLED = re.compile(r"\b(?:account|mailbox|user)\b.{0,30}\b(?:disabled|suspended|locked out|blocked)", re.IGNORECASE)
NOT_IN_THIS_NAME = re.compile(
    r"\b5\.7\.60\b|\b5\.2\.252\b|send ?as|not owned by|as this sender|sender address rejected", re.IGNORECASE
)
TOO_MANY_RECIPIENTS = re.compile(
    r"\b[45]\.5\.3\b|recip\w*.{0,20}limit|recip\w* count exceeds|too many recipients|number of recipients",
    re.IGNORECASE,
)
FULL = re.compile(r"\b[45]\.2\.2\b|over ?quota|(?:mailbox|quota) (?:is )?(?:full|exceeded)", re.IGNORECASE)
REMEDIES = {
    Cause.SEND_AS: "{account} has no right to send with the address in From. Give it that right at the server (Exchange: "
    "SendAs), or let the mailbox in From sign in with an account of its own; then send the email again.",
    Cause.TOO_MANY_RECIPIENTS: "Write to fewer people at a time, or have the server's limit raised.",
    Cause.SIZE: "Send smaller attachments, or have the server's limit raised.",
}
UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def said(words: bytes, access: Access) -> str:
    """A server's words as one line of at most LONGEST characters, the secrets of `access` blanked out (law 10)."""
    text = words.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return _without_secrets(" ".join(text.split()), access)[:LONGEST]


def asks_to_wait(words: str) -> bool:
    """Whether a temporary refusal is about how often or how fast we come."""
    return bool(WAITING.search(words))


def refused_login(words: str, otherwise: Cause) -> Cause:
    """Why nobody is let in, where the words tell more than that."""
    if SWITCHED_OFF.search(words):
        return Cause.PROTOCOL_DISABLED
    return Cause.ACCOUNT_DISABLED if DISABLED.search(words) else otherwise


def refused_mail(words: str, otherwise: Cause) -> Cause:
    """Why a message is not taken, where the words tell more than that (RFC 3463)."""
    if NOT_IN_THIS_NAME.search(words):
        return Cause.SEND_AS
    if TOO_MANY_RECIPIENTS.search(words):
        return Cause.TOO_MANY_RECIPIENTS
    return Cause.QUOTA if FULL.search(words) else otherwise


def what_helps(cause: Cause, access: Access) -> str:
    """What a person can do about a message that is refused for good; "" where the server's words have to tell."""
    account = access.username or "this service"
    return REMEDIES.get(cause, "").format(account=account)


def told_delay(words: str) -> timedelta | None:
    """The delay a server put into words, such as "try again in 30 seconds"."""
    found = DELAY.search(words)
    return timedelta(**{UNITS[found[2].lower()]: int(found[1])}) if found else None


def said_of(refused: Iterable[Refused]) -> str:
    """What the server said of each of these recipients, as one sentence."""
    words = "; ".join(f"{one.address}: {one.code} {one.words}".strip() for one in refused)
    return f"{words.rstrip('.')}."


def put_off(message: str, refused: Sequence[Refused]) -> ItemDelayed:
    """What it means for a letter that these recipients were refused, at least one of them only for now."""
    words = said_of(refused)
    for_now = "; ".join(one.words for one in refused if not one.permanent)
    error = delayed(message, words, refused_mail(for_now, Cause.RECIPIENT))
    error.refused = tuple(refused)
    return error


def delayed(message: str, words: str, cause: Cause) -> ItemDelayed:
    """One letter is not taken now; a delay that the server put into words is kept, to be obeyed exactly."""
    error = ItemDelayed(message, words=words, cause=cause)
    error.delay = told_delay(words)
    return error


def plain_response(access: Access) -> str:
    """The credentials as the SASL mechanism PLAIN sends them (RFC 4616), in base64."""
    return b64encode(f"\0{access.username}\0{access.password}".encode()).decode("ascii")


def _without_secrets(text: str, access: Access) -> str:
    if not access.password:
        return text
    for secret in (plain_response(access), b64encode(access.password.encode()).decode("ascii"), access.password):
        text = _blanked(text, secret)
    return text


def _blanked(text: str, secret: str) -> str:
    """`text` without `secret`, nor any long enough beginning of it."""
    done, rest = "", text
    while (at := rest.find(secret[:RECOGNISABLE])) >= 0:
        done += rest[:at] + BLANK
        rest = rest[at:]
        rest = rest[sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(rest, secret, strict=False))) :]
    return done + rest
