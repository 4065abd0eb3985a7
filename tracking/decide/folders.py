"""Which folders can be tracked, which rule a folder follows, and what a message in it belongs to (9). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mailboxes.policy import Policy
from profiles.items import DELETED, DRAFTS, INBOX, JUNK, OUTBOX, SENT, Folder

BY_PATH = "path:"
"""How the id of a rule begins that names its folder by the path; the first look at the mailbox finds the id."""

_READ_OTHERWISE = {
    INBOX: "The Inbox itself is read by the filter of the mailbox. Choose a folder below it or beside it.",
    SENT: "Sent Items is read by a setting of the organization, not by a folder rule. Choose another folder.",
}
_NO_MAIL_YET = {
    DRAFTS: "In Drafts lies what has not been sent yet. Choose another folder.",
    OUTBOX: "In the Outbox lies what has not been sent yet. Choose another folder.",
}
_THROWN_AWAY = {
    DELETED: "The folder was deleted: it lies in Deleted Items. Its mail stays; move the folder back to track it again.",
    JUNK: "The folder lies in Junk Email, which is never read. Move it elsewhere to track it.",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One folder rule as far as it matters here. `folder` is the key of its folder."""

    id: UUID
    folder: str
    path: str
    with_subfolders: bool
    created_on: datetime


@dataclass(frozen=True, slots=True)
class Filed:
    """The folder rule under which a message is filed, with the record that the rule names, if it names one."""

    rule_id: UUID
    folder: str
    type_id: int | None = None
    record_id: str = ""
    name: str = ""

    @property
    def record(self) -> tuple[int | None, str] | None:
        """The record; None if the rule names none."""
        return (self.type_id, self.record_id) if self.type_id is not None and self.record_id else None


class Tree:
    """The mail folders of one mailbox."""

    def __init__(self, folders: Iterable[Folder]) -> None:
        self.by_key = {folder.key: folder for folder in folders}

    def __contains__(self, key: str) -> bool:
        return key in self.by_key

    def upwards(self, key: str) -> list[Folder]:
        """The folder and those around it, from the inside out."""
        found: dict[str, Folder] = {}
        while key in self.by_key and key not in found:
            found[key] = self.by_key[key]
            key = found[key].parent_key
        return list(found.values())

    def at(self, path: str) -> Folder | None:
        """The folder at this path; the case does not matter."""
        wanted = path.strip("/").casefold()
        return next((folder for folder in self.by_key.values() if folder.path.casefold() == wanted), None)


def unfit_mailbox(*, is_exchange: bool, is_synchronized: bool, is_forward_mailbox: bool) -> str:
    """Why a mailbox can have no folder rules (9.1), as a sentence; "" if it can."""
    if is_forward_mailbox:
        return "A forward mailbox belongs to nobody; folders can be tracked in mailboxes of users and queues."
    if not is_exchange:
        return "Folders can be tracked on Exchange only; give the mailbox an Exchange profile."
    if not is_synchronized:
        return (
            "Folders can be tracked only where incoming email comes by server-side synchronization; choose that method."
        )
    return ""


def problem(key: str, tree: Tree, policy: Policy) -> str:
    """Why this folder cannot be tracked (9.2, 9.5), as a sentence; "" if it can."""
    around = tree.upwards(key)
    if not around:
        return "There is no such folder in the mailbox (any more). What was tracked stays; choose another folder."
    kinds = [folder.kind for folder in around]
    own = {**_READ_OTHERWISE, **_NO_MAIL_YET}.get(kinds[0], "")
    if own:
        return own
    for kind in kinds:
        if kind in _THROWN_AWAY:
            return _THROWN_AWAY[kind]
    if policy.tracking_folders_below_inbox_only and INBOX not in kinds:  # 9.2
        return "It does not lie below the Inbox, and the organization tracks only folders that do. Move it there."
    return ""


def followed(rules: Sequence[Rule], tree: Tree) -> dict[str, UUID]:
    """The keys of all folders that rules cover, each with its rule: its own, else the nearest one above that extends to
    subfolders. A folder below that could not be tracked by itself is left out."""
    own = {rule.folder: rule for rule in rules}
    found: dict[str, UUID] = {}
    for key in tree.by_key:
        for folder in tree.upwards(key):
            rule = own.get(folder.key)
            if rule is not None and (folder.key == key or rule.with_subfolders):
                found[key] = rule.id
                break
    return found


def too_many(rules: Sequence[Rule], policy: Policy) -> frozenset[UUID]:
    """The rules beyond the number that a mailbox may have (9.1): the youngest."""
    oldest_first = sorted(rules, key=lambda rule: (rule.created_on, str(rule.id)))
    return frozenset(rule.id for rule in oldest_first[policy.maximum_tracking_folders :])


def suggestion(rule: Rule, tree: Tree, taken: Collection[str], policy: Policy) -> str:
    """The key of a folder at the path of a rule whose own folder is not there: maybe the same one, in a mailbox that was
    restored or moved. "" if there is none, or if it has a rule."""
    there = tree.at(rule.path) if rule.path else None
    if there is None or there.key in taken or problem(there.key, tree, policy):
        return ""
    return there.key


def is_to_be_filed(
    filed: Filed, now_with: tuple[int | None, str], *, chosen_by_a_person: bool, held_elsewhere: bool, policy: Policy
) -> bool:
    """Whether a tracked email is to belong to the record of the folder that it lies in (9.5). `held_elsewhere` says that
    the folder of another mailbox decided that first."""
    if filed.record is None or held_elsewhere:
        return False
    if chosen_by_a_person and not policy.folder_overwrites_manual_regarding:
        return False
    return filed.record != now_with
