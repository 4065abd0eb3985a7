"""The folder rules of a mailbox, the folders it has, and what may be tracked (9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from mailboxes.models import IncomingDeliveryMethod, Leg, Mailbox
from mailboxes.policy import Policy
from profiles.items import INBOX, SENT, Folder
from profiles.models import ServerType
from tracking.crm.models import Email
from tracking.decide.folders import BY_PATH, Filed, Rule, Tree, is_to_be_filed, problem, unfit_mailbox
from tracking.facts.sent_items import SENT_SINCE
from tracking.models import FolderHierarchy, LedgerRow, MailboxTrackingFolder, SyncCursor

FOLDER_STAMPS = "folder stamps"
"""The cursor that holds the stamps of the tracked folders as they were last read, instead of a place in a folder."""
_NO_RULE = (FOLDER_STAMPS, SENT_SINCE, INBOX, SENT)
EXCHANGE = frozenset(set(ServerType) - {ServerType.OTHER_POP3_SMTP, ServerType.IMAP_SMTP})


def tree_of(mailbox: Mailbox) -> Tree:
    """The folders as the server last told them; empty if it never did (9.4)."""
    cached = FolderHierarchy.objects.filter(pk=mailbox.pk).values_list("folders", flat=True).first() or []
    return Tree(Folder(**one) for one in cached)


def rule_of(row: MailboxTrackingFolder) -> Rule:
    """What decisions need of a rule."""
    return Rule(row.pk, row.exchange_folder_id, row.folder_path, row.includes_subfolders, row.created_on)


def filed_under(row: MailboxTrackingFolder) -> Filed:
    """What a rule says about the messages in its folder."""
    record = row.regarding
    if row.regarding_type_id is None or record is None:  # 9.1: it names none, or one that is gone
        return Filed(row.pk, row.folder_path or str(row))
    return Filed(row.pk, row.folder_path or str(row), row.regarding_type_id, row.regarding_id, str(record)[:400])


def filings_of(rule_ids: Iterable[UUID]) -> dict[UUID, Filed]:
    """The same for several rules, by their ids; those that were deleted are not in the answer."""
    rows = MailboxTrackingFolder.objects.filter(pk__in=set(rule_ids)).prefetch_related("regarding")
    return {row.pk: filed_under(row) for row in rows}


def why_unfit(mailbox: Mailbox) -> str:
    """Why this mailbox can have no folder rules (9.1), as a sentence; "" if it can."""
    profile = mailbox.email_server_profile
    return unfit_mailbox(
        is_exchange=profile is not None and profile.server_type in EXCHANGE,
        is_synchronized=mailbox.incoming_email_delivery_method == IncomingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION,
        is_forward_mailbox=mailbox.is_forward_mailbox,
    )


def why_not_here(mailbox: Mailbox, policy: Policy) -> str:
    """Why no folder of this mailbox is tracked, whatever its rules, as a sentence; "" if they are followed."""
    if not policy.folder_based_tracking:
        return "The organization has switched tracking by folder off."
    return why_unfit(mailbox)


def problems_with(rule: MailboxTrackingFolder, policy: Policy, *, may_be_unknown: bool = False) -> dict[str, str]:
    """What is wrong with a rule that somebody wants to save: a sentence by column. `may_be_unknown` lets pass what is
    known only later, as from a file (9.4): the id, and how the mailbox is read; such a rule is shown as invalid."""
    found: dict[str, str] = {}
    unfit = "" if may_be_unknown else why_not_here(rule.mailbox, policy)
    if unfit:
        found["mailbox"] = unfit
    others = MailboxTrackingFolder.objects.filter(mailbox=rule.mailbox).exclude(pk=rule.pk)
    if rule._state.adding and others.count() >= policy.maximum_tracking_folders:  # 9.1
        most = policy.maximum_tracking_folders
        found["mailbox"] = f"A mailbox may have {most} tracked folders at most. Stop tracking another one first."
    if others.filter(exchange_folder_id=rule.exchange_folder_id).exists():
        found["exchange_folder_id"] = "This folder is tracked already. Change the rule that is there."
    wrong = _why_not_this_folder(rule, policy, may_be_unknown)
    if wrong:
        found.setdefault("exchange_folder_id", wrong)
    if rule.regarding_type_id is not None and rule.regarding is None:
        found["regarding_id"] = "There is no such record. Choose another one."
    return found


def _why_not_this_folder(rule: MailboxTrackingFolder, policy: Policy, may_be_unknown: bool) -> str:
    """An old rule may be changed though its folder cannot be followed just now."""
    key, tree = rule.exchange_folder_id, tree_of(rule.mailbox)
    if (key not in tree and may_be_unknown) or MailboxTrackingFolder.objects.filter(
        pk=rule.pk, exchange_folder_id=key
    ).exists():
        return ""
    return problem(key, tree, policy)


def followed_by(mailbox: Mailbox) -> frozenset[str]:
    """The keys of all folders that are read because of a rule, subfolders included."""
    cursors = SyncCursor.objects.filter(leg__mailbox=mailbox, leg__leg=Leg.INCOMING).exclude(folder__in=_NO_RULE)
    valid = mailbox.tracking_folders.filter(invalid_reason="")
    found = {*cursors.values_list("folder", flat=True), *valid.values_list("exchange_folder_id", flat=True)}
    return frozenset(key for key in found if not key.startswith(BY_PATH))


def held_elsewhere(email_ids: Iterable[UUID], mailbox_id: UUID) -> set[UUID | None]:
    """Those of these emails that a folder of another mailbox filed with a record first (9.5)."""
    rows = LedgerRow.objects.filter(email__in=email_ids, tracking_folder__regarding_type__isnull=False)
    rows = rows.exclude(mailbox=mailbox_id).exclude(tracking_folder__regarding_id="")
    return set(rows.values_list("email_id", flat=True))


def follows(email: Email, filed: Filed, is_held_elsewhere: bool, policy: Policy) -> bool:
    """Whether this tracked email is to belong to the record of the folder that it lies in (9.5)."""
    return is_to_be_filed(
        filed,
        (email.regarding_type_id, email.regarding_id),
        chosen_by_a_person="regarding" in email.edited_fields,
        held_elsewhere=is_held_elsewhere,
        policy=policy,
    )


def folder_names(mailbox_ids: Iterable[Any]) -> dict[tuple[Any, str], str]:
    """The paths of tracked folders by mailbox and key, for people."""
    rows = MailboxTrackingFolder.objects.filter(mailbox__in=list(mailbox_ids)).exclude(folder_path="")
    return {
        (mailbox_id, key): path
        for mailbox_id, key, path in rows.values_list("mailbox_id", "exchange_folder_id", "folder_path")
    }
