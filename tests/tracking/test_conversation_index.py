"""Conversation indexes: an answer stands one level below what it answers, in the same conversation ([MS-OXOMSG] 2.2.1.3)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.crm.conversation_index import index_after, index_of, new_index

CONVERSATION = UUID("ff03f8cf-3eb7-4183-b0ee-f3f9b3c2ab12")
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
times = st.datetimes(datetime(1980, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))


def raw(index: str) -> bytes:
    return base64.b64decode(index, validate=True)


def filetime(moment: datetime) -> int:
    return (moment - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10


def exchanges(moment: datetime) -> str:
    """As Exchange writes it: the 1, then the five highest bytes of the time."""
    return base64.b64encode(b"\x01" + filetime(moment).to_bytes(8)[:5] + CONVERSATION.bytes).decode()


def test_the_first_message_has_its_time_and_its_conversation() -> None:
    index = raw(new_index(CONVERSATION, START))
    assert len(index) == 22
    assert index[:6] == filetime(START).to_bytes(8)[:6]
    assert UUID(bytes=index[6:22]) == CONVERSATION


@pytest.mark.parametrize("parent", [new_index(CONVERSATION, START), exchanges(START)], ids=["Outlook", "Exchange"])
@pytest.mark.parametrize(
    ("passed", "code", "unit"),
    [
        (timedelta(minutes=1), 0, 1 << 18),
        (timedelta(days=600), 0, 1 << 18),
        (timedelta(days=700), 1, 1 << 23),
        (timedelta(days=9000), 1, 1 << 23),
    ],
)
def test_a_level_tells_how_much_later_it_was_written(parent: str, passed: timedelta, code: int, unit: int) -> None:
    level = raw(index_after(parent, START + passed, 0x5A))[22:]
    number = int.from_bytes(level[:4])
    assert (number >> 31, level[4]) == (code, 0x5A)
    told = (number & 0x7FFFFFFF) * unit
    assert abs(told - passed / timedelta(microseconds=1) * 10) <= unit + (1 << 24)  # Exchange's header is that coarse


@given(times, st.lists(st.tuples(times, st.integers(0, 255)), max_size=5))
def test_every_answer_belongs_to_the_conversation_one_level_deeper(
    start: datetime, answers: list[tuple[datetime, int]]
) -> None:  # 6.1
    index = first = new_index(CONVERSATION, start)
    for depth, (moment, random) in enumerate(answers, 1):
        index = index_after(index, moment, random)
        read, begun = index_of(index), index_of(first)
        assert read is not None
        assert begun is not None
        assert (read.base_hash, read.responses) == (begun.base_hash, depth)


def test_a_conversation_without_an_end_stays_short_enough_to_be_sent() -> None:
    index = new_index(CONVERSATION, START)
    for number in range(1000):
        index = index_after(index, START, number % 256)
    assert len(index) < 2048
    assert index_of(index) is not None


@pytest.mark.parametrize("parent", ["", "rubbish", "AQ==", base64.b64encode(bytes(22)).decode()])
def test_what_is_no_index_has_no_answer(parent: str) -> None:
    assert index_after(parent, START, 0) == ""
