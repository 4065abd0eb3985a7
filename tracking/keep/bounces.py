"""A delivery report marks the email it is about: it came back, as a whole or for some recipients (RFC 3464).

Anybody can send a report. It counts only for a message whose Message-ID it names, for recipients that message really had.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.contenttypes.models import ContentType

from profiles.connectors.mime import Report, Reported
from tracking.crm import delivery
from tracking.crm.identity import stored_message_id
from tracking.crm.models import ActivityParty, Direction, DomainEvent, Email, Participation
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus

LONGEST_DETAIL = 2000
_LONGEST_LINE = 300
_DELAYED = "not delivered yet"
_COLUMNS = ("id", "status_code", "delivery_state", "delivery_detail", "message_id", "sender_mailbox_id", "sent_on")


def note_reports(reports: Iterable[Report], now: datetime) -> None:
    """Mark the emails that these reports are about; the same report again changes nothing. Call it inside the transaction
    that settles the reports."""
    for report in reports:
        for email in _reported_emails(report):
            _note(email, report, now)


def _reported_emails(report: Report) -> list[Email]:
    """What was sent from here and has left, as far as anybody knows."""
    ids = [stored_message_id(one) for one in report.message_ids]
    if not ids:
        return []
    sent = Email.objects.filter(message_id__in=ids, direction_code=Direction.OUTGOING)
    left = sent.filter(status_code__in=[EmailStatus.SENT, EmailStatus.SENDING])
    return list(left.select_for_update().only(*_COLUMNS).order_by("id"))


def _note(email: Email, report: Report, now: datetime) -> None:
    recipients = _recipients(email)
    told = {key: one for one in report.recipients for key in one.addresses if key in recipients}
    lines = [line for line in email.delivery_detail.split("\n") if line]
    failed = {key for key in recipients if any(_is_failure(line, key) for line in lines)}
    for key, one in told.items():
        if one.action == "failed":
            failed.add(key)
        elif one.action != "delayed" or key in failed:
            continue  # good news is no news, and a late notice of delay is none
        lines = [line for line in lines if not line.startswith(f"{key}: ")] + [_line(key, one)]
    detail = _fitted(lines)
    state = _state(email, failed, recipients)
    if (state, detail) != (email.delivery_state, email.delivery_detail):
        _mark(email, state, detail, now)


def _recipients(email: Email) -> frozenset[str]:
    parties = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(Email),
        activity_id=email.pk,
        participation_type_mask__in=[Participation.TO, Participation.CC, Participation.BCC],
    )
    return frozenset(address.lower() for address in parties.values_list("address_used", flat=True))


def _is_failure(line: str, key: str) -> bool:
    return line.startswith(f"{key}: ") and not line.startswith(f"{key}: {_DELAYED}")


def _line(key: str, one: Reported) -> str:
    said = [_DELAYED] if one.action == "delayed" else []
    said.append(f"{one.status} {one.words}".strip() or "came back without a reason")
    return f"{key}: {', '.join(said)}"[:_LONGEST_LINE]


def _fitted(lines: list[str]) -> str:
    """All lines if there is room; else the words are cut, so that no recipient is lost as long as possible."""
    text = "\n".join(lines)
    if len(text) > LONGEST_DETAIL:
        text = "\n".join(line[: max(40, LONGEST_DETAIL // len(lines) - 1)] for line in lines)
    return text[:LONGEST_DETAIL]


def _state(email: Email, failed: set[str], recipients: frozenset[str]) -> int:
    if not failed:
        return email.delivery_state
    return DeliveryState.BOUNCED if failed >= recipients else DeliveryState.PARTLY_BOUNCED


def _mark(email: Email, state: int, detail: str, now: datetime) -> None:
    if email.status_code == EmailStatus.SENDING:  # law 7: the report proves that it left
        if email.delivery_state != DeliveryState.UNKNOWN:
            return  # it is being handed over right now, and its worker will say how that went
        state = DeliveryState.ACCEPTED if state == DeliveryState.UNKNOWN else state
        columns = {"delivery_state": state, "delivery_detail": detail, "sent_on": email.sent_on or now}
        delivery.move(email, EmailStatus.SENT, now, **columns)
    else:
        Email.objects.filter(pk=email.pk).update(delivery_state=state, delivery_detail=detail, modified_on=now)
    DomainEvent.objects.create(
        kind=EventKind.EMAIL_CHANGED,
        happened_on=now,
        subject_id=str(email.pk),
        mailbox_id=email.sender_mailbox_id,
        facts={"delivery_state": int(state)},
    )
