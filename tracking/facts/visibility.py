"""Who may read which email: it follows the ledger rows of the mailboxes that are theirs (design.md, "Keys")."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from mailboxes.ownership import mailboxes_of
from tracking.crm.models import Email
from tracking.models import LedgerRow

MASK = "•••"
READ_OTHERS_MAIL = "crm.read_others_mail"


def reads_others_mail(user: User | AnonymousUser) -> bool:
    """Whether the role opens everybody's mail; such reading is logged."""
    return user.has_perm(READ_OTHERS_MAIL)


def own_emails(user: User | AnonymousUser) -> QuerySet[Email]:
    """Mail of the user's own mailbox and of their queues, and mail they own: all that is readable without a special right."""
    if user.pk is None:
        return Email.objects.none()
    theirs = mailboxes_of(user)
    shown = LedgerRow.objects.filter(mailbox__in=theirs, email__isnull=False).values("email")
    return Email.objects.filter(Q(pk__in=shown) | Q(owner_id=user.pk) | Q(sender_mailbox__in=theirs))


def visible_emails(user: User | AnonymousUser) -> QuerySet[Email]:
    """The emails this user may read: everybody's for those with the right to it, otherwise their own."""
    return Email.objects.all() if reads_others_mail(user) else own_emails(user)


def readable_among(user: User | AnonymousUser, email_ids: Iterable[UUID | None]) -> set[UUID]:
    """Those of the emails that the user may read; one query, for masking a list."""
    wanted = {email_id for email_id in email_ids if email_id is not None}
    return set(visible_emails(user).filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
