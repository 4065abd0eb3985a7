"""The birth of mailboxes and their addresses: defaults, mirroring, taking an address over (3.1–3.3, 1.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from mailboxes.combinations import ACT, INCOMING, OUTGOING, fitting
from mailboxes.models import (
    ActDeliveryMethod,
    Approval,
    IncomingDeliveryMethod,
    Leg,
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
    wanted: dict[str, int] = {INCOMING: defaults.incoming, OUTGOING: defaults.outgoing, ACT: defaults.act}
    for column, method in wanted.items():
        setattr(mailbox, column, method)
    if uses_synchronization(mailbox) and defaults.profile is not None:
        mailbox.email_server_profile = defaults.profile
    kind = mailbox.combination()
    for column, method in fitting(kind.owner, kind.server, wanted).items():
        setattr(mailbox, column, method)


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
        count += bool(save_changed(mailbox, before))
    return count


Reach = dict[Leg, tuple[object, ...]]


def reach_of(mailbox: Mailbox) -> Reach:
    """Everything that decides how the server is reached, by leg: a change of it makes earlier tests worthless (3.8)."""
    shared = (
        mailbox.email_address.lower(),
        mailbox.email_server_profile_id,
        mailbox.username,
        mailbox.password.token,
        mailbox.allow_email_connector_to_use_credentials,
    )
    methods = {Leg.INCOMING: INCOMING, Leg.OUTGOING: OUTGOING, Leg.ACT: ACT}
    return {leg: (getattr(mailbox, column), *shared) for leg, column in methods.items()}


def save_changed(mailbox: Mailbox, before: Reach, columns: Iterable[str] | None = None) -> list[Leg]:
    """Store the mailbox if it is reached otherwise than `before`, and forget the tests of the legs that are (3.8).

    Returns those legs. With `columns` only these are stored.
    """
    after = reach_of(mailbox)
    touched = [leg for leg in after if after[leg] != before[leg]]
    if touched:
        with transaction.atomic():
            mailbox.save(update_fields=None if columns is None else [*columns, "modified_on"])
            forget_tests(mailbox, touched)
    return touched


def save_edited(mailbox: Mailbox, *, take_over: bool = False) -> list[Leg]:
    """Store what a person edited about a mailbox: a new address is approved again, what it changed tested again (3.8).

    Returns the legs whose tests were forgotten. Raises AddressTaken unless `take_over` (1.3).
    """
    stored = Mailbox.objects.get(pk=mailbox.pk)
    if stored.email_address != mailbox.email_address:
        change_address(mailbox, mailbox.email_address, take_over=take_over)
        return list(Leg)
    touched = save_changed(mailbox, reach_of(stored))
    if not touched:
        mailbox.save()
    return touched


def save_new(mailbox: Mailbox, now: datetime, *, take_over: bool = False) -> None:
    """Store a mailbox that was made by hand (3.3). Raises AddressTaken unless `take_over` (1.3)."""
    address, mailbox.email_address = mailbox.email_address, ""
    with transaction.atomic():
        mailbox.save()
        ensure_legs(mailbox, now)
        if address:
            change_address(mailbox, address, take_over=take_over)


def forget_tests(mailbox: Mailbox, legs: Iterable[Leg] = tuple(Leg)) -> None:
    """3.8: after such a change nothing runs before it was tested again. Cursors stay."""
    mailbox.legs.filter(leg__in=list(legs)).update(
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


def take_over_for(owner: User | Queue, address: str) -> None:
    """A person has said that this user or queue takes the address over from the mailbox that serves it (1.3)."""
    mailbox = mailbox_of(owner)
    if mailbox is not None:
        change_address(mailbox, address, take_over=True)


def mailbox_of(owner: User | Queue) -> Mailbox | None:
    """The one mailbox of a user or queue."""
    column = "regarding_queue" if isinstance(owner, Queue) else "regarding_user"
    return Mailbox.objects.filter(**{column: owner}).first()


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
    """A user or queue has changed: name and owner of its mailbox follow (3.1), the address unless it is taken (1.3)."""
    mailbox = mailbox_of(owner)
    if mailbox is None:
        return
    of = owner.owner if isinstance(owner, Queue) else owner
    if (mailbox.name, mailbox.owner) != (_name_of(owner), of):
        mailbox.name, mailbox.owner = _name_of(owner), of
        mailbox.save(update_fields=["name", "owner"])
    address = _address_of(owner)
    if address and mailbox.email_address.lower() != address.lower() and holder_of(address) in (None, mailbox):
        _write_address(mailbox, address)


def _address_column(owner: User | Queue) -> str:
    return "email_address" if isinstance(owner, Queue) else get_user_model().get_email_field_name()


def _address_of(owner: User | Queue) -> str:
    return str(getattr(owner, _address_column(owner)) or "")


def _name_of(owner: User | Queue) -> str:
    return (str(owner) if isinstance(owner, Queue) else owner.get_full_name() or str(owner))[:200]
