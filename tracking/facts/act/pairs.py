"""What is known of the pairs of one mailbox: by the keys of the server, by our marks, and which have to be worked on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.facts.act.appointments import organizes
from tracking.facts.act.kinds import Record, Syncing, content_type_of, kind_of
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion, UserDecision

Mapping = ExchangeSyncIdMapping
Meetable = Appointment | RecurringAppointmentMaster


def by_key(mailbox: Mailbox, kind: ItemKind, keys: Collection[str]) -> dict[str, Mapping]:
    """The mappings of these items of the server."""
    rows = Mapping.objects.filter(mailbox=mailbox, kind=kind, exchange_entry_id__in=list(keys))
    return {row.exchange_entry_id: row for row in rows}


def by_mark(mailbox: Mailbox, marks: Collection[str]) -> dict[str, Mapping]:
    """The mappings that have given these marks."""
    rows = Mapping.objects.filter(mailbox=mailbox, mark__in=[mark for mark in marks if mark])
    return {row.mark: row for row in rows}


def by_uid(mailbox: Mailbox, uids: Collection[str]) -> dict[str, Mapping]:
    """The mappings of this mailbox whose meeting bears these ids."""
    rows = Mapping.objects.filter(mailbox=mailbox, uid__in=[uid for uid in uids if uid])
    return {row.uid: row for row in rows}


def waiting(mailbox: Mailbox, kind: ItemKind, now: datetime, before: UUID | None, limit: int) -> list[Mapping]:
    """What has to be worked on now, newest first, after the row `before`. What waits for an answer, or for its next
    attempt, is not among it."""
    rows = _waiting(mailbox, kind, now)
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def _waiting(mailbox: Mailbox, kind: ItemKind, now: datetime) -> QuerySet[Mapping]:
    answered = Q(question=SyncQuestion.NONE) | ~Q(user_decision=UserDecision.NONE)
    return Mapping.objects.filter(answered, mailbox=mailbox, kind=kind, next_attempt_on__lte=now)


def number_waiting(mailbox: Mailbox, kind: ItemKind, now: datetime) -> int:
    """How many pairs have to be worked on now."""
    return _waiting(mailbox, kind, now).count()


def number_linked(mailbox: Mailbox, kind: ItemKind) -> int:
    """How many items of a kind are linked."""
    rows = Mapping.objects.filter(mailbox=mailbox, kind=kind, is_unlinked_in_crm=False)
    return rows.exclude(exchange_entry_id="").exclude(object_id="").count()


def number_to_delete(mailbox: Mailbox, kind: ItemKind) -> tuple[int, int]:
    """How many deletions wait that nobody has approved: of our records because of the server, and of the server's items
    because of us."""
    rows = Mapping.objects.filter(mailbox=mailbox, kind=kind, next_attempt_on__isnull=False, is_unlinked_in_crm=False)
    rows = rows.exclude(user_decision=UserDecision.YES)
    return (
        rows.filter(to_crm_change_type=ChangeType.DELETE).count(),
        rows.filter(from_crm_change_type=ChangeType.DELETE).count(),
    )


def leads(record: Meetable, row: Mapping, syncing: Syncing) -> bool:
    """Whether this pair, of all that the meeting has in several calendars, keeps the record and its item the same: the
    organizer’s, else that of the record’s owner, else the oldest (10.2.4)."""
    if organizes(record, syncing):
        return True
    rows = Mapping.objects.filter(object_type=content_type_of(kind_of(record)), object_id=str(record.pk))
    others = rows.filter(is_unlinked_in_crm=False).exclude(pk=row.pk).select_related("mailbox")
    own = (True, row.owner_id != record.owner_id, row.pk)
    return all(own < _rank(record, one, syncing) for one in others)


def _rank(record: Meetable, row: Mapping, syncing: Syncing) -> tuple[bool, bool, UUID]:
    there = replace(syncing, mailbox=row.mailbox, user_id=row.owner_id)
    return (not organizes(record, there), row.owner_id != record.owner_id, row.pk)


def is_asked_about(record: Record, mailbox: Mailbox) -> bool:
    """Whether somebody was asked if an item in the mailbox is this record: it gets no item of its own before (10.1 k)."""
    rows = Mapping.objects.filter(mailbox=mailbox, question=SyncQuestion.SAME_RECORD, user_decision=UserDecision.NONE)
    return rows.filter(question_facts__record=str(record.pk)).exists()


def linked_elsewhere(record: Record, row: Mapping) -> Mapping | None:
    """The other mapping that the same user has of a record."""
    rows = Mapping.objects.filter(
        owner_id=row.owner_id, object_type=content_type_of(kind_of(record)), object_id=str(record.pk)
    )
    return rows.exclude(pk=row.pk).first()
