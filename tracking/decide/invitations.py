"""Whether a write to a meeting may mail anybody, and how much of that a cycle may do. Pure (10.2.2, 10.2.5–10.2.7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailboxes.policy import Policy
from profiles.act_items import Notify

SENSITIVE = frozenset(
    {
        *("subject", "body", "location", "is_all_day", "start", "end", "time_zone"),
        *("required", "optional", "organizer", "show_as", "importance", "recurrence"),
    }
)
"""The fields whose change the attendees are told (10.2.2). The zone is that of the times."""
_ATTENDEES = frozenset({"required", "optional"})


class MeetingWrite(StrEnum):
    """The kinds of writes that may mail people."""

    INVITE = "invite"
    UPDATE = "update"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Meeting:
    """What decides whether people are told. `is_past` says that nothing of it is still to come."""

    has_attendees: bool
    is_organizer: bool
    is_past: bool = False
    was_shared: bool = True  # attendees know of it already: False where it is created, or gets its first ones


def notify(write: MeetingWrite, meeting: Meeting, changed: Collection[str], policy: Policy) -> Notify:
    """Whom the server shall mail about a write to an appointment. `changed` are the fields that it sets; they do not matter
    for an invitation or a cancellation."""
    if not meeting.has_attendees or not meeting.is_organizer:
        return Notify.NOBODY
    if meeting.is_past:
        is_wanted = write is MeetingWrite.UPDATE and policy.sss_update_past_meetings_in_non_draft_mode  # 10.2.7
        if not is_wanted:
            return Notify.NOBODY
    if write is not MeetingWrite.UPDATE or not meeting.was_shared:
        return Notify.ALL
    sensitive = SENSITIVE & set(changed)
    if not sensitive:
        return Notify.NOBODY
    return Notify.CHANGED if sensitive <= _ATTENDEES else Notify.ALL


@dataclass(frozen=True, slots=True)
class Intended:
    """One write that a cycle wants to make, with the addresses that the server would mail about it. `is_approved`: a
    person has said that exactly this may be sent; `is_refused`: that it may not."""

    name: str
    addresses: frozenset[str]
    is_approved: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """What may be written now, and what waits for a person's word, by name and in order."""

    now: tuple[str, ...]
    held: tuple[str, ...]


def within_cap(intended: Iterable[Intended], policy: Policy, already_sent: int = 0) -> Sending:
    """Which writes a cycle may make: what mails nobody always, what was approved always, the rest as long as the meeting
    mails of the cycle stay within its limit. One meeting is never told to some of its people only; a large one may wait
    while small ones pass."""
    limit, sent = policy.meeting_mails_per_run, already_sent
    now, held = [], []
    for one in intended:
        mails = len(one.addresses)
        if mails and one.is_refused:
            held.append(one.name)
        elif not mails or one.is_approved:
            now.append(one.name)
        elif limit and sent + mails > limit:
            held.append(one.name)
        else:
            sent += mails
            now.append(one.name)
    return Sending(tuple(now), tuple(held))
