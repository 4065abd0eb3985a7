"""The birth of mailboxes and their addresses: defaults, mirroring, taking an address over (3.1–3.3, 1.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from mailboxes.models import (
    ActDeliveryMethod,
    Approval,
    IncomingDeliveryMethod,
    LegStatus,
    Mailbox,
    Organization,
    OutgoingDeliveryMethod,
    Queue,
    UserSettings,
)
from mailboxes.models.leg import ensure_legs
from profiles.models import EmailServerProfile


@dataclass(frozen=True, slots=True)
class Defaults:
    """What new mailboxes get (3.2)."""

    incoming: IncomingDeliveryMethod
    outgoing: OutgoingDeliveryMethod
    act: ActDeliveryMethod
    profile: EmailServerProfile | None


class AddressTaken(Exception):
    """Another mailbox serves the address (1.3). `holder` is that mailbox; taking it over is a person's decision."""

    def __init__(self, holder: Mailbox) -> None:
        super().__init__(
            f"The address {holder.email_address} already belongs to the mailbox “{holder.name}”. "
            "Take it over to break that connection, or use another address."
        )
        self.holder = holder


def current_defaults() -> Defaults:
    """The organization's defaults as they stand now."""
    organization = Organization.current()
    policy = organization.policy()
    return Defaults(
        incoming=IncomingDeliveryMethod(policy.default_incoming_email_delivery_method),
        outgoing=OutgoingDeliveryMethod(policy.default_outgoing_email_delivery_method),
        act=ActDeliveryMethod(policy.default_act_delivery_method),
        profile=organization.default_email_server_profile,
    )


def give_mailbox(owner: User | Queue, now: datetime) -> Mailbox:
    """A new user or queue gets its one mailbox with the organization's defaults (3.1, 3.2).

    An address that another mailbox serves is left out: taking it over is a person's decision (1.3).
    """
    address = _address_of(owner)
    mailbox = Mailbox(name=_name_of(owner), email_address="" if holder_of(address) else address)
    if isinstance(owner, Queue):
        mailbox.regarding_queue, mailbox.owner = owner, owner.owner
    else:
        mailbox.regarding_user = mailbox.owner = owner
        UserSettings.objects.get_or_create(user=owner)
    mailbox.email_router_access_approval = Approval.PENDING if mailbox.email_address else Approval.EMPTY
    set_defaults(mailbox, current_defaults())
    mailbox.save()
    ensure_legs(mailbox, now)
    return mailbox


def set_defaults(mailbox: Mailbox, defaults: Defaults) -> None:
    """Write the default methods, as far as this mailbox may have them (1.2); the profile comes with a method that needs one."""
    profile = defaults.profile
    forward = mailbox.is_forward_mailbox
    mailbox.incoming_email_delivery_method = defaults.incoming
    mailbox.outgoing_email_delivery_method = OutgoingDeliveryMethod.NONE if forward else defaults.outgoing
    may_act = mailbox.regarding_user_id is not None and (profile is None or profile.is_exchange)
    mailbox.act_delivery_method = defaults.act if may_act else ActDeliveryMethod.NONE
    if uses_synchronization(mailbox) and profile is not None:
        mailbox.email_server_profile = profile


def uses_synchronization(mailbox: Mailbox) -> bool:
    """Whether any leg is server-side synchronization (3.2)."""
    return (
        mailbox.incoming_email_delivery_method == IncomingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
        or mailbox.outgoing_email_delivery_method == OutgoingDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
        or mailbox.act_delivery_method == ActDeliveryMethod.SERVER_SIDE_SYNCHRONIZATION
    )


def apply_defaults(mailboxes: Iterable[Mailbox], now: datetime) -> int:
    """ "Apply default email settings" to existing mailboxes (3.2); what changed has to be tested again (3.8)."""
    defaults, count = current_defaults(), 0
    for mailbox in mailboxes:
        before = reach_of(mailbox)
        set_defaults(mailbox, defaults)
        if reach_of(mailbox) != before:
            with transaction.atomic():
                mailbox.save()
                forget_tests(mailbox)
            count += 1
    return count


def reach_of(mailbox: Mailbox) -> tuple[object, ...]:
    """Everything that decides how its server is reached: a change of it makes earlier tests worthless (3.8)."""
    return (
        mailbox.email_address.lower(),
        mailbox.email_server_profile_id,
        mailbox.incoming_email_delivery_method,
        mailbox.outgoing_email_delivery_method,
        mailbox.act_delivery_method,
        mailbox.username,
        mailbox.password.token,
        mailbox.allow_email_connector_to_use_credentials,
    )


def forget_tests(mailbox: Mailbox) -> None:
    """3.8: after such a change nothing runs before it was tested again. Cursors stay."""
    mailbox.legs.update(
        enabled=False, status=LegStatus.NOT_RUN, failures=0, stopped_on=None, last_error="", last_remedy=""
    )


def holder_of(address: str) -> Mailbox | None:
    """The mailbox that serves this address, whatever its case."""
    return Mailbox.objects.filter(email_address__iexact=address).first() if address else None


def change_address(mailbox: Mailbox, address: str, *, take_over: bool = False) -> None:
    """Give a mailbox another address, and its user or queue too (3.1); it is approved and tested anew (3.8).

    Raises AddressTaken unless `take_over`: then the other mailbox loses it and stops (1.3).
    """
    holder = holder_of(address)
    other = holder if holder is not None and holder.pk != mailbox.pk else None
    if other is not None and not take_over:
        raise AddressTaken(other)
    with transaction.atomic():
        if other is not None:
            _write_address(other, "")
        _write_address(mailbox, address)


def _write_address(mailbox: Mailbox, address: str) -> None:
    mailbox.email_address = address
    mailbox.email_router_access_approval = Approval.PENDING if address else Approval.EMPTY
    mailbox.email_address_approved_by = mailbox.email_address_approved_on = None
    mailbox.save()
    forget_tests(mailbox)
    owner = mailbox.regarding_queue or mailbox.regarding_user
    if owner is not None and _address_of(owner) != address:
        setattr(owner, _address_column(owner), address)
        owner.save(update_fields=[_address_column(owner)])


def follow_owner(owner: User | Queue) -> None:
    """The address or name of a user or queue has changed: its mailbox follows (3.1), unless the address is taken (1.3)."""
    mailbox = Mailbox.objects.filter(
        **{"regarding_queue" if isinstance(owner, Queue) else "regarding_user": owner}
    ).first()
    if mailbox is None:
        return
    if mailbox.name != _name_of(owner):
        mailbox.name = _name_of(owner)
        mailbox.save(update_fields=["name"])
    address = _address_of(owner)
    if address and mailbox.email_address.lower() != address.lower() and holder_of(address) in (None, mailbox):
        _write_address(mailbox, address)


def _address_column(owner: User | Queue) -> str:
    return "email_address" if isinstance(owner, Queue) else get_user_model().get_email_field_name()


def _address_of(owner: User | Queue) -> str:
    return str(getattr(owner, _address_column(owner)) or "")


def _name_of(owner: User | Queue) -> str:
    return (str(owner) if isinstance(owner, Queue) else owner.get_full_name() or str(owner))[:200]
