"""Items that a server shows and whose keys nobody knows: ours that came back, tracked ones, or none of our business (10.1 d,
10.1 f, 10.1 j)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from mailboxes.policy import Policy
from profiles.act_items import Item, ItemKind, ItemPage
from profiles.connectors.item_store import ItemStore
from profiles.items import Missing
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.pairs import by_key, by_mark, by_uid, given_elsewhere
from tracking.models import ExchangeSyncIdMapping, UserDecision

Found = tuple[Item, ExchangeSyncIdMapping | None]


@dataclass
class Strangers:
    """Of one kind in one mailbox."""

    syncing: Syncing
    kind: ItemKind
    store: ItemStore
    policy: Policy

    def on(self, page: ItemPage) -> tuple[list[Found], list[str]]:
        """The strangers of one page that are wanted, each with the mapping that it belongs to, if there is one; and the keys
        of those that cannot be read: nobody knows yet what they are. Raises ConnectorError."""
        known = by_key(self.syncing.mailbox, self.kind, [one.key for one in page.shown])
        keys = [one.key for one in page.shown if one.key not in known]
        results = list(self.store.fetch(self.kind, keys)) if keys else []
        unread = [one.key for one in results if isinstance(one, Missing) and not one.gone]
        return self.judged([one for one in results if isinstance(one, Item)], page.gone), unread

    def judged(self, items: Sequence[Item], gone: Collection[str] = ()) -> list[Found]:
        """Those that are wanted. `gone` are keys that the server has just named as gone."""
        marked = by_mark(self.syncing.mailbox, [one.mark for one in items])
        meetings = by_uid(self.syncing.mailbox, [one.uid for one in items])
        rows = [marked.get(one.mark) or meetings.get(one.uid) for one in items]
        elsewhere = given_elsewhere(one.mark for one, row in zip(items, rows, strict=True) if row is None)
        free = self._without_item([row for row in rows if row is not None], gone)
        found: list[Found] = []
        for item, row in zip(items, rows, strict=True):
            if row is None and item.mark not in elsewhere and self._is_tracked(item):
                found.append((item, None))
            elif row is not None and row.pk in free:
                free.discard(row.pk)
                found.append((item, row))
        return found

    def _is_tracked(self, item: Item) -> bool:
        """10.1 d: what bears the category, in whichever calendar, or by setting the whole main one; never what a person has
        copied from ours (10.1 j), nor what its organizer has canceled before anybody tracked it. A mark that no mapping has
        given is that of a database that is no more, or of another one: it says nothing here."""
        if item.is_copy or item.is_cancelled:
            return False
        if not item.is_organizer and not self.policy.track_appointments_from_non_organizer:  # 10.3.6
            return False
        wanted_name = self.policy.tracked_category.casefold()
        if wanted_name in (name.casefold() for name in item.categories):
            return True
        whole = self.kind is ItemKind.APPOINTMENT and self.policy.track_all_appointments_from_exchange
        return whole and not item.is_in_subfolder and not item.fields.get("is_private")

    def _without_item(self, rows: Iterable[ExchangeSyncIdMapping], gone: Collection[str]) -> set[UUID]:
        """The mappings whose item is no longer the one that they know: whatever bears their mark takes its place. While it
        is there, a second one is a copy. What was unlinked comes back as a question (10.1 f), but for who has said no."""
        free, unsure = set(), {}
        for row in rows:
            if row.is_unlinked_in_crm and row.user_decision == UserDecision.NO:
                continue
            if not row.exchange_entry_id or row.is_deleted_in_exchange or row.exchange_entry_id in gone:
                free.add(row.pk)
            else:
                unsure[row.exchange_entry_id] = row.pk
        # A server may show what has come back before it tells what is gone.
        there = self.store.fetch(self.kind, list(unsure)) if unsure else ()
        return free | {unsure[one.key] for one in there if isinstance(one, Missing) and one.gone}
