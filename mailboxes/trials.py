"""Test and enable: asking for it, and looking at what came of it (3.10–3.13). The worker carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import QuerySet

from mailboxes.models import (
    ActDeliveryMethod,
    IncomingDeliveryMethod,
    Leg,
    Mailbox,
    MailboxLeg,
    OutgoingDeliveryMethod,
    Trial,
)

METHODS = {
    Leg.INCOMING: ("incoming_email_delivery_method", IncomingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION),
    Leg.OUTGOING: ("outgoing_email_delivery_method", OutgoingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION),
    Leg.ACT: ("act_delivery_method", ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION),
}
COUNT = "Count the messages"
"""The step that counts what a start date would read; its words are the date until it has been done."""


def request_trials(
    mailboxes: QuerySet[Mailbox], legs: Iterable[Leg], by: int | None, now: datetime, *, enables: bool = True
) -> int:
    """Ask for a test of these legs in the name of the user with the id `by`; the worker begins within two seconds.

    Only legs whose delivery method is server-side synchronization are tested (3.10); `why_not` tells about the others.
    A leg has one open test: asking again changes nothing. Returns how many tests are open for these legs now.
    """
    asked = 0
    for leg in legs:
        column, method = METHODS[leg]
        found = list(
            Mailbox.objects.filter(pk__in=mailboxes.values("pk"), **{column: method}).values_list("pk", flat=True)
        )
        trials = [Trial(mailbox_id=pk, leg=leg, enables=enables, requested_by_id=by, requested_on=now) for pk in found]
        rows = [MailboxLeg(mailbox_id=pk, leg=leg, due_on=now) for pk in found]
        MailboxLeg.objects.bulk_create(rows, ignore_conflicts=True)  # a mailbox of a bulk import may lack its legs
        Trial.objects.bulk_create(trials, ignore_conflicts=True)
        unfinished = Trial.objects.filter(mailbox_id__in=found, leg=leg, finished_on__isnull=True)
        if enables:
            unfinished.update(enables=True)
        asked += unfinished.count()
    return asked


def request_count(mailbox: Mailbox, since: date, by: int | None, now: datetime) -> bool:
    """Ask how many messages a start date would read (3.11): a test of the incoming leg that changes nothing.

    False while another test of that leg is open.
    """
    column, method = METHODS[Leg.INCOMING]
    if getattr(mailbox, column) != method:
        return False
    if Trial.objects.filter(mailbox=mailbox, leg=Leg.INCOMING, finished_on__isnull=True).exists():
        return False
    wanted = {"name": COUNT, "ok": None, "words": since.isoformat(), "remedy": ""}
    Trial.objects.bulk_create(
        [Trial(mailbox=mailbox, leg=Leg.INCOMING, enables=False, requested_by_id=by, requested_on=now, steps=[wanted])],
        ignore_conflicts=True,
    )
    return True


def why_not(mailbox: Mailbox, leg: Leg) -> str:
    """Why a leg is not tested, as a sentence; "" when it is."""
    column, method = METHODS[leg]
    if getattr(mailbox, column) == method:
        return ""
    chosen = getattr(mailbox, f"get_{column}_display")()
    return f"Not tested: the delivery method is {chosen}, not server-side synchronization."


def latest_trials(mailbox: Mailbox) -> list[Trial]:
    """The newest test of each leg that was ever tested, in the order of the legs."""
    trials = mailbox.trials.select_related("requested_by").order_by("-requested_on", "-pk")
    return [trial for leg in Leg if (trial := trials.filter(leg=leg).first()) is not None]


def is_test_scheduled(mailbox: Mailbox) -> bool:
    """`TestEmailConfigurationScheduled`: whether a test waits or runs."""
    return mailbox.trials.filter(finished_on__isnull=True).exists()


def last_test_ended_on(mailbox: Mailbox) -> datetime | None:
    """`TestMailboxAccessCompletedOn`: when a test ended last."""
    finished = mailbox.trials.filter(finished_on__isnull=False).order_by("-finished_on")
    return finished.values_list("finished_on", flat=True).first()
