"""Giving an email its tracking token before it is sent (6.5)."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef

from mailboxes.models import UserSettings
from mailboxes.policy import Policy
from tracking.crm.models import Email
from tracking.crm.tokens import RANDOM_BITS, classic_head, classic_token, counter_after, long_token, with_token

SIZE = 50
ATTEMPTS = 3


def subject_with_token(email: Email, policy: Policy) -> tuple[str, str]:
    """The subject as it goes out, and the token at its end; "" for none. It is omitted where it does not fit."""
    if not policy.email_token_enabled:
        return email.subject, ""
    token = email.tracking_token or _issue(email, policy)
    written = with_token(email.subject, token, policy) if len(token) <= SIZE else None
    return (email.subject, "") if written is None else (written, token)


def _issue(email: Email, policy: Policy) -> str:
    if policy.tracking_token_form != "classic":
        return long_token(secrets.randbits(RANDOM_BITS))
    with transaction.atomic():  # stored at once: the counter of the next one follows it
        head = classic_head(_ordinal_of(_user_of(email)), policy)
        token = classic_token(head, counter_after(_last_with(head, policy), policy), policy)
        Email.objects.filter(pk=email.pk).update(tracking_token=token)
    email.tracking_token = token
    return token


def _user_of(email: Email) -> Any:
    """Whose number the token bears: the email's owner, else that of the mailbox; a mailbox of nobody has number 0."""
    return email.owner_id or (email.sender_mailbox.owner_id if email.sender_mailbox else None)


def _ordinal_of(user_id: Any) -> int:
    """The user's number, given when it is first needed. The row stays locked, so that nobody takes the same counter."""
    if user_id is None:
        return 0
    UserSettings.objects.get_or_create(user_id=user_id)
    held = UserSettings.objects.select_for_update().get(user_id=user_id)
    if held.tracking_token_id is not None:
        return held.tracking_token_id
    for attempt in range(1, ATTEMPTS + 1):
        highest = UserSettings.objects.aggregate(highest=Max("tracking_token_id"))["highest"] or 0
        try:
            with transaction.atomic():
                UserSettings.objects.filter(user_id=user_id).update(tracking_token_id=highest + 1)
        except IntegrityError:  # somebody else was given this number a moment ago
            if attempt == ATTEMPTS:
                raise
        else:
            return highest + 1
    raise AssertionError("returned or raised in the loop")


def _last_with(head: str, policy: Policy) -> str:
    """The newest token of this user; the range is what the index is asked for. Answers bear that of their conversation
    again, which says nothing about the counter."""
    digits = policy.tracking_number_digits
    issued = Email.objects.filter(
        tracking_token__gte=head + "0" * digits,
        tracking_token__lte=head + "9" * digits,
        tracking_token__startswith=head,
    )
    again = Email.objects.filter(
        tracking_token=OuterRef("tracking_token"),
        conversation_tracking_id=OuterRef("conversation_tracking_id"),
        pk__lt=OuterRef("pk"),
    )
    first = issued.exclude(tracking_token="").exclude(Exists(again)).order_by("-id")
    return first.values_list("tracking_token", flat=True).first() or ""
