"""Pairs of which one side is gone: deleted, unlinked, asked about; never many at once unasked (10.1 i, law 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import transaction

from mailboxes.alarms import raise_alert
from mailboxes.models import TraceLevel
from profiles.act_items import NOTHING, Fields, ItemKind, Notify
from profiles.connectors.base import ItemRejected
from serversync.cycles.act_meetings import Meetable, is_meeting, is_past
from serversync.cycles.act_pair import Pair
from serversync.cycles.act_pairs import Settling
from tracking.crm.models import ServiceAppointment
from tracking.decide.act_values import agreed_from_json
from tracking.decide.deletion import (
    Answer,
    Deletion,
    Leaving,
    Loss,
    Outcome,
    cancelled_in_crm,
    handed_over_in_crm,
    lost_in_crm,
    lost_in_exchange,
)
from tracking.decide.deletion import Lost as LostItem
from tracking.decide.invitations import MeetingWrite
from tracking.decide.mass import mass_deletion
from tracking.decide.merge import ItemStep, Side
from tracking.facts.act.appointments import organizes
from tracking.facts.act.files import all_files
from tracking.facts.act.pairs import by_key, caller_elsewhere, number_linked, number_to_delete
from tracking.facts.act.reading import values_of
from tracking.facts.act.service_activities import renders
from tracking.keep.act import anew, settling
from tracking.keep.act.noting import UNREAD, note_for_caller
from tracking.models import ChangeType, ExchangeSyncIdMapping, SyncQuestion

UNTIL_ANSWERED = timedelta(hours=1)
_WORDS: Mapping[Side, str] = {Side.CRM: "here, because they are gone in Exchange", Side.EXCHANGE: "in Exchange"}


def held_cause(kind: ItemKind, side: Side) -> str:
    """The cause of the alert that so many deletions wait for a person."""
    return f"deletions held {kind} {side}"


@dataclass
class Losses:
    """The lost ones of one kind in one mailbox. `held` are the sides on which a person has to say so first."""

    settling: Settling
    held: frozenset[Side] = field(init=False, default=frozenset())

    def count(self) -> None:
        """See whether so much would be deleted at once that somebody has to be asked (law 9)."""
        one = self.settling
        mailbox, kind = one.syncing.mailbox, one.kind
        here, there = number_to_delete(mailbox, kind)
        out_of = number_linked(mailbox, kind) if here or there else 0  # in an idle cycle nothing is counted
        held = set()
        for side, number in ((Side.CRM, here), (Side.EXCHANGE, there)):
            if number and mass_deletion(number, out_of, one.policy) is not None:
                held.add(side)
                self._hold(side, number, out_of)
        self.held = frozenset(held)

    def _hold(self, side: Side, number: int, out_of: int) -> None:
        one = self.settling
        with transaction.atomic():
            one.lease.pin()
            settling.hold_deletions(one.syncing, one.kind, side, number, out_of)
            raise_alert(
                one.syncing.mailbox,
                TraceLevel.WARNING,
                held_cause(one.kind, side),
                f"{number} of {out_of} {one.kind}s would be deleted {_WORDS[side]}. Nothing is deleted before somebody agrees.",
                one.syncing.now,
                remedy="Look whether somebody really meant to delete so many, then approve or refuse it.",
                always=True,
            )

    def lost(self, pair: Pair, step: ItemStep) -> None:
        """Do what the rules say about a pair of which at least one side is gone, or has to go."""
        reason = pair.row.question_facts.get(settling.DELETING)
        if pair.item is None and reason:
            self.settling.commit(lambda: self._deleted_there(pair, str(reason)))  # it was us, though nobody told
        elif step is ItemStep.FORGET:
            self.settling.commit(lambda: settling.forget(pair.row))
        elif step is ItemStep.UNLINK and not (pair.is_one_way and pair.item is not None):
            self.settling.commit(lambda: settling.unlink(pair.row))
        elif step is ItemStep.GONE_IN_CRM or (pair.is_one_way and step is ItemStep.UNLINK):
            self._gone_here(pair)
        elif step is ItemStep.MERGE:
            self._leaves(pair)
        else:
            self._gone_there(pair)

    def _gone_here(self, pair: Pair) -> None:
        one = self.settling
        loss = Loss.DELETED
        if isinstance(pair.record, ServiceAppointment) and not renders(pair.record, one.syncing.user_id):
            loss = Loss.DELETED  # 10.5: whoever was taken out renders it no more
        elif pair.record is not None:
            is_owner = getattr(pair.record, "owner_id", None) == one.syncing.user_id
            loss = Loss.OUT_OF_FILTER if is_owner else Loss.OWNER_CHANGED
        decision = lost_in_crm(self._facts(pair), loss, one.policy)
        if decision.outcome is not Outcome.DELETE:
            if one.kind is ItemKind.TASK and pair.item is not None and _is_closed(pair, {}):
                pair.is_leaving = True
                one.merge(pair)  # 10.7: that it is completed is the last thing that is told
            return one.commit(lambda: settling.unlink(pair.row))
        return self._delete_there(pair, decision.reason)

    def _leaves(self, pair: Pair) -> None:
        """The record stays here, and its item leaves the calendar (10.2.4, 10.2.6)."""
        one, facts = self.settling, self._facts(pair)
        assert pair.item is not None
        decision = cancelled_in_crm(facts, one.policy)
        if one.leaving(pair) is Leaving.HANDED_OVER:
            decision = handed_over_in_crm(replace(facts, is_organizer=pair.item.is_organizer))
        if decision is None or decision.outcome is not Outcome.DELETE:
            return one.commit(lambda: settling.unlink(pair.row))
        return self._delete_there(pair, decision.reason)

    def _delete_there(self, pair: Pair, reason: str) -> None:
        """Delete the item, and tell the attendees where the rules say so (10.2.5); unless that is held back."""
        one, item = self.settling, pair.item
        assert item is not None
        if self._waits(pair, Side.EXCHANGE):
            return None
        how: Notify | None = Notify.NOBODY
        if one.kind is ItemKind.APPOINTMENT:
            how = one.meetings.permission(pair.row, MeetingWrite.CANCEL, item, NOTHING, item.fields)
        if how is None:
            return one.commit(lambda: settling.wait_for_approval(pair.row))
        one.commit(lambda: settling.begin_deletion(pair.row, reason))
        one.store.delete(one.kind, item.key, how)
        one.report.sent += 1
        return one.commit(lambda: self._deleted_there(pair, reason))

    def _deleted_there(self, pair: Pair, reason: str) -> None:
        """The item is gone by us: it is in the recycle bin, and what follows for the record."""
        one, row, record = self.settling, pair.row, pair.record
        fields = pair.item.fields if pair.item else agreed_from_json(row.agreed).exchange
        settling.recycle(row, fields, Side.EXCHANGE, reason, one.syncing.now, one.policy.recycle_bin_days)
        leaving = one.leaving(pair)
        if leaving is Leaving.CANCELED:
            settling.unlink(row)
        elif leaving is Leaving.HANDED_OVER and isinstance(record, Meetable):
            heir = caller_elsewhere(record, one.syncing)
            assert heir is not None
            anew.link_for_caller(record, heir.regarding_user_id)
            anew.call_anew(record, row.mailbox_id, one.syncing.now)
            note_for_caller(record, heir, one.syncing.now)
        elif record is None or row.from_crm_change_type == ChangeType.DELETE:
            settling.forget(row)
        elif isinstance(record, Meetable):  # it was wanted again meanwhile, and its attendees were told that it is off
            anew.call_anew(record, row.mailbox_id, one.syncing.now)
        else:
            anew.start_over(ExchangeSyncIdMapping.objects.filter(pk=row.pk), one.syncing.now)

    def _gone_there(self, pair: Pair) -> None:
        one, row = self.settling, pair.row
        answer = Answer(int(row.user_decision))
        decision = lost_in_exchange(self._facts(pair), one.policy, answer)
        if decision.outcome is Outcome.UNLINK:
            return one.commit(lambda: settling.unlink(row))
        if self._waits(pair, Side.CRM):
            return None
        if self._is_elsewhere(pair):
            return one.merge(pair)
        if decision.outcome is Outcome.ASK:
            facts = {"subject": row.item_subject}
            return one.commit(lambda: settling.ask(row, SyncQuestion.DELETE_IN_CRM, facts, one.syncing.now))
        return one.commit(lambda: self._delete_here(pair, decision))

    def _is_elsewhere(self, pair: Pair) -> bool:
        """Whether the item was only moved: another that was taken for its copy takes its place (10.1 f, j)."""
        one, row = self.settling, pair.row
        key = one.store.find(one.kind, [row.mark]).get(row.mark, "")
        key = key or (one.store.find_by_uid([row.uid]).get(row.uid, "") if row.uid else "")
        known = by_key(one.syncing.mailbox, one.kind, [key]).get(key) if key else None
        if not key or (known is not None and not known.question_facts.get(UNREAD)):
            return False
        one.commit(lambda: settling.found_again(row, key, known))
        [again] = one.read([row])
        if again.unreadable:
            raise ItemRejected(again.unreadable)
        pair.item = again.item
        return pair.item is not None

    def _delete_here(self, pair: Pair, decision: Deletion) -> None:
        assert pair.record is not None
        settling.insist_unchanged(pair.record)
        one, values = self.settling, values_of(pair.record, self.settling.syncing)
        values = {**values, **all_files(pair.record)}
        settling.recycle(pair.row, values, Side.CRM, decision.reason, one.syncing.now, one.policy.recycle_bin_days)
        # The row goes first: what is deleted with it is no news to anybody (keep.act.departures).
        settling.forget(pair.row)
        pair.record.delete()
        one.report.tracked += 1

    def _waits(self, pair: Pair, side: Side) -> bool:
        """Whether a person has to say first that so many may go; one that was approved goes."""
        if side not in self.held or pair.row.user_decision == Answer.YES:
            return False
        self.settling.commit(lambda: settling.try_soon(pair.row, self.settling.syncing, UNTIL_ANSWERED))
        return True

    def _facts(self, pair: Pair) -> LostItem:
        one = self.settling
        known: Fields = agreed_from_json(pair.row.agreed).crm or (pair.item.fields if pair.item else NOTHING)
        if pair.record is not None:
            known = values_of(pair.record, one.syncing)
        owner = getattr(pair.record, "owner_id", one.syncing.user_id)
        if isinstance(pair.record, Meetable):
            is_organizer = organizes(pair.record, one.syncing)
        else:
            organizer = [getattr(person, "address", "") for person in _people(known.get("organizer"))]
            is_organizer = not organizer or one.syncing.address in organizer
        return LostItem(
            kind=one.kind,
            is_owner=owner == one.syncing.user_id,
            is_organizer=is_organizer and (pair.item is None or pair.item.is_organizer),
            is_closed=_is_closed(pair, known),
            is_past=one.kind is ItemKind.APPOINTMENT and is_past(known, one.syncing.now),
            has_attendees=is_meeting(known) and not pair.is_one_way,
            is_one_way=pair.is_one_way,
        )


def _is_closed(pair: Pair, known: Fields) -> bool:
    """Completed or canceled, by the record or, where that is gone, by what was agreed."""
    if pair.record is not None and pair.row.kind != ItemKind.CONTACT:
        return pair.record.state_code in (1, 2)
    return known.get("status") == "completed"


def _people(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()
