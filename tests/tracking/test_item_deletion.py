"""What becomes of one side when the other has lost an item, and when it is too much at once (10.1–10.3, 10.6, 10.7, law 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailboxes.policy import Policy, standard
from profiles.act_items import ItemKind
from tracking.decide.deletion import (
    REASONS,
    Answer,
    Deletion,
    Loss,
    Lost,
    Outcome,
    cancelled_in_crm,
    handed_over_in_crm,
    lost_in_crm,
    lost_in_exchange,
)
from tracking.decide.mass import mass_deletion

OURS, DYNAMICS = Policy(), standard("dynamics")
MEETING = Lost(ItemKind.APPOINTMENT, has_attendees=True)
CONTACT, TASK = Lost(ItemKind.CONTACT), Lost(ItemKind.TASK)
DELETED, HIDDEN, GIVEN = Loss.DELETED, Loss.OUT_OF_FILTER, Loss.OWNER_CHANGED

IN_CRM: list[tuple[str, Lost, Loss, Policy, str]] = [
    ("Alice deletes her future meeting", MEETING, DELETED, OURS, "delete other-side"),
    ("it is over", replace(MEETING, is_past=True), DELETED, OURS, "unlink past"),
    ("Bob called it", replace(MEETING, is_organizer=False), DELETED, OURS, "unlink not-organizer"),
    ("it only left the filter", MEETING, HIDDEN, OURS, "unlink only-hidden"),
    ("it only left the filter, as Dynamics", MEETING, HIDDEN, DYNAMICS, "delete other-side"),
    ("Alice may not see it any more", MEETING, Loss.NO_RIGHT, OURS, "unlink only-hidden"),
    ("it was given to Bob", MEETING, GIVEN, OURS, "unlink only-hidden"),
    ("it was given to Bob, as Dynamics", MEETING, GIVEN, DYNAMICS, "unlink only-hidden"),  # 10.3.9
    ("her own contact", CONTACT, DELETED, OURS, "unlink owner-keeps"),
    ("Bob’s contact", replace(CONTACT, is_owner=False), DELETED, OURS, "delete other-side"),
    ("a contact given to Bob", replace(CONTACT, is_owner=False), GIVEN, OURS, "unlink only-hidden"),
    ("the same as Dynamics", replace(CONTACT, is_owner=False), GIVEN, DYNAMICS, "delete other-side"),
    ("an open task", TASK, DELETED, OURS, "delete other-side"),
    ("a completed task", replace(TASK, is_closed=True), DELETED, OURS, "unlink completed"),
]


@pytest.mark.parametrize(
    ("lost", "loss", "policy", "words"), [row[1:] for row in IN_CRM], ids=[row[0] for row in IN_CRM]
)
def test_what_is_lost_here(lost: Lost, loss: Loss, policy: Policy, words: str) -> None:  # 10.1 b, i, 10.2.5, 10.6, 10.7
    found = lost_in_crm(lost, loss, policy)
    assert f"{found.outcome} {found.reason}" == words
    assert found.tells_attendees == (lost.kind is ItemKind.APPOINTMENT and found.outcome is Outcome.DELETE)


def test_an_appointment_of_a_new_owner_leaves_the_calendar_where_the_organization_wants_it() -> None:  # 10.3.9
    policy = replace(OURS, delete_appointments_on_owner_change=True)
    assert lost_in_crm(MEETING, GIVEN, policy).outcome is Outcome.DELETE
    assert lost_in_crm(CONTACT, GIVEN, policy).outcome is Outcome.UNLINK


def test_nobody_is_told_that_an_appointment_of_one_person_is_gone() -> None:  # 10.2.5
    alone = replace(MEETING, has_attendees=False)
    assert not lost_in_crm(alone, DELETED, OURS).tells_attendees


NEVER = replace(DYNAMICS, sss_task_deletion_sync_behavior_from_exchange=2)
UNLESS_DONE = replace(DYNAMICS, sss_task_deletion_sync_behavior_from_exchange=1)
IN_EXCHANGE: list[tuple[str, Lost, Policy, Answer, str]] = [
    ("Alice deletes her meeting", MEETING, OURS, Answer.NONE, "delete other-side"),
    ("it is closed here", replace(MEETING, is_closed=True), OURS, Answer.NONE, "unlink closed"),
    ("it is over", replace(MEETING, is_past=True), OURS, Answer.NONE, "unlink past"),
    ("Bob called it", replace(MEETING, is_organizer=False), OURS, Answer.NONE, "unlink not-organizer"),
    ("her contact", CONTACT, OURS, Answer.NONE, "ask asked"),
    ("her contact, yes", CONTACT, OURS, Answer.YES, "delete approved"),
    ("her contact, no", CONTACT, OURS, Answer.NO, "unlink refused"),
    ("her contact, as Dynamics", CONTACT, DYNAMICS, Answer.NONE, "delete other-side"),
    ("Bob’s contact", replace(CONTACT, is_owner=False), DYNAMICS, Answer.YES, "unlink not-owner"),
    ("a task", TASK, OURS, Answer.NONE, "ask asked"),
    ("a task, as Dynamics", TASK, DYNAMICS, Answer.NONE, "delete other-side"),
    ("a completed task", replace(TASK, is_closed=True), UNLESS_DONE, Answer.NONE, "unlink completed"),
    ("an open task", TASK, UNLESS_DONE, Answer.NONE, "delete other-side"),
    ("a completed task, always", replace(TASK, is_closed=True), DYNAMICS, Answer.NONE, "delete other-side"),
    ("a task, never", TASK, NEVER, Answer.YES, "unlink never"),
]


@pytest.mark.parametrize(
    ("lost", "policy", "answer", "words"), [row[1:] for row in IN_EXCHANGE], ids=[row[0] for row in IN_EXCHANGE]
)
def test_what_is_lost_in_exchange(lost: Lost, policy: Policy, answer: Answer, words: str) -> None:  # 10.3.4, 10.6, 10.7
    found = lost_in_exchange(lost, policy, answer)
    assert f"{found.outcome} {found.reason}" == words
    assert found.reason in REASONS


def test_a_meeting_that_is_canceled_here_stays_in_exchange_unless_the_organization_wants_otherwise() -> None:  # 10.2.6
    propagates = replace(OURS, sss_propagate_appointment_cancellations_to_exchange=True)
    assert cancelled_in_crm(MEETING, OURS) is None
    found = cancelled_in_crm(MEETING, propagates)
    assert found is not None
    assert (found.outcome, found.tells_attendees) == (Outcome.DELETE, True)
    assert cancelled_in_crm(replace(MEETING, is_organizer=False), propagates) is None
    assert cancelled_in_crm(replace(MEETING, is_past=True), propagates) is None


def test_a_meeting_that_a_colleague_calls_from_now_on_is_canceled_in_the_old_calendar() -> None:  # 10.2.4
    found = handed_over_in_crm(MEETING)
    assert (found.outcome, found.reason, found.tells_attendees) == (Outcome.DELETE, "handed-over", True)
    assert found.reason in REASONS
    for lost, reason in (
        (replace(MEETING, is_past=True), "past"),
        (replace(MEETING, is_organizer=False), "not-organizer"),
    ):
        assert handed_over_in_crm(lost) == Deletion(Outcome.UNLINK, reason)


@pytest.mark.parametrize(
    ("number", "out_of", "approved", "limit"),
    [
        (0, 0, 0, None),
        (4, 4, 0, None),  # all of so few
        (5, 5, 0, "deletions_at_once_percent"),
        (20, 100, 0, None),
        (21, 100, 0, "deletions_at_once_percent"),
        (50, 10_000, 0, None),
        (51, 10_000, 0, "deletions_at_once_number"),
        (51, 10_000, 51, None),
        (52, 10_000, 51, "deletions_at_once_number"),  # more than somebody has approved
    ],
)
def test_so_much_at_once_is_asked_about(number: int, out_of: int, approved: int, limit: str | None) -> None:  # law 9
    found = mass_deletion(number, out_of, OURS, approved)
    assert (found and found.limit) == limit
    assert found is None or (found.number, found.out_of) == (number, out_of)


@pytest.mark.parametrize("changes", [{"deletions_at_once_number": 0, "deletions_at_once_percent": 100}, None])
def test_without_limits_nothing_is_asked(changes: dict[str, Any] | None) -> None:
    policy = DYNAMICS if changes is None else replace(OURS, **changes)
    assert mass_deletion(10_000, 10_000, policy) is None
