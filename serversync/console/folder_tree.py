"""The folders of a mailbox as a page shows them: nested, each with its rule or with why it can have none (9)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.items import DELETED, JUNK, Folder
from tracking.decide.folders import BY_PATH, Tree, followed, problem
from tracking.facts.folder_rules import rule_of, tree_of, why_unfit
from tracking.models import FolderHierarchy, FolderOnboardingStatus, MailboxTrackingFolder

_OF_ITSELF = {DELETED: "What was thrown away is not tracked.", JUNK: "Junk is never read."}
"""What is said of these folders themselves, and thereby of all that lie in them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One folder. `ends` is as long as the number of lists that end after it; `through` names the folder above whose
    rule covers this one; `problem` says why it can have no rule, unless the folder above has said it already."""

    folder: Folder
    opens: bool
    is_leaf: bool
    ends: range
    rule: MailboxTrackingFolder | None
    through: str
    problem: str
    can_be_tracked: bool


def page_of(mailbox: Mailbox, policy: Policy) -> dict[str, Any]:
    """What `console/folders.html` shows."""
    tree, rules = tree_of(mailbox), rules_of(mailbox)
    placed = [rule for rule in rules if rule.exchange_folder_id in tree]
    return (
        status_of(mailbox)
        | progress_of(rules)
        | {
            "lines": _lines(tree, placed, policy),
            "lost": [(rule, tree.by_key.get(rule.suggested_folder_id)) for rule in rules if rule not in placed],
            "number_of_rules": len(rules),
            "most_rules": policy.maximum_tracking_folders,
            "unfit": why_none(mailbox, policy),
        }
    )


def status_of(mailbox: Mailbox) -> dict[str, Any]:
    """Whether the tree was fetched, when, and whether it is being fetched now."""
    cached = FolderHierarchy.objects.filter(pk=mailbox.pk).first() or FolderHierarchy(mailbox=mailbox)
    return {"hierarchy": cached, "is_asked": cached.requested_on is not None}


def progress_of(rules: list[MailboxTrackingFolder]) -> dict[str, Any]:
    """The rules of a page, and whether something is still to be done for one of them (9.3, 9.5)."""
    valid = [rule for rule in rules if not rule.invalid_reason]
    done = FolderOnboardingStatus.DONE
    going_on = any(one.folder_onboarding_status != done or one.relink_requested_on is not None for one in valid)
    return {"rules": rules, "going_on": going_on}


def why_none(mailbox: Mailbox, policy: Policy) -> str:
    """Why no folder of this mailbox can be tracked; "" if they can (9.1)."""
    if not policy.folder_based_tracking:
        return "The organization has switched tracking by folder off. What was tracked by it stays."
    return why_unfit(mailbox)


def rules_of(mailbox: Mailbox) -> list[MailboxTrackingFolder]:
    """The rules of a mailbox with their records."""
    rules = mailbox.tracking_folders.select_related("regarding_type").prefetch_related("regarding")
    return list(rules.order_by("folder_path", "exchange_folder_name"))


def heir_of(rule: MailboxTrackingFolder) -> MailboxTrackingFolder | None:
    """The rule that counts for the folder of this one when it is ended: of a folder above, with its subfolders (9.2)."""
    others = {one.pk: one for one in rules_of(rule.mailbox) if one.pk != rule.pk and not one.invalid_reason}
    found = followed([rule_of(one) for one in others.values()], tree_of(rule.mailbox)).get(rule.exchange_folder_id)
    return None if found is None else others[found]


def name_of(rule: MailboxTrackingFolder) -> str:
    """Where the folder of a rule is, as people say it."""
    return rule.folder_path or rule.exchange_folder_name or rule.exchange_folder_id.removeprefix(BY_PATH)


def trackable(mailbox: Mailbox, rule: MailboxTrackingFolder, policy: Policy) -> list[Folder]:
    """The folders that this rule could be for: those that can be tracked and have no other rule."""
    tree = tree_of(mailbox)
    taken = set(mailbox.tracking_folders.exclude(pk=rule.pk).values_list("exchange_folder_id", flat=True))
    return [one for key, one in tree.by_key.items() if key not in taken and not problem(key, tree, policy)]


def _lines(tree: Tree, rules: list[MailboxTrackingFolder], policy: Policy) -> list[Line]:
    own = {rule.exchange_folder_id: rule for rule in rules}
    by_id = {rule.pk: rule for rule in rules}
    through = followed([rule_of(rule) for rule in rules], tree)
    problems = {key: problem(key, tree, policy) for key in tree.by_key}
    nested = _nested(tree)
    depths = [depth for _, depth in nested] + [0]
    return [
        Line(
            folder,
            opens=number > 0 and depth > depths[number - 1],
            is_leaf=depths[number + 1] <= depth,
            ends=range(max(0, depth - depths[number + 1])),
            rule=own.get(folder.key),
            through="" if folder.key in own or folder.key not in through else name_of(by_id[through[folder.key]]),
            problem=""
            if problems[folder.key] == problems.get(folder.parent_key)
            else _OF_ITSELF.get(folder.kind, problems[folder.key]),
            can_be_tracked=not problems[folder.key],
        )
        for number, (folder, depth) in enumerate(nested)
    ]


def _nested(tree: Tree) -> list[tuple[Folder, int]]:
    """Each folder with its depth, right after the one above it; siblings in the order of the server."""
    below: dict[str, list[Folder]] = defaultdict(list)
    for folder in tree.by_key.values():
        below[folder.parent_key if folder.parent_key in tree else ""].append(folder)
    waiting = [(folder, 0) for folder in reversed(below[""])]
    found = []
    while waiting:
        folder, depth = waiting.pop()
        found.append((folder, depth))
        waiting += [(child, depth + 1) for child in reversed(below[folder.key])]
    return found
