"""What is noted about tracked folders: the tree, whether a rule can be followed, how far each folder was read (9.3–9.5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import Mailbox, TraceLevel
from profiles.items import Folder
from tracking.facts.folder_rules import FOLDER_STAMPS
from tracking.keep.discover import forget_cursor, mark_gone
from tracking.models import (
    FolderHierarchy,
    FolderOnboardingStatus,
    LedgerRow,
    LedgerState,
    MailboxTrackingFolder,
    Placement,
    SyncCursor,
)

Pin = Callable[[], None]
LEFT_AT_ONCE = 500  # items of a folder that is left, in one transaction
UNKNOWN_STAMP = "?"
"""The stamp of a folder that was read although the server told none; it differs from every other."""


@dataclass(slots=True)
class Stamps:
    """The stamps that the tracked folders bore when they were read to the end, the rules that covered them, and when all
    of them were read last. A folder that is not among them was never read to the end. And for each rule whose mail is
    being filed anew: since when, and up to which row."""

    by_folder: dict[str, str] = field(default_factory=dict)
    looked_on: datetime | None = None
    rules: dict[str, str] = field(default_factory=dict)
    filing: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: SyncCursor | None) -> Stamps:
        """As they were stored."""
        if cursor is None or not cursor.value:
            return cls()
        held = json.loads(cursor.value)
        looked_on = datetime.fromisoformat(held["looked_on"]) if held["looked_on"] else None
        filing = {key: (since, row) for key, (since, row) in held.get("filing", {}).items()}
        return cls(held["folders"], looked_on, held.get("rules", {}), filing)

    def copy(self) -> Stamps:
        """The same, to compare with later."""
        return Stamps(dict(self.by_folder), self.looked_on, dict(self.rules), dict(self.filing))

    def forget(self, folder: str) -> None:
        """It is not read any more, or from the beginning."""
        self.by_folder.pop(folder, None)
        self.rules.pop(folder, None)

    def filed_up_to(self, rule: MailboxTrackingFolder) -> int:
        """After which row the filing anew of this rule goes on; 0 where it begins, or was asked for once more."""
        since, row = self.filing.get(str(rule.pk), ("", 0))
        return row if rule.relink_requested_on and since == rule.relink_requested_on.isoformat() else 0

    def store(self, leg_id: int, now: datetime, pin: Pin) -> None:
        """Write them down; after what they stand for was committed."""
        looked_on = self.looked_on.isoformat() if self.looked_on else None
        held = {"folders": self.by_folder, "looked_on": looked_on, "rules": self.rules, "filing": self.filing}
        value = json.dumps(held, sort_keys=True)
        with transaction.atomic():
            pin()
            SyncCursor.objects.update_or_create(
                leg_id=leg_id, folder=FOLDER_STAMPS, defaults={"kind": "stamps", "value": value, "moved_on": now}
            )


def store_tree(mailbox: Mailbox, folders: Iterable[Folder], now: datetime, pin: Pin | None = None) -> None:
    """The mail folders of a mailbox as the server has just told them (9.4), a worker or a person who asked."""
    told = [asdict(folder) for folder in folders]
    with transaction.atomic():
        if pin is not None:
            pin()
        FolderHierarchy.objects.update_or_create(
            mailbox=mailbox, defaults={"folders": told, "fetched_on": now, "error": ""}
        )


def note_valid(rule: MailboxTrackingFolder, now: datetime, pin: Pin) -> None:
    """The rule can be followed (again)."""
    if rule.invalid_reason or rule.suggested_folder_id:
        with transaction.atomic():
            _write(rule, pin, invalid_reason="", suggested_folder_id="")
            close_alerts(rule.mailbox, [_cause(rule)], now)


def note_invalid(rule: MailboxTrackingFolder, reason: str, now: datetime, pin: Pin, suggested: str = "") -> None:
    """The rule cannot be followed: it says why, and a person is told once. Its mail stays (9.5)."""
    if (reason[:300], suggested) == (rule.invalid_reason, rule.suggested_folder_id):
        return
    remedy = "Choose another folder for the rule, or stop tracking this one. What was tracked stays as it is."
    if suggested:
        remedy = "There is a folder of the same name at the same place. Say on the page of the folders whether it is the one."
    text = f"The folder “{rule.folder_path or rule}” of {rule.mailbox.email_address} is not tracked: {reason}"
    columns = {"folder_onboarding_status": FolderOnboardingStatus.NOT_YET, "onboarding_total": 0, "onboarding_done": 0}
    with transaction.atomic():
        _write(rule, pin, invalid_reason=reason[:300], suggested_folder_id=suggested, **columns)
        raise_alert(rule.mailbox, TraceLevel.WARNING, _cause(rule), text, now, remedy=remedy)


def note_folder(rule: MailboxTrackingFolder, folder: Folder | None, now: datetime, pin: Pin) -> None:
    """9.5: a folder that was renamed or moved is the same folder; the rule shows its name and path of today."""
    seen: dict[str, Any] = {"checked_on": now}
    if folder is not None:
        seen |= {
            "exchange_folder_id": folder.key,
            "exchange_folder_name": folder.name[:256],
            "folder_path": folder.path[:1024],
        }
    _write(rule, pin, **seen)


def note_progress(rule: MailboxTrackingFolder, folders: Collection[str], pin: Pin) -> None:
    """How far the messages that lay in a new rule's folders have been taken in, counted from the rows themselves (9.3)."""
    live = Placement.objects.filter(mailbox=rule.mailbox_id, folder__in=list(folders), gone_on__isnull=True)
    total, waiting = live.count(), live.filter(ledger_row__state=LedgerState.PENDING).count()
    going_on, done = FolderOnboardingStatus.GOING_ON, FolderOnboardingStatus.DONE
    _write(
        rule,
        pin,
        folder_onboarding_status=going_on if waiting else done,
        onboarding_total=total,
        onboarding_done=total - waiting,
    )


def ask_to_file_anew(rule: MailboxTrackingFolder, now: datetime, pin: Pin) -> bool:
    """All mail of the folder is to follow the rule, unless it is being filed already. Returns whether a person has changed
    the rule meanwhile: then what they asked for stands, and the next cycle does it."""
    return rule.relink_requested_on is None and not _ask(rule, now, pin)


def ask_to_file_strays(rule: MailboxTrackingFolder, folders: Collection[str], now: datetime, pin: Pin) -> bool:
    """Mail that was tracked under an earlier rule of these folders, and lies there still, follows this new rule. What is
    being filed begins once more: the strays may lie before the place that was reached. Returns as `ask_to_file_anew`."""
    live = Placement.objects.filter(mailbox=rule.mailbox_id, folder__in=list(folders), gone_on__isnull=True)
    rows = LedgerRow.objects.filter(placements__in=live, state=LedgerState.TRACKED)
    strays = rows.filter(Q(tracking_folder__isnull=True) | ~Q(tracking_folder=rule))
    return bool(rule.regarding_id) and strays.exists() and not _ask(rule, now, pin)


def _ask(rule: MailboxTrackingFolder, now: datetime, pin: Pin) -> bool:
    """Have it filed for its record, if it is still the rule that was read. If not, nothing is filed for the old one."""
    columns = ("relink_requested_on", "regarding_type_id", "regarding_id")
    as_read = {name: getattr(rule, name) for name in columns}
    with transaction.atomic():
        pin()
        is_asked = MailboxTrackingFolder.objects.filter(pk=rule.pk, **as_read).update(relink_requested_on=now) > 0
    rule.relink_requested_on = now if is_asked else None
    return is_asked


def note_filed_anew(rule: MailboxTrackingFolder) -> None:
    """All mail of the folder belongs to the rule's record, unless that has been changed again since. Call it in the
    transaction that files the last of it."""
    asked = MailboxTrackingFolder.objects.filter(pk=rule.pk, relink_requested_on=rule.relink_requested_on)
    asked.update(relink_requested_on=None)
    rule.relink_requested_on = None


def leave(cursors: Iterable[SyncCursor], mailbox: Mailbox, now: datetime, pin: Pin) -> None:
    """These folders are not read any more: what was not judged yet never will be, what was tracked stays (9.5). If a
    folder is tracked again it is listed from the beginning, and what is there comes back: also if that happens, or the
    process dies, when only some of its items were left."""
    for cursor in cursors:
        while not _leave_next(cursor, mailbox, now, pin):
            pass


def _leave_next(cursor: SyncCursor, mailbox: Mailbox, now: datetime, pin: Pin) -> bool:
    """Leave the next items of a folder; returns whether these were the last."""
    live = Placement.objects.filter(mailbox=mailbox, folder=cursor.folder, gone_on__isnull=True)
    with transaction.atomic():
        pin()
        batch = list(live.only("id", "ledger_row_id", "server_key").order_by("id")[:LEFT_AT_ONCE])
        mark_gone(mailbox.pk, batch, now)
        if len(batch) < LEFT_AT_ONCE:
            cursor.delete()
            return True
        if cursor.value or cursor.sweep_from is None:
            forget_cursor(cursor, now, pin)
    return False


def _write(rule: MailboxTrackingFolder, pin: Pin, **columns: Any) -> None:
    changed = {name: value for name, value in columns.items() if getattr(rule, name) != value}
    for name, value in changed.items():
        setattr(rule, name, value)
    if changed:
        with transaction.atomic():
            pin()
            MailboxTrackingFolder.objects.filter(pk=rule.pk).update(**changed)


def _cause(rule: MailboxTrackingFolder) -> str:
    return f"folder rule {rule.pk}"
