"""Mail that no person wrote: automatic replies, bounces, lists, receipts (RFC 3834, RFC 3464, vendors' marks)."""

from __future__ import annotations

import re
from enum import IntEnum

from profiles.connectors.mime.reports import Report
from profiles.connectors.mime.values import Envelope


class AutomaticKind(IntEnum):
    """The numbers are those of the column `automatic_kind`."""

    NONE = 0
    AUTO_REPLY = 1
    BOUNCE = 2
    DELAY_NOTICE = 3
    BULK = 4
    NOTIFICATION = 5
    RECEIPT = 6


_ANSWERS = frozenset(
    {AutomaticKind.AUTO_REPLY, AutomaticKind.BOUNCE, AutomaticKind.DELAY_NOTICE, AutomaticKind.RECEIPT}
)
_REPLY_MARKS = {
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Reply",
    "X-Autoreply-From",
    "X-Mail-Autoreply",
    "X-Autoresponder",
}
_LIST_MARKS = {"List-Id", "List-Unsubscribe", "Feedback-Id"}
# How Exchange, Outlook and others begin the subject of an absence notice. A subject alone proves nothing.
_ABSENCE = re.compile(
    r"\s*(?:auto(?:matic|mated)?[- ]?repl(?:y|ies)|auto(?:matic)? ?response|out of (?:the )?office|"
    r"automatische antwort|abwesenheits|abwesend|réponse automatique|absence d|respuesta automática|fuera de |"
    r"risposta automatica|fuori sede|automatisch antwoord|afwezig|resposta automática|autosvar|automatisk svar|"
    r"automatiskt svar|automaattinen vastaus|autoodpowiedź|odpowiedź automatyczna|automatická odpov|automatikus válasz|"
    r"автоответ|автоматический ответ|自动答复|自動回覆|自動応答|자동 회신)",
    re.IGNORECASE,
)


def automatic_kind(envelope: Envelope, report: Report | None = None) -> AutomaticKind:
    """What kind of automatic mail this is, from its header fields and, of a bounce, from the `report` inside."""
    if envelope.report_type == "disposition-notification":
        return AutomaticKind.RECEIPT
    if report is not None:
        return _kind_of_report(report)
    if envelope.is_delivery_report:
        return AutomaticKind.BOUNCE
    if not envelope.headers and not envelope.auto_submitted:
        return AutomaticKind.NONE
    return _kind_by_marks(envelope)


def is_automatic(kind: int) -> bool:
    """Whether a machine wrote it about a mail or an event: no contact is made of its sender (5.15)."""
    return kind in _ANSWERS or kind == AutomaticKind.NOTIFICATION


def answers_automatically(kind: int) -> bool:
    """Whether a machine answered a mail with it: whoever sent that mail has nothing to work on, and no reply is due."""
    return kind in _ANSWERS


def _kind_of_report(report: Report) -> AutomaticKind:
    actions = {one.action for one in report.recipients}
    if "failed" in actions or not actions:
        return AutomaticKind.BOUNCE
    return AutomaticKind.DELAY_NOTICE if "delayed" in actions else AutomaticKind.RECEIPT


def _kind_by_marks(envelope: Envelope) -> AutomaticKind:
    marks = {name: value.strip().lower() for name, value in reversed(envelope.headers)}
    submitted = envelope.auto_submitted.partition(";")[0].strip()
    precedence = marks.get("Precedence", "")
    if submitted == "auto-replied" or precedence in ("auto_reply", "auto-reply"):
        return AutomaticKind.AUTO_REPLY
    if any(marks.get(name, "no") not in ("no", "") for name in _REPLY_MARKS):
        return AutomaticKind.AUTO_REPLY
    suppresses = marks.get("X-Auto-Response-Suppress", "none") not in ("none", "")
    by_machine = submitted not in ("", "no")
    if (suppresses or by_machine or precedence) and _ABSENCE.match(envelope.subject):
        return AutomaticKind.AUTO_REPLY
    if by_machine:
        return AutomaticKind.NOTIFICATION
    if precedence in ("bulk", "list", "junk") or _LIST_MARKS & marks.keys():
        return AutomaticKind.BULK
    return AutomaticKind.NOTIFICATION if suppresses else AutomaticKind.NONE
