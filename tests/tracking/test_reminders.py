"""When Outlook reminds Alice of what she has to do (10.2.1, 10.7)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from profiles.act_items import ItemKind
from tracking.decide.reminders import of_appointment, of_task, with_reminder

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
APPOINTMENT, TASK, CONTACT = ItemKind.APPOINTMENT, ItemKind.TASK, ItemKind.CONTACT


@pytest.mark.parametrize(
    ("values", "is_long_past", "minutes"),
    [
        ({"show_as": "busy", "is_all_day": False}, False, 15),
        ({"show_as": "tentative"}, False, 15),
        ({"show_as": "busy", "is_all_day": True}, False, 18 * 60),
        ({"show_as": "free", "is_all_day": False}, False, None),
        ({"show_as": "busy", "is_all_day": False}, True, None),
    ],
)
def test_what_is_free_or_long_past_reminds_nobody(
    values: dict, is_long_past: bool, minutes: int | None
) -> None:  # 10.2.1
    assert of_appointment(values, is_long_past=is_long_past) == minutes


@pytest.mark.parametrize(
    ("status", "due", "at"),
    [
        ("not-started", date(2026, 3, 20), datetime(2026, 3, 20, 7, tzinfo=UTC)),  # eight in Berlin
        ("waiting", date(2026, 4, 1), datetime(2026, 4, 1, 6, tzinfo=UTC)),  # in summer
        ("in-progress", date(2026, 3, 8), datetime(2026, 3, 8, 7, tzinfo=UTC)),  # since yesterday
        ("in-progress", date(2026, 3, 7), None),
        ("completed", date(2026, 3, 20), None),
        ("not-started", None, None),
    ],
)
def test_an_open_task_reminds_in_the_morning_of_its_day(
    status: str, due: date | None, at: datetime | None
) -> None:  # 10.7
    assert of_task({"status": status, "due": due}, NOW, "Europe/Berlin") == at


@pytest.mark.parametrize(
    ("kind", "written", "goes_along"),
    [
        (APPOINTMENT, {"start": NOW}, True),
        (APPOINTMENT, {"show_as": "free"}, True),
        (APPOINTMENT, {"subject": "Lunch", "end": NOW}, False),
        (TASK, {"due": None}, True),
        (TASK, {"status": "completed"}, True),
        (TASK, {"body": "x"}, False),
        (CONTACT, {"start": NOW}, False),
        (APPOINTMENT, {}, False),
    ],
)
def test_a_reminder_goes_along_with_what_moves_the_item_only(kind: ItemKind, written: dict, goes_along: bool) -> None:
    told = with_reminder(kind, written, written, is_long_past=False, now=NOW, zone="UTC")
    assert ("reminder" in told) is goes_along
    assert {name: value for name, value in told.items() if name != "reminder"} == written
