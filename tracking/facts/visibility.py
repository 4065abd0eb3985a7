"""Who may read which email: it follows the ledger rows of the mailboxes that are theirs (design.md, "Keys"), and the
queues in which it is worked on.

| mail | its own people | whoever may see the record it regards, by setting | `crm.read_others_mail` |
|---|---|---|---|
| any | yes | yes | yes, logged |
| private | those it belongs to | no | no |
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailboxes.models import Mailbox, QueueItem
from mailboxes.models.settings import current_policy
from mailboxes.ownership import mailboxes_of, queues_of
from tracking.crm.models import Email
from tracking.facts.regarding import KeyAsText, regards_what
from tracking.models import LedgerRow

Person = User | AnonymousUser
MASK = "•••"
PRIVATE = "private"
READ_OTHERS_MAIL = "crm.read_others_mail"


def reads_others_mail(user: Person) -> bool:
    """Whether the role opens everybody's mail, except what is private; such reading is logged."""
    return user.has_perm(READ_OTHERS_MAIL)


def mask_of(email: Email) -> str:
    """What stands for the subject where it may not be read."""
    return PRIVATE if email.is_private else MASK


def own_emails(user: Person) -> QuerySet[Email]:
    """Mail of the user's own mailbox and of their queues, and mail they own: all that is theirs, whatever the settings."""
    return Email.objects.none() if user.pk is None else Email.objects.filter(_own(user))


def belonging_to(user: Person) -> QuerySet[Email]:
    """The emails this person decides about: see `_belongs_to`."""
    return Email.objects.none() if user.pk is None else Email.objects.filter(_belongs_to(user))


def visible_emails(user: Person) -> QuerySet[Email]:
    """The emails this user may read."""
    return Email.objects.none() if user.pk is None else Email.objects.filter(readable_by(user))


def readable_by(user: Person) -> Q:
    """The condition for emails that this person may read; every page, list, search and download asks it."""
    if reads_others_mail(user):
        return Q(is_private=False) | _own(user)
    if current_policy().share_mail_by_regarding:
        return _own(user) | Q(is_private=False) & regards_what(user)
    return _own(user)


def readable_among(user: Person, email_ids: Iterable[UUID | None]) -> set[UUID]:
    """Those of the emails that the user may read, for masking a list; the number of queries does not grow with it."""
    wanted = {email_id for email_id in email_ids if email_id is not None}
    return set(visible_emails(user).filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()


def _own(user: Person) -> Q:
    theirs = mailboxes_of(user)
    mine = Q(pk__in=_shown_in(theirs)) | Q(owner_id=user.pk) | _sent_from(theirs) | _in_queues_of(user)
    mine |= Q(submitted_by=user.pk)
    # Who has a private mail in the mailbox of their own reads it there anyway.
    keeps = _belongs_to(user) | Q(pk__in=_shown_in(_personal(user)))
    return mine & (Q(is_private=False) | keeps)


def _in_queues_of(user: Person) -> Q:
    """What waits in a queue, or did, is read by its people: work routed to them from another queue as well (5.18)."""
    items = QueueItem.objects.filter(
        queue__in=queues_of(user),
        object_type=ContentType.objects.get_for_model(Email),
        object_id=KeyAsText(OuterRef("pk")),
    )
    return Q(Exists(items))


def _belongs_to(user: Person) -> Q:
    """Mail belongs to its owner; without one, to the user whose mailbox received or sent it. Mail of a queue belongs to
    the queue's people."""
    personal = _through(_personal(user)) & Q(owner__isnull=True)
    return Q(owner_id=user.pk) | personal | _through(Mailbox.objects.filter(regarding_queue__in=queues_of(user)))


def _personal(user: Person) -> QuerySet[Mailbox]:
    return Mailbox.objects.filter(regarding_user_id=user.pk)


def _through(mailboxes: QuerySet[Mailbox]) -> Q:
    forwarded = Q(receiving_mailbox__in=Mailbox.objects.filter(is_forward_mailbox=True))  # 8.2: it was read there
    received = Q(receiving_mailbox__in=mailboxes) | forwarded & Q(pk__in=_shown_in(mailboxes))
    return received | _sent_from(mailboxes)


def _sent_from(mailboxes: QuerySet[Mailbox]) -> Q:
    """What left through these mailboxes, and what left through others in their name (7.6)."""
    return Q(sender_mailbox__in=mailboxes) | Q(represents__in=mailboxes)


def _shown_in(mailboxes: QuerySet[Mailbox]) -> QuerySet[Any, Any]:
    return LedgerRow.objects.filter(mailbox__in=mailboxes, email__isnull=False).values("email")
