"""What comes back from an email whose delivery is unknown proves that it left (law 7).

Proof is our own copy, in Sent Items or where it arrived, and an answer that names its Message-ID. Delivery reports have
their own module, `bounces`, because they say more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from tracking.crm import delivery
from tracking.crm.models import Email
from tracking.crm.models.states import DeliveryState, EmailStatus
from tracking.decide.verdicts import Known, Method, Verdict


def proved_to_have_left(verdict: Verdict, *, answers: bool) -> UUID | None:
    """The email sent from here that this message shows to have left. `answers` if it was received, and not read in Sent
    Items: there people also answer what never left."""
    if verdict.same_as is not None:
        return _ours(verdict.same_as)
    correlation = verdict.correlation
    if not answers or correlation.method is not Method.IN_REPLY_TO or correlation.email is None:
        return None
    return _ours(correlation.email)


def _ours(email: Known) -> UUID | None:
    return email.id if email.outgoing else None


def note_proofs(email_ids: Iterable[UUID], now: datetime) -> None:
    """Settle as sent what was unknown among these; what is being handed over right now is its worker's. Call it inside
    the transaction that settles the messages."""
    ids = sorted(set(email_ids))
    if not ids:
        return
    unknown = Email.objects.filter(
        pk__in=ids, status_code=EmailStatus.SENDING, delivery_state=DeliveryState.UNKNOWN
    ).order_by("id")
    for email in unknown.select_for_update():
        delivery.resolve_unknown(email, was_sent=True, now=now)
