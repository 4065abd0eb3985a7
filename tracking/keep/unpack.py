"""UNPACK: what a forward mailbox was shown becomes what it carried, pending for whoever forwarded it (8.1, 8.2).

A carrier is the outer message: one row in the ledger of the forward mailbox. What it carried gets rows of its own in the
ledger of the addressee, under the key of the carrier; it is read from the carrier, so nothing is stored of it before it is
judged (law 3), and the carrier stays on the server until all of it is decided (5.24).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.connectors.mime import Envelope
from profiles.statements import insert_many, update_many
from tracking.crm.identity import stored_message_id
from tracking.decide.forwarding import MAILBOX, Addressee, carried_key, carrier_of, folder_through
from tracking.decide.verdicts import Reason
from tracking.facts.forwarding import carried_by, carriers_with, placed
from tracking.keep.completing import is_header_only
from tracking.keep.discover import mark_gone
from tracking.keep.pending import Waiting
from tracking.keep.totals import move_totals
from tracking.models import Acknowledgement, LedgerRow, LedgerState, Placement

FINAL = (LedgerState.TRACKED, LedgerState.IGNORED)
_COLUMNS = ["state", "reason", "evidence", "message_id", "sender", "size", "decided_on", "retry_on", "error"]


@dataclass(frozen=True, slots=True)
class Carried:
    """One message that was attached: its size in bytes, and when it was received (8.2)."""

    size: int
    received_on: datetime | None


@dataclass(frozen=True, slots=True)
class Carrier:
    """One message of the forward mailbox, opened: for whom it is, and what it carried."""

    waiting: Waiting
    envelope: Envelope
    size: int
    addressee: Addressee
    carried: tuple[Carried, ...]


def unpack(
    batch: Sequence[Carrier],
    forward_mailbox: Mailbox,
    policy: Policy,
    can_categorize: bool,
    now: datetime,
    pin: Callable[[], None],
) -> int:
    """Decide the carriers and let what they carried wait, in one transaction. Unpacking once more adds only what is not
    there. Returns how many messages were added."""
    with transaction.atomic():
        pin()
        known = _known(batch, forward_mailbox)
        totals: dict[UUID, Counter[str]] = defaultdict(Counter)
        for one in batch:
            new = _add(one, forward_mailbox, known, now)
            totals[one.addressee.mailbox_id].update(shown=new, pending=new)
        _decide(batch, can_categorize, now)
        totals[forward_mailbox.pk].update(pending=-len(batch), tracked=len(batch))
        for mailbox_id in sorted(totals):  # the same order everywhere, so that nobody waits in a circle
            move_totals(mailbox_id, totals[mailbox_id])
        if known:
            release_carriers({one.waiting.placement.pk for one in batch}, forward_mailbox, policy, now)
    return sum(counter["shown"] for counter in totals.values())


def _known(batch: Sequence[Carrier], forward_mailbox: Mailbox) -> set[tuple[UUID, str]]:
    """What these carriers brought already, when they were unpacked before."""
    keys: dict[UUID, list[str]] = defaultdict(list)
    for one in batch:
        keys[one.addressee.mailbox_id] += _keys(one)
    return {
        (mailbox_id, placement.server_key)
        for mailbox_id, some in keys.items()
        for placement in placed(mailbox_id, forward_mailbox.pk, some)
    }


def _keys(one: Carrier) -> list[str]:
    return [carried_key(one.waiting.placement.pk, number) for number in range(len(one.carried))]


def _add(one: Carrier, forward_mailbox: Mailbox, known: Collection[tuple[UUID, str]], now: datetime) -> int:
    """Pending rows and placements for what the carrier brought. What was asked for of the carrier is asked for of it."""
    mailbox_id, asked = one.addressee.mailbox_id, one.waiting.row
    fresh = [pair for pair in zip(_keys(one), one.carried, strict=True) if (mailbox_id, pair[0]) not in known]
    rows = LedgerRow.objects.bulk_create(
        [
            LedgerRow(
                mailbox_id=mailbox_id,
                size=message.size,
                received_on=message.received_on,
                discovered_on=now,
                explicit=asked.explicit,
                explicit_by_id=asked.explicit_by_id,
            )
            for _, message in fresh
        ],
        batch_size=500,
    )
    folder = folder_through(forward_mailbox.pk)
    insert_many(
        [
            Placement(mailbox_id=mailbox_id, folder=folder, server_key=key, ledger_row_id=row.pk, shown_on=now)
            for (key, _), row in zip(fresh, rows, strict=True)
        ]
    )
    return len(fresh)


def _decide(batch: Sequence[Carrier], can_categorize: bool, now: datetime) -> None:
    """The carriers are done with; what was put aside bears a mark on the server that goes now (5.22). Their bytes, if they
    had to be kept, stay until all that they carried is decided."""
    marked: list[Placement] = []
    for one in batch:
        row, placement = one.waiting.row, one.waiting.placement
        row.state, row.reason, row.decided_on = LedgerState.TRACKED, Reason.UNPACKED, now
        row.message_id = stored_message_id(one.envelope.message_id)
        row.sender = one.envelope.sender.key[:320] if one.envelope.sender else ""
        row.size = one.size
        row.retry_on, row.error = None, ""
        row.evidence = {
            "carried_for": one.addressee.name,
            "messages": len(one.carried),
            MAILBOX: str(one.addressee.mailbox_id),
        }
        if row.raw_id and can_categorize and placement.gone_on is None:
            placement.acknowledge = Acknowledgement.UNCATEGORIZE
            marked.append(placement)
    update_many([one.waiting.row for one in batch], _COLUMNS)
    update_many(marked, ["acknowledge"])


def release_after(
    decided: Collection[int], mailbox: Mailbox, forward_mailbox: Mailbox, policy: Policy, now: datetime
) -> None:
    """These rows of a mailbox were decided: let the carriers go that hold nothing else that waits. Call it inside the
    transaction that decides."""
    folder = folder_through(forward_mailbox.pk)
    keys = Placement.objects.filter(mailbox=mailbox, folder=folder, ledger_row__in=decided)
    ids = {carrier_of(key)[0] for key in keys.values_list("server_key", flat=True)}
    release_carriers(ids, forward_mailbox, policy, now)


def release_carriers(ids: Collection[int], forward_mailbox: Mailbox, policy: Policy, now: datetime) -> None:
    """Of these carriers, let those go of which everything has its final decision: from the server, if the forward mailbox
    deletes after processing (5.24), and the bytes that were kept of them. Call it inside the transaction that decides."""
    carriers = carriers_with(ids)
    carried = carried_by(carriers.values())
    for pk, carrier in carriers.items():
        row, some = carrier.ledger_row, carried.get(pk, [])
        if len(some) != row.evidence.get("messages") or any(one.ledger_row.state not in FINAL for one in some):
            continue
        if row.raw_id:
            LedgerRow.objects.filter(pk=row.pk).update(raw=None)
        if carrier.gone_on is not None:
            _gone_with(some, carrier.gone_on)
        elif forward_mailbox.process_and_delete_emails and all(_is_whole(one.ledger_row, policy) for one in some):
            LedgerRow.objects.filter(pk=row.pk).update(decided_on=now)  # the grace of deletion begins now
            Placement.objects.filter(pk=pk).update(acknowledge=Acknowledgement.DELETE)


def _gone_with(some: Iterable[Placement], when: datetime) -> None:
    by_mailbox: dict[UUID, list[Placement]] = defaultdict(list)
    for one in some:
        if one.gone_on is None:
            by_mailbox[one.mailbox_id].append(one)
    for mailbox_id, placements in by_mailbox.items():
        mark_gone(mailbox_id, placements, when)


def _is_whole(row: LedgerRow, policy: Policy) -> bool:
    """What is not kept whole is never deleted (5.19, 5.24)."""
    if row.email is not None:
        return not is_header_only(row.email)
    return row.size <= policy.maximum_message_size or row.state == LedgerState.TRACKED
