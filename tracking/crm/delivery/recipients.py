"""What is known of each recipient of an outgoing email; what is known of the email as a whole follows from that (7.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from profiles.items import Refused
from profiles.statements import Change
from tracking.crm.models import ActivityParty, Email, Participation
from tracking.crm.models.states import DeliveryState, RecipientState

LONGEST_DETAIL = 300
R = RecipientState
_FAILED = frozenset({R.REFUSED, R.BOUNCED})


_ROLES = (Participation.TO, Participation.CC, Participation.BCC)
_take = Change(
    ActivityParty,
    ["delivery_state", "delivery_detail"],
    found_by=["activity_type", "activity_id", "delivery_state"],
    also=f"participation_type_mask IN ({', '.join(str(int(role)) for role in _ROLES)})",
)


def state_from(states: Collection[int]) -> DeliveryState:
    """The state of an email whose recipients have these. Those that wait for a further attempt say nothing yet."""
    known = set(states) - {R.NOT_SENT}
    if not known:
        return DeliveryState.NOT_SENT
    if known <= _FAILED:
        return DeliveryState.BOUNCED if R.BOUNCED in known else DeliveryState.REFUSED
    if R.BOUNCED in known:
        return DeliveryState.PARTLY_BOUNCED
    return DeliveryState.PARTLY_REFUSED if R.REFUSED in known else DeliveryState.ACCEPTED


def parties_of(email: Email) -> QuerySet[ActivityParty]:
    """The rows of To, Cc and Bcc, in the order in which they were written."""
    return ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(Email),
        activity_id=email.pk,
        participation_type_mask__in=_ROLES,
    ).order_by("id")


def still_to_get_it(emails: Sequence[Email]) -> dict[UUID, tuple[str, ...]]:
    """For each email the addresses that no server has taken yet, each once: nobody is sent the same email twice."""
    found: defaultdict[UUID, dict[str, str]] = defaultdict(dict)
    rows = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(Email),
        activity_id__in=[email.pk for email in emails],
        participation_type_mask__in=_ROLES,
        delivery_state=R.NOT_SENT,
    )
    for activity_id, address in rows.order_by("id").values_list("activity_id", "address_used"):
        found[activity_id].setdefault(address.lower(), address)
    return {email.pk: tuple(found[email.pk].values()) for email in emails}


def note_taken(email: Email, refused: Iterable[Refused] = (), *, give_up: bool = True) -> DeliveryState:
    """The server has taken the email for all who wait for it but those `refused`; of these the temporary ones go on
    waiting, unless they are given up. Returns what is now known of the whole."""
    words = {one.address.lower(): one for one in refused}
    hold(email)
    for party in parties_of(email).filter(delivery_state=R.NOT_SENT):
        one = words.get(party.address_used.lower())
        party.delivery_state = R.ACCEPTED if one is None else R.REFUSED if one.permanent or give_up else R.NOT_SENT
        party.delivery_detail = _said(one) if one is not None else ""
        party.save(update_fields=["delivery_state", "delivery_detail"])
    return state_now(email)


def note_taken_by_all(email: Email) -> None:
    """The same where nobody was refused and nothing was known before: one statement, as it is the usual case. Call it
    after the email was moved."""
    _take(R.ACCEPTED, "", ContentType.objects.get_for_model(Email).pk, email.pk, R.NOT_SENT)


def note_refused(email: Email, refused: Iterable[Refused] = (), *, for_good: bool) -> DeliveryState:
    """The server has taken it for nobody of those who wait for it. What it said of each is kept; `for_good` ends it."""
    words = {one.address.lower(): one for one in refused}
    hold(email)
    for party in parties_of(email).filter(delivery_state=R.NOT_SENT):
        one = words.get(party.address_used.lower())
        party.delivery_state = R.REFUSED if for_good else R.NOT_SENT
        party.delivery_detail = _said(one) if one is not None else party.delivery_detail
        party.save(update_fields=["delivery_state", "delivery_detail"])
    return state_now(email)


def note_unknown(email: Email, refused: Iterable[Refused] = ()) -> None:
    """Nobody knows whether those who wait for it have got it, but those `refused` have not: for good, or for now. Who
    was put off goes on waiting with what the server said; whoever waits without words may have it."""
    words = {one.address.lower(): one for one in refused}
    for party in parties_of(email).filter(delivery_state=R.NOT_SENT):
        one = words.get(party.address_used.lower())
        state, detail = (R.NOT_SENT, "") if one is None else (R.REFUSED if one.permanent else R.NOT_SENT, _said(one))
        if (state, detail) != (party.delivery_state, party.delivery_detail):
            party.delivery_state, party.delivery_detail = state, detail
            party.save(update_fields=["delivery_state", "delivery_detail"])


def note_arrived(email: Email) -> tuple[DeliveryState, bool]:
    """What `note_unknown` left open is settled: those who may have it, have it. Returns what is now known of the whole,
    and whether somebody who was put off still waits for it."""
    waiting = parties_of(email).filter(delivery_state=R.NOT_SENT)
    waiting.filter(delivery_detail="").update(delivery_state=R.ACCEPTED)
    return state_now(email), waiting.exists()


def forget_refusals(email: Email) -> None:
    """It is sent again: those who were refused wait for it once more."""
    parties_of(email).filter(delivery_state=R.REFUSED).update(delivery_state=R.NOT_SENT, delivery_detail="")


def somebody_has_it(email: Email) -> bool:
    """Whether a server has taken it for at least one recipient."""
    return parties_of(email).exclude(delivery_state__in=[R.NOT_SENT, R.REFUSED]).exists()


def state_now(email: Email) -> DeliveryState:
    """What follows from the rows."""
    return state_from(set(parties_of(email).values_list("delivery_state", flat=True)))


def in_trouble(email: Email) -> list[ActivityParty]:
    """The recipients of whom there is something to tell: refused, came back, late, or still waiting with what was said."""
    rows = list(parties_of(email).exclude(delivery_detail=""))
    return [party for party in rows if party.delivery_state not in (R.DELIVERED, R.READ)]


def hold(email: Email) -> None:
    """Lock the email before its recipients, as everybody does who notes what a report says."""
    list(Email.objects.select_for_update().filter(pk=email.pk).values_list("pk"))


def _said(one: Refused) -> str:
    return f"{one.code} {one.words}".strip()[:LONGEST_DETAIL]
