"""What people do with an email they have written: send it, send it again, take it back, cancel it (7.2–7.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from mailboxes.models import Leg, MailboxLeg
from mailboxes.models.settings import current_policy
from mailboxes.policy import Policy
from profiles.connectors import mime
from tracking.crm.delivery.fixing import compose
from tracking.crm.delivery.holding import close_answered_alerts
from tracking.crm.delivery.moves import IllegalMove, move, tell
from tracking.crm.delivery.recipients import forget_refusals, hold, parties_of, somebody_has_it
from tracking.crm.hashing import hashes_for
from tracking.crm.identity import content_key, dup_check, stored_message_id
from tracking.crm.issuing import subject_with_token
from tracking.crm.models import Blob, Email, EmailHash
from tracking.crm.models.events import EventKind
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason, RecipientState
from tracking.crm.sending_rights import prepare
from tracking.crm.storage import store

S = EmailStatus
HAS_LEFT = "some recipients have it already. What is left of it is tried for the others until it is given up"


def submit(email: Email, now: datetime, by: AbstractUser | None = None) -> None:
    """Send (7.2): fix Message-ID and MIME once and for all, set Pending Send, and ask the mailbox's outgoing leg to run.

    `by` is who presses “Send”; None is a program. A failed email is sent again as the very same message. Raises
    IllegalMove, also where somebody has changed the draft since `email` was read; or ValueError naming what is missing or
    who may not (SendingRefused, with a sentence for each problem).
    """
    if email.sender_mailbox is None:
        raise ValueError("From: the email has no mailbox to be sent from")
    is_composed = email.original_id is None or email.status_code == S.DRAFT
    as_read = ("modified_on",) if is_composed else ()  # no old text goes to those who were named meanwhile
    policy = current_policy()
    route = prepare(email, by, policy)  # 7.5–7.7: from whom, to whom, through which mailbox
    for column, mailbox in route.items():
        setattr(email, column, mailbox)
    columns: dict[str, Any] = {
        **route,
        "delivery_state": DeliveryState.NOT_SENT,
        "delivery_detail": "",
        "postpone_email_processing_until": None,
        "hold_reason": HoldReason.NONE,
        "submitted_by": by,
        "submitted_on": now,
        # A new chance has all attempts before it, but what was attempted may have left something on the server.
        "delivery_attempts": min(email.delivery_attempts, 1),
    }
    blob, hashes = None, None
    if is_composed:
        blob, hashes, fixed = _fix(email, policy, now)
        columns |= fixed
    with transaction.atomic():
        if blob is not None:
            blob.save()
        if hashes is not None:
            EmailHash.objects.filter(email=email).delete()
            EmailHash.objects.bulk_create(hashes)
        forget_refusals(email)
        move(email, S.PENDING_SEND, now, as_read=as_read, **columns)
        tell(email, EventKind.EMAIL_SUBMITTED, now)
        MailboxLeg.objects.filter(mailbox=email.sender_mailbox, leg=Leg.OUTGOING).request(now)


def _fix(email: Email, policy: Policy, now: datetime) -> tuple[Blob, list[EmailHash], dict[str, Any]]:
    """The message as it will be on the wire, stored, and the columns that follow from it."""
    assert email.sender_mailbox is not None, "submit has seen to that"
    subject, token = subject_with_token(email, policy)  # 6.5
    raw = compose(email, email.sender_mailbox, subject, now)
    envelope = mime.envelope(raw)
    blob = store(raw, now)
    return (
        blob,
        hashes_for(email.pk, envelope, policy, now),
        {
            "original": blob,
            "message_id": stored_message_id(envelope.message_id),
            "message_id_dup_check": dup_check(content_key(envelope), outgoing=True),
            "subject": subject,
            "tracking_token": token,
        },
    )


def take_back(email: Email, now: datetime) -> None:
    """What waits, or has failed, becomes a draft again: it can be changed, and is composed anew when it is sent.

    Raises IllegalMove when it is being sent, or some recipients have it already.
    """
    with transaction.atomic():
        _insist_nobody_has_it(email)
        parties_of(email).update(delivery_state=RecipientState.NOT_SENT, delivery_detail="")
        state: dict[str, Any] = {"delivery_state": DeliveryState.NOT_SENT, "delivery_detail": ""}
        move(email, S.DRAFT, now, hold_reason=HoldReason.NONE, postpone_email_processing_until=None, **state)
        close_answered_alerts(email, now)
        _have_its_draft_removed(email, now)


def cancel(email: Email, now: datetime) -> None:
    """What was not sent is never sent. Raises IllegalMove as `take_back` does."""
    with transaction.atomic():
        _insist_nobody_has_it(email)
        move(email, S.CANCELED, now, hold_reason=HoldReason.NONE)
        close_answered_alerts(email, now)
        _have_its_draft_removed(email, now)


def _insist_nobody_has_it(email: Email) -> None:
    """Under the lock that a worker needs to say who has got it: nobody gets it between this question and the change."""
    hold(email)
    if somebody_has_it(email):
        raise IllegalMove(HAS_LEFT)


def _have_its_draft_removed(email: Email, now: datetime) -> None:
    """What was attempted may have left a draft on the server; the next run looks (law 7)."""
    if email.delivery_attempts and email.sender_mailbox_id is not None:
        MailboxLeg.objects.filter(mailbox=email.sender_mailbox_id, leg=Leg.OUTGOING).request(now)
