"""Private items are read by those they belong to and by nobody else, whatever their rights; and what is not somebody's
any more stays closed to them. One law over every page and list of appointments, contacts and tasks (12.1, law 12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.models import Mailbox
from profiles.connectors.mime import Address
from tests.serversync.console.calendar_rows import Calendar, linked, open_calendar
from tests.serversync.console.people import mailbox
from tests.serversync.console.test_calendar_pages import browser, written
from tracking.crm.models import Appointment, Contact, RecurringAppointmentMaster, Task
from tracking.decide.act_values import fields_to_json, to_json
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import content_type_of
from tracking.facts.visibility import MASK
from tracking.keep.calendar.appointments import Planned, save_appointment
from tracking.models import ExchangeSyncIdMapping, HeldWrite, RecycledItem, SyncConflict, SyncFilter, SyncQuestion

pytestmark = pytest.mark.django_db
SECRETS = ("The divorce", "Lea Lawyer", "lea@lawyers.test", "Chambers 7", "Old Bailey")
EVERYBODYS: dict[str, Any] = {"all": []}
LISTS = ("agenda", "tasks", "contacts", "waiting", "problems", "bin", "filters", "start")
ADMIN = (
    "exchangesyncidmapping",
    "syncconflict",
    "recycleditem",
    "heldwrite",
    "helddeletion",
    "syncfilter",
    "syncprogress",
)


@pytest.fixture
def calendar() -> Calendar:
    """Alice meets her lawyer, now and every week, and more than one thing has gone wrong with it."""
    found = open_calendar()
    alice, now = found.alices.regarding_user, timezone.now()
    meeting = Planned(
        "The divorce",
        now + timedelta(hours=1),
        now + timedelta(hours=2),
        "Europe/Berlin",
        location="Chambers 7",
        is_private=True,
        required=[Address("Lea Lawyer", "lea@lawyers.test")],
    )
    record = save_appointment(meeting, alice, now)
    pair = linked(
        record,
        found.alices,
        last_sync_error="lea@lawyers.test cannot be invited to “The divorce”.",
        last_sync_error_code="ErrorInvalidRecipients",
        last_sync_error_occurred_on=now,
        question=SyncQuestion.SCHEDULING_CONFLICT,
        question_facts={"subject": "The divorce", "others": [], "overlaps": "Chambers 7"},
        asked_on=now,
    )
    HeldWrite.objects.create(
        mapping=pair,
        mailbox=found.alices,
        kind_of_write="invite",
        addresses=["lea@lawyers.test"],
        fingerprint="private",
        held_on=now,
    )
    gone = {"owner": alice, "mailbox": found.alices, "kind": "appointment"}
    ExchangeSyncIdMapping.objects.create(**gone, exchange_entry_id="nobody knows", item_subject="The divorce")
    ExchangeSyncIdMapping.objects.create(
        **gone,
        exchange_entry_id="gone",
        item_subject="The divorce",
        agreed={"is_private": True},
        last_sync_error="Lea Lawyer",
    )
    conflict(found, record, pair)
    conflict(found, record, None)
    conflict(found, None, None)
    recycled(found, {"subject": "The divorce", "is_private": True})
    recycled(found, {"subject": "The divorce", "location": "Chambers 7"}, record)
    series(found, alice)
    SyncFilter.objects.create(owner=alice, name="All", record_kind="appointment", conditions=EVERYBODYS)
    return found


def conflict(calendar: Calendar, record: Any, pair: ExchangeSyncIdMapping | None) -> None:
    """Where both sides had moved it."""
    SyncConflict.objects.create(
        mapping=pair,
        mailbox=calendar.alices,
        kind="appointment",
        object_type=content_type_of(RecordKind.APPOINTMENT),
        object_id="" if record is None else str(record.pk),
        field="location",
        before=to_json("Chambers 7"),
        ours=to_json("Old Bailey"),
        theirs=to_json("Chambers 7"),
        taken="exchange",
        rule="meeting",
        occurred_on=timezone.now(),
    )


def recycled(calendar: Calendar, fields: dict[str, Any], record: Any = None) -> RecycledItem:
    """What synchronization has deleted; with a record it is here all the same."""
    return RecycledItem.objects.create(
        mailbox=calendar.alices,
        kind="appointment",
        object_type=content_type_of(RecordKind.APPOINTMENT),
        object_id="" if record is None else str(record.pk),
        snapshot={"fields": fields_to_json(fields), "occurrences": {}},
        deleted_on_side="exchange",
        reason="gone",
        deleted_on=timezone.now(),
        expires_on=timezone.now() + timedelta(days=30),
    )


def series(calendar: Calendar, alice: Any) -> None:
    """A private series of which one occurrence differs: it says nothing of privacy by itself."""
    RecurringAppointmentMaster.objects.filter(pk=calendar.weekly.pk).update(is_mapi_private=True)
    start = RecurringAppointmentMaster.objects.get(pk=calendar.weekly.pk).effective_start_date
    Appointment.objects.create(
        owner=alice,
        series_id=calendar.weekly.pk,
        original_start_date=start,
        subject="The divorce",
        location="Chambers 7",
        scheduled_start=start,
        scheduled_end=start + timedelta(hours=1),
        modified_fields_mask="location subject",
        created_on=start,
        state_code=3,
    )


def everywhere(calendar: Calendar) -> list[str]:
    """Every address at which staff may look for it."""
    key = calendar.alices.pk
    found = [reverse(f"calendars:{name}", args=[key]) for name in LISTS]
    found += [
        reverse("calendars:agenda", args=[key]) + f"?view={view}&day={calendar.monday}" for view in ("week", "agenda")
    ]
    found += [reverse("calendars:item", args=[key, "appointment", pk]) for pk in pks(Appointment)]
    found += [reverse("calendars:item", args=[key, "series", calendar.weekly.pk])]
    found += [reverse("calendars:pair", args=[key, pk]) for pk in pks(ExchangeSyncIdMapping)]
    found += [reverse("calendars:filter", args=[key, pk]) for pk in pks(SyncFilter)]
    for model in ADMIN:
        found.append(reverse(f"admin:tracking_{model}_changelist"))
    for row in (*ExchangeSyncIdMapping.objects.all(), *SyncConflict.objects.all(), *RecycledItem.objects.all()):
        found.append(reverse(f"admin:tracking_{row._meta.model_name}_change", args=[row.pk]))
    return found


def pks(model: Any) -> list[Any]:
    return list(model.objects.values_list("pk", flat=True))


def test_nobody_else_reads_what_is_private_whatever_their_rights(calendar: Calendar) -> None:
    root = browser(get_user_model().objects.create_superuser("root", "root@us.test"))
    for address in everywhere(calendar):
        answer = root.get(address, follow=True)
        assert answer.status_code == 200, address
        for secret in SECRETS:
            assert secret not in answer.content.decode(), (address, secret)
    said = " ".join(f"{one.object_repr} {one.get_change_message()}" for one in LogEntry.objects.all())
    assert not [one for one in SECRETS if one in said]


def test_what_is_not_private_is_read_by_who_may_read_others_mail(calendar: Calendar) -> None:
    root = browser(get_user_model().objects.create_superuser("root", "root@us.test"))
    for name, words in (("waiting", "Talk with Dora"), ("problems", "Room 2"), ("bin", "An old task")):
        assert words in root.get(reverse(f"calendars:{name}", args=[calendar.alices.pk])).content.decode(), name


def test_alice_reads_all_of_it(calendar: Calendar) -> None:
    alice = browser(calendar.alices.regarding_user)
    for name in ("agenda", "waiting", "problems", "bin", "filters"):
        page = alice.get(reverse(f"calendar:{name}")).content.decode()
        assert name == "filters" or "The divorce" in page, name


def charlie_with_a_filter_for_everything(*names: str) -> Client:
    """Charlie asks for everybody's appointments, tasks and contacts."""
    charlie: Any = mailbox("Charlie").regarding_user
    for kind in ("appointment", "series", "task", "contact"):
        SyncFilter.objects.create(owner=charlie, name="Everything", record_kind=kind, conditions=EVERYBODYS)
    for name in names:
        charlie.user_permissions.add(Permission.objects.get(codename=name))
    return browser(charlie)


def test_a_filter_runs_with_the_rights_of_its_user(calendar: Calendar) -> None:  # 10.1 b
    charlie = charlie_with_a_filter_for_everything()
    Contact.objects.create(full_name="Nina Nobodys")
    for one in SyncFilter.objects.filter(name="Everything"):
        page = charlie.get(reverse("calendar:filter", args=[one.pk])).content.decode()
        expected = "1 contact</strong>" if one.record_kind == "contact" else "0 "  # one belongs to nobody
        assert expected in page, one.record_kind
        for secret in (*SECRETS, "Talk with Dora", "Write the offer", "Ann Ray"):
            assert secret not in page, secret
    assert [one["wanted"] for one in charlie.get(reverse("calendar:start")).context["previews"] if one["wanted"]] == [1]


def test_who_may_not_read_learns_nothing_by_counting(calendar: Calendar) -> None:
    ada = get_user_model().objects.create_user("ada", "ada@us.test", is_staff=True)
    for name in ("view_mailbox", "view_exchangesyncidmapping", "view_syncfilter", "change_syncfilter"):
        ada.user_permissions.add(Permission.objects.get(codename=name))
    [row] = SyncFilter.objects.filter(record_kind="task")
    typed = {"name": "Guess", "field-0": "subject", "operator-0": "contains", "value-0": "offer"}
    address = reverse("calendars:filter", args=[calendar.alices.pk, row.pk])
    page = browser(ada).post(address, typed).content.decode()
    assert "1 task" not in page
    assert "is told to those who may read them" in page


def test_lists_of_numbers_tell_as_much_as_their_reader_may_read(calendar: Calendar) -> None:  # law 12
    ada = get_user_model().objects.create_user("ada", "ada@us.test", is_staff=True)
    for name in ("view_mailbox", "view_exchangesyncidmapping", "view_syncfilter"):
        ada.user_permissions.add(Permission.objects.get(codename=name))
    root = get_user_model().objects.create_superuser("root", "root@us.test")
    alice, key = calendar.alices.regarding_user, [calendar.alices.pk]
    public = Appointment.objects.filter(owner=alice, series=None, is_mapi_private=False).count()
    every = Appointment.objects.filter(owner=alice, series=None).count()
    assert public < every
    for who, args, expected in ((alice, [], every), (root, key, public), (ada, key, None)):
        space, client = "calendars" if args else "calendar", browser(who)
        listed = client.get(reverse(f"{space}:filters", args=args))
        [line] = [one for _, kind, lines in listed.context["groups"] for one in lines if kind == "appointment"]
        assert line.get("number") == expected
        assert ("private ones are not counted" in listed.content.decode()) is (who == root)
        [row] = [
            one
            for one in client.get(reverse(f"{space}:start", args=args)).context["previews"]
            if one["kind"] == "appointment"
        ]
        linked_now = 2 if who == alice else 1  # the talk; the divorce is private
        to_come = None if expected is None else expected - linked_now
        assert (row["wanted"], row["linked"], row["to_come"]) == (expected, linked_now, to_come)


def test_the_conflicts_of_others_are_not_those_of_somebody_without_a_mailbox(calendar: Calendar) -> None:
    """Charlie takes part in the talk and has no mailbox here."""
    charlie = get_user_model().objects.create_user("charlie", "charlie@us.test")
    Mailbox.objects.filter(regarding_user=charlie).delete()
    Appointment.objects.filter(pk=calendar.talk.pk).update(owner=charlie)
    page = browser(charlie).get(reverse("calendar:item", args=["appointment", calendar.talk.pk])).content.decode()
    assert "Talk with Dora" in page
    assert "Room 2" not in page


def test_how_copies_of_others_are_doing_is_theirs(calendar: Calendar) -> None:
    bobs = mailbox("Bob")
    Task.objects.filter(pk=calendar.task.pk).update(owner=bobs.regarding_user)
    page = browser(bobs.regarding_user).get(reverse("calendar:item", args=["task", calendar.task.pk])).content.decode()
    assert "Write the offer" in page
    assert "too long for the server" not in page


def test_what_is_not_hers_any_more_stays_closed_to_alice(calendar: Calendar) -> None:
    bobs, alice = mailbox("Bob"), browser(calendar.alices.regarding_user)
    record = save_appointment(
        Planned("Bobs own", timezone.now(), timezone.now() + timedelta(hours=1), "UTC"),
        bobs.regarding_user,
        timezone.now(),
    )
    conflict(calendar, record, None)
    line = recycled(calendar, {"subject": "Bobs own"}, record)
    assert "Bobs own" not in alice.get(reverse("calendar:bin")).content.decode()
    problems = alice.get(reverse("calendar:problems"))
    assert "Bobs own" not in problems.content.decode()
    assert [one.row.object_id for one in problems.context["clashes"]].count(str(record.pk)) == 0
    answer = alice.post(reverse("calendar:restore", args=[line.pk]), follow=True).content.decode()
    assert "It is here, and it is somebody else’s now." in answer


def test_a_contact_that_is_somebody_elses_is_not_named_in_a_question(calendar: Calendar) -> None:  # 10.1 k
    bobs = Contact.objects.create(owner=mailbox("Bob").regarding_user, full_name="Bobs Secret Friend")
    facts = {"subject": "A. Ray", "record": str(bobs.pk), "score": 70}
    ExchangeSyncIdMapping.objects.filter(pk=calendar.asked.pk).update(
        question=SyncQuestion.SAME_RECORD, question_facts=facts, object_id="", item_subject=""
    )
    page = browser(calendar.alices.regarding_user).get(reverse("calendar:waiting")).content.decode()
    assert "A. Ray" in page
    assert "Bobs Secret Friend" not in page


def test_a_private_appointment_that_was_written_here_is_masked_in_the_calendar_of_staff(calendar: Calendar) -> None:
    alice = browser(calendar.alices.regarding_user)
    assert (
        alice.post(
            reverse("calendar:new", args=["appointment"]), written(calendar.monday, subject="The divorce", private="on")
        ).status_code
        == 302
    )
    ada = get_user_model().objects.create_superuser("ada", "ada@us.test")
    page = browser(ada).get(reverse("calendars:agenda", args=[calendar.alices.pk]) + f"?day={calendar.monday}")
    assert ">private<" in page.content.decode()
    assert MASK not in page.content.decode()
