"""What is known of the pairs of one mailbox: by the keys of the server, by our marks, and which have to be worked on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from mailboxes.models import ActDeliveryMethod, Leg, Mailbox, MailboxLeg
from mailboxes.policy import Policy
from profiles.act_items import ItemKind
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.decide.act_values import agreed_from_json
from tracking.decide.deletion import Leaving
from tracking.decide.field_values import CANCELED
from tracking.facts.act.appointments import caller_of, organizes
from tracking.facts.act.kinds import Record, Syncing, content_type_of, kind_of
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion, UserDecision

SyncMapping = ExchangeSyncIdMapping
_IS_MARK = re.compile(r"[0-9a-f]{32}").fullmatch
Meetable = Appointment | RecurringAppointmentMaster


_NOTED = (
    *("object_type_id", "object_id", "exchange_entry_id", "uid"),
    *("from_crm_change_type", "is_unlinked_in_crm", "question", "user_decision"),
)


def as_read(row: SyncMapping) -> tuple[object, ...]:
    """What others may note in a row while it is worked on: that the record is deleted, or another one, or an answer."""
    return tuple(getattr(row, name) for name in _NOTED)


def as_stored(row: SyncMapping) -> tuple[object, ...] | None:
    """The same as it is stored now; None where the row is gone."""
    return SyncMapping.objects.filter(pk=row.pk).values_list(*_NOTED).first()


def by_key(mailbox: Mailbox, kind: ItemKind, keys: Collection[str]) -> dict[str, SyncMapping]:
    """The mappings of these items of the server."""
    rows = SyncMapping.objects.filter(mailbox=mailbox, kind=kind, exchange_entry_id__in=list(keys))
    rows = rows.exclude(exchange_entry_id="")  # as the index says
    return {row.exchange_entry_id: row for row in rows}


def by_mark(mailbox: Mailbox, marks: Collection[str]) -> dict[str, SyncMapping]:
    """The mappings that have given these marks."""
    rows = SyncMapping.objects.filter(mailbox=mailbox, mark__in=[mark for mark in marks if mark]).exclude(mark="")
    return {row.mark: row for row in rows}


def given_elsewhere(marks: Iterable[str]) -> set[str]:
    """Those of these marks that a mapping of any mailbox has given: what bears them was copied from there (10.1 j)."""
    asked = {mark for mark in marks if mark}
    pks = [UUID(mark) for mark in asked if _IS_MARK(mark)]
    return {pk.hex for pk in SyncMapping.objects.filter(pk__in=pks).values_list("pk", flat=True)} if pks else set()


def by_uid(mailbox: Mailbox, uids: Collection[str]) -> dict[str, SyncMapping]:
    """The mappings of this mailbox whose meeting bears these ids."""
    rows = SyncMapping.objects.filter(mailbox=mailbox, uid__in=[uid for uid in uids if uid]).exclude(uid="")
    return {row.uid: row for row in rows}


def waiting(
    mailbox: Mailbox, kind: ItemKind, now: datetime, *, there: bool, before: UUID | None, limit: int
) -> list[SyncMapping]:
    """What has to be worked on now, of what is on the server or of what is not; newest first (a key tells when its item
    was changed), after the row `before`. What waits for an answer, or for its next attempt, is not among it."""
    rows = _waiting(mailbox, kind, now)
    rows = rows.exclude(exchange_entry_id="") if there else rows.filter(exchange_entry_id="")
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def _waiting(mailbox: Mailbox, kind: ItemKind, now: datetime) -> QuerySet[SyncMapping]:
    answered = Q(question=SyncQuestion.NONE) | ~Q(user_decision=UserDecision.NONE)
    answered |= Q(question=SyncQuestion.SCHEDULING_CONFLICT)  # it has changed since: it may be at another time now
    return SyncMapping.objects.filter(answered, mailbox=mailbox, kind=kind, next_attempt_on__lte=now)


def first_run(mailbox: Mailbox, kind: ItemKind, now: datetime) -> tuple[int, int]:
    """How many pairs there are, and how many of them have never been worked on and wait for nobody's word (10.1 f)."""
    never = _waiting(mailbox, kind, now).filter(agreed_on=None, is_unlinked_in_crm=False, last_sync_error="")
    return SyncMapping.objects.filter(mailbox=mailbox, kind=kind).count(), never.count()


def number_linked(mailbox: Mailbox, kind: ItemKind) -> int:
    """How many items of a kind are linked."""
    rows = SyncMapping.objects.filter(mailbox=mailbox, kind=kind, is_unlinked_in_crm=False)
    return rows.exclude(exchange_entry_id="").exclude(object_id="").count()


def number_to_delete(mailbox: Mailbox, kind: ItemKind) -> tuple[int, int]:
    """How many deletions wait that nobody has approved: of our records because of the server, and of the server's items
    because of us."""
    rows = SyncMapping.objects.filter(
        mailbox=mailbox, kind=kind, next_attempt_on__isnull=False, is_unlinked_in_crm=False
    )
    rows = rows.exclude(user_decision=UserDecision.YES)
    return (
        rows.filter(to_crm_change_type=ChangeType.DELETE).count(),
        rows.filter(from_crm_change_type=ChangeType.DELETE).count(),
    )


def leads(record: Meetable, row: SyncMapping, syncing: Syncing) -> bool:
    """Whether this pair, of all that the meeting has in several calendars, keeps the record and its item the same: the
    organizer’s, else that of the record’s owner, else the oldest (10.2.4)."""
    if organizes(record, syncing):
        return True
    rows = SyncMapping.objects.filter(object_type=content_type_of(kind_of(record)), object_id=str(record.pk))
    linked = Q(is_deleted_in_exchange=False) & ~Q(exchange_entry_id="")
    # Whose mailbox has yet to find or make it has a say already; one that waits for an invitation has none.
    to_come = Q(next_attempt_on__isnull=False, mailbox__in=synchronized_mailboxes())
    others = rows.filter(linked | to_come, is_unlinked_in_crm=False).exclude(pk=row.pk).select_related("mailbox")
    own = (True, row.owner_id != record.owner_id, row.created_on, row.pk)
    return all(own < _rank(record, one, syncing) for one in others)


def _rank(record: Meetable, row: SyncMapping, syncing: Syncing) -> tuple[bool, bool, datetime, UUID]:
    there = replace(syncing, mailbox=row.mailbox, user_id=row.owner_id)
    return (not organizes(record, there), row.owner_id != record.owner_id, row.created_on, row.pk)


def synchronized_mailboxes() -> QuerySet[Mailbox]:
    """Those whose appointments, contacts and tasks are synchronized by us."""
    method = ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    legs = MailboxLeg.objects.filter(leg=Leg.ACT, enabled=True, mailbox__act_delivery_method=method)
    return Mailbox.objects.filter(pk__in=legs.values("mailbox_id"))


def caller_elsewhere(record: Meetable, syncing: Syncing) -> Mailbox | None:
    """The synchronized mailbox of the colleague who calls a meeting; None where it is the user's own, or nobody's."""
    if organizes(record, syncing):
        return None
    caller = caller_of(record)
    return None if caller is None else synchronized_mailboxes().filter(regarding_user_id=caller).first()


def leaving(record: Record | None, row: SyncMapping, syncing: Syncing, policy: Policy) -> Leaving | None:
    """Whether the item of a linked meeting has to leave the calendar although the record is here: it was canceled, by
    setting, or a colleague calls it now that the user had called (10.2.4, 10.2.6)."""
    if not isinstance(record, Meetable) or row.agreed_on is None:
        return None
    if record.state_code == CANCELED:
        return Leaving.CANCELED if policy.sss_propagate_appointment_cancellations_to_exchange else None
    before = agreed_from_json(row.agreed).exchange.get("organizer")
    called = isinstance(before, tuple) and any(getattr(one, "address", "") == syncing.address for one in before)
    return Leaving.HANDED_OVER if called and caller_elsewhere(record, syncing) is not None else None


def is_asked_about(record: Record, mailbox: Mailbox) -> bool:
    """Whether somebody was asked if an item in the mailbox is this record: it gets no item of its own before (10.1 k)."""
    rows = SyncMapping.objects.filter(
        mailbox=mailbox, question=SyncQuestion.SAME_RECORD, user_decision=UserDecision.NONE
    )
    return rows.filter(question__gt=0, question_facts__record=str(record.pk)).exists()


def linked_elsewhere(record: Record, row: SyncMapping) -> SyncMapping | None:
    """The other mapping that the same user has of a record."""
    rows = SyncMapping.objects.filter(
        owner_id=row.owner_id, object_type=content_type_of(kind_of(record)), object_id=str(record.pk)
    )
    return rows.exclude(pk=row.pk).first()
