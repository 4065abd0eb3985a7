"""The tables of 10.8: every field has a row, every row a column, and values that differ on both sides come back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from hypothesis import given, settings
from hypothesis import strategies as st

from mailboxes.policy import Policy
from profiles.act_items import FIELDS, IMPORTANCE, SHOW_AS, TASK_STATUS, Attendee, ItemKind, PostalAddress
from tests.tracking.recurrences import rules
from tracking.crm.models import states
from tracking.crm.names import full_name_of, lines_of, street_of
from tracking.decide import field_maps, field_values
from tracking.decide.act_values import (
    Agreed,
    agreed_from_json,
    agreed_to_json,
    fields_from_json,
    fields_to_json,
    from_json,
    same,
)
from tracking.decide.field_maps import FIELD_MAPS, RecordKind, directions
from tracking.decide.merge import Direction
from tracking.models import SyncedKind, mappings, reversible, synchronizing

MODELS = {
    RecordKind.APPOINTMENT: "Appointment",
    RecordKind.SERIES: "RecurringAppointmentMaster",
    RecordKind.SERVICE: "ServiceAppointment",
    RecordKind.TASK: "Task",
    RecordKind.PHONE_CALL: "PhoneCall",
    RecordKind.LETTER: "Letter",
    RecordKind.FAX: "Fax",
    RecordKind.CONTACT: "Contact",
}
OURS = Policy()
FREE_FIELDS = {  # what an administrator may change (10.8)
    RecordKind.APPOINTMENT: "subject body location",
    RecordKind.SERIES: "subject body location",
    RecordKind.SERVICE: "",
    RecordKind.TASK: "subject body start due completed percent_complete",
    RecordKind.PHONE_CALL: "subject body start due completed",
}


@pytest.mark.parametrize("kind", RecordKind)
def test_every_row_has_its_columns_and_its_field(kind: RecordKind) -> None:  # 10.8
    columns = {column.name for column in apps.get_model("crm", MODELS[kind])._meta.concrete_fields}
    for name, row in FIELD_MAPS[kind].items():
        assert name in FIELDS[kind.item_kind]
        assert set(row.columns) <= columns, name


@pytest.mark.parametrize("kind", ItemKind)
def test_every_field_of_a_server_has_a_row(kind: ItemKind) -> None:  # 10.8
    mapped = {name for one in RecordKind if one.item_kind is kind for name in FIELD_MAPS[one]}
    assert mapped == set(FIELDS[kind])


@pytest.mark.parametrize("kind", FREE_FIELDS)
def test_fixed_fields_are_nobodys_choice(kind: RecordKind) -> None:  # 10.8
    assert " ".join(sorted(FREE_FIELDS[kind].split())) == " ".join(
        sorted(name for name, row in FIELD_MAPS[kind].items() if not row.is_fixed)
    )
    chosen = dict.fromkeys(FIELD_MAPS[kind], Direction.NONE)
    found = directions(kind, chosen, OURS)
    for name, row in FIELD_MAPS[kind].items():
        assert found[name] == (row.default if row.is_fixed else Direction.NONE)
        other = Direction.TO_CRM if row.default is Direction.NONE else Direction.NONE
        assert bool(field_maps.problem(kind, name, other)) == row.is_fixed


def test_a_direction_that_cannot_be_is_refused_by_name() -> None:
    assert "no field" in field_maps.problem(RecordKind.TASK, "colour", 3)
    assert "no direction" in field_maps.problem(RecordKind.TASK, "subject", 7)
    assert field_maps.problem(RecordKind.TASK, "subject", 1) == ""


@pytest.mark.parametrize(
    ("changes", "kind", "field", "direction"),
    [
        ({}, RecordKind.CONTACT, "business_address", Direction.BOTH),
        ({}, RecordKind.CONTACT, "home_address", Direction.NONE),
        ({"is_contact_mailing_address_sync_enabled": False}, RecordKind.CONTACT, "other_address", Direction.BOTH),
        ({}, RecordKind.CONTACT, "company", Direction.BOTH),
        ({"sync_contact_company": False}, RecordKind.CONTACT, "company", Direction.NONE),
        ({}, RecordKind.APPOINTMENT, "is_private", Direction.TO_EXCHANGE),
        ({"sss_sync_appointment_is_private_from_exchange": True}, RecordKind.SERIES, "is_private", Direction.BOTH),
        (
            {"sss_sync_appointment_is_private_from_exchange": True},
            RecordKind.SERVICE,
            "is_private",
            Direction.TO_EXCHANGE,
        ),
    ],
)
def test_settings_have_the_last_word_about_a_direction(  # 10.3.8, 10.6
    changes: dict[str, Any], kind: RecordKind, field: str, direction: Direction
) -> None:
    assert directions(kind, {}, replace(OURS, **changes))[field] is direction


def test_the_tables_and_the_columns_use_the_same_words() -> None:
    assert {one.value for one in RecordKind} == set(synchronizing.RecordKind.values)
    assert {one.value: one.name for one in Direction} == {one.value: one.name for one in synchronizing.SyncDirection}
    assert {one.value for one in ItemKind} == set(SyncedKind.values)
    assert set(reversible.Side.values) == {"crm", "exchange"}
    assert set(mappings.UserDecision.values) == {0, 1, 2}


def test_the_pure_numbers_are_those_of_the_columns() -> None:  # entity model, 4.2, 4.3
    for status in states.AppointmentStatus:
        state = states.state_of(states.APPOINTMENT_PAIRS, status)
        assert field_values.state_of_appointment(status) == state
    for kind, pairs in {
        RecordKind.TASK: states.TASK_PAIRS,
        RecordKind.PHONE_CALL: states.PHONE_CALL_PAIRS,
        RecordKind.LETTER: states.LETTER_PAIRS,
        RecordKind.FAX: states.FAX_PAIRS,
    }.items():
        for state, statuses in pairs.items():
            for current in statuses:
                for wanted in TASK_STATUS:
                    found = field_values.status_of_task(kind, wanted, 0, state=state, current=current)
                    assert found[1] in pairs[states.ActivityState(found[0])]


SHOWN = [  # status here, how it is shown, what a calendar may say, what the status then is
    *[
        (1, "free", "free", 1),
        (2, "tentative", "busy", 5),
        (5, "busy", "out-of-office", 6),
        (6, "out-of-office", "free", 1),
    ],
    *[(5, "busy", "elsewhere", 1), (1, "free", "tentative", 2)],
    *[(3, "free", "busy", 3), (4, "free", "free", 4)],  # closed: what Exchange says is ignored (10.3.2)
]


@pytest.mark.parametrize(("status", "shown", "said", "then"), SHOWN)
def test_show_as_and_status(status: int, shown: str, said: str, then: int) -> None:  # 10.2.1, 10.3.1
    assert field_values.show_as_of(status) == shown
    assert field_values.status_of_show_as(said, status) == then


@pytest.mark.parametrize("status", [1, 2, 5, 6])
def test_an_open_status_comes_back(status: int) -> None:
    assert field_values.status_of_show_as(field_values.show_as_of(status), 5) == status
    assert field_values.show_as_of(status) in SHOW_AS


@pytest.mark.parametrize("importance", IMPORTANCE)
def test_importance_comes_back(importance: str) -> None:  # 10.8
    assert field_values.importance_of(field_values.priority_of(importance)) == importance
    assert field_values.priority_of("urgent") == 1


TASK, CALL, LETTER, FAX = RecordKind.TASK, RecordKind.PHONE_CALL, RecordKind.LETTER, RecordKind.FAX
DONE_IN_EXCHANGE = [  # kind, status and percent there, state and status here, outgoing, state and status then
    (TASK, "completed", 100, 0, 2, True, (1, 5)),
    (TASK, "in-progress", 100, 0, 3, True, (1, 5)),
    (TASK, "not-started", 0, 0, 3, True, (0, 2)),
    (TASK, "waiting", 20, 0, 2, True, (0, 4)),
    (TASK, "deferred", 0, 0, 2, True, (0, 7)),
    (TASK, "completed", 100, 2, 6, True, (2, 6)),  # canceled stays canceled
    (TASK, "in-progress", 50, 1, 5, True, (0, 3)),
    (TASK, "not-started", 0, 1, 5, True, (0, 3)),  # taken up again
    (CALL, "completed", 100, 0, 1, True, (1, 2)),
    (CALL, "completed", 100, 0, 1, False, (1, 4)),
    (CALL, "not-started", 0, 1, 2, True, (0, 1)),
    (LETTER, "completed", 100, 0, 2, True, (1, 4)),
    (LETTER, "in-progress", 40, 0, 2, True, (0, 2)),  # a draft stays one
    (FAX, "completed", 100, 0, 1, False, (1, 4)),
    (FAX, "completed", 100, 1, 2, True, (1, 2)),
]


@pytest.mark.parametrize(("kind", "status", "percent", "state", "current", "is_outgoing", "then"), DONE_IN_EXCHANGE)
def test_what_is_done_in_exchange_is_done_here(  # 10.7
    kind: RecordKind, status: str, percent: int, state: int, current: int, is_outgoing: bool, then: tuple[int, int]
) -> None:
    found = field_values.status_of_task(kind, status, percent, state=state, current=current, is_outgoing=is_outgoing)
    assert found == then


@pytest.mark.parametrize(
    ("kind", "state", "status", "shown"),
    [
        *[(TASK, 0, 2, "not-started"), (TASK, 0, 4, "waiting"), (TASK, 1, 5, "completed"), (TASK, 2, 6, "completed")],
        *[
            (CALL, 0, 1, "not-started"),
            (CALL, 1, 4, "completed"),
            (LETTER, 0, 2, "not-started"),
            (FAX, 2, 5, "completed"),
        ],
    ],
)
def test_how_far_something_is_on_the_side_of_exchange(
    kind: RecordKind, state: int, status: int, shown: str
) -> None:  # 10.7
    assert field_values.task_status_of(kind, state, status) == shown


@pytest.mark.parametrize(
    ("status", "percent", "then"),
    [("completed", 20, 100), ("not-started", 20, 0), ("in-progress", 100, 99), ("waiting", 30, 30)],
)
def test_percent_complete_fits_the_status(status: str, percent: int, then: int) -> None:  # 10.7
    assert field_values.percent_of(status, percent) == then


def test_a_day_in_exchange_keeps_the_hour_of_the_clock_here() -> None:  # 10.7
    due = datetime(2026, 3, 27, 16, 30, tzinfo=UTC)  # half past five in Berlin
    moved = field_values.moment_of(date(2026, 3, 30), due, "Europe/Berlin")
    assert moved == datetime(2026, 3, 30, 15, 30, tzinfo=UTC)  # summer time now
    assert field_values.moment_of(date(2026, 3, 30), None, "Europe/Berlin") == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert field_values.moment_of(None, due, "UTC") is None
    assert field_values.day_of(datetime(2026, 3, 29, 22, tzinfo=UTC), "Europe/Berlin") == date(2026, 3, 30)
    assert field_values.day_of(None, "UTC") is None


def test_a_start_alone_is_the_due_day_as_well() -> None:  # 10.7
    day, later = date(2026, 3, 2), date(2026, 3, 3)
    assert [field_values.with_due(*one) for one in ((day, None), (day, later), (None, None))] == [day, later, None]


@pytest.mark.parametrize(
    ("body", "is_html", "text"),
    [
        ("<html><body><p>Bring <b>cake</b></p></body></html>", True, "Bring cake"),
        ("Bring cake\r\n", False, "Bring cake"),
        ("1 < 2", False, "1 < 2"),
        ("", True, ""),
    ],
)
def test_bodies_go_over_as_text(body: str, is_html: bool, text: str) -> None:  # 10.8
    assert field_values.plain_text(body, is_html=is_html) == text


@given(st.lists(st.text("ab ,\n"), max_size=3).map("\n".join))
def test_a_street_survives_its_three_columns(street: str) -> None:  # 10.8
    assert same(street_of(*lines_of(street)), street)


def test_a_whole_name_is_made_of_its_parts() -> None:  # 10.8
    assert full_name_of("Ann", "B.", "Ray", "Jr.") == "Ann B. Ray, Jr."
    assert full_name_of(" Ann ", "", "", "") == "Ann"
    assert full_name_of("", "", "", "Jr.") == "Jr."
    assert full_name_of("", "", "") == ""


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 100),
    st.text(max_size=5),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.builds(PostalAddress, st.text(max_size=3), st.text(max_size=3)),
    rules(),
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
    st.lists(st.builds(Attendee, st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=2).map(tuple),
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.tuples(_VALUES, _VALUES), max_size=4))
def test_what_was_agreed_survives_being_stored(pairs: dict[str, Any]) -> None:  # 10.1 e
    agreed = Agreed({key: one for key, (one, _) in pairs.items()}, {key: other for key, (_, other) in pairs.items()})
    found = agreed_from_json(json.loads(json.dumps(agreed_to_json(agreed))))
    assert set(found.crm) == set(found.exchange) == set(pairs)
    assert all(same(found.crm[key], agreed.crm[key]) for key in pairs)
    assert all(same(found.exchange[key], agreed.exchange[key]) for key in pairs)
    assert fields_from_json(json.loads(json.dumps(fields_to_json(agreed.crm)))) == agreed.crm


@pytest.mark.parametrize("stored", [{"colour": "red"}, {}, 1.5, ["a"]])
def test_what_is_no_stored_value_is_refused(stored: Any) -> None:
    with pytest.raises(ValueError, match="stored value"):
        from_json(stored)


def test_files_go_both_ways_only_by_setting_and_never_with_a_series() -> None:  # 10.3.8
    on = Policy(is_appointment_attachment_sync_enabled=True)
    assert directions(RecordKind.APPOINTMENT, {}, OURS)["attachments"] is Direction.NONE
    assert directions(RecordKind.APPOINTMENT, {}, on)["attachments"] is Direction.BOTH
    assert "attachments" not in directions(RecordKind.SERIES, {}, on)
