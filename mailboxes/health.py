"""How a leg and its mailbox are doing, in one word for badges, cards and filters (3.9, 4.1)."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, TextChoices, Value, When

from mailboxes.models import (
    ActDeliveryMethod,
    IncomingDeliveryMethod,
    Leg,
    LegStatus,
    Mailbox,
    MailboxLeg,
    OutgoingDeliveryMethod,
)
from profiles.models import StateCode


class Health(TextChoices):
    """One word. Of several legs the word that asks loudest for a person wins."""

    STOPPED = "stopped", "Stopped"
    FAILING = "failing", "Failing"
    WORKING = "working", "Working"
    SKIPPED = "skipped", "Skipped"
    NEVER_RUN = "never-run", "Never run"
    FORWARDED = "forwarded", "Forwarded"
    OFF = "off", "Off"

    @property
    def is_quiet(self) -> bool:
        """Whether such a leg neither runs by itself nor asks for a person; a mailbox as a whole is never called so."""
        return self in (Health.FORWARDED, Health.OFF)


_METHOD = {
    Leg.INCOMING: ("incoming_email_delivery_method", IncomingDeliveryMethod.NONE),
    Leg.OUTGOING: ("outgoing_email_delivery_method", OutgoingDeliveryMethod.NONE),
    Leg.ACT: ("act_delivery_method", ActDeliveryMethod.NONE),
}
_STOPPED = Q(status=LegStatus.FAILURE) & (Q(enabled=False) | Q(stopped_on__isnull=False))
_FAILING = Q(status=LegStatus.FAILURE, enabled=True, stopped_on__isnull=True)
_WORKING = Q(status=LegStatus.SUCCESS, enabled=True, skip_reason="")
_SKIPPED = ~Q(skip_reason="")


def health_of_leg(mailbox: Mailbox, row: MailboxLeg) -> Health:
    """How one leg is doing; OFF when its delivery method is None and FORWARDED when its mail comes through a forward
    mailbox (1.6), whatever happened to it before."""
    column, none = _METHOD[Leg(row.leg)]
    if getattr(mailbox, column) == none:
        return Health.OFF
    if mailbox.state_code == StateCode.INACTIVE:
        return Health.SKIPPED
    if row.leg == Leg.INCOMING and mailbox.incoming_email_delivery_method == IncomingDeliveryMethod.FORWARD_MAILBOX:
        return Health.FORWARDED
    if row.status == LegStatus.FAILURE:
        return Health.FAILING if row.enabled and row.stopped_on is None else Health.STOPPED
    if row.skip_reason:
        return Health.SKIPPED
    return Health.WORKING if row.status == LegStatus.SUCCESS and row.enabled else Health.NEVER_RUN


def health_of(mailbox: Mailbox) -> Health:
    """How the mailbox is doing as a whole; prefetch `legs` when asking for many. `with_health` says the same in SQL."""
    if mailbox.state_code == StateCode.INACTIVE:
        return Health.SKIPPED
    found = {health_of_leg(mailbox, row) for row in mailbox.legs.all()}
    return next((word for word in Health if word in found and not word.is_quiet), Health.SKIPPED)


def with_health(mailboxes: QuerySet[Mailbox]) -> QuerySet[Any]:
    """Annotate `health`, so that mailboxes can be counted and filtered by it."""
    on = Q()
    for leg, (column, none) in _METHOD.items():
        on |= Q(leg=leg) & ~Q(**{f"mailbox__{column}": none})
    forwarded = Q(leg=Leg.INCOMING, mailbox__incoming_email_delivery_method=IncomingDeliveryMethod.FORWARD_MAILBOX)
    legs = MailboxLeg.objects.filter(on & ~forwarded, mailbox=OuterRef("pk"))
    never_run = ~_STOPPED & ~_FAILING & ~_WORKING & ~_SKIPPED
    cases = [
        When(state_code=StateCode.INACTIVE, then=Value(Health.SKIPPED)),
        When(Exists(legs.filter(_STOPPED)), then=Value(Health.STOPPED)),
        When(Exists(legs.filter(_FAILING)), then=Value(Health.FAILING)),
        When(Exists(legs.filter(_WORKING)), then=Value(Health.WORKING)),
        When(Exists(legs.filter(_SKIPPED)), then=Value(Health.SKIPPED)),
        When(Exists(legs.filter(never_run)), then=Value(Health.NEVER_RUN)),
    ]
    return mailboxes.annotate(health=Case(*cases, default=Value(Health.SKIPPED), output_field=CharField()))
