"""Emails that may be sent and yet wait for a person's word: an old backlog (7.3), and what looks like a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Lower

from mailboxes.alarms import close_alerts, raise_alert
from mailboxes.models import Leg, Mailbox, MailboxLeg, TraceLevel
from mailboxes.policy import Policy
from tracking.crm.delivery.moves import IllegalMove
from tracking.crm.delivery.waiting import unsent
from tracking.crm.models import ActivityParty, Email
from tracking.crm.models.states import EmailStatus, HoldReason, RecipientState

LOOKED_AT = timedelta(hours=1)
CAUSES = {HoldReason.TOO_OLD: "outgoing backlog", HoldReason.LOOP: "outgoing loop"}
_REMEDY = "Look at those that are held, in the Outbox or in the list of emails, and release, take back or cancel them."


def hold_backlog(mailbox: Mailbox, policy: Policy, now: datetime) -> int:
    """What was submitted longer ago than the limit, and could have left since, is held; an alert asks (7.3).

    The time counts from when it could have left last: a time that its writer or a server gave is no delay of ours, and a
    person who releases it sets that time. Call it in a transaction that pins the lease. Returns how many.
    """
    if policy.ask_before_sending_after_hours == 0:
        return 0
    limit = now - timedelta(hours=policy.ask_before_sending_after_hours)
    old = unsent(mailbox, EmailStatus.PENDING_SEND).filter(
        Q(delayed_email_send_time__isnull=True) | Q(delayed_email_send_time__lt=limit),
        Q(postpone_email_processing_until__isnull=True) | Q(postpone_email_processing_until__lt=limit),
        hold_reason=HoldReason.NONE,
        submitted_on__lt=limit,
    )
    number = old.update(hold_reason=HoldReason.TOO_OLD, modified_on=now)
    if number:
        hours = policy.ask_before_sending_after_hours
        told = f"{_emails(number)} of {mailbox} could not be sent for more than {hours} hours and now could."
        _ask(mailbox, HoldReason.TOO_OLD, f"{told} Nothing of it leaves before somebody says so.", now)
    return number


def without_loops(
    mailbox: Mailbox, emails: Sequence[Email], waiting: dict[UUID, tuple[str, ...]], policy: Policy, now: datetime
) -> list[Email]:
    """These emails without those that would be too many to one address within an hour: these are held, and an alert
    asks. What was let through before, by a person or by an attempt that the server put off, is not stopped again.
    `waiting` are the addresses of each email. Call it in a transaction that pins the lease.
    """
    limit = policy.mails_per_hour_to_one_address
    if limit == 0:
        return list(emails)
    sent, let_through, held = _sent_lately(mailbox, waiting, limit, now), [], []
    for email in emails:
        addresses = [address.lower() for address in waiting[email.pk]]
        is_new = email.postpone_email_processing_until is None
        if is_new and any(sent[address] >= limit for address in addresses):
            held.append(email)
        else:
            let_through.append(email)
            sent.update(addresses)
    if held:
        Email.objects.filter(pk__in=[email.pk for email in held]).update(hold_reason=HoldReason.LOOP, modified_on=now)
        told = f"At least {_emails(limit).lower()} went from {mailbox} to the same address within an hour."
        more = f"{_emails(len(held))} more to it wait: two machines may be answering each other."
        _ask(mailbox, HoldReason.LOOP, f"{told} {more}", now)
    return let_through


def _sent_lately(mailbox: Mailbox, waiting: dict[UUID, tuple[str, ...]], limit: int, now: datetime) -> Counter[str]:
    """How many emails of the last hour each of these addresses was sent by this mailbox."""
    lately = Email.objects.filter(sender_mailbox=mailbox, sent_on__gt=now - LOOKED_AT, direction_code=True)
    if not lately.order_by()[limit - 1 : limit].exists():  # the usual case: nobody can have got that many
        return Counter()
    wanted = {address.lower() for addresses in waiting.values() for address in addresses}
    parties = ActivityParty.objects.annotate(key=Lower("address_used")).filter(
        key__in=wanted, activity_id__in=lately.order_by().values("pk")
    )
    counted = parties.exclude(delivery_state=RecipientState.NOT_SENT).values_list("key")
    return Counter(dict(counted.annotate(number=Count("activity_id", distinct=True))))


def release(emails: Iterable[Email], now: datetime) -> int:
    """A person has looked at them: they leave with the next run. Raises IllegalMove for one that is not held."""
    found = list(emails)
    with transaction.atomic():
        for email in found:
            held = Email.objects.filter(pk=email.pk, status_code=EmailStatus.PENDING_SEND)
            if not held.exclude(hold_reason=HoldReason.NONE).update(
                hold_reason=HoldReason.NONE, postpone_email_processing_until=now, modified_on=now
            ):
                raise IllegalMove("the email is not held")
            email.hold_reason, email.postpone_email_processing_until = HoldReason.NONE, now
            close_answered_alerts(email, now)
        mailboxes = {email.sender_mailbox_id for email in found}
        MailboxLeg.objects.filter(mailbox__in=mailboxes, leg=Leg.OUTGOING).request(now)
    return len(found)


def close_answered_alerts(email: Email, now: datetime) -> None:
    """The alert asks no more once nothing of its mailbox is held for that reason."""
    mailbox = email.sender_mailbox
    if mailbox is None:
        return
    held = unsent(mailbox, EmailStatus.PENDING_SEND)
    still = set(held.exclude(hold_reason=HoldReason.NONE).values_list("hold_reason", flat=True).distinct())
    close_alerts(mailbox, [cause for reason, cause in CAUSES.items() if reason not in still], now)


def _ask(mailbox: Mailbox, reason: HoldReason, text: str, now: datetime) -> None:
    raise_alert(mailbox, TraceLevel.WARNING, CAUSES[reason], text, now, remedy=_REMEDY, always=True)


def _emails(number: int) -> str:
    return "One email" if number == 1 else f"{number} emails"
