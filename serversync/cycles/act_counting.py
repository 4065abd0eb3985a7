"""What the next synchronization of one kind would do, in numbers; nothing is written, neither here nor there (10.1 f).

the server   page by page as the synchronization lists it: linked, tracked and so on, of which nothing stays in memory
our side     what the filters let through and has no item yet, without what was found on the server
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.db.models import QuerySet

from mailboxes.policy import Policy
from profiles.act_items import Item, ItemKind, ItemPage
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from serversync.cycles.act_meetings import Meetable
from serversync.cycles.act_strangers import Strangers
from serversync.meeting_mails import foresee_mails
from tracking.decide.field_maps import RecordKind
from tracking.decide.matching import Likeness, Person, match
from tracking.facts.act.appointments import by_meeting_id, organizes
from tracking.facts.act.contacts import people_like
from tracking.facts.act.keys import without_item
from tracking.facts.act.kinds import MODELS, Record, Syncing, kind_of, kind_of_type, record_kinds
from tracking.facts.act.pairs import by_key
from tracking.facts.act.reading import filters_for, wanted_since
from tracking.models import ExchangeSyncIdMapping

THERE: Mapping[str, str] = MappingProxyType(
    {
        "there": "Items there",
        "linked": "Linked already",
        "tracked": "Would come in",
        "same": "Here already, would be linked",
        "asked": "Perhaps here already, somebody would be asked",
        "again": "Ours, would be linked again",
        "before": "Were linked once, somebody would be asked",
        "unread": "Could not be read",
        "stays": "Stay in Exchange alone",
    }
)
HERE: Mapping[str, str] = MappingProxyType(
    {
        "wanted": "Let through by the filters",
        "made": "Would be made in Exchange",
        "invited": "Wait for the invitation of whoever called the meeting",
        "mails": "Meeting mails that would leave",
        "held": "Meeting mails that would wait for approval",
    }
)
AT_ONCE = 500


@dataclass
class Counting:
    """One kind in one mailbox. `numbers` go on where an interrupted count stopped."""

    syncing: Syncing
    kind: ItemKind
    store: ItemStore
    policy: Policy
    numbers: Counter[str] = field(default_factory=Counter)

    def theirs(self, cursor: str = "") -> Iterator[ItemPage]:
        """Count what the server holds, from a cursor on; the pages that are counted. Raises ConnectorError."""
        for page in self.store.changes(self.kind, cursor):
            self._page(page)
            yield page

    def ours(self) -> Mapping[str, int]:
        """Count what we hold, when all of the server's is counted. Returns everything."""
        for kind in record_kinds(self.kind):
            self.numbers["wanted"] += self._wanted(kind).count()
            self._would_be_made(kind, without_item(self._wanted(kind), kind, self.syncing), 1)
        told = ("linked", "tracked", "same", "asked", "again", "before", "unread")
        self.numbers["stays"] = self.numbers["there"] - sum(self.numbers[name] for name in told)
        if self.kind is ItemKind.APPOINTMENT:
            for mail in foresee_mails(self.syncing.mailbox, self.policy, self.syncing.now):
                self.numbers["held" if mail.is_held else "mails"] += len(mail.addresses)
        names = [*THERE, *HERE] if self.kind is ItemKind.APPOINTMENT else [*THERE, "wanted", "made"]
        return {name: max(0, self.numbers[name]) for name in names}

    def _page(self, page: ItemPage) -> None:
        self.numbers["there"] += len(page.shown)
        known = by_key(self.syncing.mailbox, self.kind, [one.key for one in page.shown])
        self.numbers.update(_of_row(one, "linked") for one in known.values())
        keys = [one.key for one in page.shown if one.key not in known]
        results = list(self.store.fetch(self.kind, keys)) if keys else []
        self.numbers["unread"] += sum(isinstance(one, Missing) and not one.gone for one in results)
        strangers = Strangers(self.syncing, self.kind, self.store, self.policy)
        found: dict[RecordKind, set[str]] = defaultdict(set)
        for item, row in strangers.judged([one for one in results if isinstance(one, Item)]):
            name, kind, ref = self._new(item) if row is None else _known(row)
            self.numbers[name] += 1
            if kind is not None and ref:
                found[kind].add(ref)
        for kind, refs in found.items():  # what is on the server will not be made there
            records = without_item(self._wanted(kind), kind, self.syncing)
            self._would_be_made(kind, records.filter(pk__in=refs), -1)

    def _new(self, item: Item) -> tuple[str, RecordKind | None, str]:
        """What becomes of a tracked item that nobody knows, and of which record of ours."""
        if self.kind is ItemKind.APPOINTMENT:
            record = by_meeting_id(item.uid)
            return ("tracked", None, "") if record is None else ("same", kind_of(record), str(record.pk))
        if self.kind is ItemKind.TASK:
            return "tracked", None, ""
        matching = match(Person.of("", item.fields), people_like(item.fields, self.syncing), self.policy)
        name = {Likeness.SAME: "same", Likeness.ASK: "asked", Likeness.NEW: "tracked"}[matching.likeness]
        return name, None if name == "tracked" else RecordKind.CONTACT, matching.ref

    def _wanted(self, kind: RecordKind) -> QuerySet[Any]:
        return wanted_since(kind, filters_for(self.kind, self.syncing)[kind], self.syncing, None)

    def _would_be_made(self, kind: RecordKind, records: QuerySet[Any], sign: int) -> None:
        """10.2.4: what somebody else has called comes by an invitation; all else is made."""
        if not issubclass(MODELS[kind], Meetable):
            self.numbers["made"] += sign * records.count()
            return
        for record in records.prefetch_related("parties").iterator(chunk_size=AT_ONCE):
            self.numbers["invited" if self._comes(record) else "made"] += sign

    def _comes(self, record: Record) -> bool:
        return isinstance(record, Meetable) and (bool(record.global_object_id) or not organizes(record, self.syncing))


def _known(row: ExchangeSyncIdMapping) -> tuple[str, RecordKind | None, str]:
    return _of_row(row, "again"), kind_of_type(row.object_type_id), row.object_id


def _of_row(row: ExchangeSyncIdMapping, otherwise: str) -> str:
    if row.is_unlinked_in_crm:
        return "before"
    return otherwise if row.object_id else "tracked"
