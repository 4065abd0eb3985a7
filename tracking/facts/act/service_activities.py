"""What a service activity shows in the calendars of the users who render it (10.5)."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType

from profiles.act_items import Value
from tracking.crm.models import ActivityParty, Participation, ServiceAppointment
from tracking.decide.field_values import body_of_service, importance_of, plain_text, show_as_of
from tracking.facts.act.appointments import times_of
from tracking.facts.act.kinds import Syncing


def service_values(record: ServiceAppointment, syncing: Syncing | None = None) -> dict[str, Value]:
    """One service activity. Who takes part is told in the body, never as attendees: nobody can be mailed about it
    (10.5). Read it with its parties."""
    del syncing
    parties = list(record.parties.all())
    return {
        "subject": record.subject or None,
        "body": body_of_service(
            plain_text(record.description, is_html=False),
            names_in(parties, Participation.RESOURCE),
            names_in(parties, Participation.CUSTOMER),
            record.regarding_name,
        )
        or None,
        "location": record.location or None,
        "importance": importance_of(record.priority_code),
        "show_as": show_as_of(record.status_code),  # 10.2.1
        "is_private": record.is_mapi_private,
        **times_of(record),
    }


def names_in(parties: Iterable[ActivityParty], role: Participation) -> list[str]:
    """What those of one role are called, as it was when they were chosen."""
    found = (one.unresolved_party_name or one.address_used for one in parties if one.participation_type_mask == role)
    return sorted(name for name in found if name)


def renders(record: ServiceAppointment, user_id: int) -> bool:
    """Whether a user is among those who render it, and so has a copy (10.5)."""
    users = ContentType.objects.get_for_model(get_user_model()).pk
    return any(
        one.participation_type_mask == Participation.RESOURCE
        and one.party_type_id == users
        and one.party_id == str(user_id)
        for one in record.parties.all()
    )
