"""What the pages of folders ask the server while a person waits: what a rule would do, and for a new folder (9.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from mailboxes.access import AccessIncomplete
from mailboxes.brake import reason_to_wait
from mailboxes.discovery import found_access
from mailboxes.models import Leg, Mailbox, Organization
from mailboxes.policy import Policy
from profiles.connectors import open_source
from profiles.connectors.base import ConnectorError, MailSource
from profiles.items import Folder
from profiles.secrets import KeyUnavailable
from serversync.folder_preview import Preview, preview
from tracking.decide.folders import followed
from tracking.facts.folder_rules import filed_under, rule_of, tree_of
from tracking.keep.following import store_tree
from tracking.models import MailboxTrackingFolder

PATIENCE = 5.0
"""Seconds of one wait on the network: a page hangs on it."""


class NoAnswer(Exception):
    """The server could not be asked, or refused; `str()` says it in words, with what helps."""


def foresee(rule: MailboxTrackingFolder, policy: Policy, now: datetime) -> Preview:
    """What a rule that is not saved yet would do to the messages in its folders. Raises NoAnswer."""
    with _asking(rule.mailbox, now) as source:
        return preview(rule.mailbox, filed_under(rule), covered(rule), source, policy)


def covered(rule: MailboxTrackingFolder) -> list[str]:
    """The keys of the folders that the rule would cover beside the other rules of its mailbox."""
    others = MailboxTrackingFolder.objects.filter(mailbox=rule.mailbox, invalid_reason="").exclude(pk=rule.pk)
    found = followed([rule_of(one) for one in [*others, rule]], tree_of(rule.mailbox))
    return [key for key, rule_id in found.items() if rule_id == rule.pk]


def create_folder(mailbox: Mailbox, parent_key: str, name: str, now: datetime) -> Folder:
    """Make a folder on the server, and store the tree that it is in now. Raises NoAnswer."""
    with _asking(mailbox, now) as source:
        made = source.create_folder(parent_key, name)
        store_tree(mailbox, source.folders(), now)
    return tree_of(mailbox).by_key.get(made.key, made)


@contextmanager
def _asking(mailbox: Mailbox, now: datetime) -> Iterator[MailSource]:
    """The server of the mailbox, found by autodiscover where the profile asks for it and nobody has found it yet (2.7); with
    little patience. Whatever goes wrong is raised as NoAnswer."""
    waits = reason_to_wait(Organization.current(), mailbox, Leg.INCOMING)
    if waits:
        raise NoAnswer(waits)
    if mailbox.email_server_profile is None:
        raise NoAnswer("This mailbox has no server profile. Choose one first.")
    try:
        source = open_source(found_access(mailbox, Leg.INCOMING, now, patience=PATIENCE))
        try:
            yield source
        finally:
            source.close()
    except (AccessIncomplete, KeyUnavailable) as error:
        raise NoAnswer(str(error)) from error
    except ConnectorError as error:
        raise NoAnswer(f"{error} {error.remedy}".strip()) from error
