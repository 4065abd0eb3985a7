"""What is known of the pairs of one mailbox: by the keys of the server, by our marks, and which have to be worked on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from mailboxes.models import Mailbox
from profiles.act_items import ItemKind
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion, UserDecision

Mapping = ExchangeSyncIdMapping


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
    answered = Q(question=SyncQuestion.NONE) | ~Q(user_decision=UserDecision.NONE)
    rows = Mapping.objects.filter(answered, mailbox=mailbox, kind=kind, next_attempt_on__lte=now)
    return list((rows if before is None else rows.filter(pk__lt=before)).order_by("-pk")[:limit])


def number_linked(mailbox: Mailbox, kind: ItemKind) -> int:
    """How many items of a kind are linked."""
    rows = Mapping.objects.filter(mailbox=mailbox, kind=kind, is_unlinked_in_crm=False)
    return rows.exclude(exchange_entry_id="").exclude(object_id="").count()


def number_to_delete(mailbox: Mailbox, kind: ItemKind) -> tuple[int, int]:
    """How many deletions wait: of our records because of the server, and of the server's items because of us."""
    rows = Mapping.objects.filter(mailbox=mailbox, kind=kind, next_attempt_on__isnull=False, is_unlinked_in_crm=False)
    return (
        rows.filter(to_crm_change_type=ChangeType.DELETE).count(),
        rows.filter(from_crm_change_type=ChangeType.DELETE).count(),
    )
