"""The home page: what flows, what needs a person; friendly while there is nothing, and cheap when there is much."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from mailboxes.health import Health
from mailboxes.models import LegStatus, MailboxStatistics, TraceLevel, TraceLog
from serversync.console import figures
from tests.serversync.console.people import kept, mailbox, plain_letter, profile, row
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.models import LedgerState, LedgerTotal

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def test_an_empty_installation_says_what_to_do_first(alice: Client) -> None:
    page = alice.get("/").content.decode()
    assert "Describe your mail server" in page
    assert "No message has been looked at yet." in page
    assert "It balances" in page


def test_once_a_mailbox_has_run_the_first_steps_are_gone(alice: Client) -> None:
    mailbox("Bob", profile())
    assert "First steps" not in alice.get("/").content.decode()


def test_each_card_leads_to_exactly_the_mailboxes_it_counts(alice: Client) -> None:
    headquarters = profile()
    mailbox("Bob", headquarters)
    mailbox("Charlie", headquarters).legs.update(status=LegStatus.FAILURE)
    mailbox("Dave", headquarters).legs.update(status=LegStatus.FAILURE, enabled=False)
    mailbox("Erin", headquarters, runs=False)
    mailbox("Frank", headquarters, runs=False).legs.update(skip_reason="The address is not approved.")
    cards = {card.health: card for card in alice.get("/").context["cards"]}
    for health, name in [
        (Health.WORKING, "Bob"),
        (Health.FAILING, "Charlie"),
        (Health.STOPPED, "Dave"),
        (Health.NEVER_RUN, "Erin"),
    ]:
        listed = [one.name for one in alice.get(cards[health].address).context["cl"].result_list]
        assert listed == [name]
        assert cards[health].number == 1
    listed = [one.name for one in alice.get(cards[Health.SKIPPED].address).context["cl"].result_list]
    assert "Frank" in listed
    assert cards[Health.SKIPPED].number == len(listed)


def test_due_and_late_work_is_counted_and_what_is_held_is_not(db: None) -> None:
    bobs = mailbox("Bob", profile())
    legs = dict(enumerate(bobs.legs.order_by("leg")))
    for number, columns in enumerate(
        (
            {"due_on": NOW - timedelta(minutes=30)},
            {"due_on": NOW - timedelta(minutes=1)},
            {"due_on": NOW - timedelta(hours=9), "leased_until": NOW + timedelta(seconds=40)},
        )
    ):
        bobs.legs.filter(pk=legs[number].pk).update(**columns)
    work = figures.due_work(NOW)
    assert (work.due, work.late, work.running) == (2, 1, 1)
    assert work.oldest == NOW - timedelta(minutes=30)


def test_mail_is_counted_in_the_hour_in_which_its_cycle_ended(db: None) -> None:
    bobs = mailbox("Bob", profile())
    for minutes, tracked in ((5, 2), (20, 3), (65, 7), (60 * 23 + 29, 11), (60 * 24 + 5, 13)):
        end = NOW - timedelta(minutes=minutes)
        MailboxStatistics.objects.create(
            mailbox=bobs,
            operation_type=0,
            mailbox_process_started_on=end,
            mailbox_process_completed_on=end,
            process_result=True,
            items_tracked=tracked,
            items_failed=1,
        )
    hours = figures.mail_per_hour(NOW)
    assert len(hours) == 24
    assert hours[-1].start == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert (hours[-1].tracked, hours[-1].failed) == (5, 2)
    assert hours[-2].tracked == 7
    assert hours[0].tracked == 11
    assert sum(hour.tracked for hour in hours) == 2 + 3 + 7 + 11


def test_open_alerts_come_with_their_remedy_and_closed_ones_do_not(alice: Client) -> None:
    bobs, now = mailbox("Bob", profile()), timezone.now()
    for cause, closed in (("open", None), ("closed", now)):
        TraceLog.objects.create(
            mailbox=bobs,
            level=TraceLevel.ERROR,
            cause=cause,
            text=f"The {cause} trouble.",
            remedy=f"Mend the {cause} one.",
            created_on=now,
            last_occurred_on=now,
            closed_on=closed,
        )
    page = alice.get("/").content.decode()
    assert "The open trouble." in page
    assert "Mend the open one." in page
    assert "closed trouble" not in page


def test_an_unknown_delivery_asks_for_a_person(alice: Client) -> None:
    kept(mailbox("Bob", profile()), plain_letter(), status=EmailStatus.SENDING, delivery=DeliveryState.UNKNOWN)
    answer = alice.get("/")
    assert "1 needs a person’s answer" in answer.content.decode()
    listed = alice.get("/crm/email/?delivery_state__exact=2").context["cl"].result_list
    assert len(listed) == 1


def test_a_ledger_that_does_not_balance_is_shown_in_words(alice: Client) -> None:
    bobs, charlies = mailbox("Bob", profile()), mailbox("Charlie")
    row(bobs, LedgerState.TRACKED, reason=6)
    row(charlies, LedgerState.IGNORED, reason=1)
    # Two errors that cancel out over all mailboxes are still two errors.
    LedgerTotal.objects.filter(pk=bobs.pk).update(shown=2)
    LedgerTotal.objects.filter(pk=charlies.pk).update(shown=0)
    assert "does not balance in 2 mailboxes" in alice.get("/").content.decode()


@pytest.mark.parametrize("address", ["/", "/mailboxes/mailbox/", "/crm/email/", "/tracking/ledgerrow/"])
def test_a_page_costs_the_same_for_three_mailboxes_and_for_thirty(
    alice: Client, address: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    headquarters = profile()

    def grow(first: int, last: int) -> None:
        for number in range(first, last):
            bobs = mailbox(f"Bob{number}", headquarters)
            email = kept(bobs, plain_letter(f"Letter {number}"))
            row(bobs, LedgerState.TRACKED, reason=6, email=email)
            row(bobs, LedgerState.IGNORED, reason=1)

    grow(0, 3)
    alice.get(address)
    with django_assert_max_num_queries(30) as few:
        alice.get(address)
    grow(3, 30)
    with django_assert_max_num_queries(len(few)):
        alice.get(address)
