"""The meeting mails that are foreseen for occurrences of a series are those that leave, over real sockets (10.2, 10.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import Mailbox
from mailboxes.models.settings import current_policy
from profiles.act_items import Attendee, Frequency, Recurrence
from serversync.meeting_mails import foresee_mails
from tests.company import Company
from tests.synchronizing import alice_on, appointment, change, mails_about_meetings, soon, synchronize, syncing
from tracking.crm.models import RecurringAppointmentMaster
from tracking.decide.merge import Side
from tracking.decide.occurrences import OccurrenceStep
from tracking.keep.act.appointments import apply_occurrence

ZOE, CAROL = Attendee("zoe@them.test"), Attendee("carol@them.test")
FIRST, DAY, HOUR = soon(), timedelta(days=1), timedelta(hours=1)
DAILY = Recurrence(Frequency.DAILY, FIRST.date(), count=6)
pytestmark = pytest.mark.django_db(transaction=True)


def differs(alice: Mailbox, number: int, **fields: Any) -> None:
    """Alice changes one occurrence; without fields takes it out."""
    series = RecurringAppointmentMaster.objects.get()
    apply_occurrence(series, OccurrenceStep(Side.CRM, FIRST + number * DAY, fields, removes=not fields), syncing(alice))


def of_series(alice: Mailbox, **fields: Any) -> None:
    """Alice changes the whole series."""
    change(alice, RecurringAppointmentMaster.objects.get(), **fields)


def insist_foreseen_is_sent(company: Company, alice: Mailbox) -> list[str]:
    """Returns whom mails reached."""
    foreseen = foresee_mails(alice, current_policy(), timezone.now())
    company.sandbox.clear_meeting_mails()
    synchronize(alice)
    left = sorted(to.partition("@")[0] for to, _ in mails_about_meetings(company))
    assert sorted(to.partition("@")[0] for one in foreseen for to in one.addresses) == left
    assert [one for one in foresee_mails(alice, current_policy(), timezone.now()) if one.addresses] == []
    return left


LATER = FIRST + 2 * DAY + HOUR
EDITS: list[tuple[str, list[Any], list[str]]] = [
    ("another room for one", [lambda a: differs(a, 1, location="Room 7")], ["zoe"]),
    ("one is moved", [lambda a: differs(a, 2, start=LATER, end=LATER + HOUR)], ["zoe"]),
    ("one is taken out", [lambda a: differs(a, 3)], ["zoe"]),
    ("one is private, which is nobody else's business", [lambda a: differs(a, 1, is_private=True)], []),
    ("somebody more comes to one", [lambda a: differs(a, 1, required=(CAROL, ZOE))], ["carol"]),
    ("two at once", [lambda a: differs(a, 1, location="Room 7"), lambda a: differs(a, 2)], ["zoe", "zoe"]),
    ("the series and one of it", [lambda a: of_series(a, subject="S"), lambda a: differs(a, 1)], ["zoe", "zoe"]),
    ("nothing", [], []),
]


@pytest.mark.parametrize(("edits", "told"), [one[1:] for one in EDITS], ids=[one[0] for one in EDITS])
def test_what_is_foreseen_for_occurrences_is_what_leaves(company: Company, edits: list[Any], told: list[str]) -> None:
    alice = alice_on(company)
    appointment(alice, "Standup", FIRST, invited="zoe@them.test", recurrence=DAILY, time_zone="UTC")
    synchronize(alice)
    for edit in edits:
        edit(alice)
    assert insist_foreseen_is_sent(company, alice) == told


def test_what_follows_on_earlier_changes_is_foreseen_as_well(company: Company) -> None:  # 10.4
    alice = alice_on(company)
    appointment(alice, "Standup", FIRST, invited="zoe@them.test", recurrence=DAILY, time_zone="UTC")
    differs(alice, 1, required=(CAROL, ZOE))
    differs(alice, 3)
    assert insist_foreseen_is_sent(company, alice) == [
        "carol",
        "zoe",
        "zoe",
    ]  # all, then who comes to one, and not to one
    differs(alice, 1, location="Room 7")
    assert insist_foreseen_is_sent(company, alice) == ["carol", "zoe"]
    of_series(alice, recurrence=replace(DAILY, count=9))  # Exchange forgets what differed: it is told again
    assert insist_foreseen_is_sent(company, alice)[-1] == "zoe"
    differs(alice, 1)
    insist_foreseen_is_sent(company, alice)
    assert insist_foreseen_is_sent(company, alice) == []
