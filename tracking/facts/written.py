"""What a person has written, by where it is on its way: drafts, outbox, sent, failed (7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce

from mailboxes.ownership import mailboxes_of, owns
from tracking.crm.models import Email
from tracking.crm.models.states import EmailStatus
from tracking.crm.sending_rights import author_of
from tracking.facts.visibility import own_emails


class Box(StrEnum):
    """A stage on the way of an email that goes out."""

    DRAFTS = "drafts"
    OUTBOX = "outbox"
    FAILED = "failed"
    SENT = "sent"


STATUSES: Mapping[Box, tuple[EmailStatus, ...]] = {
    Box.DRAFTS: (EmailStatus.DRAFT,),
    Box.OUTBOX: (EmailStatus.PENDING_SEND, EmailStatus.SENDING),
    Box.FAILED: (EmailStatus.FAILED,),
    Box.SENT: (EmailStatus.SENT,),
}
EDITABLE = frozenset({EmailStatus.DRAFT, EmailStatus.FAILED})
ANSWERABLE = frozenset({EmailStatus.RECEIVED, EmailStatus.SENT, EmailStatus.COMPLETED})


def written_by(user: User | AnonymousUser) -> QuerySet[Email]:
    """Mail that goes out from the person's mailbox and their queues, or that they have written for others."""
    goes_out = Q(sender_mailbox__in=mailboxes_of(user)) | Q(owner_id=user.pk)
    return own_emails(user).filter(goes_out, direction_code=True)


def in_box(user: User | AnonymousUser, box: Box) -> QuerySet[Email]:
    """What is in one box, the newest first."""
    emails = written_by(user).filter(status_code__in=STATUSES[box])
    about = emails.select_related("sender_mailbox__regarding_queue", "represents__regarding_queue")
    newest = about.order_by(Coalesce("sent_on", "created_on").desc(), "-pk")
    return newest.defer("description", "safe_description")


def counts(user: User | AnonymousUser) -> dict[Box, int]:
    """How many emails wait for the person in each box; what was sent waits no more and is not counted."""
    waiting = [status for box, statuses in STATUSES.items() if box != Box.SENT for status in statuses]
    rows = written_by(user).filter(status_code__in=waiting).order_by().values_list("status_code")
    numbers = dict(rows.annotate(number=Count("pk")))
    return {box: sum(numbers.get(one, 0) for one in statuses) for box, statuses in STATUSES.items() if box != Box.SENT}


def may_handle(user: User | AnonymousUser, email: Email) -> bool:
    """Whether the person says what becomes of an email that goes out: its writer, and whoever owns the mailbox that stands
    in From. Members of a queue read its mail, and leave what others wrote as it is."""
    if user.pk is None:
        return False
    author = author_of(email)
    return user.pk == email.owner_id or (author is not None and owns(user, author))
