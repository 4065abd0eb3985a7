"""What is special about meetings: whose mailbox writes, whom a write would mail, and what waits for a person (10.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from mailboxes.alarms import raise_alert
from mailboxes.models import TraceLevel
from mailboxes.policy import Policy
from profiles.act_items import Fields, Item, Notify, Recurrence, Value
from profiles.connectors.item_store import ItemStore
from tracking.crm.models import Appointment, RecurringAppointmentMaster
from tracking.decide.field_maps import RecordKind
from tracking.decide.field_values import CANCELED, COMPLETED
from tracking.decide.invitations import Intended, Meeting, MeetingWrite, notify, within_cap
from tracking.decide.merge import Direction
from tracking.decide.recurrence import has_occurrence_after
from tracking.facts.act.appointments import caller_of, organizes
from tracking.facts.act.kinds import Record, Syncing, kind_of_type
from tracking.facts.act.pairs import leads
from tracking.keep.act import held
from tracking.models import ExchangeSyncIdMapping
from tracking.models.reversible import Decision

Meetable = Appointment | RecurringAppointmentMaster
MAIL_HELD = "meeting mail held"
"""The cause of the alert that mail about meetings waits for a person."""
IN_ONLY = {Direction.BOTH: Direction.TO_CRM, Direction.TO_EXCHANGE: Direction.NONE}
OUT_ONLY = {Direction.BOTH: Direction.TO_EXCHANGE, Direction.TO_CRM: Direction.NONE}


@dataclass
class Meetings:
    """The meeting mails of one run over one mailbox: what may leave now, and what is held back."""

    syncing: Syncing
    store: ItemStore
    policy: Policy
    commit: Callable[[Callable[[], object]], None]
    mails: int = 0

    def directions(
        self, row: ExchangeSyncIdMapping, record: Record | None, item: Item | None, usual: dict[str, Direction]
    ) -> dict[str, Direction]:
        """Which way the fields of this pair go. Of one meeting in several calendars only one pair has a say: the
        organizer’s, which writes, else the owner’s, which takes in (10.2.4)."""
        if not isinstance(record, Meetable):
            return usual
        usual = {**usual, "recurrence": Direction.BOTH}
        if not leads(record, row, self.syncing):
            return dict.fromkeys(usual, Direction.NONE)
        turned: dict[Direction, Direction] = {}
        if item is not None and not item.is_organizer and caller_of(record) == self.syncing.user_id:
            return dict.fromkeys(usual, Direction.NONE)  # the copy of a meeting that somebody else has called until now
        if not organizes(record, self.syncing) or (item is not None and not item.is_organizer):
            turned = IN_ONLY
        elif item is not None and row.agreed_on is None and item.mark != row.mark:
            turned = IN_ONLY  # the organizer's own is what a colleague's copy was made of
        if record.state_code in (COMPLETED, CANCELED):  # 10.3.2
            turned = OUT_ONLY if not turned else dict.fromkeys(Direction, Direction.NONE)
        return {name: turned.get(one, one) for name, one in usual.items()}

    def permission(
        self,
        row: ExchangeSyncIdMapping,
        write: MeetingWrite,
        before: Item | None,
        fields: Fields,
        values: Fields,
        original_start: datetime | None = None,
    ) -> Notify | None:
        """How a write is to be made; None where it would mail people and waits until somebody has approved it. `values`
        are the fields of the appointment after it."""
        how = notify(write, self._meeting(before, values, original_start), fields, self.policy)
        if kind_of_type(row.object_type_id) is RecordKind.SERVICE:
            how = Notify.NOBODY  # 10.5: not even those whom its user has invited to the copy
        asked = fields if write is not MeetingWrite.CANCEL else {}
        addresses = self.store.would_notify(before, asked, how)
        if not addresses:
            return how
        said = held.said_about(row, write, addresses, fields, original_start)
        intended = Intended("", addresses, said == Decision.APPROVED, said == Decision.REFUSED)
        unwanted = how is Notify.NOBODY and said != Decision.APPROVED  # the server would mail although no rule wants it
        waits = said != Decision.APPROVED and held.is_waiting(row, original_start)
        if not waits and not unwanted and within_cap([intended], self.policy, self.mails).now:
            self.mails += 0 if intended.is_approved else len(addresses)
            return how
        self.commit(lambda: held.hold(row, write, addresses, fields, original_start, self.syncing.now))
        self._tell()
        return None

    def _meeting(self, before: Item | None, values: Fields, original_start: datetime | None) -> Meeting:
        invited = before is not None and is_meeting(before.fields)
        return Meeting(
            has_attendees=invited or is_meeting(values),
            is_organizer=before is None or before.is_organizer,
            is_past=is_past(values, self.syncing.now, original_start),
            was_shared=invited,
        )

    def _tell(self) -> None:
        raise_alert(
            self.syncing.mailbox,
            TraceLevel.WARNING,
            MAIL_HELD,
            "Mail about meetings waits for approval: more would leave at once than the organization allows.",
            self.syncing.now,
            remedy="See who would be mailed about what, then approve or refuse it.",
            always=True,
        )


def is_meeting(values: Fields) -> bool:
    """Whether others are invited."""
    return bool(values.get("required") or values.get("optional"))


def is_past(values: Fields, now: datetime, original_start: datetime | None = None) -> bool:
    """Whether nothing of an appointment, a series or one occurrence is still to come (10.2.5, 10.3.4)."""
    rule = values.get("recurrence")
    if original_start is not None:
        return max(original_start, _moment(values.get("start")) or original_start) < now
    if isinstance(rule, Recurrence):
        return not has_occurrence_after(rule, now.date())
    end = _moment(values.get("end"))
    return end is not None and end <= now


def _moment(value: Value) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time(0), UTC) if isinstance(value, date) else None
