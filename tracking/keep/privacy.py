"""What its owner says about a mail: that it is private, or no longer."""

from __future__ import annotations

from datetime import datetime

from tracking.crm.models import Email


def mark_private(email: Email, private: bool, now: datetime) -> None:
    """A person's word, which no later reading of the original changes."""
    edited = sorted({*email.edited_fields, "is_private"})
    Email.objects.filter(pk=email.pk).update(is_private=private, edited_fields=edited, modified_on=now)
    email.is_private, email.edited_fields = private, edited
