"""Making, changing and ending folder rules; and the answer to "is it this folder?" (9.1, 9.4, 9.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from mailboxes.alarms import close_alerts
from mailboxes.asking import ask_to_receive
from mailboxes.policy import Policy
from tracking.facts.folder_rules import problems_with, tree_of, why_unfit
from tracking.models import FolderOnboardingStatus, MailboxTrackingFolder


def set_regarding(rule: MailboxTrackingFolder, record: Model | None) -> None:
    """What lies in the folder belongs to this record, or to none; not saved."""
    rule.regarding_type = None if record is None else ContentType.objects.get_for_model(record)
    rule.regarding_id = "" if record is None else str(record.pk)
    rule.regarding_name = "" if record is None else str(record)[:400]


def save_rule(
    rule: MailboxTrackingFolder, by: Any, policy: Policy, now: datetime, *, may_be_unknown: bool = False
) -> None:
    """Save a new or changed rule, and let its mailbox be read at once. Raises ValidationError by column.

    `may_be_unknown` accepts an id that cannot be checked, as from a file; the rule is shown as invalid if it is (9.4).
    Where it names another record, the mail that lies in the folder follows; where it names none any more, old links stay
    (9.5).
    """
    wrong = problems_with(rule, policy, may_be_unknown=may_be_unknown)
    if wrong:
        raise ValidationError({column: [sentence] for column, sentence in wrong.items()})
    folder = tree_of(rule.mailbox).by_key.get(rule.exchange_folder_id)
    if folder is not None:
        rule.exchange_folder_name, rule.folder_path = folder.name[:256], folder.path[:1024]
    if rule._state.adding:
        rule.created_by, rule.created_on = by, now
    note_changes(rule, now)
    with transaction.atomic():
        rule.save()
        ask_to_receive([rule.mailbox_id], now)


def note_changes(rule: MailboxTrackingFolder, now: datetime) -> None:
    """What follows from the changes of a rule that is about to be saved, by whomever. Not saved itself."""
    if rule._state.adding and not rule.invalid_reason:  # 9.4: from a file it may come before the mailbox can have it
        rule.invalid_reason = why_unfit(rule.mailbox)
    rule.regarding_name = "" if rule.regarding is None else str(rule.regarding)[:400]
    before = MailboxTrackingFolder.objects.filter(pk=rule.pk).first()
    if before is None:
        return
    if before.exchange_folder_id != rule.exchange_folder_id:
        _begin_anew(rule)
    elif before.includes_subfolders != rule.includes_subfolders:
        rule.checked_on = None
    if rule.regarding_id and (before.regarding_type_id, before.regarding_id) != (
        rule.regarding_type_id,
        rule.regarding_id,
    ):
        rule.relink_requested_on = now


def remove_rule(rule: MailboxTrackingFolder, now: datetime) -> None:
    """Stop tracking the folder: what was tracked stays tracked and linked, what comes is not looked at (9.5)."""
    with transaction.atomic():
        close_alerts(rule.mailbox, [f"folder rule {rule.pk}"], now)
        rule.delete()
        ask_to_receive([rule.mailbox_id], now)


def confirm_suggestion(rule: MailboxTrackingFolder, policy: Policy, now: datetime) -> None:
    """A person says that the suggested folder is the one that lost its id. What was tracked there before is recognised.
    Raises ValidationError if the folder is gone again."""
    if not rule.suggested_folder_id:
        raise ValidationError("No folder is suggested for this rule any more. Choose one from the list.")
    rule.exchange_folder_id = rule.suggested_folder_id
    wrong = problems_with(rule, policy)
    if wrong:
        raise ValidationError(list(wrong.values()))
    _begin_anew(rule)
    with transaction.atomic():
        close_alerts(rule.mailbox, [f"folder rule {rule.pk}"], now)
        rule.save()
        ask_to_receive([rule.mailbox_id], now)


def decline_suggestion(rule: MailboxTrackingFolder) -> None:
    """It is another folder: the rule stays invalid, and this folder is not suggested again."""
    rule.suggested_folder_id, rule.folder_path = "", ""
    rule.save(update_fields=["suggested_folder_id", "folder_path"])


def _begin_anew(rule: MailboxTrackingFolder) -> None:
    rule.invalid_reason, rule.suggested_folder_id, rule.checked_on = "", "", None
    rule.folder_onboarding_status = FolderOnboardingStatus.NOT_YET
    rule.onboarding_total = rule.onboarding_done = 0
