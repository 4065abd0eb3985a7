"""Alice is asked whether something that overlaps is taken in, in plain words (10.3.3, 4.13)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.serversync.console.calendar_rows import Calendar, at, open_calendar
from tests.serversync.console.people import mailbox
from tests.serversync.console.test_calendar_pages import browser, press, text
from tracking.crm.models import ActivityParty, Appointment
from tracking.decide.act_values import to_json
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar() -> Calendar:
    return open_calendar()


def asked(calendar: Calendar, key: str) -> ExchangeSyncIdMapping:
    """The dentist overlaps with the appointment of this key."""
    day = calendar.monday
    return ExchangeSyncIdMapping.objects.create(
        owner=calendar.alices.regarding_user,
        mailbox=calendar.alices,
        kind="appointment",
        exchange_entry_id="dentist",
        question=SyncQuestion.SCHEDULING_CONFLICT,
        question_facts={
            "subject": "Dentist",
            "is_private": False,
            "times": "mark",
            "coming": [to_json(at(day, 9)), to_json(at(day, 10))],
            "overlaps": [["appointment", key, to_json(at(day, 9, 30)), to_json(at(day, 11))]],
        },
        asked_on=timezone.now(),
    )


def test_the_question_names_both_with_their_times_and_takes_an_answer(calendar: Calendar) -> None:  # 10.3.3, 4.13
    row, alice = asked(calendar, str(calendar.talk.pk)), browser(calendar.alices.regarding_user)
    page = text(alice, "calendar:waiting")
    day = f"{calendar.monday:%a %Y-%m-%d}"
    subject = Appointment.objects.get(pk=calendar.talk.pk).subject
    for words in ("at a time that is taken here", "Dentist", f"{day} 09:00–10:00", f"{subject}, {day} 09:30–11:00"):
        assert words in page
    assert "mark" not in page.split("Dentist", 1)[1].split("</dl>")[0]
    press(alice, "calendar:settle", row.pk, do="no")
    row.refresh_from_db()
    assert row.user_decision == UserDecision.NO
    assert "Dentist" not in text(alice, "calendar:waiting")
    assert "does not come in" in text(alice, "calendar:pair", row.pk)


def test_what_is_private_or_gone_is_not_named(calendar: Calendar) -> None:  # law 12
    Appointment.objects.filter(pk=calendar.talk.pk).update(is_mapi_private=True)
    row = asked(calendar, str(calendar.talk.pk))
    root: Any = get_user_model().objects.create_superuser("root", "root@us.test")
    subject = Appointment.objects.get(pk=calendar.talk.pk).subject
    for client, is_told in ((browser(root), False), (browser(calendar.alices.regarding_user), True)):
        name = "calendar:waiting" if is_told else "calendars:waiting"
        page = text(client, name, *([] if is_told else [calendar.alices.pk]))
        assert (subject in page.split(f"q-{row.pk}")[1]) is is_told
    Appointment.objects.filter(pk=calendar.talk.pk).delete()
    assert "something that is not here any more" in text(browser(calendar.alices.regarding_user), "calendar:waiting")


def test_what_is_somebody_elses_now_is_not_named(calendar: Calendar) -> None:  # law 12
    row, bob = asked(calendar, str(calendar.holiday.pk)), mailbox("Bob").regarding_user
    Appointment.objects.filter(pk=calendar.holiday.pk).update(
        owner=bob, subject="Bob’s surprise", is_mapi_private=False
    )
    ActivityParty.objects.filter(activity_id=calendar.holiday.pk).delete()
    page = text(browser(calendar.alices.regarding_user), "calendar:waiting").split(f"q-{row.pk}")[1]
    assert "something that is not yours any more" in page
    assert "Bob’s surprise" not in page
    assert str(calendar.holiday.pk) not in page
