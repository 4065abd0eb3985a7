"""Service activities: their columns from canonical values, and who renders them for whom (10.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from profiles.act_items import Fields
from tracking.crm.models import ActivityParty, Participation, ServiceAppointment
from tracking.decide.field_values import text_of_service
from tracking.facts.act.kinds import Syncing
from tracking.facts.act.service_activities import service_values
from tracking.keep.act.appointments import fill, read_anew


def set_service(record: ServiceAppointment, fields: Fields, syncing: Syncing) -> None:
    """Set what these fields say. Who takes part is no text: what a copy tells below the description is left out."""
    del syncing
    told = {**fields}
    if "body" in told:
        told["body"] = text_of_service(str(told["body"] or "")) or None
    is_new = record._state.adding
    usual: Fields = {"show_as": "busy", "importance": "normal", "is_all_day": False, "time_zone": "UTC"}
    fill(record, {**(usual if is_new else service_values(record)), **told}, {*usual, *told} if is_new else set(told))


def add_resource(record: ServiceAppointment, user_id: int) -> None:
    """Another user who renders it."""
    user = get_user_model().objects.get(pk=user_id)
    ActivityParty.objects.bulk_create(_parties(record, Participation.RESOURCE, [user]))
    read_anew(record)


def set_people(
    record: ServiceAppointment, role: Participation, people: Collection[Model], kept: Collection[int] = ()
) -> None:
    """Who renders it, or for whom, is exactly these; and parties of that role that whoever says so may not see."""
    kind = ContentType.objects.get_for_model(ServiceAppointment)
    rows = ActivityParty.objects.filter(activity_type=kind, activity_id=record.pk, participation_type_mask=role)
    rows.exclude(pk__in=kept).delete()
    ActivityParty.objects.bulk_create(_parties(record, role, people))
    read_anew(record)


def _parties(record: ServiceAppointment, role: Participation, people: Iterable[Any]) -> list[ActivityParty]:
    """The names are kept as they are now: a copy does not change because somebody’s name did."""
    kind = ContentType.objects.get_for_model(ServiceAppointment)
    return [
        ActivityParty(
            activity_type=kind,
            activity_id=record.pk,
            participation_type_mask=role,
            party_type=ContentType.objects.get_for_model(one),
            party_id=str(one.pk),
            unresolved_party_name=_called(one)[:200],
        )
        for one in people
    ]


def _called(one: Any) -> str:
    return str((one.get_full_name() if hasattr(one, "get_full_name") else "") or one)
