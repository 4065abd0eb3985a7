"""Records that an email may be about, as far as somebody may see them: to be searched by name and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import CharField, Model, Q, QuerySet

from mailboxes import addresses
from mailboxes.models import Queue
from tracking.crm.models.records import Record

MOST = 20
_NUMBER_OF_A_KIND = 10  # digits


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: the number that forms send, and what people call it."""

    type_id: int
    label: str


def kinds_for(user: User | AnonymousUser) -> list[Kind]:
    """The kinds of which this person may see any: all of those they may open in the console, of others their own."""
    kinds = [model for model in _models() if _visible(model, user) is not None]
    types = ContentType.objects.get_for_models(*kinds)
    return [Kind(types[model].pk, str(model._meta.verbose_name).capitalize()) for model in kinds]


def search(user: User | AnonymousUser, type_id: str, words: str) -> list[Model]:
    """Records of this kind that contain all these words in their texts, at most twenty; none without words."""
    found = _records_of(user, type_id)
    if found is None or not words.split():
        return []
    texts = [field.name for field in found.model._meta.concrete_fields if _is_text(field)]
    for word in words.split()[:5]:
        condition = Q()
        for text in texts:
            condition |= Q(**{f"{text}__icontains": word})
        found = found.filter(condition)
    return list(found[:MOST])


def record_for(user: User | AnonymousUser, type_id: str, record_id: str) -> Model | None:
    """The record with this key, if this person may see it."""
    found = _records_of(user, type_id)
    if found is None:
        return None
    try:
        return found.filter(pk=record_id).first()
    except (ValueError, ValidationError):  # no key of this kind
        return None


def _records_of(user: User | AnonymousUser, type_id: str) -> QuerySet[Any] | None:
    if not type_id.isdecimal() or len(type_id) > _NUMBER_OF_A_KIND:
        return None
    types = ContentType.objects.get_for_models(*_models())
    model = next((model for model, kind in types.items() if kind.pk == int(type_id)), None)
    return None if model is None else _visible(model, user)


def _models() -> list[type[Model]]:
    """Our records and those of other applications that have an address; users and queues are no subject of mail."""
    kinds = {*Record.__subclasses__(), *addresses.sources()} - {get_user_model(), Queue}
    return sorted(kinds, key=lambda kind: str(kind._meta.verbose_name))


def _visible(model: type[Model], user: User | AnonymousUser) -> QuerySet[Any] | None:
    if user.pk is None:
        return None
    if user.is_active and user.is_staff and user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"):
        return model._default_manager.all()
    owner = next((field for field in model._meta.concrete_fields if field.name == "owner"), None)
    if owner is None or owner.related_model is not get_user_model():
        return None
    return model._default_manager.filter(owner_id=user.pk)


def _is_text(field: Any) -> bool:
    return isinstance(field, CharField) and not field.choices and not field.primary_key
