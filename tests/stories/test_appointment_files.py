"""Files of Alice’s appointments are the same here and on Exchange, where the organization wants that (10.3.8, 5.19)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mailboxes.models import Leg, Mailbox, Organization
from profiles.act_items import Attached, ItemKind
from profiles.connectors.ews.act.attachments import CreateAttachment
from tests.company import Company, run
from tests.profiles.exchange import requests
from tests.synchronizing import (
    ALICE,
    CATEGORY,
    alice_on,
    appointment,
    change,
    held,
    mails_about_meetings,
    soon,
    synchronize,
)
from tracking.crm.models import Appointment, AppointmentAttachment, Blob, RecurringAppointmentMaster
from tracking.crm.storage import digest_of, read
from tracking.crm.sweeping import sweep_blobs
from tracking.facts.act.files import contents_kept
from tracking.keep.act.files import set_files, store_contents
from tracking.keep.calendar.deciding import undo_conflict
from tracking.keep.calendar.restoring import restore
from tracking.models import ExchangeSyncIdMapping, RecycledItem, SyncConflict

CALENDAR = ItemKind.APPOINTMENT
pytestmark = pytest.mark.django_db(transaction=True)


def with_files(**more: Any) -> None:
    """The organization wants files of appointments on both sides."""
    overrides = {"is_appointment_attachment_sync_enabled": True, **more}
    Organization.objects.update_or_create(pk=1, defaults={"overrides": overrides})


def attach(record: Any, **files: str) -> None:
    """Alice attaches these files here, by the first part of their names, in place of all that are there."""
    found = [
        Attached(f"{name}.txt", digest_of(text.encode()), len(text), "text/plain", text.encode)
        for name, text in files.items()
    ]
    store_contents(found, timezone.now())
    set_files(record, tuple(found), timezone.now())
    Appointment.objects.get(pk=record.pk).save()


def here(record: Any) -> dict[str, str]:
    """What is in the files of an appointment of ours."""
    rows = AppointmentAttachment.objects.filter(appointment_id=record.pk)
    return {one.file_name: read(one.blob_id).decode() for one in rows}


def there(company: Company, subject: str = "Lunch") -> dict[str, str]:
    """What is in the files of an appointment on Exchange."""
    return {one["name"]: one.get("text") for one in held(company, CALENDAR)[subject]["attachments"]}


def outlook(company: Company, *, detach: str = "", **files: str) -> None:
    """Alice attaches files in Outlook, and takes others away."""
    item = held(company, CALENDAR)["Lunch"]
    attached = [{"name": f"{name}.txt", "text": text} for name, text in files.items()]
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], attach=attached, detach=detach.split())


def with_a_plan(company: Company) -> tuple[Mailbox, Appointment]:
    """Alice, and an appointment of hers that is in both calendars; its file is so where files are synchronized."""
    alice = alice_on(company)
    ours = appointment(alice)
    assert isinstance(ours, Appointment)
    attach(ours, plan="1")
    synchronize(alice)
    return alice, ours


def test_files_go_both_ways_each_by_itself_and_then_nothing_is_written(company: Company) -> None:
    with_files()
    alice = alice_on(company)
    ours = appointment(alice)
    attach(ours, plan="First, lunch.")
    synchronize(alice)
    assert there(company) == {"plan.txt": "First, lunch."}
    outlook(company, notes="Say hello.")
    attach(ours, plan="First, coffee.", map="Turn left.")
    synchronize(alice)
    everything = {"plan.txt": "First, coffee.", "notes.txt": "Say hello.", "map.txt": "Turn left."}
    assert here(ours) == there(company) == everything
    synchronize(alice)
    company.sandbox.clear_log()
    ended = synchronize(alice)
    assert (ended.report.sent, ended.report.tracked) == (0, 0)
    assert set(requests(company.sandbox)) == {"SyncFolderItems"}


def test_what_is_removed_on_one_side_is_removed_on_the_other(company: Company) -> None:
    with_files()
    alice = alice_on(company)
    ours = appointment(alice)
    attach(ours, plan="1", notes="2", map="3")
    synchronize(alice)
    outlook(company, detach="plan.txt")
    attach(ours, plan="1", map="3")
    synchronize(alice)
    assert here(ours) == there(company) == {"map.txt": "3"}


def test_files_come_in_with_an_appointment_that_is_tracked(company: Company) -> None:
    with_files()
    alice = alice_on(company)
    fields = {"subject": "Lunch", "start": soon().isoformat(), "end": soon(hour=10).isoformat()}
    files = [
        {"name": "plan.txt", "text": "1"},
        {"name": "plan.txt", "text": "2"},
        {"name": "logo.png", "text": "x", "inline": True},
        {"name": "Mail", "is_item": True},
    ]
    company.sandbox.put_act_item(ALICE, CALENDAR, fields, categories=[CATEGORY], attach=files)
    synchronize(alice)
    ours = Appointment.objects.get()
    assert here(ours) == {"plan.txt": "1", "plan (2).txt": "2"}
    attach(ours, plan="1")
    synchronize(alice)
    left = [one["name"] for one in held(company, CALENDAR)["Lunch"]["attachments"]]
    assert left == ["plan.txt", "logo.png", "Mail"]


def test_without_the_setting_no_file_moves_and_nothing_more_is_asked(company: Company) -> None:
    alice, ours = with_a_plan(company)
    outlook(company, notes="2")
    company.sandbox.clear_log()
    synchronize(alice)
    assert (here(ours), there(company)) == ({"plan.txt": "1"}, {"notes.txt": "2"})
    assert "GetAttachment" not in requests(company.sandbox)


def test_both_change_a_file_the_newer_stays_and_the_other_can_be_taken_back(company: Company) -> None:  # 10.1 h
    with_files()
    alice, ours = with_a_plan(company)
    attach(ours, plan="ours")
    outlook(company, detach="plan.txt", plan="theirs")
    synchronize(alice)
    assert here(ours) == there(company)
    conflict = SyncConflict.objects.get()
    assert conflict.field == "attachments"
    winner = here(ours)["plan.txt"]
    undo_conflict(conflict, alice.regarding_user, timezone.now())
    synchronize(alice)
    assert here(ours) == there(company)
    assert {winner, here(ours)["plan.txt"]} == {"ours", "theirs"}


def test_what_is_too_large_stays_where_it_is_and_the_rest_goes_on(company: Company) -> None:  # 5.19
    with_files(max_upload_file_size=100, blocked_attachments="exe")
    alice = alice_on(company)
    ours = appointment(alice)
    attach(ours, film="x" * 200, plan="1")
    synchronize(alice)
    item = held(company, CALENDAR)["Lunch"]
    large = [{"name": "huge.txt", "text": "y" * 200}, {"name": "virus.exe", "text": "z"}]
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], attach=large)
    synchronize(alice)
    change(alice, ours, subject="Late")
    synchronize(alice)
    assert set(here(ours)) == {"film.txt", "plan.txt"}
    assert set(there(company, "Late")) == {"plan.txt", "huge.txt", "virus.exe"}
    row = ExchangeSyncIdMapping.objects.get()
    assert (row.last_sync_error, row.next_attempt_on) == ("", None)


def test_what_alice_changes_while_exchange_cannot_give_the_file_is_not_lost(company: Company) -> None:  # 5.19
    with_files()
    alice, ours = with_a_plan(company)
    attach(ours, plan="2")
    company.sandbox.fault(face="ews", operation="GetAttachment", effect="response", code="ErrorVirusDetected", times=1)
    synchronize(alice)
    change(alice, ours, subject="Late")
    synchronize(alice)
    assert here(ours) == there(company, "Late") == {"plan.txt": "2"}


def test_a_file_that_is_refused_holds_up_nothing_else(company: Company) -> None:  # law 5
    with_files()
    alice, ours = with_a_plan(company)
    attach(ours, plan="2")
    change(alice, ours, subject="Late")
    code = "ErrorAttachmentSizeLimitExceeded"
    company.sandbox.fault(face="ews", operation="CreateAttachment", effect="response", code=code, times=1)
    run(alice, Leg.ACT)
    assert there(company, "Late") == {"plan.txt": "1"}
    assert ExchangeSyncIdMapping.objects.get().last_sync_error
    ExchangeSyncIdMapping.objects.update(next_attempt_on=timezone.now())
    synchronize(alice)
    assert here(ours) == there(company, "Late") == {"plan.txt": "2"}
    assert SyncConflict.objects.count() == 0


def test_nobody_is_mailed_about_a_file(company: Company) -> None:  # 10.2.2
    with_files()
    alice = alice_on(company)
    ours = appointment(alice, invited="bob@us.test")
    synchronize(alice)
    assert mails_about_meetings(company) == [("bob@us.test", "request")]
    attach(ours, plan="1")
    synchronize(alice)
    assert there(company) == {"plan.txt": "1"}
    assert len(mails_about_meetings(company)) == 1


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(
    ("operation", "skip"),
    [("CreateAttachment", 0), ("CreateAttachment", 1), ("DeleteAttachment", 0), ("UpdateItem", 0)],
)
def test_a_line_that_breaks_between_two_files_doubles_and_loses_none(  # law 7
    company: Company, operation: str, skip: int, after_effect: bool
) -> None:
    with_files()
    alice = alice_on(company)
    ours = appointment(alice)
    attach(ours, plan="1", old="0")
    synchronize(alice)
    attach(ours, plan="2", notes="3")
    change(alice, ours, location="Room 6")
    company.sandbox.fault(face="ews", operation=operation, effect="drop", times=1, skip=skip, after_effect=after_effect)
    assert run(alice, Leg.ACT).error is not None
    ExchangeSyncIdMapping.objects.update(next_attempt_on=timezone.now())
    synchronize(alice)
    assert here(ours) == there(company) == {"plan.txt": "2", "notes.txt": "3"}
    assert SyncConflict.objects.count() == 0


@pytest.mark.parametrize("is_on", [True, False])
def test_what_was_deleted_is_restored_with_its_files(company: Company, is_on: bool) -> None:  # law 9
    with_files(is_appointment_attachment_sync_enabled=is_on)
    alice, _ = with_a_plan(company)
    company.sandbox.delete_act_item(ALICE, CALENDAR, held(company, CALENDAR)["Lunch"]["id"])
    synchronize(alice)
    assert not Appointment.objects.exists()
    again = restore(RecycledItem.objects.get(), alice.regarding_user, timezone.now())
    assert here(again) == {"plan.txt": "1"}


def test_a_file_here_is_not_lost_when_outlook_makes_a_series_of_the_appointment(
    company: Company,
) -> None:  # 10.3.8, 10.4
    with_files()
    alice, ours = with_a_plan(company)
    item = held(company, CALENDAR)["Lunch"]
    daily = {"frequency": "daily", "first": f"{soon():%Y-%m-%d}", "interval": 1, "count": 3}
    company.sandbox.patch_act_item(ALICE, CALENDAR, item["id"], fields={"recurrence": daily})
    run(alice, Leg.ACT)
    row = ExchangeSyncIdMapping.objects.get()
    assert "Remove them from the appointment here first." in row.last_sync_error
    assert here(ours) == {"plan.txt": "1"}
    attach(ours)
    row.next_attempt_on = timezone.now()
    row.save()
    synchronize(alice)
    assert RecurringAppointmentMaster.objects.count() == 1
    assert there(company) == {"plan.txt": "1"}


def test_what_is_changed_in_outlook_between_two_files_comes_in(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:  # 10.1 h
    with_files()
    alice = alice_on(company)
    ours = appointment(alice)
    synchronize(alice)
    real, left = CreateAttachment.ask, [held(company, CALENDAR)["Lunch"]["id"]]

    def attached(*args: Any) -> Any:
        found = real(*args)
        while left:
            company.sandbox.patch_act_item(ALICE, CALENDAR, left.pop(), fields={"location": "Room 7"})
        return found

    monkeypatch.setattr(CreateAttachment, "ask", attached)
    attach(ours, map="Turn left.", plan="First, lunch.")
    synchronize(alice)
    synchronize(alice)
    assert there(company) == {"map.txt": "Turn left.", "plan.txt": "First, lunch."}
    assert Appointment.objects.get().location == "Room 7"


def test_a_file_that_was_overwritten_is_swept_only_when_nobody_can_take_it_back(company: Company) -> None:  # 10.1 h
    with_files()
    alice, ours = with_a_plan(company)
    attach(ours, plan="ours")
    outlook(company, detach="plan.txt", plan="theirs")
    synchronize(alice)
    later = timezone.now() + timedelta(days=3)
    lost = {digest_of(one.encode()) for one in ("ours", "theirs")}
    sweep_blobs(later, contents_kept(later))
    assert lost <= set(Blob.objects.values_list("pk", flat=True))
    SyncConflict.objects.all().delete()
    sweep_blobs(later, contents_kept(later))
    assert len(lost & set(Blob.objects.values_list("pk", flat=True))) == 1


def test_files_of_what_nobody_tracks_are_not_read(company: Company) -> None:
    with_files()
    alice = alice_on(company)
    fields = {"subject": "Private", "start": soon().isoformat(), "end": soon(hour=10).isoformat()}
    company.sandbox.put_act_item(ALICE, CALENDAR, fields, attach=[{"name": "diary.txt", "text": "1"}])
    company.sandbox.clear_log()
    synchronize(alice)
    assert "GetAttachment" not in requests(company.sandbox)
