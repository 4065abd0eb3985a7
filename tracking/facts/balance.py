"""Whether the ledger balances: the equation of each mailbox, checked against the rows themselves (law 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from mailboxes.models import Mailbox
from tracking.models import LedgerRow, LedgerState, LedgerTotal, Placement, SyncCursor

READINGS = 3
COUNTED: Mapping[LedgerState, str] = {state: state.name.lower() for state in LedgerState}
COLUMNS = ("shown", "copies", *COUNTED.values())


@dataclass(frozen=True, slots=True)
class Balance:
    """The ledger of one mailbox: `shown` = `copies` + `pending` + `tracked` + `ignored` + `quarantined` + `gone`.

    `older` items were shown as well but lie before the start date: they are counted, not rowed. `faults` says in
    sentences what does not add up.
    """

    mailbox_id: UUID
    mailbox: str
    shown: int = 0
    copies: int = 0
    pending: int = 0
    tracked: int = 0
    ignored: int = 0
    quarantined: int = 0
    gone: int = 0
    older: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def balances(self) -> bool:
        return not self.faults


def balances() -> list[Balance]:
    """The balance of every mailbox, by address.

    Totals and rows are read one after the other, so a worker may commit in between. Hence a mailbox that does not seem
    to balance is read again before it is believed.
    """
    mailboxes = list(Mailbox.objects.order_by("email_address", "name").only("id", "email_address", "name"))
    found = {one.mailbox_id: one for one in _read(mailboxes)}
    for _ in range(READINGS - 1):
        doubtful = [mailbox for mailbox in mailboxes if not found[mailbox.pk].balances]
        if doubtful:
            found |= {one.mailbox_id: one for one in _read(doubtful)}
    return list(found.values())


def _read(mailboxes: Collection[Mailbox]) -> list[Balance]:
    """Five selects, however many mailboxes there are."""
    ids = [mailbox.pk for mailbox in mailboxes]
    totals = {total.pk: total for total in LedgerTotal.objects.filter(pk__in=ids)}
    counts = _counts(ids)
    cursors = SyncCursor.objects.filter(leg__mailbox__in=ids).values("leg__mailbox").annotate(older=Sum("older"))
    older = {row["leg__mailbox"]: row["older"] for row in cursors}
    return [
        _balance(mailbox, totals.get(mailbox.pk) or LedgerTotal(), counts[mailbox.pk], older.get(mailbox.pk, 0))
        for mailbox in mailboxes
    ]


def _counts(ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the rows say, in the columns of the totals."""
    counts = {one: dict.fromkeys(COLUMNS, 0) for one in ids}
    placements: Any = Placement.objects.filter(mailbox__in=ids).values("mailbox")
    for row in placements.annotate(shown=Count("pk"), rows=Count("ledger_row", distinct=True)):
        counts[row["mailbox"]] |= {"shown": row["shown"], "copies": row["shown"] - row["rows"]}
    rows: Any = LedgerRow.objects.filter(mailbox__in=ids).values("mailbox", "state")
    for row in rows.annotate(number=Count("pk")):
        counts[row["mailbox"]][COUNTED[LedgerState(row["state"])]] = row["number"]
    return counts


def _balance(mailbox: Mailbox, total: LedgerTotal, counts: Mapping[str, int], older: int) -> Balance:
    told = {column: int(getattr(total, column)) for column in COLUMNS}
    faults = [
        f"the total says {told[column]} {column}, the rows say {counts[column]}."
        for column in COLUMNS
        if told[column] != counts[column]
    ]
    decided = sum(told[column] for column in COLUMNS[1:])
    if told["shown"] != decided:
        faults.append(f"{told['shown']} were shown, but {decided} are accounted for.")
    return Balance(mailbox.pk, mailbox.email_address or mailbox.name, **told, older=older, faults=faults)
