"""Values of appointments, contacts and tasks as people say them (10.4, 10.8)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from profiles.act_items import Attached, Attendee, Frequency, PostalAddress, Recurrence
from tracking.decide.in_words import recurrence_in_words, value_in_words

MONDAY = date(2026, 3, 2)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("frequency", "more", "words"),
    [
        (Frequency.DAILY, {}, "every day"),
        (Frequency.DAILY, {"interval": 3, "count": 1}, "every 3 days, once"),
        (Frequency.WEEKLY, {"weekdays": (0, 1, 2, 3, 4)}, "every weekday"),
        (Frequency.WEEKLY, {"interval": 2, "weekdays": (0, 4)}, "every 2 weeks on Monday and Friday"),
        (Frequency.WEEKLY, {"count": 10}, "every week on Monday, 10 times"),
        (Frequency.MONTHLY, {"day": 31, "until": date(2026, 12, 31)}, "every month on day 31, until 2026-12-31"),
        (Frequency.RELATIVE_MONTHLY, {"weekdays": (1,), "week": 2}, "every month on the second Tuesday"),
        (Frequency.RELATIVE_MONTHLY, {"weekdays": (0, 1, 2, 3, 4), "week": -1}, "every month on the last weekday"),
        (Frequency.RELATIVE_MONTHLY, {"weekdays": (5, 6), "week": 1}, "every month on the first weekend day"),
        (Frequency.YEARLY, {"day": 29, "month": 2}, "every year on 29 February"),
        (
            Frequency.RELATIVE_YEARLY,
            {"weekdays": (3,), "week": 4, "month": 5},
            "every year on the fourth Thursday of May",
        ),
    ],
)
def test_every_kind_of_pattern_is_a_sentence(frequency: Frequency, more: dict[str, Any], words: str) -> None:
    assert recurrence_in_words(Recurrence(frequency, MONDAY, **more)) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ("", "–"),
        ((), "–"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (datetime(2026, 7, 1, 8, tzinfo=UTC), "2026-07-01 10:00"),
        (MONDAY, "2026-03-02"),
        (PostalAddress("Quay 1\nGate B", "Oslo", "", "0150", "Norway"), "Quay 1, Gate B, 0150 Oslo, Norway"),
        (PostalAddress(), "–"),
        ((Attendee("a@us.test", "Alice"), Attendee("b@us.test")), "Alice <a@us.test>, b@us.test"),
        (Recurrence(Frequency.DAILY, MONDAY), "every day"),
        (
            (Attached("film.mp4", size=9), Attached("plan.pdf", "d", 12), Attached("map", "d", 3 * 1024**2)),
            "film.mp4 (left out), plan.pdf (12 bytes), map (3.0 MB)",
        ),
    ],
)
def test_every_kind_of_value_has_words(value: Any, words: str) -> None:
    assert value_in_words(value, BERLIN) == words
