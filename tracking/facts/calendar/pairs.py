"""How the copies of a record in people's mailboxes are doing, in words; and what waits for somebody (10.1 e, 12.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from mailboxes.models import Mailbox
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, content_type_of, kind_of_type
from tracking.models import (
    ChangeType,
    ExchangeSyncIdMapping,
    HeldDeletion,
    HeldWrite,
    Side,
    SyncConflict,
    SyncQuestion,
    UserDecision,
)
from tracking.models.reversible import Decision

MOST = 200


class Standing(StrEnum):
    """How one copy is doing."""

    LINKED = "linked"
    PENDING = "pending"
    FAILED = "failed"
    ASKED = "asked"
    HELD = "held"
    UNLINKED = "unlinked"


TITLES = {
    Standing.LINKED: "Linked",
    Standing.PENDING: "Waits for the next run",
    Standing.FAILED: "Failed",
    Standing.ASKED: "Somebody has to answer",
    Standing.HELD: "Held: it would mail people",
    Standing.UNLINKED: "Not linked any more",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One record and its item in one person's mailbox."""

    row: ExchangeSyncIdMapping
    standing: Standing
    record_kind: RecordKind | None

    @property
    def title(self) -> str:
        """The state in words."""
        return TITLES[self.standing]

    @property
    def is_given_up(self) -> bool:
        """Whether it is not tried again by itself."""
        return self.standing is Standing.FAILED and self.row.next_attempt_on is None


def pairs(rows: Iterable[ExchangeSyncIdMapping]) -> list[Pair]:
    """These mappings with their states: one select more for all of them."""
    listed = list(rows)
    held = set(
        HeldWrite.objects.filter(mapping__in=listed, decision=Decision.OPEN).values_list("mapping_id", flat=True)
    )
    return [Pair(row, standing_of(row, row.pk in held), kind_of_type(row.object_type_id)) for row in listed]


def standing_of(row: ExchangeSyncIdMapping, is_held: bool = False) -> Standing:
    """What needs a person first, then what goes on by itself."""
    if row.question != SyncQuestion.NONE and row.user_decision == UserDecision.NONE:
        return Standing.ASKED
    if is_held:
        return Standing.HELD
    if row.last_sync_error:
        return Standing.FAILED
    if row.is_unlinked_in_crm:
        return Standing.UNLINKED
    changes = (row.to_crm_change_type, row.from_crm_change_type)
    if row.next_attempt_on is not None or any(one != ChangeType.NONE for one in changes):
        return Standing.PENDING
    return Standing.LINKED if row.exchange_entry_id and row.object_id else Standing.PENDING


def pairs_of(kind: RecordKind, pk: UUID) -> list[Pair]:
    """The copies of one record, in whose mailbox ever."""
    rows = ExchangeSyncIdMapping.objects.filter(object_type=content_type_of(kind), object_id=str(pk))
    return pairs(rows.select_related("mailbox", "owner").order_by("created_on"))


def own_pairs(user_id: int, kind: RecordKind, keys: Collection[UUID]) -> dict[UUID, Pair]:
    """The copies of these records in one person's mailbox, for a list: the number of selects does not grow with it."""
    rows = ExchangeSyncIdMapping.objects.filter(
        owner_id=user_id, object_type=content_type_of(kind), object_id__in=[str(key) for key in keys]
    )
    return {UUID(one.row.object_id): one for one in pairs(rows)}


def failed(mailbox: Mailbox) -> QuerySet[ExchangeSyncIdMapping]:
    """What did not sync, newest first (12.1)."""
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=mailbox).exclude(last_sync_error="")
    return rows.order_by("-last_sync_error_occurred_on")


def asked(mailbox: Mailbox) -> QuerySet[ExchangeSyncIdMapping]:
    """Pairs about which somebody is asked (10.1 k)."""
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=mailbox, question__gt=0, user_decision=UserDecision.NONE)
    return rows.order_by("asked_on")


def subjects_of(rows: Iterable[ExchangeSyncIdMapping]) -> dict[UUID, str]:
    """What the items are called: as both sides agreed or, where they never did, by the record. One select for each kind
    of record."""
    listed = list(rows)
    found = {row.pk: row.item_subject for row in listed if row.item_subject}
    unnamed: dict[RecordKind, dict[str, UUID]] = {}
    for row in listed:
        kind = kind_of_type(row.object_type_id)
        if row.pk not in found and kind is not None and row.object_id:
            unnamed.setdefault(kind, {})[row.object_id] = row.pk
    for kind, keys in unnamed.items():
        column = "full_name" if kind is RecordKind.CONTACT else "subject"
        names = MODELS[kind]._default_manager.filter(pk__in=list(keys)).values_list("pk", column)
        found |= {keys[str(pk)]: str(name) for pk, name in names if name}
    return found


def held_writes(mailbox: Mailbox) -> QuerySet[HeldWrite]:
    """Meeting mails that wait (10.2)."""
    rows = HeldWrite.objects.filter(mailbox=mailbox, decision=Decision.OPEN)
    return rows.select_related("mapping").order_by("held_on")


def held_deletions(mailbox: Mailbox) -> QuerySet[HeldDeletion]:
    """Deletions in mass that wait (law 9), as long as something stands behind the question that nobody has decided about."""
    lost = ExchangeSyncIdMapping.objects.filter(
        mailbox=mailbox,
        kind=OuterRef("kind"),
        is_unlinked_in_crm=False,
        next_attempt_on__isnull=False,
        user_decision=UserDecision.NONE,
    )
    here = Q(on_side=Side.CRM) & Exists(lost.filter(to_crm_change_type=ChangeType.DELETE))
    there = Q(on_side=Side.EXCHANGE) & Exists(lost.filter(from_crm_change_type=ChangeType.DELETE))
    return HeldDeletion.objects.filter(here | there, mailbox=mailbox, decision=Decision.OPEN)


def waiting_for_somebody(mailbox: Mailbox) -> int:
    """How much waits for a person's word in one mailbox."""
    return asked(mailbox).count() + held_writes(mailbox).count() + held_deletions(mailbox).count()


def conflicts_of(kind: RecordKind, pk: UUID, mailbox: Mailbox | None) -> list[SyncConflict]:
    """What both sides of the copy in one mailbox had changed, newest first (10.1 h); without a mailbox nothing."""
    if mailbox is None:
        return []
    rows = SyncConflict.objects.filter(object_type=content_type_of(kind), object_id=str(pk), mailbox=mailbox)
    return list(rows.select_related("mapping", "undone_by")[:MOST])


def newest_conflicts(mailbox: Mailbox) -> QuerySet[SyncConflict]:
    """Of a whole mailbox."""
    return SyncConflict.objects.filter(mailbox=mailbox).order_by("-occurred_on")


def states_in(mailbox: Mailbox) -> dict[str, dict[Standing, int]]:
    """How many copies of each kind are in which state, one select."""
    held = HeldWrite.objects.filter(mapping=OuterRef("pk"), decision=Decision.OPEN)
    settled = Q(next_attempt_on=None, to_crm_change_type=ChangeType.NONE, from_crm_change_type=ChangeType.NONE)
    both = ~Q(exchange_entry_id="") & ~Q(object_id="")
    standing = Case(
        When(question__gt=0, user_decision=UserDecision.NONE, then=Value(Standing.ASKED)),
        When(Exists(held), then=Value(Standing.HELD)),
        When(~Q(last_sync_error=""), then=Value(Standing.FAILED)),
        When(is_unlinked_in_crm=True, then=Value(Standing.UNLINKED)),
        When(settled & both, then=Value(Standing.LINKED)),
        default=Value(Standing.PENDING),
    )
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=mailbox).order_by().annotate(standing=standing)
    found: dict[str, dict[Standing, int]] = {}
    for kind, state, number in rows.values_list("kind", "standing").annotate(number=Count("pk")):
        found.setdefault(kind, {})[Standing(state)] = number
    return found


def at_a_glance(mailbox: Mailbox) -> dict[str, int]:
    """What is linked, what failed and what waits for somebody, in numbers."""
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=mailbox, is_unlinked_in_crm=False)
    return {
        "linked": rows.exclude(exchange_entry_id="").exclude(object_id="").count(),
        "failed": failed(mailbox).count(),
        "waiting": waiting_for_somebody(mailbox),
    }
