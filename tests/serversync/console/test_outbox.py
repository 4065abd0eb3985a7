"""Alice's outbox tells of every email why it waits, with as many queries for a page of fifty as for one (7.3, law 13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailboxes import brake
from mailboxes.brake import Scope
from mailboxes.models import Leg, Mailbox, MailboxLeg, Organization, Queue, ServerCircuit
from profiles.connectors.mime import Address
from tests.serversync.console.people import mailbox, profile
from tests.writing import browser_of
from tracking.crm import delivery
from tracking.crm.delivery.reasons import why_each_waits
from tracking.crm.models import Email
from tracking.crm.models.states import HoldReason
from tracking.crm.writing import NewEmail, write_and_send

pytestmark = pytest.mark.django_db


def waiting(of: Mailbox, subject: str = "Offer") -> Email:
    return write_and_send(NewEmail(of, [Address("", "ann@acme.test")], subject, text="x"), timezone.now())


def queues_of_alice(alices: Mailbox, number: int) -> list[Mailbox]:
    owner = alices.regarding_user
    queues = [
        Queue.objects.create(name=f"Queue {n}", email_address=f"queue{n}@us.test", owner=owner) for n in range(number)
    ]
    mailboxes = Mailbox.objects.filter(regarding_queue__in=queues)
    mailboxes.update(email_server_profile=alices.email_server_profile, outgoing_email_delivery_method=2)
    return list(mailboxes)


def queries_for_outbox(of: Mailbox) -> int:
    client = browser_of(of)
    client.get("/mail/?show=outbox")
    with CaptureQueriesContext(connection) as found:
        page = client.get("/mail/?show=outbox").content.decode()
    assert page.count("PENDING SEND") + page.count("Pending send") >= 1
    return len(found)


def test_a_full_page_asks_no_more_than_one_line() -> None:
    alices = mailbox("Alice", profile())
    queues = queues_of_alice(alices, 3)
    waiting(alices)
    one = queries_for_outbox(alices)
    for each in [alices, *queues]:
        for number in range(5):
            waiting(each, f"Number {number}")
    assert queries_for_outbox(alices) == one


def _leg(of: Mailbox, **columns: object) -> None:
    MailboxLeg.objects.filter(mailbox=of, leg=Leg.OUTGOING).update(**columns)


def _email(of: Mailbox, **columns: object) -> None:
    Email.objects.filter(sender_mailbox=of).update(**columns)


def _circuit(of: Mailbox) -> None:
    until = timezone.now() + timedelta(hours=1)
    ServerCircuit.objects.create(profile=of.email_server_profile, leg=Leg.OUTGOING, open_until=until)


def _pause(**scope: object) -> None:
    brake.pause(Scope(**scope), "Moving house", get_user_model().objects.first(), timezone.now())  # type: ignore[arg-type]


SOON = timedelta(hours=1)
SITUATIONS: dict[str, tuple[Callable[[Mailbox], object], str]] = {
    "nothing": (lambda of: None, "It leaves with the next run of its mailbox."),
    "held": (lambda of: _email(of, hold_reason=HoldReason.TOO_OLD), "Held: it has waited so long"),
    "later": (lambda of: _email(of, delayed_email_send_time=timezone.now() + SOON), "It is to leave on"),
    "put off": (
        lambda of: _email(of, postpone_email_processing_until=timezone.now() + SOON),
        "The server did not take it now. It is tried again on",
    ),
    "no mailbox": (lambda of: _email(of, sender_mailbox=None), "does not exist any more"),
    "no leg": (lambda of: MailboxLeg.objects.filter(mailbox=of).delete(), "The mailbox is not set up."),
    "not enabled": (lambda of: _leg(of, enabled=False), "Not enabled: test and enable this direction first."),
    "stopped": (
        lambda of: _leg(of, enabled=False, stopped_on=timezone.now(), last_error="Wrong password."),
        "It was stopped after an error: Wrong password.",
    ),
    "asked to wait": (
        lambda of: _leg(of, postponed_until=timezone.now() + SOON, last_error="Too busy."),
        "The server asked us to wait until",
    ),
    "failing": (
        lambda of: _leg(of, failures=2, due_on=timezone.now() + SOON, last_error="No answer."),
        "The last attempt to send from this mailbox failed: No answer.",
    ),
    "nobody answered": (_circuit, "The server answered nobody lately."),
    "mailbox paused": (lambda of: _pause(mailbox=of), "Paused by"),
    "profile paused": (lambda of: _pause(profile=of.email_server_profile), "Paused by"),
    "all paused": (lambda of: _pause(), "Paused by"),
    "sending paused": (lambda of: _pause(mailbox=of, leg=Leg.OUTGOING), "Paused by"),
    "receiving paused": (lambda of: _pause(mailbox=of, leg=Leg.INCOMING), "It leaves with the next run"),
    "database held": (lambda of: Organization.objects.update(held_on=timezone.now()), "last used by another"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_line_says_what_the_page_of_its_email_says(situation: str) -> None:  # 7.3
    Organization.objects.get_or_create()
    alices, bobs = mailbox("Alice", profile()), mailbox("Bob", profile("Another"))
    mail, other = waiting(alices), waiting(bobs)
    happens, told = SITUATIONS[situation]
    happens(alices)
    now = timezone.now()
    mail = Email.objects.get(pk=mail.pk)
    found = why_each_waits([mail, other], now)
    assert told in found[mail.pk]
    assert found[mail.pk] == delivery.why_waiting(mail, now)
    assert found[other.pk] == delivery.why_waiting(other, now)


def test_what_does_not_wait_has_no_reason() -> None:
    mail = waiting(mailbox("Alice", profile()))
    delivery.take_back(mail, timezone.now())
    assert why_each_waits([mail], timezone.now()) == {}
