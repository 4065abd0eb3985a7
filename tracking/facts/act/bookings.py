"""What takes a user's time here: appointments, occurrences of series and service activities (10.3.3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType

from mailboxes.models import Mailbox
from tracking.crm.models import ActivityParty, Participation
from tracking.decide.bookings import Booking, takes_time
from tracking.facts.act.kinds import Syncing
from tracking.facts.calendar.agenda import Entry, entries
from tracking.models import ExchangeSyncIdMapping, SyncQuestion, UserDecision

_DAY = timedelta(days=1)
_TAKING_PART = (Participation.ORGANIZER, Participation.REQUIRED, Participation.OPTIONAL, Participation.RESOURCE)


def bookings_of(syncing: Syncing, after: datetime, before: datetime, without: str = "") -> list[Booking]:
    """Everything that takes time of the user's between these two, but for the record `without`. What the user only owns,
    because others meet, takes none."""
    zone = ZoneInfo(syncing.zone)
    first, last = after.astimezone(zone).date(), before.astimezone(zone).date()
    found = [one for one in entries(syncing.user_id, first, last, zone) if takes_time(one.status)]
    others = _of_others({one.pk for one in found}, syncing)
    return [_booking(one) for one in found if one.pk not in others and str(one.pk) != without]


def is_asked_about_time(mailbox: Mailbox) -> bool:
    """Whether somebody still has to say whether something that overlaps is taken in."""
    rows = ExchangeSyncIdMapping.objects.filter(mailbox=mailbox, question__gt=0, user_decision=UserDecision.NONE)
    return rows.filter(question=SyncQuestion.SCHEDULING_CONFLICT).exists()


def _booking(entry: Entry) -> Booking:
    kind, key = entry.kind.value, str(entry.pk)
    if entry.is_all_day:
        return Booking(entry.first, entry.last + _DAY, kind, key)
    return Booking(entry.start, entry.end, kind, key)


def _of_others(keys: set[UUID], syncing: Syncing) -> set[UUID]:
    """Those in which others take part and the user does not; what is in the user's calendar is not among them."""
    parties = ActivityParty.objects.filter(activity_id__in=keys, participation_type_mask__in=_TAKING_PART)
    users = ContentType.objects.get_for_model(get_user_model())
    mine = parties.filter(party_type=users, party_id=str(syncing.user_id)).values_list("activity_id", flat=True)
    addressed = parties.filter(address_used__iexact=syncing.address).exclude(address_used="")
    linked = ExchangeSyncIdMapping.objects.filter(
        mailbox=syncing.mailbox, object_id__in=[str(key) for key in keys], is_unlinked_in_crm=False
    )
    there = {UUID(key) for key in linked.exclude(exchange_entry_id="").values_list("object_id", flat=True)}
    taken = set(mine) | set(addressed.values_list("activity_id", flat=True)) | there
    return set(parties.values_list("activity_id", flat=True)) - taken
