"""Why a mail was (not) tracked: ledger rows read back as sentences (law 4), for the console and `manage.py why`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mailboxes.models import IncomingFilter
from tracking.crm.identity import stored_message_id
from tracking.crm.models import Direction, Email
from tracking.decide.verdicts import REASON_TEXTS, Reason
from tracking.models import LedgerRow, LedgerState

MOST = 100
_LABELS: Mapping[str, str] = {
    "candidate": "Asked on behalf of",
    "filter": "Filter",
    "header": "Found in the header",
    "message_id": "Answers",
    "email": "Email",
    "looked_for": "Looked for",
    "sender": "Sender",
    "record": "Record",
    "kind": "Kind of record",
    "received": "Received",
    "start": "Start date",
    "size": "Size in bytes",
    "limit": "Largest size in bytes",
    "forward": "Marked as a forward",
    "found_by": "Found by",
    "because": "Counts because",
    "shared_addresses": "Addresses in common",
    "suggested": "May belong to email",
    "suggested_by": "Suggested by",
    "ignored_by": "Ignored by",
    "delivered": "Delivered",
    "delivered_to": "Delivered to",
    "recipient": "Recipient",
    "excluded": "Excluded is the",
    "value": "Namely",
    "candidates": "Who was asked",
    "further_candidates": "Further ones asked",
}
_NAMING = frozenset({"sender", "record", "recipient", "recipients", "delivered_to", "value", "candidates"})


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

    @property
    def evidence_lines(self) -> list[tuple[str, str]]:
        """The evidence as pairs of a label and a text."""
        return evidence_lines(self.evidence)


def explain(message_id: str) -> list[Explanation]:
    """What became of the message with this Message-ID in each mailbox, at most 100 rows, newest first.

    Angle brackets may be left out. If no message has exactly this Message-ID, those that contain the text are meant.
    """
    if not _bare(message_id):
        return []
    exact = LedgerRow.objects.filter(message_id__in=_forms(message_id))
    return _explained(exact) or _explained(LedgerRow.objects.filter(message_id__contains=_bare(message_id)))


def explain_email(email_id: UUID) -> list[Explanation]:
    """What each mailbox that showed this email decided about it."""
    return _explained(LedgerRow.objects.filter(email_id=email_id))


def explain_rows(rows: Iterable[LedgerRow]) -> list[Explanation]:
    """These rows as explanations; select the mailbox and prefetch the placements."""
    found = list(rows)
    private = _private_among(found)
    return [_explanation(row, row.email_id in private) for row in found]


def evidence_of(row: LedgerRow) -> Mapping[str, Any]:
    """The evidence as it may be shown: that of private mail names nobody."""
    return _shown(row.evidence, bool(_private_among([row])))


def _private_among(rows: Iterable[LedgerRow]) -> set[UUID]:
    kept = [row.email_id for row in rows if row.email_id is not None]
    return set(Email.objects.filter(pk__in=kept, is_private=True).values_list("pk", flat=True)) if kept else set()


def _shown(evidence: Mapping[str, Any], is_private: bool) -> Mapping[str, Any]:
    return {key: "private" if is_private and key in _NAMING else value for key, value in evidence.items()}


def _explained(rows: QuerySet[LedgerRow]) -> list[Explanation]:
    return explain_rows(rows.select_related("mailbox").prefetch_related("placements").order_by("-pk")[:MOST])


def _explanation(row: LedgerRow, is_private: bool) -> Explanation:
    return Explanation(
        row_id=row.pk,
        mailbox_id=row.mailbox.pk,
        mailbox=row.mailbox.email_address or row.mailbox.name,
        message_id=row.message_id,
        state=LedgerState(row.state),
        reason=row.reason,
        sentence=sentence(row),
        evidence=_shown(row.evidence, is_private),
        email_id=row.email_id,
        error=row.error,
        attempts=row.attempts,
        received_on=row.received_on,
        decided_on=row.decided_on,
        retry_on=row.retry_on,
        placements=tuple(Seen(one.folder, one.server_key, one.shown_on, one.gone_on) for one in row.placements.all()),
    )


def sentence(row: LedgerRow) -> str:
    """Why the row is in its state, as one sentence for people."""
    if "ignored_by" in row.evidence:
        return f"{row.evidence['ignored_by']} chose to ignore it."
    if row.state == LedgerState.PENDING:
        if row.attempts:
            return f"It failed {row.attempts} times and is tried again."
        return "It is judged once more." if row.decided_on else "It has not been judged yet."
    if row.state == LedgerState.QUARANTINED:
        return f"It failed {row.attempts} times and is kept aside until somebody decides."
    if row.state == LedgerState.GONE:
        return "The server stopped showing it before it could be judged."
    return REASON_TEXTS.get(row.reason if row.reason is not None else Reason.UNKNOWN, REASON_TEXTS[Reason.UNKNOWN])


def evidence_lines(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Evidence as people read it: pairs of a label and a text, in the order it was gathered."""
    return [
        (_LABELS.get(key, key.replace("_", " ").capitalize()), _text(key, value)) for key, value in evidence.items()
    ]


def _text(key: str, value: Any) -> str:
    if key == "filter" and value in IncomingFilter.values:
        return str(IncomingFilter(value).label)
    if key == "candidates" and not isinstance(value, str):
        return "; ".join(_said(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value) or "nothing: the message names no earlier one"
    return str(value)


def _said(one: Mapping[str, Any]) -> str:
    """What one candidate said (5.7)."""
    return f"{one['name']}: {'yes' if one['accepted'] else 'no'}. {REASON_TEXTS.get(one['reason'], '')}"


def sent_with(message_id: str) -> list[Email]:
    """The outgoing emails that bear exactly this Message-ID: they need no ledger row to be explained."""
    emails = Email.objects.filter(message_id__in=_forms(message_id), direction_code=Direction.OUTGOING)
    return list(emails.select_related("sender_mailbox").defer("description", "safe_description")[:MOST])


def _forms(message_id: str) -> list[str]:
    """The ways in which people write one Message-ID, as it may be stored."""
    bare = _bare(message_id)
    return [stored_message_id(form) for form in (bare, f"<{bare}>")] if bare else []


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")
