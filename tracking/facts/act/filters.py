"""The filters of a user, asked of the database: the same questions as `decide.filters.lets_through` (10.1 b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet

from tracking.crm.models import ActivityParty, Participation
from tracking.decide.field_maps import RecordKind
from tracking.decide.filters import (
    FILTER_FIELDS,
    ME,
    TEMPLATES,
    Asking,
    Condition,
    Together,
    Type,
    is_key,
    parse,
    time_range,
)
from tracking.facts.act.kinds import MODELS, Record
from tracking.models import SyncFilter, SyncProgress

_STATES = {"open": 0, "completed": 1, "canceled": 2, "scheduled": 3, "active": 0, "inactive": 1}
_PRIORITIES = {"low": 0, "normal": 1, "high": 2}
_CONTACT = {
    "email": ("email_address_1", "email_address_2", "email_address_3"),
    "company": ("parent_customer__name",),
    "city": ("address_1_city", "address_2_city", "address_3_city"),
    "country": ("address_1_country", "address_2_country", "address_3_country"),
}
_COLUMNS: Mapping[RecordKind, Mapping[str, tuple[str, ...]]] = {
    RecordKind.APPOINTMENT: {
        "start": ("scheduled_start",),
        "end": ("scheduled_end",),
        "is_private": ("is_mapi_private",),
    },
    RecordKind.SERIES: {
        "start": ("effective_start_date",),
        "end": ("effective_end_date",),
        "is_private": ("is_mapi_private",),
    },
    RecordKind.SERVICE: {
        "start": ("scheduled_start",),
        "end": ("scheduled_end",),
        "is_private": ("is_mapi_private",),
    },
    RecordKind.CONTACT: _CONTACT,
}
_TASK = {"start": ("scheduled_start",), "due": ("scheduled_end",)}
_SHARED = {
    "owner": ("owner_id",),
    "state": ("state_code",),
    "priority": ("priority_code",),
    "regarding": ("regarding_name",),
}
_ROLES = {
    "organizer": (Participation.ORGANIZER,),
    "attendees": (Participation.REQUIRED, Participation.OPTIONAL),
    "resources": (Participation.RESOURCE,),
    "participants": (Participation.ORGANIZER, Participation.REQUIRED, Participation.OPTIONAL),
}
_LOOKUPS = {"is": "iexact", "is_not": "iexact", "contains": "icontains", "begins_with": "istartswith"}


def filters_of(user_id: int, kind: RecordKind) -> list[Together]:
    """A user's active filters for one kind of record; before the first synchronization those that the user will be given.
    One that cannot be read any more lets nothing through."""
    found = _read(SyncFilter.objects.filter(owner_id=user_id), kind)
    return found if found or _has_begun(user_id) else _to_be_given(kind)


def _read(rows: QuerySet[SyncFilter], kind: RecordKind) -> list[Together]:
    found = []
    stored = rows.filter(record_kind=kind, is_active=True).order_by("pk").values_list("conditions", flat=True)
    for conditions in stored:
        with suppress(ValueError):
            found.append(parse(kind, conditions))
    return found


def _has_begun(user_id: int) -> bool:
    """Whether the user has, or had, filters of their own."""
    has_filters = SyncFilter.objects.filter(owner_id=user_id).exists()
    begun = SyncProgress.objects.filter(mailbox__regarding_user_id=user_id).exclude(crm_seen_until=None)
    return has_filters or begun.exists()


def _to_be_given(kind: RecordKind) -> list[Together]:
    """10.1 c: the organization's templates that are default, or those that we propose where it has none."""
    templates = SyncFilter.objects.filter(owner=None)
    if templates.exists():
        return _read(templates.filter(is_default=True), kind)
    return [one.conditions for one in TEMPLATES if one.kind is kind]


def wanted(kind: RecordKind, filters: Sequence[Together], asking: Asking) -> QuerySet[Record]:
    """The records that one of the filters lets through, as far as the user may see them; without a filter none (10.1 b).
    Service activities only go to those who render them (10.5)."""
    records: QuerySet[Record] = MODELS[kind]._default_manager.all()
    if kind is RecordKind.APPOINTMENT:
        records = records.filter(series=None)  # the others are part of their series
    if kind is RecordKind.SERVICE:
        records = records.filter(_take_part(kind, Condition("resources", "include", (ME,)), asking))
    if not filters:
        return records.none()
    any_of = Q()
    for one in filters:
        any_of |= condition_of(kind, one, asking)
    return records.filter(any_of & _open_to(kind, asking.me))


def _open_to(kind: RecordKind, me: str) -> Q:
    """A filter runs with the rights of its user: what they own or take part in, contacts that nobody owns as well, and
    all contacts where the console shows them to the user."""
    if kind is not RecordKind.CONTACT:
        return Q(owner_id=me) | Q(_in_any_role(kind, me))
    user = get_user_model().objects.filter(pk=me, is_active=True).first()
    if user is not None and user.is_staff and user.has_perm("crm.view_contact"):
        return Q()
    return Q(owner_id=me) | Q(owner=None)


def _in_any_role(kind: RecordKind, me: str) -> Exists:
    parties = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(MODELS[kind]),
        activity_id=OuterRef("pk"),
        party_type=ContentType.objects.get_for_model(get_user_model()),
        party_id=me,
    )
    return Exists(parties)


def condition_of(kind: RecordKind, part: Together | Condition, asking: Asking) -> Q:
    """One filter, or a part of it, as a condition of the database."""
    if isinstance(part, Condition):
        return _asked(kind, part, asking)
    parts = [condition_of(kind, one, asking) for one in part.parts]
    if not parts:
        return Q() if part.every else Q(pk__in=[])
    joined = parts[0]
    for one in parts[1:]:
        joined = joined & one if part.every else joined | one
    return joined


def _columns(kind: RecordKind, field: str) -> tuple[str, ...]:
    own: Mapping[str, tuple[str, ...]] = _COLUMNS.get(kind, _TASK)
    return own.get(field) or _SHARED.get(field) or (field,)


def _asked(kind: RecordKind, condition: Condition, asking: Asking) -> Q:
    type_, columns, operator = (
        FILTER_FIELDS[kind][condition.field].type,
        _columns(kind, condition.field),
        condition.operator,
    )
    if type_ is Type.PEOPLE:
        takes_part = Q(_take_part(kind, condition, asking))
        return ~takes_part if operator == "do_not_include" else takes_part
    if operator in ("is_empty", "is_set"):
        empty = _all_empty(type_, columns)
        return empty if operator == "is_empty" else ~empty
    if type_ is Type.MOMENT:
        first, before = time_range(condition, asking.now)
        bounds = {f"{columns[0]}__gte": first, f"{columns[0]}__lt": before}
        return Q(**{name: value for name, value in bounds.items() if value is not None})
    if type_ is Type.YES_NO:
        return Q(**{columns[0]: condition.values[0]})
    found = _any(type_, columns, condition, asking)
    return ~found if operator in ("is_not", "is_none_of") else found


def _any(type_: Type, columns: Sequence[str], condition: Condition, asking: Asking) -> Q:
    values: list[Any] = [asking.me if one == ME else one for one in condition.values]
    if type_ is Type.PERSON:
        return Q(**{f"{columns[0]}__in": [value for value in values if is_key(str(value))]})
    if type_ is Type.CHOICE:
        numbers = _PRIORITIES if condition.field == "priority" else _STATES
        return Q(**{f"{columns[0]}__in": [numbers[one] for one in values]})
    found = Q(pk__in=[])
    for column in columns:
        for value in values:
            found |= Q(**{f"{column}__{_LOOKUPS[condition.operator]}": value})
    return found


def _all_empty(type_: Type, columns: Sequence[str]) -> Q:
    empty = Q()
    for column in columns:
        one = Q(**{f"{column}__isnull": True})
        empty &= one if type_ is not Type.TEXT else one | Q(**{column: ""})
    return empty


def _take_part(kind: RecordKind, condition: Condition, asking: Asking) -> Exists:
    """Whether users take part: by the party that was resolved."""
    users = [asking.me if one == ME else one for one in condition.values]
    parties = ActivityParty.objects.filter(
        activity_type=ContentType.objects.get_for_model(MODELS[kind]),
        activity_id=OuterRef("pk"),
        participation_type_mask__in=_ROLES[condition.field],
        party_type=ContentType.objects.get_for_model(get_user_model()),
        party_id__in=[str(one) for one in users],
    )
    return Exists(parties)
