"""Why a mail was (not) tracked: ledger rows read back as sentences (law 4), for the console and `manage.py why`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mailboxes.models.settings import current_policy
from mailboxes.policy import Policy
from mailboxes.settings_catalogue import SETTINGS, Setting
from tracking.crm.models import Direction, Email
from tracking.decide.explain import Answer, Decided, answer, because, facts
from tracking.decide.forwarding import FOLDER
from tracking.facts.decisions import newest_part, written_as
from tracking.facts.folder_rules import folder_names
from tracking.models import Explicit, LedgerRow, LedgerState

MOST = 100
_NAMING = frozenset(
    {"sender", "record", "recipient", "recipients", "delivered_to", "value", "candidates", "sender_matches"}
    | {"tracked_folder", "filed_with"}
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One place where the server showed the message; `gone_on` is set once it no longer does."""

    folder: str
    server_key: str
    shown_on: datetime
    gone_on: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of one message in one mailbox, and why. `reason` is None while nothing has been decided."""

    row_id: int
    mailbox_id: UUID
    mailbox: str
    message_id: str
    state: LedgerState
    reason: int | None
    sentence: str
    evidence: Mapping[str, Any]
    email_id: UUID | None
    error: str
    attempts: int
    received_on: datetime | None
    decided_on: datetime | None
    retry_on: datetime | None
    placements: tuple[Seen, ...]
    answer: Answer
    settings: tuple[tuple[str, str, str], ...] = ()
    """Of each setting of the organization that had a say its name, its label and its value of today."""

    @property
    def evidence_lines(self) -> list[tuple[str, str]]:
        """The evidence as pairs of a label and a text."""
        return evidence_lines(self.evidence)


def explain(message_id: str) -> list[Explanation]:
    """What became of the message with this Message-ID in each mailbox, at most 100 rows, newest first.

    Angle brackets may be left out. If no message has exactly this Message-ID, those among the newest that contain the
    text are meant.
    """
    if not _bare(message_id):
        return []
    exact = LedgerRow.objects.filter(message_id__in=written_as(message_id))
    return _explained(exact) or _explained(
        newest_part(LedgerRow.objects.filter(message_id__contains=_bare(message_id)))
    )


def explain_email(email_id: UUID, readable: Collection[UUID] = ()) -> list[Explanation]:
    """What each mailbox that showed this email decided about it."""
    return _explained(LedgerRow.objects.filter(email_id=email_id), readable)


def explain_rows(rows: Iterable[LedgerRow], readable: Collection[UUID] = ()) -> list[Explanation]:
    """These rows as explanations; select the mailbox and prefetch the placements. The evidence of private mail is told
    only if its email is among those that may be read."""
    found = list(rows)
    private = _private_among(found) - set(readable)
    policy = current_policy() if found else Policy()
    filed = {row.mailbox_id for row in found if row.explicit == Explicit.FOLDER or row.tracking_folder_id}
    names = folder_names(filed) if filed else {}
    return [
        _explanation(row, row.email_id in private, row.email_id is None or row.email_id in readable, policy, names)
        for row in found
    ]


def evidence_of(row: LedgerRow) -> Mapping[str, Any]:
    """The evidence as it may be shown: that of private mail names nobody."""
    return _shown(row.evidence, bool(_private_among([row])))


def _private_among(rows: Iterable[LedgerRow]) -> set[UUID]:
    kept = [row.email_id for row in rows if row.email_id is not None]
    return set(Email.objects.filter(pk__in=kept, is_private=True).values_list("pk", flat=True)) if kept else set()


def _shown(evidence: Mapping[str, Any], is_private: bool) -> Mapping[str, Any]:
    return {key: "private" if is_private and key in _NAMING else value for key, value in evidence.items()}


def _explained(rows: QuerySet[LedgerRow], readable: Collection[UUID] = ()) -> list[Explanation]:
    found = rows.select_related("mailbox").prefetch_related("placements").order_by("-pk")[:MOST]
    return explain_rows(found, readable)


def _explanation(
    row: LedgerRow, is_private: bool, names_sender: bool, policy: Policy, names: Mapping[tuple[UUID, str], str]
) -> Explanation:
    name = row.mailbox.email_address or row.mailbox.name
    evidence = _shown(row.evidence, is_private)
    decided = replace(_decided(row), evidence=evidence, sender=row.sender if names_sender else "", mailbox=name)
    told = answer(replace(decided, has_expired=_has_expired(row)))
    return Explanation(
        row_id=row.pk,
        mailbox_id=row.mailbox.pk,
        mailbox=name,
        message_id=row.message_id,
        state=LedgerState(row.state),
        reason=row.reason,
        sentence=because(decided),
        evidence=evidence,
        email_id=row.email_id,
        error=row.error,
        attempts=row.attempts,
        received_on=row.received_on,
        decided_on=row.decided_on,
        retry_on=row.retry_on,
        placements=tuple(
            Seen(_place(one.folder, names.get((row.mailbox_id, one.folder))), one.server_key, one.shown_on, one.gone_on)
            for one in row.placements.all()
        ),
        answer=told,
        settings=tuple((one.name, one.label, one.words(getattr(policy, one.name))) for one in _settings(told)),
    )


def _settings(told: Answer) -> list[Setting]:
    return [SETTINGS[name] for name in told.settings]


def _place(folder: str, path: str | None) -> str:
    return "a forward mailbox" if folder.startswith(FOLDER) else path or folder


def _decided(row: LedgerRow) -> Decided:
    waits_again = row.state == LedgerState.PENDING and row.decided_on is not None
    return Decided(row.state, row.reason, row.evidence, row.sender, attempts=row.attempts, again=waits_again)


def _has_expired(row: LedgerRow) -> bool:
    """Housekeeping has cleared it: every verdict is born with a sender or with evidence."""
    return row.state in (LedgerState.TRACKED, LedgerState.IGNORED) and not row.evidence and not row.sender


def sentence(row: LedgerRow) -> str:
    """Why the row is in its state, as one sentence for people."""
    return because(_decided(row))


def evidence_lines(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Evidence as people read it: pairs of a label and a text, in the order it was gathered."""
    return [(fact.label, fact.text) for fact in facts(evidence, evidence)]


def sent_with(message_id: str) -> list[Email]:
    """The outgoing emails that bear exactly this Message-ID: they need no ledger row to be explained."""
    emails = Email.objects.filter(message_id__in=written_as(message_id), direction_code=Direction.OUTGOING)
    return list(emails.select_related("sender_mailbox").defer("description", "safe_description")[:MOST])


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")
