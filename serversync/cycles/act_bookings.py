"""What comes in from Exchange at a time that is taken here waits until somebody has said so, by setting (10.3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailboxes.alarms import raise_alert
from mailboxes.models import TraceLevel
from profiles.act_items import Fields, ItemKind
from serversync.cycles.act_pair import Pair
from tracking.decide.act_values import to_json
from tracking.decide.bookings import Booking, bookings_in, overlapping, span, times_mark
from tracking.facts.act.bookings import bookings_of
from tracking.keep.act import settling as keep
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

if TYPE_CHECKING:
    from serversync.cycles.act_pairs import Settling

TIME_TAKEN = "scheduling conflict"
"""The cause of the alert ExchangeSyncSchedulingConflictsError."""


@dataclass
class Bookings:
    """Asks about the times of one cycle."""

    settling: Settling

    def waits(self, pair: Pair, fields: Fields) -> bool:
        """Whether what comes in is left out for now: it was refused for these times, or somebody is asked. `fields` is the
        appointment as it would be here."""
        one, row = self.settling, pair.row
        mark = times_mark(fields)
        is_asked = row.question == SyncQuestion.SCHEDULING_CONFLICT and row.question_facts.get("times") == mark
        if is_asked and row.user_decision == UserDecision.NO:
            one.commit(lambda: keep.leave_out(row))
            return True
        allowed = is_asked and row.user_decision == UserDecision.YES
        found = [] if allowed else self._overlaps(pair, fields)
        if not found:
            if row.question == SyncQuestion.SCHEDULING_CONFLICT and not allowed:
                row.question, row.question_facts, row.user_decision = SyncQuestion.NONE, {}, UserDecision.NONE
            return False
        one.commit(lambda: self._ask(row, fields, mark, found))
        return True

    def _overlaps(self, pair: Pair, fields: Fields) -> list[tuple[Booking, Booking]]:
        one = self.settling
        if one.kind is not ItemKind.APPOINTMENT or not one.policy.validate_bookings_from_exchange:
            return []
        zone = one.syncing.zone
        coming = bookings_in(fields, zone, one.syncing.now)
        if not coming:
            return []
        spans = [span(each, zone) for each in coming]
        own = "" if pair.record is None else str(pair.record.pk)
        taken = bookings_of(one.syncing, min(start for start, _ in spans), max(end for _, end in spans), own)
        return overlapping(coming, taken, zone)

    def _ask(self, row: ExchangeSyncIdMapping, fields: Fields, mark: str, found: list[tuple[Booking, Booking]]) -> None:
        syncing = self.settling.syncing
        facts = {
            "subject": fields.get("subject") or "",
            "is_private": bool(fields.get("is_private")),
            "times": mark,
            "coming": [to_json(found[0][0].start), to_json(found[0][0].end)],
            "overlaps": [[other.kind, other.key, to_json(other.start), to_json(other.end)] for _, other in found],
        }
        keep.ask_about_time(row, facts, syncing.now)
        raise_alert(
            syncing.mailbox,
            TraceLevel.WARNING,
            TIME_TAKEN,
            "An appointment came in from Exchange at a time that is taken here. It waits for an answer.",
            syncing.now,
            remedy="See what it overlaps with among the questions, then take it in or leave it out.",
            always=True,
        )
