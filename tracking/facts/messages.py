"""One message as decisions are given it: what it says about itself, with its identity worked out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from profiles.connectors import mime
from tracking.crm.identity import content_key, synthetic_message_id
from tracking.decide.verdicts import Message


def message_of(
    envelope: mime.Envelope, raw: bytes | None, parsed: mime.Message | None, *, key: str = "", **told: Any
) -> Message:
    """The message of this header, and of its bytes as far as they were fetched. `parsed` is needed where there is no
    Message-ID; `key` is its content key, where that is known already; `told` are the other fields of Message."""
    if not key:
        words = (parsed.text or parsed.html) if parsed is not None and not envelope.message_id else ""
        key = content_key(envelope, words)
    report = mime.report_of(raw, envelope) if raw is not None else None
    if report is not None:
        envelope = replace(envelope, reported=report.message_ids)
    return Message(
        envelope=envelope,
        key=key,
        message_id=envelope.message_id or synthetic_message_id(key),
        report=report,
        is_rights_protected=mime.is_rights_protected(envelope, raw),
        **told,
    )
