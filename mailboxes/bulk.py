"""One profile or the same methods for many mailboxes: those that the table of 1.2 does not allow are left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mailboxes import combinations
from mailboxes.models import Mailbox
from mailboxes.provision import reach_of, save_changed
from profiles.models import EmailServerProfile


@dataclass(frozen=True, slots=True)
class Refused:
    """A mailbox that was left untouched, and what would have to be changed first."""

    mailbox: Mailbox
    sentences: list[str]


@dataclass(slots=True)
class Outcome:
    """What came of it. `unchanged` had it that way before."""

    changed: list[Mailbox] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    warnings: set[str] = field(default_factory=set)


def set_profile(mailboxes: Iterable[Mailbox], profile: EmailServerProfile | None) -> Outcome:
    """Give these mailboxes the profile (or none); where it differs, every direction is tested anew (3.8)."""
    return _set(mailboxes, {"email_server_profile": profile})


def set_methods(mailboxes: Iterable[Mailbox], methods: Mapping[str, int]) -> Outcome:
    """Give these mailboxes the methods, by column; a direction whose method differs is tested anew (3.8)."""
    return _set(mailboxes, methods)


def _set(mailboxes: Iterable[Mailbox], values: Mapping[str, object]) -> Outcome:
    outcome = Outcome()
    forward = Mailbox.objects.filter(is_forward_mailbox=True, state_code=0).exists()
    for mailbox in mailboxes:
        before = reach_of(mailbox)
        for column, value in values.items():
            setattr(mailbox, column, value)
        asked = mailbox.combination()
        sentences = combinations.problems(asked)
        if sentences:
            outcome.refused.append(Refused(mailbox, list(sentences.values())))
        elif save_changed(mailbox, before):
            outcome.changed.append(mailbox)
            outcome.warnings.update(combinations.warnings(asked, forward))
        else:
            outcome.unchanged += 1
    return outcome
