"""The rest of a message of which only the header was kept, because it is large (5.19): the same email gets its body."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import QuerySet

from mailboxes.asking import ask_to_receive
from mailboxes.policy import Policy
from profiles.connectors import mime
from profiles.statements import insert_many
from tracking.crm.models import Blob, Email
from tracking.crm.models.events import EventKind, email_event
from tracking.crm.models.states import Notifications
from tracking.decide.verdicts import LARGEST_EVER, Message
from tracking.keep.contents import fill
from tracking.keep.emails import KeptEmail
from tracking.keep.totals import COLUMN, move_totals
from tracking.models import Acknowledgement, Explicit, LedgerRow, LedgerState, Placement

_COLUMNS = (
    "description",
    "mime_type",
    "preview",
    "automatic_kind",
    "internet_message_headers",
    "attachment_count",
    "notifications",
    "original_id",
    "safe_description",
)


def rest_of(email_id: UUID, message: Message, parsed: mime.Message, blob: Blob, policy: Policy) -> KeptEmail:
    """What the whole message adds to an email that may have only its header."""
    email = Email(id=email_id, original_id=blob.digest)
    return KeptEmail(email, blob, attachments=fill(email, message, parsed, policy))


def complete(rest: KeptEmail, now: datetime) -> bool:
    """Write it, if that email really has only its header; what a person has changed stays. Inside a transaction."""
    found = Email.objects.select_for_update().filter(
        pk=rest.email.pk, original__isnull=True, notifications=Notifications.TRUNCATED_BODY
    )
    known = found.only("id", "edited_fields", "receiving_mailbox_id", "sender_mailbox_id").first()
    if known is None or rest.blob is None:
        return False
    insert_many([rest.blob], ignore_conflicts=True)
    columns = {name: getattr(rest.email, name) for name in _COLUMNS if name not in known.edited_fields}
    Email.objects.filter(pk=known.pk).update(modified_on=now, **columns)
    insert_many(rest.attachments)
    insert_many([email_event(known, EventKind.EMAIL_CHANGED, now, completed=True)])
    return True


def may_fetch_whole(email: Email) -> bool:
    """Whether only the header is kept, a server still shows the message, and it is not larger than anything we take."""
    return is_header_only(email) and _at_hand(email).exists()


def fetch_whole(email: Email, by: User | AnonymousUser, now: datetime) -> bool:
    """A person asks for the whole message: its row waits again, past the limit, and the mailbox is read at once.
    Returns whether a server still shows it."""
    if not is_header_only(email):
        return False
    with transaction.atomic():
        row = _at_hand(email).select_for_update().order_by("pk").first()
        if row is None:
            return False
        columns = {"state": LedgerState.PENDING, "attempts": 0, "retry_on": None, "error": "", "decided_on": None}
        columns |= {"explicit": Explicit.PERSON, "explicit_by_id": by.pk}
        if not LedgerRow.objects.filter(pk=row.pk, state=LedgerState.TRACKED).update(**columns):
            return False
        move_totals(row.mailbox_id, Counter({COLUMN[LedgerState.TRACKED]: -1, COLUMN[LedgerState.PENDING]: 1}))
        Placement.objects.filter(ledger_row=row).update(acknowledge=Acknowledgement.NONE)
        ask_to_receive([row.mailbox_id], now)
    return True


def is_header_only(email: Email) -> bool:
    """Whether only the header of this message is kept, because it is large."""
    return email.original_id is None and email.notifications == Notifications.TRUNCATED_BODY


def _at_hand(email: Email) -> QuerySet[LedgerRow]:
    shown = Placement.objects.filter(gone_on__isnull=True, ledger_row__email_id=email.pk).values("ledger_row")
    return LedgerRow.objects.filter(pk__in=shown, state=LedgerState.TRACKED, size__lte=LARGEST_EVER)
