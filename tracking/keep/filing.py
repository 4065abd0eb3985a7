"""What a folder says about mail that is tracked already: it belongs to the record of the folder's rule (9.5).

`LedgerRow.tracking_folder` names the rule that filed a message. Of a message in folders of two mailboxes the rule that
came first decides; the row of the other mailbox names none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from mailboxes.policy import Policy
from profiles.statements import insert_many, update_many
from tracking.crm.models import DomainEvent, Email
from tracking.crm.models.events import EventKind, email_event
from tracking.decide.folders import Filed
from tracking.facts.folder_rules import filed_under, follows, held_elsewhere
from tracking.models import LedgerRow, LedgerState, MailboxTrackingFolder, Placement

CHUNK = 200  # messages filed anew in one transaction
_REGARDING = ["regarding_type", "regarding_id", "regarding_name", "modified_on"]
_COLUMNS = ("id", "regarding_type_id", "regarding_id", "edited_fields", "receiving_mailbox_id", "sender_mailbox_id")


def file_tracked(filings: Sequence[tuple[int, Filed]], mailbox_id: UUID, policy: Policy, now: datetime) -> int:
    """File the emails of these ledger rows of a mailbox under the rules of their folders; of several for one row the last
    counts. Call it inside a transaction. Returns how many emails belong to another record now."""
    if not filings:
        return 0
    wanted = dict(filings)
    rows = list(
        LedgerRow.objects.filter(pk__in=wanted, mailbox=mailbox_id, state=LedgerState.TRACKED, email__isnull=False)
        .only("id", "email_id", "evidence", "tracking_folder_id", "reason")
        .order_by("email_id", "pk")
    )
    ids = sorted({row.email_id for row in rows if row.email_id is not None})
    emails = {
        email.pk: email
        for email in Email.objects.filter(pk__in=ids).select_for_update(of=("self",)).only(*_COLUMNS).order_by("pk")
    }
    held = held_elsewhere(ids, mailbox_id)
    changed: dict[UUID, Email] = {}
    for row in rows:
        email, filed = emails.get(row.email_id) if row.email_id else None, wanted[row.pk]
        if email is None:
            continue
        if follows(email, filed, email.pk in held, policy):
            _set(email, filed, now)
            changed[email.pk] = email
        is_held = filed.record is not None and email.pk in held
        _note(row, filed, is_held)
    others = LedgerRow.objects.filter(email__in=[pk for pk in ids if pk not in held]).exclude(mailbox=mailbox_id)
    if any(filed.record is not None for filed in wanted.values()):
        others.filter(tracking_folder__isnull=False).update(tracking_folder=None)
    update_many(list(changed.values()), _REGARDING)
    update_many(rows, ["tracking_folder", "evidence"])
    insert_many([_event(email, now) for email in changed.values()])
    return len(changed)


def file_anew(
    rule: MailboxTrackingFolder,
    folders: Collection[str],
    after: int,
    policy: Policy,
    now: datetime,
    pin: Callable[[], None],
    keep_place: Callable[[int | None], None],
) -> None:
    """The rule names another record: the next of the messages in its folders follow, in one transaction (9.5).
    `keep_place` writes down, in the same, the id of the last row looked at, to go on after it; None when there are no
    more."""
    lies_there = Placement.objects.filter(ledger_row=OuterRef("pk"), folder__in=list(folders), gone_on__isnull=True)
    with transaction.atomic():
        pin()
        rows = LedgerRow.objects.filter(
            Exists(lies_there),
            mailbox=rule.mailbox_id,
            state=LedgerState.TRACKED,
            email__isnull=False,
            pk__gt=after,
        )
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
        filed = filed_under(rule)
        file_tracked([(pk, filed) for pk in ids], rule.mailbox_id, policy, now)
        keep_place(ids[-1] if len(ids) == CHUNK else None)


def note_rule(rule_id: UUID, row_ids: Collection[int]) -> None:
    """These rows are filed by this rule now; by none, if somebody has just deleted it."""
    rule = MailboxTrackingFolder.objects.filter(pk=rule_id).values("pk")
    LedgerRow.objects.filter(pk__in=row_ids).update(tracking_folder=Subquery(rule))


def _set(email: Email, filed: Filed, now: datetime) -> None:
    email.regarding_type_id, email.regarding_id = filed.type_id, filed.record_id
    email.regarding_name, email.modified_on = filed.name, now


def _note(row: LedgerRow, filed: Filed, is_held: bool) -> None:
    """9.5: the rule in the row and in its evidence, unless that has expired."""
    row.tracking_folder_id = None if is_held else filed.rule_id
    if row.evidence:
        told = {key: value for key, value in row.evidence.items() if key not in ("filed_with", "filed_first")}
        row.evidence = (
            told | evidence_of_filing(filed) | ({"filed_first": "a folder of another mailbox"} if is_held else {})
        )


def evidence_of_filing(filed: Filed) -> dict[str, str]:
    """Folder and rule, for "why?"."""
    told = {"tracked_folder": filed.folder, "folder_rule": str(filed.rule_id)}
    return told | ({"filed_with": filed.name} if filed.record is not None else {})


def _event(email: Email, now: datetime) -> DomainEvent:
    return email_event(
        email, EventKind.EMAIL_CHANGED, now, changed=["regarding"], by=None, regarding=email.regarding_id
    )
