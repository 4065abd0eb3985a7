"""What people decide about what synchronization has asked, held back, failed at or overwritten (10.1 h, 10.1 k, law 9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Least

from mailboxes.models import Leg, Mailbox, MailboxLeg, UserSettings
from mailboxes.models.settings import current_policy
from profiles.act_items import Value
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.decide.act_values import from_json
from tracking.decide.merge import Side as Sides
from tracking.decide.occurrences import OccurrenceStep
from tracking.facts.act.kinds import Record, Syncing
from tracking.keep.act.appointments import apply_occurrence
from tracking.keep.act.files import files_taken, set_file
from tracking.keep.act.writing import set_fields
from tracking.models import (
    ChangeType,
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    SyncConflict,
    SyncQuestion,
    UserDecision,
)
from tracking.models.reversible import Decision, Side


class NotPossible(Exception):
    """Why nothing was done, as a sentence."""


def retry(rows: QuerySet[ExchangeSyncIdMapping], now: datetime) -> int:
    """Try these pairs again at once, however often they have failed (12.1). Returns how many."""
    mailboxes = set(rows.values_list("mailbox_id", flat=True))
    changed = rows.filter(question=SyncQuestion.NONE).update(next_attempt_on=now, retries=Least("retries", 1))
    _run(mailboxes, now)
    return changed


def answer(row: ExchangeSyncIdMapping, decision: UserDecision, by: Any, now: datetime) -> bool:
    """Say yes or no to what is asked about one pair (10.1 k). False where somebody was faster."""
    rows = ExchangeSyncIdMapping.objects.filter(pk=row.pk, question=row.question, user_decision=UserDecision.NONE)
    if row.question == SyncQuestion.NONE:
        return False
    changed = rows.update(user_decision=decision, decided_by=by, decided_on=now, next_attempt_on=now)
    _run({row.mailbox_id}, now)
    return bool(changed)


def decide_writes(rows: QuerySet[HeldWrite], decision: Decision, by: Any, now: datetime) -> int:
    """Let these meeting mails leave, or not (10.2). Returns how many were still open."""
    with transaction.atomic():
        held = list(rows.select_for_update().filter(decision=Decision.OPEN))
        HeldWrite.objects.filter(pk__in=[one.pk for one in held]).update(
            decision=decision, decided_by=by, decided_on=now
        )
        mappings = ExchangeSyncIdMapping.objects.filter(pk__in=[one.mapping_id for one in held])
        mappings.update(next_attempt_on=now, retries=Least("retries", 1))
    _run({one.mailbox_id for one in held}, now)
    return len(held)


def decide_deletion(held: HeldDeletion, decision: Decision, by: Any, now: datetime) -> bool:
    """Let so many deletions happen, or keep what would be deleted: then both sides stay as they are, unlinked (law 9).
    False where somebody was faster."""
    with transaction.atomic():
        rows = HeldDeletion.objects.filter(pk=held.pk, decision=Decision.OPEN)
        if not rows.update(decision=decision, decided_by=by, decided_on=now):
            return False
        column = "to_crm_change_type" if held.on_side == Side.CRM else "from_crm_change_type"
        lost = ExchangeSyncIdMapping.objects.filter(
            mailbox_id=held.mailbox_id, kind=held.kind, is_unlinked_in_crm=False, **{column: ChangeType.DELETE}
        )
        said = {"decided_by": by, "decided_on": now}
        if decision == Decision.APPROVED:
            lost.update(user_decision=UserDecision.YES, next_attempt_on=now, **said)
        else:
            nothing = {"to_crm_change_type": ChangeType.NONE, "from_crm_change_type": ChangeType.NONE}
            lost.update(is_unlinked_in_crm=True, next_attempt_on=None, question=SyncQuestion.NONE, **nothing, **said)
    _run({held.mailbox_id}, now)
    return True


def _run(mailboxes: Collection[Any], now: datetime) -> None:
    MailboxLeg.objects.filter(mailbox_id__in=mailboxes, leg=Leg.ACT, enabled=True).request(now)


def undo_conflict(conflict: SyncConflict, by: Any, now: datetime) -> None:
    """Take the value that was overwritten after all: it is set here, and the next run carries it to the other side
    (10.1 h). Raises NotPossible."""
    record: Record | None = conflict.object
    if conflict.undone_on is not None:
        raise NotPossible("It was undone already.")
    if record is None:
        raise NotPossible("The record is not there any more. Look into the recycle bin.")
    if conflict.original_start is not None and not isinstance(record, RecurringAppointmentMaster):
        raise NotPossible("The series is not there any more. Look into the recycle bin.")
    value = from_json(conflict.theirs if conflict.taken == Side.CRM else conflict.ours)
    with transaction.atomic():
        rows = SyncConflict.objects.filter(pk=conflict.pk, undone_on=None)
        if not rows.update(undone_by=by, undone_on=now):
            raise NotPossible("Somebody was faster: it was undone already.")
        try:
            _set(record, conflict, value, syncing_of(conflict.mailbox, now))
        except (LookupError, ValueError) as error:
            raise NotPossible(f"The value cannot be set any more: {error}.") from error
    _run({conflict.mailbox_id}, now)


def _set(record: Record, conflict: SyncConflict, value: Value, syncing: Syncing) -> None:
    if conflict.original_start is not None and isinstance(record, RecurringAppointmentMaster):
        step = OccurrenceStep(Sides.CRM, conflict.original_start, {conflict.field: value})
        apply_occurrence(record, step, syncing)
    elif conflict.field == "attachments" and isinstance(record, Appointment):
        set_file(record, value, syncing.now)
    else:
        set_fields(record, {conflict.field: value}, syncing)


def syncing_of(mailbox: Mailbox, now: datetime) -> Syncing:
    """Whose mailbox it is, as synchronization reads and writes it."""
    user_id = mailbox.regarding_user_id or 0
    zone = UserSettings.objects.filter(user_id=user_id).values_list("time_zone", flat=True).first()
    return Syncing(mailbox, user_id, zone or "UTC", now, files_taken(current_policy()))
