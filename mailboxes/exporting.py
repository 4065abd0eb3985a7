"""Mailboxes and alerts as lines of a spreadsheet: what the lists show, and never a secret. Times are UTC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from mailboxes.health import health_of_leg
from mailboxes.models import Leg, Mailbox, TraceLog

CHUNK = 500
_OF_A_LEG = ("condition", "enabled", "why", "failures in a row", "last run", "last success", "due")
MAILBOXES = (
    "name",
    "address",
    "belongs to",
    "owner",
    "profile",
    "state",
    "address approval",
    "approved by",
    "approved on",
    "incoming method",
    "outgoing method",
    "appointments, contacts and tasks method",
    "delete after processing",
    "process emails received after",
    "open alerts",
    *(f"{direction} {column}" for direction in ("incoming", "outgoing", "calendar") for column in _OF_A_LEG),
)
ALERTS = (
    "level",
    "text",
    "mailbox",
    "address",
    "profile",
    "occurrences",
    "first time",
    "last time",
    "closed",
    "what the server said",
    "what would fix it",
)


def mailbox_rows(mailboxes: QuerySet[Mailbox]) -> Iterator[list[Any]]:
    """One line for each mailbox. The queryset counts `open_alerts`, as the list does."""
    about = ("email_server_profile", "regarding_user", "regarding_queue", "owner", "email_address_approved_by")
    for mailbox in mailboxes.select_related(*about).prefetch_related("legs").iterator(CHUNK):
        yield [
            mailbox.name,
            mailbox.email_address,
            _whose(mailbox),
            str(mailbox.owner or ""),
            str(mailbox.email_server_profile or ""),
            mailbox.get_state_code_display(),
            mailbox.get_email_router_access_approval_display(),
            str(mailbox.email_address_approved_by or ""),
            mailbox.email_address_approved_on,
            mailbox.get_incoming_email_delivery_method_display(),
            mailbox.get_outgoing_email_delivery_method_display(),
            mailbox.get_act_delivery_method_display(),
            mailbox.process_and_delete_emails,
            mailbox.process_email_received_after,
            mailbox.open_alerts,  # type: ignore[attr-defined]
            *(value for leg in Leg for value in _leg(mailbox, leg)),
        ]


def _whose(mailbox: Mailbox) -> str:
    if mailbox.regarding_queue is not None:
        return f"queue {mailbox.regarding_queue}"
    return f"user {mailbox.regarding_user}" if mailbox.regarding_user is not None else "nobody (forward mailbox)"


def _leg(mailbox: Mailbox, leg: Leg) -> list[Any]:
    row = next((row for row in mailbox.legs.all() if row.leg == leg), None)
    if row is None:
        return [""] * len(_OF_A_LEG)
    return [
        str(health_of_leg(mailbox, row).label),
        row.enabled,
        row.skip_reason or row.last_error,
        row.failures,
        row.last_completed_on,
        row.last_succeeded_on,
        row.due_on if row.enabled else None,
    ]


def alert_rows(alerts: QuerySet[TraceLog]) -> Iterator[list[Any]]:
    """One line for each alert."""
    for alert in alerts.select_related("mailbox", "email_server_profile").iterator(CHUNK):
        yield [
            alert.get_level_display(),
            alert.text,
            str(alert.mailbox or ""),
            alert.mailbox.email_address if alert.mailbox else "",
            str(alert.email_server_profile or ""),
            alert.occurrences,
            alert.created_on,
            alert.last_occurred_on,
            alert.closed_on,
            alert.error_details,
            alert.remedy,
        ]
