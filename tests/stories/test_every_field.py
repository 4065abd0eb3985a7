"""Each field of the tables of 10.8 goes over, both ways and as it was chosen: set, changed and taken away, over real
sockets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from mailboxes.models import Mailbox
from profiles.act_items import Attendee, Fields, Frequency, Item, PostalAddress, Recurrence, Value
from profiles.connectors import open_item_store
from tests.company import PASSWORD, SERVICE, Company, decide
from tests.profiles.act_samples import CONTACT
from tests.profiles.exchange import access
from tests.synchronizing import ALICE, alice_on, soon, synchronize, syncing
from tests.tracking.act_offices import _as_json as as_json
from tracking.crm.models import Account
from tracking.decide.act_values import same
from tracking.decide.field_maps import FIELD_MAPS, RecordKind
from tracking.decide.merge import Direction
from tracking.facts.act.kinds import MODELS
from tracking.facts.act.reading import records_of, values_of
from tracking.keep.act.writing import make_record, set_fields
from tracking.models import ExchangeSyncIdMapping, SyncAttributeMapping

pytestmark = pytest.mark.django_db(transaction=True)
START, HOUR = soon(5), timedelta(hours=1)
DAY = START.date()
CAROL, ZOE = Attendee("carol@them.test"), Attendee("zoe@them.test")
WEEKLY = Recurrence(Frequency.WEEKLY, DAY, weekdays=(DAY.weekday(),), count=5)

_MEETING: Fields = {
    "subject": "Offer — Größe",
    "body": "Bring the figures.\nAnd <coffee> & cake.",
    "location": "Room 5",
    "importance": "high",
    "show_as": "out-of-office",
    "is_private": True,
    "start": START + HOUR,
    "end": START + 3 * HOUR,
    "is_all_day": False,
    "time_zone": "America/New_York",
    "required": (CAROL,),
    "optional": (ZOE,),
}
_MEETING_2: Fields = {
    "subject": "Last offer",
    "body": "Alone.",
    "location": "Room 6",
    "importance": "low",
    "show_as": "tentative",
    "start": DAY,
    "end": DAY + timedelta(days=2),
    "is_all_day": True,
    "time_zone": "Asia/Kolkata",
    "required": (ZOE,),
    "optional": (CAROL,),
    "is_private": False,
}
_NO_MEETING: Fields = {
    "body": None,
    "location": None,
    "importance": "normal",
    "show_as": "busy",
    "required": (),
    "optional": (),
    "start": START,
    "end": START + HOUR,
    "is_all_day": False,
    "time_zone": "UTC",
}
_TASK: Fields = {
    "subject": "Call Größe",
    "body": "About the offer",
    "importance": "high",
    "status": "in-progress",
    "percent_complete": 40,
    "start": DAY,
    "due": DAY + timedelta(days=3),
}
_TASK_2: Fields = {
    "subject": "Called",
    "body": "Done.",
    "importance": "low",
    "start": DAY - timedelta(days=9),
    "due": DAY - timedelta(days=7),
    "status": "completed",
    "percent_complete": 100,
    "completed": soon(-1).date(),
}
_NO_TASK: Fields = {
    "body": None,
    "importance": "normal",
    "start": None,
    "due": None,
    "completed": None,
    "status": "in-progress",
    "percent_complete": 0,
}


def like_a_task(fields: Fields) -> Fields:
    """Of a phone call, letter or fax, which is open or completed and nothing between."""
    status = "completed" if fields["status"] == "completed" else "not-started"
    return {name: value for name, value in fields.items() if name != "percent_complete"} | {"status": status}


_KEPT = ("full_name", "last_name", "company")
_CONTACT: Fields = {**CONTACT, "full_name": "Ann B. Smith, Jr."}
_CONTACT_2: Fields = {
    name: f"{value}x" if isinstance(value, str) else value for name, value in CONTACT.items() if name != "company"
} | {
    "first_name": "Beth",
    "middle_name": "C.",
    "last_name": "Jones",
    "suffix": "Sr.",
    "full_name": "Beth C. Jones, Sr.",
    "company": "Other & Sons",
    "birthday": date(1981, 1, 1),
    "anniversary": date(2006, 6, 6),
    **{
        name: PostalAddress("New Road 1", "Boston", "MA", "02101", "USA")
        for name in CONTACT
        if name.endswith("_address")
    },
}
_NO_CONTACT: Fields = {name: None for name in CONTACT if name not in _KEPT} | {"full_name": "Jones"}
_LIKE = [like_a_task(one) for one in (_TASK, _TASK_2, _NO_TASK)]
STEPS: dict[RecordKind, list[Fields]] = {
    RecordKind.APPOINTMENT: [_MEETING, _MEETING_2, _NO_MEETING],
    RecordKind.SERIES: [
        {**_MEETING, "recurrence": replace(WEEKLY, interval=2)},
        {**_MEETING_2, "recurrence": Recurrence(Frequency.MONTHLY, DAY, day=DAY.day)},
        {**_NO_MEETING, "recurrence": WEEKLY},
    ],
    RecordKind.TASK: [_TASK, _TASK_2, _NO_TASK],
    RecordKind.PHONE_CALL: _LIKE,
    RecordKind.LETTER: _LIKE,
    RecordKind.FAX: _LIKE,
    RecordKind.CONTACT: [_CONTACT, _CONTACT_2, _NO_CONTACT],
}
BASE: dict[str, dict[str, Value]] = {
    "appointment": {
        "subject": "Base",
        "start": START,
        "end": START + HOUR,
        "is_all_day": False,
        "time_zone": "UTC",
        "organizer": (Attendee(ALICE),),
    },
    "task": {"subject": "Base", "status": "not-started"},
    "contact": {"full_name": "Jones", "last_name": "Jones"},
}
OF_THE_SERVER = {"organizer", "attachments"}
"""Nobody writes an organizer into a calendar; files are a story of their own."""


@pytest.fixture
def alice(company: Company) -> Mailbox:
    for name in ("Acme & Sons", "Other & Sons"):
        Account.objects.create(name=name)
    return alice_on(company)


def make(alice: Mailbox, kind: RecordKind) -> None:
    """Something with nearly nothing in it, that both sides have."""
    told = BASE[kind.item_kind] | ({"recurrence": WEEKLY} if kind is RecordKind.SERIES else {})
    record = make_record(kind, told, syncing(alice))
    MODELS[kind]._default_manager.filter(pk=record.pk).update(owner=alice.regarding_user)
    synchronize(alice)


def ours(alice: Mailbox) -> dict[str, Value]:
    """What is here."""
    [record] = records_of(ExchangeSyncIdMapping.objects.all()).values()
    return values_of(record, syncing(alice))


def theirs(company: Company, kind: RecordKind) -> dict[str, Value]:
    """What Exchange holds, read by somebody who has written nothing."""
    [key] = ExchangeSyncIdMapping.objects.values_list("exchange_entry_id", flat=True)
    with closing(open_item_store(access(company.sandbox.ews_url, ALICE, username=SERVICE, password=PASSWORD))) as store:
        [item] = store.fetch(kind.item_kind, [key])
    assert isinstance(item, Item)
    return dict(item.fields)


def set_here(alice: Mailbox, fields: Fields) -> None:
    [record] = records_of(ExchangeSyncIdMapping.objects.all()).values()
    set_fields(record, fields, syncing(alice))


def set_there(company: Company, kind: RecordKind, fields: Fields) -> None:
    [key] = ExchangeSyncIdMapping.objects.values_list("exchange_entry_id", flat=True)
    company.sandbox.patch_act_item(ALICE, kind.item_kind, key, fields=as_json(fields))


def different(one: Fields, other: Fields, names: Any) -> dict[str, tuple[Value, Value]]:
    """The fields in which two differ, for a readable failure."""
    return {name: (one.get(name), other.get(name)) for name in names if not same(one.get(name), other.get(name))}


def test_the_steps_are_about_every_field_of_the_tables() -> None:  # 10.8
    for kind, steps in STEPS.items():
        told = set().union(*steps)
        assert set(FIELD_MAPS[kind]) - OF_THE_SERVER == told, kind


@pytest.mark.parametrize("kind", STEPS)
def test_what_is_set_here_is_set_there_and_what_is_cleared_is_cleared(  # 10.8
    company: Company, alice: Mailbox, kind: RecordKind
) -> None:
    decide(is_contact_mailing_address_sync_enabled=False)
    make(alice, kind)
    for step in STEPS[kind]:
        set_here(alice, step)
        synchronize(alice)
        assert different(step, theirs(company, kind), step) == {}
        assert different(step, ours(alice), step) == {}
        ended = synchronize(alice)
        assert (ended.report.sent, ended.report.tracked) == (0, 0)


@pytest.mark.parametrize("kind", STEPS)
def test_what_is_set_there_is_set_here_and_what_is_cleared_is_cleared(  # 10.8
    company: Company, alice: Mailbox, kind: RecordKind
) -> None:
    decide(is_contact_mailing_address_sync_enabled=False)
    make(alice, kind)
    for step in STEPS[kind]:
        set_there(company, kind, step)
        synchronize(alice)
        coming = set(step) - {"is_private"}  # 10.3.8: not taken in
        assert different(step, ours(alice), coming) == {}
        assert different(step, theirs(company, kind), coming) == {}
        ended = synchronize(alice)
        assert (ended.report.sent, ended.report.tracked) == (0, 0)


def test_only_the_first_address_goes_over_unless_all_three_shall(company: Company, alice: Mailbox) -> None:  # 10.6
    make(alice, RecordKind.CONTACT)
    set_here(alice, CONTACT)
    synchronize(alice)
    first, *others = (theirs(company, RecordKind.CONTACT)[f"{one}_address"] for one in ("business", "home", "other"))
    assert (first, [same(one, None) for one in others]) == (CONTACT["business_address"], [True, True])


ROTATED = [*((kind, number) for kind in ("appointment", "task", "contact") for number in range(3)), ("fax", 2)]
WAYS = (Direction.TO_EXCHANGE, Direction.TO_CRM, Direction.NONE)


@pytest.mark.parametrize(("name", "number"), ROTATED)
def test_a_chosen_direction_is_obeyed(company: Company, alice: Mailbox, name: str, number: int) -> None:  # 10.8
    decide(is_contact_mailing_address_sync_enabled=False)
    kind = RecordKind(name)
    # What says how far a task is depends on its status, which always goes both ways.
    free = [one for one, row in FIELD_MAPS[kind].items() if not row.is_fixed and one != "completed"]
    chosen = {one: WAYS[(position + number) % 3] for position, one in enumerate(free)}
    if "start" in chosen:
        chosen["due"] = chosen["start"]
    for one, direction in chosen.items():
        SyncAttributeMapping.objects.update_or_create(
            record_kind=kind, field=one, defaults={"sync_direction": direction}
        )
    make(alice, kind)
    first, second, _ = STEPS[kind]
    if kind is RecordKind.TASK:
        second = {**second, "status": first["status"], "percent_complete": 60, "completed": None}
    for step, way, write, read in (
        (first, Direction.TO_EXCHANGE, lambda told: set_here(alice, told), lambda: theirs(company, kind)),
        (second, Direction.TO_CRM, lambda told: set_there(company, kind, told), lambda: ours(alice)),
    ):
        before = read()
        write(step)
        synchronize(alice)
        wanted = {one: step[one] if direction is way else before.get(one) for one, direction in chosen.items()}
        assert different(wanted, read(), chosen) == {}
