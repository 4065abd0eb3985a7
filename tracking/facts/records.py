"""Records that an email may be about, as far as somebody may see them: to be searched by name and chosen."""

from __future__ import annotations

from collections.abc import Callable
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

Models = Callable[[], list[type[Model]]]
MOST = 20
_NUMBER_OF_A_KIND = 10  # digits


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: the number that forms send, and what people call it."""

    type_id: int
    label: str


def subjects_of_mail() -> list[type[Model]]:
    """Our records and those of other applications that have an address; users and queues are no subject of mail."""
    return _by_name({*Record.__subclasses__(), *addresses.sources()} - {get_user_model(), Queue})


def parties_of_mail() -> list[type[Model]]:
    """Whom an address may stand for: every kind of record that has addresses (5.12)."""
    return _by_name(set(addresses.sources()))


def kinds_for(user: User | AnonymousUser, among: Models = subjects_of_mail) -> list[Kind]:
    """The kinds of which this person may see any: all of those they may open in the console, of others their own."""
    kinds = [model for model in among() if _visible(model, user) is not None]
    types = ContentType.objects.get_for_models(*kinds)
    return [Kind(types[model].pk, str(model._meta.verbose_name).capitalize()) for model in kinds]


def search(user: User | AnonymousUser, type_id: str, words: str, among: Models = subjects_of_mail) -> list[Model]:
    """Records of this kind that contain all these words in their texts, at most twenty; none without words."""
    found = _records_of(user, type_id, among)
    if found is None or not words.split():
        return []
    texts = [field.name for field in found.model._meta.concrete_fields if _is_text(field)]
    for word in words.split()[:5]:
        condition = Q()
        for text in texts:
            condition |= Q(**{f"{text}__icontains": word})
        found = found.filter(condition)
    return list(found[:MOST])


def record_for(
    user: User | AnonymousUser, type_id: str, record_id: str, among: Models = subjects_of_mail
) -> Model | None:
    """The record with this key, if this person may see it."""
    found = _records_of(user, type_id, among)
    if found is None:
        return None
    try:
        return found.filter(pk=record_id).first()
    except (ValueError, ValidationError):  # no key of this kind
        return None


def _records_of(user: User | AnonymousUser, type_id: str, among: Models) -> QuerySet[Any] | None:
    if not type_id.isdecimal() or len(type_id) > _NUMBER_OF_A_KIND:
        return None
    types = ContentType.objects.get_for_models(*among())
    model = next((model for model, kind in types.items() if kind.pk == int(type_id)), None)
    return None if model is None else _visible(model, user)


def _by_name(models: set[type[Model]]) -> list[type[Model]]:
    return sorted(models, key=lambda model: str(model._meta.verbose_name))


def _visible(model: type[Model], user: User | AnonymousUser) -> QuerySet[Any] | None:
    if user.pk is None:
        return None
    if user.is_active and user.is_staff and user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"):
        return _usable(model._default_manager.all())
    owner = next((field for field in model._meta.concrete_fields if field.name == "owner"), None)
    if owner is None or owner.related_model is not get_user_model():
        return None
    return model._default_manager.filter(owner_id=user.pk)


def _usable(records: QuerySet[Any]) -> QuerySet[Any]:
    """A disabled user is nobody any more (5.12)."""
    return records.filter(is_active=True) if records.model is get_user_model() else records


def _is_text(field: Any) -> bool:
    """Whether people may search in it; what is stored of a password is no text."""
    return isinstance(field, CharField) and not (field.choices or field.primary_key or field.name == "password")
