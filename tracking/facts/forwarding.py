"""Who forwards to a forward mailbox, and what of theirs still waits (8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower

from mailboxes.eligibility import obstacle_to_forwarding, receives
from mailboxes.models import Mailbox
from mailboxes.policy import Policy
from profiles.models import StateCode
from tracking.decide.forwarding import MAILBOX, Addressee, carried_key, carrier_of, folder_through
from tracking.decide.verdicts import Reason
from tracking.models import LedgerRow, LedgerState, Placement

RELATED = ("email_server_profile", "regarding_user__sync_settings", "regarding_queue")
CHUNK = 500  # keys named in one statement


def addressees(addresses: Collection[str], policy: Policy) -> dict[str, Addressee]:
    """The mailboxes of users and queues with these addresses, by address in lower case (8.3). One select."""
    wanted = {address.lower() for address in addresses}
    found = Mailbox.objects.filter(is_forward_mailbox=False).annotate(lower=Lower("email_address"))
    mailboxes = found.filter(lower__in=wanted).select_related(*RELATED) if wanted else ()
    return {mailbox.email_address.lower(): _addressee(mailbox, policy) for mailbox in mailboxes}


def _addressee(mailbox: Mailbox, policy: Policy) -> Addressee:
    obstacle = obstacle_to_forwarding(*_standing(mailbox, policy))
    return Addressee(mailbox.pk, mailbox.name, mailbox.email_address, obstacle)


def comes_in_for(mailbox: Mailbox, policy: Policy) -> bool:
    """Whether what waits for this mailbox is judged now. Since it was forwarded, the mailbox may have come to be read
    itself; what is not wanted for it any more goes on waiting."""
    return receives(*_standing(mailbox, policy))


def _standing(mailbox: Mailbox, policy: Policy) -> tuple[int, bool, bool, int, bool]:
    """What eligibility asks about whoever forwards."""
    user, queue = mailbox.regarding_user, mailbox.regarding_queue
    return (
        mailbox.incoming_email_delivery_method,
        mailbox.is_active,
        user.is_active if user is not None else queue is not None and queue.state_code == StateCode.ACTIVE,
        mailbox.email_router_access_approval,
        policy.require_approval_for_queue_email if queue is not None else policy.require_approval_for_user_email,
    )


def whose_mail_waits(forward_mailbox_id: UUID) -> list[Mailbox]:
    """The mailboxes with pending messages that came through this forward mailbox. Looks at the totals first, so that an
    idle poll touches no ledger row."""
    waiting = Placement.objects.filter(
        mailbox=OuterRef("pk"), folder=folder_through(forward_mailbox_id), ledger_row__state=LedgerState.PENDING
    )
    some = Mailbox.objects.filter(ledger_total__pending__gt=0, is_forward_mailbox=False)
    return list(some.filter(Exists(waiting)).select_related(*RELATED).order_by("pk"))


def carriers_with(ids: Iterable[int]) -> dict[int, Placement]:
    """The placements with these ids in the forward mailbox, with their ledger rows."""
    return Placement.objects.select_related("ledger_row").in_bulk(list(ids))


def carried_by(carriers: Iterable[Placement]) -> dict[int, list[Placement]]:
    """What each of these placements of one forward mailbox carried, with the rows that stand for it now; select the
    carriers' rows. Nothing for one whose evidence has expired."""
    carriers = list(carriers)
    keys: dict[str, list[str]] = defaultdict(list)
    for one in carriers:
        told = one.ledger_row.evidence
        if one.ledger_row.reason == Reason.UNPACKED and MAILBOX in told:
            keys[told[MAILBOX]] += [carried_key(one.pk, number) for number in range(told["messages"])]
    found: dict[int, list[Placement]] = defaultdict(list)
    for mailbox_id, some in keys.items():
        for placement in placed(UUID(mailbox_id), carriers[0].mailbox_id, some):
            found[carrier_of(placement.server_key)[0]].append(placement)
    return found


def placed(mailbox_id: UUID, forward_mailbox_id: UUID, keys: Sequence[str]) -> Iterator[Placement]:
    """What has these keys among what reached the mailbox through the forward mailbox, with its rows."""
    through = Placement.objects.filter(mailbox=mailbox_id, folder=folder_through(forward_mailbox_id))
    for first in range(0, len(keys), CHUNK):
        some = through.filter(server_key__in=keys[first : first + CHUNK]).select_related("ledger_row__email")
        yield from some.defer("ledger_row__email__description", "ledger_row__email__safe_description")


def carried_with(placements: Collection[Placement]) -> dict[UUID, list[Placement]]:
    """By mailbox, what is read from these placements and from nowhere else: it comes and goes with them."""
    rows = LedgerRow.objects.filter(
        pk__in={one.ledger_row_id for one in placements}, reason=Reason.UNPACKED, raw__isnull=True
    )
    unpacked = set(rows.values_list("pk", flat=True)) if placements else set()
    if not unpacked:
        return {}
    carriers = carriers_with(one.pk for one in placements if one.ledger_row_id in unpacked)
    found: dict[UUID, list[Placement]] = defaultdict(list)
    for some in carried_by(carriers.values()).values():
        for one in some:
            found[one.mailbox_id].append(one)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Opened:
    """One carrier for people to see: for whom it was, and what became of the mail in it. Empty where the evidence has
    expired."""

    row_id: int
    opened_on: datetime | None
    name: str
    mailbox_id: str
    messages: int
    states: list[tuple[LedgerState, int]]


def newest_opened(forward_mailbox: Mailbox, limit: int) -> list[Opened]:
    """What this forward mailbox opened last."""
    rows = LedgerRow.objects.filter(mailbox=forward_mailbox, reason=Reason.UNPACKED).order_by("-pk")[:limit]
    carriers = Placement.objects.filter(ledger_row__in=list(rows)).select_related("ledger_row").order_by("-ledger_row")
    carried = carried_by(carriers)
    there = set(Mailbox.objects.filter(pk__in={_for(one) for one in carriers} - {""}).values_list("pk", flat=True))
    return [_opened(one, carried.get(one.pk, []), {str(pk) for pk in there}) for one in carriers]


def _for(carrier: Placement) -> str:
    return str(carrier.ledger_row.evidence.get(MAILBOX, ""))


def _opened(carrier: Placement, carried: Iterable[Placement], there: Collection[str]) -> Opened:
    row, mailbox_id = carrier.ledger_row, _for(carrier)
    states = Counter(LedgerState(one.ledger_row.state) for one in carried)
    return Opened(
        row_id=row.pk,
        opened_on=row.decided_on,
        name=row.evidence.get("carried_for", ""),
        mailbox_id=mailbox_id if mailbox_id in there else "",
        messages=row.evidence.get("messages", 0),
        states=sorted(states.items()),
    )
