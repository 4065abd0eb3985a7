"""The table of moves of an email's status, pair by pair, and what follows for the whole from its recipients (7.1–7.4)."""

from __future__ import annotations

import uuid
from itertools import product

import pytest
from django.utils import timezone

from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import EMAIL_PAIRS, DeliveryState, EmailStatus, RecipientState, state_of

S, R, D = EmailStatus, RecipientState, DeliveryState
ALLOWED = {
    (S.DRAFT, S.PENDING_SEND),  # send
    (S.DRAFT, S.CANCELED),
    (S.DRAFT, S.COMPLETED),
    (S.PENDING_SEND, S.SENDING),  # a worker hands it over
    (S.PENDING_SEND, S.FAILED),  # refused for good before it was handed over
    (S.PENDING_SEND, S.DRAFT),  # taken back
    (S.PENDING_SEND, S.CANCELED),
    (S.SENDING, S.SENT),
    (S.SENDING, S.FAILED),
    (S.SENDING, S.PENDING_SEND),  # surely not taken, or not for everybody
    (S.FAILED, S.PENDING_SEND),  # send again
    (S.FAILED, S.DRAFT),  # taken back, to be changed
    (S.FAILED, S.CANCELED),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("held", "to"), list(product(S, S)), ids=lambda status: status.label)
def test_every_pair_of_states(held: EmailStatus, to: EmailStatus) -> None:  # 7.1, law 11
    now = timezone.now()
    email = Email.objects.create(
        status_code=held, state_code=state_of(EMAIL_PAIRS, held), message_id_dup_check=uuid.uuid4(), created_on=now
    )
    if (held, to) in ALLOWED:
        delivery.move(email, to, now)
    else:
        with pytest.raises(delivery.IllegalMove, match=f"{held.label} cannot become {to.label}"):
            delivery.move(email, to, now)
    email.refresh_from_db()
    wanted = to if (held, to) in ALLOWED else held
    assert (email.status_code, email.state_code) == (wanted, state_of(EMAIL_PAIRS, wanted))


@pytest.mark.django_db
def test_who_comes_second_does_not_move_what_has_moved() -> None:  # law 11
    now = timezone.now()
    one = Email.objects.create(status_code=S.DRAFT, message_id_dup_check=uuid.uuid4(), created_on=now)
    other = Email.objects.get(pk=one.pk)
    delivery.move(one, S.CANCELED, now)
    with pytest.raises(delivery.IllegalMove, match="no longer Draft"):
        delivery.move(other, S.PENDING_SEND, now)


WHOLE = [
    ([], D.NOT_SENT),
    ([R.NOT_SENT], D.NOT_SENT),
    ([R.ACCEPTED], D.ACCEPTED),
    ([R.ACCEPTED, R.NOT_SENT], D.ACCEPTED),  # the rest is tried again
    ([R.DELAYED, R.DELIVERED, R.READ], D.ACCEPTED),
    ([R.REFUSED], D.REFUSED),
    ([R.REFUSED, R.NOT_SENT], D.REFUSED),
    ([R.REFUSED, R.ACCEPTED], D.PARTLY_REFUSED),
    ([R.BOUNCED], D.BOUNCED),
    ([R.BOUNCED, R.REFUSED], D.BOUNCED),
    ([R.BOUNCED, R.READ], D.PARTLY_BOUNCED),
    ([R.BOUNCED, R.REFUSED, R.ACCEPTED], D.PARTLY_BOUNCED),
]


@pytest.mark.parametrize(("recipients", "whole"), WHOLE)
def test_what_is_known_of_the_whole_follows_from_the_recipients(recipients: list[R], whole: D) -> None:  # 7.4
    assert delivery.state_from(recipients) == whole
