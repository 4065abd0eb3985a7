"""Which folders can be tracked, which rule counts, and what a message in a folder belongs to (9.1, 9.2, 9.5): tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mailboxes.policy import Policy
from profiles.connectors.hierarchy import arranged
from profiles.items import Folder
from tracking.decide.folders import (
    Filed,
    Rule,
    Tree,
    followed,
    is_to_be_filed,
    problem,
    suggestion,
    too_many,
    unfit_mailbox,
)

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
PLACES = {  # key: the folder above, name, kind
    "inbox": ("", "Inbox", "inbox"),
    "sent": ("", "Sent Items", "sentitems"),
    "drafts": ("", "Drafts", "drafts"),
    "bin": ("", "Deleted Items", "deleteditems"),
    "junk": ("", "Junk Email", "junkemail"),
    "archive": ("", "Archive", "archive"),
    "customers": ("inbox", "Customers", ""),
    "acme": ("customers", "Acme", ""),
    "old acme": ("acme", "Old", ""),
    "top": ("", "Top", ""),
    "thrown": ("bin", "Thrown away", ""),
    "below thrown": ("thrown", "Deep", ""),
    "sent to acme": ("sent", "To Acme", ""),
}
TREE = Tree(arranged(Folder(key, above, name, "", kind=kind) for key, (above, name, kind) in PLACES.items()))


@pytest.mark.parametrize(
    ("key", "words", "below_inbox_only"),
    [
        ("acme", "", ""),
        ("top", "", "below the Inbox"),
        ("archive", "", "below the Inbox"),
        ("sent to acme", "", "below the Inbox"),
        ("inbox", "by the filter", "by the filter"),
        ("sent", "by a setting", "by a setting"),
        ("drafts", "not been sent", "not been sent"),
        ("bin", "Deleted Items", "Deleted Items"),
        ("thrown", "Deleted Items", "Deleted Items"),
        ("below thrown", "Deleted Items", "Deleted Items"),
        ("junk", "Junk", "Junk"),
        ("no such", "no such folder", "no such folder"),
    ],
)
def test_which_folders_can_be_tracked(key: str, words: str, below_inbox_only: str) -> None:
    """9.2"""
    for policy, expected in ((Policy(), words), (Policy(tracking_folders_below_inbox_only=True), below_inbox_only)):
        found = problem(key, TREE, policy)
        assert bool(found) == bool(expected)
        assert expected in found


@pytest.mark.parametrize(
    ("is_exchange", "is_synchronized", "is_forward_mailbox", "words"),
    [
        (True, True, False, ""),
        (False, True, False, "on Exchange only"),
        (True, False, False, "server-side synchronization"),
        (True, True, True, "belongs to nobody"),
    ],
)
def test_which_mailboxes_can_have_rules(
    is_exchange: bool, is_synchronized: bool, is_forward_mailbox: bool, words: str
) -> None:
    """9.1"""
    found = unfit_mailbox(
        is_exchange=is_exchange, is_synchronized=is_synchronized, is_forward_mailbox=is_forward_mailbox
    )
    assert words in found
    assert bool(found) == bool(words)


def rule(number: int, folder: str, path: str = "", with_subfolders: bool = False) -> Rule:
    return Rule(UUID(int=number), folder, path, with_subfolders, FIRST + timedelta(days=number))


def test_the_nearest_rule_counts() -> None:
    """9.2"""
    rules = [rule(1, "customers", with_subfolders=True), rule(2, "old acme"), rule(3, "top")]
    found = {key: one.int for key, one in followed(rules, TREE).items()}
    assert found == {"customers": 1, "acme": 1, "old acme": 2, "top": 3}


def test_the_youngest_rules_are_too_many() -> None:
    """9.1"""
    rules = [rule(number, f"f{number}") for number in (3, 1, 2)]
    assert too_many(rules, Policy(maximum_tracking_folders=2)) == {UUID(int=3)}
    assert too_many(rules, Policy()) == frozenset()


@pytest.mark.parametrize(
    ("path", "taken", "suggested"),
    [
        ("Inbox/Customers/Acme", (), "acme"),
        ("INBOX/customers/acme", (), "acme"),
        ("Inbox/Customers/Acme", ("acme",), ""),
        ("Inbox/Customers/Zeta", (), ""),
        ("Deleted Items/Thrown away", (), ""),
        ("", (), ""),
    ],
)
def test_a_lost_folder_is_suggested_by_its_path_only(path: str, taken: tuple[str, ...], suggested: str) -> None:
    assert suggestion(rule(1, "lost", path), TREE, taken, Policy()) == suggested


ACME, CASE, NOTHING = (7, "acme"), (8, "case"), (None, "")


@pytest.mark.parametrize(
    ("of_the_rule", "now_with", "chosen", "held", "ours", "original"),
    [
        (ACME, NOTHING, False, False, True, True),  # moved into a folder with a record: linked
        (ACME, CASE, False, False, True, True),  # relinked
        (ACME, ACME, False, False, False, False),  # nothing to do
        (NOTHING, CASE, False, False, False, False),  # into one without: keeps its own
        (NOTHING, NOTHING, False, False, False, False),
        (ACME, CASE, True, False, False, True),  # a person chose
        (ACME, NOTHING, True, False, False, True),  # a person took it from any
        (ACME, CASE, False, True, False, False),  # another mailbox was first
        (ACME, CASE, True, True, False, False),
    ],
)
def test_when_a_folder_decides_what_a_tracked_message_belongs_to(
    of_the_rule: tuple[int | None, str],
    now_with: tuple[int | None, str],
    chosen: bool,
    held: bool,
    ours: bool,
    original: bool,
) -> None:
    """9.5"""
    filed = Filed(UUID(int=1), "Acme", *of_the_rule)
    found = [
        is_to_be_filed(filed, now_with, chosen_by_a_person=chosen, held_elsewhere=held, policy=policy)
        for policy in (Policy(), Policy(compatibility="dynamics", folder_overwrites_manual_regarding=True))
    ]
    assert found == [ours, original]
