"""Which record of ours an item that comes in is already: the same meeting, the same person (10.1 f, 10.1 k, 10.3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailboxes.policy import Policy
from profiles.act_items import Fields, Item, ItemKind
from serversync.cycles.act_pair import Pair
from tracking.decide.matching import Likeness, Person, match
from tracking.facts.act.appointments import by_meeting_id
from tracking.facts.act.contacts import contact_with, people_like
from tracking.facts.act.kinds import Record, Syncing
from tracking.keep.act import settling
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision


@dataclass
class Recognition:
    """Of items of one kind in one mailbox."""

    syncing: Syncing
    kind: ItemKind
    policy: Policy
    commit: Callable[[Callable[[], object]], None]

    def record_of(self, pair: Pair) -> Record | None:
        """That record; None where there is none, or somebody was just asked."""
        assert pair.item is not None
        if self.kind is ItemKind.APPOINTMENT:
            return by_meeting_id(pair.item.uid)
        if self.kind is ItemKind.CONTACT:
            return self._same_person(pair.row, pair.item)
        return None

    def _same_person(self, row: ExchangeSyncIdMapping, item: Item) -> Record | None:
        """10.1 f, k: sure means linked, unsure means asked. Who was asked and said no gets a new contact."""
        if row.question == SyncQuestion.SAME_RECORD and row.user_decision != UserDecision.NONE:
            wanted = str(row.question_facts.get("record") or "")
            return contact_with(wanted, self.syncing) if row.user_decision == UserDecision.YES else None
        found = match(Person.of("", item.fields), people_like(item.fields, self.syncing), self.policy)
        if found.likeness is Likeness.ASK:
            facts = {"subject": item.fields.get("full_name") or "", "came_in": _told(item.fields), **found.facts()}
            self.commit(lambda: settling.ask(row, SyncQuestion.SAME_RECORD, facts, self.syncing.now))
        return contact_with(found.ref, self.syncing) if found.likeness is Likeness.SAME else None


def _told(fields: Fields) -> str:
    """What tells one person from another of the same name."""
    known = [fields.get(name) for name in ("full_name", "email_1", "mobile_phone", "business_phone", "company")]
    return ", ".join(str(one) for one in known if one)
