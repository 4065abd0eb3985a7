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
from tracking.facts.visibility import MASK, PRIVATE, Person, readable_among
from tracking.models import Explicit, LedgerRow, LedgerState

MOST = 100
_NAMING = frozenset(
    {"sender", "record", "recipient", "recipients", "delivered_to", "value", "candidates", "sender_matches"}
    | {"tracked_folder", "filed_with"}
)
_OTHER_SIDE = frozenset({"sender", "record", "recipient", "recipients", "value", "sender_matches"})
"""What names those with whom mail was exchanged. Of mail that is not private the rest is told to every administrator."""


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


def explain(message_id: str, reader: Person | None = None) -> list[Explanation]:
    """What became of the message with this Message-ID in each mailbox, at most 100 rows, newest first. Without a
    `reader` it is told to an operator: everything but what is private.

    Angle brackets may be left out. If no message has exactly this Message-ID, those among the newest that contain the
    text are meant.
    """
    if not _bare(message_id):
        return []
    exact = LedgerRow.objects.filter(message_id__in=written_as(message_id))
    part = LedgerRow.objects.filter(message_id__contains=_bare(message_id))
    found = _newest(exact) or _newest(newest_part(part))
    return explain_rows(found, None if reader is None else readable_among(reader, [row.email_id for row in found]))


def explain_email(email_id: UUID, readable: Collection[UUID] = ()) -> list[Explanation]:
    """What each mailbox that showed this email decided about it."""
    return explain_rows(_newest(LedgerRow.objects.filter(email_id=email_id)), readable)


def explain_rows(rows: Iterable[LedgerRow], readable: Collection[UUID] | None = ()) -> list[Explanation]:
    """These rows as explanations; select the mailbox and prefetch the placements. Whom an email came from is told only
    if it is among those that may be read; with None, of every email that is not private."""
    found = list(rows)
    masks = _masks(found, readable)
    policy = current_policy() if found else Policy()
    filed = {row.mailbox_id for row in found if row.explicit == Explicit.FOLDER or row.tracking_folder_id}
    names = folder_names(filed) if filed else {}
    return [_explanation(row, masks.get(row.email_id, ""), policy, names) for row in found]


def evidence_of(row: LedgerRow) -> Mapping[str, Any]:
    """The evidence as everybody may see it who looks at rows: that of tracked mail does not name the other side."""
    return _shown(row.evidence, _masks([row], ()).get(row.email_id, ""))


def _masks(rows: Iterable[LedgerRow], readable: Collection[UUID] | None) -> dict[UUID | None, str]:
    """What stands for names in the evidence of those emails that may not be read."""
    kept = {row.email_id for row in rows if row.email_id is not None} - set(readable or ())
    private = Email.objects.filter(pk__in=kept, is_private=True).values_list("pk", flat=True) if kept else ()
    masks: dict[UUID | None, str] = {} if readable is None else dict.fromkeys(kept, MASK)
    return masks | dict.fromkeys(private, PRIVATE)


def _shown(evidence: Mapping[str, Any], mask: str) -> Mapping[str, Any]:
    naming = {PRIVATE: _NAMING, MASK: _OTHER_SIDE}.get(mask, frozenset())
    return {key: mask if key in naming else value for key, value in evidence.items()}


def _newest(rows: QuerySet[LedgerRow]) -> list[LedgerRow]:
    return list(rows.select_related("mailbox").prefetch_related("placements").order_by("-pk")[:MOST])


def _explanation(row: LedgerRow, mask: str, policy: Policy, names: Mapping[tuple[UUID, str], str]) -> Explanation:
    name = row.mailbox.email_address or row.mailbox.name
    evidence = _shown(row.evidence, mask)
    decided = replace(_decided(row), evidence=evidence, sender="" if mask else row.sender, mailbox=name)
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
    wished = row.explicit == Explicit.PERSON
    return Decided(
        row.state, row.reason, row.evidence, row.sender, attempts=row.attempts, again=waits_again, wished=wished
    )


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
