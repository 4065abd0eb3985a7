"""Nobody comes to read the mail of others unseen (12.1).

Whoever administers queues, mailboxes and accounts could give themselves somebody's mail. It cannot be made impossible,
so it takes two and it shows: nobody does it for themselves without the right to read others' mail, and each new reader
is announced to those whose mail it is, in an alert that neither the reader nor whoever did it can dismiss.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Q

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import Mailbox, Queue, QueueMember, TraceLevel

READ_OTHERS_MAIL = "crm.read_others_mail"
PASSWORD_RESET = "password reset"
_ACCESS = "access "
REFUSAL = (
    "You would read mail that was not yours so far. Nobody gives that to themselves: ask a colleague to do it, "
    "or a superuser for the right to read others’ mail."
)


def readers_of(mailbox: Mailbox) -> set[int]:
    """The ids of everybody whose own the mail of this mailbox is, as it is stored."""
    stored = Mailbox.objects.filter(pk=mailbox.pk).first()
    if stored is None:
        return set()
    return {one for one in (stored.regarding_user_id, stored.owner_id) if one is not None} | people_of(
        stored.regarding_queue_id
    )


def people_of(queue_id: Any) -> set[int]:
    """The ids of a queue's owner and members."""
    if queue_id is None:
        return set()
    owner = Queue.objects.filter(pk=queue_id, owner__isnull=False).values_list("owner_id", flat=True)
    return {*owner, *QueueMember.objects.filter(queue_id=queue_id).values_list("user_id", flat=True)}


def may_make_readers(by: User, mailbox: Mailbox | None, after: Iterable[int | None]) -> bool:
    """Whether this person may make these the readers of a mailbox: of one that exists not themselves without the right."""
    if mailbox is None or by.pk not in set(after) or by.has_perm(READ_OTHERS_MAIL):
        return True
    return by.pk in readers_of(mailbox)


def announce(mailbox: Mailbox, before: set[int], by: User | None, now: datetime) -> None:
    """Tell those who read this mailbox who reads it as well from now on, and those who do no longer that it is so. `by` is
    None for a configuration file."""
    after = readers_of(mailbox)
    for person in _people(after - before):
        _tell(mailbox, person, by, now)
    for person in _people(before - after):
        own = Mailbox.objects.filter(regarding_user=person).first()
        if own is not None and own.pk != mailbox.pk:
            text = f"{_who(by)} ended that {_name(person)} reads the mail of {mailbox}."
            raise_alert(own, TraceLevel.INFORMATION, f"{_cause(by)} left {mailbox.pk}", text, now, always=True)


def _tell(mailbox: Mailbox, person: Any, by: User | None, now: datetime) -> None:
    whom = "themselves" if by is not None and person.pk == by.pk else _name(person)
    raise_alert(
        mailbox,
        TraceLevel.INFORMATION,
        f"{_cause(by)} gave {person.pk}",
        f"{_who(by)} let {whom} read the mail of {mailbox}, from now on and what is there already.",
        now,
        remedy="Nothing, if you expected it. Otherwise ask them, or another administrator.",
        always=True,
    )


def note_reset(user: User, by: User, now: datetime) -> str:
    """Somebody else has set a person's password, and could sign in as them. Returns the sentence they are told."""
    text = f"{_name(by)} has set a new password for {_name(user)} at {now:%Y-%m-%d %H:%M} UTC."
    mailbox = Mailbox.objects.filter(regarding_user=user).first()
    if mailbox is not None:
        remedy = "Change your password: whoever set it knows it. If you did not ask for it, ask them why."
        raise_alert(mailbox, TraceLevel.WARNING, PASSWORD_RESET, text, now, remedy=remedy, always=True)
    return text


def reset_of(user: User) -> str:
    """What a person is told as long as somebody else knows their password; "" otherwise."""
    open_alerts = Mailbox.objects.filter(
        regarding_user=user, alerts__cause=PASSWORD_RESET, alerts__closed_on__isnull=True
    )
    return open_alerts.values_list("alerts__text", flat=True).first() or ""


def note_own_password(user: User, now: datetime) -> None:
    """The person has chosen a password of their own: nobody else knows it any more."""
    mailbox = Mailbox.objects.filter(regarding_user=user).first()
    if mailbox is not None:
        close_alerts(mailbox, [PASSWORD_RESET], now)


def access_cause_of(by: Any) -> Q:
    """The condition for alerts that this person may not dismiss."""
    did, gained = Q(cause__startswith=f"{_ACCESS}{by.pk} "), Q(cause__startswith=_ACCESS, cause__endswith=f" {by.pk}")
    return did | gained | Q(cause=PASSWORD_RESET)


def _people(ids: Iterable[int]) -> list[Any]:
    return list(get_user_model().objects.filter(pk__in=ids).order_by("pk"))


def _who(by: User | None) -> str:
    return "A configuration file" if by is None else _name(by)


def _cause(by: User | None) -> str:
    return f"{_ACCESS}{'configure' if by is None else by.pk}"


def _name(person: Any) -> str:
    return person.get_full_name() or person.get_username()
