"""From the fields of a header block to an `Envelope`."""

from __future__ import annotations

from profiles.connectors.mime.addresses import addresses, message_id, message_ids
from profiles.connectors.mime.charsets import one_line
from profiles.connectors.mime.dates import date
from profiles.connectors.mime.headers import Fields, decode_words, type_and_parameters
from profiles.connectors.mime.values import Address, Envelope

MOST_ADDRESSES = 10_000
"""Mailboxes of one list; what a header has beyond that stands in the original only."""
_FURTHER = {
    name.lower().encode(): name
    for name in (
        "Precedence",
        "Content-Class",
        "X-Auto-Response-Suppress",
        "X-Autoreply",
        "X-Autoreply-From",
        "X-Auto-Reply",
        "X-Autorespond",
        "X-Autoresponder",
        "X-Mail-Autoreply",
        "List-Id",
        "List-Unsubscribe",
        "Feedback-Id",
        "X-Failed-Recipients",
        "Importance",
        "X-Priority",
        "Sensitivity",
        "Disposition-Notification-To",
    )
}
_OUR_OWN = b"x-serversync-"
_DELIVERED_TO = (b"delivered-to", b"x-original-to", b"envelope-to")


def envelope_of(fields: Fields) -> Envelope:
    """What the fields say. Of a field that may stand once, the first value that is not empty counts."""
    content_type, parameters = type_and_parameters(fields.first(b"content-type"))
    return Envelope(
        message_id=message_id(fields.first(b"message-id")),
        in_reply_to=message_ids(" ".join(fields.all(b"in-reply-to"))),
        references=message_ids(" ".join(fields.all(b"references"))),
        sender=_sender(fields),
        reply_to=_addresses(fields, b"reply-to"),
        to=_addresses(fields, b"to"),
        cc=_addresses(fields, b"cc"),
        bcc=_addresses(fields, b"bcc"),
        subject=decode_words(fields.first(b"subject")),
        date=date(fields.first(b"date")),
        thread_index="".join(one_line(fields.first(b"thread-index")).split()),
        delivered_to=_delivered_to(fields),
        return_path=_return_path(fields),
        auto_submitted=decode_words(fields.first(b"auto-submitted")).lower(),
        content_type=content_type if "/" in content_type else "text/plain",
        report_type=parameters.get("report-type", "").lower(),
        headers=_further(fields),
    )


def _addresses(fields: Fields, name: bytes) -> tuple[Address, ...]:
    """All mailboxes of all fields of this name, at most MOST_ADDRESSES: mailers that repeat To mean both."""
    return tuple(address for value in fields.all(name) for address in addresses(value))[:MOST_ADDRESSES]


def _sender(fields: Fields) -> Address | None:
    """5.12: the author comes before the one who sent on behalf of the author.

    A name with an unquoted comma falls into several "mailboxes", of which only one is an address: that one is meant.
    """
    for name in (b"from", b"sender"):
        found = _addresses(fields, name)
        if found:
            return next((address for address in found if address.is_valid), found[0])
    return None


def _delivered_to(fields: Fields) -> tuple[str, ...]:
    found = (address.address for name in _DELIVERED_TO for address in _addresses(fields, name))
    return tuple(dict.fromkeys(address for address in found if address))


def _return_path(fields: Fields) -> str | None:
    values = fields.all(b"return-path")
    if not values:
        return None
    return next((address.address for value in values[:1] for address in addresses(value)), "")


def _further(fields: Fields) -> tuple[tuple[str, str], ...]:
    kept = []
    for name, value in fields.pairs:
        written = _FURTHER.get(name) or (_own_name(name) if name.startswith(_OUR_OWN) else "")
        if written:
            kept.append((written, decode_words(Fields([(name, value)], 0).first(name))))
    return tuple(kept)


def _own_name(name: bytes) -> str:
    return "X-ServerSync-" + name[len(_OUR_OWN) :].decode("ascii", "replace").title()
