"""The files of Alice’s appointments on their pages (10.3.8, 5.19)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Organization
from profiles.act_items import Attached
from serversync.console.compose_files import from_email, named
from tests.letters import letter
from tests.serversync.console.calendar_rows import Calendar, open_calendar
from tests.serversync.console.people import kept, mailbox
from tests.serversync.console.test_calendar_pages import browser, text, written
from tracking.crm.models import ActivityMimeAttachment, Appointment, AppointmentAttachment, RecurringAppointmentMaster
from tracking.crm.storage import read
from tracking.decide.act_values import to_json
from tracking.models import ExchangeSyncIdMapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def calendar() -> Calendar:
    return open_calendar()


@pytest.fixture
def alice(calendar: Calendar) -> Client:
    return browser(calendar.alices.regarding_user)


def upload(name: str = "plan.txt", content: bytes = b"First, lunch.") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def save(client: Client, calendar: Calendar, record: Any = None, **more: Any) -> Any:
    """Alice presses Save in the form."""
    data = {**written(calendar.monday), "has_files": "1", **more}
    if record is not None:
        record.refresh_from_db()
        data["version"] = record.modified_on.isoformat()
        return client.post(reverse("calendar:edit", args=["appointment", record.pk]), data)
    return client.post(reverse("calendar:new", args=["appointment"]), data)


def here() -> dict[str, bytes]:
    return {one.file_name: read(one.blob_id) for one in AppointmentAttachment.objects.all()}


def test_alice_attaches_files_gets_them_back_and_takes_one_away(calendar: Calendar, alice: Client) -> None:
    save(alice, calendar, files=[upload(), upload(content=b"Second."), upload("notes.html", b"<script>")])
    review = Appointment.objects.get(subject="Review")
    assert here() == {"plan.txt": b"First, lunch.", "plan (2).txt": b"Second.", "notes.html": b"<script>"}
    page = text(alice, "calendar:item", "appointment", review.pk)
    assert page.count("/file/") == 3
    notes = AppointmentAttachment.objects.get(file_name="notes.html")
    answer = alice.get(reverse("calendar:file", args=["appointment", review.pk, notes.pk]))
    assert answer.content == b"<script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    keep = AppointmentAttachment.objects.get(file_name="plan.txt").pk
    changed = review.modified_on
    assert save(alice, calendar, review, keep=[keep]).status_code == 302
    review.refresh_from_db()
    assert (set(here()), review.modified_on > changed) == ({"plan.txt"}, True)


def test_a_form_that_says_nothing_of_files_leaves_them_alone(calendar: Calendar, alice: Client) -> None:
    save(alice, calendar, files=[upload()])
    review = Appointment.objects.get(subject="Review")
    data = {**written(calendar.monday), "subject": "Later", "version": review.modified_on.isoformat()}
    alice.post(reverse("calendar:edit", args=["appointment", review.pk]), data)
    review.refresh_from_db()
    assert (review.subject, set(here())) == ("Later", {"plan.txt"})


def test_a_mistake_in_the_form_loses_no_file(calendar: Calendar, alice: Client) -> None:
    answer = save(alice, calendar, subject="", files=[upload()])
    assert answer.status_code == 422
    [kept] = answer.context["files"].listed
    save(alice, calendar, file=[kept["value"]])
    assert here() == {"plan.txt": b"First, lunch."}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"files": [upload("virus.exe")]}, "are blocked"),  # 5.19
        ({"files": [upload()], "repeats": "daily"}, "A recurring appointment has no files."),  # 10.3.8
        ({"file": ["forged"]}, "A file is not here any more."),
    ],
)
def test_what_cannot_be_attached_is_named(calendar: Calendar, alice: Client, more: dict[str, Any], says: str) -> None:
    answer = save(alice, calendar, **more)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert here() == {}


def test_files_that_are_chosen_while_a_series_becomes_single_are_kept(
    calendar: Calendar, alice: Client
) -> None:  # 10.4
    series = RecurringAppointmentMaster.objects.get(pk=calendar.weekly.pk)
    data = {
        **written(calendar.monday),
        "has_files": "1",
        "files": [upload()],
        "version": series.modified_on.isoformat(),
    }
    assert alice.post(reverse("calendar:edit", args=["series", series.pk]), data).status_code == 302
    assert AppointmentAttachment.objects.get().appointment == Appointment.objects.get(subject="Review")
    assert here() == {"plan.txt": b"First, lunch."}


def test_without_its_files_an_appointment_becomes_a_series(calendar: Calendar, alice: Client) -> None:  # 10.4, 10.3.8
    save(alice, calendar, files=[upload()])
    review = Appointment.objects.get(subject="Review")
    daily = {"repeats": "daily", "version": review.modified_on.isoformat()}
    for files in ({"has_files": "1", "keep": [review.attachments.get().pk]}, {}):  # kept, or nothing said of them
        data = {**written(calendar.monday), **daily, **files}
        answer = alice.post(reverse("calendar:edit", args=["appointment", review.pk]), data)
        assert (answer.status_code, set(here())) == (422, {"plan.txt"})
        assert "A recurring appointment has no files." in answer.content.decode()
    assert save(alice, calendar, review, repeats="daily").status_code == 302
    assert RecurringAppointmentMaster.objects.filter(subject="Review").exists()
    assert here() == {}


def test_a_part_of_an_email_is_no_file_of_an_appointment(calendar: Calendar, alice: Client) -> None:
    file_of_it = ("plan.txt", "text/plain", b"Of an email.")
    email = kept(calendar.alices, letter("bob@us.test", "alice@us.test", "Plan", "See.", attachments=[file_of_it]))
    email.owner = calendar.alices.regarding_user
    email.save()
    part = ActivityMimeAttachment.objects.get(email=email)
    assert part.blob_id is None
    [file] = from_email([part], calendar.alices.regarding_user)
    found, problems = named([file.word], calendar.alices.regarding_user)
    assert (len(found), problems) == (1, [])  # hers to attach to an email
    answer = save(alice, calendar, file=[file.word])
    assert (answer.status_code, here()) == (422, {})
    assert "A file is not here any more." in answer.content.decode()


def test_a_file_is_as_private_as_its_appointment(calendar: Calendar, alice: Client) -> None:
    save(alice, calendar, files=[upload()])
    review, file = Appointment.objects.get(subject="Review"), AppointmentAttachment.objects.get()
    charlie = browser(mailbox("Charlie").regarding_user)
    assert charlie.get(reverse("calendar:file", args=["appointment", review.pk, file.pk])).status_code == 404
    assert alice.get(reverse("calendar:file", args=["appointment", calendar.talk.pk, file.pk])).status_code == 404


def test_what_is_left_out_says_so_on_both_sides(calendar: Calendar, alice: Client) -> None:  # 5.19
    save(alice, calendar, files=[upload(content=b"x" * 200)])
    overrides = {"is_appointment_attachment_sync_enabled": True, "max_upload_file_size": 100}
    Organization.objects.update_or_create(pk=1, defaults={"overrides": overrides})
    review = Appointment.objects.get(subject="Review")
    there = (Attached("film.mp4", "", 5000), Attached("odd.txt", "", 5))
    ExchangeSyncIdMapping.objects.create(
        owner=review.owner,
        mailbox=calendar.alices,
        kind="appointment",
        object=review,
        agreed={"attachments": {"two": [to_json(()), to_json(there)]}},
        agreed_on=timezone.now(),
    )
    page = text(alice, "calendar:item", "appointment", review.pk)
    assert "Stays here. It has 200 bytes; at most 100 bytes are taken per file." in page
    assert "Stays on Exchange. It has 5,000 bytes" in page
    assert "Stays on Exchange. It could not be read there." in page
