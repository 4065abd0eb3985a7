"""Which files of an appointment are copied or removed where (10.3.8, 10.8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.act_items import Attached, ItemKind
from tracking.decide.act_values import Agreed, agreed_from_json, agreed_to_json, fingerprint, from_json, same, to_json
from tracking.decide.files import FilesMerge, Taken, merge_files
from tracking.decide.merge import Circumstances, Direction, Rule, Side, incoming_files, merge

OLD, NEW, OTHER = (Attached("plan.pdf", digest) for digest in ("a", "b", "c"))
LEFT_OUT = Attached("plan.pdf")


def decided(agreed, ours, theirs, *, to_crm: bool = True, to_exchange: bool = True) -> FilesMerge:
    """What becomes of the one file plan.pdf; ours is the newer one."""
    both = None if agreed == "never" else (_alone(agreed), _alone(agreed))
    return merge_files(
        both, _alone(ours), _alone(theirs), to_crm=to_crm, to_exchange=to_exchange, winner=lambda: Taken.OURS
    )


def _alone(file):
    return () if file is None else (file,)


@pytest.mark.parametrize(
    ("agreed", "ours", "theirs", "after"),
    [
        ("never", OLD, None, (OLD, OLD)),
        ("never", None, OLD, (OLD, OLD)),
        ("never", OLD, OLD, (OLD, OLD)),
        (None, OLD, None, (OLD, OLD)),  # added here
        (None, None, OLD, (OLD, OLD)),  # added there
        (OLD, None, OLD, (None, None)),  # removed here
        (OLD, OLD, None, (None, None)),  # removed there
        (OLD, None, None, (None, None)),
        (OLD, NEW, OLD, (NEW, NEW)),
        (OLD, OLD, NEW, (NEW, NEW)),
        (OLD, NEW, None, (NEW, NEW)),  # a change is not lost to a removal
        (OLD, None, NEW, (NEW, NEW)),
        (OLD, LEFT_OUT, OLD, (LEFT_OUT, OLD)),  # 5.19: it has become too large
        (OLD, OLD, LEFT_OUT, (OLD, LEFT_OUT)),
        (None, LEFT_OUT, None, (LEFT_OUT, None)),
        (None, None, LEFT_OUT, (None, LEFT_OUT)),
        (OLD, LEFT_OUT, None, (LEFT_OUT, None)),
    ],
)
def test_each_file_is_decided_by_itself(agreed, ours, theirs, after) -> None:
    found = decided(agreed, ours, theirs)
    assert (found.ours, found.theirs, found.clashes) == (_alone(after[0]), _alone(after[1]), ())


def test_a_change_is_carried_over_when_the_other_side_can_be_read_again() -> None:  # 5.19
    unread = decided(OLD, NEW, LEFT_OUT)
    assert (unread.agreed_ours, unread.agreed_theirs) == ((OLD,), (OLD,))
    assert decided(OLD, NEW, OLD).theirs == (NEW,)
    assert decided(OLD, NEW, OTHER).clashes == ("plan.pdf",)


@pytest.mark.parametrize("agreed", ["never", OLD])
def test_what_both_have_changed_is_a_clash(agreed) -> None:  # 10.1 h
    found = decided(agreed, NEW, OTHER)
    assert (found.ours, found.theirs, found.clashes) == ((NEW,), (NEW,), ("plan.pdf",))
    found = decided(agreed, NEW, OTHER, to_exchange=False)
    assert (found.ours, found.clashes) == ((OTHER,), ("plan.pdf",))


@pytest.mark.parametrize(("to_crm", "to_exchange"), [(False, True), (True, False)])
def test_a_file_goes_only_the_way_it_may(to_crm: bool, to_exchange: bool) -> None:
    here = decided(OLD, NEW, OLD, to_crm=to_crm, to_exchange=to_exchange)
    there = decided(OLD, OLD, NEW, to_crm=to_crm, to_exchange=to_exchange)
    assert here.theirs == ((NEW,) if to_exchange else (OLD,))
    assert there.ours == ((NEW,) if to_crm else (OLD,))
    # What may not go is still known as changed.
    assert (here.agreed_ours if to_crm else there.agreed_theirs) == (OLD,)


_FILES = st.dictionaries(
    st.sampled_from(["a.txt", "b.txt", "c.txt"]), st.sampled_from(["", "1", "2", "3"]), max_size=3
).map(lambda found: tuple(Attached(name, digest) for name, digest in sorted(found.items())))


_AGREED = _FILES.map(lambda found: tuple(one for one in found if not one.is_left_out)).map(lambda one: (one, one))


@given(st.none() | _AGREED, _FILES, _FILES, st.sampled_from(Taken))
def test_afterwards_both_sides_agree_and_a_second_look_changes_nothing(agreed, ours, theirs, newer) -> None:
    found = merge_files(agreed, ours, theirs, to_crm=True, to_exchange=True, winner=lambda: newer)
    open_to = {one.name for one in (*ours, *theirs) if one.is_left_out}
    left = [{one for one in side if one.name not in open_to} for side in (found.ours, found.theirs)]
    assert left[0] == left[1]
    kept = [{one for one in side if one.name in open_to} for side in (ours, found.ours)]
    assert kept[0] == kept[1]
    again = merge_files(
        (found.agreed_ours, found.agreed_theirs),
        found.ours,
        found.theirs,
        to_crm=True,
        to_exchange=True,
        winner=lambda: newer,
    )
    assert (again.ours, again.theirs, again.clashes) == (found.ours, found.theirs, ())


def test_a_server_that_does_not_tell_of_files_has_not_removed_them() -> None:
    agreed, way = Agreed.on({"attachments": (OLD,)}), {"attachments": Direction.BOTH}
    plan = merge(ItemKind.APPOINTMENT, agreed, {"attachments": (OLD,)}, {"attachments": None}, way, Circumstances())
    assert (plan.is_empty, plan.agreed) == (True, agreed)


def test_a_clash_of_files_names_the_file_and_keeps_what_is_overwritten() -> None:
    plan = merge(
        ItemKind.APPOINTMENT,
        Agreed.on({"attachments": (OLD,)}),
        {"attachments": (NEW,)},
        {"attachments": (OTHER,)},
        {"attachments": Direction.TO_EXCHANGE},
        Circumstances(),
    )
    [clash] = plan.clashes
    assert (clash.before, clash.ours, clash.theirs) == ((OLD,), (NEW,), (OTHER,))
    assert (clash.taken, clash.rule, incoming_files(plan)) == (Side.CRM, Rule.DIRECTION, [OTHER])


def test_files_are_the_same_by_name_and_content_and_stored_without_it() -> None:
    one, two = Attached("a", "1", 3, "text/plain", lambda: b"abc"), Attached("a", "1")
    assert same((one, LEFT_OUT), (LEFT_OUT, two))
    assert not same((one,), (Attached("a", "2"),))
    assert from_json(to_json((one, LEFT_OUT))) == (two, LEFT_OUT)
    assert fingerprint({"attachments": (one,)}) == fingerprint({"attachments": (two,)})
    both = Agreed({"attachments": (one,)}, {"attachments": (two, LEFT_OUT)})
    assert agreed_from_json(agreed_to_json(both)) == both
