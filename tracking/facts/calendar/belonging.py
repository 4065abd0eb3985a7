"""Whose appointments, contacts and tasks they are: what a person owns, and what they take part in (10.1 c)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet

from tracking.crm.models import ActivityParty, Appointment, Participation
from tracking.decide.field_maps import RecordKind
from tracking.facts.act.kinds import MODELS, Record, content_type_of, kind_of
from tracking.facts.regarding import KeyAsText
from tracking.models import ExchangeSyncIdMapping

TAKING_PART = (Participation.REQUIRED, Participation.OPTIONAL, Participation.ORGANIZER)
MEETINGS = (RecordKind.APPOINTMENT, RecordKind.SERIES)
TO_DO = (RecordKind.TASK, RecordKind.PHONE_CALL, RecordKind.LETTER, RecordKind.FAX)


def records_of(user_id: int, kind: RecordKind) -> QuerySet[Any]:
    """The records of one kind that are this person's: owned, taken part in, or linked with an item in their mailbox."""
    model = MODELS[kind]
    mine = Q(owner_id=user_id) | _linked(user_id, kind)
    if kind in MEETINGS:
        mine |= Q(_takes_part(user_id, kind, TAKING_PART))
    if kind is RecordKind.SERVICE:
        mine |= Q(_takes_part(user_id, kind, (Participation.RESOURCE,)))
    return model._default_manager.filter(mine)


def _linked(user_id: int, kind: RecordKind) -> Q:
    rows = ExchangeSyncIdMapping.objects.filter(
        owner_id=user_id,
        object_type=content_type_of(kind),
        object_id=KeyAsText(OuterRef("pk")),
        is_unlinked_in_crm=False,
    )
    return Q(Exists(rows))


def _takes_part(user_id: int, kind: RecordKind, roles: tuple[Participation, ...]) -> Exists:
    return Exists(
        ActivityParty.objects.filter(
            activity_type=content_type_of(kind),
            activity_id=OuterRef("pk"),
            participation_type_mask__in=roles,
            party_type=ContentType.objects.get_for_model(get_user_model()),
            party_id=str(user_id),
        )
    )


def record_of(user_id: int, kind: RecordKind, pk: UUID) -> Record | None:
    """One record of this person, an occurrence that differs among those of its series; None for all others."""
    found: Record | None = records_of(user_id, kind).filter(pk=pk).first()
    if found is None and kind is RecordKind.APPOINTMENT:
        series = records_of(user_id, RecordKind.SERIES).values("pk")
        found = Appointment.objects.filter(pk=pk, series__in=series).first()
    return found


def may_change(user_id: int, record: Record) -> bool:
    """Owners change what is theirs, organizers their meetings; who was invited answers in their own calendar (10.2.4)."""
    kind = kind_of(record)
    if record.owner_id == user_id:
        return True
    organizes = _takes_part(user_id, kind, (Participation.ORGANIZER,))
    return kind in MEETINGS and type(record)._default_manager.filter(organizes, pk=record.pk).exists()


def people_of(kind: RecordKind, pk: UUID) -> list[ActivityParty]:
    """Who takes part: the organizer first, then those who are required, then the optional ones."""
    rows = ActivityParty.objects.filter(activity_type=content_type_of(kind), activity_id=pk)
    return list(rows.prefetch_related("party").order_by("-participation_type_mask", "id"))


def in_role(people: list[ActivityParty], role: Participation) -> list[ActivityParty]:
    """Those of them in one role."""
    return [one for one in people if one.participation_type_mask == role]
