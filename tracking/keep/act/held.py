"""Writes to meetings that would mail people and wait until somebody has approved them (10.2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from profiles.act_items import Fields
from tracking.decide.act_values import fingerprint
from tracking.decide.invitations import MeetingWrite
from tracking.models import ExchangeSyncIdMapping, HeldWrite
from tracking.models.reversible import Decision


def said_about(
    row: ExchangeSyncIdMapping,
    write: MeetingWrite,
    addresses: Collection[str],
    fields: Fields,
    original_start: datetime | None,
) -> Decision | None:
    """What somebody has said about exactly this write; None where nobody was asked."""
    mark = _mark(write, addresses, fields, original_start)
    said = HeldWrite.objects.filter(mapping=row, fingerprint=mark).values_list("decision", flat=True).first()
    return None if said is None else Decision(said)


def is_waiting(row: ExchangeSyncIdMapping, original_start: datetime | None) -> bool:
    """Whether somebody was asked about a write of this pair and has not answered: no later run may send it unasked."""
    return HeldWrite.objects.filter(mapping=row, decision=Decision.OPEN, original_start=original_start).exists()


def hold(
    row: ExchangeSyncIdMapping,
    write: MeetingWrite,
    addresses: Collection[str],
    fields: Fields,
    original_start: datetime | None,
    now: datetime,
) -> None:
    """Ask about this write; an open question about another version of it is no question any more."""
    mark = _mark(write, addresses, fields, original_start)
    asked = HeldWrite.objects.filter(mapping=row, decision=Decision.OPEN, original_start=original_start)
    asked.exclude(fingerprint=mark).delete()
    HeldWrite.objects.get_or_create(
        mapping=row,
        fingerprint=mark,
        defaults={
            "mailbox_id": row.mailbox_id,
            "original_start": original_start,
            "kind_of_write": write,
            "addresses": sorted(addresses),
            "held_on": now,
        },
    )


def settle_held(row: ExchangeSyncIdMapping) -> None:
    """Nothing of this pair waits any more. An approval is used up: the same again is asked again."""
    HeldWrite.objects.filter(mapping=row).exclude(decision=Decision.REFUSED).delete()


def _mark(write: MeetingWrite, addresses: Collection[str], fields: Fields, original_start: datetime | None) -> str:
    about = {"write": write.value, "to": " ".join(sorted(addresses)), "occurrence": original_start}
    return fingerprint({**fields, **about})
