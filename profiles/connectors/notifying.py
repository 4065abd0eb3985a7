"""Whom a server that does as it is told mails about a write to a meeting (10.2). Pure."""

from __future__ import annotations

from profiles.act_items import NOTHING, Attendee, Fields, Item, ItemKind, Notify


def addresses_mailed(before: Item | None, fields: Fields, notify: Notify) -> frozenset[str]:
    """The addresses that get an invitation, an update or a cancellation: `before` None = a create, `fields` empty = a
    deletion. Only the organizer's writes are told to anybody, and never to the organizer."""
    if notify is Notify.NOBODY or (
        before is not None and (before.kind != ItemKind.APPOINTMENT or not before.is_organizer)
    ):
        return frozenset()
    invited = _invited(NOTHING if before is None else before.fields)
    if before is not None and not fields:
        return invited
    after = _invited({**(before.fields if before is not None else {}), **fields})
    if notify is Notify.CHANGED and before is not None and after != invited:
        return after ^ invited
    return after | invited


def _invited(fields: Fields) -> frozenset[str]:
    people = [one for role in ("required", "optional") for one in _people(fields.get(role))]
    organizer = {one.address for one in _people(fields.get("organizer"))}
    return frozenset(one.address for one in people if one.address) - organizer


def _people(value: object) -> list[Attendee]:
    return [one for one in value if isinstance(one, Attendee)] if isinstance(value, tuple) else []
