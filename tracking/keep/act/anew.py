"""Pairs whose item is gone and is to be made again: the meeting is called anew, in its calendar or in a colleague’s (10.2.4).
Each is called inside the transaction that pins the lease."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from mailboxes.models import Leg, MailboxLeg
from profiles.identifiers import uuid7
from tracking.facts.act.kinds import content_type_of, kind_of
from tracking.facts.act.pairs import Meetable
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion, UserDecision


def start_over(rows: QuerySet[ExchangeSyncIdMapping], now: datetime) -> None:
    """These pairs have no item any more; whose mailbox may make it does so, the others wait for it."""
    rows.filter(is_unlinked_in_crm=False).update(
        exchange_entry_id="",
        server_version="",
        uid="",
        crm_version="",
        agreed={},
        agreed_occurrences={},
        agreed_on=None,
        is_deleted_in_exchange=False,
        to_crm_change_type=ChangeType.NONE,
        from_crm_change_type=ChangeType.UPDATE,
        question=SyncQuestion.NONE,
        question_facts={},
        user_decision=UserDecision.NONE,
        last_sync_error="",
        last_sync_error_code="",
        last_sync_error_occurred_on=None,
        next_attempt_on=now,
        retries=0,
    )


def link_for_caller(record: Meetable, caller_id: int | None) -> None:
    """Who calls a meeting from now on keeps it the same, even if they had thrown away their copy of it, and whatever their
    filters want (10.2.4). Called before `call_anew`."""
    kind = content_type_of(kind_of(record))
    rows = ExchangeSyncIdMapping.objects.filter(owner_id=caller_id, object_type=kind, object_id=str(record.pk))
    rows.exclude(object_id="").update(is_unlinked_in_crm=False, came_by_filter=False)


def call_anew(record: Meetable, mailbox_id: UUID, now: datetime) -> None:
    """The meeting is gone in the calendar of this mailbox, which had called it: to all others it will be a new one."""
    record.global_object_id = ""
    type(record)._default_manager.filter(pk=record.pk).update(global_object_id="")
    kind = content_type_of(kind_of(record))
    rows = ExchangeSyncIdMapping.objects.filter(object_type=kind, object_id=str(record.pk)).exclude(object_id="")
    for row in rows.exclude(mailbox_id=mailbox_id).exclude(exchange_entry_id=""):
        row.mark = uuid7(now).hex  # their canceled copy of the old meeting bears the one before
        row.save(update_fields=["mark"])
    start_over(rows, now)
    others = rows.exclude(mailbox_id=mailbox_id).values("mailbox_id")
    MailboxLeg.objects.filter(mailbox_id__in=others, leg=Leg.ACT, enabled=True).request(now)
