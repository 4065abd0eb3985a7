"""What people do with an email at the moment at which somebody else changes it, or a worker sends it (7.2–7.4)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from mailboxes.models import Mailbox
from mailboxes.models.settings import current_policy
from profiles.connectors import mime
from profiles.connectors.mime import Address
from profiles.items import Refused
from tests.serversync.console.people import mailbox, profile
from tracking.crm import delivery
from tracking.crm.delivery import submitting
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus, HoldReason, RecipientState
from tracking.crm.storage import read
from tracking.crm.writing import NewEmail, rewrite, write_draft

S, R = EmailStatus, RecipientState
ANN, BOB = "ann@acme.test", "bob@acme.test"


@pytest.fixture
def alice(db: None) -> Mailbox:
    return mailbox("Alice", profile())


def letter(alice: Mailbox, text: str, *to: str) -> NewEmail:
    return NewEmail(alice, [Address("", one) for one in to], "Offer", text=text)


def again(email: Email) -> Email:
    return Email.objects.select_related("sender_mailbox").get(pk=email.pk)


def test_old_text_never_goes_to_new_recipients(alice: Mailbox) -> None:  # 7.2
    read_before = write_draft(letter(alice, "Our price for Ann", ANN), timezone.now())
    rewrite(again(read_before), letter(alice, "Dear Bob", BOB), timezone.now())
    with pytest.raises(delivery.IllegalMove, match="changed meanwhile"):
        delivery.submit(read_before, timezone.now())
    assert (again(read_before).status_code, again(read_before).original_id) == (S.DRAFT, None)

    delivery.submit(again(read_before), timezone.now())
    raw = read(again(read_before).original_id or "")
    assert (mime.envelope(raw).to[0].address, b"Our price" in raw, b"Dear Bob" in raw) == (BOB, False, True)


def test_what_is_taken_back_is_sent_again_without_reading_it_anew(alice: Mailbox) -> None:  # 7.4
    email = write_draft(letter(alice, "Dear Ann", ANN), timezone.now())
    for deed in (delivery.submit, delivery.take_back, delivery.submit):
        deed(email, timezone.now())
    assert again(email).status_code == S.PENDING_SEND


@pytest.mark.parametrize("deed", [delivery.take_back, delivery.cancel])
def test_what_some_get_in_the_last_moment_is_not_taken_back(
    alice: Mailbox, deed: Callable[[Email, datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:  # 7.4
    email = write_draft(letter(alice, "Dear Ann", ANN, BOB), timezone.now())
    delivery.submit(email, timezone.now())

    def after_a_worker() -> AbstractContextManager[Any]:
        """The transaction of the person begins when that of the worker has ended."""
        worker = again(email)
        delivery.move(worker, S.SENDING, timezone.now())
        delivery.note_taken(worker, [Refused(BOB, 450, "Greylisted", permanent=False)], give_up=False)
        delivery.move(worker, S.PENDING_SEND, timezone.now(), sent_on=timezone.now())
        return transaction.atomic()

    monkeypatch.setattr(submitting, "transaction", SimpleNamespace(atomic=after_a_worker))
    with pytest.raises(delivery.IllegalMove, match="some recipients have it already"):
        deed(again(email), timezone.now())
    states = dict(delivery.parties_of(email).values_list("address_used", "delivery_state"))
    assert (again(email).status_code, states) == (S.PENDING_SEND, {ANN: R.ACCEPTED, BOB: R.NOT_SENT})


# Nobody knew whether it left


def nobody_knows(alice: Mailbox, when: datetime, **known: Any) -> Email:
    email = write_draft(letter(alice, "Dear Ann", ANN, BOB), when)
    delivery.submit(email, when)
    delivery.move(email, S.SENDING, when)
    delivery.mark_unknown(email, "The line broke.", when, **known)
    return again(email)


@pytest.mark.parametrize("was_sent", [True, False])
def test_what_a_person_has_settled_after_days_is_not_held_once_more(alice: Mailbox, was_sent: bool) -> None:  # 7.3
    now = timezone.now()
    put_off = Refused(BOB, 450, "Greylisted", permanent=False)
    email = nobody_knows(alice, now - timedelta(hours=80), refused=[put_off])
    delivery.resolve_unknown(email, was_sent, now)
    assert delivery.hold_backlog(alice, current_policy(), now) == 0
    assert [one.pk for one in delivery.waiting_to_send(alice, now, 9)] == [email.pk]
    assert again(email).hold_reason == HoldReason.NONE


@pytest.mark.parametrize("report_was_faster", [True, False])
def test_who_was_put_off_is_not_tried_before_the_time_the_server_gave(alice: Mailbox, report_was_faster: bool) -> None:
    now = timezone.now()  # 7.4, law 8
    email = write_draft(letter(alice, "Dear Ann", ANN, BOB), now)
    delivery.submit(email, now)
    delivery.move(email, S.SENDING, now)
    if report_was_faster:
        delivery.parties_of(email).filter(address_used=ANN).update(delivery_state=R.DELIVERED)
    until = now + timedelta(hours=1)
    delivery.mark_unknown(email, "The line broke.", now, [Refused(BOB, 450, "Greylisted", permanent=False)], until)
    if not report_was_faster:
        delivery.resolve_unknown(again(email), was_sent=True, now=now)
    assert (again(email).status_code, again(email).delivery_state) == (S.PENDING_SEND, DeliveryState.ACCEPTED)
    assert delivery.waiting_to_send(alice, now, 9) == []
    assert len(delivery.waiting_to_send(alice, until, 9)) == 1
