"""Who is mailed about a meeting, and when a cycle must ask first (10.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailboxes.policy import Policy, standard
from profiles.act_items import Notify
from tracking.decide.invitations import SENSITIVE, Intended, Meeting, MeetingWrite, notify, within_cap

INVITE, UPDATE, CANCEL = MeetingWrite
MEETING = Meeting(has_attendees=True, is_organizer=True)
ALONE = replace(MEETING, has_attendees=False)
BOBS = replace(MEETING, is_organizer=False)
OVER = replace(MEETING, is_past=True)
FIRST_GUESTS = replace(MEETING, was_shared=False)
OURS = Policy()
PAST_TOO = replace(OURS, sss_update_past_meetings_in_non_draft_mode=True)
ALL, CHANGED, NOBODY = Notify.ALL, Notify.CHANGED, Notify.NOBODY

TABLE = [
    (INVITE, MEETING, "", OURS, ALL),
    (INVITE, ALONE, "", OURS, NOBODY),
    (INVITE, BOBS, "", OURS, NOBODY),
    (INVITE, OVER, "", OURS, NOBODY),
    (INVITE, OVER, "", PAST_TOO, NOBODY),
    (UPDATE, MEETING, "start end", OURS, ALL),
    (UPDATE, MEETING, "is_private", OURS, NOBODY),
    (UPDATE, MEETING, "", OURS, NOBODY),
    (UPDATE, MEETING, "required", OURS, CHANGED),
    (UPDATE, MEETING, "required optional is_private", OURS, CHANGED),
    (UPDATE, MEETING, "required location", OURS, ALL),
    (UPDATE, FIRST_GUESTS, "required", OURS, ALL),
    (UPDATE, ALONE, "start", OURS, NOBODY),
    (UPDATE, BOBS, "start", OURS, NOBODY),
    (UPDATE, OVER, "start", OURS, NOBODY),
    (UPDATE, OVER, "start", PAST_TOO, ALL),  # 10.2.7
    (CANCEL, MEETING, "", OURS, ALL),  # 10.2.5
    (CANCEL, ALONE, "", OURS, NOBODY),
    (CANCEL, BOBS, "", OURS, NOBODY),
    (CANCEL, OVER, "", PAST_TOO, NOBODY),
]


@pytest.mark.parametrize(("write", "meeting", "changed", "policy", "told"), TABLE)
def test_who_is_told(
    write: MeetingWrite, meeting: Meeting, changed: str, policy: Policy, told: Notify
) -> None:  # 10.2.2
    assert notify(write, meeting, changed.split(), policy) is told


@pytest.mark.parametrize("field", sorted(SENSITIVE))
def test_every_field_that_attendees_care_about_is_told_to_them(field: str) -> None:  # 10.2.2
    assert notify(UPDATE, MEETING, [field, "is_private"], OURS) is not NOBODY


def people(number: int) -> frozenset[str]:
    return frozenset(f"guest{one}@them.test" for one in range(number))


QUIET = Intended("quiet", people(0))
FIVE = Intended("five", people(5))
TWO = Intended("two", people(2))


@pytest.mark.parametrize(
    ("limit", "intended", "already", "now", "held"),
    [
        (5, [QUIET, FIVE, TWO], 0, "quiet five", "two"),
        (6, [TWO, FIVE, QUIET], 0, "two quiet", "five"),  # a large one waits while small ones pass
        (7, [TWO, FIVE], 0, "two five", ""),
        (7, [TWO, FIVE], 1, "two", "five"),  # earlier in the same cycle
        (1, [QUIET, FIVE, TWO], 0, "quiet", "five two"),
        (0, [FIVE, TWO], 1000, "five two", ""),
        (1, [replace(FIVE, is_approved=True), TWO], 0, "five", "two"),
        (100, [replace(FIVE, is_refused=True), replace(QUIET, is_refused=True)], 0, "quiet", "five"),
    ],
)
def test_what_mails_too_many_people_waits_for_a_persons_word(
    limit: int, intended: list[Intended], already: int, now: str, held: str
) -> None:
    found = within_cap(intended, replace(OURS, meeting_mails_per_run=limit), already)
    assert (" ".join(found.now), " ".join(found.held)) == (now, held)


def test_the_original_has_no_limit() -> None:
    assert within_cap([Intended("all", people(5000))], standard("dynamics")).held == ()
