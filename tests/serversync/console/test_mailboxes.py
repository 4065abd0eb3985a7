"""The mailbox list, a mailbox's own page and what an administrator does there."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from mailboxes.health import Health, health_of, health_of_leg, with_health
from mailboxes.models import Approval, IncomingDeliveryMethod, Leg, LegStatus, Mailbox, MailboxLeg, TraceLevel, TraceLog
from serversync.console.plain_words import say_legs
from tests.serversync.console.people import mailbox, profile, row
from tracking.models import LedgerState

LIST = "/mailboxes/mailbox/"


def act(client: Client, action: str, *mailboxes: Mailbox) -> str:
    """Tick these mailboxes in the list, choose the action, and read what the page then says."""
    ticked = [str(one.pk) for one in mailboxes]
    return client.post(LIST, {"action": action, "_selected_action": ticked}, follow=True).content.decode()


def test_alice_sees_in_the_list_how_each_direction_is_doing(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    bobs.legs.filter(leg=Leg.INCOMING).update(status=LegStatus.FAILURE, enabled=False)
    page = alice.get(LIST, {"q": "bob"}).content.decode()
    assert "Stopped" in page
    assert "Working" in page
    assert "Off" in page
    assert f'formaction="/mailbox/{bobs.pk}/sync/"' in page


def test_sync_now_asks_the_enabled_legs_to_run(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    bobs.legs.filter(leg=Leg.ACT).update(enabled=False)
    answer = alice.post(reverse("console:sync", args=[bobs.pk]), headers={"referer": "http://testserver" + LIST})
    assert answer.headers["Location"] == "http://testserver" + LIST
    asked = MailboxLeg.objects.filter(mailbox=bobs, requested_on__isnull=False).values_list("leg", flat=True)
    assert set(asked) == {Leg.INCOMING, Leg.OUTGOING}


def test_sync_now_never_leads_away_from_the_console(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    answer = alice.post(reverse("console:sync", args=[bobs.pk]), headers={"referer": "https://evil.test/"})
    assert answer.headers["Location"] == f"/mailbox/{bobs.pk}/"


def test_where_nothing_is_enabled_sync_now_says_so(alice: Client) -> None:
    bobs = mailbox("Bob", profile(), runs=False)
    page = alice.post(reverse("console:sync", args=[bobs.pk]), follow=True).content.decode()
    assert "no leg is enabled, so nothing runs" in page


def test_alice_approves_enables_deactivates_and_activates_many_at_once(alice: Client) -> None:
    both = [mailbox("Bob", profile(), runs=False), mailbox("Charlie", runs=False)]
    Mailbox.objects.update(email_router_access_approval=Approval.PENDING)
    assert "2 addresses were approved" in act(alice, "approve", *both)
    assert Mailbox.objects.get(pk=both[0].pk).email_address_approved_by.username == "ada"
    assert set(Mailbox.objects.filter(pk__in=[one.pk for one in both]).values_list("email_router_access_approval")) == {
        (Approval.APPROVED,)
    }
    assert "4 legs were enabled" in act(alice, "enable_mail", *both)
    assert MailboxLeg.objects.filter(enabled=True, requested_on__isnull=False).count() == 4
    act(alice, "reject", both[1])
    assert Mailbox.objects.get(pk=both[1].pk).email_router_access_approval == Approval.REJECTED
    act(alice, "deactivate", both[0])
    assert [Mailbox.objects.get(pk=one.pk).is_active for one in both] == [False, True]
    act(alice, "activate", both[0])
    assert Mailbox.objects.get(pk=both[0].pk).is_active


def test_enabling_a_stopped_leg_gives_it_a_fresh_start(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    bobs.legs.update(enabled=False, status=LegStatus.FAILURE, failures=10)
    alice.post(reverse("console:enable", args=[bobs.pk, Leg.INCOMING]))
    leg = bobs.legs.get(leg=Leg.INCOMING)
    assert (leg.enabled, leg.failures, leg.requested_on is not None) == (True, 0, True)
    assert not bobs.legs.get(leg=Leg.OUTGOING).enabled


def test_the_page_of_a_mailbox_says_what_is_wrong_and_what_helps(alice: Client) -> None:
    bobs, now = mailbox("Bob", profile()), timezone.now()
    bobs.legs.filter(leg=Leg.INCOMING).update(
        status=LegStatus.FAILURE, last_error="The server refused the password.", last_remedy="Enter the right password."
    )
    bobs.legs.filter(leg=Leg.OUTGOING).update(skip_reason="The email server profile is inactive.")
    TraceLog.objects.create(
        mailbox=bobs, level=TraceLevel.WARNING, cause="x", text="It is slow.", created_on=now, last_occurred_on=now
    )
    row(bobs, LedgerState.IGNORED, reason=1)
    page = alice.get(reverse("console:mailbox", args=[bobs.pk])).content.decode()
    for words in (
        "The server refused the password.",
        "Enter the right password.",
        "The email server profile is inactive.",
        "It is slow.",
        "It balances",
    ):
        assert words in page


def test_a_leg_that_is_overdue_is_due_now(alice: Client) -> None:
    bobs = mailbox("Bob", profile())
    bobs.legs.update(due_on=timezone.now() - timedelta(hours=1))
    assert "due now" in alice.get(reverse("console:mailbox", args=[bobs.pk])).content.decode()


STATES = list(product([True, False], LegStatus, ["", "It says why."]))


@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize("incoming", STATES)
def test_lists_and_badges_agree_on_how_a_mailbox_is_doing(db: None, incoming: tuple[Any, ...], active: int) -> None:
    bobs = mailbox("Bob", profile())
    for outgoing in STATES:
        for leg, (enabled, status, reason) in ((0, incoming), (1, outgoing)):
            bobs.legs.filter(leg=leg).update(enabled=enabled, status=status, skip_reason=reason)
        Mailbox.objects.update(state_code=active)
        (found,) = with_health(Mailbox.objects.all())
        assert Health(found.health) == health_of(found), (incoming, outgoing)


@pytest.mark.parametrize("incoming", STATES)
def test_mail_through_a_forward_mailbox_asks_nobody_to_enable_anything(  # 1.6
    alice: Client, incoming: tuple[Any, ...]
) -> None:
    bobs, (enabled, status, reason) = mailbox("Bob", profile()), incoming
    Mailbox.objects.filter(pk=bobs.pk).update(incoming_email_delivery_method=IncomingDeliveryMethod.FORWARD_MAILBOX)
    bobs.legs.filter(leg=Leg.INCOMING).update(enabled=enabled, status=status, skip_reason=reason)
    (found,) = with_health(Mailbox.objects.filter(pk=bobs.pk))
    leg = found.legs.get(leg=Leg.INCOMING)
    assert health_of_leg(found, leg) == Health.FORWARDED
    (said,) = say_legs(found, [leg], timezone.now())
    assert said.state == "It arrives through a forward mailbox."
    assert "nothing to enable" in said.then
    assert Health(found.health) == health_of(found) == Health.WORKING, "as its outgoing mail is"
    page = alice.get(reverse("console:mailbox", args=[bobs.pk])).content.decode()
    assert "Forwarded" in page
    assert reverse("console:enable", args=[bobs.pk, Leg.INCOMING]) not in page
    assert "Forwarded" in alice.get(reverse("admin:mailboxes_mailbox_changelist")).content.decode()


def test_an_alert_that_alice_dismisses_is_closed(alice: Client) -> None:
    bobs, now = mailbox("Bob", profile()), timezone.now()
    alert = TraceLog.objects.create(
        mailbox=bobs, level=TraceLevel.ERROR, cause="x", text="It stopped.", created_on=now, last_occurred_on=now
    )
    page = alice.post("/mailboxes/tracelog/", {"action": "dismiss", "_selected_action": [str(alert.pk)]}, follow=True)
    assert "1 alerts were dismissed" in page.content.decode()
    alert.refresh_from_db()
    assert alert.closed_on is not None
