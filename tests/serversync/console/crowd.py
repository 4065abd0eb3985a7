"""A large organization, made with bulk inserts: so many mailboxes, a few of them in each kind of trouble."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Max
from django.utils import timezone

from mailboxes.models import (
    Approval,
    Leg,
    LegStatus,
    Mailbox,
    MailboxLeg,
    MailboxStatistics,
    Queue,
    TraceLevel,
    TraceLog,
    Trial,
    UserSettings,
)
from profiles.models import EmailServerProfile, ServerType
from tracking.models import LedgerRow, LedgerState, LedgerTotal

PROFILES = 4
PAGES = {
    "home": "/",
    "mailbox list": "/mailboxes/mailbox/",
    "mailbox list, last page": "/mailboxes/mailbox/?p=2",
    "mailbox list by alerts": "/mailboxes/mailbox/?o=-7",
    "mailbox list, failing": "/mailboxes/mailbox/?health=failing",
    "mailbox list, of queues": "/mailboxes/mailbox/?owner_kind=queue",
    "mailbox list, approved": "/mailboxes/mailbox/?email_router_access_approval__exact=1",
    "mailbox search": "/mailboxes/mailbox/?q=person-1",
    "alerts": "/mailboxes/tracelog/",
    "alerts, open": "/mailboxes/tracelog/?open=yes",
    "alert search": "/mailboxes/tracelog/?q=slow",
    "health": "/health/",
    "readiness": "/readyz",
    "emails": "/crm/email/",
    "ledger": "/tracking/ledgerrow/",
    "cycles": "/mailboxes/mailboxstatistics/",
    "folder rules": "/tracking/mailboxtrackingfolder/",
    "tests": "/tests/",
    "users": "/auth/user/",
    "queues": "/mailboxes/queue/",
}
"""What an administrator opens; each must cost the same however many mailboxes there are."""


def grow(first: int, last: int) -> list[Mailbox]:
    """The mailboxes with these numbers; every tenth belongs to a queue, every fifth fails and has an alert."""
    now = timezone.now()
    profiles = _profiles()
    numbers = range(first, last)
    mailboxes = Mailbox.objects.bulk_create(_mailboxes(numbers, profiles, now))
    MailboxLeg.objects.bulk_create(
        MailboxLeg(
            mailbox=one,
            leg=leg,
            enabled=leg != Leg.ACT,
            status=LegStatus.FAILURE if number % 5 == 0 else LegStatus.SUCCESS,
            failures=int(number % 5 == 0),
            due_on=now + timedelta(minutes=number % 12),
            last_completed_on=now - timedelta(minutes=number % 12),
            last_succeeded_on=now - timedelta(minutes=number % 12),
        )
        for number, one in zip(numbers, mailboxes, strict=True)
        for leg in Leg
    )
    TraceLog.objects.bulk_create(
        TraceLog(
            mailbox=one,
            level=TraceLevel.WARNING,
            cause="incoming failed",
            text="The server is slow.",
            created_on=now,
            last_occurred_on=now - timedelta(seconds=number),
        )
        for number, one in zip(numbers, mailboxes, strict=True)
        if number % 5 == 0
    )
    _add_mail(mailboxes, now)
    return mailboxes


def _profiles() -> list[EmailServerProfile]:
    return [
        EmailServerProfile.objects.get_or_create(
            name=f"Server {number}",
            defaults={"server_type": ServerType.OTHER_POP3_SMTP, "incoming_server_location": "mail.us.test"},
        )[0]
        for number in range(PROFILES)
    ]


def _mailboxes(numbers: range, profiles: list[EmailServerProfile], now: datetime) -> list[Mailbox]:
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"person-{number}", email=f"person-{number}@us.test")
        for number in numbers
        if number % 10
    )
    UserSettings.objects.bulk_create(UserSettings(user=user) for user in users)
    queues = Queue.objects.bulk_create(
        Queue(name=f"queue-{number}", email_address=f"queue-{number}@us.test") for number in numbers if number % 10 == 0
    )
    owners = {**{user.username: user for user in users}, **{queue.name: queue for queue in queues}}
    made = []
    for number in numbers:
        name = f"person-{number}" if number % 10 else f"queue-{number}"
        owner = {"regarding_user": owners[name]} if number % 10 else {"regarding_queue": owners[name]}
        made.append(
            Mailbox(
                name=name,
                email_address=f"{name}@us.test",
                email_server_profile=profiles[number % PROFILES],
                incoming_email_delivery_method=2,
                outgoing_email_delivery_method=2,
                email_router_access_approval=Approval.APPROVED,
                created_on=now,
                modified_on=now,
                **owner,
            )
        )
    return made


def _add_mail(mailboxes: list[Mailbox], now: datetime) -> None:
    """Two messages per mailbox, the cycle that brought them, and a test that passed."""
    after = LedgerRow.objects.aggregate(last=Max("pk"))["last"] or 0
    LedgerRow.objects.bulk_create(
        LedgerRow(
            mailbox=one,
            state=state,
            reason=6 if state == LedgerState.TRACKED else 1,
            content_key=f"{after}-{state}-{one.pk.hex}"[:32],
            message_id=f"<{state}-{one.pk.hex}@them.test>",
            discovered_on=now,
            decided_on=now,
        )
        for one in mailboxes
        for state in (LedgerState.TRACKED, LedgerState.IGNORED)
    )
    LedgerTotal.objects.bulk_create(LedgerTotal(mailbox=one, shown=2, tracked=1, ignored=1) for one in mailboxes)
    MailboxStatistics.objects.bulk_create(
        MailboxStatistics(
            mailbox=one,
            operation_type=Leg.INCOMING,
            mailbox_process_started_on=now - timedelta(minutes=5),
            mailbox_process_completed_on=now - timedelta(minutes=5),
            process_result=True,
            items_seen=2,
            items_tracked=1,
            items_ignored=1,
        )
        for one in mailboxes
    )
    Trial.objects.bulk_create(
        Trial(mailbox=one, leg=Leg.INCOMING, requested_on=now, finished_on=now, succeeded=True, steps=[])
        for one in mailboxes
    )
