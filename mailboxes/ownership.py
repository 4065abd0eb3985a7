"""Whose mailbox it is: the user's own, that of a queue one owns, or that of a queue one works as a member."""

from __future__ import annotations

from enum import Enum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from mailboxes.models import Mailbox, Queue, QueueMember, QueueViewType
from profiles.models import StateCode

Person = AbstractBaseUser | AnonymousUser


class Standing(Enum):
    """What a person is to a mailbox. Owners change its settings, members only read it."""

    OWNER = "owner"
    MEMBER = "member"
    NOBODY = "nobody"


def mailboxes_of(user: Person) -> QuerySet[Mailbox]:
    """The mailboxes whose mail the user may read: own, of queues they own, of queues they are a member of."""
    if user.pk is None:
        return Mailbox.objects.none()
    return Mailbox.objects.filter(Q(regarding_user_id=user.pk) | Q(regarding_queue__in=queues_of(user)))


def queues_of(user: Person) -> QuerySet[Queue]:
    """The queues the user owns or is a member of."""
    if user.pk is None:
        return Queue.objects.none()
    worked = QueueMember.objects.filter(user_id=user.pk).values("queue")
    return Queue.objects.filter(Q(owner_id=user.pk) | Q(pk__in=worked))


def queues_open_to(user: Person) -> QuerySet[Queue]:
    """The active queues that the user may route work to: public ones, and private ones of their own (5.18)."""
    own = Q(pk__in=queues_of(user).values("pk"))
    return Queue.objects.filter(own | Q(queue_view_type=QueueViewType.PUBLIC), state_code=StateCode.ACTIVE)


def owns(user: Person, mailbox: Mailbox) -> bool:
    """Whether the mailbox is the user's own, or that of a queue of theirs. No query where its queue was selected along."""
    queue = mailbox.regarding_queue
    return user.pk is not None and user.pk in (mailbox.regarding_user_id, queue.owner_id if queue else None)


def standing(user: Person, mailbox: Mailbox) -> Standing:
    """What the user is to this mailbox. A forward mailbox has neither owner nor members (1.5)."""
    if owns(user, mailbox):
        return Standing.OWNER
    queue = mailbox.regarding_queue
    if user.pk is not None and queue is not None and QueueMember.objects.filter(queue=queue, user_id=user.pk).exists():
        return Standing.MEMBER
    return Standing.NOBODY
