"""Both sides and what they last agreed on: every combination, and what holds whatever people do (10.1 h, 10.8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.act_items import Attendee, Fields, ItemKind, PostalAddress
from tracking.decide.act_values import Agreed, fingerprint, same
from tracking.decide.merge import (
    Circumstances,
    Direction,
    ItemStep,
    Merge,
    Presence,
    Rule,
    Side,
    changed_sides,
    item_step,
    merge,
    read_back,
)

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE_LATER = Circumstances(crm_modified_on=MONDAY + HOUR, exchange_modified_on=MONDAY)
BOB_LATER = Circumstances(crm_modified_on=MONDAY, exchange_modified_on=MONDAY + HOUR)
TO_CRM, TO_EXCHANGE, BOTH, NONE = Direction.TO_CRM, Direction.TO_EXCHANGE, Direction.BOTH, Direction.NONE
VALUES = (None, "old", "new", "other")


def merged(before: Any, ours: Any, theirs: Any, direction: Direction, when: Circumstances = BOB_LATER) -> Merge:
    """One field, the subject of a contact’s notes; `before` is "never" where the two have never agreed."""
    agreed = Agreed() if before == "never" else Agreed.on({"nickname": before})
    directions = {"nickname": direction}
    return merge(ItemKind.CONTACT, agreed, {"nickname": ours}, {"nickname": theirs}, directions, when)


def expected(before: Any, ours: Any, theirs: Any, direction: Direction) -> tuple[Any, Any, bool]:
    """What both sides hold afterwards, and whether somebody’s change was overwritten, said in another way: Bob’s word
    in Exchange is the newer one."""
    if ours == theirs or direction is NONE:
        return ours, theirs, False
    mine, his = ours != before, theirs != before
    if before == "never":  # a side that says nothing erases nothing
        mine, his = ours is not None, theirs is not None
    up, down = direction in (BOTH, TO_EXCHANGE), direction in (BOTH, TO_CRM)
    if mine and his:
        return (theirs, theirs, True) if down else (ours, ours, True)
    if mine:
        return (ours, ours, False) if up else (ours, theirs, False)
    return (theirs, theirs, False) if his and down else (ours, theirs, False)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("before", ["never", None, "old"])
def test_every_combination_of_absent_old_and_new_ends_as_the_table_says(
    before: Any, direction: Direction
) -> None:  # 10.8
    for ours, theirs in product(VALUES, VALUES):
        found = merged(before, ours, theirs, direction)
        after = (found.to_crm.get("nickname", ours), found.to_exchange.get("nickname", theirs), bool(found.clashes))
        assert after == expected(before, ours, theirs, direction), (ours, theirs)


def test_the_newer_word_wins_and_the_other_one_is_written_down() -> None:  # 10.1 h
    found = merged("old", "hers", "his", BOTH, ALICE_LATER)
    assert (found.to_exchange, found.to_crm) == ({"nickname": "hers"}, {})
    (clash,) = found.clashes
    assert (clash.before, clash.ours, clash.theirs, clash.taken, clash.rule) == (
        *("old", "hers", "his"),
        *(Side.CRM, Rule.NEWEST),
    )


@pytest.mark.parametrize(
    "when",
    [Circumstances(), Circumstances(crm_modified_on=MONDAY, exchange_modified_on=MONDAY)],
    ids=["unknown", "equal"],
)
def test_where_neither_is_newer_exchange_wins(when: Circumstances) -> None:  # 10.1 h
    found = merged("old", "hers", "his", BOTH, when)
    assert (found.clashes[0].taken, found.clashes[0].rule) == (Side.EXCHANGE, Rule.UNDECIDED)


@pytest.mark.parametrize(
    ("field", "is_meeting", "rule", "taken"),
    [
        ("start", True, Rule.MEETING, Side.EXCHANGE),
        ("location", True, Rule.MEETING, Side.EXCHANGE),
        ("subject", True, Rule.NEWEST, Side.CRM),
        ("start", False, Rule.NEWEST, Side.CRM),
    ],
)
def test_in_what_attendees_were_told_exchange_has_the_last_word(  # 10.1 h
    field: str, is_meeting: bool, rule: Rule, taken: Side
) -> None:
    when = Circumstances(is_meeting, MONDAY + HOUR, MONDAY)
    values: dict[str, Any] = {"start": (MONDAY, MONDAY + HOUR, MONDAY - HOUR)}
    before, ours, theirs = values.get(field, ("a", "b", "c"))
    found = merge(ItemKind.APPOINTMENT, Agreed.on({field: before}), {field: ours}, {field: theirs}, {field: BOTH}, when)
    assert (found.clashes[0].rule, found.clashes[0].taken) == (rule, taken)


def test_an_appointment_never_begins_as_alice_has_it_and_ends_as_bob_has_it() -> None:
    before = {"start": MONDAY, "end": MONDAY + HOUR}
    ours = before | {"start": MONDAY + 5 * HOUR, "end": MONDAY + 6 * HOUR}
    theirs = before | {"end": MONDAY + 2 * HOUR}
    found = merge(ItemKind.APPOINTMENT, Agreed.on(before), ours, theirs, dict.fromkeys(before, BOTH), BOB_LATER)
    assert found.to_crm == theirs
    assert found.to_exchange == {}
    assert {clash.field for clash in found.clashes} == {"start", "end"}


def test_what_a_side_does_not_tell_or_has_no_direction_is_left_alone() -> None:
    agreed = Agreed.on({"nickname": "old", "spouse": "old"})
    found = merge(ItemKind.CONTACT, agreed, {"nickname": "new", "spouse": "new"}, {"nickname": "old"}, {}, BOB_LATER)
    assert found.is_empty
    assert found.agreed == agreed  # when the direction is switched on, it is still known who changed it


def test_what_a_side_cannot_hold_is_nobodys_change() -> None:  # 10.3.1
    exchange: Fields = {"show_as": "elsewhere"}
    directions = {"show_as": BOTH}
    first = merge(
        ItemKind.APPOINTMENT, Agreed.on({"show_as": "busy"}), {"show_as": "busy"}, exchange, directions, BOB_LATER
    )
    assert first.to_crm == {"show_as": "elsewhere"}
    held: Fields = {"show_as": "free"}  # there is no such status here
    agreed = read_back(first.agreed, Side.CRM, held)
    assert merge(ItemKind.APPOINTMENT, agreed, held, exchange, directions, BOB_LATER).is_empty
    busy = merge(ItemKind.APPOINTMENT, agreed, {"show_as": "busy"}, exchange, directions, BOB_LATER)
    assert (busy.to_exchange, busy.clashes) == ({"show_as": "busy"}, ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\r\nb\r\n", "a\nb"),
        ("", None),
        ((), None),
        (PostalAddress(), None),
        ((Attendee("b@x", "Bob"), Attendee("a@x")), (Attendee("a@x", "Alice"), Attendee("B@X"))),
        (MONDAY, MONDAY.replace(microsecond=9)),
        (PostalAddress("Street 1\n"), PostalAddress("Street 1")),
    ],
)
def test_what_means_the_same_is_no_change(one: Any, other: Any) -> None:
    assert same(one, other)
    assert fingerprint({"x": one}) == fingerprint({"x": other})


@pytest.mark.parametrize(
    ("one", "other"), [(False, None), (0, None), (True, 1), (MONDAY, MONDAY.date()), (" a", "a"), ("A", "a")]
)
def test_what_does_not_mean_the_same_is_a_change(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert fingerprint({"x": one}) != fingerprint({"x": other})


@pytest.mark.parametrize(
    ("version", "subject", "sides"),
    [
        ("7", "Lunch", set()),  # our own write came back
        ("8", "Lunch", {Side.EXCHANGE}),
        ("7", "Dinner", {Side.CRM}),
        ("8", "Dinner", {Side.CRM, Side.EXCHANGE}),
    ],
)
def test_our_own_write_is_recognised_when_it_comes_back(version: str, subject: str, sides: set[Side]) -> None:  # 10.1 e
    known = fingerprint({"subject": "Lunch"})
    found = changed_sides(
        server_version=version, known_server_version="7", crm={"subject": subject}, known_crm_version=known
    )
    assert found == sides


def test_an_item_whose_version_was_never_known_is_looked_at() -> None:
    known = fingerprint({})
    found = changed_sides(server_version="", known_server_version="", crm={}, known_crm_version=known)
    assert found == {Side.EXCHANGE}


GONE, OLD, NEW = Presence.ABSENT, Presence.OLD, Presence.NEW
ITEMS = [  # here, Exchange, what happens if they were linked, and if not (10.1 b, d, i)
    (GONE, GONE, "forget", "nothing"),
    (GONE, OLD, "gone-in-crm", "create-in-crm"),
    (GONE, NEW, "unlink", "create-in-crm"),
    (OLD, GONE, "gone-in-exchange", "create-in-exchange"),
    (OLD, OLD, "nothing", "merge"),
    (OLD, NEW, "merge", "merge"),
    (NEW, GONE, "unlink", "create-in-exchange"),
    (NEW, OLD, "merge", "merge"),
    (NEW, NEW, "merge", "merge"),
]


@pytest.mark.parametrize(("crm", "exchange", "linked", "strange"), ITEMS)
def test_what_happens_to_an_item_as_a_whole(crm: Presence, exchange: Presence, linked: str, strange: str) -> None:
    assert item_step(crm, exchange, was_linked=True) == ItemStep(linked)
    assert item_step(crm, exchange, was_linked=False) == ItemStep(strange)


# What holds whatever people do.
NAMES = ("full_name", "first_name", "nickname", "spouse", "email_1")
_TEXTS = st.sampled_from(["", "a", "b", "c\r\n", None])
_FIELDS = st.fixed_dictionaries(dict.fromkeys(NAMES, _TEXTS))
_WHEN = st.builds(
    Circumstances, st.booleans(), *[st.none() | st.integers(0, 2).map(lambda hours: MONDAY + hours * HOUR)] * 2
)
_ALIKE = st.just(Agreed()) | _FIELDS.map(Agreed.on)
_AGREED = _ALIKE | st.builds(Agreed, _FIELDS, _FIELDS)  # one side could not hold what the other one holds
_DIRECTIONS = st.fixed_dictionaries({name: st.sampled_from(Direction) for name in NAMES})


def apply(found: Merge, ours: Fields, theirs: Fields) -> tuple[Fields, Fields]:
    return {**ours, **found.to_crm}, {**theirs, **found.to_exchange}


@settings(deadline=None)
@given(_ALIKE, _FIELDS, _FIELDS, _WHEN)
def test_after_the_steps_both_sides_agree(agreed: Agreed, ours: Fields, theirs: Fields, when: Circumstances) -> None:
    found = merge(ItemKind.CONTACT, agreed, ours, theirs, dict.fromkeys(NAMES, BOTH), when)
    left, right = apply(found, ours, theirs)
    assert all(same(left[name], right[name]) for name in NAMES)


@settings(deadline=None)
@given(_AGREED, _FIELDS, _FIELDS, _DIRECTIONS, _WHEN)
def test_a_second_run_without_changes_does_nothing(
    agreed: Agreed, ours: Fields, theirs: Fields, directions: dict[str, Direction], when: Circumstances
) -> None:
    first = merge(ItemKind.CONTACT, agreed, ours, theirs, directions, when)
    left, right = apply(first, ours, theirs)
    again = merge(ItemKind.CONTACT, first.agreed, left, right, directions, when)
    assert again.is_empty
    assert again.clashes == ()
    for now, then in ((again.agreed.crm, first.agreed.crm), (again.agreed.exchange, first.agreed.exchange)):
        assert fingerprint(now) == fingerprint(then)


@settings(deadline=None)
@given(_FIELDS, _FIELDS, _DIRECTIONS, _WHEN)
def test_where_nothing_has_changed_nothing_is_done(
    ours: Fields, theirs: Fields, directions: dict[str, Direction], when: Circumstances
) -> None:
    found = merge(ItemKind.CONTACT, Agreed(ours, theirs), ours, theirs, directions, when)
    assert found.is_empty
    assert found.clashes == ()


@settings(deadline=None)
@given(_AGREED, _FIELDS, _FIELDS, _DIRECTIONS, _WHEN)
def test_nothing_that_somebody_wrote_is_lost_without_a_word(
    agreed: Agreed, ours: Fields, theirs: Fields, directions: dict[str, Direction], when: Circumstances
) -> None:
    found = merge(ItemKind.CONTACT, agreed, ours, theirs, directions, when)
    told = {clash.field for clash in found.clashes}
    for steps, now, before in ((found.to_crm, ours, agreed.crm), (found.to_exchange, theirs, agreed.exchange)):
        for name in steps:
            assert name in told or same(now[name], before.get(name)) or not now[name] or name in GROUP


GROUP = ("full_name", "first_name")  # decided together: a change of one takes the other along


@settings(deadline=None)
@given(_AGREED, _FIELDS, _FIELDS, _DIRECTIONS, _WHEN)
def test_nothing_goes_against_its_direction(
    agreed: Agreed, ours: Fields, theirs: Fields, directions: dict[str, Direction], when: Circumstances
) -> None:
    found = merge(ItemKind.CONTACT, agreed, ours, theirs, directions, when)
    assert all(directions[name] in (BOTH, TO_CRM) for name in found.to_crm)
    assert all(directions[name] in (BOTH, TO_EXCHANGE) for name in found.to_exchange)
