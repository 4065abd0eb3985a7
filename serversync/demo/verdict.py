"""Whether the demo came out right: the ledger balances, the servers agree, each sent mail arrived exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from serversync.audit import compare_with_servers
from serversync.demo.scenes import unfinished
from serversync.demo.world import World
from tracking.crm.models import ActivityParty, Email, Participation
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.facts.balance import balances

RECIPIENTS = (Participation.TO, Participation.CC, Participation.BCC)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so: what was looked at, and what is wrong with it."""

    what: str
    faults: list[str]


def checks(world: World) -> list[Check]:
    """Every check, in the order in which a person would want to know."""
    ledger = balances()
    compared = [one for one in compare_with_servers(timezone.now) if not one.skipped]
    sent = list(Email.objects.filter(direction_code=True, status_code=EmailStatus.SENT).order_by("id"))
    shown = sum(one.shown for one in ledger)
    on_servers = sum(one.on_server for one in compared)
    differences = [
        f"{one.mailbox}: {one.error or f'{len(one.unknown)} unknown, {len(one.vanished)} vanished'}"
        for one in compared
        if not one.agrees
    ]
    left = unfinished()
    return [
        Check("Nothing is left to do", [f"{left} items wait"] if left else []),
        Check(f"The ledger balances: {shown} items shown", [f"{o.mailbox}: {f}" for o in ledger for f in o.faults]),
        Check(f"The servers hold what the ledger says: {on_servers} items", differences),
        Check(
            f"Each of {len(sent)} sent mails arrived once", [fault for email in sent for fault in _copies(world, email)]
        ),
        Check("Every email of ours has ended", _unsent()),
    ]


def _copies(world: World, email: Email) -> list[str]:
    """Recipients with no copy, or with more than one."""
    parties = ActivityParty.objects.filter(activity_id=email.pk, participation_type_mask__in=RECIPIENTS)
    found = {party.address_used: world.copies(party.address_used, email.message_id) for party in parties}
    return [f"{address} has {number} copies of {email.message_id}" for address, number in found.items() if number != 1]


def _unsent() -> list[str]:
    """Outgoing emails that are neither sent nor refused by their server."""
    open_ones = Email.objects.filter(direction_code=True).exclude(status_code=EmailStatus.SENT)
    return [
        f"email {email.pk} is {EmailStatus(email.status_code).label}: {email.delivery_detail}"
        for email in open_ones.exclude(status_code=EmailStatus.FAILED, delivery_state=DeliveryState.REFUSED)
    ]
