"""Applying a configuration file: everything or nothing, and a second time nothing changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from django.db import transaction

from mailboxes.models import Organization
from serversync.configure.document import BadConfiguration, Document, Problem
from serversync.configure.people import hash_passwords, put_folder, put_forward_mailbox, put_queue, put_user
from serversync.configure.profiles import put_profile
from serversync.configure.reading import Draft, Given, OrganizationDraft, read
from serversync.configure.values import Named
from serversync.configure.writing import Change, put

Putter = Callable[[Document, Draft, datetime], Change]


@dataclass(slots=True)
class Outcome:
    """What applying the file came to. `lines` names every entry that was not as the file says."""

    counts: Counter[Change] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def note(self, label: str, change: Change) -> None:
        """Count one entry."""
        self.counts[change] += 1
        if change:
            self.lines.append(f"{label}: {change.name.lower()}")

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[change]} {change.name.lower()}" for change in reversed(Change))


def configure(file: Path, now: datetime, check: bool = False) -> Outcome:
    """Apply the file in one transaction. With `check` only say what would change.

    Raises BadConfiguration with everything that is wrong; then nothing was applied.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(str(file), [Problem(1, "", "", f"the file cannot be read: {error}")]) from error
    document = Document(str(file), text)
    organization, (profiles, *others) = read(document)
    hash_passwords(document, [draft for drafts in others for draft in drafts])
    document.raise_problems()
    outcome = Outcome()
    with transaction.atomic():
        _put_all(document, profiles, now, outcome)
        if organization is not None:
            outcome.note("[organization]", _put_organization(document, organization))
            document.raise_problems()
        for drafts in others:
            _put_all(document, drafts, now, outcome)
        transaction.set_rollback(check)
    return outcome


def _put_all(document: Document, drafts: list[Draft], now: datetime, outcome: Outcome) -> None:
    """The entries of one table. Raises BadConfiguration after the last of them: later tables may refer to these."""
    for draft in drafts:
        put_one = SPECIAL.get(draft.table.name, put_row)
        outcome.note(draft.place.table, put_one(document, draft, now))
    document.raise_problems()


def put_row(document: Document, draft: Draft, now: datetime) -> Change:
    """An entry that is one row and nothing else, found by its identity."""
    model, identity = draft.table.model, draft.table.identity
    rows = list(model._base_manager.filter(**{identity: draft.identity}))
    email = draft.own.get("email_address_1")
    if len(rows) > 1 and email is not None:
        rows = [row for row in rows if getattr(row, "email_address_1", "") == email.value]
    if len(rows) > 1:
        kind = model._meta.verbose_name
        document.blame(
            draft.own[identity].place,
            f"several rows of the kind {kind} are named “{draft.identity}”.",
            "Rename all but one of them, or tell them apart by email_address_1.",
        )
        return Change.UNCHANGED
    return put(document, rows[0] if rows else model(), draft.own.values(), draft.place)


def _put_organization(document: Document, draft: OrganizationDraft) -> Change:
    """The one row: settings that are not in the file keep their value."""
    row = Organization.objects.first() or Organization()
    own = list(draft.own.values())
    profile = draft.own.get("default_email_server_profile")
    if profile is not None:
        own.remove(profile)
        own.append(replace(profile, value=Named(profile.value)))
    if draft.overrides:
        own.append(Given("overrides", {**row.overrides, **draft.overrides}, draft.place))
    return put(document, row, own, draft.place)


SPECIAL: Mapping[str, Putter] = {
    "profiles": put_profile,
    "users": put_user,
    "queues": put_queue,
    "forward_mailboxes": put_forward_mailbox,
    "folders": put_folder,
}
