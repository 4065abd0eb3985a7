"""Two thousand mailboxes: the pages an administrator opens ask the database as often as for twenty, and stay as long."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailboxes.models import Mailbox, MailboxStatistics, TraceLevel, TraceLog
from serversync import readiness
from tests.serversync.console.crowd import PAGES, grow
from tests.serversync.console.people import mailbox, profile, row
from tracking.crm.models import Account
from tracking.models import LedgerState, MailboxTrackingFolder

FEW, MANY = 20, 2_000


def cost(client: Client, address: str) -> tuple[int, int]:
    """Queries of a page, and how many values its filters offer: a list of all mailboxes must not be among them."""
    readiness._latest.clear()
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code in (200, 503), address
    return len(queries), answer.content.count(b"<option")


def test_pages_cost_the_same_for_twenty_mailboxes_and_for_two_thousand(alice: Client) -> None:
    grow(0, FEW)
    for address in PAGES.values():
        alice.get(address)  # some things are asked once in the life of a process
    few = {name: cost(alice, address) for name, address in PAGES.items()}
    grow(FEW, MANY)
    many = {name: cost(alice, address) for name, address in PAGES.items()}
    grown = {name: (few[name], many[name]) for name in PAGES if many[name] > few[name]}
    assert grown == {}, "queries and values to choose from, for twenty and for two thousand"


def add_history(bobs: Mailbox, first: int, last: int) -> None:
    """Cycles, half of them failed in ways of their own, messages, alerts and folder rules with these numbers."""
    now, account = timezone.now(), ContentType.objects.get_for_model(Account)
    for number in range(first, last):
        then = now - timedelta(hours=number)
        MailboxStatistics.objects.create(
            mailbox=bobs,
            operation_type=number % 2,
            mailbox_process_scheduled_on=then - timedelta(minutes=number),
            mailbox_process_started_on=then,
            mailbox_process_completed_on=then + timedelta(seconds=number),
            process_result=number % 4 > 1,
            items_tracked=number,
            error=f"The server said {number}." if number % 4 <= 1 else "",
        )
        row(bobs, LedgerState.IGNORED, reason=1)
        TraceLog.objects.create(
            mailbox=bobs,
            level=TraceLevel.WARNING,
            cause=f"{number}",
            text="Oh.",
            created_on=then,
            last_occurred_on=then,
        )
        MailboxTrackingFolder.objects.create(
            mailbox=bobs,
            exchange_folder_id=f"{number}",
            exchange_folder_name=f"Folder {number}",
            regarding_type=account,
            regarding_id=str(Account.objects.create(name=f"Account {number}").pk),
        )


def test_the_page_of_a_mailbox_costs_the_same_however_much_happened_to_it(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    address = f"/mailbox/{bobs.pk}/?window=14d"
    add_history(bobs, 0, 3)
    alice.get(address)
    few, _ = cost(alice, address)
    add_history(bobs, 3, 40)
    assert cost(alice, address)[0] <= few
