"""The letter that an email becomes on its way to a server (7.2)."""

from __future__ import annotations

from collections.abc import Sequence

from profiles.items import Letter
from tracking.crm.delivery.recipients import still_to_get_it
from tracking.crm.models import Email
from tracking.crm.storage import read


def mark_of(email: Email, instance_id: str) -> str:
    """What a draft of this email bears on a server. The bytes have a part in it: a draft of an email that was taken back
    and changed is never sent in its place."""
    return f"{instance_id}/{email.pk}/{(email.original_id or '')[:12]}"


def letter_of(email: Email, instance_id: str, save_copy: bool, recipients: Sequence[str] | None = None) -> Letter:
    """The fixed message with its envelope: `recipients`, or whoever no server has taken it for yet; those in Bcc are in
    the envelope only. Raises FileNotFoundError if the stored message is missing."""
    assert email.original_id is not None, "fixed when it was submitted"
    assert email.sender_mailbox is not None, "fixed when it was submitted"
    return Letter(
        mark=mark_of(email, instance_id),
        message_id=email.message_id,
        sender=email.sender_mailbox.email_address,
        recipients=tuple(recipients if recipients is not None else still_to_get_it([email])[email.pk]),
        raw=read(email.original_id),
        save_copy=save_copy,
        wants_report=email.delivery_receipt_requested,
    )
